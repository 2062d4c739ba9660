package conversation_test

import (
	"encoding/json"
	"testing"
	"time"

	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
)

// Explanations, actions that were dealt with and dead processes go when they are old. What is young, what still waits for
// its turn, this process, and every word of the conversation stay.
func TestWhatIsOldIsForgotten(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		now := &clock{}
		s := orders(&system{reply: func(int, string) (json.RawMessage, error) { return card, nil }})
		s.now, s.timing = now.Now, conversation.Timing{Wait: 100 * time.Millisecond, IdleClose: 400 * 24 * time.Hour, ActionTime: 2 * time.Second}
		n := start(t, p, s)
		c := n.customer()
		c.says("怎么退货？")
		c.hears(1)
		c.says(order)
		c.hears(2)
		n.exec("INSERT INTO node (boot, address, beat_at) VALUES ('gone', '', $1)", time.Now().UnixMicro())
		n.exec(`INSERT INTO effect (tenant, id, conversation, turn, kind, name, input, status, due_at, created_at)
			VALUES ($1, 'waits', 'elsewhere', 1, 'action', 'x', '{}', 'done', 0, 0)`, tenant)
		count := func(table string) (rows int) {
			t.Helper()
			must(t, n.db.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows))
			return rows
		}
		traces := count("trace")
		r, err := n.db.Retain(t.Context(), []sqldb.Retention{
			{Kind: "traces", Keep: 180 * 24 * time.Hour, Remove: conversation.ForgetTraces},
			{Kind: "effects", Keep: 30 * 24 * time.Hour, Remove: conversation.ForgetEffects},
			{Kind: "nodes", Keep: 24 * time.Hour, Remove: n.ForgetNodes},
		})
		must(t, err)
		after := func(ahead time.Duration) {
			t.Helper()
			now.forward(ahead)
			_, err := n.db.SweepTimers(t.Context(), r.Timers(n.Timers()))
			must(t, err)
		}
		after(12 * time.Hour)
		if count("effect") != 2 || count("trace") != traces || count("node") != 2 {
			t.Errorf("after half a day: %d effects, %d traces, %d nodes", count("effect"), count("trace"), count("node"))
		}
		after(40 * 24 * time.Hour)
		if count("effect") != 1 || count("trace") != traces || count("node") != 1 {
			t.Errorf("after 40 days: %d effects, %d traces, %d nodes", count("effect"), count("trace"), count("node"))
		}
		c.says("运费多少钱？")
		c.hears(3)
		after(141 * 24 * time.Hour)
		if got := count("trace"); got != 1 {
			t.Errorf("after half a year %d traces are left, want the young one", got)
		}
		if got := r.Removed(); got["traces"] != int64(traces) || got["effects"] != 1 || got["nodes"] != 1 {
			t.Errorf("counted %v", got)
		}
		if got := len(c.messages()); got != 6 {
			t.Errorf("%d of 6 messages are left", got)
		}
		c.answeredOnce()
	})
}
