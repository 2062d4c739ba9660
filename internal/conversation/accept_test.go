package conversation_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
)

func TestQuestionIsAnsweredWithItsSource(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		if seq := c.says("怎么退货？"); seq != 1 {
			t.Fatalf("the first message got number %d", seq)
		}
		got := c.hears(1)[0]
		if got.Seq != 2 || got.Text != entries[0].Answer || !slices.Equal(got.ReplyTo, []int64{1}) {
			t.Errorf("answer %d %q to %v", got.Seq, got.Text, got.ReplyTo)
		}
		if src := got.Parts[0].Sources; len(src) != 1 || src[0].ID != "return" || src[0].Score <= 0 || src[0].Score > 1 {
			t.Errorf("sources %+v", src)
		}
		c.says("What are your opening hours?")
		if got := c.hears(2)[1]; got.Text != "We are open from 9 to 18." {
			t.Errorf("in English: %q", got.Text)
		}
		traces, err := c.Traces(t.Context(), tenant, c.key.ID, 0, 10)
		must(t, err)
		if len(traces) != 2 || !slices.Equal(traces[0].Seqs, []int64{1}) || !slices.Equal(traces[0].Replies, []int64{2}) {
			t.Errorf("traces %+v", traces)
		}
	})
}

// A client that heard no acknowledgement sends again: it gets the first number, and the message stays one.
func TestReplayedMessageKeepsItsNumber(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		in := c.inbound("from-the-phone-1", "怎么退货？")
		first, err := c.Accept(t.Context(), in)
		must(t, err)
		c.hears(1)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				again, err := c.Accept(t.Context(), in)
				if err != nil || again != first {
					t.Errorf("replay got %d, %v; the first got %d", again, err, first)
				}
			})
		}
		wg.Wait()
		if next := c.says("怎么开发票？"); next != first+2 {
			t.Errorf("the next message got %d: replays used up numbers", next)
		}
		c.hears(2)
		if n := len(c.by(conversation.ByCustomer)); n != 2 {
			t.Errorf("%d messages of the customer, want 2", n)
		}
		if n := c.Stats().Duplicates.Load(); n != 8 {
			t.Errorf("%d duplicates counted", n)
		}
		// The id belongs to the conversation: another customer's device may use the same.
		other := c.customer()
		if seq, err := other.Accept(t.Context(), other.inbound("from-the-phone-1", "怎么退货？")); err != nil || seq != 1 {
			t.Errorf("the other customer got %d, %v", seq, err)
		}
		other.hears(1)
	})
}

// People type in bursts. Three pieces of one question 300 ms apart get one answer that names all three.
func TestFragmentsGetOneAnswer(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{timing: conversation.Timing{Wait: 800 * time.Millisecond, IdleClose: time.Hour, ActionTime: time.Second}}).customer()
		for i, text := range []string{"我买的电饭煲", "上周到的", "怎么退货？"} {
			if i > 0 {
				time.Sleep(300 * time.Millisecond) // the customer's pace, not a wait for anything
			}
			c.says(text)
		}
		got := c.hears(1)[0]
		if !slices.Equal(got.ReplyTo, []int64{1, 2, 3}) {
			t.Errorf("the answer names %v:\n%s", got.ReplyTo, c.transcript())
		}
		if n := c.row().turn; n != 1 {
			t.Errorf("%d turns for one question", n)
		}
	})
}

// A fragment that nothing follows is answered when the patience ends, not before and not never.
func TestLoneFragmentWaitsThenIsAnswered(t *testing.T) {
	const wait = 300 * time.Millisecond
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{timing: conversation.Timing{Wait: wait, IdleClose: time.Hour, ActionTime: time.Second}}).customer()
		began := time.Now()
		c.says("那个电饭煲")
		c.hears(1)
		if d := time.Since(began); d < wait {
			t.Errorf("answered after %v, before the patience of %v ended", d, wait)
		}
		c.answeredOnce()
	})
}

func TestBurstOfQuestionsGetsAnAnswerEach(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		g := &gate{}
		c := start(t, p, setup{releases: g.through}).customer()
		g.close()
		asked := []string{"怎么退货？", "运费多少钱？", "怎么开发票？", "怎么退货？", "运费多少钱？", "怎么开发票？", "怎么退货？", "运费多少钱？", "怎么开发票？", "怎么退货？", "运费多少钱？"}
		for _, q := range asked {
			c.says(q)
		}
		g.open()
		got := c.hears(len(asked))
		for i, m := range got {
			if !slices.Equal(m.ReplyTo, []int64{int64(i + 1)}) {
				t.Errorf("answer %d is to %v", i+1, m.ReplyTo)
			}
		}
		c.answeredOnce()
	})
}

