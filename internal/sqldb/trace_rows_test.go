package sqldb_test

import (
	"testing"

	"frontdesk/internal/sqldb"
)

// A folder of before has its traces still, in the table as it is now.
func TestTracesOfAnOlderFolderAreKept(t *testing.T) {
	dir := t.TempDir()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(tx *sqldb.Tx) error {
		for _, query := range []string{
			"DELETE FROM goose_db_version WHERE version_id >= 22",
			"DROP TABLE trace",
			`CREATE TABLE trace (tenant TEXT NOT NULL, conversation TEXT NOT NULL, turn BIGINT NOT NULL, at BIGINT NOT NULL, release BIGINT NOT NULL,
				seqs TEXT NOT NULL, replies TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tenant, conversation, turn)) WITHOUT ROWID`,
			"CREATE INDEX trace_at ON trace (at)",
			"INSERT INTO trace VALUES ('t', 'c', 2, 20, 1, '3', '4', '{}'), ('t', 'c', 1, 10, 1, '1', '2', '{\"kind\":\"answer\"}')",
		} {
			if _, err := tx.Exec(query); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if db, err = sqldb.Open(t.Context(), sqldb.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var first, body string
	var n, rows int
	if err := db.QueryRow(t.Context(), "SELECT count(*), max(rowid) FROM trace").Scan(&n, &rows); err != nil || n != 2 || rows != 2 {
		t.Errorf("%d traces, %d rows, %v", n, rows, err)
	}
	err = db.QueryRow(t.Context(), "SELECT seqs, body FROM trace WHERE tenant = 't' AND conversation = 'c' AND turn = 1").Scan(&first, &body)
	if err != nil || first != "1" || body != `{"kind":"answer"}` {
		t.Errorf("the first: %q %q, %v", first, body, err)
	}
	if _, err := db.Reader().ExecContext(t.Context(), "SELECT 1 FROM trace INDEXED BY trace_at WHERE at < 15"); err != nil {
		t.Errorf("found by age: %v", err)
	}
}
