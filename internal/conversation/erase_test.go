package conversation_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/conversation"
)

// Somebody asks to be forgotten in the middle of a talk. Nothing that they or others said of them is anywhere afterwards, who
// reads along is told, and the others are as they were.
func TestErasedPersonIsNowhere(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		books := &system{reply: func(int, string) (json.RawMessage, error) {
			return json.RawMessage(`{"title":"订单","lines":[{"label":"收货人","value":"欧阳静静"}]}`), nil
		}}
		n := start(t, p, orders(books))
		visitor, contact, id, err := n.Open(t.Context(), tenant, shop, "customer:7", "欧阳静静", "zh")
		must(t, err)
		ann := &customer{node: n, visitor: visitor, contact: contact, key: conversation.Key{Tenant: tenant, ID: id}}
		ann.says("我叫欧阳静静，电话" + phone + "，怎么退货？")
		ann.hears(1)
		ann.says(order)
		ann.hears(2)
		for i := range 60 { // more than one bite
			ann.says("欧阳静静的第" + strings.Repeat("一", i+1) + "件事")
		}
		ann.settled()
		_, err = n.Take(staff(t, "lin"), tenant, id, true)
		must(t, err)
		_, err = n.Note(staff(t, "lin"), tenant, id, "", frontdesk.TextContent("欧阳静静是老客户"))
		must(t, err)
		sent, err := n.Reply(staff(t, "lin"), tenant, id, "", frontdesk.TextContent("欧阳静静您好"))
		must(t, err)
		_, err = n.Revise(staff(t, "lin"), tenant, id, sent.Seq, frontdesk.TextContent("欧阳女士您好"))
		must(t, err)
		must(t, n.Rate(t.Context(), tenant, id, ann.by(conversation.ByBot)[0].Seq, false, "欧阳静静没看懂"))
		must(t, n.Tracked(t.Context(), tenant, id, visitor, conversation.Tracked{Name: "page", Page: "https://shop.example/欧阳静静", Title: "欧阳静静的订单",
			Data: map[string]string{"who": "欧阳静静"}}))
		_, err = n.Close(staff(t, "lin"), tenant, id, false)
		must(t, err)
		must(t, n.Satisfied(t.Context(), tenant, id, visitor, 2, "欧阳静静不满意"))
		other := n.customer()
		other.says("电话" + courier + "，怎么退货？")
		other.hears(1)
		before := len(ann.messages())

		owner := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "boss", Tenant: tenant})
		must(t, n.Erase(owner, tenant, contact))
		if _, err := n.vault.Reveal(t.Context(), tenant, id, "<phone:1>"); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("the sealed number a moment later: %v", err)
		}
		until(t, "the sweeper to empty the conversation", func() bool {
			n.sweep()
			var done int
			must(t, n.db.QueryRow(t.Context(), "SELECT count(*) FROM erasure WHERE done_at > 0").Scan(&done))
			return done == 1
		})
		for _, word := range []string{"欧阳", "静静", phone, "customer:7", order} {
			n.nowhere(word)
		}
		if got := ann.messages(); len(got) != before || slices.ContainsFunc(got, func(m conversation.Message) bool { return m.State != "redacted" || len(m.Parts) > 0 }) {
			t.Errorf("of %d messages: %s", before, ann.transcript())
		}
		if r := ann.row(); r.owner != "closed" || r.state != "" || r.preview != "" || r.inbox != 0 {
			t.Errorf("the conversation: %+v", r)
		}
		told := map[int64]bool{}
		for _, u := range n.heard.all() {
			for _, m := range u.Messages {
				told[m.Seq] = told[m.Seq] || u.Key == ann.key && m.State == "redacted"
			}
		}
		for _, m := range ann.messages() {
			if !told[m.Seq] {
				t.Errorf("watchers were not told that message %d is empty", m.Seq)
			}
		}
		if got, err := n.vault.Reveal(t.Context(), tenant, other.key.ID, "<phone:1>"); err != nil || got != courier || other.by(conversation.ByCustomer)[0].Text == "" {
			t.Errorf("somebody else's: %q, %v", got, err)
		}

		// Twice changes nothing; nobody and another company's people are not there; who comes back is somebody new.
		ledger, err := conversation.Erasures(t.Context(), n.db)
		must(t, err)
		must(t, n.Erase(owner, tenant, contact))
		again, err := conversation.Erasures(t.Context(), n.db)
		must(t, err)
		if len(ledger) != 1 || !slices.Equal(ledger, again) || ledger[0].Person != contact || ledger[0].Actor != "staff:boss" {
			t.Errorf("ledger %+v, then %+v", ledger, again)
		}
		for _, who := range [][2]string{{tenant, "nobody"}, {"rival", other.contact}} {
			if err := n.Erase(owner, who[0], who[1]); frontdesk.KindOf(err) != frontdesk.NotFound {
				t.Errorf("%v: %v", who, err)
			}
		}
		if _, fresh, _, err := n.Open(t.Context(), tenant, shop, "customer:7", "Ann", "zh"); err != nil || fresh == contact {
			t.Errorf("came back as %s, %v", fresh, err)
		}

		// Who still has the old token does not write on in the name of somebody who is forgotten and cannot be erased again.
		if _, err := n.Accept(t.Context(), conversation.Inbound{Tenant: tenant, Site: shop, Conversation: id, Visitor: visitor, ClientID: "late",
			Content: frontdesk.TextContent("欧阳静静又来了，电话" + phone)}); frontdesk.KindOf(err) != frontdesk.Denied {
			t.Errorf("a message after the erasure: %v", err)
		}
		for what, err := range map[string]error{
			"rating":       n.Rate(t.Context(), tenant, id, 2, false, "欧阳"),
			"satisfaction": n.Satisfied(t.Context(), tenant, id, visitor, 1, "欧阳"),
			"event":        n.Tracked(t.Context(), tenant, id, visitor, conversation.Tracked{Name: "page", Title: "欧阳"}),
		} {
			if frontdesk.KindOf(err) != frontdesk.Denied {
				t.Errorf("a %s after the erasure: %v", what, err)
			}
		}
		n.nowhere("欧阳")
		n.nowhere(phone)
	})
}