func TestMessageDuringATurnIsAnsweredByTheNext(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		g := &gate{}
		c := start(t, p, setup{releases: g.through}).customer()
		g.close()
		c.says("怎么退货？")
		until(t, "the turn to begin", func() bool { return g.inside.Load() == 1 })
		c.says("运费多少钱？")
		if n := len(c.by(conversation.ByBot)); n != 0 {
			t.Fatal("answered through a closed gate")
		}
		g.open()
		c.hears(2)
		c.answeredOnce()
		if n := c.row().turn; n != 2 {
			t.Errorf("%d turns, want one for what was read and one for what came meanwhile", n)
		}
	})
}

// Many customers at once: nobody's answer goes to another, numbers have no holes.
func TestManyCustomersAtOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := start(t, p, setup{})
		var wg sync.WaitGroup
		for range 20 {
			c := n.customer()
			wg.Go(func() {
				for i := range 5 {
					e := entries[i%3]
					if _, err := c.Accept(t.Context(), c.inbound(fmt.Sprint(i), e.Question)); err != nil {
						t.Error(err)
					}
				}
				deadline := time.Now().Add(15 * time.Second)
				for c.row().done < c.row().asked && time.Now().Before(deadline) {
					time.Sleep(5 * time.Millisecond)
				}
				c.answeredOnce()
				for i, m := range c.messages() {
					if m.Seq != int64(i+1) {
						t.Errorf("message %d has number %d", i+1, m.Seq)
					}
				}
			})
		}
		wg.Wait()
	})
}

func TestOverloadIsRefusedWithAHint(t *testing.T) {
	g := &gate{}
	n := start(t, onSQLite(t), setup{releases: g.through, maxTurns: 3})
	g.close()
	var waiting []*customer
	for range 3 {
		c := n.customer()
		c.says("怎么退货？")
		waiting = append(waiting, c)
	}
	late := n.customer()
	_, err := late.Accept(t.Context(), late.inbound("1", "怎么退货？"))
	var refusal *frontdesk.Error
	if !errors.As(err, &refusal) || refusal.Kind != frontdesk.Limited || refusal.RetryAfter <= 0 {
		t.Fatalf("got %v, want a refusal that says when to come back", err)
	}
	if len(late.messages()) != 0 {
		t.Error("a refused message was stored")
	}
	g.open()
	for _, c := range waiting {
		c.hears(1)
	}
	late.says("怎么退货？")
	late.hears(1)
	if n.Stats().Refused.Load() != 1 {
		t.Errorf("%d refusals counted", n.Stats().Refused.Load())
	}
}

// While a slow commit holds everything back no claim is made yet, and still only so many messages may wait for it: else all
// that come meanwhile would be let in, and wait for one another afterwards.
func TestMessagesBeingStoredCountAsLoad(t *testing.T) {
	n := start(t, onSQLite(t), setup{maxTurns: 3})
	customers := make([]*customer, 10)
	for i := range customers {
		customers[i] = n.customer()
	}
	slow, begun, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		held <- n.db.Write(t.Context(), func(*sqldb.Tx) error {
			close(begun)
			<-slow
			return nil
		})
	}()
	<-begun
	answers := make(chan error, len(customers))
	for _, c := range customers {
		go func() {
			_, err := c.Accept(t.Context(), c.inbound("1", "怎么退货？"))
			answers <- err
		}()
	}
	for range len(customers) - 3 { // none of them waits for the commit
		if err := <-answers; frontdesk.KindOf(err) != frontdesk.Limited {
			t.Errorf("got %v, want a refusal", err)
		}
	}
	close(slow)
	must(t, <-held)
	for range 3 {
		must(t, <-answers)
	}
	if refused, taken := n.Stats().Refused.Load(), n.Stats().Accepted.Load(); refused != 7 || taken != 3 {
		t.Errorf("%d refused and %d accepted, want 7 and 3", refused, taken)
	}
}

func TestUnknownConversationIsNotFound(t *testing.T) {
	c := start(t, onSQLite(t), setup{}).customer()
	in := c.inbound("1", "怎么退货？")
	in.Conversation = frontdesk.NewID()
	if _, err := c.Accept(t.Context(), in); frontdesk.KindOf(err) != frontdesk.NotFound {
		t.Errorf("got %v", err)
	}
	in = c.inbound("1", "怎么退货？")
	in.Tenant = "another"
	if _, err := c.Accept(t.Context(), in); frontdesk.KindOf(err) != frontdesk.NotFound {
		t.Errorf("another tenant's message: %v", err)
	}
}
