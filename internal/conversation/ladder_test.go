package conversation_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
)

// broken is knowledge with a fault in it.
type broken struct {
	conversation.Releases
	search, wording atomic.Bool // panic there
	unloadable      atomic.Bool
}

func (b *broken) through(r conversation.Releases) conversation.Releases {
	b.Releases = r
	return b
}

func (b *broken) Latest(ctx context.Context, tenant, bot string) (dialogue.Release, int64, error) {
	if b.unloadable.Load() {
		return nil, 0, errors.New("release 7: segment is truncated")
	}
	r, n, err := b.Releases.Latest(ctx, tenant, bot)
	return faulty{r, b}, n, err
}

type faulty struct {
	dialogue.Release
	b *broken
}

func (f faulty) Search(q knowledge.Query) knowledge.Result {
	if f.b.search.Load() {
		panic("index out of range")
	}
	return f.Release.Search(q)
}

func (f faulty) Exact(text string, now int64) (*knowledge.Entry, bool) {
	if f.b.wording.Load() {
		panic("index out of range")
	}
	return f.Release.Exact(text, now)
}

// Each rung of the ladder below the dialogue: the customer is told and gets a person. Never silence, never a crash.
func TestCustomerIsToldAndHandedOverWhenTheBotFails(t *testing.T) {
	for name, breakIt := range map[string]func(b *broken){
		"search panics":       func(b *broken) { b.search.Store(true) },
		"wordings panic":      func(b *broken) { b.wording.Store(true) },
		"release cannot load": func(b *broken) { b.unloadable.Store(true) },
		"all of it":           func(b *broken) { b.search.Store(true); b.wording.Store(true); b.unloadable.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, p place) {
				b := &broken{}
				c := start(t, p, setup{releases: b.through}).customer()
				breakIt(b)
				c.says("你们这里电饭煲坏了") // not complete by its looks: the wordings are asked
				got := c.hears(1)[0]
				if !strings.Contains(got.Text, "转给人工") || len(got.ReplyTo) != 1 {
					t.Errorf("the customer hears %q to %v", got.Text, got.ReplyTo)
				}
				if c.owner() != conversation.OwnerQueue {
					t.Errorf("the conversation is with %s", c.owner())
				}
				// In the queue they are not told again and again.
				c.says("还在吗，有人吗，怎么没人理我，我等了很久了，真的很着急的啊啊啊")
				c.settled()
				c.hears(1)

				// Mended, the bot can have it back.
				b.search.Store(false)
				b.wording.Store(false)
				b.unloadable.Store(false)
				_, err := c.HandBack(staff(t, "lin"), tenant, c.key.ID, true)
				must(t, err)
				c.says("怎么退货？")
				c.hears(3)
			})
		})
	}
}

// A state that a newer or older program wrote is no reason for silence.
func TestUnreadableStateStartsAnew(t *testing.T) {
	c := start(t, onSQLite(t), setup{}).customer()
	c.says("怎么退货？")
	c.hears(1)
	c.exec("UPDATE conversation SET state = '{\"language\":7' WHERE id = $1", c.key.ID)
	c.says("运费多少钱？")
	c.hears(2)
	c.answeredOnce()
}
