package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"frontdesk"

	"github.com/jackc/pgx/v5/pgconn"
)

// IsDown reports whether err says that the database cannot be reached or cannot serve now: trying again later may help.
// What Query, ReadTx and Write return is Unavailable then already; what Scan and Rows.Err return is not.
func IsDown(err error) bool {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return true
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "55P03", "25P03": // waited too long for a lock; left alone in a transaction for too long
			return true
		}
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "53") || strings.HasPrefix(pg.Code, "57")
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	s := err.Error() // neither package has a name for it
	return strings.HasSuffix(s, "conn closed") || strings.HasSuffix(s, "sql: database is closed")
}

// reachable makes what IsDown recognises Unavailable, and leaves every other error as it is.
func reachable(op string, err error) error {
	if !IsDown(err) {
		return err
	}
	if _, known := errors.AsType[*frontdesk.Error](err); known {
		return err
	}
	return unavailable(op, err)
}

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
		return reachable("write", err)
	}
	for events := tx.events; len(events) > 0; {
		n := min(len(events), 100)
		args := make([]any, 0, n*9)
		for i := range events[:n] {
			args = appendEventArgs(args, &events[i])
		}
		if _, err := t.ExecContext(background, insertEvents(n, false), args...); err != nil {
			return reachable("append events", err)
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
