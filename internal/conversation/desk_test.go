package conversation_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/conversation"
)

// owner is who has the conversation, as staff see it.
func (c *customer) owner() conversation.Owner {
	c.t.Helper()
	s, err := c.Get(c.t.Context(), tenant, c.key.ID)
	must(c.t, err)
	return s.Owner
}

// The whole of a handover: asked for, waited for, taken, served, handed back, closed, and come back.
func TestHandoverFromBotToPersonAndBack(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		c.StaffSeen(tenant, "lin")
		c.says("转人工")
		c.hears(1)
		if c.owner() != conversation.OwnerQueue {
			t.Fatalf("asked for a person, and the conversation is with %s", c.owner())
		}
		if place, err := c.QueuePlace(t.Context(), tenant, c.key.ID); err != nil || place != 0 {
			t.Errorf("place in the queue %d, %v", place, err)
		}

		s, err := c.Take(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		if s.Owner != conversation.OwnerAgent || s.Agent != "lin" || s.Epoch == 0 {
			t.Fatalf("after taking: %+v", s)
		}
		again, err := c.Take(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		if again.Seq != s.Seq || again.Epoch != s.Epoch {
			t.Error("taking what one has changed something")
		}

		// With a person the bot is silent, whatever is asked.
		c.says("怎么退货？")
		m, err := c.Reply(staff(t, "lin"), tenant, c.key.ID, "from-desk-1", frontdesk.TextContent("您好，我来帮您办退货。"))
		must(t, err)
		if twice, err := c.Reply(staff(t, "lin"), tenant, c.key.ID, "from-desk-1", frontdesk.TextContent("您好，我来帮您办退货。")); err != nil || twice.Seq != m.Seq {
			t.Errorf("the replayed reply got %d, %v; the first %d", twice.Seq, err, m.Seq)
		}
		c.hears(1)
		if _, err := c.Reply(staff(t, "wu"), tenant, c.key.ID, "from-desk-2", frontdesk.TextContent("我也来")); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("a colleague who does not have it replied: %v", err)
		}

		// Handed back, the bot says so and answers again; what the person dealt with stays dealt with.
		_, err = c.HandBack(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		if got := c.hears(2)[1]; len(got.ReplyTo) != 0 || !strings.Contains(got.Text, "智能客服") {
			t.Errorf("after the hand-back the bot says %q to %v", got.Text, got.ReplyTo)
		}
		c.says("运费多少钱？")
		c.hears(3)

		_, err = c.Close(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		if c.owner() != conversation.OwnerClosed {
			t.Errorf("closed, and with %s", c.owner())
		}
		// Coming back opens a new episode of the same conversation, with the bot.
		seq := c.says("怎么开发票？")
		c.hears(4)
		if r := c.row(); r.episode != 2 || r.owner != "bot" {
			t.Errorf("came back into %+v", r)
		}
		ms := c.messages()
		if i := slices.IndexFunc(ms, func(m conversation.Message) bool { return m.Seq == seq }); ms[i].Episode != 2 {
			t.Errorf("the first message of the new episode is in episode %d", ms[i].Episode)
		}
		events := c.events()
		want := []string{frontdesk.EvConversationOpened, "queue", "agent", "bot", "closed", frontdesk.EvConversationClosed, frontdesk.EvConversationOpened}
		if got := ownership(events); !slices.Equal(got, want) {
			t.Errorf("events %v, want %v", got, want)
		}
	})
}

// events is the conversation's log.
func (c *customer) events() (out []frontdesk.Event) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.db.Sequence(ctx) }()
	defer func() { cancel(); <-done }()
	var fresh int
	until(c.t, "positions", func() bool {
		must(c.t, c.db.QueryRow(c.t.Context(), "SELECT count(*) FROM event WHERE pos IS NULL").Scan(&fresh))
		return fresh == 0
	})
	for after := int64(0); ; {
		page, next, err := c.db.Events(c.t.Context(), tenant, after, 1000)
		must(c.t, err)
		if len(page) == 0 {
			return out
		}
		for _, e := range page {
			if e.Conversation == c.key.ID {
				out = append(out, e)
			}
		}
		after = next
	}
}

func ownership(events []frontdesk.Event) (out []string) {
	for _, e := range events {
		switch e.Type {
		case frontdesk.EvConversationOwned:
			_, to, _ := strings.Cut(string(e.Data), `"to":"`)
			to, _, _ = strings.Cut(to, `"`)
			out = append(out, to)
		case frontdesk.EvConversationOpened, frontdesk.EvConversationClosed:
			out = append(out, e.Type)
		}
	}
	return out
}

