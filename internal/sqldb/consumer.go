package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"frontdesk"
)

// Consumer is a side stream: a named reader of the event log with a cursor of its own. It runs on one node at a time.
type Consumer struct {
	Name string
	// Batch is how many events one Handle call gets at most; 0 is 500.
	Batch int
	// Every is the least time between batches that were not full: a busy log is read in larger, cheaper bites. 0 is 50 ms.
	Every time.Duration
	// Handle works a batch off in one transaction with the move of the cursor, so its database effects happen once.
	// It does no I/O. An error is logged, and the same batch comes again after a pause.
	Handle func(tx *Tx, events []frontdesk.Event) error
}

const (
	consumerLease = 10 * time.Second
	consumerRetry = time.Second
)

var errLeaseLost = errors.New("consumer lease lost")

// RunConsumer handles events until ctx ends. The first run of a name starts at the beginning of the log.
func (db *DB) RunConsumer(ctx context.Context, c Consumer) error {
	if c.Batch == 0 {
		c.Batch = 500
	}
	if c.Every == 0 {
		c.Every = 50 * time.Millisecond
	}
	db.consumers.Store(c.Name, true)
	for ctx.Err() == nil {
		woken := db.events.wait()
		n, err := db.consumeOnce(ctx, c)
		pause := db.lookEvery()
		switch {
		case errors.Is(err, errLeaseLost):
			pause = consumerLease / 4
			woken = nil
		case err != nil && ctx.Err() == nil:
			db.log.Warn("consumer failed", "consumer", c.Name, "error", err)
			pause = consumerRetry
			woken = nil
		case n == c.Batch:
			continue
		}
		select {
		case <-ctx.Done():
		case <-woken:
			select {
			case <-ctx.Done():
			case <-time.After(c.Every):
			}
		case <-time.After(pause):
		}
	}
	return nil
}

// consumeOnce takes or renews the lease, reads a batch and handles it; n is the batch's size.
func (db *DB) consumeOnce(ctx context.Context, c Consumer) (n int, err error) {
	pos, err := db.leaseConsumer(ctx, c.Name)
	if err != nil {
		return 0, err
	}
	events, next, err := db.Events(ctx, "", pos, c.Batch)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	err = db.Write(ctx, func(tx *Tx) error {
		moved, err := tx.Exec("UPDATE consumer SET pos = $1, lease_until = $2 WHERE name = $3 AND node = $4 AND pos = $5",
			next, time.Now().Add(consumerLease).UnixMicro(), c.Name, db.boot, pos)
		if err != nil {
			return err
		}
		if moved == 0 {
			return errLeaseLost
		}
		return c.Handle(tx, events)
	})
	return len(events), err
}

// leaseConsumer returns the cursor if this node holds the consumer's lease or can take it. The holder of a fresh lease
// reads without writing.
func (db *DB) leaseConsumer(ctx context.Context, name string) (pos int64, err error) {
	now := time.Now().UnixMicro()
	var node string
	var until int64
	err = db.QueryRow(ctx, "SELECT pos, node, lease_until FROM consumer WHERE name = $1", name).Scan(&pos, &node, &until)
	switch {
	case err == nil && node == db.boot && until-now > int64(consumerLease/time.Microsecond)/2:
		return pos, nil
	case err == nil && node != db.boot && until > now && db.dialect == Postgres:
		return 0, errLeaseLost // on SQLite the folder's lock proves any other holder dead
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return 0, err
	}
	err = db.Write(ctx, func(tx *Tx) error {
		err := tx.QueryRow(`INSERT INTO consumer (name, pos, node, lease_until) VALUES ($1, 0, $2, $3)
			ON CONFLICT (name) DO UPDATE SET node = excluded.node, lease_until = excluded.lease_until
			WHERE consumer.node = $2 OR consumer.node = $4 RETURNING pos`,
			name, db.boot, now+int64(consumerLease/time.Microsecond), node).Scan(&pos)
		if errors.Is(err, sql.ErrNoRows) {
			return errLeaseLost
		}
		return err
	})
	return pos, err
}

// Progress is where a consumer stands.
type Progress struct{ Pos, Lag int64 }

// Behind is where the consumers stand that this process runs, or waits to run. Those of other versions of the program are
// left out: nobody moves them any more, or not here.
func (db *DB) Behind(ctx context.Context) (map[string]Progress, error) {
	pos, last, err := db.cursors(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]Progress{}
	db.consumers.Range(func(name, _ any) bool {
		at := pos[name.(string)] // one that has not begun is at 0
		out[name.(string)] = Progress{at, last - at}
		return true
	})
	return out, nil
}

// Lag is how many events each consumer has before it.
func (db *DB) Lag(ctx context.Context) (map[string]int64, error) {
	pos, last, err := db.cursors(ctx)
	for name, at := range pos {
		pos[name] = last - at
	}
	return pos, err
}

// cursors are the positions of all consumers, and of the log's end before they were read.
func (db *DB) cursors(ctx context.Context) (pos map[string]int64, last int64, err error) {
	if last, err = db.LastPos(ctx); err != nil {
		return nil, 0, err
	}
	rows, err := db.Query(ctx, "SELECT name, pos FROM consumer")
	if err != nil {
		return nil, 0, fmt.Errorf("read consumers: %w", err)
	}
	defer rows.Close()
	pos = map[string]int64{}
	for rows.Next() {
		var name string
		var at int64
		if err := rows.Scan(&name, &at); err != nil {
			return nil, 0, err
		}
		pos[name] = at
		last = max(last, at) // it moved between the two reads
	}
	return pos, last, rows.Err()
}
