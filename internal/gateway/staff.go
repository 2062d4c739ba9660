package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"

	"github.com/gorilla/websocket"
)

// Desk is what the sockets of staff work with. All are required.
type Desk struct {
	Staff   *auth.Service
	Tickets *auth.Tickets
	Feed    *delivery.Feed
	Rooms   *delivery.Rooms
	// Message is the wire form of a message for staff.
	Message func(m *conversation.Message) []byte
	// Seen is told again and again of each member of staff who can take conversations over and is here.
	Seen func(tenant, staff string)
}

const (
	closeDenied     = 4401
	staffSocketsMax = 10  // of one session
	openMax         = 20  // conversations of one socket
	idsMax          = 200 // rows of a list that a screen watches
	idMax           = 64
)

// staffSocket is one console's connection. Its frames are handled one at a time.
type staffSocket struct {
	line
	who    auth.Credential
	actor  atomic.Pointer[frontdesk.Actor] // as the sign-in is now
	screen *delivery.Screen
	opened map[string]*opened
}

// opened is a conversation on the screen.
type opened struct {
	watcher *delivery.Watcher
	guest   *delivery.Guest
}

// staffSocket opens a console's connection for a ticket.
func (g *Gateway) staffSocket(w http.ResponseWriter, r *http.Request) error {
	if g.draining.Load() {
		return &frontdesk.Error{Kind: frontdesk.Unavailable, Public: "The server is restarting."}
	}
	if r.Header.Get("Origin") != "" && !channel.SameOrigin(r) {
		return &frontdesk.Error{Kind: frontdesk.Denied, Field: "Origin", Public: "Pages of other sites may not open this."}
	}
	after, err := number(r, "after")
	if err != nil {
		return err
	}
	t, err := g.Desk.Tickets.Redeem(r.URL.Query().Get("ticket"))
	if err != nil {
		return err
	}
	s := &staffSocket{line: line{g: g, addr: "session " + t.Session, most: staffSocketsMax},
		who: auth.Credential{Tenant: t.Tenant, Staff: t.Staff, Session: t.Session}, opened: map[string]*opened{}}
	actor, err := g.Desk.Staff.Holder(r.Context(), s.who)
	if err == nil {
		err = auth.Allow(actor, auth.ConversationLive)
	}
	if err != nil {
		return err
	}
	s.actor.Store(&actor)
	if ok, err := s.upgrade(w, r); !ok {
		return err
	}
	g.running.Go(func() { s.serve(after) })
	if g.draining.Load() { // Run's stop may not have seen it
		s.shut(websocket.CloseServiceRestart, "restarting")
	}
	return nil
}

func (s *staffSocket) serve(after int64) {
	s.screen = &delivery.Screen{Tenant: s.who.Tenant, Staff: s.who.Staff, Send: s.send}
	ctx, cancel := context.WithTimeout(context.Background(), acceptMax)
	err := s.g.Desk.Feed.Enter(ctx, s.screen, after)
	stop := s.g.Desk.Staff.Follow(s.who, s.standing)
	if err == nil { // what happened between the request and now, nobody was told of
		var actor frontdesk.Actor
		if actor, err = s.g.Desk.Staff.Holder(ctx, s.who); err == nil || frontdesk.KindOf(err) == frontdesk.Denied {
			s.standing(actor, err)
			err = nil
		}
	}
	cancel()
	end := func() {
		stop()
		for id := range s.opened {
			s.leave(id)
		}
		s.g.Desk.Feed.Exit(s.screen)
		s.g.away(s)
		s.close()
	}
	if err != nil {
		s.fail(err, "", "")
		end()
		return
	}
	s.g.arrived(s)
	s.g.running.Go(func() { // a fresh stack, as for visitors
		defer end()
		s.read(s.handle)
	})
}

// arrived and away keep the list of who is at work.
func (g *Gateway) arrived(s *staffSocket) {
	g.mu.Lock()
	g.staff[s] = struct{}{}
	g.mu.Unlock()
	s.seen()
}

func (g *Gateway) away(s *staffSocket) {
	g.mu.Lock()
	delete(g.staff, s)
	g.mu.Unlock()
}

// atWork says of everybody who is connected that they are there. Who was cut off counts as there for a while after.
func (g *Gateway) atWork() {
	g.mu.Lock()
	here := make([]*staffSocket, 0, len(g.staff))
	for s := range g.staff {
		here = append(here, s)
	}
	g.mu.Unlock()
	for _, s := range here {
		s.seen()
	}
}

func (s *staffSocket) seen() {
	if auth.Allow(*s.actor.Load(), auth.ConversationHandle) == nil {
		s.g.Desk.Seen(s.who.Tenant, s.who.Staff)
	}
}

// standing is told how the sign-in stands, whenever it may have changed.
func (s *staffSocket) standing(a frontdesk.Actor, err error) {
	reason := "session"
	if err == nil {
		reason = "permission"
		err = auth.Allow(a, auth.ConversationLive)
	}
	if err != nil {
		s.actor.Store(&frontdesk.Actor{}) // frames that are on their way may do nothing any more
		s.g.Desk.Feed.Exit(s.screen)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed { // then it runs, which holds the count above zero
			s.g.running.Go(func() { s.finish([]byte(`{"type":"denied","reason":"`+reason+`"}`), closeDenied, reason) })
		}
		return
	}
	s.actor.Store(&a)
	s.g.Desk.Feed.Allow(s.screen, auth.Allow(a, auth.ConversationHandle) == nil)
}

