package load

import (
	"context"
	"fmt"
	"math"
	"time"
)

// PathOptions are the settings of Path.
type PathOptions struct {
	Common
	Rate       float64
	Seconds    float64
	Entries    int    // synthetic knowledge beside the demo's
	Profile    string // file for a processor profile of the measured time
	Saturation bool   // look for the saturation
	Overload   float64
	Minutes    float64
}

// PathReport is the result of Path. Latencies count from the instant a message was due; floor_ms is the bare writer's at
// the same rate in the same run; lost, duplicated and reordered are over everything that was said, the search for the
// saturation included.
type PathReport struct {
	Sent           int             `json:"sent"`
	Acked          int             `json:"acked"`
	Replied        int             `json:"replied"`
	Answered       int             `json:"answered"`
	Lost           int             `json:"lost"`
	Duplicated     int             `json:"duplicated"`
	Reordered      int             `json:"reordered"`
	Ack            Quantiles       `json:"ack_ms"`
	Reply          Quantiles       `json:"reply_ms"`
	Floor          Quantiles       `json:"floor_ms"`
	CPUPerMessage  float64         `json:"cpu_us_per_message"`
	Steal          float64         `json:"steal_percent"`
	SaturationPerS float64         `json:"saturation_per_s"`
	OverloadReport *OverloadReport `json:"overload,omitempty"`
}

// OverloadReport is what customers saw while far more of them spoke than the server could serve.
type OverloadReport struct {
	Seconds          float64   `json:"seconds"`
	OfferedPerS      float64   `json:"offered_per_s"`
	AcceptedPerS     float64   `json:"accepted_per_s"`
	RefusedPerS      float64   `json:"refused_per_s"`
	NotSentPerS      float64   `json:"not_sent_per_s"` // customers who were still told to wait
	RefusedNoHint    int       `json:"refused_without_hint"`
	Unreplied        int       `json:"unreplied"`
	Ack              Quantiles `json:"ack_ms"`
	Reply            Quantiles `json:"reply_ms"`
	SaturationReply  Quantiles `json:"saturation_reply_ms"`
	P99OverSaturated float64   `json:"p99_over_saturated"`
}

const (
	segment     = 5.0 // seconds that path and floor take turns for
	heldSeconds = 5.0
	heldP99     = 100 * time.Millisecond
	mostPeople  = 15000 // customers of one loader: below the hard limit of open files
)

// people is how many customers a rate needs so that each speaks at most once a second and has its reply first.
func people(rate float64) int { return min(int(rate*1.25)+100, mostPeople) }

// path is one run of Path.
type path struct {
	opt    PathOptions
	server *Server
	fleet  *Remote
	online int
}

// Path measures the path of a message from the customers' side.
func Path(ctx context.Context, opt PathOptions) (report PathReport, err error) {
	opt.say("server: demo company and %d more entries", opt.Entries)
	shop, err := opt.company(ctx, "path", opt.Entries)
	if err != nil {
		return report, err
	}
	defer shop.drop()
	server := shop.server
	defer server.Stop()
	defer func() {
		if err != nil {
			err = server.blame(err)
		}
	}()
	if err := opt.calm(ctx, server.Pid); err != nil {
		return report, err
	}
	fleet, err := opt.fleet(ctx, Options{Addr: server.Addr, Wordings: opt.Wordings, Seed: 1})
	if err != nil {
		return report, err
	}
	defer fleet.Close()
	floor, dropFloor, err := opt.startFloor(ctx)
	if err != nil {
		return report, err
	}
	defer dropFloor()

	p := &path{opt: opt, server: server, fleet: fleet}
	if err := p.measure(ctx, floor, &report); err != nil {
		return report, err
	}
	var saturated Tally
	if opt.Saturation || opt.Overload > 0 {
		if report.SaturationPerS, saturated, err = p.saturation(ctx, opt.Rate); err != nil {
			return report, err
		}
	}
	if opt.Overload > 0 && report.SaturationPerS > 0 {
		if report.OverloadReport, err = p.overload(ctx, report.SaturationPerS, saturated); err != nil {
			return report, err
		}
	}
	opt.say("reading every conversation back")
	var verdict Verdict
	if err := fleet.Call(ctx, "Verify", None{}, &verdict); err != nil {
		return report, err
	}
	opt.say("%d conversations: %d lost, %d without a reply, %d replies not delivered, %d duplicated, %d reordered", verdict.Conversations,
		verdict.Lost, verdict.Unanswered, verdict.Undelivered, verdict.Duplicated, verdict.Reordered)
	for _, e := range verdict.Examples {
		opt.say("  %s", e)
	}
	// To the customer a missing reply is as lost as a missing message.
	report.Lost = verdict.Lost + verdict.Unanswered + verdict.Undelivered
	report.Duplicated, report.Reordered = verdict.Duplicated, verdict.Reordered
	if verdict.Lost+verdict.Unanswered+verdict.Undelivered+verdict.Duplicated+verdict.Reordered > 0 {
		opt.say("the server's log is kept as %s", keepLog(shop.dir))
	}
	return report, nil
}

