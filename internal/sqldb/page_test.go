package sqldb_test

import (
	"math"
	"testing"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestCursorsComeBackAndNothingElseDoes(t *testing.T) {
	for _, want := range []struct {
		at int64
		id string
	}{{0, ""}, {-7, "a b"}, {math.MaxInt64, "编号"}} {
		if at, id, err := sqldb.ParseCursor(sqldb.Cursor(want.at, want.id)); err != nil || at != want.at || id != want.id {
			t.Errorf("%+v came back as %d %q, %v", want, at, id, err)
		}
	}
	for _, s := range []string{"", "x", "!!", "MTIz", "eCB5", sqldb.Cursor(1, "a") + "="} { // the last two hold "123" and "x y"
		if _, _, err := sqldb.ParseCursor(s); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestLikeTakesEverySignAsItself(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for _, c := range []struct {
			text, value string
			want        int
		}{{"50%", "now 50% off", 1}, {"50%", "500 off", 0}, {"a_b", "A_B", 1}, {"a_b", "axb", 0}, {"!", "hurry!", 1}, {" WHO ", "who won", 1}} {
			var got int
			must(t, db.QueryRow(t.Context(), "SELECT CASE WHEN lower(CAST($1 AS TEXT)) LIKE CAST($2 AS TEXT) ESCAPE '!' THEN 1 ELSE 0 END", c.value, sqldb.Like(c.text)).Scan(&got))
			if got != c.want {
				t.Errorf("%q in %q: %d", c.text, c.value, got)
			}
		}
		if sqldb.Like("  ") != "" {
			t.Error("a blank text has a pattern")
		}
	})
}
