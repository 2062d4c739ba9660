package sqldb

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"
)

// Retention says how long rows of one kind stay that would otherwise grow for ever. The package that owns the table says how
// they are removed.
type Retention struct {
	Kind string        // names its timer and its count: "trace"
	Keep time.Duration // 0 keeps them for ever
	// Remove deletes up to limit rows, the oldest first, of what is older than before (microseconds on the product's clock),
	// and says how many. It must find them by an index: the path shares the writer.
	Remove func(tx *Tx, before int64, limit int) (int64, error)
}

// A bite is small enough that nobody who waits for the writer notices it (a millisecond or two), and bites follow each other
// no faster than retentionPause: 5,000 rows a second at most, more than any load makes.
const (
	retentionBite  = 250
	retentionPause = 50 * time.Millisecond
	retentionEvery = 10 * time.Minute
)

const retentionTimer = "retention."

// Retainer removes what is too old. It is run by the sweeper, as timers: on one node at a time, and over restarts.
type Retainer struct {
	db   *DB
	list []Retention

	mu      sync.Mutex
	removed map[string]int64
}

// Retain sets a timer for each kind that is not kept for ever. Pass the Retainer's Timers to RunTimers.
func (db *DB) Retain(ctx context.Context, list []Retention) (*Retainer, error) {
	r := &Retainer{db: db, list: list, removed: map[string]int64{}}
	err := db.Write(ctx, func(tx *Tx) error {
		for _, k := range list {
			r.removed[k.Kind] = 0 // a series that begins at 0 shows its first rise
			if k.Keep <= 0 {
				if err := tx.DropTimer("", retentionTimer+k.Kind); err != nil {
					return err
				}
				continue
			}
			// One that is there stays: a service that is restarted often must get to it, too.
			_, err := tx.Exec(`INSERT INTO timer (tenant, id, kind, due_at, payload) VALUES ('', $1, $1, $2, '') ON CONFLICT (tenant, id) DO NOTHING`,
				retentionTimer+k.Kind, tx.Now()+time.Minute.Microseconds())
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("set retention timers: %w", err)
	}
	return r, nil
}

// Timers adds the handlers of these timers to others.
func (r *Retainer) Timers(others map[string]TimerHandler) map[string]TimerHandler {
	all := map[string]TimerHandler{}
	maps.Copy(all, others)
	for _, k := range r.list {
		all[retentionTimer+k.Kind] = func(tx *Tx, t Timer) error { return r.bite(tx, t, k) }
	}
	return all
}

// bite removes a few rows in the timer's transaction and comes again soon if there may be more.
func (r *Retainer) bite(tx *Tx, t Timer, k Retention) error {
	if k.Keep <= 0 {
		return nil // set by a node with another configuration
	}
	n, err := k.Remove(tx, tx.Now()-k.Keep.Microseconds(), retentionBite)
	if err != nil {
		return fmt.Errorf("remove what is too old: %w", err)
	}
	tx.After(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.removed[k.Kind] += n
	})
	pause := retentionEvery
	if n >= retentionBite {
		pause = retentionPause
	}
	t.Due = tx.Now() + pause.Microseconds()
	return tx.SetTimer(t)
}

// Removed is how many rows of each kind this process has removed.
func (r *Retainer) Removed() map[string]int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.removed)
}

// consumerForgotten is how long after its last sign of life a consumer that this program does not run still holds back the
// log: it may run on a newer node.
const consumerForgotten = 7 * 24 * time.Hour

// ForgetEvents is a Retention's Remove for the event log. An event goes only when every consumer is past it, and the newest
// never: the positions of later ones count on from it.
func (db *DB) ForgetEvents(tx *Tx, before int64, limit int) (int64, error) {
	passed, err := db.passed(tx)
	if err != nil || passed == 0 {
		return 0, err
	}
	// Positions and times rise together, so only the oldest rows are looked at, and the first that stays ends the look.
	rows, err := tx.Query("SELECT pos, at FROM event WHERE pos <= $1 AND pos < (SELECT max(pos) FROM event) ORDER BY pos LIMIT $2", passed, limit)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var upTo int64
	for rows.Next() {
		var pos, at int64
		if err := rows.Scan(&pos, &at); err != nil {
			return 0, err
		}
		if at >= before {
			break
		}
		upTo = pos
	}
	if err := rows.Err(); err != nil || upTo == 0 {
		return 0, err
	}
	if err := rows.Close(); err != nil {
		return 0, err
	}
	tx.old = true
	return tx.Exec("DELETE FROM event WHERE pos <= $1", upTo)
}

// passed is the position up to which every consumer has come; 0 while one has not begun.
func (db *DB) passed(tx *Tx) (int64, error) {
	rows, err := tx.Query("SELECT name, pos, lease_until FROM consumer")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	began := map[string]bool{}
	lowest := int64(-1)
	forgotten := time.Now().Add(-consumerForgotten).UnixMicro()
	for rows.Next() {
		var name string
		var pos, lease int64
		if err := rows.Scan(&name, &pos, &lease); err != nil {
			return 0, err
		}
		_, ours := db.consumers.Load(name)
		began[name] = ours
		if (ours || lease > forgotten) && (lowest < 0 || pos < lowest) {
			lowest = pos
		}
	}
	db.consumers.Range(func(name, _ any) bool {
		if !began[name.(string)] {
			lowest = 0
		}
		return lowest != 0
	})
	return max(lowest, 0), rows.Err()
}