// startFloor starts the bare writer on a database of its own.
func (c *Common) startFloor(ctx context.Context) (*Remote, func(), error) {
	place, err := c.fresh(ctx, "floor")
	if err != nil {
		return nil, nil, err
	}
	floor, err := startRemote(ctx, "Floor", c.Log, nil, c.Floor...)
	if err != nil {
		place.drop()
		return nil, nil, err
	}
	drop := func() {
		floor.Close()
		place.drop()
	}
	if err := floor.Call(ctx, "Open", FloorOptions{place.dir, place.url}, nil); err != nil {
		drop()
		return nil, nil, err
	}
	return floor, drop, nil
}

// grow connects as many customers as the rate needs.
func (p *path) grow(ctx context.Context, rate float64) error {
	n := people(rate)
	if n <= p.online {
		return nil
	}
	start := time.Now()
	if err := p.fleet.Call(ctx, "Grow", n, nil); err != nil {
		return err
	}
	p.opt.say("%d customers connected, %d of them in %.1f s", n, n-p.online, time.Since(start).Seconds())
	p.online = n
	return p.opt.calm(ctx, p.server.Pid)
}

// run sends at a rate and waits for the replies.
func (p *path) run(ctx context.Context, pace Pace) (t Tally, err error) {
	err = p.fleet.Call(ctx, "Run", Drive{Pace: pace, Drain: 10}, &t)
	return t, err
}

// measure fills the report with the path and the floor at the wanted rate, by turns.
func (p *path) measure(ctx context.Context, floor *Remote, report *PathReport) error {
	opt := p.opt
	if err := p.grow(ctx, opt.Rate); err != nil {
		return err
	}
	warm := Pace{Rate: min(opt.Rate, 500), Seconds: 2}
	if _, err := p.run(ctx, warm); err != nil {
		return err
	}
	if err := floor.Call(ctx, "Run", warm, new(FloorTally)); err != nil {
		return err
	}
	if err := p.fleet.Call(ctx, "Reset", None{}, nil); err != nil {
		return err
	}
	var (
		turns  = max(1, int(math.Round(opt.Seconds/segment)))
		each   = opt.Seconds / float64(turns)
		tally  Tally
		bare   FloorTally
		busy   time.Duration
		before = readMachine()
	)
	if opt.Profile != "" {
		profiled := make(chan error, 1)
		go func() {
			profiled <- p.server.Profile(ctx, opt.Profile, seconds(2*opt.Seconds)+time.Duration(turns)*time.Second)
		}()
		defer func() {
			if err := <-profiled; err != nil {
				opt.say("profile: %v", err)
			}
		}()
	}
	for range turns {
		cpu, err := CPU(p.server.Pid)
		if err != nil {
			return err
		}
		if tally, err = p.run(ctx, Pace{Rate: opt.Rate, Seconds: each}); err != nil { // the tally adds up until Reset
			return err
		}
		time.Sleep(400 * time.Millisecond) // the side streams of the last messages are the server's cost too
		after, err := CPU(p.server.Pid)
		if err != nil {
			return err
		}
		busy += after - cpu
		var one FloorTally
		if err := floor.Call(ctx, "Run", Pace{Rate: opt.Rate, Seconds: each}, &one); err != nil {
			return err
		}
		if one.Failed > 0 {
			return fmt.Errorf("the bare writer failed %d of %d turns", one.Failed, one.Turns)
		}
		bare.Turns += one.Turns
		bare.CPU += one.CPU
		bare.Turn.Merge(&one.Turn)
	}
	report.Steal = round(readMachine().stealSince(before))
	report.Sent, report.Acked, report.Replied, report.Answered = tally.Sent, tally.Acked, tally.Replied, tally.Answered
	report.Ack, report.Reply, report.Floor = tally.Ack.Quantiles(), tally.Reply.Quantiles(), bare.Turn.Quantiles()
	report.CPUPerMessage = round(float64(busy.Microseconds()) / float64(max(tally.Acked, 1)))
	opt.say("%.0f/s: reply p50 %.1f p95 %.1f p99 %.1f ms, floor p99 %.1f ms, %.0f us of the server, %.0f us of the loader, %.0f us of the bare writer a message; loader late p99 %.1f ms, %s",
		opt.Rate, report.Reply.P50, report.Reply.P95, report.Reply.P99, report.Floor.P99, report.CPUPerMessage,
		1e6*tally.CPU/float64(max(tally.Sent, 1)), 1e6*bare.CPU/float64(max(bare.Turns, 1)), millis(tally.Late.Quantile(.99)), tally.troubles())
	return nil
}

