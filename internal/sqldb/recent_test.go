package sqldb_test

import (
	"fmt"
	"testing"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"github.com/google/go-cmp/cmp"
)

// Whether the end of the log is read from memory or from the database, it is the same log: after many more events than
// memory keeps, from every place, and after old events were rewritten.
func TestLogIsTheSameFromMemory(t *testing.T) {
	db := sqldbtest.SQLite(t) // PostgreSQL has no such memory
	const n = 9000
	for from := 0; from < n; from += 1000 {
		must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
			for i := range 1000 {
				tx.Append(frontdesk.Event{Tenant: "t", Type: "visitor.tracked", Conversation: fmt.Sprint("c", i%7), Data: fmt.Appendf(nil, `{"n":%d,"secret":"s"}`, from+i)})
			}
			tx.Append(frontdesk.Event{Tenant: "t", Type: "person.erased"})
			return nil
		}))
	}
	stored := func(after int64, limit int) (want []frontdesk.Event) {
		rows, err := db.Query(t.Context(), "SELECT pos, id, type, at, conversation, data FROM event WHERE pos > $1 ORDER BY pos LIMIT $2", after, limit)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			e := frontdesk.Event{Tenant: "t", Version: 1}
			var data string
			must(t, rows.Scan(&e.Pos, &e.ID, &e.Type, &e.At, &e.Conversation, &data))
			e.Data = []byte(data)
			want = append(want, e)
		}
		must(t, rows.Err())
		return want
	}
	for _, stage := range []string{"fresh", "rewritten"} {
		for _, after := range []int64{0, 1, 800, 2000, 4900, 5000, 8999, 9000, n + 8, n + 9, n + 50} {
			got, next, err := db.Events(t.Context(), "", after, 300)
			must(t, err)
			want := stored(after, 300)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s, after %d (-want +got):\n%.600s", stage, after, d)
			}
			end := after
			if len(want) > 0 {
				end = want[len(want)-1].Pos
			}
			if next != end {
				t.Errorf("%s, after %d: go on at %d, want %d", stage, after, next, end)
			}
		}
		must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.RedactEvents("t", []string{"c1", "c2"}, map[string][]string{"visitor.tracked": {"secret"}}, 0, 2*n)
			return err
		}))
	}
}
