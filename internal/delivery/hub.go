// Package delivery brings committed changes to whoever watches a conversation. The conversation's change sequence is the
// only source: a change that was not heard of (another node's, or two commits whose news crossed) is read from the
// database, so a watcher that stays connected, or comes back with its last number, misses nothing. It may see a change
// twice and tells by the number. What it delivers was stored as checked; it composes nothing.
package delivery

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk/internal/bus"
	"frontdesk/internal/conversation"
)

// Log reads a conversation's changes.
type Log interface {
	Changes(ctx context.Context, tenant, id string, after int64, limit int, a conversation.Audience) (conversation.Page, error)
}

// Names fills in what staff are called in messages that they wrote. It may read the database; what it cannot find out stays
// empty.
type Names func(ctx context.Context, tenant string, list []conversation.Message)

// Hub is the watchers of this node.
type Hub struct {
	log     Log
	names   Names
	bus     *bus.Bus
	slog    *slog.Logger
	shards  [64]shard
	count   atomic.Int64
	reading sync.WaitGroup
}

type shard struct {
	sync.Mutex
	topics map[conversation.Key]*topic
}

// topic is a conversation that somebody watches. Nothing reads the database while it is locked: one goroutine at a time
// reads what is missing, and until it is done it alone hands out.
type topic struct {
	mu       sync.Mutex
	last     int64 // changes up to here were handed to the live watchers; 0 is unknown
	head     int64 // changes up to here are known to exist
	look     bool  // the owner may have changed, too
	reading  bool
	watchers []*Watcher
}

// Watcher receives what happens in one conversation. Its functions are called one at a time for a watcher and must not
// block.
type Watcher struct {
	Key      conversation.Key
	Audience conversation.Audience
	// Changed gets new and changed messages, older ones first, and the number to go on from once they are had.
	Changed func(items []Item, seq int64)
	// Owner gets the ownership when it has changed.
	Owner func(o conversation.Owner)
	// Typing gets who writes.
	Typing func(t Typing)

	topic *topic
	last  int64
	ahead map[int64]int64 // by message: a change beyond last that came already, with an earlier page
	live  bool
	owner conversation.Owner // as it was told last
}

// Item is a message on its way. Nobody changes it.
type Item struct {
	*conversation.Message
	frame *[]byte
}

// Frame is the wire form for customers, made once for all who want it: {"type":"message","message":{..}}.
func (i Item) Frame() []byte {
	if *i.frame == nil {
		*i.frame = Frame(i.Message)
	}
	return *i.frame
}

func items(lists ...[]conversation.Message) []Item {
	var out []Item
	for _, list := range lists {
		for i := range list {
			out = append(out, Item{&list[i], new([]byte)})
		}
	}
	return out
}

// New makes a hub. SetLog must be called before the first watcher.
func New(b *bus.Bus, log *slog.Logger) (*Hub, error) {
	h := &Hub{bus: b, slog: log, names: func(context.Context, string, []conversation.Message) {}}
	for i := range h.shards {
		h.shards[i].topics = map[conversation.Key]*topic{}
	}
	if b == nil || b.Alone() {
		return h, nil
	}
	if err := b.Subscribe("conversation.changed", func(_ string, data []byte) { h.hinted(data) }); err != nil {
		return nil, err
	}
	return h, b.Subscribe("conversation.typing", func(_ string, data []byte) {
		var hint typingHint
		if json.Unmarshal(data, &hint) == nil {
			h.typing(hint.Key, hint.Typing)
		}
	})
}

// SetLog gives the hub its source.
func (h *Hub) SetLog(l Log) { h.log = l }

// SetNames gives the hub what staff are called. Without it messages name nobody.
func (h *Hub) SetNames(n Names) { h.names = n }

// Watchers is how many there are.
func (h *Hub) Watchers() int64 { return h.count.Load() }

// Wait returns when nothing is being read any more. No watcher is left, and nothing is notified any more.
func (h *Hub) Wait() { h.reading.Wait() }

func (h *Hub) shard(k conversation.Key) *shard {
	var x uint32
	for i := range len(k.ID) {
		x = x*31 + uint32(k.ID[i])
	}
	return &h.shards[x%uint32(len(h.shards))]
}

func (h *Hub) find(k conversation.Key) *topic {
	s := h.shard(k)
	s.Lock()
	defer s.Unlock()
	return s.topics[k]
}

const pageMax = 200

// Changes reads a page of a conversation, with names.
func (h *Hub) Changes(ctx context.Context, key conversation.Key, after int64, a conversation.Audience) (conversation.Page, error) {
	p, err := h.log.Changes(ctx, key.Tenant, key.ID, after, pageMax, a)
	if err == nil {
		h.Name(ctx, key.Tenant, p.Messages)
		h.Name(ctx, key.Tenant, p.Changed)
	}
	return p, err
}

// Name fills in what staff are called in messages read elsewhere.
func (h *Hub) Name(ctx context.Context, tenant string, list []conversation.Message) {
	h.names(ctx, tenant, list)
}

