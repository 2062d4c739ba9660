package sqldb_test

import (
	"strings"
	"testing"

	"frontdesk/internal/sqldb/sqldbtest"
)

// The lists of conversations are read in the order of an index, whatever the number of conversations.
func TestListsOfConversationsHaveTheirIndexes(t *testing.T) {
	db := sqldbtest.SQLite(t)
	for index, query := range map[string]string{
		"conversation_opened": "SELECT preview FROM conversation c WHERE c.tenant = $1 AND c.episode > 0 ORDER BY c.opened_at DESC, c.id DESC LIMIT 50",
		"conversation_bot":    "SELECT preview FROM conversation c WHERE c.tenant = $1 AND c.owner = 'bot' AND (c.opened_at, c.id) < (5, 'x') ORDER BY c.opened_at DESC, c.id DESC LIMIT 50",
		"conversation_queue":  "SELECT preview FROM conversation c WHERE c.tenant = $1 AND c.owner = 'queue' ORDER BY c.queued_at ASC, c.id ASC LIMIT 50",
		"conversation_agent":  "SELECT preview FROM conversation c WHERE c.tenant = $1 AND c.owner = 'agent' AND c.agent = 'x' ORDER BY c.updated_at DESC, c.id DESC LIMIT 50",
		"conversation_closed": "SELECT preview FROM conversation c WHERE c.tenant = $1 AND c.owner = 'closed' AND c.episode > 0 ORDER BY c.updated_at DESC, c.id DESC LIMIT 50",
	} {
		rows, err := db.Query(t.Context(), "EXPLAIN QUERY PLAN "+query, "t")
		must(t, err)
		var plan strings.Builder
		for rows.Next() {
			var id, parent, unused int
			var step string
			must(t, rows.Scan(&id, &parent, &unused, &step))
			plan.WriteString(step + "; ")
		}
		must(t, rows.Err())
		rows.Close()
		if !strings.Contains(plan.String(), "INDEX "+index+" ") || strings.Contains(plan.String(), "TEMP") {
			t.Errorf("%s: %s", index, plan.String())
		}
	}
}
