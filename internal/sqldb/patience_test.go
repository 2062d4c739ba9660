package sqldb_test

import (
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestPatienceOfPostgres(t *testing.T) {
	address := sqldbtest.PostgresURL(t)
	for extra, want := range map[string][3]string{
		"":                             {"5s", "30s", "15s"},
		"&statement_timeout=2s":        {"5s", "2s", "15s"},
		"&options=-clock_timeout%3D9s": {"9s", "30s", "15s"},
	} {
		db, err := sqldb.Open(t.Context(), sqldb.Options{URL: address + extra})
		must(t, err)
		for i, name := range []string{"lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"} {
			var got string
			must(t, db.QueryRow(t.Context(), "SHOW "+name).Scan(&got))
			if got != want[i] {
				t.Errorf("address with %q: %s is %s, want %s", extra, name, got, want[i])
			}
		}
		must(t, db.Close())
	}
}

// What waiting may mend is Unavailable, so that whoever asked is told to come back.
func TestTroubleOfPostgresIsUnavailable(t *testing.T) {
	db, err := sqldb.Open(t.Context(), sqldb.Options{URL: sqldbtest.PostgresURL(t) + "&lock_timeout=100ms"})
	must(t, err)
	defer db.Close()
	counter(t, db)
	must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error { return add(tx, "held") }))
	foreign, err := db.Reader().BeginTx(t.Context(), nil)
	must(t, err)
	defer foreign.Rollback()
	_, err = foreign.ExecContext(t.Context(), "SELECT 1 FROM counter FOR UPDATE")
	must(t, err)

	var n int
	killed := "SELECT 1 FROM pg_terminate_backend(pg_backend_pid()), pg_sleep(5)"
	troubles := map[string]error{
		"a lock":            db.Write(t.Context(), func(tx *sqldb.Tx) error { return add(tx, "held") }),
		"a killed write":    db.Write(t.Context(), func(tx *sqldb.Tx) error { _, err := tx.Exec(killed); return err }),
		"a killed snapshot": db.ReadTx(t.Context(), func(q sqldb.Queryer) error { return q.QueryRowContext(t.Context(), killed).Scan(&n) }),
	}
	rows, err := db.Query(t.Context(), killed)
	if err == nil {
		err = rows.Err()
		rows.Close()
	}
	troubles["a killed read"] = err
	for name, err := range troubles {
		if frontdesk.KindOf(err) != frontdesk.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := db.QueryRow(t.Context(), killed).Scan(&n); !sqldb.IsDown(err) {
		t.Errorf("a killed row: %v", err)
	}
	if err := db.QueryRow(t.Context(), "SELECT nothing").Scan(&n); err == nil || sqldb.IsDown(err) {
		t.Errorf("a wrong statement: %v", err)
	}
	start := time.Now()
	must(t, foreign.Rollback())
	must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error { return add(tx, "held") }))
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("back after %v", d)
	}
}
