package app

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"frontdesk"
	"frontdesk/internal/api"
	"frontdesk/internal/auth"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"
	"frontdesk/internal/gateway"
	"frontdesk/internal/sqldb"
)

// live keeps staff's consoles up to date. It follows the event log while somebody at this node wants to know.
type live struct {
	app  *App
	tail *sqldb.Tail
	feed *delivery.Feed
}

// openLive makes what the sockets of staff stand on.
func (a *App) openLive() (*gateway.Desk, error) {
	tickets, err := auth.NewTickets(a.master)
	if err != nil {
		return nil, err
	}
	rooms, err := delivery.NewRooms(a.bus, a.db.Boot())
	if err != nil {
		return nil, err
	}
	a.live = &live{app: a, tail: a.db.NewTail()}
	a.live.feed = delivery.NewFeed(a.live, a.Log)
	a.tickets, a.rooms = tickets, rooms
	return &gateway.Desk{Staff: a.staff, Tickets: tickets, Feed: a.live.feed, Rooms: rooms, Message: staffMessage, Seen: a.presence.seen}, nil
}

// recheckEvery is how often sign-ins that are held on to are looked at for what no event tells: their time is over.
const recheckEvery = 30 * time.Second

// run follows the log until ctx ends.
func (l *live) run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		tick := time.NewTicker(recheckEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				l.recheck(ctx, "", "")
			}
		}
	})
	return l.tail.Run(ctx, func(events []frontdesk.Event, pos int64) {
		var changes []delivery.Change
		for _, e := range events {
			switch e.Type {
			case frontdesk.EvConfigChanged, frontdesk.EvStaffSignedOut:
				l.app.names.forget(e.Tenant, e.Subject)
				l.recheck(ctx, e.Tenant, e.Subject)
			default:
				if e.Conversation != "" && conversation.Shown(e.Type) {
					changes = append(changes, change(e))
				}
			}
		}
		l.feed.Changed(changes, pos)
	})
}

// recheck ends what stands on a sign-in that has ended. Where the database fails, the next look finds it.
func (l *live) recheck(ctx context.Context, tenant, subject string) {
	for try := range 3 {
		err := l.app.staff.Recheck(ctx, tenant, subject)
		if err == nil || ctx.Err() != nil {
			return
		}
		l.app.Log.Warn("sign-ins could not be looked at", "try", try, "error", err)
		time.Sleep(50 * time.Millisecond)
	}
}

func change(e frontdesk.Event) delivery.Change {
	c := delivery.Change{Pos: e.Pos, Tenant: e.Tenant, Conversation: e.Conversation, At: e.At, Actor: e.Actor, Asked: e.Type == frontdesk.EvMessageReceived}
	if e.Type == frontdesk.EvConversationOwned || e.Type == frontdesk.EvConversationOpened {
		var data struct{ From, To string }
		if json.Unmarshal(e.Data, &data) == nil {
			c.From, c.To = data.From, data.To
		}
		if e.Type == frontdesk.EvConversationOpened {
			c.From, c.To = string(conversation.OwnerClosed), string(conversation.OwnerBot)
		}
	}
	return c
}

// Rows reads conversations as the API lists them.
func (l *live) Rows(ctx context.Context, tenant string, ids []string) ([]delivery.Row, error) {
	list, err := l.app.conv.Summaries(ctx, tenant, ids)
	if err != nil {
		return nil, err
	}
	out := make([]delivery.Row, 0, len(list))
	for _, c := range list {
		if c.Episode == 0 {
			continue // no list shows what has no message yet
		}
		body, err := json.Marshal(wireConversation(c, l.app.names.of(ctx, tenant, c.Agent).Name))
		if err != nil {
			return nil, err
		}
		out = append(out, delivery.Row{ID: c.ID, Site: c.Site, Owner: string(c.Owner), Agent: c.Agent, UpdatedAt: c.UpdatedAt, QueuedAt: c.QueuedAt, JSON: body})
	}
	return out, nil
}

func (l *live) Open(ctx context.Context, tenant string) ([]delivery.Open, error) {
	list, err := l.app.conv.OpenNow(ctx, tenant)
	out := make([]delivery.Open, len(list))
	for i, o := range list {
		out[i] = delivery.Open{Owner: string(o.Owner), Agent: o.Agent, Site: o.Site, Count: o.Count}
	}
	return out, err
}

// sinceMost is how many changed conversations a console that comes back is told of; of more, it loads its list anew.
const sinceMost = 500

func (l *live) Since(ctx context.Context, tenant string, pos int64) ([]string, int64, bool, error) {
	return l.app.conv.ChangedSince(ctx, tenant, pos, sinceMost)
}

