// Package outbox carries what was committed to systems that know nothing of our transactions: webhooks first, then foreign
// channels.
//
// Put adds an item in the transaction of the change it is about, so an item exists exactly if the change does. The worker
// sends it at least once: after a crash or a lost answer it is sent again, and receivers tell repeats by the item's key.
// Items of one target may overtake each other. A failed item comes again after a growing, scattered pause, and is dead after
// its last attempt; dead and done items are kept for a while and can be replayed. A target that is down, or slow, holds up
// neither others nor more than its own two places.
package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// The states of an item.
const (
	StatusReady = "ready" // waits for its time, or is being sent
	StatusDone  = "done"
	StatusDead  = "dead" // given up
)

// Item is one thing to send.
type Item struct {
	Tenant   string
	ID       string // given by Put if empty
	Channel  string // which sender
	Target   string // where to, in the sender's words
	Payload  []byte
	Key      string // idempotency key: what is put twice under one key is sent as one item
	Attempts int    // how often it was tried since it was put or replayed, the present one included
	tries    int64  // how often ever
}

// Put adds an item to be sent at once after the commit. added is false when its key is known.
func Put(tx *sqldb.Tx, it Item) (added bool, err error) {
	if it.ID == "" {
		it.ID = frontdesk.NewID()
	}
	now := tx.Now()
	n, err := tx.Exec(`INSERT INTO outbox (tenant, id, channel, target, payload, idempotency_key, status, due_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'ready', $7, $7) ON CONFLICT (tenant, idempotency_key) DO NOTHING`,
		it.Tenant, it.ID, it.Channel, it.Target, it.Payload, it.Key, now)
	if err != nil {
		return false, fmt.Errorf("put into outbox: %w", err)
	}
	return n == 1, nil
}

// Drop removes all items of a target, in the caller's transaction. What is being sent at this moment still arrives.
func Drop(tx *sqldb.Tx, tenant, channel, target string) error {
	_, err := tx.Exec("DELETE FROM outbox_attempt WHERE tenant = $1 AND item IN (SELECT id FROM outbox WHERE tenant = $1 AND channel = $2 AND target = $3)", tenant, channel, target)
	if err == nil {
		_, err = tx.Exec("DELETE FROM outbox WHERE tenant = $1 AND channel = $2 AND target = $3", tenant, channel, target)
	}
	if err != nil {
		return fmt.Errorf("drop from outbox: %w", err)
	}
	return nil
}

// Delivery is an item as staff see it.
type Delivery struct {
	ID        string          `json:"id"`
	Target    string          `json:"target"`
	Key       string          `json:"idempotency_key"`
	Payload   json.RawMessage `json:"payload"`
	Status    string          `json:"status"`
	Attempts  int             `json:"attempts"`
	DueAt     int64           `json:"due_at"` // of the next attempt, while ready
	LastError string          `json:"last_error,omitempty"`
	Code      int             `json:"code,omitempty"` // status of the last answer; 0 if there was none
	CreatedAt int64           `json:"created_at"`
	DoneAt    int64           `json:"done_at,omitempty"` // when it arrived, or was given up
}

// Attempt is one try to send an item.
type Attempt struct {
	Number    int64  `json:"number"`
	At        int64  `json:"at"`
	Status    int    `json:"status"` // of the answer; 0 if there was none
	LatencyUs int64  `json:"latency_us"`
	Error     string `json:"error,omitempty"`
	Response  string `json:"response,omitempty"` // the first of what was answered: foreign text
}

const deliveryColumns = "id, target, idempotency_key, payload, status, attempts, due_at, last_error, last_status, created_at, done_at"

func scanDelivery(scan func(...any) error) (d Delivery, err error) {
	var payload []byte
	err = scan(&d.ID, &d.Target, &d.Key, &payload, &d.Status, &d.Attempts, &d.DueAt, &d.LastError, &d.Code, &d.CreatedAt, &d.DoneAt)
	if d.Payload = payload; !json.Valid(payload) {
		d.Payload, _ = json.Marshal(string(payload)) // a string always marshals
	}
	return d, err
}

// List returns up to limit items of a target, newest first, those older than the item before if it is not empty.
func List(ctx context.Context, db *sqldb.DB, tenant, channel, target, before string, limit int) ([]Delivery, error) {
	if before == "" {
		before = "g" // after every id, in any collation
	}
	rows, err := db.Query(ctx, "SELECT "+deliveryColumns+` FROM outbox
		WHERE tenant = $1 AND channel = $2 AND target = $3 AND id < $4 ORDER BY id DESC LIMIT $5`, tenant, channel, target, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list outbox: %w", err)
	}
	defer rows.Close()
	list := []Delivery{}
	for rows.Next() {
		d, err := scanDelivery(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("list outbox: %w", err)
		}
		list = append(list, d)
	}
	return list, rows.Err()
}

