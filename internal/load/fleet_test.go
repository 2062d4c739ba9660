package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shop is the visitor protocol at its smallest: it acknowledges every message and answers it at once. It keeps what it
// stored when its server is stopped and started again.
type shop struct {
	addr string
	http *http.Server

	mu      sync.Mutex
	people  map[string]*person // by token
	held    chan struct{}      // while not nil, acknowledgements wait until it is closed
	silent  bool               // acknowledge, and owe the reply until the next connection
	full    bool               // refuse
	sockets map[*websocket.Conn]bool
}

type person struct {
	log  []stored
	owed []int64
}

func newShop(t *testing.T) *shop {
	s := &shop{people: map[string]*person{}, sockets: map[*websocket.Conn]bool{}}
	s.open(t)
	t.Cleanup(s.close)
	return s
}

// open starts listening, on the same address again after a close.
func (s *shop) open(t *testing.T) {
	t.Helper()
	addr := "127.0.0.1:0"
	if s.addr != "" {
		addr = s.addr
	}
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/visitor/session", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		token := fmt.Sprint("t", len(s.people))
		s.people[token] = &person{}
		json.NewEncoder(w).Encode(map[string]string{"token": token, "conversation": token})
	})
	mux.HandleFunc("POST /v1/visitor/ticket", func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"ticket": strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")})
	})
	mux.HandleFunc("GET /v1/visitor/messages", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		after, _ := strconv.Atoi(r.URL.Query().Get("after"))
		p := s.people[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		page := p.log[min(after, len(p.log)):]
		json.NewEncoder(w).Encode(map[string]any{"messages": page[:min(len(page), 2)]})
	})
	mux.HandleFunc("GET /v1/visitor/socket", s.socket)
	s.http = &http.Server{Handler: mux}
	go s.http.Serve(l)
}

// close breaks every socket, as a killed process would.
func (s *shop) close() {
	s.http.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		c.Close()
	}
	clear(s.sockets)
}

func (s *shop) socket(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{}
	c, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.sockets[c] = true
	p := s.people[r.URL.Query().Get("ticket")]
	c.WriteJSON(map[string]any{"type": "ready", "seq": len(p.log), "owner": "bot"})
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	for _, m := range p.log[after:] {
		s.push(c, m)
	}
	for _, seq := range p.owed {
		s.reply(c, p, seq)
	}
	p.owed = nil
	s.mu.Unlock()
	for {
		var in struct {
			ClientID string `json:"client_id"`
		}
		if c.ReadJSON(&in) != nil {
			return
		}
		s.mu.Lock()
		held := s.held
		s.mu.Unlock()
		if held != nil {
			<-held
		}
		s.mu.Lock()
		s.accept(c, p, in.ClientID)
		s.mu.Unlock()
	}
}

func (s *shop) accept(c *websocket.Conn, p *person, id string) {
	if s.full {
		c.WriteJSON(map[string]any{"type": "error", "kind": "limited", "client_id": id, "retry_after_ms": 100})
		return
	}
	for _, m := range p.log {
		if m.ClientID == id {
			c.WriteJSON(map[string]any{"type": "ack", "client_id": id, "seq": m.Seq})
			return
		}
	}
	m := stored{Seq: int64(len(p.log) + 1), From: "customer", ClientID: id}
	p.log = append(p.log, m)
	s.push(c, m)
	c.WriteJSON(map[string]any{"type": "ack", "client_id": id, "seq": m.Seq})
	if s.silent {
		p.owed = append(p.owed, m.Seq)
		return
	}
	s.reply(c, p, m.Seq)
}

func (s *shop) reply(c *websocket.Conn, p *person, seq int64) {
	m := stored{Seq: int64(len(p.log) + 1), From: "bot", ReplyTo: []int64{seq}}
	p.log = append(p.log, m)
	s.push(c, m)
}

func (s *shop) push(c *websocket.Conn, m stored) {
	c.WriteJSON(map[string]any{"type": "message", "message": map[string]any{"seq": m.Seq, "from": m.From, "client_id": m.ClientID, "reply_to": m.ReplyTo,
		"parts": []any{map[string]any{"kind": "text", "text": "好", "sources": []any{map[string]any{"id": "k1"}}}}}})
}

func newFleet(t *testing.T, s *shop, people int, resume bool) *Fleet {
	t.Helper()
	f, err := NewFleet(Options{Addr: s.addr, Site: "demo", Wordings: []string{"怎么\"退货\"", "how do I return it"}, Seed: 1, Resume: resume})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Grow(t.Context(), people); err != nil {
		t.Fatal(err)
	}
	return f
}

// until polls a condition that the fleet's goroutines bring about.
func until(t *testing.T, f *Fleet, what string, ok func(Tally) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := f.await(ctx, what, func() bool { return ok(f.tally) }); err != nil {
		t.Fatal(err)
	}
}