func (l *live) Join(ctx context.Context) (int64, error) { return l.tail.Join(ctx) }
func (l *live) Leave()                                  { l.tail.Leave() }

// ticket lets the API give out tickets, and tells it when a sign-in that a request holds on to has ended.
type tickets struct{ app *App }

func (t tickets) Issue(c auth.Credential) string {
	return t.app.tickets.Issue(auth.Ticket{Tenant: c.Tenant, Staff: c.Staff, Session: c.Session})
}

// While returns a context that ends when the sign-in does, or may no longer do what is needed.
func (t tickets) While(ctx context.Context, c auth.Credential, need auth.Permission) (context.Context, func(), error) {
	if _, err := t.app.live.tail.Join(ctx); err != nil {
		return ctx, func() {}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := t.app.staff.Follow(c, func(a frontdesk.Actor, err error) {
		if err == nil {
			err = auth.Allow(a, need)
		}
		if err != nil {
			cancel(err)
		}
	})
	return ctx, func() { stop(); cancel(nil); t.app.live.tail.Leave() }, nil
}

// nameTime is how long a name may be used that nobody said has changed.
const nameTime = 30 * time.Second

// names knows what staff are called.
type names struct {
	staff *auth.Service
	mu    sync.Mutex
	known map[string]named
}

type named struct {
	auth.Staff
	until time.Time
}

// of is a member of staff, by their id; the zero Staff if there is none, or the database fails.
func (n *names) of(ctx context.Context, tenant, id string) auth.Staff {
	if id == "" {
		return auth.Staff{}
	}
	key, now := tenant+"/"+id, time.Now()
	n.mu.Lock()
	k, ok := n.known[key]
	n.mu.Unlock()
	if ok && now.Before(k.until) {
		return k.Staff
	}
	m, err := n.staff.Staff(ctx, tenant, id)
	if err != nil && frontdesk.KindOf(err) != frontdesk.NotFound {
		return k.Staff // an old name is better than none
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil || len(n.known) > 50_000 {
		n.known = map[string]named{}
	}
	n.known[key] = named{m, now.Add(nameTime)}
	return m
}

// forget drops a name that may have changed.
func (n *names) forget(tenant, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.known, tenant+"/"+id)
}

// fill names those who wrote: to staff as colleagues know them, to customers as they want to be called.
func (n *names) fill(ctx context.Context, tenant string, list []conversation.Message) {
	for i := range list {
		m := &list[i]
		if m.AuthorID == "" || m.From != conversation.ByAgent && m.From != conversation.ByNote {
			continue
		}
		who := n.of(ctx, tenant, m.AuthorID)
		m.Name = who.Name
		if m.From == conversation.ByAgent {
			m.AuthorName = shownName(who)
		}
	}
}

// shown is what customers may call a member of staff.
func (n *names) shown(ctx context.Context, tenant, id string) map[string]string {
	return shownName(n.of(ctx, tenant, id))
}

// shownName never is an address: people type theirs into any field.
func shownName(m auth.Staff) map[string]string {
	out := map[string]string{}
	for _, language := range []string{"zh", "en"} {
		if name := m.Actor().Called(language); name != "" && !strings.Contains(name, "@") {
			out[language] = name
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// staffMessage is a message's wire form for staff, the same as the API's.
func staffMessage(m *conversation.Message) []byte {
	b, err := json.Marshal(wireMessage(m))
	if err != nil {
		return []byte("null") // strings and numbers
	}
	return b
}

func wireMessage(m *conversation.Message) api.Message {
	return api.Message{Seq: m.Seq, Change: m.Change, From: string(m.From), AuthorID: m.AuthorID, Name: m.Name, ClientID: m.ClientID, ReplyTo: m.ReplyTo,
		Text: m.Text, Parts: m.Parts, At: m.At, Revised: m.State == "revised", Recalled: m.State == "recalled", Redacted: m.State == "redacted",
		Solved: m.Solved, Episode: m.Episode}
}

func wireConversation(c conversation.Summary, agent string) api.Conversation {
	out := api.Conversation{ID: c.ID, Site: c.Site, Contact: c.Contact, Name: c.Name, Visitor: c.Visitor, Language: c.Language, Owner: string(c.Owner),
		Agent: c.Agent, AgentName: agent, Epoch: c.Epoch, Seq: c.Seq, Episode: c.Episode, Preview: c.Preview, QueuedAt: c.QueuedAt, OpenedAt: c.OpenedAt,
		UpdatedAt: c.UpdatedAt, AskedAt: c.AskedAt}
	if c.Unread {
		out.Unread = 1
	}
	return out
}
