package sqldb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"frontdesk"
)

const eventColumns = "id, tenant, type, version, at, conversation, subject, actor, data"

func appendEventArgs(args []any, e *frontdesk.Event) []any {
	return append(args, e.ID, e.Tenant, e.Type, e.Version, e.At, e.Conversation, e.Subject, e.Actor, string(e.Data))
}

var insertTexts sync.Map

// insertEvents is the INSERT of n events, with a leading position where the writer gives it.
func insertEvents(n int, pos bool) string {
	type key struct {
		n   int
		pos bool
	}
	if s, ok := insertTexts.Load(key{n, pos}); ok {
		return s.(string)
	}
	columns, width := eventColumns, 9
	if pos {
		columns, width = "pos, "+columns, 10
	}
	s := "INSERT INTO event (" + columns + ") VALUES " + Placeholders(n, width)
	insertTexts.Store(key{n, pos}, s)
	return s
}

// Placeholders is "($1, $2), ($3, $4)" for rows of width values, for a multi-row INSERT.
func Placeholders(rows, width int) string {
	var b strings.Builder
	for i, k := 0, 1; i < rows; i++ {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for j := range width {
			if j > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "$%d", k)
			k++
		}
		b.WriteByte(')')
	}
	return b.String()
}

// Events returns up to limit events after a position, in order, and only those that have a position. An empty tenant
// means all tenants. With a tenant at most 10 x limit positions are looked through; next is where to go on.
func (db *DB) Events(ctx context.Context, tenant string, after int64, limit int) (events []frontdesk.Event, next int64, err error) {
	if tenant == "" {
		if events, ok := db.recent.after(after, limit); ok {
			if n := len(events); n > 0 {
				after = events[n-1].Pos
			}
			return events, after, nil
		}
	}
	var rows *sql.Rows
	end := after
	if tenant == "" {
		rows, err = db.Query(ctx, "SELECT pos, "+eventColumns+" FROM event WHERE pos > $1 ORDER BY pos LIMIT $2", after, limit)
	} else {
		// How far the log reaches is asked first: what is committed after that belongs to the next page.
		if end, err = db.LastPos(ctx); err != nil {
			return nil, after, err
		}
		end = min(end, after+10*int64(limit))
		rows, err = db.Query(ctx, "SELECT pos, "+eventColumns+` FROM event
			WHERE pos > $1 AND pos <= $2 AND tenant = $3 ORDER BY pos LIMIT $4`, after, end, tenant, limit)
	}
	if err != nil {
		return nil, after, err
	}
	defer rows.Close()
	next = after
	for rows.Next() {
		var e frontdesk.Event
		var data string
		if err := rows.Scan(&e.Pos, &e.ID, &e.Tenant, &e.Type, &e.Version, &e.At, &e.Conversation, &e.Subject, &e.Actor, &data); err != nil {
			return nil, after, err
		}
		e.Data = json.RawMessage(data)
		events = append(events, e)
		next = e.Pos
	}
	if err := rows.Err(); err != nil {
		return nil, after, err
	}
	if tenant != "" && len(events) < limit {
		next = max(next, end)
	}
	return events, next, nil
}

// RedactEvents takes keys, named by the type of event, out of the data of a tenant's events in some conversations. It looks
// through up to limit positions after one, and what has no position yet, and says where to go on; at the end of the log that
// is where it began.
func (tx *Tx) RedactEvents(tenant string, conversations []string, keys map[string][]string, after int64, limit int) (next int64, err error) {
	tx.old = true
	if err := tx.QueryRow("SELECT coalesce(max(pos), $1) FROM (SELECT pos FROM event WHERE pos > $1 ORDER BY pos LIMIT $2) AS e", after, limit).Scan(&next); err != nil {
		return after, err
	}
	for _, conversation := range conversations { // few; the database passes over the others' rows without reading their data
		query := "SELECT pos, type, data FROM event WHERE pos > $1 AND pos <= $2 AND tenant = $3 AND conversation = $4"
		if err := tx.redactEvents(query, "pos", keys, after, next, tenant, conversation); err != nil {
			return after, err
		}
		if tx.Dialect() == SQLite {
			continue
		}
		// The sequencer waits for these rows, so none gets its position behind the look's back.
		query = "SELECT serial, type, data FROM event WHERE pos IS NULL AND tenant = $1 AND conversation = $2 FOR UPDATE"
		if err := tx.redactEvents(query, "serial", keys, tenant, conversation); err != nil {
			return after, err
		}
	}
	return next, nil
}

