package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
)

// books is an order system whose answer has somebody's number in it.
type books struct{}

func (books) Call(context.Context, string, conversation.Asker, map[string]string) (json.RawMessage, error) {
	return json.RawMessage(`{"title":"Order","lines":[{"label":"Phone","value":"13800138000"}]}`), nil
}

// A turn that showed the customer what an action returned comes out the same again: the number masked, as they saw it.
func TestReplayOfAnActionsResult(t *testing.T) {
	a, err := Open(t.Context(), Options{Config: settled(t), Version: "test", Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer a.Close()
	a.conv.Actions = map[string]map[string]conversation.Action{demo.Tenant: {dialogue.OrderLookup: books{}}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.conv.Run(ctx) }()
	defer func() {
		stop()
		must(t, <-done)
	}()
	site, err := a.sites.ByKey(t.Context(), siteKey)
	must(t, err)
	visitor, _, id, err := a.conv.Open(t.Context(), demo.Tenant, site.ID, "", "", "en")
	must(t, err)
	_, err = a.conv.Accept(t.Context(), conversation.Inbound{Tenant: demo.Tenant, Site: site.ID, Conversation: id, Visitor: visitor, ClientID: "1",
		Content: frontdesk.TextContent("YS2026010203")})
	must(t, err)
	var traces []conversation.TraceRow
	for deadline := time.Now().Add(20 * time.Second); len(traces) < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("turns: %+v", traces)
		}
		traces, err = a.conv.Traces(t.Context(), demo.Tenant, id, 0, 10)
		must(t, err)
	}
	owner := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "boss", Tenant: demo.Tenant})
	got, err := rehearsals{a}.Replay(owner, id, traces[1].Turn)
	if err != nil || !got.Same || !got.Exact || len(got.Replies) == 0 {
		t.Errorf("replay: %+v, %v", got, err)
	}
}
