package channel

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func hours(t testing.TB, text string) Hours {
	t.Helper()
	var h Hours
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		t.Fatal(err)
	}
	if err := h.Check(); err != nil {
		t.Fatal(err)
	}
	return h
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

const (
	office = `{"week":{"mon":["09:00-12:00","13:30-18:00"],"tue":["09:00-12:00","13:30-18:00"],"wed":["09:00-12:00","13:30-18:00"],
		"thu":["09:00-12:00","13:30-18:00"],"fri":["09:00-12:00","13:30-18:00"]},
		"special":[{"date":"2026-10-01","until":"2026-10-07","name":{"zh":"国庆节"}},{"date":"2026-10-10","spans":["09:00-17:00"]}]}`
	night  = `{"week":{"mon":["22:00-06:00"],"sat":["22:00-06:00"],"sun":["00:30-24:00"]}}`
	allDay = `{"week":{"sun":["00:00-24:00"],"mon":["00:00-24:00"]}}`
	early  = `{"week":{"sun":["02:30-10:00"]}}`
	late   = `{"week":{"sat":["20:00-02:30"]}}`
	twice  = `{"week":{"sun":["01:30-05:00"]}}`
)

// TestOpen and its table: when people are at work, and when they are next.
func TestOpen(t *testing.T) {
	for _, c := range []struct {
		why, hours, zone, at string // at: RFC 3339
		open                 bool
		next                 string // empty: never
	}{
		{"no hours set", `{}`, "Asia/Shanghai", "2026-10-03T03:00:00+08:00", true, "2026-10-03T03:00:00+08:00"},
		{"first minute", office, "Asia/Shanghai", "2026-11-23T09:00:00+08:00", true, "2026-11-23T09:00:00+08:00"},
		{"before it", office, "Asia/Shanghai", "2026-11-23T08:59:59+08:00", false, "2026-11-23T09:00:00+08:00"},
		{"noon break", office, "Asia/Shanghai", "2026-11-23T12:00:00+08:00", false, "2026-11-23T13:30:00+08:00"},
		{"second shift", office, "Asia/Shanghai", "2026-11-23T17:59:59+08:00", true, "2026-11-23T17:59:59+08:00"},
		{"after work", office, "Asia/Shanghai", "2026-11-23T18:00:00+08:00", false, "2026-11-24T09:00:00+08:00"},
		{"weekend", office, "Asia/Shanghai", "2026-11-21T10:00:00+08:00", false, "2026-11-23T09:00:00+08:00"},
		{"asked from another zone", office, "Asia/Shanghai", "2026-11-23T01:30:00Z", true, "2026-11-23T01:30:00Z"},
		{"holiday over a week", office, "Asia/Shanghai", "2026-09-30T18:00:00+08:00", false, "2026-10-08T09:00:00+08:00"},
		{"first holiday", office, "Asia/Shanghai", "2026-10-01T10:00:00+08:00", false, "2026-10-08T09:00:00+08:00"},
		{"last holiday", office, "Asia/Shanghai", "2026-10-07T10:00:00+08:00", false, "2026-10-08T09:00:00+08:00"},
		{"a Saturday that is worked", office, "Asia/Shanghai", "2026-10-10T12:30:00+08:00", true, "2026-10-10T12:30:00+08:00"},
		{"night shift before midnight", night, "Asia/Shanghai", "2026-11-23T23:30:00+08:00", true, "2026-11-23T23:30:00+08:00"},
		{"night shift after midnight", night, "Asia/Shanghai", "2026-11-24T05:59:00+08:00", true, "2026-11-24T05:59:00+08:00"},
		{"night shift over", night, "Asia/Shanghai", "2026-11-24T06:00:00+08:00", false, "2026-11-28T22:00:00+08:00"},
		{"until 24:00", night, "Asia/Shanghai", "2026-11-22T23:59:59+08:00", true, "2026-11-22T23:59:59+08:00"},
		{"24:00 is over", night, "Asia/Shanghai", "2026-11-23T00:00:00+08:00", false, "2026-11-23T22:00:00+08:00"},
		{"only a holiday set", `{"special":[{"date":"2026-12-25"}]}`, "Europe/London", "2026-12-25T12:00:00Z", false, "2026-12-26T00:00:00Z"},
		{"never", `{"week":{"mon":[]}}`, "Asia/Shanghai", "2026-11-23T12:00:00+08:00", false, ""},

		// New York, 8 March 2026: 02:00 EST becomes 03:00 EDT.
		{"spring: the shift begins in the hour left out", early, "America/New_York", "2026-03-08T01:59:59-05:00", false, "2026-03-08T03:00:00-04:00"},
		{"spring: begun at the jump", early, "America/New_York", "2026-03-08T03:00:00-04:00", true, "2026-03-08T03:00:00-04:00"},
		{"spring: the shift ends in the hour left out", late, "America/New_York", "2026-03-08T01:59:59-05:00", true, "2026-03-08T01:59:59-05:00"},
		{"spring: ended at the jump", late, "America/New_York", "2026-03-08T03:00:00-04:00", false, "2026-03-14T20:00:00-04:00"},
		{"spring: a day of 23 hours", allDay, "America/New_York", "2026-03-08T23:59:59-04:00", true, "2026-03-08T23:59:59-04:00"},
		// 1 November 2026: 02:00 EDT becomes 01:00 EST.
		{"autumn: begins at the first 01:30", twice, "America/New_York", "2026-11-01T01:00:00-04:00", false, "2026-11-01T01:30:00-04:00"},
		{"autumn: stays open when the clock goes back", twice, "America/New_York", "2026-11-01T01:10:00-05:00", true, "2026-11-01T01:10:00-05:00"},
		{"autumn: a night shift gets its hour more", late, "America/New_York", "2026-11-01T01:30:00-05:00", true, "2026-11-01T01:30:00-05:00"},
		{"autumn: a day of 25 hours", allDay, "America/New_York", "2026-11-01T23:59:59-05:00", true, "2026-11-01T23:59:59-05:00"},
		// Beirut, 29 March 2026: midnight itself is left out.
		{"no midnight", allDay, "Asia/Beirut", "2026-03-28T23:59:59+02:00", false, "2026-03-29T01:00:00+03:00"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		h, z := hours(t, c.hours), zone(t, c.zone)
		if got := h.Open(at, z); got != c.open {
			t.Errorf("%s: open is %v", c.why, got)
		}
		next, ok := h.NextOpen(at, z)
		if !ok || c.next == "" {
			if ok != (c.next != "") {
				t.Errorf("%s: next open is %v, %v; want %q", c.why, next, ok, c.next)
			}
			continue
		}
		if want, err := time.Parse(time.RFC3339, c.next); err != nil || !next.Equal(want) {
			t.Errorf("%s: next open is %v, want %s", c.why, next.In(z), c.next)
		}
	}
}

// TestAnyHours holds for all hours, zones and times: a wall clock inside a shift means open, NextOpen is open and nothing
// before it is.
func TestAnyHours(t *testing.T) {
	names := []string{"Asia/Shanghai", "America/New_York", "Europe/London", "Asia/Beirut", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"}
	rapid.Check(t, func(t *rapid.T) {
		z, err := time.LoadLocation(rapid.SampledFrom(names).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		h := Hours{Week: Week{}}
		for _, name := range weekdays {
			for range rapid.IntRange(0, 2).Draw(t, "shifts") {
				from := rapid.IntRange(0, day-1).Draw(t, "from")
				h.Week[name] = append(h.Week[name], Span{from, from + rapid.IntRange(1, day).Draw(t, "length")})
			}
		}
		at := time.Unix(rapid.Int64Range(1577836800, 1830297600).Draw(t, "at"), 0).In(z) // 2020 to 2027
		m := at.Hour()*60 + at.Minute()
		for _, s := range h.Week[weekdays[at.Weekday()]] {
			if m >= s.From && m < s.To && !h.Open(at, z) {
				t.Fatalf("closed at %v within %v", at, s)
			}
		}
		next, ok := h.NextOpen(at, z)
		if !ok {
			for _, spans := range h.Week {
				if len(spans) > 0 {
					t.Fatalf("never open although there are shifts: %v", h)
				}
			}
			return
		}
		if next.Before(at) || !h.Open(next, z) {
			t.Fatalf("next open after %v is %v, which is not open", at, next)
		}
		if h.Open(at, z) && !next.Equal(at) {
			t.Fatalf("open now, but next is %v", next)
		}
		for u := at; u.Before(next); u = u.Add(37 * time.Minute) {
			if h.Open(u, z) {
				t.Fatalf("open at %v, before %v", u, next)
			}
		}
	})
}

func TestHoursAsJSON(t *testing.T) {
	h := hours(t, office)
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if again := hours(t, string(b)); again.String() != h.String() || len(again.Special) != 2 {
		t.Errorf("%s came back as %s", h, again)
	}
	for _, bad := range []string{
		`{"week":{"mon":["9-18"]}}`, `{"week":{"mon":["25:00-26:00"]}}`, `{"week":{"mon":["09:00-24:01"]}}`, `{"week":{"monday":["09:00-18:00"]}}`,
		`{"special":[{"date":"2026-13-01"}]}`, `{"special":[{"date":"2026-10-07","until":"2026-10-01"}]}`, `{"special":[{}]}`,
	} {
		var h Hours
		if err := json.Unmarshal([]byte(bad), &h); err == nil && h.Check() == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func FuzzSpan(f *testing.F) {
	f.Add("09:00-18:00")
	f.Add("22:00-24:00")
	f.Fuzz(func(t *testing.T, text string) {
		var s Span
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := checkSpans("x", []Span{s}); err != nil {
			t.Fatalf("%q was read as %v, which is refused", text, s)
		}
		back, err := s.MarshalText()
		var again Span
		if err != nil || again.UnmarshalText(back) != nil || again != s {
			t.Fatalf("%q became %v, %s, %v", text, s, back, again)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	h, z := hours(b, office), zone(b, "Asia/Shanghai")
	at := time.Date(2026, 11, 23, 15, 0, 0, 0, z)
	b.ReportAllocs()
	for b.Loop() {
		h.Open(at, z)
	}
}