// Get returns an item of a channel with its attempts, oldest first.
func Get(ctx context.Context, db *sqldb.DB, tenant, channel, id string) (Delivery, []Attempt, error) {
	d, err := scanDelivery(db.QueryRow(ctx, "SELECT "+deliveryColumns+" FROM outbox WHERE tenant = $1 AND channel = $2 AND id = $3", tenant, channel, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return d, nil, frontdesk.Errorf(frontdesk.NotFound, "no such delivery")
	}
	if err != nil {
		return d, nil, fmt.Errorf("read outbox: %w", err)
	}
	rows, err := db.Query(ctx, "SELECT number, at, status, latency_us, error, response FROM outbox_attempt WHERE tenant = $1 AND item = $2 ORDER BY number", tenant, id)
	if err != nil {
		return d, nil, fmt.Errorf("read attempts: %w", err)
	}
	defer rows.Close()
	attempts := []Attempt{}
	for rows.Next() {
		var a Attempt
		if err := rows.Scan(&a.Number, &a.At, &a.Status, &a.LatencyUs, &a.Error, &a.Response); err != nil {
			return d, nil, fmt.Errorf("read attempts: %w", err)
		}
		attempts = append(attempts, a)
	}
	return d, attempts, rows.Err()
}

// Replay has a done or dead item sent again, under the same key and with all its attempts to come. An item that is still
// to be sent is a Conflict.
func Replay(ctx context.Context, db *sqldb.DB, tenant, channel, id string) error {
	return db.Write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(`UPDATE outbox SET status = 'ready', attempts = 0, due_at = $4, claim = '', lease_until = 0, last_error = '', last_status = 0, done_at = 0
			WHERE tenant = $1 AND channel = $2 AND id = $3 AND status <> 'ready'`, tenant, channel, id, tx.Now())
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if n == 1 {
			return nil
		}
		var status string
		err = tx.QueryRow("SELECT status FROM outbox WHERE tenant = $1 AND channel = $2 AND id = $3", tenant, channel, id).Scan(&status)
		if errors.Is(err, sql.ErrNoRows) {
			return frontdesk.Errorf(frontdesk.NotFound, "no such delivery")
		}
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		return frontdesk.Errorf(frontdesk.Conflict, "the delivery is still to be sent")
	})
}

// Failing counts by target a tenant's items of a channel that failed last and have not arrived.
func Failing(ctx context.Context, db *sqldb.DB, tenant, channel string) (map[string]int64, error) {
	rows, err := db.Query(ctx, "SELECT target, count(*) FROM outbox WHERE tenant = $1 AND channel = $2 AND last_error <> '' GROUP BY target", tenant, channel)
	if err != nil {
		return nil, fmt.Errorf("count failing: %w", err)
	}
	defer rows.Close()
	failing := map[string]int64{}
	for rows.Next() {
		var target string
		var n int64
		if err := rows.Scan(&target, &n); err != nil {
			return nil, fmt.Errorf("count failing: %w", err)
		}
		failing[target] = n
	}
	return failing, rows.Err()
}

// Backlog is how many items wait, how old the oldest that is due is, and how many are dead: for metrics.
type Backlog struct {
	Ready, Dead int64
	Oldest      time.Duration
}

// Measure counts the backlog of all tenants.
func Measure(ctx context.Context, db *sqldb.DB) (b Backlog, err error) {
	now := db.Now().UnixMicro()
	var due int64
	err = db.QueryRow(ctx, `SELECT count(*), coalesce(min(due_at), $1), (SELECT count(*) FROM outbox WHERE status = 'dead')
		FROM outbox WHERE status = 'ready'`, now).Scan(&b.Ready, &due, &b.Dead)
	if err != nil {
		return b, fmt.Errorf("measure outbox: %w", err)
	}
	b.Oldest = time.Duration(max(0, now-due)) * time.Microsecond
	return b, nil
}

// Forget is a sqldb.Retention's Remove: done and dead items with their attempts.
func Forget(tx *sqldb.Tx, before int64, limit int) (int64, error) {
	const old = "(SELECT tenant, id FROM outbox WHERE status <> 'ready' AND created_at < $1 ORDER BY created_at, tenant, id LIMIT $2)"
	if _, err := tx.Exec("DELETE FROM outbox_attempt WHERE (tenant, item) IN "+old, before, limit); err != nil {
		return 0, fmt.Errorf("forget attempts: %w", err)
	}
	n, err := tx.Exec("DELETE FROM outbox WHERE (tenant, id) IN "+old, before, limit)
	if err != nil {
		return 0, fmt.Errorf("forget items: %w", err)
	}
	return n, nil
}
