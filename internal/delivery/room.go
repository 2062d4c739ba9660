package delivery

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"frontdesk/internal/bus"
	"frontdesk/internal/conversation"
)

// Rooms knows which staff have a conversation open, here and on other nodes, and who of them writes. Other nodes tell by
// hints that may be lost: who is there is said again every roomEvery, and who was not heard of for roomGone is not there.
type Rooms struct {
	bus  *bus.Bus
	node string

	mu   sync.Mutex
	here map[conversation.Key]map[*Guest]struct{}
	away map[conversation.Key]map[elsewhere]*visit
}

const (
	roomEvery  = 15 * time.Second
	roomGone   = 40 * time.Second
	typingHold = 6 * time.Second // typing lapses after this unless it is said again
)

// Guest is one member of staff at one socket who has a conversation open.
type Guest struct {
	Key       conversation.Key
	ID, Name  string
	Send      func(frame []byte) // gets a frame when somebody comes, goes, or writes; it must not block
	typing    time.Time          // until when
	lastFrame string
}

// elsewhere is a member of staff at another node.
type elsewhere struct{ node, id string }

type visit struct {
	name   string
	until  time.Time
	typing time.Time
}

// roomHint is what a node says of those in its rooms.
type roomHint struct {
	Node string           `json:"n"`
	Key  conversation.Key `json:"k"`
	Here []person         `json:"h"`
	Ask  bool             `json:"a,omitempty"` // tell me who is there with you
}

type person struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Typing bool   `json:"typing"`
}

// NewRooms makes the rooms of a node, which is named for the others.
func NewRooms(b *bus.Bus, node string) (*Rooms, error) {
	r := &Rooms{bus: b, node: node, here: map[conversation.Key]map[*Guest]struct{}{}, away: map[conversation.Key]map[elsewhere]*visit{}}
	if b == nil || b.Alone() {
		return r, nil
	}
	return r, b.Subscribe("staff.room", func(_ string, data []byte) {
		var h roomHint
		if json.Unmarshal(data, &h) == nil && h.Node != r.node {
			r.heard(h)
		}
	})
}

// Enter lets a guest in and tells everybody, the guest included.
func (r *Rooms) Enter(g *Guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.here[g.Key] == nil {
		r.here[g.Key] = map[*Guest]struct{}{}
	}
	r.here[g.Key][g] = struct{}{}
	g.lastFrame = ""
	r.tell(g.Key, false)
	r.publish(g.Key, true)
}

// Leave lets a guest go.
func (r *Rooms) Leave(g *Guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.here[g.Key][g]; !ok {
		return
	}
	if delete(r.here[g.Key], g); len(r.here[g.Key]) == 0 {
		delete(r.here, g.Key)
		delete(r.away, g.Key) // nobody here wants to know
	}
	r.tell(g.Key, false)
	r.publish(g.Key, false)
}

// Typing notes that a guest writes, or has stopped.
func (r *Rooms) Typing(g *Guest, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g.typing = time.Time{}
	if on {
		g.typing = time.Now().Add(typingHold)
	}
	r.tell(g.Key, true)
	r.publish(g.Key, false)
}

// Run says again who is here and forgets those not heard of, until ctx ends.
func (r *Rooms) Run(ctx context.Context) error {
	if r.bus == nil || r.bus.Alone() {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(roomEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		r.refresh(time.Now())
	}
}

func (r *Rooms) refresh(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, visits := range r.away {
		for who, v := range visits {
			if now.After(v.until) {
				delete(visits, who)
			}
		}
		r.tell(key, false)
	}
	for key := range r.here {
		r.publish(key, false)
	}
}

// heard takes another node's word on who is in a room there.
func (r *Rooms) heard(h roomHint) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.here[h.Key]) == 0 {
		return
	}
	visits := r.away[h.Key]
	if visits == nil {
		visits = map[elsewhere]*visit{}
		r.away[h.Key] = visits
	}
	for who := range visits {
		if who.node == h.Node {
			delete(visits, who)
		}
	}
	now := time.Now()
	typing := false
	for _, p := range h.Here {
		v := &visit{name: p.Name, until: now.Add(roomGone)}
		if p.Typing {
			v.typing = now.Add(typingHold)
			typing = true
		}
		visits[elsewhere{h.Node, p.ID}] = v
	}
	r.tell(h.Key, typing)
	if h.Ask {
		r.publish(h.Key, false)
	}
}

// publish tells other nodes who is in a room here. The lock is held.
func (r *Rooms) publish(key conversation.Key, ask bool) {
	if r.bus == nil || r.bus.Alone() {
		return
	}
	h := roomHint{Node: r.node, Key: key, Here: r.people(key, true, ""), Ask: ask}
	if data, err := json.Marshal(h); err == nil {
		r.bus.Publish("staff.room", data)
	}
}

// people are those in a room, each once however many sockets they have, by name. The lock is held.
func (r *Rooms) people(key conversation.Key, onlyHere bool, but string) []person {
	now := time.Now()
	known := map[string]int{}
	out := []person{}
	add := func(id, name string, typing bool) {
		if id == but {
			return
		}
		i, ok := known[id]
		if !ok {
			known[id], i = len(out), len(out)
			out = append(out, person{ID: id, Name: name})
		}
		out[i].Typing = out[i].Typing || typing
	}
	for g := range r.here[key] {
		add(g.ID, g.Name, now.Before(g.typing))
	}
	if !onlyHere {
		for who, v := range r.away[key] {
			add(who.id, v.name, now.Before(v.typing))
		}
	}
	slices.SortFunc(out, func(a, b person) int { return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID) })
	return out
}

// tell sends guests who else is there, if that has changed; again sends it in any case, since what is typed lapses at the
// receiver. The lock is held.
func (r *Rooms) tell(key conversation.Key, again bool) {
	for g := range r.here[key] {
		body, err := json.Marshal(struct {
			Type         string   `json:"type"`
			Conversation string   `json:"conversation"`
			Staff        []person `json:"staff"`
		}{"presence", key.ID, r.people(key, false, g.ID)})
		if err == nil && (again || string(body) != g.lastFrame) {
			if again && len(r.people(key, false, g.ID)) == 0 {
				continue // only the guest's own doing
			}
			g.lastFrame = string(body)
			g.Send(body)
		}
	}
}
