package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"

	"github.com/gorilla/websocket"
)

// socket is one visitor's connection.
type socket struct {
	line
	visitor auth.Visitor
	watcher *delivery.Watcher

	// guarded by line.mu
	sending string // client id of the message being stored: its own echo is not sent, the ack is
	telling bool   // a goroutine looks who has the conversation
	asked   bool   // and is to look again
}

// socket opens a connection for a ticket.
func (g *Gateway) socket(w http.ResponseWriter, r *http.Request) error {
	v, err := g.Visitors.Redeem(r.URL.Query().Get("ticket"))
	if err != nil {
		return err
	}
	after, err := number(r, "after")
	if err != nil {
		return err
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		site, err := g.Sites.Get(r.Context(), v.Tenant, v.Site)
		if err != nil {
			return err
		}
		if !site.AllowsRequest(r) {
			return &frontdesk.Error{Kind: frontdesk.Denied, Field: "Origin", Public: "This page may not use the chat."}
		}
		v.Tenant, v.Site = site.Tenant, site.ID // the same letters, kept once for all sockets
	}
	v.Contact, v.Nonce = "", "" // a socket may live for days: what it does not need goes
	s := &socket{line: line{g: g, addr: g.ClientIP(r), most: g.Config.Limits.SocketsPerIP}, visitor: v}
	if ok, err := s.upgrade(w, r); !ok {
		return err
	}
	// A goroutine of its own lets the server's one go, with all it holds of the request.
	g.running.Go(func() { s.serve(after) })
	if g.draining.Load() { // Run's stop may not have seen it
		s.shut(websocket.CloseServiceRestart, "restarting")
	}
	return nil
}

// Wait returns when no socket works on anything any more. Run has ended, and no request is being served.
func (g *Gateway) Wait() { g.running.Wait() }

func (s *socket) serve(after int64) {
	s.watcher = &delivery.Watcher{
		Key: conversation.Key{Tenant: s.visitor.Tenant, ID: s.visitor.Conversation}, Audience: conversation.ForCustomer,
		Changed: s.changed, Owner: s.owner, Typing: s.typing,
	}
	ctx, cancel := context.WithTimeout(context.Background(), acceptMax)
	seq, owner, err := s.g.Hub.Watch(ctx, s.watcher, after)
	cancel()
	if err != nil {
		_ = s.fail(err, "", "")
		s.close()
		return
	}
	s.send([]byte(`{"type":"ready","seq":` + strconv.FormatInt(seq, 10) + `,"owner":"` + string(owner) + `"}`))
	if owner != conversation.OwnerBot {
		s.owner(owner)
	}
	// A goroutine that has been in the database has a deep stack: the one that waits for years begins afresh.
	s.g.running.Go(func() {
		defer s.close()
		defer s.owner("") // waits for nothing any more
		defer s.g.Hub.Unwatch(s.watcher)
		s.read(s.handle)
	})
}

// frame is what clients send.
type frame struct {
	Type string `json:"type"`
	incoming
	rating
	On bool `json:"on"`
}

// clientIDOf is the message a refused frame is about, so that its sender tries that one again.
func clientIDOf(data []byte) string {
	var f struct {
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal(data, &f); err != nil || len(f.ClientID) > clientIDMax {
		return ""
	}
	return f.ClientID
}

// handle does what a frame asks; the error has been told to the client already.
func (s *socket) handle(data []byte) error {
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return s.fail(frontdesk.InvalidField("frame", "The frame is not valid JSON."), "", "")
	}
	ctx, cancel := context.WithTimeout(context.Background(), acceptMax)
	defer cancel()
	switch f.Type {
	case "send":
		if err := s.g.allowMessage(s.visitor); err != nil {
			return s.fail(err, "client_id", f.ClientID)
		}
		s.mu.Lock()
		s.sending = f.ClientID
		s.mu.Unlock()
		seq, err := s.g.accept(ctx, s.visitor, f.incoming)
		s.mu.Lock()
		s.sending = ""
		s.mu.Unlock()
		if err != nil {
			return s.fail(err, "client_id", f.ClientID)
		}
		out := make([]byte, 0, 64+len(f.ClientID))
		out = append(out, `{"type":"ack","client_id":`...)
		out = strconv.AppendQuote(out, f.ClientID) // printable ASCII: the same as JSON
		out = append(out, `,"seq":`...)
		out = strconv.AppendInt(out, seq, 10)
		s.send(append(out, '}'))
	case "typing":
		key := s.watcher.Key
		if f.On {
			s.g.Conversations.Typing(key)
		}
		s.g.Hub.Typing(key, delivery.Typing{From: "customer", On: f.On})
	case "rate":
		if err := s.g.rateAnswer(ctx, s.visitor, f.rating); err != nil {
			return s.fail(err, "client_id", f.ClientID)
		}
	case "ping":
		s.send([]byte(`{"type":"pong"}`))
	default:
		return s.fail(frontdesk.InvalidField("type", "There is no frame of this type."), "client_id", f.ClientID)
	}
	return nil
}

// changed passes messages on, but not the echo of what this socket is just sending.
func (s *socket) changed(items []delivery.Item, _ int64) {
	for _, m := range items {
		if m.From == conversation.ByCustomer && m.ClientID != "" && m.State == "" {
			s.mu.Lock()
			own := s.sending == m.ClientID
			s.mu.Unlock()
			if own {
				continue
			}
		}
		s.send(m.Frame())
	}
}

func (s *socket) typing(t delivery.Typing) {
	if t.From == "customer" || !t.On {
		return
	}
	out := map[string]any{"type": "typing", "from": t.From}
	if len(t.Name) > 0 {
		out["name"] = t.Name
	}
	if b, err := json.Marshal(out); err == nil {
		s.send(b)
	}
}