// Each cell of the ownership table, by what staff can do.
func TestOwnershipTable(t *testing.T) {
	acts := map[string]func(c *customer) error{
		"take":      func(c *customer) error { _, err := c.Take(staff(c.t, "wu"), tenant, c.key.ID, true); return err },
		"hand back": func(c *customer) error { _, err := c.HandBack(staff(c.t, "wu"), tenant, c.key.ID, true); return err },
		"close":     func(c *customer) error { _, err := c.Close(staff(c.t, "wu"), tenant, c.key.ID, true); return err },
		"reply": func(c *customer) error {
			_, err := c.Reply(staff(c.t, "lin"), tenant, c.key.ID, "r", frontdesk.TextContent("您好"))
			return err
		},
	}
	from := map[conversation.Owner]func(c *customer){
		conversation.OwnerBot:   func(c *customer) { c.says("怎么退货？"); c.hears(1) },
		conversation.OwnerQueue: func(c *customer) { c.says("转人工"); c.hears(1) },
		conversation.OwnerAgent: func(c *customer) {
			c.says("怎么退货？")
			c.hears(1)
			_, err := c.Take(staff(c.t, "lin"), tenant, c.key.ID, true)
			must(c.t, err)
		},
		conversation.OwnerClosed: func(c *customer) {
			c.says("怎么退货？")
			c.hears(1)
			_, err := c.Close(staff(c.t, "lin"), tenant, c.key.ID, true)
			must(c.t, err)
		},
	}
	const refused = conversation.Owner("")
	want := map[conversation.Owner]map[string]conversation.Owner{
		conversation.OwnerBot:    {"take": conversation.OwnerAgent, "hand back": refused, "close": conversation.OwnerClosed, "reply": refused},
		conversation.OwnerQueue:  {"take": conversation.OwnerAgent, "hand back": conversation.OwnerBot, "close": conversation.OwnerClosed, "reply": refused},
		conversation.OwnerAgent:  {"take": conversation.OwnerAgent, "hand back": conversation.OwnerBot, "close": conversation.OwnerClosed, "reply": conversation.OwnerAgent},
		conversation.OwnerClosed: {"take": refused, "hand back": refused, "close": refused, "reply": refused},
	}
	n := start(t, onSQLite(t), setup{})
	for owner, begin := range from {
		for act, do := range acts {
			t.Run(fmt.Sprintf("%s by %s", act, owner), func(t *testing.T) {
				c := n.customer()
				begin(c)
				if c.owner() != owner {
					t.Fatalf("begins with %s", c.owner())
				}
				before := c.row()
				err := do(c)
				c.settled()
				to := want[owner][act]
				switch {
				case to == refused:
					if frontdesk.KindOf(err) != frontdesk.Conflict {
						t.Errorf("got %v, want a conflict", err)
					}
					if after := c.row(); after != before {
						t.Errorf("the refused act changed %+v into %+v", before, after)
					}
				case err != nil:
					t.Error(err)
				case c.owner() != to:
					t.Errorf("now with %s, want %s", c.owner(), to)
				}
			})
		}
	}
}

// Somebody takes over while the bot is about to answer: the bot's turn is thrown away. Never two answers.
func TestTakingOverThrowsTheTurnAway(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		g := &gate{}
		c := start(t, p, setup{releases: g.through}).customer()
		g.close()
		c.says("怎么退货？")
		until(t, "the turn to begin", func() bool { return g.inside.Load() == 1 })
		_, err := c.Take(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		g.open()
		until(t, "the turn to be lost", func() bool { return c.Stats().Lost.Load() == 1 && c.Pending() == 0 })
		c.hears(0)
		_, err = c.Reply(staff(t, "lin"), tenant, c.key.ID, "1", frontdesk.TextContent("我来回答"))
		must(t, err)
		c.hears(0)
		if r := c.row(); r.asked != r.done {
			t.Errorf("the person has it, and the question still waits for the bot: %+v", r)
		}
	})
}

// Taken and handed back within one turn: the thrown-away turn stays thrown away, the new one speaks.
func TestTakeAndHandBackUnderATurn(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		g := &gate{}
		c := start(t, p, setup{releases: g.through}).customer()
		g.close()
		c.says("怎么退货？")
		until(t, "the turn to begin", func() bool { return g.inside.Load() == 1 })
		_, err := c.Take(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		_, err = c.HandBack(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		g.open()
		got := c.hears(1)
		if len(got[0].ReplyTo) != 0 {
			t.Errorf("the lost turn spoke:\n%s", c.transcript())
		}
	})
}

