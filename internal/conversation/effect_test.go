package conversation_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"

	"github.com/google/go-cmp/cmp"
)

const order = "YS2026010203"

var card = json.RawMessage(`{"type":"order","title":"订单 YS2026010203","lines":[{"label":"状态","value":"运输中"}]}`)

// orders is a company's order system.
func orders(s *system) setup {
	return setup{actions: map[string]conversation.Action{dialogue.OrderLookup: s}}
}

func TestOrderIsLookedUp(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		shop := &system{reply: func(int, string) (json.RawMessage, error) { return card, nil }}
		c := start(t, p, orders(shop)).customer()
		c.says("帮我查一下 " + order)
		got := c.hears(1)[0]
		if !slices.Equal(got.ReplyTo, []int64{1}) || len(got.Parts) != 2 || got.Parts[1].Card == nil || got.Parts[1].Card.Lines[0].Value != "运输中" {
			t.Errorf("answer %+v", got)
		}
		if n := len(shop.calls()); n != 1 {
			t.Errorf("%d calls", n)
		}
		c.says("运费多少钱？")
		c.hears(2)
		c.answeredOnce()
	})
}

// The order system is down for a moment: it is asked again under the same key, and the customer never hears of it.
func TestFailingLookUpIsRetriedUnderItsKey(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		shop := &system{reply: func(n int, _ string) (json.RawMessage, error) {
			if n < 3 {
				return nil, errors.New("connection refused")
			}
			return card, nil
		}}
		c := start(t, p, orders(shop)).customer()
		c.says(order)
		if got := c.hears(1)[0]; got.Parts[1].Card == nil {
			t.Errorf("answer %+v", got)
		}
		keys := shop.calls()
		if len(keys) != 3 || keys[0] != keys[1] || keys[1] != keys[2] || keys[0] == "" {
			t.Errorf("keys %v", keys)
		}
	})
}

// It stays down: after a few tries the customer gets an apology and the offer of a person, not silence.
func TestLookUpThatStaysDownIsApologisedFor(t *testing.T) {
	now := &clock{}
	shop := &system{reply: func(int, string) (json.RawMessage, error) {
		now.forward(5 * time.Second)
		return nil, errors.New("no route to host")
	}}
	s := orders(shop)
	s.now = now.Now
	c := start(t, onSQLite(t), s).customer()
	c.says(order)
	got := c.hears(1)[0]
	if got.Text == "" || !strings.Contains(got.Text, "订单系统暂时查不了") || !slices.Equal(got.ReplyTo, []int64{1}) {
		t.Errorf("answer %q to %v", got.Text, got.ReplyTo)
	}
	keys := shop.calls()
	if len(slices.Compact(keys)) != 1 {
		t.Errorf("keys %v", keys)
	}
}

// What an action returns is somebody's data as much as what the customer writes: it is sealed before it is stored, and the
// customer recognises it all the same.
func TestPersonalDataFromAnActionIsSealed(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		shop := &system{reply: func(int, string) (json.RawMessage, error) {
			return json.RawMessage(`{"type":"order","title":"订单 ` + order + `","lines":[{"label":"收货人电话","value":"138-0013-8000"}],"courier":` + courier + `}`), nil
		}}
		c := start(t, p, orders(shop)).customer()
		c.says(order)
		got := c.hears(1)[0]
		if got.Parts[1].Card == nil || got.Parts[1].Card.Lines[0].Value != "138****8000" || !strings.Contains(got.Text, "138****8000") {
			t.Errorf("answer %+v", got)
		}
		var result, trace string
		must(t, c.db.QueryRow(t.Context(), "SELECT result FROM effect").Scan(&result))
		must(t, c.db.QueryRow(t.Context(), "SELECT body FROM trace ORDER BY turn DESC LIMIT 1").Scan(&trace))
		for where, text := range map[string]string{"effect": result, "trace": trace} {
			if !strings.Contains(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(text), "<phone:") {
				t.Errorf("the %s has no token: %s", where, text)
			}
		}
		for token, want := range map[string]string{"<phone:1>": courier, "<phone:2>": phone} {
			if got, err := c.vault.Reveal(t.Context(), tenant, c.key.ID, token); err != nil || got != want {
				t.Errorf("%s is %q, %v; want %s", token, got, err, want)
			}
		}
		for _, number := range []string{phone, "138-0013-8000", courier} {
			c.nowhere(number)
			if strings.Contains(c.logs.String(), number) {
				t.Errorf("the log has %s", number)
			}
		}
		// Not in any byte of the files either: pages that were written over, the write-ahead log.
		if c.stop(); p.dir == "" {
			return
		}
		files, err := filepath.Glob(filepath.Join(p.dir, "*"))
		must(t, err)
		for _, f := range files {
			b, err := os.ReadFile(f)
			must(t, err)
			for _, number := range []string{phone, "138-0013-8000", courier} {
				if bytes.Contains(b, []byte(number)) {
					t.Errorf("%s is in %s", number, filepath.Base(f))
				}
			}
		}
	})
}

