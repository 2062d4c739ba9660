package sqldb

import (
	"context"
	"time"
)

// Timer is something to do at a time, kept in the database: it survives restarts and fires once, on one node.
type Timer struct {
	Tenant, ID string
	Kind       string // picks the handler
	Due        int64  // microseconds, UTC
	Payload    []byte
}

// TimerHandler does a timer's work in the transaction that removes it. It may set the timer again. It does no I/O.
type TimerHandler func(tx *Tx, t Timer) error

// SetTimer creates the timer or moves the one of the same id.
func (tx *Tx) SetTimer(t Timer) error {
	_, err := tx.Exec(`INSERT INTO timer (tenant, id, kind, due_at, payload) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, id) DO UPDATE SET kind = excluded.kind, due_at = excluded.due_at, payload = excluded.payload`,
		t.Tenant, t.ID, t.Kind, t.Due, string(t.Payload))
	if t.Due < tx.Now()+int64(sweepInterval/time.Microsecond) {
		tx.timer = true // the next sweep would be late
	}
	return err
}

// DropTimer removes a timer if it is there.
func (tx *Tx) DropTimer(tenant, id string) error {
	_, err := tx.Exec("DELETE FROM timer WHERE tenant = $1 AND id = $2", tenant, id)
	return err
}

// FirstTimer is when the earliest timer is due, in microseconds; 0 if there is none.
func (db *DB) FirstTimer(ctx context.Context) (int64, error) {
	var due int64
	err := db.QueryRow(ctx, "SELECT coalesce(min(due_at), 0) FROM timer").Scan(&due)
	return due, err
}

// sweepInterval bounds how late a timer is that another node set.
const sweepInterval = 250 * time.Millisecond

// RunTimers fires due timers until ctx ends. A timer of an unknown kind stays and is reported once a sweep; a handler's
// error leaves the timer, which is tried again 5 s later.
func (db *DB) RunTimers(ctx context.Context, handlers map[string]TimerHandler) error {
	for ctx.Err() == nil {
		set := db.timers.wait()
		n, err := db.SweepTimers(ctx, handlers)
		if err != nil && ctx.Err() == nil {
			db.log.Warn("timer sweep failed", "error", err)
		}
		if n == sweepBatch {
			continue
		}
		select {
		case <-ctx.Done():
		case <-set:
		case <-time.After(sweepInterval):
		}
	}
	return nil
}

const sweepBatch = 200

// SweepTimers fires what is due now, at most a batch of it, and tells how many it saw.
func (db *DB) SweepTimers(ctx context.Context, handlers map[string]TimerHandler) (int, error) {
	now := db.now().UnixMicro()
	rows, err := db.Query(ctx, "SELECT tenant, id, kind, due_at, payload FROM timer WHERE due_at <= $1 ORDER BY due_at LIMIT $2", now, sweepBatch)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var due []Timer
	for rows.Next() {
		var t Timer
		var payload string
		if err := rows.Scan(&t.Tenant, &t.ID, &t.Kind, &t.Due, &payload); err != nil {
			return 0, err
		}
		t.Payload = []byte(payload)
		due = append(due, t)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	for _, t := range due {
		handle, ok := handlers[t.Kind]
		if !ok {
			db.log.Warn("timer of unknown kind", "kind", t.Kind, "timer", t.ID)
			handle = func(tx *Tx, t Timer) error { t.Due = now + int64(time.Hour/time.Microsecond); return tx.SetTimer(t) }
		}
		err := db.Write(ctx, func(tx *Tx) error {
			// The due time is the fence: a timer that another node fired or someone moved is not ours any more.
			gone, err := tx.Exec("DELETE FROM timer WHERE tenant = $1 AND id = $2 AND due_at = $3", t.Tenant, t.ID, t.Due)
			if err != nil || gone == 0 {
				return err
			}
			return handle(tx, t)
		})
		if err != nil {
			if ctx.Err() != nil {
				return len(due), nil
			}
			db.log.Warn("timer failed", "kind", t.Kind, "timer", t.ID, "error", err)
			err = db.Write(ctx, func(tx *Tx) error {
				_, err := tx.Exec("UPDATE timer SET due_at = $4 WHERE tenant = $1 AND id = $2 AND due_at = $3",
					t.Tenant, t.ID, t.Due, now+int64(5*time.Second/time.Microsecond))
				return err
			})
			if err != nil {
				return len(due), err
			}
		}
	}
	return len(due), nil
}
