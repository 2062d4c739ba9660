package conversation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
)

// What staff see of the people who write, and of whom they do not.
func TestContacts(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := start(t, p, setup{})
		ctx := t.Context()
		var ids []string
		for i := range 5 {
			_, contact, _, err := n.Open(ctx, tenant, shop, fmt.Sprintf("u-%d", i), fmt.Sprintf("客户%d", i), "zh")
			must(t, err)
			ids = append(ids, contact)
		}
		// Who comes again under a new name is identified again, and under the same name is not.
		told := func() (k int) {
			must(t, n.db.QueryRow(ctx, "SELECT count(*) FROM event WHERE type = $1 AND subject = $2", frontdesk.EvVisitorIdentified, ids[0]).Scan(&k))
			return k
		}
		for name, want := range map[string]int{"": 1, "客户0": 1} {
			if _, _, _, err := n.Open(ctx, tenant, shop, "u-0", name, "zh"); err != nil || told() != want {
				t.Errorf("again as %q: told %d times, %v", name, told(), err)
			}
		}
		_, again, _, err := n.Open(ctx, tenant, shop, "u-0", "客户零", "zh")
		if err != nil || again != ids[0] || told() != 2 {
			t.Errorf("under a new name: %s, told %d times, %v", again, told(), err)
		}
		c := n.customer() // anonymous
		c.says("怎么退货？")
		c.hears(1)

		known, err := n.KnownContacts(ctx, tenant, "", 3)
		must(t, err)
		rest, err := n.KnownContacts(ctx, tenant, known[len(known)-1].ID, 3)
		must(t, err)
		var got []string
		for _, k := range append(known, rest...) {
			got = append(got, k.ID)
		}
		slices.Reverse(got)
		if !slices.Equal(got, ids) || known[0].Name != "客户4" || known[0].Conversations != 0 {
			t.Errorf("known: %+v %+v", known, rest)
		}
		if id, err := n.ContactOf(ctx, tenant, "u-3"); err != nil || id != ids[3] {
			t.Errorf("by the host's id: %q, %v", id, err)
		}
		for _, external := range []string{"", "u-9"} {
			if id, err := n.ContactOf(ctx, tenant, external); err != nil || id != "" {
				t.Errorf("by %q: %q, %v", external, id, err)
			}
		}
		one, err := n.Contact(ctx, tenant, c.contact)
		if err != nil || one.Conversations != 1 || one.Language != "zh" || one.Site != shop || one.LastSeen <= one.FirstSeen {
			t.Errorf("contact %+v, %v", one, err)
		}
		if _, err := n.Contact(ctx, "rival", c.contact); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another company's view: %v", err)
		}
		some, err := n.Contacts(ctx, tenant, []string{ids[2], "nobody", ids[0]})
		if err != nil || len(some) != 2 || some[0].ID != ids[2] || some[1].ID != ids[0] {
			t.Errorf("by ids: %+v, %v", some, err)
		}
		visitors, err := n.Visitors(ctx, tenant, c.contact)
		if err != nil || len(visitors) != 1 || visitors[0].ID != c.visitor || visitors[0].Conversation != c.key.ID || visitors[0].LastSeen == 0 {
			t.Errorf("visitors %+v, %v", visitors, err)
		}
		names, err := n.Names(ctx, tenant, append(slices.Clone(ids), c.contact))
		if err != nil || len(names) != 5 || names[ids[1]] != "客户1" {
			t.Errorf("names %v, %v", names, err)
		}
	})
}

func TestEpisodesOfAContact(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := start(t, p, setup{})
		ctx := t.Context()
		c := n.customer()
		for i, text := range []string{"怎么退货？", "运费多少钱？", "怎么开发票？"} {
			c.says(text)
			c.hears(i + 1)
			if i < 2 {
				_, err := n.Close(staff(t, "ann"), tenant, c.key.ID, true)
				must(t, err)
			}
		}
		var got []conversation.Episode
		cursor := ""
		for {
			list, next, err := n.Episodes(ctx, tenant, c.contact, cursor, 2)
			must(t, err)
			got = append(got, list...)
			if cursor = next; next == "" {
				break
			}
		}
		if len(got) != 3 {
			t.Fatalf("%d episodes: %+v", len(got), got)
		}
		for i, want := range []string{"怎么开发票？", "运费多少钱？", "怎么退货？"} {
			if e := got[i]; e.Preview != want || e.Number != int64(3-i) || (e.ClosedAt == 0) != (i == 0) || (e.Outcome == "") != (i == 0) || e.Messages < 2 {
				t.Errorf("episode %d: %+v", i, e)
			}
		}
		if list, _, err := n.Episodes(ctx, "rival", c.contact, "", 5); err != nil || len(list) != 0 {
			t.Errorf("another company sees %+v, %v", list, err)
		}
		if _, _, err := n.Episodes(ctx, tenant, c.contact, "x~y", 5); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("a made-up cursor: %v", err)
		}
	})
}

