package load

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

// The test binary is also every process that the benches start: the loader, the bare writer and a server.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") {
		goleak.VerifyTestMain(m)
		return
	}
	var err error
	switch os.Args[1] {
	case "fleet":
		err = ServeFleet(os.Stdin, os.Stdout)
	case "floor":
		err = ServeFloor(os.Stdin, os.Stdout)
	case "serve":
		err = serveShop(os.Args[2:])
	case "turns":
		err = printTurns(os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveShop is the server process: a shop that writes each message to a file before it acknowledges it. The environment
// can make it careless, for the benches to find out.
func serveShop(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	data, listen := flags.String("data", "", ""), flags.String("listen", "", "")
	flags.Bool("demo", false, "")
	flags.Int("bench-entries", 0, "")
	flags.Parse(args)
	s := emptyShop()
	s.addr, s.careless = *listen, os.Getenv("SHOP_CARELESS") != ""
	if err := s.restore(filepath.Join(*data, "shop.jsonl")); err != nil {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	select {}
}

// shop is the visitor protocol at its smallest: it acknowledges every message and answers it at once. It keeps what it
// stored when its listener is closed and opened again.
type shop struct {
	addr     string
	http     *http.Server
	careless bool // every tenth message is acknowledged and not written

	mu      sync.Mutex
	people  map[string]*person // by token
	held    chan struct{}      // while not nil, acknowledgements wait until it is closed
	silent  bool               // acknowledge, and owe the reply until the next connection
	full    bool               // refuse
	sockets map[*websocket.Conn]bool
	file    *os.File
}

type person struct {
	log  []stored
	owed []int64
}

// line is a record of the shop's file: a new customer, or a message of one.
type line struct {
	Token   string
	Message *stored
}

func emptyShop() *shop {
	return &shop{people: map[string]*person{}, sockets: map[*websocket.Conn]bool{}}
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := emptyShop()
	if err := s.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// restore reads what an earlier process wrote; what that one had not answered is owed.
func (s *shop) restore(name string) (err error) {
	if s.file, err = os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	lines := bufio.NewScanner(s.file)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue // the kill tore the last one
		}
		p := s.people[l.Token]
		if p == nil {
			p = &person{}
			s.people[l.Token] = p
		}
		if l.Message == nil {
			continue
		}
		p.log = append(p.log, *l.Message)
		if l.Message.From == "customer" {
			p.owed = append(p.owed, l.Message.Seq)
		} else if len(p.owed) > 0 {
			p.owed = p.owed[1:]
		}
	}
	fmt.Fprintln(s.file)
	return lines.Err()
}

func (s *shop) keep(token string, m *stored) {
	if s.file == nil || s.careless && m != nil && m.Seq%10 == 1 {
		return
	}
	b, _ := json.Marshal(line{token, m})
	s.file.Write(append(b, '\n'))
}

// open starts listening, on the same address again after a close.
func (s *shop) open() error {
	if s.addr == "" {
		s.addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp4", s.addr)
	if err != nil {
		return err
	}
	s.addr = l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /v1/visitor/session", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		token := fmt.Sprint("t", len(s.people))
		s.people[token] = &person{}
		s.keep(token, nil)
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
	return nil
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
	token := r.URL.Query().Get("ticket")
	s.mu.Lock()
	s.sockets[c] = true
	p := s.people[token]
	c.WriteJSON(map[string]any{"type": "ready", "seq": len(p.log), "owner": "bot"})
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	for _, m := range p.log[min(after, len(p.log)):] {
		s.push(c, m)
	}
	for _, seq := range p.owed {
		s.reply(c, token, seq)
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
		s.accept(c, token, in.ClientID)
		s.mu.Unlock()
	}
}

func (s *shop) accept(c *websocket.Conn, token, id string) {
	if s.full {
		c.WriteJSON(map[string]any{"type": "error", "kind": "limited", "client_id": id, "retry_after_ms": 100})
		return
	}
	p := s.people[token]
	for _, m := range p.log {
		if m.ClientID == id {
			c.WriteJSON(map[string]any{"type": "ack", "client_id": id, "seq": m.Seq})
			return
		}
	}
	m := stored{Seq: int64(len(p.log) + 1), From: "customer", ClientID: id}
	p.log = append(p.log, m)
	s.keep(token, &m)
	s.push(c, m)
	c.WriteJSON(map[string]any{"type": "ack", "client_id": id, "seq": m.Seq})
	if s.silent {
		p.owed = append(p.owed, m.Seq)
		return
	}
	s.reply(c, token, m.Seq)
}

func (s *shop) reply(c *websocket.Conn, token string, seq int64) {
	p := s.people[token]
	m := stored{Seq: int64(len(p.log) + 1), From: "bot", ReplyTo: []int64{seq}}
	p.log = append(p.log, m)
	s.keep(token, &m)
	s.push(c, m)
}

func (s *shop) push(c *websocket.Conn, m stored) {
	c.WriteJSON(map[string]any{"type": "message", "message": map[string]any{"seq": m.Seq, "from": m.From, "client_id": m.ClientID, "reply_to": m.ReplyTo,
		"parts": []any{map[string]any{"kind": "text", "text": "好", "sources": []any{map[string]any{"id": "k1"}}}}}})
}
