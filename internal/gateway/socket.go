package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"

	"github.com/gorilla/websocket"
)

const (
	pingEvery   = 45 * time.Second
	pingRounds  = 9                 // each socket is looked at once a pingEvery
	silenceMax  = 110 * time.Second // two pings unanswered
	writeMax    = 10 * time.Second
	acceptMax   = 15 * time.Second // storing one message
	errorsMax   = 20               // bad frames before the socket is closed
	frameRate   = 20.0             // frames of any kind a second
	frameBurst  = 40.0
	floodMax    = 50 // frames beyond that before the socket is closed
	bufferBytes = 512
	stopSpread  = 3 * time.Second // at a stop, sockets are told to come back within this
)

var upgrader = websocket.Upgrader{
	ReadBufferSize: bufferBytes, WriteBufferSize: bufferBytes, WriteBufferPool: &sync.Pool{},
	HandshakeTimeout: 5 * time.Second,
	CheckOrigin:      func(*http.Request) bool { return true }, // checked against the site before
}

// socket is one visitor's connection. Reading has a goroutine; writing has one only while there is something to write, so
// that an idle socket costs as little as it can.
type socket struct {
	g       *Gateway
	conn    *websocket.Conn
	visitor auth.Visitor
	addr    string
	watcher *delivery.Watcher
	errors  int
	frames  bucket // what it may still send
	flood   int    // frames beyond that
	slot    uint64 // which round of the keep-alive looks at it

	mu      sync.Mutex
	queue   [][]byte
	writing bool
	closed  bool
	sending string // client id of the message being stored: its own echo is not sent, the ack is
	heard   int64  // nanoseconds, when something last came
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
	}
	s := &socket{g: g, visitor: v, addr: g.ClientIP(r), heard: time.Now().UnixNano()}
	if err := g.join(s); err != nil {
		return err
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		g.leave(s)
		return nil // answered by the upgrader
	}
	conn.SetReadLimit(int64(g.Config.Limits.FrameBytes))
	g.mu.Lock()
	s.conn = conn
	g.mu.Unlock()
	// A goroutine of its own lets the server's one go, with all it holds of the request.
	g.running.Go(func() { s.serve(after) })
	if g.draining.Load() { // Run's stop may not have seen it
		s.shut(websocket.CloseServiceRestart, "restarting")
	}
	return nil
}

// Wait returns when no socket works on anything any more. Run has ended, and no request is being served.
func (g *Gateway) Wait() { g.running.Wait() }

func (g *Gateway) join(s *socket) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.Config.Limits
	if len(g.sockets) >= l.Sockets || l.SocketsPerIP > 0 && g.perAddr[s.addr] >= l.SocketsPerIP {
		return &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many connections. Please try again shortly.", RetryAfter: 2 * time.Second}
	}
	g.opened++
	s.slot = g.opened % pingRounds
	g.sockets[s] = struct{}{}
	g.perAddr[s.addr]++
	return nil
}

func (g *Gateway) leave(s *socket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.sockets[s]; !ok {
		return
	}
	delete(g.sockets, s)
	if g.perAddr[s.addr]--; g.perAddr[s.addr] == 0 {
		delete(g.perAddr, s.addr)
	}
}

// Sockets is how many connections are open.
func (g *Gateway) Sockets() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.sockets)
}

func (s *socket) serve(after int64) {
	s.watcher = &delivery.Watcher{
		Key: conversation.Key{Tenant: s.visitor.Tenant, ID: s.visitor.Conversation}, Audience: conversation.ForCustomer,
		Message: s.message, Owner: s.owner,
		Typing: func(from string) {
			if from != "customer" {
				s.send([]byte(`{"type":"typing","from":` + strconv.Quote(from) + `}`))
			}
		},
	}
	ctx, cancel := context.WithTimeout(context.Background(), acceptMax)
	seq, owner, err := s.g.Hub.Watch(ctx, s.watcher, after)
	cancel()
	if err != nil {
		s.fail(err, "")
		s.close()
		return
	}
	s.send([]byte(`{"type":"ready","seq":` + strconv.FormatInt(seq, 10) + `,"owner":"` + string(owner) + `"}`))
	if owner == conversation.OwnerQueue {
		s.owner(owner)
	}
	// A goroutine that has been in the database has a deep stack: the one that waits for years begins afresh.
	go func() {
		defer s.close()
		defer s.g.Hub.Unwatch(s.watcher)
		s.read()
	}()
}

