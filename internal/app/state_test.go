package app

import (
	"log/slog"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/api"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
)

// opened is an app over a folder with a company, that serves nobody.
func openedApp(t *testing.T) *App {
	t.Helper()
	a, err := Open(t.Context(), Options{Config: settled(t), Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(a.Close)
	return a
}

// The state says in both languages what is wrong, what is worst first, and nothing when nothing is.
func TestStateInWords(t *testing.T) {
	a := openedApp(t)
	ctx := t.Context()
	level := func(part string) string {
		t.Helper()
		state, err := states{a}.State(ctx, demo.Tenant)
		must(t, err)
		got := ""
		for i, p := range state.Parts {
			if p.Text["zh"] == "" || p.Text["en"] == "" || p.Title["zh"] == "" || p.Title["en"] == "" {
				t.Errorf("%s has no words: %+v", p.Part, p)
			}
			if i > 0 && rank(p.Level) > rank(state.Parts[i-1].Level) {
				t.Errorf("%s is worse than what stands before it", p.Part)
			}
			if p.Part == part {
				got = p.Level
			}
		}
		if rank(state.Level) != rank(state.Parts[0].Level) {
			t.Errorf("the whole is %s, its worst part %s", state.Level, state.Parts[0].Level)
		}
		return got
	}
	if got := level("knowledge"); got != "degraded" {
		t.Errorf("a bot that knows nothing is %s", got)
	}
	_, err := a.store.Put(ctx, demo.Tenant, knowledge.DefaultBot, knowledge.Entry{Question: "怎么退货？", Answer: "七天内可退。"}, "")
	must(t, err)
	if got := level("knowledge"); got != "ok" {
		t.Errorf("a bot that knows something is %s", got)
	}
	if got := level("staff"); got != "ok" {
		t.Errorf("with nobody waiting, people are %s", got)
	}
	// Somebody waits, and nobody is there.
	sites, err := a.sites.List(ctx, demo.Tenant, "", 1)
	must(t, err)
	_, _, id, err := a.conv.Open(ctx, demo.Tenant, sites[0].ID, "", "", "zh")
	must(t, err)
	must(t, a.db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec("UPDATE conversation SET owner = 'queue', episode = 1, queued_at = $1 WHERE tenant = $2 AND id = $3", tx.Now()-time.Minute.Microseconds(), demo.Tenant, id)
		return err
	}))
	if got := level("staff"); got != "degraded" {
		t.Errorf("with somebody waiting for nobody, people are %s", got)
	}
	a.conv.StaffSeen(demo.Tenant, "ann")
	if got := level("staff"); got != "ok" {
		t.Errorf("with somebody waiting a minute for somebody who is there, people are %s", got)
	}
	// A side stream that has much before it.
	must(t, a.db.Write(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.Exec("INSERT INTO consumer (name, pos, node, lease_until) VALUES ('search', 0, '', 0)"); err != nil {
			return err
		}
		for range lagFine + 50 {
			tx.Append(frontdesk.Event{Tenant: demo.Tenant, Type: frontdesk.EvMessageReceived, Data: []byte(`{}`)})
		}
		return nil
	}))
	if got := level("search"); got != "degraded" {
		t.Errorf("a search that lags is %s", got)
	}
}

// The demo shop shows a customer's orders to staff, of whoever its signature names and of nobody else.
func TestOrdersOfTheDemoShop(t *testing.T) {
	now := time.Now()
	shop := demoShop(func() time.Time { return now })
	orders := shopOrders{shop}
	var customer demo.Customer
	for _, c := range shop().Customers {
		if len(shop().OrdersOf(c.Phone)) > 1 {
			customer = c
			break
		}
	}
	for _, language := range []string{"zh", "en"} {
		list, available, err := orders.Orders(t.Context(), demo.Tenant, customer.Subject(), language)
		if err != nil || !available || len(list) < 2 {
			t.Fatalf("%d orders, %v, %v", len(list), available, err)
		}
		for i, o := range list {
			if o.Number == "" || o.Label == "" || o.Total <= 0 || o.Currency != "CNY" || len(o.Lines) == 0 || i > 0 && o.PlacedAt > list[i-1].PlacedAt {
				t.Errorf("order %d: %+v", i, o)
			}
		}
	}
	for external, tenant := range map[string]string{"": demo.Tenant, "customer:nobody": demo.Tenant, customer.Subject(): "other"} {
		list, available, err := orders.Orders(t.Context(), tenant, external, "zh")
		if err != nil || len(list) != 0 || available != (tenant == demo.Tenant) {
			t.Errorf("%q of %s: %d orders, available %v, %v", external, tenant, len(list), available, err)
		}
	}
}

// What came out otherwise is named as a person reads it.
func TestDifferences(t *testing.T) {
	a := openedApp(t)
	ctx := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "s", Tenant: demo.Tenant})
	_, err := a.store.Put(ctx, demo.Tenant, knowledge.DefaultBot, knowledge.Entry{ID: "e", Question: "怎么退货？", Answer: "七天内可退。"}, "")
	must(t, err)
	before, err := a.Ask(ctx, demo.Tenant, "", "怎么退货？", "zh")
	must(t, err)
	was := conversation.Recorded{Trace: *before.Trace, Replies: []conversation.Message{{Text: "十四天内可退。"}}}
	release, err := a.store.Latest(ctx, demo.Tenant, knowledge.DefaultBot)
	must(t, err)
	side, err := rehearsals{a}.side(ctx, demo.Tenant, release.Index, "怎么退货？")
	if err != nil || side != (api.PreviewSide{Decision: "answer", Entry: "e", Title: "怎么退货？", Score: before.Confidence}) {
		t.Errorf("the preview sees %+v, asking gave %+v, %v", side, before, err)
	}
	now, err := dialogue.Respond(ctx, release.Index, dialogue.State{}, dialogue.Input{Kind: dialogue.InBurst, Now: time.Now(), Language: "zh", Owner: "bot",
		Messages: []dialogue.Message{{Seq: 1, Content: frontdesk.TextContent("怎么退货？")}}, Desk: dialogue.Desk{Open: true, Online: true}})
	must(t, err)
	got := differences(was, now, []string{"七天内可退。"})
	if len(got) != 1 || got[0] != (api.ReplayDifference{Field: "reply 1", Before: "十四天内可退。", After: "七天内可退。"}) {
		t.Errorf("differences %+v", got)
	}
	was.Trace.Steps[0].Candidates[0].Score -= .5
	if got := differences(was, now, []string{"七天内可退。"}); len(got) != 2 || got[0].Field != "question 1: candidate 1: score" {
		t.Errorf("differences %+v", got)
	}
}