const courier = "13900139000"

// A failing system's own words may repeat what it was asked about; they do not get into the log.
func TestPersonalDataInAnActionsErrorIsMasked(t *testing.T) {
	shop := &system{reply: func(int, string) (json.RawMessage, error) {
		return nil, frontdesk.Errorf(frontdesk.NotFound, "no customer %s", phone)
	}}
	c := start(t, onSQLite(t), orders(shop)).customer()
	c.says(order)
	c.hears(1)
	if log := c.logs.String(); strings.Contains(log, phone) || !strings.Contains(log, "138****8000") {
		t.Errorf("log: %s", log)
	}
}

// An action is told who asks, as the company's own sign-in says and not as anybody types, and gets what was typed in clear.
func TestActionIsToldWhoAsks(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		books := &system{reply: func(int, string) (json.RawMessage, error) { return card, nil }}
		n := start(t, p, orders(books))
		stranger := n.customer()
		stranger.says("订单 " + order + "，手机" + phone)
		stranger.hears(1)
		want := conversation.Asker{Tenant: tenant, Site: shop, Conversation: stranger.key.ID, Contact: stranger.contact, Verified: map[string]string{}}
		if d := cmp.Diff(want, books.who); d != "" {
			t.Errorf("a stranger (-want +got):\n%s", d)
		}
		if d := cmp.Diff(map[string]string{"number": order, "language": "zh", "proof": phone}, books.input); d != "" {
			t.Errorf("input (-want +got):\n%s", d)
		}
		stranger.nowhere(phone)

		visitor, contact, id, err := n.Open(t.Context(), tenant, shop, "customer:7", "Ann", "zh")
		must(t, err)
		ann := &customer{node: n, visitor: visitor, contact: contact, key: conversation.Key{Tenant: tenant, ID: id}}
		ann.says(order)
		ann.hears(1)
		want = conversation.Asker{Tenant: tenant, Site: shop, Conversation: id, Contact: contact, Verified: map[string]string{conversation.VerifiedExternal: "customer:7"}}
		if d := cmp.Diff(want, books.who); d != "" {
			t.Errorf("who is signed in (-want +got):\n%s", d)
		}
	})
}

// An answer that will not change is not asked for again; a call that panics takes only its own customer.
func TestLookUpThatCannotSucceedIsNotRetried(t *testing.T) {
	for name, reply := range map[string]func(int, string) (json.RawMessage, error){
		"not found": func(int, string) (json.RawMessage, error) {
			return nil, frontdesk.Errorf(frontdesk.NotFound, "no such order")
		},
		"panic":    func(int, string) (json.RawMessage, error) { panic("nil map") },
		"nonsense": func(int, string) (json.RawMessage, error) { return json.RawMessage(`{"title":`), nil },
	} {
		t.Run(name, func(t *testing.T) {
			shop := &system{reply: reply}
			c := start(t, onSQLite(t), orders(shop)).customer()
			c.says(order)
			c.hears(1)
			c.answeredOnce()
			if n := len(shop.calls()); n != 1 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// The process dies while the order system is being asked. The next one asks again under the same key, once the lease is out.
func TestLookUpOutlivesTheProcess(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		now := &clock{}
		asked, hang := make(chan struct{}), make(chan struct{})
		stuck := &system{reply: func(int, string) (json.RawMessage, error) { close(asked); <-hang; return nil, errors.New("cut off") }}
		s := orders(stuck)
		s.now = now.Now
		first := start(t, p, s)
		c := first.customer()
		c.says(order)
		<-asked
		go close(hang) // the answer comes as the process ends, and is lost with it
		first.stop()

		shop := &system{reply: func(int, string) (json.RawMessage, error) { return card, nil }}
		s = orders(shop)
		now.forward(time.Minute)
		s.now = now.Now
		c = c.at(start(t, p, s))
		c.hears(1)
		c.answeredOnce()
		if a, b := stuck.calls(), shop.calls(); len(b) == 1 && a[0] != b[0] {
			t.Errorf("asked under %s, then under %s", a[0], b[0])
		}
	})
}

// The process dies after the result was stored and before anybody said it.
func TestStoredResultOutlivesTheProcess(t *testing.T) {
	p := onSQLite(t)
	g := &gate{}
	shop := &system{reply: func(int, string) (json.RawMessage, error) { return card, nil }}
	s := orders(shop)
	s.releases = g.through
	first := start(t, p, s)
	c := first.customer()
	c.says(order)
	until(t, "the look-up to be asked for", func() bool { return c.row().claim == "" && c.row().done == 1 || len(shop.calls()) > 0 })
	g.close()
	until(t, "the result", func() bool {
		var n int
		must(t, first.db.QueryRow(t.Context(), "SELECT count(*) FROM effect WHERE status IN ('done', 'taken')").Scan(&n))
		return n == 1
	})
	// Nobody says it: the claim goes to a process that is no more.
	first.exec("UPDATE conversation SET claim = 'dead/0/2' WHERE id = $1 AND claim <> ''", c.key.ID)
	g.open()
	first.stop()

	c = c.at(start(t, p, setup{}))
	got := c.hears(1)
	if got[0].Parts[1].Card == nil {
		t.Errorf("answer %+v", got[0])
	}
	c.answeredOnce()
}

// A person takes over while the order is looked up: the result waits until the bot has the conversation again.
func TestResultWaitsWhileAPersonIsThere(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		answer := make(chan struct{})
		shop := &system{reply: func(int, string) (json.RawMessage, error) { <-answer; return card, nil }}
		c := start(t, p, orders(shop)).customer()
		c.says(order)
		until(t, "the order system to be asked", func() bool { return len(shop.calls()) == 1 })
		_, err := c.Take(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		close(answer)
		c.settled()
		c.hears(0)
		_, err = c.HandBack(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		c.hears(2) // the result, and that the bot is back
		if r := c.row(); r.inbox != 0 {
			t.Errorf("%d things still wait", r.inbox)
		}
	})
}

// timers is a node whose timers run.
func (n *node) sweep() {
	n.t.Helper()
	_, err := n.db.SweepTimers(n.t.Context(), n.Timers())
	must(n.t, err)
}

// The bot asked for an order number and the customer fell silent: one reminder, then quiet.
func TestNudgeOnceAfterSilence(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		now := &clock{}
		s := orders(&system{reply: func(int, string) (json.RawMessage, error) { return card, nil }})
		s.now = now.Now
		c := start(t, p, s).customer()
		c.says("我的订单到哪了？")
		if got := c.hears(1)[0]; !strings.Contains(got.Text, "订单号") {
			t.Fatalf("the bot did not ask for the number: %q", got.Text)
		}
		c.sweep()
		c.hears(1)
		now.forward(3 * time.Minute)
		c.sweep()
		if got := c.hears(2)[1]; len(got.ReplyTo) != 0 || !strings.Contains(got.Text, "还需要查订单吗") {
			t.Errorf("reminder %q to %v", got.Text, got.ReplyTo)
		}
		now.forward(3 * time.Minute)
		c.sweep()
		c.hears(2)
	})
}

