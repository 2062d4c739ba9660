package api

import (
	"encoding/json"
	"strings"
	"testing"

	"frontdesk/internal/auth"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// What is searched is what the role may read: an integrator finds knowledge and no customer.
func TestSearchShowsWhatTheRoleMayRead(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		for _, c := range []struct {
			role, query            string
			conversations, entries bool
		}{
			{auth.Agent, "q=sell", true, true},
			{auth.Integrator, "q=sell", false, true},
			{auth.Agent, "q=sell&kinds=entries", false, true},
			{auth.Agent, "q=sell&kinds=conversations,contacts", true, false},
			{auth.Agent, "q=zebra", true, false},
		} {
			r := w.do(w.as(c.role), "GET", "/v1/search?"+c.query, "", nil)
			var got SearchResult
			if r.Code != 200 {
				t.Fatalf("%s: %d %s", c.query, r.Code, r.Body)
			}
			must(t, json.Unmarshal(r.Body.Bytes(), &got))
			if (len(got.Conversations) > 0) != c.conversations || (len(got.Entries) > 0) != c.entries || got.Took <= 0 {
				t.Errorf("%s as %s: %s", c.query, c.role, r.Body)
			}
			for _, e := range got.Entries {
				if e.ID == w.rival.ids["knowledge"] || e.Question != "what does company 0 sell" {
					t.Errorf("%s as %s finds %+v", c.query, c.role, e)
				}
			}
		}
		for _, q := range []string{"", "q=", "q=%20", "q=a&limit=0", "q=a&limit=51", "q=a&kinds=secrets", "q=" + strings.Repeat("a", 201)} {
			if r := w.do(w.as(auth.Agent), "GET", "/v1/search?"+q, "", nil); r.Code != 422 {
				t.Errorf("%.40q: %d, want 422", q, r.Code)
			}
		}
	})
}
