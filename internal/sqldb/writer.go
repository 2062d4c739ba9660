package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"frontdesk"
)

// Limits of a group: large enough to share an fsync among many, small enough that the first one does not wait long.
const (
	groupMax     = 256
	groupTime    = 4 * time.Millisecond
	queueMax     = 8192
	walCheck     = 4 << 20  // start copying the log into the file in the background
	walHardLimit = 64 << 20 // stop writing until the log is copied and begun anew
)

// writer owns SQLite's only writing connection.
type writer struct {
	db    *DB
	pool  *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	queue chan *request
	quit  chan struct{}
	done  chan struct{}
	pos   int64 // the last event's position

	stats struct{ groups, closures, failed, maxGroup atomic.Int64 }
}

type request struct {
	fn    func(tx *Tx) error
	state atomic.Int32 // waiting, begun or abandoned
	err   error
	after []func()
	done  chan struct{}
}

const (
	waiting int32 = iota
	begun
	abandoned
)

func startWriter(ctx, bg context.Context, db *DB, pool *sql.DB) (*writer, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{db: db, pool: pool, conn: conn, stmts: map[string]*sql.Stmt{},
		queue: make(chan *request, queueMax), quit: make(chan struct{}), done: make(chan struct{})}
	if err := conn.QueryRowContext(ctx, "SELECT coalesce(max(pos), 0) FROM event").Scan(&w.pos); err != nil {
		return nil, fmt.Errorf("read last event position: %w", err)
	}
	go w.run()
	db.bg.Add(1)
	go func() { defer db.bg.Done(); w.checkpoints(bg) }()
	return w, nil
}

// write queues fn and waits for the commit of its group.
func (w *writer) write(ctx context.Context, fn func(tx *Tx) error) error {
	r := &request{fn: fn, done: make(chan struct{})}
	err := w.await(ctx, r)
	if err == nil {
		for _, f := range r.after {
			f()
		}
	}
	return err
}

func (w *writer) await(ctx context.Context, r *request) error {
	select {
	case w.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.quit:
		return errClosed
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err()
		}
		<-r.done // begun: the truth is known soon, and guessing would lie
		return r.err
	case <-w.done:
		select {
		case <-r.done:
			return r.err
		default:
			return errClosed
		}
	}
}

var errClosed = &frontdesk.Error{Kind: frontdesk.Unavailable, Op: "write", Public: "the database is closing"}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case r := <-w.queue:
			w.group(r)
		case <-w.quit:
			for { // what was queued before the close is still written
				select {
				case r := <-w.queue:
					w.group(r)
				default:
					return
				}
			}
		}
	}
}

// group runs first and whatever else is waiting in one transaction, and answers them all after its commit.
func (w *writer) group(first *request) {
	members := make([]*request, 0, 16)
	var events []frontdesk.Event
	timer := false
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		finish([]*request{first}, unavailable("begin", err))
		return
	}
	start := time.Now()
	var broken error
	for r := first; r != nil; {
		if r.state.CompareAndSwap(waiting, begun) {
			members = append(members, r)
			tx := &Tx{db: w.db, on: w}
			if r.err, broken = w.member(tx, r.fn); broken != nil {
				break
			}
			if r.err == nil {
				events = append(events, tx.events...)
				timer = timer || tx.timer
				r.after = tx.after
			}
		}
		r = nil
		if len(members) < groupMax && time.Since(start) < groupTime {
			select {
			case r = <-w.queue:
			default:
			}
		}
	}
	if broken == nil {
		broken = w.appendEvents(events)
	}
	if broken == nil {
		broken = w.exec("COMMIT")
	}
	if broken != nil {
		// The transaction may already be gone; then this fails, which is fine.
		if err := w.exec("ROLLBACK"); err != nil && !strings.Contains(err.Error(), "no transaction") {
			w.db.log.Error("rollback failed", "error", err)
		}
		w.stats.failed.Add(1)
		w.reloadPos()
		finish(members, unavailable("write", broken))
		return
	}
	w.stats.groups.Add(1)
	w.stats.closures.Add(int64(len(members)))
	if n := int64(len(members)); n > w.stats.maxGroup.Load() {
		w.stats.maxGroup.Store(n)
	}
	finish(members, nil)
	if len(events) > 0 {
		w.db.events.raise()
	}
	if timer {
		w.db.timers.raise()
	}
}

// member runs one closure in a savepoint. err is the closure's own failure; broken says that the group cannot go on.
func (w *writer) member(tx *Tx, fn func(tx *Tx) error) (err, broken error) {
	if e := w.exec("SAVEPOINT member"); e != nil {
		return nil, e
	}
	err = call(fn, tx)
	if err == nil {
		err = tx.err // a closure that swallowed a statement's failure has failed all the same
	}
	if err != nil {
		if e := w.exec("ROLLBACK TO member"); e != nil {
			// A full disk or an I/O error has already undone everything, the neighbours' work too.
			return err, fmt.Errorf("group lost: %w", errors.Join(err, e))
		}
	}
	if e := w.exec("RELEASE member"); e != nil {
		return err, e
	}
	return err, nil
}