// Texts are what stands there now: a sealed value as its token, nothing that was taken back.
func TestTextsAsTheyStand(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := start(t, p, setup{})
		ctx := t.Context()
		c := n.customer()
		var refs []conversation.Ref
		for i := range 45 {
			refs = append(refs, conversation.Ref{Conversation: c.key.ID, Seq: c.says(fmt.Sprintf("第 %d 句，电话 1381234%04d", i, i))})
		}
		c.settled()
		refs = append(refs, conversation.Ref{Conversation: c.key.ID, Seq: 9999}, conversation.Ref{Conversation: "nobody", Seq: 1})
		check := func(list []conversation.Text, err error) {
			t.Helper()
			if err != nil || len(list) != 45 {
				t.Fatalf("%d texts, %v", len(list), err)
			}
			for _, x := range list {
				if !strings.Contains(x.Text, "<phone:") || x.From != conversation.ByCustomer || x.At == 0 {
					t.Errorf("text %+v", x)
				}
			}
		}
		check(n.Texts(ctx, tenant, refs))
		must(t, n.db.Write(ctx, func(tx *sqldb.Tx) error {
			check(n.TextsIn(tx, tenant, refs))
			return nil
		}))
		if list, err := n.Texts(ctx, "rival", refs); err != nil || len(list) != 0 {
			t.Errorf("another company reads %v, %v", list, err)
		}
		list, err := n.Summaries(ctx, tenant, []string{"nobody", c.key.ID})
		if err != nil || len(list) != 1 || list[0].ID != c.key.ID {
			t.Errorf("summaries %+v, %v", list, err)
		}
	})
}

// A turn can be read again as it was, and whoever reads it learns what has changed since.
func TestRecordedTurns(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := start(t, p, setup{})
		ctx := t.Context()
		c := n.customer()
		c.says("怎么退货？")
		c.hears(1)
		r, err := n.Recorded(ctx, tenant, c.key.ID, 1)
		if err != nil || r.Site != shop || len(r.Messages) != 1 || len(r.Replies) != 1 || r.Changed || r.Missing || r.Empty || r.Trace.Given == nil || r.Trace.Given.Now.IsZero() {
			t.Fatalf("recorded %+v, %v", r, err)
		}
		// A turn that needed a search has the features of its candidates, which are read back as well.
		c.says("请问一下退货的那个流程大概是什么样的呢")
		c.hears(2)
		searched, err := n.Recorded(ctx, tenant, c.key.ID, 2)
		if err != nil || len(searched.Trace.Steps) != 1 || len(searched.Trace.Steps[0].Candidates) == 0 || len(searched.Trace.Steps[0].Candidates[0].Features.Named()) == 0 {
			t.Errorf("a searched turn: %+v, %v", searched.Trace.Steps, err)
		}
		n.exec("UPDATE message SET state = 'redacted', change = 99 WHERE tenant = $1 AND conversation = $2 AND seq = 1", tenant, c.key.ID)
		if r, err = n.Recorded(ctx, tenant, c.key.ID, 1); err != nil || !r.Changed {
			t.Errorf("after a redaction: %+v, %v", r, err)
		}
		n.exec("UPDATE trace SET body = '{}' WHERE tenant = $1 AND conversation = $2", tenant, c.key.ID)
		if r, err = n.Recorded(ctx, tenant, c.key.ID, 1); err != nil || !r.Empty {
			t.Errorf("an emptied trace: %+v, %v", r, err)
		}
		for _, other := range []struct {
			tenant string
			turn   int64
		}{{"rival", 1}, {tenant, 7}} {
			if _, err := n.Recorded(ctx, other.tenant, c.key.ID, other.turn); frontdesk.KindOf(err) != frontdesk.NotFound {
				t.Errorf("turn %d for %s: %v", other.turn, other.tenant, err)
			}
		}
	})
}
