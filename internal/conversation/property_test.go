package conversation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/conversation"

	"pgregory.net/rapid"
)

// Whatever customers and staff do, in whatever order, and whenever the process ends and comes back: numbers strictly
// increase, each message of the customer's is dealt with once, and the bot is silent while a person has the conversation.
func TestAnyInterleavingKeepsThePromises(t *testing.T) {
	p := onSQLite(t)
	var n *node
	awake := true
	restart := func(s setup) {
		awake = !s.asleep
		if n != nil {
			n.stop()
		}
		s.timing = conversation.Timing{Wait: 5 * time.Millisecond, IdleClose: time.Hour, ActionTime: time.Second}
		n = start(t, p, s)
	}
	restart(setup{})
	said := []string{"怎么退货？", "运费多少钱？", "怎么开发票？", "那个电饭煲", "你好", "转人工", "你们老板家的猫叫什么名字？"}

	rapid.Check(t, func(rt *rapid.T) {
		customers := []*customer{n.customer(), n.customer()}
		sent := make([]int, len(customers))
		pick := func() (*customer, int) {
			i := rapid.IntRange(0, len(customers)-1).Draw(rt, "customer")
			return customers[i], i
		}
		as := func(c *customer) (*customer, context.Context) {
			return c.at(n), staff(t, rapid.SampledFrom([]string{"lin", "wu"}).Draw(rt, "staff"))
		}
		refused := func(err error) {
			if err != nil && frontdesk.KindOf(err) != frontdesk.Conflict {
				rt.Fatalf("refused with %v", err)
			}
		}
		steps := rapid.IntRange(3, 14).Draw(rt, "steps")
		for step := range steps {
			switch act := rapid.IntRange(0, 15).Draw(rt, "act"); {
			case act < 7:
				c, i := pick()
				text := rapid.SampledFrom(said).Draw(rt, "text")
				sent[i]++
				if _, err := n.Accept(t.Context(), c.inbound(fmt.Sprint(sent[i]), text)); err != nil {
					rt.Fatal(err)
				}
			case act == 7: // the client heard nothing and sends again
				c, i := pick()
				if sent[i] > 0 {
					if _, err := n.Accept(t.Context(), c.inbound(fmt.Sprint(sent[i]), "怎么退货？")); err != nil {
						rt.Fatal(err)
					}
				}
			case act < 10:
				c, _ := pick()
				_, ctx := as(c)
				refused(second(n.Take(ctx, tenant, c.key.ID, true)))
			case act == 10:
				c, _ := pick()
				_, ctx := as(c)
				refused(second(n.Reply(ctx, tenant, c.key.ID, fmt.Sprint("r", step), frontdesk.TextContent("我看看"))))
			case act < 13:
				c, _ := pick()
				_, ctx := as(c)
				refused(second(n.HandBack(ctx, tenant, c.key.ID, true)))
			case act == 13:
				c, _ := pick()
				_, ctx := as(c)
				refused(second(n.Close(ctx, tenant, c.key.ID, true)))
			case act == 14 && awake: // all is quiet for a moment
				c, _ := pick()
				c = c.at(n)
				for deadline := time.Now().Add(10 * time.Second); c.row().claim != "" && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
			default: // the process ends in the middle; an asleep one takes messages and dies before it answers any
				if rapid.Bool().Draw(rt, "asleep") {
					restart(setup{asleep: true})
				} else {
					restart(setup{})
				}
			}
		}
		restart(setup{}) // the last one may have been asleep
		for i, c := range customers {
			c = c.at(n)
			if problem := c.promises(sent[i]); problem != "" {
				rt.Fatalf("%s\n%s", problem, c.transcript())
			}
		}
	})
}

// promises waits until a conversation is at rest and says what is broken in it. What happened in which order is in the log.
func (c *customer) promises(sent int) string {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if r := c.row(); r.claim == "" && r.asked <= r.done {
			break
		}
		if time.Now().After(deadline) {
			return "it does not come to rest"
		}
	}
	var last int64
	for _, m := range c.messages() {
		if m.Seq <= last {
			return fmt.Sprintf("number %d follows %d", m.Seq, last)
		}
		last = m.Seq
	}
	owner := "closed"           // until the first word
	dealt := map[int64]string{} // customer's message -> who dealt with it
	for _, e := range c.events() {
		var d struct {
			Seq     int64   `json:"seq"`
			Seqs    []int64 `json:"seqs"`
			Replies []int64 `json:"reply_seqs"`
			To      string  `json:"to"`
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return err.Error()
		}
		switch e.Type {
		case frontdesk.EvMessageReceived:
			if _, twice := dealt[d.Seq]; twice {
				return fmt.Sprintf("message %d was received twice", d.Seq)
			}
			dealt[d.Seq] = ""
			switch owner {
			case "closed":
				owner = "bot"
			case "agent":
				dealt[d.Seq] = "agent"
			}
		case frontdesk.EvConversationOwned:
			owner = d.To
			if owner == "agent" || owner == "closed" {
				for seq, by := range dealt {
					if by == "" {
						dealt[seq] = owner
					}
				}
			}
		case frontdesk.EvTurnCompleted:
			// The hand-over to the queue and the turn that asked for it are one commit.
			if owner != "bot" && owner != "queue" {
				return fmt.Sprintf("the bot wrote %v while the conversation was with %s", d.Replies, owner)
			}
			for _, seq := range d.Seqs {
				if by := dealt[seq]; by != "" {
					return fmt.Sprintf("message %d was dealt with by %s and then by the bot", seq, by)
				}
				dealt[seq] = "bot"
			}
		}
	}
	for seq, by := range dealt {
		if by == "" {
			return fmt.Sprintf("message %d was never dealt with", seq)
		}
	}
	if len(dealt) != sent {
		return fmt.Sprintf("%d messages received, %d acknowledged", len(dealt), sent)
	}
	if got := string(c.owner()); got != owner {
		return fmt.Sprintf("the log says %s has it, the conversation says %s", owner, got)
	}
	return ""
}