// troubles lists what should not have happened.
func (t *Tally) troubles() string {
	return fmt.Sprintf("%d refused (%s), %d not sent, %d sockets broken, %d handed to staff, backlog %d",
		t.Refused, t.LastRefusal, t.Unsent, t.Dropped, t.Retired, t.Backlog)
}

// held tries a rate for five seconds.
func (p *path) held(ctx context.Context, rate float64) (bool, Tally, error) {
	if err := p.grow(ctx, rate); err != nil {
		return false, Tally{}, err
	}
	if err := p.fleet.Call(ctx, "Reset", None{}, nil); err != nil {
		return false, Tally{}, err
	}
	t, err := p.run(ctx, Pace{Rate: rate, Seconds: heldSeconds})
	if err != nil {
		return false, t, err
	}
	ok := t.Sent == int(rate*heldSeconds) && t.Acked == t.Sent && t.Replied == t.Acked && t.Reply.Quantile(.99) <= heldP99
	p.opt.say("%.0f/s: %s, reply p50 %.1f p99 %.1f ms, %s", rate, map[bool]string{true: "held", false: "not held"}[ok],
		millis(t.Reply.Quantile(.5)), millis(t.Reply.Quantile(.99)), t.troubles())
	return ok, t, p.opt.calm(ctx, p.server.Pid)
}

// saturation returns the highest rate that was held: up in steps of 1,000, then halving the interval down to 125. A rate
// that fails is tried once more, for a neighbour of this machine may have been at work.
func (p *path) saturation(ctx context.Context, rate float64) (best float64, at Tally, err error) {
	try := func(rate float64) (bool, error) {
		for range 2 {
			ok, t, err := p.held(ctx, rate)
			if err != nil {
				return false, err
			}
			if ok {
				best, at = rate, t
				return true, nil
			}
		}
		return false, nil
	}
	most := float64(mostPeople) / 1.25
	failed := 0.0
	for next := max(1000, math.Floor(rate/1000)*1000); failed == 0 && next <= most; next += 1000 {
		ok, err := try(next)
		if err != nil {
			return best, at, err
		}
		if !ok {
			failed = next
		}
	}
	for failed > 0 && failed-best > 150 {
		next := math.Round((failed + best) / 2)
		ok, err := try(next)
		if err != nil {
			return best, at, err
		}
		if !ok {
			failed = next
		}
	}
	return best, at, nil
}

// overload sends a multiple of the saturation for some minutes.
func (p *path) overload(ctx context.Context, saturation float64, at Tally) (*OverloadReport, error) {
	rate := saturation * p.opt.Overload
	if err := p.grow(ctx, rate); err != nil {
		return nil, err
	}
	if err := p.fleet.Call(ctx, "Reset", None{}, nil); err != nil {
		return nil, err
	}
	p.opt.say("overload: %.0f/s for %g minutes", rate, p.opt.Minutes)
	t, err := p.run(ctx, Pace{Rate: rate, Seconds: p.opt.Minutes * 60, Drop: true})
	if err != nil {
		return nil, err
	}
	r := &OverloadReport{
		Seconds:         round(t.Seconds),
		OfferedPerS:     round(float64(t.Sent+t.Unsent) / t.Seconds),
		AcceptedPerS:    round(float64(t.Acked) / t.Seconds),
		RefusedPerS:     round(float64(t.Refused) / t.Seconds),
		NotSentPerS:     round(float64(t.Unsent) / t.Seconds),
		RefusedNoHint:   t.Refused - t.Hinted,
		Unreplied:       t.Acked - t.Replied,
		Ack:             t.Ack.Quantiles(),
		Reply:           t.Reply.Quantiles(),
		SaturationReply: at.Reply.Quantiles(),
	}
	r.P99OverSaturated = round(r.Reply.P99 / max(r.SaturationReply.P99, .001))
	p.opt.say("overload: accepted %.0f/s, reply p99 %.1f ms (%.2f times the saturation's), %s", r.AcceptedPerS, r.Reply.P99, r.P99OverSaturated, t.troubles())
	return r, p.opt.calm(ctx, p.server.Pid)
}

// round keeps two decimals.
func round(v float64) float64 { return math.Round(v*100) / 100 }
