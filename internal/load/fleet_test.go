package load

import (
	"context"
	"strings"
	"testing"
	"time"
)

func newFleet(t *testing.T, s *shop, people int) *Fleet {
	t.Helper()
	f, err := NewFleet(Options{Addr: s.addr, Site: "demo", Wordings: []string{"怎么\"退货\"", "how do I return it"}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Grow(t.Context(), people); err != nil {
		t.Fatal(err)
	}
	return f
}

// until polls a condition that the fleet's goroutines bring about.
func until(t *testing.T, f *Fleet, what string, ok func(Tally) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := f.await(ctx, what, func() bool { return ok(f.tally) }); err != nil {
		t.Fatal(err)
	}
}

func TestRunCountsWhatCustomersSee(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := newFleet(t, s, 60)
	got, err := f.Run(t.Context(), Pace{Rate: 100, Seconds: 1.2}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got.Sent != 120 || got.Acked != 120 || got.Replied != 120 || got.Answered != 120 || got.Reply.Count() != 120 || got.Refused+got.Dropped != 0 {
		t.Errorf("got %+v", got)
	}
	if v, err := f.Verify(t.Context()); err != nil || v.Conversations != 60 || len(v.Examples) > 0 {
		t.Errorf("verdict %+v, %v", v, err)
	}

	// The server forgets a message and answers another twice: the read-back tells.
	s.mu.Lock()
	s.people["t0"].log = nil
	p := s.people["t1"]
	p.log = append(p.log, stored{Seq: int64(len(p.log) + 1), From: "bot", ReplyTo: []int64{1}})
	s.mu.Unlock()
	if v, err := f.Verify(t.Context()); err != nil || v.Lost == 0 || v.Duplicated != 1 {
		t.Errorf("verdict %+v, %v", v, err)
	}
}

// A stalled server is charged for every message that was due meanwhile, not only for those that were under way.
func TestStallsAreNotOmitted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := newFleet(t, s, 20)
	held := make(chan struct{})
	s.mu.Lock()
	s.held = held
	s.mu.Unlock()
	start := time.Now()
	if err := f.Start(Pace{Rate: 100, Seconds: 1}); err != nil {
		t.Fatal(err)
	}
	// All twenty customers wait for a reply and thirty more arrivals for a customer.
	until(t, f, "a backlog", func(t Tally) bool { return t.Backlog >= 30 })
	stalled := time.Since(start)
	s.mu.Lock()
	s.held = nil
	s.mu.Unlock()
	close(held)
	f.pacing.Wait()
	if err := f.Settle(t.Context(), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	got := f.Tally()
	if got.Sent != 100 || got.Replied != 100 {
		t.Fatalf("sent %d replied %d", got.Sent, got.Replied)
	}
	// At 100/s and a stall of half a second and more, the first arrival waited for all of it and half of them for some.
	if got.Reply.Max() < stalled-50*time.Millisecond || got.Reply.Quantile(.5) < 100*time.Millisecond {
		t.Errorf("stalled %v, largest %v, median %v", stalled, got.Reply.Max(), got.Reply.Quantile(.5))
	}
}

func TestRefusalsAreCountedAndHeeded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := newFleet(t, s, 10)
	s.mu.Lock()
	s.full = true
	s.mu.Unlock()
	got, err := f.Run(t.Context(), Pace{Rate: 200, Seconds: .5, Drop: true}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got.Refused != 10 || got.Hinted != 10 || got.Unsent != 90 || got.Acked != 0 || got.LastRefusal != "limited" {
		t.Errorf("ten customers, a hundred arrivals in less than the gap between two messages: %+v", got)
	}
	if v, err := f.Verify(t.Context()); err != nil || len(v.Examples) > 0 {
		t.Errorf("verdict %+v, %v", v, err)
	}
}

// The server dies with acknowledged messages unanswered and others not acknowledged, and comes back.
func TestRestart(t *testing.T) {
	s := newShop(t)
	f := newFleet(t, s, 30)
	s.mu.Lock()
	s.silent = true
	s.mu.Unlock()
	if err := f.Start(Pace{Rate: 200, Drop: true, Burst: .5}); err != nil {
		t.Fatal(err)
	}
	until(t, f, "acknowledgements", func(t Tally) bool { return t.Acked >= 20 })
	held := make(chan struct{})
	s.mu.Lock()
	s.silent, s.held = false, held
	s.mu.Unlock()
	until(t, f, "unacknowledged messages", func(t Tally) bool { return t.Sent > t.Acked })

	f.Hold()
	s.close()
	close(held)
	if err := f.Gone(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.held = nil
	s.mu.Unlock()
	at := time.Now()
	f.Restarted(at)
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	back := f.Returned(t.Context(), 20*time.Second, true)
	if back.FirstAck <= 0 || back.Joined <= 0 || back.Owed != 0 || len(back.Replies) < 20 {
		t.Errorf("return %+v", back)
	}
	f.Stop()
	if err := f.Settle(t.Context(), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Verify(t.Context()); err != nil || len(v.Examples) > 0 {
		t.Errorf("verdict %+v, %v", v, err)
	}
	if got := f.Tally(); got.Acked != got.Sent || got.Replied != got.Sent || got.Dropped != 30 {
		t.Errorf("sent %d acked %d replied %d dropped %d", got.Sent, got.Acked, got.Replied, got.Dropped)
	}
}

// A bench that adds customers while one of the others is away goes on: that one comes back, and is counted.
func TestGrowOutlivesABrokenSocket(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := newFleet(t, s, 3)
	s.mu.Lock()
	for c := range s.sockets {
		c.Close()
		break
	}
	s.mu.Unlock()
	until(t, f, "the socket to break", func(t Tally) bool { return t.Dropped == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := f.Grow(ctx, 5); err != nil {
		t.Fatal(err)
	}
	got, err := f.Run(t.Context(), Pace{Rate: 100, Seconds: .05}, 10*time.Second)
	if err != nil || got.Sent != 5 || got.Replied != 5 {
		t.Errorf("all five speak: %+v, %v", got, err)
	}
}

// A server that takes connections and then says nothing is a wait with an end, which names what was missing.
func TestASilentServerEndsTheRun(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	f := newFleet(t, s, 2)
	held := make(chan struct{})
	t.Cleanup(func() { close(held) })
	s.mu.Lock()
	s.held = held
	s.mu.Unlock()
	got, err := f.Run(t.Context(), Pace{Rate: 100, Seconds: .02}, 50*time.Millisecond)
	if err != nil || got.Sent != 2 || got.Acked != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := f.Settle(t.Context(), time.Millisecond); err == nil || !strings.Contains(err.Error(), "2 messages in flight") {
		t.Errorf("settled: %v", err)
	}
}