// Watch delivers what changed after a number, then all that follows, until Unwatch. It returns the change sequence it
// reached.
func (h *Hub) Watch(ctx context.Context, w *Watcher, after int64) (seq int64, owner conversation.Owner, err error) {
	s := h.shard(w.Key)
	s.Lock()
	t := s.topics[w.Key]
	if t == nil {
		t = &topic{}
		s.topics[w.Key] = t
	}
	t.mu.Lock()
	w.topic, w.last = t, after
	t.watchers = append(t.watchers, w)
	t.mu.Unlock()
	s.Unlock()
	h.count.Add(1)
	for {
		p, err := h.Changes(ctx, w.Key, w.last, w.Audience)
		if err != nil {
			h.Unwatch(w)
			return 0, "", err
		}
		t.mu.Lock()
		if p.Seq < w.last {
			w.last = p.Seq // the client was beyond the end: it goes on from what there is
		}
		w.give(items(p.Changed, p.Messages), p.Seq)
		if !t.live() {
			t.last = w.last
		}
		if p.More || t.last > w.last { // also what the others have had just now
			t.mu.Unlock()
			continue
		}
		t.head = max(t.head, w.last)
		w.live, w.owner = true, p.Owner
		seq = w.last
		h.catchUp(w.Key, t) // what this watcher has read, the others may not have had: its news is still on its way
		t.mu.Unlock()
		return seq, p.Owner, nil
	}
}

// give hands a watcher what it may see and has not had, up to seq. The topic is locked.
func (w *Watcher) give(list []Item, seq int64) {
	var fresh []Item
	for _, i := range list {
		if i.Change <= w.last || w.ahead[i.Seq] == i.Change || !i.For(w.Audience) {
			continue
		}
		if i.Change > seq { // committed while the page was read; the next page has it again
			if w.ahead == nil {
				w.ahead = map[int64]int64{}
			}
			w.ahead[i.Seq] = i.Change
		}
		fresh = append(fresh, i)
	}
	w.last = max(w.last, seq)
	for message, change := range w.ahead {
		if change <= w.last {
			delete(w.ahead, message)
		}
	}
	if len(fresh) > 0 {
		w.Changed(fresh, w.last)
	}
}

// Unwatch ends a watcher. It may be called twice.
func (h *Hub) Unwatch(w *Watcher) {
	s := h.shard(w.Key)
	s.Lock()
	defer s.Unlock()
	t := w.topic
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, x := range t.watchers {
		if x == w {
			t.watchers = append(t.watchers[:i], t.watchers[i+1:]...)
			h.count.Add(-1)
			break
		}
	}
	if len(t.watchers) == 0 && s.topics[w.Key] == t {
		delete(s.topics, w.Key)
	}
}

// hand gives the live watchers what came up to seq, and who owns the conversation unless that is not known. The topic is
// locked.
func (t *topic) hand(list []Item, seq int64, owner conversation.Owner) {
	t.last = max(t.last, seq)
	for _, w := range t.watchers {
		if !w.live {
			continue // it is reading up, and sees that there is more
		}
		w.give(list, seq)
		if owner != "" && w.owner != owner {
			w.owner = owner
			if w.Owner != nil {
				w.Owner(owner)
			}
		}
	}
}

// Frame is the wire form of a message: {"type":"message","message":{..}}.
func Frame(m *conversation.Message) []byte {
	body, err := json.Marshal(m)
	if err != nil {
		return nil // strings and numbers
	}
	out := make([]byte, 0, len(body)+32)
	out = append(out, `{"type":"message","message":`...)
	out = append(out, body...)
	return append(out, '}')
}

// Notify hands a commit of this node to its watchers and hints at it to other nodes.
func (h *Hub) Notify(u conversation.Update) {
	if h.bus != nil && !h.bus.Alone() {
		if data, err := json.Marshal(hint{u.Key, u.To, u.Owner}); err == nil {
			h.bus.Publish("conversation.changed", data)
		}
	}
	t := h.find(u.Key)
	if t == nil {
		return
	}
	if len(u.Messages) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), catchUpTime)
		h.names(ctx, u.Key.Tenant, u.Messages) // before the lock: a name not known yet is looked up
		cancel()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = max(t.head, u.To)
	if u.From == t.last+1 && len(u.Messages) > 0 && t.live() && !t.reading {
		t.hand(items(u.Messages), u.To, u.Owner)
		return
	}
	// News may cross: an owner told of late may not be the owner any more, so the row is asked.
	t.look = t.look || u.Owner != ""
	h.catchUp(u.Key, t)
}

// live reports whether anybody is past reading up. The topic is locked.
func (t *topic) live() bool {
	for _, w := range t.watchers {
		if w.live {
			return true
		}
	}
	return false
}

const (
	catchUpTime  = 5 * time.Second
	catchUpTries = 6
)

// catchUp sees to it that the live watchers get what is known to exist. The topic is locked.
func (h *Hub) catchUp(key conversation.Key, t *topic) {
	if t.reading || t.last >= t.head && !t.look || !t.live() {
		return
	}
	t.reading = true
	h.reading.Go(func() { h.read(key, t) })
}

