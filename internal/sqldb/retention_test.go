package sqldb_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// moved is a product's clock that a test moves.
type moved struct{ by atomic.Int64 }

func (m *moved) now() time.Time { return time.Now().Add(time.Duration(m.by.Load())) }

// eachMoved runs a test on both databases with a clock that it moves.
func eachMoved(t *testing.T, f func(t *testing.T, db *sqldb.DB, clock *moved)) {
	t.Helper()
	for name, options := range map[string]func(t *testing.T) sqldb.Options{
		"sqlite":   func(t *testing.T) sqldb.Options { return sqldb.Options{Dir: t.TempDir()} },
		"postgres": func(t *testing.T) sqldb.Options { return sqldb.Options{URL: sqldbtest.PostgresURL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			clock := &moved{}
			o := options(t)
			o.Now = clock.now
			db, err := sqldb.Open(t.Context(), o)
			must(t, err)
			t.Cleanup(func() { must(t, db.Close()) })
			f(t, db, clock)
		})
	}
}

// What is too old goes in bites, each a transaction of its own; what is young stays, and it goes on tomorrow.
func TestRetentionRemovesInBites(t *testing.T) {
	eachMoved(t, func(t *testing.T, db *sqldb.DB, clock *moved) {
		var bites []int64
		left := int64(620)
		kinds := []sqldb.Retention{
			{Kind: "things", Keep: 24 * time.Hour, Remove: func(tx *sqldb.Tx, before int64, limit int) (int64, error) {
				if age := time.Duration(tx.Now()-before) * time.Microsecond; age < 24*time.Hour || age > 24*time.Hour+time.Second {
					t.Errorf("asked for what is older than %s", age)
				}
				n := min(left, int64(limit))
				left -= n
				bites = append(bites, n)
				return n, nil
			}},
			{Kind: "treasures", Keep: 0, Remove: func(*sqldb.Tx, int64, int) (int64, error) { t.Error("kept for ever, and removed"); return 0, nil }},
		}
		r, err := db.Retain(t.Context(), kinds)
		must(t, err)
		timers := r.Timers(nil)
		sweep := func(ahead time.Duration) {
			t.Helper()
			clock.by.Add(int64(ahead))
			_, err := db.SweepTimers(t.Context(), timers)
			must(t, err)
		}
		if sweep(0); len(bites) != 0 {
			t.Error("removed in the first moment of a start")
		}
		for range 4 { // 250, 250, 120, nothing due
			sweep(2 * time.Minute)
		}
		if fmt.Sprint(bites) != "[250 250 120]" {
			t.Errorf("bites %v", bites)
		}
		left = 3
		// A restart does not put it off: the timer that is there stays.
		_, err = db.Retain(t.Context(), kinds)
		must(t, err)
		sweep(10 * time.Minute)
		if fmt.Sprint(bites) != "[250 250 120 3]" {
			t.Errorf("after a restart: bites %v", bites)
		}
		if got := r.Removed(); got["things"] != 623 || got["treasures"] != 0 || len(got) != 2 {
			t.Errorf("counted %v", got)
		}
	})
}

// Events go when they are old and every consumer has passed them; the newest stays, and later ones count on from it.
func TestEventsGoWhenAllConsumersHavePassed(t *testing.T) {
	eachMoved(t, func(t *testing.T, db *sqldb.DB, clock *moved) {
		var sides sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		defer sides.Wait()
		defer stop()
		sides.Go(func() { db.Sequence(ctx) })
		gate := make(chan struct{})
		consumer := func(name string, wait <-chan struct{}) {
			sides.Go(func() {
				db.RunConsumer(ctx, sqldb.Consumer{Name: name, Every: time.Millisecond, Handle: func(tx *sqldb.Tx, events []frontdesk.Event) error {
					select {
					case <-wait:
						return nil
					default:
						return fmt.Errorf("%s is stuck", name)
					}
				}})
			})
		}
		open := make(chan struct{})
		close(open)
		write := func(n int) {
			for range n {
				must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
					tx.Append(frontdesk.Event{Tenant: "t", Type: "test.x"})
					return nil
				}))
			}
		}
		forget := func(limit int) (n int64) {
			t.Helper()
			must(t, db.Write(t.Context(), func(tx *sqldb.Tx) (err error) {
				n, err = db.ForgetEvents(tx, tx.Now()-(24*time.Hour).Microseconds(), limit)
				return err
			}))
			return n
		}
		lag := func(name string) func() bool {
			return func() bool {
				all, err := db.Lag(t.Context())
				n, began := all[name]
				last, _ := db.LastPos(t.Context())
				return err == nil && began && n == 0 && last > 0
			}
		}
		write(10)
		consumer("quick", open)
		consumer("slow", gate)
		waitFor(t, lag("quick"))
		clock.by.Add(int64(48 * time.Hour))
		write(5) // young
		if n := forget(100); n != 0 {
			t.Errorf("%d events went before a consumer that is stuck", n)
		}
		close(gate)
		waitFor(t, lag("slow"))
		if n := forget(4); n != 4 {
			t.Errorf("a bite of 4 took %d", n)
		}
		if n := forget(100); n != 6 {
			t.Errorf("%d of the other 6 old ones went", n)
		}
		clock.by.Add(int64(48 * time.Hour))
		if n := forget(100); n != 4 {
			t.Errorf("%d of 5 went, the newest must stay", n)
		}
		if last, err := db.LastPos(t.Context()); err != nil || last != 15 {
			t.Errorf("the log ends at %d, %v", last, err)
		}
		write(1)
		waitFor(t, func() bool { last, err := db.LastPos(t.Context()); return err == nil && last == 16 })
		// A consumer that is only now begun holds the log back from its first day.
		clock.by.Add(int64(48 * time.Hour))
		consumer("new", make(chan struct{}))
		waitFor(t, func() bool { all, err := db.Lag(t.Context()); return err == nil && all["new"] > 0 })
		if n := forget(100); n != 0 {
			t.Errorf("%d events went before a new consumer saw them", n)
		}
	})
}
