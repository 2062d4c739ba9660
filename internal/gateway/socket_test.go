package gateway_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/config"

	"github.com/gorilla/websocket"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func (v *visitor) ticket() string {
	v.t.Helper()
	var out struct{ Ticket string }
	v.do("POST", "/v1/visitor/ticket", v.Token, "").into(v.t, &out)
	return out.Ticket
}

// socket is a visitor's connection.
type socket struct {
	*websocket.Conn
	t *testing.T
}

func (v *visitor) dial(after int64) *socket {
	v.t.Helper()
	s, status := v.tryDial(v.ticket(), after, "")
	if s == nil {
		v.t.Fatalf("socket refused with %d", status)
	}
	return s
}

func (v *visitor) tryDial(ticket string, after int64, origin string) (*socket, int) {
	v.t.Helper()
	head := http.Header{}
	if origin != "" {
		head.Set("Origin", origin)
	}
	conn, res, err := websocket.DefaultDialer.DialContext(v.t.Context(), "ws"+strings.TrimPrefix(v.url, "http")+"/v1/visitor/socket?ticket="+ticket+"&after="+itoa(after), head)
	if err != nil {
		if res == nil {
			v.t.Fatal(err)
		}
		return nil, res.StatusCode
	}
	v.t.Cleanup(func() { conn.Close() })
	return &socket{conn, v.t}, res.StatusCode
}

// frame is what the server sends.
type frame struct {
	Type     string
	Seq      int64
	Owner    string
	ClientID string `json:"client_id"`
	Kind     string
	Field    string
	Message  json.RawMessage
	AfterMS  int64 `json:"after_ms"`
}

func (f frame) message(t *testing.T) (m message) {
	t.Helper()
	must(t, json.Unmarshal(f.Message, &m))
	return m
}

// next reads frames until one of a type comes.
func (s *socket) next(want string) frame {
	s.t.Helper()
	s.SetReadDeadline(time.Now().Add(15 * time.Second))
	for {
		_, data, err := s.ReadMessage()
		if err != nil {
			s.t.Fatalf("waiting for %s: %v", want, err)
		}
		var f frame
		must(s.t, json.Unmarshal(data, &f))
		if f.Type == want {
			return f
		}
	}
}

func (s *socket) say(text string) {
	s.t.Helper()
	must(s.t, s.WriteMessage(websocket.TextMessage, []byte(text)))
}

func TestSocketCarriesAConversation(t *testing.T) {
	v := serve(t, nil).visitor()
	s := v.dial(0)
	if f := s.next("ready"); f.Seq != 0 {
		t.Errorf("ready at %d", f.Seq)
	}
	s.say(`{"type":"ping"}`)
	s.next("pong")
	s.say(`{"type":"send","client_id":"c1","text":"` + question + `"}`)
	if f := s.next("ack"); f.ClientID != "c1" || f.Seq != 1 {
		t.Errorf("acknowledged %+v", f)
	}
	if m := s.next("message").message(t); m.From != "bot" || m.Text != answer || m.Seq != 2 {
		t.Errorf("heard %+v", m)
	}
	s.say(`{"type":"send","client_id":"c1","text":"` + question + `"}`)
	if f := s.next("ack"); f.Seq != 1 {
		t.Errorf("the replay was acknowledged as %d", f.Seq)
	}
	s.say(`{"type":"rate","seq":2,"solved":true}`)
	s.say(`{"type":"send","client_id":"c2","text":"转人工"}`)
	if f := s.next("state"); f.Owner != "queue" {
		t.Errorf("state %+v", f)
	}
	// Another window of the same visitor sees all of it.
	other := v.dial(0)
	for want := int64(1); want <= 4; want++ {
		if m := other.next("message").message(t); m.Seq != want {
			t.Errorf("number %d, want %d", m.Seq, want)
		}
	}
}

