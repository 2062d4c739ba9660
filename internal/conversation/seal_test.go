package conversation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
)

// nowhere sees that a text stands in no table of the database.
func (n *node) nowhere(what string) {
	n.t.Helper()
	tables := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if n.db.Dialect() == sqldb.Postgres {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	for _, table := range n.strings(tables) {
		columns := "SELECT name FROM pragma_table_info('" + table + "')"
		if n.db.Dialect() == sqldb.Postgres {
			columns = "SELECT column_name FROM information_schema.columns WHERE table_name = '" + table + "'"
		}
		for _, column := range n.strings(columns) {
			var found int
			query := fmt.Sprintf("SELECT count(*) FROM %s WHERE CAST(%s AS TEXT) LIKE '%%' || $1 || '%%'", table, column)
			must(n.t, n.db.QueryRow(n.t.Context(), query, what).Scan(&found))
			if found > 0 {
				n.t.Errorf("%s stands in %s.%s", what, table, column)
			}
		}
	}
}

func (n *node) strings(query string) (out []string) {
	n.t.Helper()
	rows, err := n.db.Reader().QueryContext(n.t.Context(), query)
	must(n.t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		must(n.t, rows.Scan(&s))
		out = append(out, s)
	}
	must(n.t, rows.Err())
	return out
}

const phone = "13800138000" // a number of the operator's, nobody's

func TestPhoneNumberIsSealedBeforeItIsStored(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		c.says("我的手机号是" + phone + "，怎么退货？")
		c.hears(1)
		m := c.by(conversation.ByCustomer)[0]
		if m.Text != "我的手机号是<phone:1>，怎么退货？" {
			t.Errorf("stored as %q", m.Text)
		}
		c.nowhere(phone)
		for _, u := range c.heard.all() {
			for _, m := range u.Messages {
				if strings.Contains(m.Text, phone) {
					t.Error("watchers were told the number")
				}
			}
		}
		if strings.Contains(c.logs.String(), phone) {
			t.Error("the log has the number")
		}
		got, err := c.vault.Reveal(t.Context(), tenant, c.key.ID, "<phone:1>")
		if err != nil || got != phone {
			t.Errorf("revealed %q, %v", got, err)
		}
		who, err := c.vault.Find(t.Context(), tenant, "phone", phone)
		if err != nil || len(who) != 1 || who[0] != c.contact {
			t.Errorf("found by number: %v, %v", who, err)
		}
	})
}

// A number that the customer split over two messages is redacted in both, within the turn that reads them.
func TestNumberSplitOverTwoMessagesIsRedacted(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{timing: conversation.Timing{Wait: 400 * time.Millisecond, IdleClose: time.Hour, ActionTime: time.Second}}).customer()
		c.says("我的电话 1380013")
		c.says("8000")
		c.settled()
		ms := c.by(conversation.ByCustomer)
		for _, m := range ms {
			if m.State != "redacted" || strings.Contains(m.Text, "8000") || strings.Contains(m.Text, "1380013") {
				t.Errorf("message %d still says %q", m.Seq, m.Text)
			}
		}
		c.nowhere("1380013")
		if got, err := c.vault.Reveal(t.Context(), tenant, c.key.ID, "<phone:1>"); err != nil || got != phone {
			t.Errorf("revealed %q, %v", got, err)
		}
		if n := c.row().turn; n != 1 {
			t.Errorf("%d turns", n)
		}
		// Who had read the pieces before is told of the change.
		page, err := c.Changes(t.Context(), tenant, c.key.ID, 2, 100, conversation.ForCustomer)
		must(t, err)
		if len(page.Changed) != 2 {
			t.Errorf("after number 2 the customer's page has %d changes", len(page.Changed))
		}
		c.answeredOnce()
	})
}

// The second piece comes after the first was answered. The messages are redacted, and what the dialogue remembers too.
func TestNumberSplitOverTwoTurnsIsRedacted(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		c.says("我的电话 1380013")
		c.hears(1)
		c.says("8000")
		c.hears(2)
		for _, m := range c.by(conversation.ByCustomer) {
			if m.State != "redacted" {
				t.Errorf("message %d still says %q", m.Seq, m.Text)
			}
		}
		for column, text := range map[string]string{"state": c.row().state, "preview": c.row().preview} {
			if strings.Contains(text, "1380013") {
				t.Errorf("a piece stands in the conversation's %s: %s", column, text)
			}
		}
		var kept int
		must(t, c.db.QueryRow(t.Context(), "SELECT count(*) FROM revision WHERE content <> ''").Scan(&kept))
		if kept != 0 {
			t.Errorf("%d revisions keep what was redacted", kept)
		}
	})
}
