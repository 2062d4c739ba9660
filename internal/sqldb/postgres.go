package sqldb

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// writePostgres runs fn in a transaction of its own, again when the database broke a deadlock or a serialization conflict.
func (db *DB) writePostgres(ctx context.Context, fn func(tx *Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := db.tryPostgres(ctx, fn)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || (pg.Code != "40001" && pg.Code != "40P01") || attempt == 5 {
			return err
		}
		select {
		case <-time.After(time.Duration(1+rand.IntN(10<<attempt)) * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (db *DB) tryPostgres(ctx context.Context, fn func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// Once begun the transaction is finished whatever becomes of the caller: a COMMIT cut off in flight is a lie either way.
	// The wait for a connection is bounded apart.
	begin, cancel := context.WithTimeout(background, 10*time.Second)
	conn, err := db.read.Conn(begin)
	cancel()
	if err != nil {
		return unavailable("connect", err)
	}
	defer conn.Close()
	t, err := conn.BeginTx(background, nil)
	if err != nil {
		return unavailable("begin", err)
	}
	defer t.Rollback()
	tx := &Tx{db: db, on: t}
	err = call(fn, tx)
	if err == nil {
		err = tx.err
	}
	if err != nil {
		return err
	}
	for events := tx.events; len(events) > 0; {
		n := min(len(events), 100)
		args := make([]any, 0, n*9)
		for i := range events[:n] {
			args = appendEventArgs(args, &events[i])
		}
		if _, err := t.ExecContext(background, insertEvents(n, false), args...); err != nil {
			return err
		}
		events = events[n:]
	}
	if err := t.Commit(); err != nil {
		return unavailable("commit", err)
	}
	if len(tx.events) > 0 {
		db.events.raise()
	}
	if tx.timer {
		db.timers.raise()
	}
	for _, f := range tx.after {
		f()
	}
	return nil
}
