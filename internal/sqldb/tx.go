package sqldb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"frontdesk"
)

// Tx is a transaction inside Write. It is not safe for concurrent use and must not be kept.
type Tx struct {
	db     *DB
	on     session
	err    error // the first failed statement: what follows does not run
	events []frontdesk.Event
	timer  bool
	wrote  bool // a statement that may have changed something was run
	old    bool // events that were committed before were changed or removed
	after  []func()
}

// session runs statements in one transaction: SQLite's through the writer's prepared statements, PostgreSQL's through the
// driver, which keeps prepared statements for each connection itself. (Preparing through the pool from inside a
// transaction needs a second connection: with all of them in transactions that is a deadlock.)
type session interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Statements never see a caller's context: cancelling one of them rolls back the whole group on SQLite.
var background = context.Background()

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	if tx.err != nil {
		return 0, tx.err
	}
	tx.wrote = true
	r, err := tx.on.ExecContext(background, query, args...)
	if err != nil {
		return 0, tx.fail(err)
	}
	return r.RowsAffected()
}

// Query runs a query. The caller closes the rows before its next statement, and returns their Err.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	if tx.err != nil {
		return nil, tx.err
	}
	tx.wrote = tx.wrote || !strings.HasPrefix(query, "SELECT")
	rows, err := tx.on.QueryContext(background, query, args...)
	if err != nil {
		return nil, tx.fail(err)
	}
	return rows, nil
}

// Row is the result of QueryRow.
type Row struct {
	tx  *Tx
	row *sql.Row
}

// QueryRow runs a query or a statement with RETURNING that yields at most one row.
func (tx *Tx) QueryRow(query string, args ...any) Row {
	if tx.err != nil {
		return Row{tx: tx}
	}
	tx.wrote = tx.wrote || !strings.HasPrefix(query, "SELECT")
	return Row{tx: tx, row: tx.on.QueryRowContext(background, query, args...)}
}

// Scan copies the row into dest; without a row it returns sql.ErrNoRows and the transaction goes on.
func (r Row) Scan(dest ...any) error {
	if r.row == nil {
		return r.tx.err
	}
	err := r.row.Scan(dest...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return r.tx.fail(err)
	}
	return err
}

func (tx *Tx) fail(err error) error {
	if tx.err == nil {
		tx.err = err
	}
	return err
}

// Append adds an event to the log, in this transaction. An empty ID and a zero At and Version are filled in.
func (tx *Tx) Append(ev frontdesk.Event) {
	if ev.ID == "" {
		ev.ID = frontdesk.NewID()
	}
	if ev.At == 0 {
		ev.At = tx.Now()
	}
	if ev.Version == 0 {
		ev.Version = 1
	}
	if len(ev.Data) == 0 {
		ev.Data = json.RawMessage("{}")
	}
	tx.events = append(tx.events, ev)
}

// After has f run after the commit, by the goroutine that called Write. It does not run if the process dies in between.
func (tx *Tx) After(f func()) { tx.after = append(tx.after, f) }

// Now is the product's clock in microseconds.
func (tx *Tx) Now() int64 { return tx.db.now().UnixMicro() }

// Dialect tells which database runs the transaction.
func (tx *Tx) Dialect() Dialect { return tx.db.dialect }
