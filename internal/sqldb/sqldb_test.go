package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// counter makes a table of named counters.
func counter(t *testing.T, db *sqldb.DB) {
	t.Helper()
	must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec("CREATE TABLE counter (name TEXT PRIMARY KEY, n BIGINT NOT NULL)")
		return err
	}))
}

func add(tx *sqldb.Tx, name string) error {
	var n int64
	return tx.QueryRow(`INSERT INTO counter (name, n) VALUES ($1, 1)
		ON CONFLICT (name) DO UPDATE SET n = counter.n + 1 RETURNING n`, name).Scan(&n)
}

func count(t *testing.T, db *sqldb.DB, name string) int64 {
	t.Helper()
	var n int64
	err := db.QueryRow(t.Context(), "SELECT n FROM counter WHERE name = $1", name).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentWritersLoseNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		var wg sync.WaitGroup
		for w := range 16 {
			wg.Go(func() {
				for i := range 50 {
					err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
						tx.Append(frontdesk.Event{Tenant: "t", Type: "test.added", Subject: fmt.Sprint(w, ".", i)})
						return add(tx, "shared")
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := count(t, db, "shared"); n != 800 {
			t.Fatalf("800 additions gave %d", n)
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		go db.Sequence(ctx)
		seen := map[string]bool{}
		var last int64
		for len(seen) < 800 && ctx.Err() == nil {
			events, _, err := db.Events(ctx, "", last, 100)
			must(t, err)
			for _, e := range events {
				if e.Pos != last+1 {
					t.Fatalf("position %d follows %d", e.Pos, last)
				}
				last = e.Pos
				seen[e.Subject] = true
			}
			if len(events) == 0 {
				<-db.Woken()
			}
		}
		if len(seen) != 800 {
			t.Fatalf("the log has %d of 800 events", len(seen))
		}
	})
}

func TestFailedClosureLeavesNeighboursAlone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		bad := map[string]func(tx *sqldb.Tx) error{
			"error":     func(tx *sqldb.Tx) error { return errors.New("no") },
			"statement": func(tx *sqldb.Tx) error { _, err := tx.Exec("INSERT INTO nowhere VALUES (1)"); return err },
			"swallowed": func(tx *sqldb.Tx) error { tx.Exec("INSERT INTO counter VALUES (NULL, NULL)"); return nil },
			"panic":     func(tx *sqldb.Tx) error { panic("boom") },
		}
		var wg sync.WaitGroup
		for name, f := range bad {
			for range 20 {
				wg.Go(func() {
					err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
						tx.Append(frontdesk.Event{Tenant: "t", Type: "test.never"})
						if err := add(tx, name); err != nil {
							return err
						}
						return f(tx)
					})
					if err == nil {
						t.Errorf("%s: no error", name)
					}
				})
				wg.Go(func() {
					if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return add(tx, "good") }); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		if n := count(t, db, "good"); n != 80 {
			t.Errorf("80 good writes gave %d", n)
		}
		for name := range bad {
			if n := count(t, db, name); n != 0 {
				t.Errorf("%s: left %d behind", name, n)
			}
		}
		var n int
		must(t, db.QueryRow(t.Context(), "SELECT count(*) FROM event WHERE type = 'test.never'").Scan(&n))
		if n != 0 {
			t.Errorf("%d events of failed writes", n)
		}
	})
}

// A caller that goes away in mid-group must not take its neighbours' savepoints with it.
func TestCancelledCallersLeaveNeighboursAlone(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		var wg sync.WaitGroup
		var acked, cancelled atomic.Int64
		for i := range 200 {
			wg.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%2 == 0 {
					time.AfterFunc(time.Duration(i)*20*time.Microsecond, cancel)
				}
				err := db.Write(ctx, func(tx *sqldb.Tx) error { return add(tx, "shared") })
				switch {
				case err == nil:
					acked.Add(1)
				case i%2 == 0 && errors.Is(err, context.Canceled):
					cancelled.Add(1)
				default:
					t.Errorf("neighbour failed: %v", err)
				}
			})
		}
		wg.Wait()
		if n := count(t, db, "shared"); n != acked.Load() {
			t.Fatalf("%d acknowledged (%d cancelled), %d there", acked.Load(), cancelled.Load(), n)
		}
	})
}

