package load

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// Pace is an open-loop schedule of arrivals.
type Pace struct {
	Rate    float64 // messages a second, evenly spaced
	Seconds float64 // 0: until Stop
	Drop    bool    // an arrival that finds every customer busy goes away (counted Unsent) instead of waiting for one
	Burst   float64 // share of arrivals that say three things at once
}

// Run sends at the pace, waits until everything in flight is settled or drain has passed, and returns the tally.
func (f *Fleet) Run(ctx context.Context, p Pace, drain time.Duration) (Tally, error) {
	if err := f.Start(p); err != nil {
		return Tally{}, err
	}
	cpu := ownCPU()
	f.pacing.Wait()
	if ctx.Err() != nil {
		return Tally{}, ctx.Err()
	}
	f.Settle(ctx, drain)
	f.mu.Lock()
	f.tally.CPU += ownCPU() - cpu
	f.mu.Unlock()
	return f.Tally(), nil
}

// Start sends at the pace in the background until Stop, or for p.Seconds.
func (f *Fleet) Start(p Pace) error {
	if p.Rate <= 0 {
		return fmt.Errorf("load: rate %v is not positive", p.Rate)
	}
	f.Stop()
	ctx, cancel := context.WithCancel(f.ctx)
	f.halt = cancel
	f.pacing.Go(func() { f.pace(ctx, p) })
	return nil
}

// Stop ends what Start began and waits for it; messages in flight stay in flight.
func (f *Fleet) Stop() {
	if f.halt != nil {
		f.halt()
		f.halt = nil
	}
	f.pacing.Wait()
}

// Settle waits until nothing is in flight, at most for d.
func (f *Fleet) Settle(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return f.await(ctx, "replies", func() bool { return f.inFlight == 0 })
}

// Tally returns what was counted since Reset.
func (f *Fleet) Tally() Tally {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tally
}

// Reset starts a new tally.
func (f *Fleet) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tally = Tally{}
}

// hopeless is how far behind its schedule a pace gives up: the arrivals that are left count as not sent.
const hopeless = 20 * time.Second

// pace makes the arrivals. Arrival i is due at start + i/rate, and its latencies count from there even when the loader
// or a customer could only send it later.
func (f *Fleet) pace(ctx context.Context, p Pace) {
	interval := time.Duration(float64(time.Second) / p.Rate)
	total := int(p.Rate * p.Seconds)
	start := time.Now()
	defer func() {
		f.mu.Lock()
		f.tally.Seconds += time.Since(start).Seconds()
		f.mu.Unlock()
	}()
	made := 0 // arrivals sent or dropped: arrival `made` is the next
	for p.Seconds == 0 || made < total {
		now := time.Now()
		if p.Seconds > 0 && now.Sub(start) > seconds(p.Seconds)+hopeless {
			f.mu.Lock()
			f.tally.Unsent += total - made
			f.mu.Unlock()
			return
		}
		due := start.Add(time.Duration(made) * interval)
		if due.After(now) {
			// Sleeping short of a millisecond costs a wake-up an arrival; a late send is charged to the server, never hidden.
			time.Sleep(max(due.Sub(now), time.Millisecond))
			if ctx.Err() != nil {
				return
			}
			continue
		}
		if f.arrive(now, due, p) {
			made++
			continue
		}
		f.mu.Lock()
		f.tally.Backlog = max(f.tally.Backlog, int(now.Sub(due)/interval)+1)
		f.mu.Unlock()
		time.Sleep(time.Millisecond)
		if ctx.Err() != nil {
			return
		}
	}
}

// arrive lets a free customer say something that was due at due; false when none is free and the arrival must wait.
func (f *Fleet) arrive(now, due time.Time, p Pace) bool {
	f.mu.Lock()
	v := f.take(now)
	if v == nil {
		if p.Drop {
			f.tally.Unsent++
		}
		f.mu.Unlock()
		return p.Drop
	}
	say := 1
	if p.Burst > 0 && f.rng.Float64() < p.Burst {
		say = 3
	}
	var first messageID
	texts := [3]int32{}
	for i := range say {
		v.next++
		if i == 0 {
			first = v.next
		}
		texts[i] = int32(f.rng.IntN(len(f.texts)))
		v.pending = append(v.pending, pending{id: v.next, text: texts[i], due: due})
	}
	v.lastSent = now
	f.inFlight += say
	f.tally.Sent += say
	f.tally.Late.Add(now.Sub(due))
	conn := v.conn
	f.mu.Unlock()
	for i := range say {
		f.write(v, conn, first+messageID(i), texts[i])
	}
	return true
}

// Hold keeps customers from connecting until Restarted: the server is about to go.
func (f *Fleet) Hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.held {
		f.gate, f.held = make(chan struct{}), true
	}
	f.returns++
	f.restart = restart{}
}

// Gone returns when every customer has seen its socket break.
func (f *Fleet) Gone(ctx context.Context) error {
	return f.await(ctx, "sockets to break", func() bool {
		for _, v := range f.visitors {
			if v.conn != nil {
				return false
			}
		}
		return true
	})
}

// Restarted says when the new process was started. Customers come back as soon as it listens.
func (f *Fleet) Restarted(at time.Time) {
	f.mu.Lock()
	f.restart = restart{at: at}
	for _, v := range f.visitors {
		for i := range v.pending {
			v.pending[i].owed = v.pending[i].seq != 0
			if v.pending[i].owed {
				f.restart.owed++
			}
		}
	}
	f.returns++
	mine := f.returns
	f.mu.Unlock()
	f.group.Go(func() {
		f.probe()
		f.mu.Lock()
		defer f.mu.Unlock()
		if mine == f.returns && f.held {
			close(f.gate)
			f.held = false
		}
	})
}

// Return is what customers saw of a restart. Times count from the start of the new process.
type Return struct {
	FirstAck time.Duration   `json:"first_ack"`
	Replies  []time.Duration `json:"replies"` // of the messages acknowledged before and unanswered then
	Owed     int             `json:"owed"`    // of those, still without a reply
	Joined   time.Duration   `json:"joined"`  // the last customer was back; 0 when one is still away
}

// Returned waits until the server acknowledges again, everybody is back and nothing is owed from before, at most for d.
// withAck says whether messages are being sent, so that there is an acknowledgement to wait for.
func (f *Fleet) Returned(ctx context.Context, d time.Duration, withAck bool) Return {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	f.await(ctx, "the server to return", func() bool {
		r := &f.restart
		return r.owed == 0 && r.joined > 0 && (r.firstAck > 0 || !withAck)
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &f.restart
	return Return{r.firstAck, append([]time.Duration(nil), r.replies...), r.owed, r.joined}
}

// ownCPU returns the processor seconds this process has used.
func ownCPU() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
