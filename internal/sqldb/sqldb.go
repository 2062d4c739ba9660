// Package sqldb is the system of record: SQLite in a folder or PostgreSQL by URL, one SQL text for both, with
// transactions, migrations, the event log, its consumers and durable timers.
//
// Write promises: when it returns nil the change is on disk (WAL and fsync on SQLite, COMMIT on PostgreSQL); when it
// returns an error nothing of fn's work is there. On SQLite one writer runs the waiting closures, each in a savepoint, in
// one transaction (group commit); readers run beside it. Queries are PostgreSQL style ($1, ON CONFLICT .. RETURNING).
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"frontdesk"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the "sqlite" driver
)

// Dialect says which database runs the SQL. Code branches on it only where the two truly differ.
type Dialect string

// The two databases.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// FileName is the SQLite file's name in the data folder.
const FileName = "frontdesk.db"

// Options say where the database is.
type Options struct {
	Dir string           // folder of the SQLite file; used when URL is empty
	URL string           // postgres://..
	Log *slog.Logger     // nil discards
	Now func() time.Time // the product's clock; nil is time.Now. Simulations move it.
	// NoSync leaves writing to disk to Close: for filling a fresh SQLite file that can be thrown away if that fails.
	NoSync bool
}

// DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	dialect Dialect
	log     *slog.Logger
	now     func() time.Time
	boot    string // this process, for claims and leases
	file    string // SQLite file
	noSync  bool

	read  *sql.DB // SQLite: read-only pool; PostgreSQL: the pool
	stmts sync.Map

	w      *writer // SQLite
	events news    // raised after events were committed
	recent recent  // SQLite
	timers signal  // raised when an earlier timer was set
	// consumers are the names that this process runs, or tries to.
	consumers sync.Map
	stopBg    context.CancelFunc
	bg        sync.WaitGroup
	closing   sync.Once
}

// Open opens the database, creating the SQLite file if it is not there, and brings its schema up to date. It fails on a
// schema that is newer than the program.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	db := &DB{log: o.Log, now: o.Now, boot: frontdesk.NewID()}
	bg, stop := context.WithCancel(context.WithoutCancel(ctx))
	db.stopBg = stop
	var err error
	if o.URL == "" {
		err = db.openSQLite(ctx, bg, o.Dir, o.NoSync)
	} else {
		err = db.openPostgres(ctx, o.URL)
	}
	if err != nil {
		stop()
		return nil, err
	}
	return db, nil
}

func (db *DB) openSQLite(ctx, bg context.Context, dir string, noSync bool) error {
	db.dialect, db.noSync = SQLite, noSync
	synchronous := "synchronous(FULL)"
	if noSync {
		synchronous = "synchronous(OFF)"
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	db.file = filepath.Join(dir, FileName)
	// Opened once by hand first: the file must not be readable by others, and SQLite would use the umask.
	f, err := os.OpenFile(db.file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open database file: %w", err)
	}
	f.Close()

	// busy_timeout precedes WAL: switching modes itself needs the lock.
	write, err := sql.Open("sqlite", sqliteDSN(db.file, "busy_timeout(10000)", "journal_mode(WAL)", synchronous,
		"cache_size(-16000)", "temp_store(MEMORY)", "wal_autocheckpoint(0)", "journal_size_limit(33554432)", "foreign_keys(0)"))
	if err != nil {
		return err
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write, SQLite); err != nil {
		write.Close()
		return err
	}
	db.read, err = sql.Open("sqlite", sqliteDSN(db.file, "busy_timeout(10000)", "query_only(1)", "cache_size(-4000)"))
	if err != nil {
		write.Close()
		return err
	}
	db.read.SetMaxOpenConns(8)
	db.read.SetMaxIdleConns(4)
	db.w, err = startWriter(ctx, bg, db, write)
	if err != nil {
		write.Close()
		db.read.Close()
		return err
	}
	return nil
}

func sqliteDSN(file string, pragmas ...string) string {
	q := url.Values{"_txlock": {"immediate"}}
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + q.Encode()
}

func (db *DB) openPostgres(ctx context.Context, dsn string) error {
	db.dialect = Postgres
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The driver's text repeats the URL with its password.
		return frontdesk.InvalidField("database.url", "not a valid PostgreSQL address")
	}
	for name, value := range patience {
		if _, set := cfg.RuntimeParams[name]; !set && !strings.Contains(cfg.RuntimeParams["options"], name) {
			cfg.RuntimeParams[name] = value
		}
	}
	db.read = stdlib.OpenDB(*cfg)
	db.read.SetMaxOpenConns(24)
	db.read.SetMaxIdleConns(12)
	db.read.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.read.PingContext(ctx); err != nil {
		db.read.Close()
		return &frontdesk.Error{Kind: frontdesk.Unavailable, Op: "connect to PostgreSQL", Err: err}
	}
	// A migration takes as long as it takes, and so does waiting for another node's.
	unhurried := cfg.Copy()
	for name := range patience {
		unhurried.RuntimeParams[name] = "0"
	}
	pool := stdlib.OpenDB(*unhurried)
	defer pool.Close()
	if err := migrate(ctx, pool, Postgres); err != nil {
		db.read.Close()
		return err
	}
	return nil
}