// A customer in the queue writes on, and at that moment somebody gives the conversation back to the bot. It stays with the
// bot, and what was written is answered.
func TestHandBackFromTheQueueUnderATurn(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		g := &gate{}
		c := start(t, p, setup{releases: g.through}).customer()
		c.says("转人工")
		c.hears(1)
		g.close()
		seq := c.says("怎么退货？")
		until(t, "the turn to begin", func() bool { return g.inside.Load() == 1 })
		_, err := c.HandBack(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		g.open()
		c.settled()
		if c.owner() != conversation.OwnerBot {
			t.Errorf("handed back, and with %s:\n%s", c.owner(), c.transcript())
		}
		times := 0
		for _, m := range c.by(conversation.ByBot) {
			if slices.Contains(m.ReplyTo, seq) {
				times++
			}
		}
		if times != 1 {
			t.Errorf("message %d was answered %d times:\n%s", seq, times, c.transcript())
		}
	})
}

// A turn that waits for the rest of its burst is thrown away too, and the next one does not stumble over it.
func TestClosingUnderAWaitingTurn(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{timing: conversation.Timing{Wait: 300 * time.Millisecond, IdleClose: time.Hour, ActionTime: time.Second}}).customer()
		for range 3 {
			c.says("那个电饭煲")
			_, err := c.Close(staff(t, "lin"), tenant, c.key.ID, true)
			must(t, err)
		}
		c.says("那个电饭煲")
		c.hears(1)
		until(t, "nothing to be under way", func() bool { return c.Pending() == 0 })
	})
}

func TestClosedByACustomerWhoComesBackAtOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		g := &gate{}
		c := start(t, p, setup{releases: g.through}).customer()
		g.close()
		c.says("怎么退货？")
		until(t, "the turn to begin", func() bool { return g.inside.Load() == 1 })
		_, err := c.Close(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		seq := c.says("运费多少钱？")
		g.open()
		got := c.hears(1)
		if !slices.Equal(got[0].ReplyTo, []int64{seq}) || got[0].Episode != 2 {
			t.Errorf("answer to %v in episode %d:\n%s", got[0].ReplyTo, got[0].Episode, c.transcript())
		}
	})
}

// A note is for staff: the customer's page has a gap where it is, and no word of it.
func TestNotesStayInside(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		c.says("怎么退货？")
		c.hears(1)
		_, err := c.Note(staff(t, "lin"), tenant, c.key.ID, "n1", frontdesk.TextContent("这位客户上周来过"))
		must(t, err)
		c.says("运费多少钱？")
		c.hears(2)
		page, err := c.Changes(t.Context(), tenant, c.key.ID, 0, 100, conversation.ForCustomer)
		must(t, err)
		var seqs []int64
		for _, m := range page.Messages {
			seqs = append(seqs, m.Seq)
			if strings.Contains(m.Text, "上周来过") {
				t.Error("the customer reads the note")
			}
		}
		if !slices.Equal(seqs, []int64{1, 2, 4, 5}) || page.Seq != 5 {
			t.Errorf("the customer's page has %v up to %d", seqs, page.Seq)
		}
		s, err := c.Get(t.Context(), tenant, c.key.ID)
		must(t, err)
		if strings.Contains(s.Preview, "上周来过") {
			t.Error("the note is the preview")
		}
	})
}

