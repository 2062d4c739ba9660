package channel

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"frontdesk"
)

// Hours says when people are at work on a site: a week, and the days that differ from it. The zero Hours is always open.
// All times are of the wall clock in the site's zone, so they move with summer time.
type Hours struct {
	Week    Week         `json:"week,omitempty" doc:"Shifts of an ordinary week; empty together with special: always open"`
	Special []SpecialDay `json:"special,omitempty" maxItems:"366" doc:"Holidays and days with other shifts; the first that matches a date counts"`
}

// Week holds the shifts of each day, keyed mon..sun. A day that is missing is closed.
type Week map[string][]Span

// SpecialDay replaces the week's shifts on a date or a range of dates. Without spans it is a holiday.
type SpecialDay struct {
	Date  string              `json:"date" doc:"YYYY-MM-DD"`
	Until string              `json:"until,omitempty" doc:"Last day of a range, YYYY-MM-DD"`
	Name  frontdesk.Localized `json:"name,omitempty"`
	Spans []Span              `json:"spans,omitempty" maxItems:"12"`
}

// Span is one shift from From up to but not including To, in minutes after midnight of the day it begins on. A shift that
// runs into the next day has To above 1440. In JSON it is "09:00-12:00"; "22:00-06:00" runs into the next day.
type Span struct{ From, To int }

const day = 24 * 60

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// MarshalText writes "09:00-18:00".
func (s Span) MarshalText() ([]byte, error) {
	to := s.To
	if to > day {
		to -= day
	}
	return fmt.Appendf(nil, "%02d:%02d-%02d:%02d", s.From/60, s.From%60, to/60, to%60), nil
}

var spanText = regexp.MustCompile(`^([0-2][0-9]):([0-5][0-9])-([0-2][0-9]):([0-5][0-9])$`)

// UnmarshalText reads "09:00-18:00"; the end may be 24:00.
func (s *Span) UnmarshalText(b []byte) error {
	m := spanText.FindSubmatch(b)
	if m == nil {
		return fmt.Errorf("a shift is written HH:MM-HH:MM")
	}
	n := func(i int) int { v, _ := strconv.Atoi(string(m[i])); return v }
	from, to := n(1)*60+n(2), n(3)*60+n(4)
	if from >= day || to > day {
		return fmt.Errorf("a shift begins between 00:00 and 23:59 and ends by 24:00")
	}
	if to <= from {
		to += day
	}
	s.From, s.To = from, to
	return nil
}

// always reports whether no hours were set.
func (h Hours) always() bool { return len(h.Week) == 0 && len(h.Special) == 0 }

// on returns the shifts that begin on a date.
func (h Hours) on(date time.Time) []Span {
	if len(h.Special) > 0 {
		d := date.Format(time.DateOnly)
		for _, s := range h.Special {
			if d == s.Date || d > s.Date && d <= s.Until {
				return s.Spans
			}
		}
	}
	if len(h.Week) == 0 { // only holidays were set
		return []Span{{0, day}}
	}
	return h.Week[weekdays[date.Weekday()]]
}

// Open reports whether a shift is under way. Where the clock goes back over the end of a shift, the shift ends at the
// second passing; where it jumps over a begin, the shift begins at the jump.
func (h Hours) Open(at time.Time, zone *time.Location) bool {
	if h.always() {
		return true
	}
	today := midday(at.In(zone))
	for _, date := range [...]time.Time{today, today.AddDate(0, 0, -1)} { // yesterday's shift may run on
		for _, s := range h.on(date) {
			from, _ := instants(date, s.From, zone)
			_, to := instants(date, s.To, zone)
			if !at.Before(from) && at.Before(to) {
				return true
			}
		}
	}
	return false
}