// patience bounds what one stuck statement, lock or transaction can hold up, unless the address of the database sets it.
// Nothing of the product's comes near these times.
var patience = map[string]string{
	"lock_timeout":                        "5s",
	"statement_timeout":                   "30s",
	"idle_in_transaction_session_timeout": "15s",
}

// Close stops the writer after what it has begun, and closes all connections. Consumers and timers must have stopped.
func (db *DB) Close() error {
	var err error
	db.closing.Do(func() {
		db.stopBg()
		db.bg.Wait()
		if db.w != nil {
			err = db.w.close()
		}
		db.stmts.Range(func(_, s any) bool {
			err = errors.Join(err, s.(*sql.Stmt).Close())
			return true
		})
		err = errors.Join(err, db.read.Close())
		if db.noSync {
			err = errors.Join(err, syncFile(db.file), syncFile(filepath.Dir(db.file)))
		}
	})
	return err
}

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Dialect tells which database this is.
func (db *DB) Dialect() Dialect { return db.dialect }

// Boot is the id of this opening of the database: the owner written into claims and leases.
func (db *DB) Boot() string { return db.boot }

// Now is the product's clock.
func (db *DB) Now() time.Time { return db.now() }

// File is the SQLite file, empty on PostgreSQL.
func (db *DB) File() string { return db.file }

// Ping reports whether the database answers a read.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	return db.QueryRow(ctx, "SELECT 1").Scan(&one)
}

// Write runs fn in a transaction and returns after its commit. fn does no I/O but through tx, does not use the caller's
// context and may run more than once. An error of fn, or of any statement in it, undoes all of fn's work. If ctx ends
// while fn waits its turn, fn does not run; once begun it is finished.
func (db *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	if db.dialect == SQLite {
		return db.w.write(ctx, fn)
	}
	return db.writePostgres(ctx, fn)
}

// Queryer reads. DB, Tx and the argument of ReadTx are Queryers in spirit; this one is of a snapshot.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// ReadTx runs fn on one consistent snapshot beside the writer.
func (db *DB) ReadTx(ctx context.Context, fn func(q Queryer) error) error {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.dialect == Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.read.BeginTx(ctx, opts)
	if err != nil {
		return unavailable("begin read", err)
	}
	defer tx.Rollback()
	return reachable("read", fn(tx))
}

// Query reads beside the writer. Statements are prepared once and kept: here on SQLite, by the driver on PostgreSQL.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := db.prepared(query)
	if err != nil {
		return nil, unavailable("prepare", err)
	}
	var rows *sql.Rows
	if s == nil {
		rows, err = db.read.QueryContext(ctx, query, args...)
	} else {
		rows, err = s.QueryContext(ctx, args...)
	}
	return rows, reachable("read", err)
}

// QueryRow is Query for at most one row. Its Scan returns the driver's own errors; see IsDown.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := db.prepared(query)
	if err != nil || s == nil {
		return db.read.QueryRowContext(ctx, query, args...) // after an error this fails the same way, in Scan
	}
	return s.QueryRowContext(ctx, args...)
}

func (db *DB) prepared(query string) (*sql.Stmt, error) {
	if db.dialect == Postgres {
		return nil, nil
	}
	if s, ok := db.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := db.read.PrepareContext(background, query)
	if err != nil {
		return nil, err
	}
	if old, loaded := db.stmts.LoadOrStore(query, s); loaded {
		s.Close()
		return old.(*sql.Stmt), nil
	}
	return s, nil
}

// Reader is the pool of read connections, for tools that need more than Query, such as a backup.
func (db *DB) Reader() *sql.DB { return db.read }

func unavailable(op string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &frontdesk.Error{Kind: frontdesk.Unavailable, Op: op, Err: err}
}

// IsFull reports whether err says that the disk (or the database's size limit) is full.
func IsFull(err error) bool {
	if err == nil {
		return false
	}
	s := err.Error()
	return strings.Contains(s, "database or disk is full") || strings.Contains(s, "no space left") || strings.Contains(s, "SQLSTATE 53100")
}

// signal wakes whoever waits for the next raise.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) raise() {
	s.mu.Lock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
	s.mu.Unlock()
}