func TestTicketOpensOneSocket(t *testing.T) {
	v := serve(t, nil).visitor()
	ticket := v.ticket()
	if s, status := v.tryDial(ticket, 0, ""); s == nil {
		t.Fatalf("refused with %d", status)
	}
	for name, ticket := range map[string]string{"used": ticket, "none": "", "broken": ticket[:len(ticket)-3] + "abc", "a token": v.Token} {
		if s, status := v.tryDial(ticket, 0, ""); s != nil || status != 403 && status != 401 {
			t.Errorf("%s ticket: %d", name, status)
		}
	}
	if s, status := v.tryDial(v.ticket(), 0, "https://evil.example.test"); s != nil || status != 403 {
		t.Errorf("a foreign page: %d", status)
	}
	if s, status := v.tryDial(v.ticket(), 0, page); s == nil {
		t.Errorf("the shop's page: %d", status)
	}
}

// A client that was away comes back with its last number and has what it missed, and no more.
func TestSocketResumes(t *testing.T) {
	v := serve(t, nil).visitor()
	v.says("1", question)
	v.hears(1)
	s := v.dial(0)
	s.next("ready")
	s.Close()
	v.says("2", "你好")
	v.hears(2)
	s = v.dial(2)
	for _, want := range []int64{3, 4} {
		if m := s.next("message").message(t); m.Seq != want {
			t.Errorf("number %d, want %d", m.Seq, want)
		}
	}
	if f := s.next("ready"); f.Seq != 4 {
		t.Errorf("ready at %d", f.Seq)
	}
	// Beyond the end: told where it is, and it goes on from there.
	s = v.dial(1_000_000)
	if f := s.next("ready"); f.Seq != 4 {
		t.Errorf("beyond the end it is ready at %d", f.Seq)
	}
	v.says("3", question)
	if m := s.next("message").message(t); m.Seq != 5 {
		t.Errorf("then it hears number %d", m.Seq)
	}
}

func TestBadFrames(t *testing.T) {
	v := serve(t, nil).visitor()
	s := v.dial(0)
	s.next("ready")
	for name, c := range map[string]struct {
		kind  int
		data  string
		field string
	}{
		"not JSON":     {websocket.TextMessage, "hello", "frame"},
		"unknown type": {websocket.TextMessage, `{"type":"subscribe"}`, "type"},
		"no type":      {websocket.TextMessage, `{}`, "type"},
		"binary":       {websocket.BinaryMessage, `{"type":"ping"}`, "frame"},
		"broken UTF-8": {websocket.TextMessage, "{\"type\":\"send\",\"client_id\":\"1\",\"text\":\"\xff\xfe\"}", "frame"},
		"empty text":   {websocket.TextMessage, `{"type":"send","client_id":"1","text":"  "}`, "text"},
		"no client id": {websocket.TextMessage, `{"type":"send","text":"hello"}`, "client_id"},
		"no answer":    {websocket.TextMessage, `{"type":"rate","seq":77,"solved":true}`, "seq"},
	} {
		must(t, s.WriteMessage(c.kind, []byte(c.data)))
		if f := s.next("error"); f.Kind != "invalid" || f.Field != c.field || len(f.Message) < 3 {
			t.Errorf("%s: %+v", name, f)
		}
	}
	s.say(`{"type":"send","client_id":"good","text":"` + question + `"}`)
	if f := s.next("ack"); f.Seq != 1 {
		t.Errorf("after bad frames the good one got %+v", f)
	}
	// A frame over the limit ends the connection with its reason, and nothing else.
	err := s.WriteMessage(websocket.TextMessage, []byte(`{"type":"send","client_id":"big","text":"`+strings.Repeat("x", 1<<20)+`"}`))
	if err != nil && !isReset(err) { // it may be over before all is sent
		t.Errorf("sending: %v", err)
	}
	for {
		s.SetReadDeadline(time.Now().Add(15 * time.Second))
		if _, _, err := s.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.CloseMessageTooBig) && !isReset(err) {
				t.Errorf("closed with %v", err)
			}
			break
		}
	}
	if got := v.dial(1).next("ready"); got.Seq < 1 {
		t.Errorf("afterwards ready at %d", got.Seq)
	}
}