// frame is what clients send.
type frame struct {
	Type string `json:"type"`
	incoming
	rating
	On bool `json:"on"`
}

func (s *socket) read() {
	s.conn.SetPongHandler(func(string) error { s.hear(); return nil })
	answer := s.conn.PingHandler()
	s.conn.SetPingHandler(func(data string) error {
		s.hear()
		if _, ok := s.take(time.Now()); ok {
			return answer(data)
		}
		if s.flood > floodMax {
			return errFlood
		}
		return nil
	})
	for {
		kind, data, err := s.conn.ReadMessage()
		if err != nil {
			if errors.Is(err, websocket.ErrReadLimit) {
				s.fail(frontdesk.InvalidField("frame", "A frame has at most %d bytes.", s.g.Config.Limits.FrameBytes), "")
			}
			return
		}
		s.hear()
		if wait, ok := s.take(time.Now()); !ok {
			if s.flood > floodMax {
				s.shut(websocket.ClosePolicyViolation, "too many frames")
				return
			}
			s.fail(&frontdesk.Error{Kind: frontdesk.Limited, Public: "You are sending too fast. Please wait a moment.", RetryAfter: wait}, clientIDOf(data))
			continue
		}
		if kind != websocket.TextMessage {
			err = s.fail(frontdesk.InvalidField("frame", "Frames are JSON text."), "")
		} else {
			err = s.handle(data)
		}
		if err == nil {
			continue
		}
		if s.errors++; s.errors > errorsMax && frontdesk.KindOf(err) == frontdesk.Invalid {
			s.shut(websocket.ClosePolicyViolation, "too many bad frames")
			return
		}
	}
}

var errFlood = errors.New("too many frames")

