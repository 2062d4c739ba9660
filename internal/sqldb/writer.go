package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
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
	groupPace    = 1500 * time.Microsecond // a commit costs as much as ten rows: under load, at most so often
	walCheck     = 16 << 20                // start copying the log into the file in the background
	walHardLimit = 64 << 20                // stop writing until the log is copied and begun anew
)

// writer owns SQLite's only writing connection.
type writer struct {
	db      *DB
	pool    *sql.DB
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	queue   chan *request
	quit    chan struct{}
	done    chan struct{}
	pos     int64     // the last event's position
	last    time.Time // when the last group began
	company bool      // the last group had more than one member

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
		return ErrClosed
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
			return ErrClosed
		}
	}
}

// ErrClosed is what Write returns once the database is closing.
var ErrClosed = &frontdesk.Error{Kind: frontdesk.Unavailable, Op: "write", Public: "the database is closing"}

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
//
// Members run without savepoints: two statements and a journal of page images less for each. When one of them fails after
// it has written, everything is rolled back and the members run once more, now each in a savepoint.
func (w *writer) group(first *request) {
	// A lone caller that writes one thing after another is not held up: only where there is company does waiting gather it.
	if wait := groupPace - time.Since(w.last); wait > 0 && (w.company || len(w.queue) > 0) {
		time.Sleep(wait)
	}
	w.last = time.Now()
	g := group{members: []*request{first}}
	err := w.transact(&g, false)
	if errors.Is(err, errSpoiled) {
		w.rollback()
		err = w.transact(&g, true)
	}
	if err != nil {
		w.rollback()
		w.stats.failed.Add(1)
		w.reloadPos()
		finish(g.members, unavailable("write", err))
		return
	}
	w.company = len(g.members) > 1
	w.stats.groups.Add(1)
	w.stats.closures.Add(int64(len(g.members)))
	if n := int64(len(g.members)); n > w.stats.maxGroup.Load() {
		w.stats.maxGroup.Store(n)
	}
	if g.old {
		w.db.recent.clear()
	}
	w.db.recent.add(g.events)
	finish(g.members, nil)
	if len(g.events) > 0 {
		w.db.events.raise()
	}
	if g.timer {
		w.db.timers.raise()
	}
}

// group is what one transaction is made of.
type group struct {
	members []*request
	events  []frontdesk.Event
	timer   bool
	old     bool
}

// errSpoiled says that a member left a half-done change in a transaction without savepoints.
var errSpoiled = errors.New("a member failed after it had written")

// transact runs the members and, the first time, whoever joins them from the queue. On an error nothing is committed.
func (w *writer) transact(g *group, savepoints bool) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	g.events, g.timer, g.old = nil, false, false
	for i := 0; i < len(g.members); i++ {
		r := g.members[i]
		tx := &Tx{db: w.db, on: w}
		switch {
		case savepoints:
			var broken error
			if r.err, broken = w.member(tx, r.fn); broken != nil {
				return broken
			}
		case r.state.CompareAndSwap(waiting, begun):
			if r.err = run(tx, r.fn); r.err != nil && (tx.wrote || tx.err != nil) {
				return errSpoiled
			}
		default: // abandoned; it is the last
			g.members = g.members[:i]
			i--
		}
		if r.err == nil {
			g.events = append(g.events, tx.events...)
			g.timer, g.old = g.timer || tx.timer, g.old || tx.old
			r.after = tx.after
		}
		if !savepoints && len(g.members) < groupMax && time.Since(w.last) < groupTime {
			select {
			case next := <-w.queue:
				g.members = append(g.members, next)
			default:
			}
		}
	}
	if err := w.appendEvents(g.events); err != nil {
		return err
	}
	return w.exec("COMMIT")
}

// rollback ends a transaction. It may already be gone, which is fine.
func (w *writer) rollback() {
	if err := w.exec("ROLLBACK"); err != nil && !strings.Contains(err.Error(), "no transaction") {
		w.db.log.Error("rollback failed", "error", err)
	}
}

// member runs one closure in a savepoint. err is the closure's own failure; broken says that the group cannot go on.
func (w *writer) member(tx *Tx, fn func(tx *Tx) error) (err, broken error) {
	if e := w.exec("SAVEPOINT member"); e != nil {
		return nil, e
	}
	if err = run(tx, fn); err != nil {
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

// run is the closure and its verdict.
func run(tx *Tx, fn func(tx *Tx) error) error {
	if err := call(fn, tx); err != nil {
		return err
	}
	return tx.err // a closure that swallowed a statement's failure has failed all the same
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
	s, err := w.conn.PrepareContext(background, ordinal(query))
	if err != nil {
		return nil, err
	}
	w.stmts[query] = s
	return s, nil
}

// ordinal turns $1, $2 .. into ? where they stand in order, once each: SQLite takes $1 for a name, and the driver would look
// the name of every argument up each time.
func ordinal(query string) string {
	var b strings.Builder
	for n, rest := 1, query; ; n++ {
		before, after, found := strings.Cut(rest, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		number := strconv.Itoa(n)
		if !strings.HasPrefix(after, number) || len(after) > len(number) && after[len(number)] >= '0' && after[len(number)] <= '9' {
			return query
		}
		b.WriteByte('?')
		rest = after[len(number):]
	}
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
			events[i].Pos = w.pos
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
