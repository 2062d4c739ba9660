package app

import (
	"context"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/bus"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"github.com/nats-io/nats-server/v2/server"
)

// nodes are two that share nothing but a bus, and somebody who listens in.
func nodes(t *testing.T) (pair [2]*App, listener *bus.Bus) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Port: -1, NoLog: true, NoSigs: true})
	must(t, err)
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("no bus")
	}
	connect := func() *bus.Bus {
		b, err := bus.Open(s.ClientURL(), nil)
		must(t, err)
		t.Cleanup(b.Close)
		return b
	}
	for i := range pair {
		db, b := sqldbtest.SQLite(t), connect()
		conv := conversation.New(conversation.Deps{DB: db})
		pair[i] = &App{db: db, bus: b, conv: conv, presence: &presence{bus: b, conv: conv, told: map[string]time.Time{}}}
		must(t, pair[i].hints())
	}
	return pair, connect()
}

func TestHintsAreOfOwnCommitsOnly(t *testing.T) {
	pair, listener := nodes(t)
	hints := make(chan struct{}, 1000)
	must(t, listener.Subscribe("events.committed", func(string, []byte) { hints <- struct{}{} }))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 2)
	for _, a := range pair {
		go func() { done <- a.tellOthers(ctx) }()
	}
	defer func() { stop(); must(t, <-done); must(t, <-done) }()
	commit := func() {
		must(t, pair[0].db.Write(ctx, func(tx *sqldb.Tx) error {
			tx.Append(frontdesk.Event{Tenant: "t", Type: "test.x"})
			return nil
		}))
	}
	// Subscriptions reach the server on their own time, and tellOthers starts on its own.
	for heard := false; !heard; {
		commit()
		select {
		case <-hints:
			heard = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	quiet := func() (n int) {
		for {
			select {
			case <-hints:
				n++
			case <-time.After(300 * time.Millisecond):
				return n
			}
			if n > 100 {
				t.Fatal("hints go round and round")
			}
		}
	}
	quiet()
	woken := pair[1].db.Woken()
	commit()
	if n := quiet(); n != 1 {
		t.Errorf("one commit made %d hints", n)
	}
	select {
	case <-woken:
	default:
		t.Error("the other node was not woken")
	}
	// A commit in the pause after a hint is told after it: the last one is never left out.
	commit()
	commit()
	if n := quiet(); n < 1 || n > 2 {
		t.Errorf("two commits made %d hints", n)
	}
}

func TestStaffAreSeenOnEveryNode(t *testing.T) {
	pair, _ := nodes(t)
	deadline := time.Now().Add(10 * time.Second)
	for i := 0; !pair[1].conv.StaffOnline("t"); i++ {
		if time.Now().After(deadline) {
			t.Fatal("the other node has not heard of it")
		}
		pair[0].presence.seen("t", "lin")
		clear(pair[0].presence.told) // the subscription may have come later than the hint
		time.Sleep(time.Millisecond)
	}
	if pair[1].conv.StaffOnline("other") {
		t.Error("another company's staff were seen")
	}
	p, now := pair[0].presence, time.Now()
	if clear(p.told); !p.due("t/lin", now) || p.due("t/lin", now.Add(presenceEvery-1)) || !p.due("t/wu", now) || !p.due("t/lin", now.Add(presenceEvery)) {
		t.Error("hints are not paced")
	}
}
