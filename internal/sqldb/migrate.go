package sqldb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate runs what is missing of migrations/, in order. The files are one SQL text for both databases; a line that starts
// with "--sqlite " or "--postgres " counts for that one only, and /*WITHOUT ROWID*/ takes effect on SQLite.
func migrate(ctx context.Context, db *sql.DB, d Dialect) (err error) {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	var steps []*goose.Migration
	for _, f := range files {
		text, err := migrations.ReadFile(path.Join("migrations", f.Name()))
		if err != nil {
			return err
		}
		number, _, _ := strings.Cut(f.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return fmt.Errorf("migration %s: name does not start with a number", f.Name())
		}
		statements := dialectSQL(string(text), d)
		steps = append(steps, goose.NewGoMigration(version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, statements)
				return err
			},
		}, nil))
	}
	dialect := goose.DialectSQLite3
	if d == Postgres {
		dialect = goose.DialectPostgres
		// Nodes that start together must not migrate together.
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(727274)"); err != nil {
			return err
		}
		defer func() {
			_, e := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(727274)")
			err = errors.Join(err, e)
		}()
	}
	p, err := goose.NewProvider(dialect, db, nil, goose.WithGoMigrations(steps...), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if newest := steps[len(steps)-1].Version; current > newest {
		return fmt.Errorf("the database has schema %d, this program knows %d: use the program that wrote it or a newer one", current, newest)
	} else if current == newest {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// dialectSQL turns on the lines and words that are for d.
func dialectSQL(text string, d Dialect) string {
	lines := strings.Split(text, "\n")
	mine := "--" + string(d) + " "
	for i, l := range lines {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(l, " \t"), mine); ok {
			lines[i] = rest
		}
	}
	text = strings.Join(lines, "\n")
	if d == SQLite {
		text = strings.ReplaceAll(text, "/*WITHOUT ROWID*/", "WITHOUT ROWID")
	}
	return text
}
