package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"sync"
	"time"

	"frontdesk/internal/conversation"
)

// What a customer is told of who answers: the place in the queue and how long it may take, or the agent's name.

const (
	placesEvery = 2 * time.Second
	placesMax   = 2000             // how far back in a queue places are told
	paceSpan    = 30 * time.Minute // how long what was seen of the pace counts
	paceLeast   = 3                // customers who were taken, before anything is said about the time
	paceMost    = 50
)

// place is a customer's place in the queue as clients see it.
type place struct {
	Position int  `json:"position"`
	Wait     int  `json:"wait_s,omitempty"` // estimated; only known inside hours
	Open     bool `json:"open"`
}

// waiting is what a socket's customer was told.
type waiting struct {
	since time.Time
	place int // then
	told  []byte
}

// queue is the customers at this node's sockets who wait for a person.
type queue struct {
	mu    sync.Mutex
	here  map[string]map[*socket]*waiting // by tenant
	paces map[string][]pace
}

// pace is how long one customer waited for each place there was before them, and their own.
type pace struct {
	at  time.Time
	per time.Duration
}

// owner tells who answers now. What that takes is read apart: a watcher must not block. Empty: the socket has ended.
func (s *socket) owner(o conversation.Owner) {
	switch o {
	case "", conversation.OwnerBot, conversation.OwnerClosed:
		s.g.queue.leave(s, false)
		if o != "" {
			s.send([]byte(`{"type":"state","owner":"` + string(o) + `"}`))
		}
	default:
		s.mu.Lock()
		s.asked = true
		busy := s.telling
		s.telling = true
		s.mu.Unlock()
		if !busy { // else it looks once more
			s.g.running.Go(s.tell) // a socket that runs holds the count above zero
		}
	}
}

// tell looks who has the conversation and says so, until nobody has asked meanwhile.
func (s *socket) tell() {
	for {
		s.mu.Lock()
		if !s.asked || s.closed {
			s.telling = false
			s.mu.Unlock()
			return
		}
		s.asked = false
		s.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), writeMax)
		c, err := s.g.Conversations.Get(ctx, s.visitor.Tenant, s.visitor.Conversation)
		switch {
		case err != nil:
			s.g.Log.Warn("who has the conversation is not known", "conversation", s.visitor.Conversation, "error", err)
		case c.Owner == conversation.OwnerQueue:
			s.g.queue.enter(s)
			s.tellPlace(ctx)
		case c.Owner == conversation.OwnerAgent:
			s.g.queue.leave(s, true)
			out := map[string]any{"type": "state", "owner": c.Owner}
			if name := s.g.Names(ctx, s.visitor.Tenant, c.Agent); len(name) > 0 {
				out["agent"] = map[string]any{"name": name}
			}
			if b, err := json.Marshal(out); err == nil {
				s.send(b)
			}
		}
		cancel()
	}
}

func (q *queue) enter(s *socket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := s.visitor.Tenant
	if q.here[t] == nil {
		q.here[t] = map[*socket]*waiting{}
	}
	if q.here[t][s] == nil {
		q.here[t][s] = &waiting{since: time.Now()}
	}
}

// leave takes a customer out; taken says that a person came, which tells something about the pace.
func (q *queue) leave(s *socket, taken bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := s.visitor.Tenant
	w := q.here[t][s]
	if w == nil {
		return
	}
	if delete(q.here[t], s); len(q.here[t]) == 0 {
		delete(q.here, t)
	}
	if taken && w.place > 0 {
		q.took(t, w.place, time.Since(w.since), time.Now())
	}
}

// took notes that somebody at a place was taken after a time. The lock is held.
func (q *queue) took(tenant string, place int, after time.Duration, now time.Time) {
	list := append(q.paces[tenant], pace{now, after / time.Duration(place)})
	q.paces[tenant] = list[max(0, len(list)-paceMost):]
}

// wait estimates in seconds how long a place takes: the median of what was seen lately, 0 where too little was. It is rounded
// to what a person would say.
func (q *queue) wait(tenant string, place int, now time.Time) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	var seen []time.Duration
	for _, p := range q.paces[tenant] {
		if now.Sub(p.at) < paceSpan {
			seen = append(seen, p.per)
		}
	}
	if len(seen) < paceLeast {
		return 0
	}
	slices.Sort(seen)
	s := (seen[len(seen)/2] * time.Duration(place)).Seconds()
	if s < 120 {
		return int(max(10, math.Ceil(s/10)*10))
	}
	return int(math.Ceil(s/60) * 60)
}

// place says what a customer may know of the wait.
func (g *Gateway) place(ctx context.Context, tenant, site string, position int) place {
	now := time.Now()
	p := place{Position: position}
	if s, err := g.Sites.Get(ctx, tenant, site); err == nil {
		p.Open = s.Open(now)
	}
	if p.Open {
		p.Wait = g.queue.wait(tenant, position, now)
	}
	return p
}

// tellPlaces tells everybody who waits at this node when their place has changed, until ctx ends.
func (g *Gateway) tellPlaces(ctx context.Context) {
	tick := time.NewTicker(placesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		g.queue.mu.Lock()
		tenants := make([]string, 0, len(g.queue.here))
		for t := range g.queue.here {
			tenants = append(tenants, t)
		}
		g.queue.mu.Unlock()
		for _, t := range tenants {
			g.places(ctx, t)
		}
	}
}

// places tells the customers of a tenant who wait here where they stand, if they have not heard that yet.
func (g *Gateway) places(ctx context.Context, tenant string) {
	ids, err := g.Conversations.Queue(ctx, tenant, placesMax)
	if err != nil {
		if ctx.Err() == nil {
			g.Log.Warn("the queue could not be read", "error", err)
		}
		return
	}
	at := make(map[string]int, len(ids))
	for i, id := range ids {
		at[id] = i + 1
	}
	g.queue.mu.Lock()
	here := make([]*socket, 0, len(g.queue.here[tenant]))
	for s := range g.queue.here[tenant] {
		here = append(here, s)
	}
	g.queue.mu.Unlock()
	for _, s := range here {
		if position := at[s.visitor.Conversation]; position > 0 { // else taken or gone just now: its owner is told apart
			s.placed(ctx, position)
		}
	}
}

// tellPlace tells one customer who has begun to wait where they stand. The others hear at the next look what that changes for
// them: many may begin to wait at once.
func (s *socket) tellPlace(ctx context.Context) {
	before, err := s.g.Conversations.QueuePlace(ctx, s.visitor.Tenant, s.visitor.Conversation)
	if err != nil {
		s.g.Log.Warn("the queue could not be read", "error", err)
	} else if before >= 0 && before < placesMax {
		s.placed(ctx, before+1)
	}
}

// placed tells a customer the place, unless they have heard that or wait no more.
func (s *socket) placed(ctx context.Context, position int) {
	q := &s.g.queue
	b, err := json.Marshal(map[string]any{"type": "state", "owner": conversation.OwnerQueue, "queue": s.g.place(ctx, s.visitor.Tenant, s.visitor.Site, position)})
	if err != nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.here[s.visitor.Tenant][s]
	if w == nil || bytes.Equal(b, w.told) {
		return
	}
	if w.place == 0 {
		w.place = position
	}
	w.told = b
	s.send(b) // under the lock: whoever leaves the queue hears of that after this
}
