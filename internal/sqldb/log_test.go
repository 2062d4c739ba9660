package sqldb_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func note(t *testing.T, db *sqldb.DB, tenant string) {
	t.Helper()
	must(t, db.Write(context.Background(), func(tx *sqldb.Tx) error {
		tx.Append(frontdesk.Event{Tenant: tenant, Type: "test.x"})
		return nil
	}))
}

// A tenant's reader that keeps up with the writers is between two commits all the time.
func TestTenantsCursorSkipsNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var sequencer, writers sync.WaitGroup
		sequencer.Go(func() { db.Sequence(ctx) })
		defer sequencer.Wait()
		defer stop()
		const each = 150
		for range 4 {
			writers.Go(func() {
				for range each {
					note(t, db, "mine")
					note(t, db, "other")
				}
			})
		}
		written := make(chan struct{})
		go func() { writers.Wait(); close(written) }()
		var after int64
		got := 0
		for deadline := time.Now().Add(20 * time.Second); ; {
			events, next, err := db.Events(ctx, "mine", after, 100)
			must(t, err)
			got, after = got+len(events), next
			select {
			case <-written:
				if last, err := db.LastPos(ctx); err == nil && last == 8*each && after == last || time.Now().After(deadline) {
					if got != 4*each {
						t.Fatalf("the cursor at %d saw %d of %d events", after, got, 4*each)
					}
					return
				}
			default:
			}
		}
	})
}

// An event that is committed while the sequencer is at work gets its position in the next round, not at the next poll.
func TestCommitDuringSequencingIsNotLeftWaiting(t *testing.T) {
	db := sqldbtest.Postgres(t)
	note(t, db, "t")
	foreign, err := db.Reader().BeginTx(t.Context(), nil)
	must(t, err)
	defer foreign.Rollback()
	_, err = foreign.ExecContext(t.Context(), "SELECT 1 FROM event FOR UPDATE")
	must(t, err)

	ctx, stop := context.WithCancel(t.Context())
	var sequencer sync.WaitGroup
	sequencer.Go(func() { db.Sequence(ctx) })
	defer sequencer.Wait()
	defer stop()
	waitFor(t, func() bool {
		var n int
		must(t, db.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").Scan(&n))
		return n == 1
	})
	note(t, db, "t")
	must(t, foreign.Rollback())
	last := func() int64 { n, err := db.LastPos(ctx); must(t, err); return n }
	waitFor(t, func() bool { return last() > 0 })
	first := time.Now()
	waitFor(t, func() bool { return last() == 2 })
	if d := time.Since(first); d > 200*time.Millisecond {
		t.Errorf("the second event waited %v after the first", d)
	}
}

// A hint wakes the readers here and is no news for others: two nodes that passed on each other's would never stop.
func TestHintIsNotOurOwnCommit(t *testing.T) {
	db := sqldbtest.SQLite(t)
	raised := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	own, all := db.Committed(), db.Woken()
	db.Wake()
	if raised(own) || !raised(all) {
		t.Errorf("a hint: own %v, all %v", raised(own), raised(all))
	}
	all = db.Woken()
	note(t, db, "t")
	waitFor(t, func() bool { return raised(own) && raised(all) })
}