func call(fn func(tx *Tx) error, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in write: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(tx)
}

// finish answers every member; err, if not nil, overrides what each had.
func finish(members []*request, err error) {
	for _, r := range members {
		if err != nil {
			r.err = err
		}
		close(r.done)
	}
}

func (w *writer) exec(query string) error {
	_, err := w.ExecContext(background, query)
	return err
}

// ExecContext, QueryContext and QueryRowContext make the writer a session.

func (w *writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := w.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (w *writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := w.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (w *writer) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := w.prepare(query)
	if err != nil {
		return w.conn.QueryRowContext(ctx, query, args...) // fails the same way, in Scan
	}
	return s.QueryRowContext(ctx, args...)
}

// stmtsMax bounds the prepared statements; multi-row inserts of odd sizes would else pile up.
const stmtsMax = 400

func (w *writer) prepare(query string) (*sql.Stmt, error) {
	if s, ok := w.stmts[query]; ok {
		return s, nil
	}
	if len(w.stmts) >= stmtsMax {
		for q, s := range w.stmts {
			if !strings.HasPrefix(q, "INSERT") {
				continue
			}
			s.Close()
			delete(w.stmts, q)
		}
	}
	s, err := w.conn.PrepareContext(background, query)
	if err != nil {
		return nil, err
	}
	w.stmts[query] = s
	return s, nil
}

// appendEvents gives each event the next position and writes them in as few statements as possible.
func (w *writer) appendEvents(events []frontdesk.Event) error {
	for len(events) > 0 {
		n := 1
		for n*2 <= len(events) && n < 64 { // powers of two: few distinct statements
			n *= 2
		}
		args := make([]any, 0, n*10)
		for i := range events[:n] {
			w.pos++
			args = append(args, w.pos)
			args = appendEventArgs(args, &events[i])
		}
		if _, err := w.ExecContext(background, insertEvents(n, true), args...); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

func (w *writer) reloadPos() {
	if err := w.conn.QueryRowContext(background, "SELECT coalesce(max(pos), 0) FROM event").Scan(&w.pos); err != nil {
		w.db.log.Error("read last event position failed", "error", err)
	}
}

// checkpoints copies the write-ahead log into the file, off the writer's way; only a log that has outgrown its hard limit
// (constant load lets no copy finish) is copied in the writer's turn.
func (w *writer) checkpoints(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	conn, err := sql.Open("sqlite", sqliteDSN(w.db.file, "busy_timeout(0)", "synchronous(NORMAL)"))
	if err != nil {
		w.db.log.Error("open checkpoint connection failed", "error", err)
		return
	}
	conn.SetMaxOpenConns(1)
	defer conn.Close()
	var last int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		st, err := os.Stat(w.db.file + "-wal")
		if err != nil || st.Size() < walCheck {
			continue
		}
		closures := w.stats.closures.Load()
		if closures == last && st.Size() < walHardLimit {
			continue
		}
		last = closures
		var busy, frames, copied int
		if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &frames, &copied); err != nil && ctx.Err() == nil {
			w.db.log.Warn("checkpoint failed", "error", err)
			continue
		}
		if st.Size() < walHardLimit || frames*4096 < walHardLimit {
			continue
		}
		if err := conn.QueryRowContext(ctx, "PRAGMA busy_timeout(200)").Scan(&busy); err != nil {
			continue
		}
		if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(RESTART)").Scan(&busy, &frames, &copied); err != nil && ctx.Err() == nil {
			w.db.log.Warn("checkpoint restart failed", "error", err)
		}
	}
}

func (w *writer) close() error {
	close(w.quit)
	<-w.done
	for _, s := range w.stmts {
		s.Close()
	}
	// Leaves one plain file behind: easier to copy, and the next start has no log to read.
	var a, b, c int
	err := w.conn.QueryRowContext(background, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&a, &b, &c)
	return errors.Join(err, w.conn.Close(), w.pool.Close())
}

// Stats tells what the writer did since the start, and how many closures wait now.
type Stats struct {
	Groups, Closures, Failed, MaxGroup int64
	Waiting                            int
}

// Stats is zero on PostgreSQL.
func (db *DB) Stats() Stats {
	if db.w == nil {
		return Stats{}
	}
	s := &db.w.stats
	return Stats{s.groups.Load(), s.closures.Load(), s.failed.Load(), s.maxGroup.Load(), len(db.w.queue)}
}
