package sqldb

import (
	"context"
	"sync"
	"time"

	"frontdesk"
)

// Tail hands events to this node as they come: no cursor is kept, and while nobody has joined nothing is read. It is for
// what lives only as long as a connection does. What must not miss an event is a Consumer.
type Tail struct {
	db   *DB
	mu   sync.Mutex
	want int
	pos  int64         // handed over up to here; only while somebody wants it
	join chan struct{} // closed by whoever joins first
}

// NewTail makes a Tail. Its Run must be running.
func (db *DB) NewTail() *Tail { return &Tail{db: db, join: make(chan struct{})} }

// Join says that events are wanted from now on: all that get a position above pos will be handed over. Leave ends it.
func (t *Tail) Join(ctx context.Context) (pos int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.want == 0 {
		if t.pos, err = t.db.LastPos(ctx); err != nil {
			return 0, err
		}
		close(t.join)
	}
	t.want++
	return t.pos, nil
}

// Leave takes a Join back.
func (t *Tail) Leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.want--; t.want == 0 {
		t.join = make(chan struct{})
	}
}

const (
	tailBatch = 2000
	// tailEvery is the least time between two looks: on a busy log each look finds more and costs less.
	tailEvery = 20 * time.Millisecond
)

// Run reads until ctx ends. f gets the events in order and the position they reach, one call at a time.
func (t *Tail) Run(ctx context.Context, f func(events []frontdesk.Event, pos int64)) error {
	for {
		t.mu.Lock()
		join, idle := t.join, t.want == 0
		t.mu.Unlock()
		if idle {
			select {
			case <-ctx.Done():
				return nil
			case <-join:
			}
		}
		woken := t.db.events.wait() // before the look: what comes during it makes another one
		full, err := t.look(ctx, f)
		if err != nil && ctx.Err() == nil {
			t.db.log.Warn("reading the event log failed", "error", err)
			woken = nil
		}
		if full {
			continue
		}
		poll := t.db.lookEvery()
		if err != nil {
			poll = pollInterval
		}
		timer := time.NewTimer(poll)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-woken:
			timer.Stop()
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(tailEvery):
			}
		case <-timer.C:
		}
	}
}

// look reads one batch; full says that there may be more.
func (t *Tail) look(ctx context.Context, f func(events []frontdesk.Event, pos int64)) (full bool, err error) {
	t.mu.Lock()
	pos := t.pos
	t.mu.Unlock()
	events, next, err := t.db.Events(ctx, "", pos, tailBatch)
	if err != nil || len(events) == 0 {
		return false, err
	}
	t.mu.Lock()
	// Everybody left, and somebody came, while this was read: they joined at a later position.
	stale := t.want == 0 || t.pos != pos
	if !stale {
		t.pos = next
	}
	t.mu.Unlock()
	if !stale {
		f(events, next)
	}
	return len(events) == tailBatch, nil
}