// staffFrame is what consoles send.
type staffFrame struct {
	Type         string   `json:"type"`
	View         string   `json:"view"`
	Site         string   `json:"site"`
	IDs          []string `json:"ids"`
	Conversation string   `json:"conversation"`
	After        int64    `json:"after"`
	Seq          int64    `json:"seq"`
	On           bool     `json:"on"`
	Note         bool     `json:"note"`
}

// handle does what a frame asks; the error has been told to the client already.
func (s *staffSocket) handle(data []byte) error {
	var f staffFrame
	if err := json.Unmarshal(data, &f); err != nil {
		return s.fail(frontdesk.InvalidField("frame", "The frame is not valid JSON."), "", "")
	}
	ctx, cancel := context.WithTimeout(frontdesk.WithActor(context.Background(), *s.actor.Load()), acceptMax)
	defer cancel()
	var err error
	switch f.Type {
	case "watch":
		err = s.watch(ctx, f)
	case "open":
		err = s.open(ctx, f)
	case "leave":
		s.leave(f.Conversation)
	case "read":
		if len(f.Conversation) <= idMax && auth.Allow(*s.actor.Load(), auth.ConversationHandle) == nil {
			err = s.g.Conversations.Read(ctx, s.who.Tenant, f.Conversation, f.Seq)
		}
	case "typing":
		s.typing(ctx, f)
	case "ping":
		s.send([]byte(`{"type":"pong","cursor":` + strconv.FormatInt(s.g.Desk.Feed.Pos(), 10) + `}`))
	default:
		err = frontdesk.InvalidField("type", "There is no frame of this type.")
	}
	if err != nil {
		return s.fail(err, "conversation", f.Conversation)
	}
	return nil
}

func (s *staffSocket) watch(ctx context.Context, f staffFrame) error {
	if len(f.IDs) > idsMax {
		return frontdesk.InvalidField("ids", "A screen watches at most %d rows.", idsMax)
	}
	for _, id := range append(f.IDs, f.Site, f.View) {
		if len(id) > idMax {
			return frontdesk.InvalidField("ids", "An id has at most %d characters.", idMax)
		}
	}
	return s.g.Desk.Feed.Watch(ctx, s.screen, delivery.View{Name: f.View, Site: f.Site}, f.IDs)
}

// open follows a conversation: its summary, its messages, and who else is there.
func (s *staffSocket) open(ctx context.Context, f staffFrame) error {
	id := f.Conversation
	if id == "" || len(id) > idMax {
		return frontdesk.InvalidField("conversation", "An id has 1 to %d characters.", idMax)
	}
	if f.After < 0 {
		return frontdesk.InvalidField("after", "This must be a whole number, 0 or more.")
	}
	s.leave(id)
	if len(s.opened) >= openMax {
		return frontdesk.InvalidField("conversation", "At most %d conversations are open at once.", openMax)
	}
	there, err := s.g.Desk.Feed.Open(ctx, s.screen, id)
	if err == nil && !there {
		err = frontdesk.Errorf(frontdesk.NotFound, "There is no such conversation.")
	}
	if err != nil {
		return err
	}
	actor, key := s.actor.Load(), conversation.Key{Tenant: s.who.Tenant, ID: id}
	o := &opened{guest: &delivery.Guest{Key: key, ID: actor.ID, Name: actor.Name, Send: s.send}}
	o.watcher = &delivery.Watcher{Key: key, Audience: conversation.ForStaff,
		Changed: func(items []delivery.Item, seq int64) { s.send(s.messages(id, items, seq)) },
		Typing: func(t delivery.Typing) {
			if t.From == "customer" {
				s.send([]byte(`{"type":"typing","conversation":` + strconv.Quote(id) + `,"from":"customer","on":` + strconv.FormatBool(t.On) + `}`))
			}
		}}
	seq, _, err := s.g.Hub.Watch(ctx, o.watcher, f.After)
	if err != nil {
		s.g.Desk.Feed.Shut(s.screen, id)
		return err
	}
	s.opened[id] = o
	s.send(s.messages(id, nil, seq)) // so far it is complete
	s.g.Desk.Rooms.Enter(o.guest)
	return nil
}

// messages is the frame of an opened conversation's changes.
func (s *staffSocket) messages(id string, items []delivery.Item, seq int64) []byte {
	out := append([]byte(`{"type":"conversation","id":`), strconv.Quote(id)...)
	for i, m := range items {
		if i == 0 {
			out = append(out, `,"messages":[`...)
		} else {
			out = append(out, ',')
		}
		out = append(out, s.g.Desk.Message(m.Message)...)
		if i == len(items)-1 {
			out = append(out, ']')
		}
	}
	return append(strconv.AppendInt(append(out, `,"seq":`...), seq, 10), '}')
}

func (s *staffSocket) leave(id string) {
	o := s.opened[id]
	if o == nil {
		return
	}
	delete(s.opened, id)
	s.g.Desk.Rooms.Leave(o.guest)
	s.g.Hub.Unwatch(o.watcher)
	s.g.Desk.Feed.Shut(s.screen, id)
}

// typing is seen by colleagues, and by the customer of whoever has the conversation.
func (s *staffSocket) typing(ctx context.Context, f staffFrame) {
	o := s.opened[f.Conversation]
	actor := s.actor.Load()
	if o == nil || auth.Allow(*actor, auth.ConversationHandle) != nil {
		return
	}
	s.g.Desk.Rooms.Typing(o.guest, f.On)
	if !f.Note && s.g.Desk.Feed.Has(s.screen, f.Conversation) {
		s.g.Hub.Typing(o.watcher.Key, delivery.Typing{From: "agent", Name: s.g.Names(ctx, s.who.Tenant, actor.ID), On: f.On})
	}
}