// read hands out what the live watchers have not had until there is no more. It is the only one to hand out meanwhile, so
// nothing overtakes it; news that comes while it reads raises the head, and it reads on.
func (h *Hub) read(key conversation.Key, t *topic) {
	for failed := 0; ; {
		t.mu.Lock()
		if t.last >= t.head && !t.look || !t.live() || failed == catchUpTries {
			t.reading = false
			t.mu.Unlock()
			return
		}
		after, head := t.last, t.head
		t.look = false
		t.mu.Unlock()

		ctx, cancel := context.WithTimeout(context.Background(), catchUpTime)
		p, err := h.Changes(ctx, key, after, conversation.ForStaff)
		cancel()
		if err != nil {
			if failed++; failed == catchUpTries {
				// The watchers are told nothing now; the next change makes another try, as does a reconnect.
				h.slog.Warn("catching up failed", "conversation", key.ID, "error", err)
			} else {
				time.Sleep(time.Duration(failed*failed) * 10 * time.Millisecond)
			}
			t.mu.Lock()
			t.look = true
			t.mu.Unlock()
			continue
		}
		failed = 0
		t.mu.Lock()
		owner := p.Owner
		if p.More {
			owner = "" // in its place, at the end
		}
		t.hand(items(p.Changed, p.Messages), p.Seq, owner)
		if p.More {
			t.look = true
		} else if t.head == head {
			t.head = t.last // there is no more, whatever a hint said
		}
		t.mu.Unlock()
	}
}

type hint struct {
	Key   conversation.Key   `json:"k"`
	To    int64              `json:"t"`
	Owner conversation.Owner `json:"o,omitempty"`
}

type typingHint struct {
	Key conversation.Key `json:"k"`
	Typing
}

// Typing says that somebody writes, or has stopped.
type Typing struct {
	From string            `json:"f"`           // customer, bot or agent
	Name map[string]string `json:"n,omitempty"` // of an agent, as customers may see it
	On   bool              `json:"o"`
}

func (h *Hub) hinted(data []byte) {
	var n hint
	if json.Unmarshal(data, &n) != nil {
		return
	}
	if t := h.find(n.Key); t != nil {
		t.behind(h, n.Key, n.To, n.Owner != "")
	}
}

// behind notes that there are changes up to a number, and perhaps another owner.
func (t *topic) behind(h *Hub, key conversation.Key, head int64, look bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head = max(t.head, head)
	t.look = t.look || look
	h.catchUp(key, t)
}

// Poll looks for changes no hint told of, for as long as ctx lasts; only useful beside other nodes.
func (h *Hub) Poll(ctx context.Context, heads func(ctx context.Context, keys []conversation.Key) (map[conversation.Key]int64, error)) error {
	if h.bus == nil || h.bus.Alone() {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for next := 0; ; next++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var keys []conversation.Key
		for i := range h.shards {
			if h.bus.Connected() && (i+next)%16 != 0 { // with the bus up, a slow round is enough
				continue
			}
			s := &h.shards[i]
			s.Lock()
			for k := range s.topics {
				keys = append(keys, k)
			}
			s.Unlock()
		}
		for len(keys) > 0 {
			n := min(len(keys), 500)
			found, err := heads(ctx, keys[:n])
			if err != nil {
				if ctx.Err() == nil {
					h.slog.Warn("polling conversations failed", "error", err)
				}
				break
			}
			for k, seq := range found {
				if t := h.find(k); t != nil {
					t.behind(h, k, seq, false)
				}
			}
			keys = keys[n:]
		}
	}
}

// Typing tells the other watchers, here and on other nodes, that somebody writes.
func (h *Hub) Typing(key conversation.Key, y Typing) {
	if h.bus != nil && !h.bus.Alone() {
		if data, err := json.Marshal(typingHint{key, y}); err == nil {
			h.bus.Publish("conversation.typing", data)
		}
	}
	h.typing(key, y)
}

func (h *Hub) typing(key conversation.Key, y Typing) {
	t := h.find(key)
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.watchers {
		if w.live && w.Typing != nil {
			w.Typing(y)
		}
	}
}

// Await returns what changed in a conversation after a number, waiting for it up to the time given.
func (h *Hub) Await(ctx context.Context, key conversation.Key, a conversation.Audience, after int64, wait time.Duration) (conversation.Page, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var once sync.Once
	came := make(chan struct{})
	wake := func() { once.Do(func() { close(came) }) }
	w := &Watcher{Key: key, Audience: a, Changed: func([]Item, int64) { wake() }, Owner: func(conversation.Owner) { wake() }}
	if _, _, err := h.Watch(waiting, w, after); err != nil {
		return conversation.Page{}, err
	}
	defer h.Unwatch(w)
	select {
	case <-came:
	case <-waiting.Done():
	}
	return h.Changes(context.WithoutCancel(ctx), key, after, a)
}
