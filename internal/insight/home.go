package insight

import (
	"context"
	"fmt"
	"strings"
	"time"

	"frontdesk"
)

// Figures are what happened in a stretch of time. Confirmed, assumed, handed over, left and not known are how closed
// conversations ended, and are never added up to one rate of success.
type Figures struct {
	Conversations int64    `json:"conversations"` // opened
	Messages      int64    `json:"messages"`      // of customers
	Turns         int64    `json:"turns"`         // of the bot; one may answer several questions
	Answered      int64    `json:"answered"`      // questions answered from knowledge
	Clarified     int64    `json:"clarified"`     // questions the bot asked back about
	Guided        int64    `json:"guided"`        // steps of flows
	Unknown       int64    `json:"unknown"`       // questions the bot did not know
	HandedOver    int64    `json:"handed_over"`   // from the bot to people
	Solved        int64    `json:"solved"`        // answers that the customer called solving
	Unsolved      int64    `json:"unsolved"`      // and not solving
	Closed        Outcomes `json:"closed"`
	First         Waits    `json:"first_response"`
}

// Outcomes are how closed conversations ended.
type Outcomes struct {
	Total      int64 `json:"total"`
	Confirmed  int64 `json:"confirmed"`
	Assumed    int64 `json:"assumed"`
	HandedOver int64 `json:"handed_over"`
	Left       int64 `json:"left"`
	Unknown    int64 `json:"unknown"`
}

// Waits are the times from what a customer wrote to the bot's reply, by turns. The median is read off a histogram, so it is
// right to its bucket only.
type Waits struct {
	Count    int64   `json:"count"`
	MeanMS   float64 `json:"mean_ms"`
	MedianMS float64 `json:"median_ms"`
	MaxMS    float64 `json:"max_ms"`
}

// Day is a day in the zone that was asked for.
type Day struct {
	Date string `json:"date"` // 2026-01-31
	Figures
}

// Home is what the home page shows.
type Home struct {
	Today     Figures      `json:"today"`
	Yesterday Figures      `json:"yesterday"`
	Total     Figures      `json:"total"` // from..to
	Days      []Day        `json:"days"`  // every day of from..to, also empty ones
	Hours     [7][24]int64 `json:"hours"` // conversations opened, by weekday (0 is Sunday) and hour of the day
	AsOf      int64        `json:"as_of"` // what happened until then is counted
}

// MaxHomeDays bounds how long a stretch Home looks at.
const MaxHomeDays = 400

// Home reads the figures of the days from..to (both included, by their date in zone), of one site or, with site "", of all.
// Figures are kept by full hours in UTC: in a zone that is off by a half hour, its days begin half an hour early.
func (in *Insight) Home(ctx context.Context, tenant, site string, from, to time.Time, zone *time.Location) (Home, error) {
	if zone == nil {
		zone = time.UTC
	}
	now := in.db.Now().In(zone)
	today, first, last := dayOf(now), dayOf(from.In(zone)), dayOf(to.In(zone))
	switch {
	case last.Before(first):
		return Home{}, frontdesk.InvalidField("to", "is before from")
	case last.Sub(first) > MaxHomeDays*24*time.Hour:
		return Home{}, frontdesk.InvalidField("from", "is more than %d days before to", MaxHomeDays)
	}
	yesterday := today.AddDate(0, 0, -1)

	h := Home{Days: []Day{}}
	var total, todays, yesterdays counts
	days := map[string]*counts{}
	low, high := first, last.AddDate(0, 0, 1)
	if yesterday.Before(low) {
		low = yesterday
	}
	if end := today.AddDate(0, 0, 1); end.After(high) {
		high = end
	}
	err := in.hours(ctx, tenant, site, low, high, func(hour time.Time, c *counts) {
		local := hour.In(zone)
		switch day := dayOf(local); {
		case day.Equal(today):
			todays.add(c)
		case day.Equal(yesterday):
			yesterdays.add(c)
		}
		if local.Before(first) || !local.Before(last.AddDate(0, 0, 1)) {
			return
		}
		date := local.Format(time.DateOnly)
		if days[date] == nil {
			days[date] = &counts{}
		}
		days[date].add(c)
		total.add(c)
		h.Hours[local.Weekday()][local.Hour()] += c[conversations]
	})
	if err != nil {
		return Home{}, err
	}
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		date := day.Format(time.DateOnly)
		c := days[date]
		if c == nil {
			c = &counts{}
		}
		h.Days = append(h.Days, Day{date, c.figures()})
	}
	if h.AsOf, err = in.asOf(ctx, now); err != nil {
		return Home{}, err
	}
	h.Today, h.Yesterday, h.Total = todays.figures(), yesterdays.figures(), total.figures()
	return h, nil
}