// take counts a frame, or says how long until there may be another.
func (s *socket) take(now time.Time) (wait time.Duration, ok bool) {
	b := &s.frames
	if b.at.IsZero() {
		b.tokens = frameBurst
	} else {
		b.tokens = min(frameBurst, b.tokens+now.Sub(b.at).Seconds()*frameRate)
	}
	b.at = now
	if b.tokens == frameBurst {
		s.flood = 0
	}
	if b.tokens < 1 {
		s.flood++
		return time.Duration((1 - b.tokens) / frameRate * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
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

func (s *socket) hear() {
	s.mu.Lock()
	s.heard = time.Now().UnixNano()
	s.mu.Unlock()
}

// handle does what a frame asks; the error has been told to the client already.
func (s *socket) handle(data []byte) error {
	if !utf8.Valid(data) { // the decoder would silently replace it
		return s.fail(frontdesk.InvalidField("frame", "The frame is not valid UTF-8."), "")
	}
	var f frame
	if err := json.Unmarshal(data, &f); err != nil {
		return s.fail(frontdesk.InvalidField("frame", "The frame is not valid JSON."), "")
	}
	ctx, cancel := context.WithTimeout(context.Background(), acceptMax)
	defer cancel()
	switch f.Type {
	case "send":
		if err := s.g.allowMessage(s.visitor); err != nil {
			return s.fail(err, f.ClientID)
		}
		s.mu.Lock()
		s.sending = f.ClientID
		s.mu.Unlock()
		seq, err := s.g.accept(ctx, s.visitor, f.incoming)
		s.mu.Lock()
		s.sending = ""
		s.mu.Unlock()
		if err != nil {
			return s.fail(err, f.ClientID)
		}
		out := make([]byte, 0, 64+len(f.ClientID))
		out = append(out, `{"type":"ack","client_id":`...)
		out = strconv.AppendQuote(out, f.ClientID) // printable ASCII: the same as JSON
		out = append(out, `,"seq":`...)
		out = strconv.AppendInt(out, seq, 10)
		s.send(append(out, '}'))
	case "typing":
		if f.On {
			key := s.watcher.Key
			s.g.Conversations.Typing(key)
			s.g.Hub.Typing(key, "customer")
		}
	case "rate":
		if err := s.g.rateAnswer(ctx, s.visitor, f.rating); err != nil {
			return s.fail(err, f.ClientID)
		}
	case "ping":
		s.send([]byte(`{"type":"pong"}`))
	default:
		return s.fail(frontdesk.InvalidField("type", "There is no frame of this type."), f.ClientID)
	}
	return nil
}

// fail tells the client what went wrong and returns the error.
func (s *socket) fail(err error, clientID string) error {
	p, _, wait := s.g.explain(err, "socket")
	out := map[string]any{"type": "error", "kind": p.Kind, "message": p.Message}
	if p.Field != "" {
		out["field"] = p.Field
	}
	if clientID != "" {
		out["client_id"] = clientID
	}
	if wait > 0 {
		out["retry_after_ms"] = wait.Milliseconds()
	}
	if b, err := json.Marshal(out); err == nil {
		s.send(b)
	}
	return err
}

func (s *socket) message(m *conversation.Message, frame func() []byte) {
	if m.From == conversation.ByCustomer && m.ClientID != "" && m.State == "" {
		s.mu.Lock()
		own := s.sending == m.ClientID
		s.mu.Unlock()
		if own {
			return
		}
	}
	s.send(frame())
}

// owner tells who answers now, and the place in the queue. The place is looked up apart: a watcher must not block.
func (s *socket) owner(o conversation.Owner) {
	if o != conversation.OwnerQueue {
		s.send([]byte(`{"type":"state","owner":"` + string(o) + `"}`))
		return
	}
	s.g.running.Go(func() { // a socket that runs holds the count above zero
		ctx, cancel := context.WithTimeout(context.Background(), writeMax)
		defer cancel()
		place, err := s.g.Conversations.QueuePlace(ctx, s.visitor.Tenant, s.visitor.Conversation)
		if err != nil || place < 0 {
			return
		}
		s.send([]byte(`{"type":"state","owner":"queue","queue":{"position":` + strconv.Itoa(place+1) + `}}`))
	})
}

// send queues a frame. A reader so slow that its queue is full is dropped: it resumes from its last number.
func (s *socket) send(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if len(s.queue) >= s.g.Config.Limits.SocketQueue {
		s.closed = true
		s.queue = nil
		go s.conn.Close() // the reading side ends on it and cleans up
		return
	}
	s.queue = append(s.queue, frame)
	if !s.writing {
		s.writing = true
		go s.write()
	}
}

func (s *socket) write() {
	for {
		s.mu.Lock()
		batch := s.queue
		s.queue = nil
		if len(batch) == 0 || s.closed {
			s.writing = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.conn.SetWriteDeadline(time.Now().Add(writeMax))
		for _, frame := range batch {
			if err := s.conn.WriteMessage(websocket.TextMessage, frame); err != nil {
				s.mu.Lock()
				s.closed, s.writing = true, false
				s.mu.Unlock()
				s.conn.Close()
				return
			}
		}
	}
}

// shut says why before closing.
func (s *socket) shut(code int, why string) {
	s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(time.Second))
	s.conn.Close()
}

func (s *socket) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.conn.Close()
	s.g.leave(s)
}

// Run keeps sockets alive and drops dead ones, until ctx ends. Then it tells clients when to come back, spread out so
// that they do not all come at once, and closes.
func (g *Gateway) Run(ctx context.Context) error {
	tick := time.NewTicker(pingEvery / pingRounds)
	defer tick.Stop()
	for round := uint64(0); ; round++ {
		select {
		case <-ctx.Done():
			g.stop()
			return nil
		case <-tick.C:
		}
		now := time.Now()
		for _, s := range g.all() {
			if s.slot != round%pingRounds {
				continue
			}
			s.mu.Lock()
			silent := now.Sub(time.Unix(0, s.heard))
			s.mu.Unlock()
			if silent > silenceMax {
				s.conn.Close()
			} else if silent > pingEvery/2 {
				// Control frames may be written beside others. A full connection fails within the deadline.
				if err := s.conn.WriteControl(websocket.PingMessage, nil, now.Add(time.Second)); err != nil {
					s.conn.Close()
				}
			}
		}
	}
}

func (g *Gateway) all() []*socket {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]*socket, 0, len(g.sockets))
	for s := range g.sockets {
		if s.conn != nil { // else it is still being upgraded
			out = append(out, s)
		}
	}
	return out
}

// Drain refuses new requests from now on.
func (g *Gateway) Drain() { g.draining.Store(true) }

func (g *Gateway) stop() {
	g.Drain()
	for _, s := range g.all() {
		wait := 200*time.Millisecond + time.Duration(rand.Int64N(int64(stopSpread)))
		s.send([]byte(`{"type":"reconnect","after_ms":` + strconv.FormatInt(wait.Milliseconds(), 10) + `}`))
	}
	for range 50 { // the writers need a moment; none may hold up the stop
		busy := false
		for _, s := range g.all() {
			s.mu.Lock()
			busy = busy || s.writing
			s.mu.Unlock()
		}
		if !busy {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, s := range g.all() {
		s.shut(websocket.CloseServiceRestart, "restarting")
	}
}
