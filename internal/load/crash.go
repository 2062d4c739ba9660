package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"frontdesk"
)

// CrashOptions are the settings of Crash.
type CrashOptions struct {
	Common
	Kills    int
	Seed     uint64
	PowerCut bool // also undo, on SQLite, what was written and not synced when the process died
}

// CrashReport is the result of Crash. Times count from the start of the new process: to its first acknowledgement, and to
// the replies of messages that had been acknowledged and not replied to when the old one was killed.
type CrashReport struct {
	Kills          int       `json:"kills"`
	Acked          int       `json:"acked"`
	Lost           int       `json:"lost"`
	Duplicated     int       `json:"duplicated"`
	Reordered      int       `json:"reordered"`
	FirstAck       MedianMax `json:"first_ack_ms"`
	RecoveredReply MedianMax `json:"recovered_reply_ms"`
}

const (
	crashPeople = 200
	crashRate   = 200 // arrivals a second; a fifth of them are three messages at once
	crashBatch  = 10  // kills that one set of customers lives through before the conversations are read back
	crashWait   = 20.0
)

// crash is one run of Crash.
type crash struct {
	*company
	opt   CrashOptions
	rng   *rand.Rand
	fleet *Remote

	report   CrashReport
	verdict  Verdict
	firstAck Histogram
	replies  Histogram
	owed     int // replies that never came after a restart
}

// Crash kills its own server again and again while customers talk, and compares what they were told with what is there.
// The same seed gives the same moments and words, though not the same interleaving.
func Crash(ctx context.Context, opt CrashOptions) (report CrashReport, err error) {
	if opt.PowerCut {
		if opt.URL != "" {
			return report, frontdesk.InvalidField("--power-cut", "only for SQLite")
		}
		if _, err := exec.LookPath("strace"); err != nil {
			return report, frontdesk.InvalidField("--power-cut", "needs strace on the path")
		}
	}
	first, err := opt.company(ctx, "crash", 0)
	if err != nil {
		return report, err
	}
	defer first.drop()
	c := &crash{opt: opt, company: first, rng: rand.New(rand.NewPCG(opt.Seed, 0xc0ffee))}
	defer func() { c.server.Stop() }()
	if opt.PowerCut { // the demo company is made without tracing; from here on every write is watched
		if err := c.server.Stop(); err != nil {
			return report, err
		}
		if err := c.restart(ctx); err != nil {
			return report, err
		}
	}
	if c.fleet, err = opt.fleet(ctx, c.customers()); err != nil {
		return report, err
	}
	defer c.fleet.Close()
	for c.report.Kills < opt.Kills {
		if err := c.batch(ctx); err != nil {
			return c.report, err
		}
	}
	if v := c.verdict; v.Lost+v.Unanswered+v.Undelivered+v.Duplicated+v.Reordered > 0 {
		opt.say("the server's log is kept as %s", keepLog(c.dir))
	}
	return c.report, nil
}

func (c *crash) customers() Options {
	return Options{Addr: c.start.Listen, Site: "demo", Wordings: c.opt.Wordings, Seed: c.rng.Uint64()}
}

// batch lets new customers live through some kills, then reads their conversations back.
func (c *crash) batch(ctx context.Context) error {
	if err := c.fleet.Call(ctx, "Open", c.customers(), nil); err != nil {
		return err
	}
	if err := c.fleet.Call(ctx, "Grow", crashPeople, nil); err != nil {
		return c.died(err)
	}
	if err := c.fleet.Call(ctx, "Start", Pace{Rate: crashRate, Drop: true, Burst: .2}, nil); err != nil {
		return err
	}
	for n := 0; n < crashBatch && c.report.Kills < c.opt.Kills; n++ {
		if err := pause(ctx, 20*time.Millisecond+time.Duration(c.rng.Int64N(int64(780*time.Millisecond)))); err != nil {
			return err
		}
		if err := c.kill(ctx); err != nil {
			return err
		}
		// Now and then the new process dies too, before or in the middle of taking up the old one's work.
		if c.rng.Float64() < .15 && c.report.Kills < c.opt.Kills {
			if err := pause(ctx, time.Duration(c.rng.Int64N(int64(600*time.Millisecond)))); err != nil {
				return err
			}
			if err := c.kill(ctx); err != nil {
				return err
			}
			n++
		}
		var back Return
		if err := c.fleet.Call(ctx, "Returned", Awaited{crashWait, true}, &back); err != nil {
			return err
		}
		if back.FirstAck == 0 || back.Joined == 0 {
			return c.died(fmt.Errorf("%.0f s after kill %d the server does not acknowledge", crashWait, c.report.Kills))
		}
		c.firstAck.Add(back.FirstAck)
		for _, r := range back.Replies {
			c.replies.Add(r)
		}
		c.owed += back.Owed
	}
	var tally Tally
	if err := c.fleet.Call(ctx, "Stop", crashWait, &tally); err != nil {
		return err
	}
	var v Verdict
	if err := c.fleet.Call(ctx, "Verify", None{}, &v); err != nil {
		return c.died(err)
	}
	c.verdict.add(v)
	c.report.Acked += tally.Acked
	c.report.Lost = c.verdict.Lost + c.verdict.Unanswered + c.verdict.Undelivered
	c.report.Duplicated, c.report.Reordered = c.verdict.Duplicated, c.verdict.Reordered
	c.report.FirstAck, c.report.RecoveredReply = c.firstAck.MedianMax(), c.replies.MedianMax()
	c.opt.say("%d kills, %d acknowledged: %d lost, %d without a reply, %d replies not delivered, %d duplicated, %d reordered; first ack at most %.0f ms, %d replies recovered in at most %.0f ms, %d not in time, %d handed to staff",
		c.report.Kills, c.report.Acked, c.verdict.Lost, c.verdict.Unanswered, c.verdict.Undelivered, c.verdict.Duplicated, c.verdict.Reordered,
		c.report.FirstAck.Max, c.replies.Count(), c.report.RecoveredReply.Max, c.owed, tally.Retired)
	for _, e := range v.Examples {
		c.opt.say("  %s", e)
	}
	return nil
}

// kill ends the server in the middle of whatever it does, and starts the next.
func (c *crash) kill(ctx context.Context) error {
	if err := c.fleet.Call(ctx, "Hold", None{}, nil); err != nil {
		return err
	}
	c.server.Kill()
	c.report.Kills++
	if err := c.fleet.Call(ctx, "Gone", 10.0, nil); err != nil {
		return err
	}
	if c.opt.PowerCut {
		if err := c.cutPower(); err != nil {
			return err
		}
	}
	if err := c.restart(ctx); err != nil {
		return err
	}
	return c.fleet.Call(ctx, "Restarted", c.server.Started.UnixNano(), nil)
}

// restart starts the server on the same folder.
func (c *crash) restart(ctx context.Context) (err error) {
	if c.opt.PowerCut {
		c.start.Prefix = append([]string{"strace"}, straceArgs(c.traceFile())...)
	}
	c.server, err = StartServer(ctx, c.start)
	return err
}

func (c *crash) traceFile() string { return filepath.Join(c.dir, "strace.txt") }

// cutPower leaves the database's files as a machine that lost power may leave them.
func (c *crash) cutPower() error {
	f, err := os.Open(c.traceFile())
	if err != nil {
		return err
	}
	defer f.Close()
	lost, err := unsynced(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", c.traceFile(), err)
	}
	return lose(lost, filepath.Join(c.dir, "frontdesk.db"), c.rng)
}

// died adds what the server said to an error that its death may have caused.
func (c *crash) died(err error) error {
	return errors.Join(err, errors.New(c.server.logTail()))
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