// asOf is now if nothing waits to be counted, else the time of the newest event that is.
func (in *Insight) asOf(ctx context.Context, now time.Time) (int64, error) {
	lag, err := in.db.Lag(ctx)
	if err != nil {
		return 0, fmt.Errorf("read how far the figures are: %w", err)
	}
	if waiting, started := lag[consumerName]; started && waiting <= 0 {
		return now.UnixMicro(), nil
	}
	var at int64
	if err := in.db.QueryRow(ctx, "SELECT coalesce(max(at), 0) FROM insight_seen").Scan(&at); err != nil {
		return 0, fmt.Errorf("read how far the figures are: %w", err)
	}
	return at, nil
}

func dayOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

var selectHours = func() string {
	var sums []string
	for _, c := range columns[:firstMax] {
		sums = append(sums, "CAST(sum("+c+") AS BIGINT)") // PostgreSQL adds BIGINT up to NUMERIC
	}
	return "SELECT hour, " + strings.Join(sums, ", ") + ", max(first_max_us) FROM insight_hour " +
		"WHERE tenant = $1 AND hour >= $2 AND hour < $3 AND ($4 = '' OR site = $4) GROUP BY hour ORDER BY hour"
}()

// hours calls fn for each hour that has figures and begins in from..to.
func (in *Insight) hours(ctx context.Context, tenant, site string, from, to time.Time, fn func(time.Time, *counts)) error {
	rows, err := in.db.Query(ctx, selectHours, tenant, from.UnixMicro(), to.UnixMicro(), site)
	if err != nil {
		return fmt.Errorf("read figures: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var hour int64
		var c counts
		dest := []any{&hour}
		for i := range c {
			dest = append(dest, &c[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("read figures: %w", err)
		}
		fn(frontdesk.FromMicros(hour), &c)
	}
	return rows.Err()
}

func (c *counts) figures() Figures {
	f := Figures{
		Conversations: c[conversations], Messages: c[messages], Turns: c[turns], Answered: c[answered], Clarified: c[clarified], Guided: c[guided], Unknown: c[unknown],
		HandedOver: c[handedOver], Solved: c[solved], Unsolved: c[unsolved],
		Closed: Outcomes{c[closed], c[endConfirmed], c[endAssumed], c[endHanded], c[endLeft], c[endUnknown]},
		First:  Waits{Count: c[firstCount], MaxMS: float64(c[firstMax]) / 1000},
	}
	if n := c[firstCount]; n > 0 {
		f.First.MeanMS = float64(c[firstSum]) / float64(n) / 1000
		f.First.MedianMS = c.median() / 1000
	}
	return f
}

// median of the first responses, in microseconds, as if those of a bucket were spread evenly over it.
func (c *counts) median() float64 {
	half := float64(c[firstCount]) / 2
	low := 0.0
	for i := range len(firstBounds) + 1 {
		high := float64(c[firstMax])
		if i < len(firstBounds) {
			high = min(high, float64(firstBounds[i]))
		}
		n := float64(c[firstBuckets+i])
		if half <= n && n > 0 {
			return low + (high-low)*half/n
		}
		half -= n
		low = high
	}
	return low
}