// redactEvents redacts what a query finds; column is what its first one, a number, names a row by.
func (tx *Tx) redactEvents(query, column string, keys map[string][]string, args ...any) error {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	redacted := map[int64]string{}
	for rows.Next() {
		var row int64
		var kind, data string
		if err := rows.Scan(&row, &kind, &data); err != nil {
			return err
		}
		if len(keys[kind]) == 0 {
			continue
		}
		rest, err := without(data, keys[kind])
		if err != nil {
			return fmt.Errorf("event with %s %d: %w", column, row, err)
		}
		if rest != data {
			redacted[row] = rest
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for row, data := range redacted {
		if _, err := tx.Exec("UPDATE event SET data = $1 WHERE "+column+" = $2", data, row); err != nil {
			return err
		}
	}
	return nil
}

// without is a JSON object without some keys; one that has none of them comes back as it is.
func without(object string, keys []string) (string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		return "", err
	}
	had := len(fields)
	for _, k := range keys {
		delete(fields, k)
	}
	if len(fields) == had {
		return object, nil
	}
	rest, err := json.Marshal(fields)
	return string(rest), err
}

// LastPos is the position of the newest event, 0 if there is none.
func (db *DB) LastPos(ctx context.Context) (int64, error) {
	var pos int64
	err := db.QueryRow(ctx, "SELECT coalesce(max(pos), 0) FROM event").Scan(&pos)
	return pos, err
}

// Woken returns a channel that is closed when events have been committed by this process, or on a hint.
func (db *DB) Woken() <-chan struct{} { return db.events.wait() }

// Committed returns a channel that is closed when events have been committed, or given their positions, by this process:
// what other nodes may want a hint of. A hint from them does not close it.
func (db *DB) Committed() <-chan struct{} { return db.events.own.wait() }

// Wake tells consumers here that another node has committed events.
func (db *DB) Wake() {
	db.events.fresh.raise()
	db.events.all.raise()
}

// news is raised when there are events to read.
type news struct {
	fresh signal // for the sequencer, which must not wake itself: commits, here or elsewhere
	own   signal // commits and new positions, here
	all   signal
}

func (n *news) wait() <-chan struct{} { return n.all.wait() }

// raise is of a commit here.
func (n *news) raise() {
	n.fresh.raise()
	n.placed()
}

// placed is of positions given here.
func (n *news) placed() {
	n.own.raise()
	n.all.raise()
}

// pollInterval is how long a lost hint can delay a consumer.
const pollInterval = 300 * time.Millisecond

// lookEvery is how often a reader of the log looks for events that nobody told of. On SQLite this process is the only writer
// and tells of each commit; looking all the same would be most of what an idle server does.
func (db *DB) lookEvery() time.Duration {
	if db.dialect == SQLite {
		return time.Minute
	}
	return pollInterval
}

// Sequence gives positions to committed events on PostgreSQL; on SQLite the writer already did, and Sequence waits for
// ctx. Every node runs it: the row of the last position is the lock. It returns when ctx ends.
//
// Positions are dense and given after commit, so a cursor on them skips nothing: serial numbers become visible out of
// order, and transaction ids stall on a foreign transaction and start over in a restored dump.
func (db *DB) Sequence(ctx context.Context) error {
	if db.dialect == SQLite {
		<-ctx.Done()
		return nil
	}
	for {
		woken := db.events.fresh.wait() // before the work: a commit during it makes another round
		n, err := db.sequenceOnce(ctx)
		if err != nil && ctx.Err() == nil {
			db.log.Warn("event sequencer failed", "error", err)
		}
		if n > 0 {
			db.events.placed()
		}
		if n == sequenceBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-woken:
		case <-time.After(pollInterval):
		}
	}
}

const sequenceBatch = 2000

func (db *DB) sequenceOnce(ctx context.Context) (n int64, err error) {
	tx, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	var last int64
	err = tx.QueryRowContext(ctx, "SELECT last FROM event_sequence WHERE id = 1 FOR UPDATE SKIP LOCKED").Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil // another node is at it
	}
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `
		WITH fresh AS (SELECT serial, row_number() OVER (ORDER BY serial) AS n FROM
			(SELECT serial FROM event WHERE pos IS NULL ORDER BY serial LIMIT $2) AS s),
		placed AS (UPDATE event SET pos = $1 + fresh.n FROM fresh WHERE event.serial = fresh.serial RETURNING 1)
		SELECT count(*) FROM placed`, last, sequenceBatch).Scan(&n)
	if err != nil || n == 0 {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE event_sequence SET last = $1 WHERE id = 1", last+n); err != nil {
		return 0, err
	}
	return n, tx.Commit()
}