// Whoever sends nothing but rubbish is cut off.
func TestRubbishIsCutOff(t *testing.T) {
	v := serve(t, nil).visitor()
	s := v.dial(0)
	s.next("ready")
	for range 30 {
		if s.WriteMessage(websocket.TextMessage, []byte("rubbish")) != nil {
			break
		}
	}
	s.SetReadDeadline(time.Now().Add(15 * time.Second))
	for {
		if _, _, err := s.ReadMessage(); err != nil {
			if !websocket.IsCloseError(err, websocket.ClosePolicyViolation) && !isReset(err) {
				t.Errorf("ended with %v", err)
			}
			return
		}
	}
}

func isReset(err error) bool {
	_, net := errors.AsType[net.Error](err)
	return net || strings.Contains(err.Error(), "reset by peer") || strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "1006")
}

// A reader that stopped reading is dropped with its bounded queue; it comes back with its last number and misses nothing.
func TestSlowReaderIsDroppedAndResumes(t *testing.T) {
	srv := serve(t, func(c *config.Config) { c.Limits.SocketQueue, c.Limits.VisitorRate = 8, 0 })
	v := srv.visitor()
	s := v.dial(0)
	s.next("ready")
	must(t, s.UnderlyingConn().(*net.TCPConn).SetReadBuffer(8<<10))
	sent := int64(0)
	until(t, "the slow reader to be dropped", func() bool {
		for range 10 {
			sent = v.says(itoa(sent), "你好 "+strings.Repeat("很长的话", 900))
		}
		return srv.gw.Sockets() == 0
	})
	var last int64
	read := func(s *socket) { // what comes until the connection ends
		for last < sent {
			s.SetReadDeadline(time.Now().Add(10 * time.Second))
			_, data, err := s.ReadMessage()
			if err != nil {
				return
			}
			var f frame
			must(t, json.Unmarshal(data, &f))
			if f.Type != "message" {
				continue
			}
			m := f.message(t)
			if m.Seq > last+1 {
				t.Fatalf("number %d follows %d", m.Seq, last)
			}
			last = max(last, m.Seq)
		}
	}
	read(s)
	if last >= sent {
		t.Fatal("the slow reader had everything")
	}
	// It reads well from now on. With a queue as short as this one is, that may take more than one connection.
	for tries := 0; last < sent; tries++ {
		if before := last; tries > 50 {
			t.Fatalf("stuck at %d of %d", before, sent)
		}
		s := v.dial(last)
		read(s)
		s.Close()
	}
}

// At a stop clients are told when to come back, each at another moment, before the connection ends.
func TestStopTellsWhenToComeBack(t *testing.T) {
	srv := serve(t, nil)
	var sockets []*socket
	for range 5 {
		s := srv.visitor().dial(0)
		s.next("ready")
		sockets = append(sockets, s)
	}
	srv.drop()
	after := map[int64]bool{}
	for _, s := range sockets {
		f := s.next("reconnect")
		if f.AfterMS <= 0 || f.AfterMS > 10_000 {
			t.Errorf("come back after %d ms", f.AfterMS)
		}
		after[f.AfterMS] = true
		if _, _, err := s.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
			t.Errorf("ended with %v", err)
		}
	}
	if len(after) == 1 {
		t.Error("all come back at the same moment")
	}
	until(t, "the sockets to be gone", func() bool { return srv.gw.Sockets() == 0 })
}

func TestTooManySocketsAreRefused(t *testing.T) {
	srv := serve(t, func(c *config.Config) { c.Limits.SocketsPerIP = 2 })
	v := srv.visitor()
	first := v.dial(0)
	v.dial(0)
	if s, status := v.tryDial(v.ticket(), 0, ""); s != nil || status != 429 {
		t.Errorf("the third: %d", status)
	}
	first.Close()
	until(t, "room", func() bool { s, _ := v.tryDial(v.ticket(), 0, ""); return s != nil })
}
