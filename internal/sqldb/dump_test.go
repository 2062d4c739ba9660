package sqldb_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// tool finds a program of PostgreSQL's.
func tool(t *testing.T, name string) string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1]
	}
	p, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("FRONTDESK_REQUIRE_POSTGRES") == "1" {
			t.Fatalf("no %s here", name)
		}
		t.Skipf("no %s here", name)
	}
	return p
}

// A database is dumped while one consumer is behind and some events have no position yet, and restored elsewhere. The
// consumers go on there: they skip nothing and handle nothing twice, and new events come after the old.
func TestDumpAndRestoreWithConsumersBehind(t *testing.T) {
	dump, psql := tool(t, "pg_dump"), tool(t, "psql")
	url := sqldbtest.PostgresURL(t)
	open := func(url string) *sqldb.DB {
		db, err := sqldb.Open(t.Context(), sqldb.Options{URL: url})
		must(t, err)
		return db
	}
	db := open(url)
	counter(t, db)
	write := func(db *sqldb.DB, from, to int) {
		for i := from; i < to; i++ {
			must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
				tx.Append(frontdesk.Event{Tenant: "t", Type: "test.x", Subject: fmt.Sprintf("e%d", i)})
				return nil
			}))
		}
	}
	// run lets a consumer work until it has handled an event, at most that far.
	run := func(db *sqldb.DB, name, until string) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		c := sqldb.Consumer{Name: name, Batch: 5, Every: time.Millisecond, Handle: func(tx *sqldb.Tx, events []frontdesk.Event) error {
			for _, e := range events {
				if err := add(tx, name+" "+e.Subject); err != nil {
					return err
				}
				if e.Subject == until {
					tx.After(cancel)
				}
			}
			return nil
		}}
		wg.Go(func() { db.Sequence(ctx) })
		wg.Go(func() { db.RunConsumer(ctx, c) })
		waitFor(t, func() bool { return count(t, db, name+" "+until) == 1 })
		cancel()
		wg.Wait()
	}
	write(db, 0, 40)
	run(db, "ahead", "e39")
	run(db, "behind", "e9")
	write(db, 40, 60) // nobody gives these a position
	must(t, db.Close())

	file := filepath.Join(t.TempDir(), "dump.sql")
	if out, err := exec.Command(dump, "--no-owner", "-f", file, url).CombinedOutput(); err != nil {
		t.Fatalf("pg_dump: %v: %s", err, out)
	}
	restored := sqldbtest.PostgresURL(t)
	if out, err := exec.Command(psql, "-q", "-v", "ON_ERROR_STOP=1", "-f", file, restored).CombinedOutput(); err != nil {
		t.Fatalf("psql: %v: %s", err, out)
	}
	db = open(restored)
	t.Cleanup(func() { must(t, db.Close()) })
	must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error { // the leases of the nodes that are no more have run out
		_, err := tx.Exec("UPDATE consumer SET lease_until = 0")
		return err
	}))
	write(db, 60, 80)
	for _, name := range []string{"ahead", "behind"} {
		run(db, name, "e79")
		for i := range 80 {
			if n := count(t, db, fmt.Sprintf("%s e%d", name, i)); n != 1 {
				t.Errorf("%s handled event %d %d times", name, i, n)
			}
		}
	}
	events, _, err := db.Events(t.Context(), "", 0, 100)
	must(t, err)
	for i, e := range events {
		if e.Pos != int64(i+1) || e.Subject != fmt.Sprintf("e%d", i) {
			t.Fatalf("position %d holds %s at %d", i+1, e.Subject, e.Pos)
		}
	}
	if len(events) != 80 {
		t.Errorf("the log has %d of 80 events", len(events))
	}
}