// NextOpen returns the first moment from at on when Open holds: at itself if it does now. It is false if that is not
// within 400 days.
func (h Hours) NextOpen(at time.Time, zone *time.Location) (time.Time, bool) {
	if h.Open(at, zone) {
		return at, true
	}
	date := midday(at.In(zone))
	for range 400 {
		var best time.Time
		for _, s := range h.on(date) {
			from, _ := instants(date, s.From, zone)
			_, to := instants(date, s.To, zone)
			if from.After(at) && from.Before(to) && (best.IsZero() || from.Before(best)) {
				best = from
			}
		}
		if !best.IsZero() {
			return best.In(zone), true
		}
		date = date.AddDate(0, 0, 1)
	}
	return time.Time{}, false
}

// midday names a date by a time that exists in every zone, kept in UTC so that adding days is exact.
func midday(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC)
}

// instants returns the first and the last moment at which the wall clock of zone shows minute (of the date, may be over
// 1440). They differ only in the hour that autumn repeats; for a minute that spring leaves out both are the jump.
func instants(date time.Time, minute int, zone *time.Location) (first, last time.Time) {
	y, m, d := date.Date()
	want := time.Date(y, m, d, 0, minute, 0, 0, time.UTC)
	t := time.Date(y, m, d, 0, minute, 0, 0, zone)
	start, end := t.ZoneBounds()
	if shown := wall(t); shown.After(want) { // left out: t lies after the jump
		return start, start
	} else if shown.Before(want) { // .. or before it
		return end, end
	}
	first, last = t, t
	_, offset := t.Zone()
	if !start.IsZero() {
		_, before := start.Add(-time.Second).Zone()
		if u := t.Add(time.Duration(offset-before) * time.Second); u.Before(start) {
			first = u
		}
	}
	if !end.IsZero() {
		_, after := end.Zone()
		if u := t.Add(time.Duration(offset-after) * time.Second); !u.Before(end) {
			last = u
		}
	}
	return first, last
}

// wall is what the clock shows at t, as if it were UTC.
func wall(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// Check names the first thing that is wrong with the hours.
func (h Hours) Check() error {
	for name, spans := range h.Week {
		known := false
		for _, w := range weekdays {
			known = known || w == name
		}
		if !known {
			return frontdesk.InvalidField("hours.week", "The days of a week are mon, tue, wed, thu, fri, sat and sun.")
		}
		if err := checkSpans("hours.week."+name, spans); err != nil {
			return err
		}
	}
	if len(h.Special) > 366 {
		return frontdesk.InvalidField("hours.special", "At most 366 special days can be kept.")
	}
	for i, s := range h.Special {
		field := "hours.special[" + strconv.Itoa(i) + "]"
		if _, err := time.Parse(time.DateOnly, s.Date); err != nil {
			return frontdesk.InvalidField(field+".date", "A date is written YYYY-MM-DD.")
		}
		if s.Until != "" {
			if _, err := time.Parse(time.DateOnly, s.Until); err != nil || s.Until < s.Date {
				return frontdesk.InvalidField(field+".until", "The last day is written YYYY-MM-DD and not before the first.")
			}
		}
		if err := checkSpans(field+".spans", s.Spans); err != nil {
			return err
		}
	}
	return nil
}

func checkSpans(field string, spans []Span) error {
	if len(spans) > 12 {
		return frontdesk.InvalidField(field, "A day has at most 12 shifts.")
	}
	for _, s := range spans {
		if s.From < 0 || s.From >= day || s.To <= s.From || s.To > s.From+day {
			return frontdesk.InvalidField(field, "A shift is written HH:MM-HH:MM.")
		}
	}
	return nil
}

// String lists the week for people reading a log or a test.
func (h Hours) String() string {
	if h.always() {
		return "always"
	}
	var b strings.Builder
	for _, name := range weekdays {
		for _, s := range h.Week[name] {
			text, _ := s.MarshalText()
			fmt.Fprintf(&b, "%s %s ", name, text)
		}
	}
	return strings.TrimSpace(b.String())
}