func TestRunCountsWhatCustomersSee(t *testing.T) {
	s := newShop(t)
	f := newFleet(t, s, 60, false)
	got, err := f.Run(t.Context(), Pace{Rate: 100, Seconds: 1.2}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got.Sent != 120 || got.Acked != 120 || got.Replied != 120 || got.Answered != 120 || got.Reply.Count() != 120 || got.Refused+got.Dropped != 0 {
		t.Errorf("got %+v", got)
	}
	if v, err := f.Verify(t.Context()); err != nil || v.Conversations != 60 || len(v.Examples) > 0 {
		t.Errorf("verdict %+v, %v", v, err)
	}

	// The server forgets a message and answers another twice: the read-back tells.
	s.mu.Lock()
	s.people["t0"].log = nil
	p := s.people["t1"]
	p.log = append(p.log, stored{Seq: int64(len(p.log) + 1), From: "bot", ReplyTo: []int64{1}})
	s.mu.Unlock()
	if v, err := f.Verify(t.Context()); err != nil || v.Lost == 0 || v.Duplicated != 1 {
		t.Errorf("verdict %+v, %v", v, err)
	}
}

// A stalled server is charged for every message that was due meanwhile, not only for those that were under way.
func TestStallsAreNotOmitted(t *testing.T) {
	s := newShop(t)
	f := newFleet(t, s, 20, false)
	held := make(chan struct{})
	s.mu.Lock()
	s.held = held
	s.mu.Unlock()
	start := time.Now()
	if err := f.Start(Pace{Rate: 100, Seconds: 1}); err != nil {
		t.Fatal(err)
	}
	// All twenty customers wait for a reply and thirty more arrivals for a customer.
	until(t, f, "a backlog", func(t Tally) bool { return t.Backlog >= 30 })
	stalled := time.Since(start)
	s.mu.Lock()
	s.held = nil
	s.mu.Unlock()
	close(held)
	f.pacing.Wait()
	if err := f.Settle(t.Context(), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	got := f.Tally()
	if got.Sent != 100 || got.Replied != 100 {
		t.Fatalf("sent %d replied %d", got.Sent, got.Replied)
	}
	// At 100/s and a stall of half a second and more, the first arrival waited for all of it and half of them for some.
	if got.Reply.Max() < stalled-50*time.Millisecond || got.Reply.Quantile(.5) < 100*time.Millisecond {
		t.Errorf("stalled %v, largest %v, median %v", stalled, got.Reply.Max(), got.Reply.Quantile(.5))
	}
}

func TestRefusalsAreCountedAndHeeded(t *testing.T) {
	s := newShop(t)
	f := newFleet(t, s, 10, false)
	s.mu.Lock()
	s.full = true
	s.mu.Unlock()
	got, err := f.Run(t.Context(), Pace{Rate: 200, Seconds: .5, Drop: true}, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got.Refused != 10 || got.Hinted != 10 || got.Unsent != 90 || got.Acked != 0 || got.LastRefusal != "limited" {
		t.Errorf("ten customers, a hundred arrivals in less than the gap between two messages: %+v", got)
	}
	if v, err := f.Verify(t.Context()); err != nil || len(v.Examples) > 0 {
		t.Errorf("verdict %+v, %v", v, err)
	}
}

// The server dies with acknowledged messages unanswered and others not acknowledged, and comes back.
func TestRestart(t *testing.T) {
	s := newShop(t)
	f := newFleet(t, s, 30, true)
	s.mu.Lock()
	s.silent = true
	s.mu.Unlock()
	if err := f.Start(Pace{Rate: 200, Drop: true, Burst: .5}); err != nil {
		t.Fatal(err)
	}
	until(t, f, "acknowledgements", func(t Tally) bool { return t.Acked >= 20 })
	held := make(chan struct{})
	s.mu.Lock()
	s.silent, s.held = false, held
	s.mu.Unlock()
	until(t, f, "unacknowledged messages", func(t Tally) bool { return t.Sent > t.Acked })

	f.Hold()
	s.close()
	close(held)
	if err := f.Gone(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.held = nil
	s.mu.Unlock()
	at := time.Now()
	f.Restarted(at)
	s.open(t)
	back := f.Returned(t.Context(), 20*time.Second, true)
	if back.FirstAck <= 0 || back.Joined <= 0 || back.Owed != 0 || len(back.Replies) < 20 {
		t.Errorf("return %+v", back)
	}
	f.Stop()
	if err := f.Settle(t.Context(), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Verify(t.Context()); err != nil || len(v.Examples) > 0 {
		t.Errorf("verdict %+v, %v", v, err)
	}
	if got := f.Tally(); got.Acked != got.Sent || got.Replied != got.Sent || got.Dropped != 30 {
		t.Errorf("sent %d acked %d replied %d dropped %d", got.Sent, got.Acked, got.Replied, got.Dropped)
	}
}
