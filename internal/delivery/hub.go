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

// Hub is the watchers of this node.
type Hub struct {
	log    Log
	bus    *bus.Bus
	slog   *slog.Logger
	shards [64]shard
	count  atomic.Int64
}

type shard struct {
	sync.Mutex
	topics map[conversation.Key]*topic
}

// topic is a conversation that somebody watches.
type topic struct {
	mu       sync.Mutex
	last     int64 // changes up to here were handed to the live watchers; 0 is unknown
	watchers []*Watcher
}

// Watcher receives what happens in one conversation. Its functions are called one at a time for a watcher and must not
// block.
type Watcher struct {
	Key      conversation.Key
	Audience conversation.Audience
	// Message gets a new or changed message. frame makes its wire form, once for all watchers; nobody changes it.
	Message func(m *conversation.Message, frame func() []byte)
	// Owner gets the ownership when it has changed.
	Owner func(o conversation.Owner)
	// Typing gets who writes: customer or agent.
	Typing func(from string)

	topic *topic
	last  int64
	live  bool
	owner conversation.Owner // as it was told last
}

// New makes a hub. SetLog must be called before the first watcher.
func New(b *bus.Bus, log *slog.Logger) (*Hub, error) {
	h := &Hub{bus: b, slog: log}
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
			h.typing(hint.Key, hint.From)
		}
	})
}

// SetLog gives the hub its source.
func (h *Hub) SetLog(l Log) { h.log = l }

// Watchers is how many there are.
func (h *Hub) Watchers() int64 { return h.count.Load() }

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
		p, err := h.log.Changes(ctx, w.Key.Tenant, w.Key.ID, w.last, pageMax, w.Audience)
		if err != nil {
			h.Unwatch(w)
			return 0, "", err
		}
		t.mu.Lock()
		w.page(p)
		if t.last < w.last {
			// What this watcher has read, the live ones have not had: their news is still on its way, and would look old.
			if t.live() {
				h.catchUp(w.Key, t)
			} else {
				t.last = w.last
			}
		}
		if p.More || t.last > w.last { // also what the others have had just now
			t.mu.Unlock()
			continue
		}
		w.live, w.owner = true, p.Owner
		seq = w.last
		t.mu.Unlock()
		return seq, p.Owner, nil
	}
}

// page hands a page to one watcher. The topic is locked.
func (w *Watcher) page(p conversation.Page) {
	for _, list := range [][]conversation.Message{p.Changed, p.Messages} {
		for i := range list {
			w.Message(&list[i], lazy(&list[i]))
		}
	}
	w.last = p.Seq // also where the client was beyond the end: it goes on from what there is
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

// owned tells those who have not heard it yet who owns the conversation. The topic is locked.
func (t *topic) owned(o conversation.Owner) {
	for _, w := range t.watchers {
		if w.live && w.owner != o {
			w.owner = o
			if w.Owner != nil {
				w.Owner(o)
			}
		}
	}
}

// lazy makes a message's frame when the first watcher wants it.
func lazy(m *conversation.Message) func() []byte {
	var frame []byte
	return func() []byte {
		if frame == nil {
			frame = Frame(m)
		}
		return frame
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
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.live(): // whoever is still reading up sees that there is more
		t.last = max(t.last, u.To)
	case u.To <= t.last && u.To >= u.From: // read already
	case u.From == t.last+1 && len(u.Messages) > 0 || u.From > u.To && u.To <= t.last:
		for i := range u.Messages {
			frame := lazy(&u.Messages[i])
			for _, w := range t.watchers {
				if w.live && u.Messages[i].For(w.Audience) {
					w.Message(&u.Messages[i], frame)
				}
			}
		}
		t.reached(max(t.last, u.To))
	default:
		h.catchUp(u.Key, t)
	}
	if u.Owner != "" {
		t.owned(u.Owner)
	}
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

// reached moves the topic and its live watchers on.
func (t *topic) reached(seq int64) {
	t.last = seq
	for _, w := range t.watchers {
		if w.live {
			w.last = seq
		}
	}
}

const catchUpTime = 5 * time.Second

// catchUp reads what the live watchers have not had. The topic is locked: news that comes meanwhile waits and is then old.
func (h *Hub) catchUp(key conversation.Key, t *topic) {
	ctx, cancel := context.WithTimeout(context.Background(), catchUpTime)
	defer cancel()
	for {
		p, err := h.log.Changes(ctx, key.Tenant, key.ID, t.last, pageMax, conversation.ForStaff)
		if err != nil {
			// The watchers are told nothing now; the next change makes another try, as does a reconnect.
			h.slog.Warn("catching up failed", "conversation", key.ID, "error", err)
			return
		}
		for _, list := range [][]conversation.Message{p.Changed, p.Messages} {
			for i := range list {
				frame := lazy(&list[i])
				for _, w := range t.watchers {
					if w.live && list[i].For(w.Audience) {
						w.Message(&list[i], frame)
					}
				}
			}
		}
		t.reached(max(t.last, p.Seq))
		t.owned(p.Owner)
		if !p.More {
			return
		}
	}
}

type hint struct {
	Key   conversation.Key   `json:"k"`
	To    int64              `json:"t"`
	Owner conversation.Owner `json:"o,omitempty"`
}

type typingHint struct {
	Key  conversation.Key `json:"k"`
	From string           `json:"f"`
}

func (h *Hub) hinted(data []byte) {
	var n hint
	if json.Unmarshal(data, &n) != nil {
		return
	}
	if t := h.find(n.Key); t != nil {
		t.mu.Lock()
		if n.To > t.last || n.Owner != "" {
			h.catchUp(n.Key, t)
		}
		t.mu.Unlock()
	}
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
					t.mu.Lock()
					if seq > t.last && t.live() {
						h.catchUp(k, t)
					}
					t.mu.Unlock()
				}
			}
			keys = keys[n:]
		}
	}
}

// Typing tells the other watchers, here and on other nodes, that somebody writes.
func (h *Hub) Typing(key conversation.Key, from string) {
	if h.bus != nil && !h.bus.Alone() {
		if data, err := json.Marshal(typingHint{key, from}); err == nil {
			h.bus.Publish("conversation.typing", data)
		}
	}
	h.typing(key, from)
}

func (h *Hub) typing(key conversation.Key, from string) {
	t := h.find(key)
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range t.watchers {
		if w.live && w.Typing != nil {
			w.Typing(from)
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
	w := &Watcher{Key: key, Audience: a, Message: func(*conversation.Message, func() []byte) { wake() }, Owner: func(conversation.Owner) { wake() }}
	if _, _, err := h.Watch(waiting, w, after); err != nil {
		return conversation.Page{}, err
	}
	defer h.Unwatch(w)
	select {
	case <-came:
	case <-waiting.Done():
	}
	return h.log.Changes(context.WithoutCancel(ctx), key.Tenant, key.ID, after, pageMax, a)
}