func TestFullDiskAcknowledgesNothingAndRecovers(t *testing.T) {
	db := sqldbtest.SQLite(t)
	counter(t, db)
	setLimit := func(pages int64) {
		must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
			var n int64
			return tx.QueryRow(fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&n)
		}))
	}
	must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec("CREATE TABLE blob (x TEXT)")
		return err
	}))
	var pages int64
	must(t, db.QueryRow(t.Context(), "PRAGMA page_count").Scan(&pages))
	setLimit(pages + 4)

	var wg sync.WaitGroup
	var acked atomic.Int64
	for i := range 60 {
		wg.Go(func() {
			err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
				if i == 30 {
					if _, err := tx.Exec("INSERT INTO blob VALUES ($1)", strings.Repeat("x", 1<<20)); err == nil {
						return errors.New("the disk should be full")
					}
					// Going on after the failure must not write either.
					tx.Exec("INSERT INTO counter VALUES ('ghost', 1)")
					return nil
				}
				return add(tx, "shared")
			})
			if err == nil {
				acked.Add(1)
			} else if i == 30 && !sqldb.IsFull(err) {
				t.Errorf("not known as a full disk: %v", err)
			}
		})
	}
	wg.Wait()
	if n := count(t, db, "shared"); n != acked.Load() {
		t.Fatalf("%d acknowledged, %d there", acked.Load(), n)
	}
	if n := count(t, db, "ghost"); n != 0 {
		t.Fatal("a statement ran after its transaction was lost")
	}
	setLimit(1 << 30)
	before := count(t, db, "shared")
	must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error { return add(tx, "shared") }))
	if n := count(t, db, "shared"); n != before+1 {
		t.Fatal("no writing after there was room again")
	}
}

func TestConsumerHandlesEachEventOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		fail := true
		consumer := sqldb.Consumer{Name: "copy", Batch: 7, Every: time.Millisecond, Handle: func(tx *sqldb.Tx, events []frontdesk.Event) error {
			for _, e := range events {
				if err := add(tx, e.Subject); err != nil {
					return err
				}
				if fail && e.Subject == "s20" { // the work of a failed batch must not count
					fail = false
					return errors.New("once")
				}
			}
			return nil
		}}
		run := func() (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { db.Sequence(ctx) })
			wg.Go(func() { db.RunConsumer(ctx, consumer) })
			return func() { cancel(); wg.Wait() }
		}
		write := func(from, to int) {
			for i := from; i < to; i++ {
				must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
					tx.Append(frontdesk.Event{Tenant: "t", Type: "test.x", Subject: fmt.Sprintf("s%d", i)})
					return nil
				}))
			}
		}
		stop := run()
		write(0, 30)
		waitFor(t, func() bool { return count(t, db, "s29") == 1 })
		stop()
		write(30, 60) // while nobody reads
		stop = run()
		waitFor(t, func() bool { return count(t, db, "s59") == 1 })
		stop()
		for i := range 60 {
			if n := count(t, db, fmt.Sprintf("s%d", i)); n != 1 {
				t.Errorf("event %d handled %d times", i, n)
			}
		}
	})
}

func TestTimersFireOnceAndMove(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		counter(t, db)
		now := time.Now().UnixMicro()
		must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
			return errors.Join(
				tx.SetTimer(sqldb.Timer{Tenant: "t", ID: "due", Kind: "count", Due: now - 1, Payload: []byte("a")}),
				tx.SetTimer(sqldb.Timer{Tenant: "t", ID: "moved", Kind: "count", Due: now - 1, Payload: []byte("b")}),
				tx.SetTimer(sqldb.Timer{Tenant: "t", ID: "moved", Kind: "count", Due: now + 3600e6, Payload: []byte("b")}),
				tx.SetTimer(sqldb.Timer{Tenant: "t", ID: "broken", Kind: "fail", Due: now - 1}),
			)
		}))
		handlers := map[string]sqldb.TimerHandler{
			"count": func(tx *sqldb.Tx, tm sqldb.Timer) error { return add(tx, string(tm.Payload)) },
			"fail":  func(tx *sqldb.Tx, tm sqldb.Timer) error { return errors.New("later") },
		}
		for range 3 {
			_, err := db.SweepTimers(t.Context(), handlers)
			must(t, err)
		}
		if a, b := count(t, db, "a"), count(t, db, "b"); a != 1 || b != 0 {
			t.Errorf("due timer fired %d times, moved timer %d times", a, b)
		}
		var left int
		must(t, db.QueryRow(t.Context(), "SELECT count(*) FROM timer").Scan(&left))
		if left != 2 {
			t.Errorf("%d timers left, want the moved and the failed one", left)
		}
	})
}

func TestSequencerPassesForeignLongTransaction(t *testing.T) {
	db := sqldbtest.Postgres(t)
	foreign, err := db.Reader().BeginTx(t.Context(), nil)
	must(t, err)
	defer foreign.Rollback()
	_, err = foreign.ExecContext(t.Context(), "CREATE TABLE elsewhere (x TEXT)") // holds a transaction id open
	must(t, err)
	_, err = foreign.ExecContext(t.Context(), "INSERT INTO elsewhere VALUES ('x')")
	must(t, err)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go db.Sequence(ctx)
	must(t, db.Write(ctx, func(tx *sqldb.Tx) error {
		tx.Append(frontdesk.Event{Tenant: "t", Type: "test.x"})
		return nil
	}))
	waitFor(t, func() bool { last, err := db.LastPos(ctx); must(t, err); return last == 1 })
}

// waitFor polls until ok holds; the test's deadline bounds it.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("did not happen within 20 s")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