// What a person has said can be put right and taken back; both are changes that a customer who was away reads later.
func TestReviseAndRecall(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		c.says("怎么退货？")
		bot := c.hears(1)[0]
		lin := staff(t, "lin")
		_, err := c.Take(lin, tenant, c.key.ID, true)
		must(t, err)
		m, err := c.Reply(lin, tenant, c.key.ID, "1", frontdesk.TextContent("三天内到账"))
		must(t, err)
		revised, err := c.Revise(lin, tenant, c.key.ID, m.Seq, frontdesk.TextContent("五天内到账"))
		must(t, err)
		page, err := c.Changes(t.Context(), tenant, c.key.ID, m.Seq, 100, conversation.ForCustomer)
		must(t, err)
		if len(page.Messages) != 0 || len(page.Changed) != 1 || page.Changed[0].Text != "五天内到账" || page.Changed[0].Seq != m.Seq || page.Changed[0].Change != revised.Change {
			t.Errorf("after the revision the customer reads %+v", page)
		}
		if _, err := c.Recall(lin, tenant, c.key.ID, m.Seq); err != nil {
			t.Fatal(err)
		}
		page, err = c.Changes(t.Context(), tenant, c.key.ID, revised.Change, 100, conversation.ForCustomer)
		must(t, err)
		if len(page.Changed) != 1 || page.Changed[0].State != "recalled" || page.Changed[0].Text != "" {
			t.Errorf("after the recall the customer reads %+v", page)
		}
		for name, err := range map[string]error{
			"recall twice":    second(c.Recall(lin, tenant, c.key.ID, m.Seq)),
			"the bot's":       second(c.Revise(lin, tenant, c.key.ID, bot.Seq, frontdesk.TextContent("x"))),
			"the customer's":  second(c.Recall(lin, tenant, c.key.ID, 1)),
			"somebody else's": second(c.Revise(staff(t, "wu"), tenant, c.key.ID, m.Seq, frontdesk.TextContent("x"))),
			"none":            second(c.Recall(lin, tenant, c.key.ID, 999)),
		} {
			if k := frontdesk.KindOf(err); err == nil || k == frontdesk.Internal {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// The outcomes are kept apart; none claims more than is known.
func TestOutcomes(t *testing.T) {
	n := start(t, onSQLite(t), setup{})
	for want, story := range map[string]func(c *customer){
		"confirmed": func(c *customer) {
			c.says("怎么退货？")
			must(c.t, c.Rate(c.t.Context(), tenant, c.key.ID, c.hears(1)[0].Seq, true, ""))
		},
		"assumed":     func(c *customer) { c.says("怎么退货？"); c.hears(1) },
		"handed_over": func(c *customer) { c.says("转人工"); c.hears(1) },
		"not_known":   func(c *customer) { c.says("你们老板家的猫叫什么名字？"); c.hears(1) },
		"left":        func(c *customer) { c.says("你好"); c.hears(1) },
	} {
		c := n.customer()
		story(c)
		_, err := c.Close(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		var got string
		must(t, c.db.QueryRow(t.Context(), "SELECT outcome FROM episode WHERE tenant = $1 AND conversation = $2", tenant, c.key.ID).Scan(&got))
		if got != want {
			t.Errorf("outcome %s, want %s:\n%s", got, want, c.transcript())
		}
	}
}

// A rating counts for its own answer, and a bad one speaks against "assumed".
func TestBadRatingIsNotAssumed(t *testing.T) {
	c := start(t, onSQLite(t), setup{}).customer()
	c.says("怎么退货？")
	answer := c.hears(1)[0]
	must(t, c.Rate(t.Context(), tenant, c.key.ID, answer.Seq, false, "不是我要的"))
	if err := c.Rate(t.Context(), tenant, c.key.ID, 1, true, ""); frontdesk.KindOf(err) != frontdesk.Invalid {
		t.Errorf("rated one's own question: %v", err)
	}
	_, err := c.Close(staff(t, "lin"), tenant, c.key.ID, true)
	must(t, err)
	var got string
	must(t, c.db.QueryRow(t.Context(), "SELECT outcome FROM episode WHERE tenant = $1 AND conversation = $2", tenant, c.key.ID).Scan(&got))
	if got != "not_known" {
		t.Errorf("outcome %s", got)
	}
}

// The queue lists who waits longest first, page by page, and everybody once.
func TestListPagesTheQueue(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := start(t, p, setup{})
		var want []string
		for range 5 {
			c := n.customer()
			c.says("转人工")
			c.hears(1)
			want = append(want, c.key.ID)
		}
		n.customer() // never wrote
		var got []string
		for cursor := ""; ; {
			list, next, err := n.List(t.Context(), tenant, conversation.Filter{Owner: conversation.OwnerQueue, Cursor: cursor, Limit: 2})
			must(t, err)
			for _, s := range list {
				got = append(got, s.ID)
			}
			if cursor = next; next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("queue %v, want %v", got, want)
		}
		for i, id := range want {
			if place, err := n.QueuePlace(t.Context(), tenant, id); err != nil || place != i {
				t.Errorf("place %d, %v; want %d", place, err, i)
			}
		}
		standing, err := n.Now(t.Context(), tenant)
		must(t, err)
		if standing.Queue != 5 || standing.OldestQueued == 0 {
			t.Errorf("standing %+v", standing)
		}
		if _, _, err := n.List(t.Context(), tenant, conversation.Filter{Cursor: "nonsense"}); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("a broken cursor: %v", err)
		}
	})
}

// Two people want the same conversation: one gets it, the other is told so.
func TestTwoPeopleTakeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		c.says("转人工")
		c.hears(1)
		done := make(chan error, 2)
		for _, who := range []string{"lin", "wu"} {
			go func() { _, err := c.Take(staff(t, who), tenant, c.key.ID, false); done <- err }()
		}
		first, second := <-done, <-done
		if (first == nil) == (second == nil) || frontdesk.KindOf(cmp.Or(first, second)) != frontdesk.Conflict {
			t.Errorf("taking at once: %v and %v", first, second)
		}
		has := c.row().agent
		replied := 0
		for _, who := range []string{"lin", "wu"} {
			_, err := c.Reply(staff(t, who), tenant, c.key.ID, who, frontdesk.TextContent("您好"))
			if (err == nil) != (who == has) {
				t.Errorf("%s has it, and %s replied with %v", has, who, err)
			}
			if err == nil {
				replied++
			}
		}
		if replied != 1 {
			t.Errorf("%d people replied", replied)
		}
	})
}