// No reminder for who has answered, and none into a conversation that a person has.
func TestNoNudgeWhenItIsAnsweredOrTaken(t *testing.T) {
	now := &clock{}
	s := orders(&system{reply: func(int, string) (json.RawMessage, error) { return card, nil }})
	s.now = now.Now
	n := start(t, onSQLite(t), s)
	answered, taken := n.customer(), n.customer()
	for _, c := range []*customer{answered, taken} {
		c.says("我的订单到哪了？")
		c.hears(1)
	}
	answered.says(order)
	answered.hears(2)
	_, err := taken.Take(staff(t, "lin"), tenant, taken.key.ID, true)
	must(t, err)
	now.forward(3 * time.Minute)
	n.sweep()
	answered.hears(2)
	taken.hears(1)
	_, err = taken.HandBack(staff(t, "lin"), tenant, taken.key.ID, true)
	must(t, err)
	for _, m := range taken.hears(2) {
		if strings.Contains(m.Text, "还需要查订单吗") {
			t.Errorf("reminded after a person had been there: %q", m.Text)
		}
	}
}

// A bot's conversation closes when it has been quiet long enough; a word in between starts the wait anew; one with people
// stays open.
func TestIdleConversationCloses(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		now := &clock{}
		n := start(t, p, setup{now: now.Now})
		quiet, lively, waiting := n.customer(), n.customer(), n.customer()
		quiet.says("怎么退货？")
		quiet.hears(1)
		lively.says("怎么退货？")
		lively.hears(1)
		waiting.says("转人工")
		waiting.hears(1)
		now.forward(20 * time.Minute)
		lively.says("运费多少钱？")
		lively.hears(2)
		n.sweep()
		if quiet.owner() != conversation.OwnerBot {
			t.Error("closed after 20 of 30 minutes")
		}
		now.forward(11 * time.Minute)
		n.sweep()
		for c, want := range map[*customer]conversation.Owner{quiet: conversation.OwnerClosed, lively: conversation.OwnerBot, waiting: conversation.OwnerQueue} {
			if got := c.owner(); got != want {
				t.Errorf("now with %s, want %s", got, want)
			}
		}
		if n := len(quiet.messages()); n != 2 {
			t.Errorf("closing for silence made noise: %d messages", n)
		}
		now.forward(31 * time.Minute)
		n.sweep()
		if got := lively.owner(); got != conversation.OwnerClosed {
			t.Errorf("the lively one is with %s after its own silence", got)
		}
		// Back again: open, with a wait of its own.
		quiet.says("运费多少钱？")
		quiet.hears(2)
		now.forward(31 * time.Minute)
		n.sweep()
		if got := quiet.owner(); got != conversation.OwnerClosed {
			t.Errorf("the second episode is with %s", got)
		}
	})
}
