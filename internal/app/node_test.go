package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/api"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/config"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"

	"github.com/gorilla/websocket"
)

const (
	siteKey  = "site-1"
	password = "correct horse 7"
	email    = "owner@example.test"
)

// settled makes a folder with a company and its site in it.
func settled(t *testing.T) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	furnish(t, cfg)
	return cfg
}

// furnish does so where the configuration says.
func furnish(t *testing.T, cfg config.Config) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: cfg.Data, URL: string(cfg.Database.URL)})
	must(t, err)
	master, err := compliance.LoadMasterKey(t.Context(), db, cfg.Data, string(cfg.MasterKey))
	must(t, err)
	staff, err := auth.NewService(db, nil)
	must(t, err)
	sites, err := channel.NewSites(db, master)
	must(t, err)
	owner, err := staff.AddTenant(t.Context(), auth.FirstRun{Tenant: demo.Tenant, Company: "Company", Name: "Owner", Email: email, Password: password}, nil)
	must(t, err)
	site := api.FirstSite("Company", "Asia/Shanghai")
	site.Key = siteKey
	_, err = sites.Create(t.Context(), owner.Actor(), site)
	must(t, err)
	must(t, db.Close())
}

// node is a whole server, and stop ends it as a signal would.
type node struct {
	t    *testing.T
	base string
	stop func() time.Duration
}

func start(t *testing.T) *node { t.Helper(); return startWith(t, settled(t)) }

func startWith(t *testing.T, cfg config.Config) *node {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler), Ready: func(addr string, _ bool) { ready <- addr }})
	}()
	n := &node{t: t}
	stopped := false
	n.stop = func() time.Duration {
		if stopped {
			return 0
		}
		stopped = true
		began := time.Now()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("node: %v", err)
		}
		return time.Since(began)
	}
	t.Cleanup(func() { n.stop() })
	select {
	case addr := <-ready:
		n.base = "http://" + addr
	case err := <-done:
		done <- err
		t.Fatalf("node did not start: %v", err)
	}
	return n
}

// do makes a request as header says and decodes the answer into out.
func (n *node) do(header http.Header, method, path, body string, out any) int {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), method, n.base+path, strings.NewReader(body))
	must(n.t, err)
	r.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		r.Header[k] = v
	}
	res, err := http.DefaultClient.Do(r)
	must(n.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(n.t, err)
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			n.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, b)
		}
	}
	return res.StatusCode
}

type visitor struct {
	header       http.Header
	conversation string
}

func (n *node) visitor() visitor {
	n.t.Helper()
	var s struct{ Token, Conversation string }
	if status := n.do(nil, "POST", "/v1/visitor/session", `{"site":"`+siteKey+`"}`, &s); status != 200 {
		n.t.Fatalf("session: %d", status)
	}
	return visitor{http.Header{"Authorization": {"Bearer " + s.Token}}, s.Conversation}
}

func (n *node) owner() http.Header { n.t.Helper(); return n.signIn(email) }

func (n *node) signIn(email string) http.Header {
	n.t.Helper()
	res, err := http.Post(n.base+"/v1/sessions", "application/json", strings.NewReader(fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)))
	must(n.t, err)
	defer res.Body.Close()
	var me struct{ CSRF string }
	must(n.t, json.NewDecoder(res.Body).Decode(&me))
	return http.Header{"Cookie": {"fd_session=" + res.Cookies()[0].Value}, "X-Csrf-Token": {me.CSRF}}
}

func (n *node) socket(v visitor) *websocket.Conn {
	n.t.Helper()
	var ticket struct{ Ticket string }
	n.do(v.header, "POST", "/v1/visitor/ticket", "", &ticket)
	conn, _, err := websocket.DefaultDialer.DialContext(n.t.Context(), "ws"+strings.TrimPrefix(n.base, "http")+"/v1/visitor/socket?ticket="+ticket.Ticket, nil)
	must(n.t, err)
	n.t.Cleanup(func() { conn.Close() })
	return conn
}

// What goes wrong first for many says which address it was and what to do.
func TestTakenAddressIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := config.Default()
	cfg.Data, cfg.Listen = t.TempDir(), taken.Addr().String()
	err = Run(t.Context(), Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), cfg.Listen+" already") || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("a start at a taken address says %v", err)
	}
}

// A stop does not wait for those who wait: long polls of customers and staff answer at once, sockets are told to come back.
func TestStopWithOpenPollsIsQuick(t *testing.T) {
	n := start(t)
	v, owner := n.visitor(), n.owner()
	conn := n.socket(v)
	ended := make(chan error, 2)
	poll := func(header http.Header, path string) {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, n.base+path, nil)
		must(t, err)
		r.Header = header
		sent := make(chan struct{})
		go func() {
			close(sent)
			res, err := http.DefaultClient.Do(r)
			if err == nil {
				res.Body.Close()
			}
			ended <- err
		}()
		<-sent
	}
	poll(v.header, "/v1/visitor/messages?after=0&wait=60")
	poll(owner, "/v1/conversations/"+v.conversation+"/messages?after=0&wait=30")
	select {
	case err := <-ended:
		t.Fatalf("a poll did not wait: %v", err)
	case <-time.After(300 * time.Millisecond): // they are waiting by now
	}
	if d := n.stop(); d > time.Second {
		t.Errorf("the stop took %v", d)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("a poll was cut off: %v", err)
		}
	}
	for {
		var f struct{ Type string }
		if err := conn.ReadJSON(&f); err != nil {
			if !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
				t.Errorf("the socket ended with %v", err)
			}
			break
		}
	}
}

func TestFloodOfFramesIsRefusedThenShut(t *testing.T) {
	n := start(t)
	conn := n.socket(n.visitor())
	ping := func(n int) {
		for range n {
			if conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)) != nil {
				return // closed already
			}
		}
	}
	ping(80)
	pongs := 0
	for refused := false; !refused; {
		var f struct{ Type, Kind string }
		must(t, conn.ReadJSON(&f))
		if f.Type == "pong" {
			pongs++
		}
		refused = f.Type == "error" && f.Kind == "limited"
	}
	if pongs < 40 || pongs > 79 {
		t.Errorf("%d of 80 frames were answered before one was refused", pongs)
	}
	go ping(1000)
	for err := error(nil); err == nil; {
		_, _, err = conn.ReadMessage()
	}
	// Others are not touched by it, nor is a new socket.
	again := n.socket(n.visitor())
	must(t, again.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)))
	for {
		var f struct{ Type string }
		must(t, again.ReadJSON(&f))
		if f.Type == "pong" {
			break
		}
	}
}

func TestCustomersSendOnlyTextAndTheirOwnPictures(t *testing.T) {
	n := start(t)
	v := n.visitor()
	sent := `{"client_id":"1","parts":[{"kind":"text","text":"hello","sources":[{"id":"x","title":"made up"}],"card":{"type":"order","title":"made up"},
		"buttons":[{"label":"made up","value":"x"}],"form":{"id":"f","title":"made up"},"attachment":{"id":"made up"}}]}`
	if status := n.do(v.header, "POST", "/v1/visitor/messages", sent, nil); status != 200 {
		t.Fatalf("sending: %d", status)
	}
	var page json.RawMessage
	n.do(v.header, "GET", "/v1/visitor/messages?after=0", "", &page)
	if bytes.Contains(page, []byte("made up")) || !bytes.Contains(page, []byte("hello")) {
		t.Errorf("stored: %s", page)
	}
}

// What an agent sends can be seen by the customer it was sent to, and by no other.
func TestAgentsPictureReachesItsCustomerOnly(t *testing.T) {
	n := start(t)
	owner, mine, other := n.owner(), n.visitor(), n.visitor()
	var picture bytes.Buffer
	must(t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 2, 2))))
	for _, v := range []visitor{mine, other} {
		n.do(v.header, "POST", "/v1/visitor/messages", `{"client_id":"1","text":"hello"}`, nil)
		if status := n.do(owner, "POST", "/v1/conversations/"+v.conversation+"/take", "{}", nil); status != 200 {
			t.Fatalf("take: %d", status)
		}
	}
	upload := owner.Clone()
	upload.Set("Content-Type", "application/octet-stream")
	var a frontdesk.Attachment
	if status := n.do(upload, "POST", "/v1/attachments?name=a.png", picture.String(), &a); status != 201 {
		t.Fatalf("upload: %d", status)
	}
	reply := func(v visitor, id string) int {
		return n.do(owner, "POST", "/v1/conversations/"+v.conversation+"/messages", `{"text":"look","attachments":["`+id+`"]}`, nil)
	}
	if status := reply(mine, a.ID); status != 200 {
		t.Fatalf("reply: %d", status)
	}
	var page struct{ Messages []conversation.Message }
	n.do(mine.header, "GET", "/v1/visitor/messages?after=0", "", &page)
	shared := ""
	for _, m := range page.Messages {
		for _, p := range m.Parts {
			if p.Attachment != nil {
				shared = p.Attachment.ID
				if p.Text != "" {
					t.Errorf("beside the picture the customer reads %q", p.Text)
				}
			}
		}
	}
	if shared == "" || shared == a.ID {
		t.Fatalf("the customer was sent %q for %q", shared, a.ID)
	}
	var listed struct{ Preview string }
	if status := n.do(owner, "POST", "/v1/conversations/"+mine.conversation+"/messages", `{"attachments":["`+a.ID+`"]}`, nil); status != 200 {
		t.Fatalf("a reply without words: %d", status)
	}
	if n.do(owner, "GET", "/v1/conversations/"+mine.conversation, "", &listed); listed.Preview != "a.png" {
		t.Errorf("a picture without words is listed as %q", listed.Preview)
	}
	get := func(v visitor, id string) int { return n.do(v.header, "GET", "/v1/visitor/attachments/"+id, "", nil) }
	if status := get(mine, shared); status != 200 {
		t.Errorf("its customer gets it with %d", status)
	}
	if status := get(other, shared); status != 404 {
		t.Errorf("another customer gets it with %d", status)
	}
	if status := reply(mine, shared); status != 200 {
		t.Errorf("the same one once more: %d", status)
	}
	if status := reply(other, shared); status != 404 {
		t.Errorf("one conversation's attachment went into another: %d", status)
	}
	if status := reply(other, a.ID); status != 200 {
		t.Errorf("an upload sent to a second customer: %d", status)
	}
}

// A database that cannot be read for a moment must not cost customers their conversation.
func TestTroubleWhileResumingOpensNoNewConversation(t *testing.T) {
	a, err := Open(t.Context(), Options{Config: settled(t), Version: "test", Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer a.Close()
	h, err := a.handler()
	must(t, err)
	ask := func(token string) (status int, answer struct{ Token, Conversation string }, header http.Header) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/v1/visitor/session", strings.NewReader(`{"site":"`+siteKey+`","token":"`+token+`"}`)))
		must(t, json.Unmarshal(w.Body.Bytes(), &answer))
		return w.Code, answer, w.Header()
	}
	_, first, _ := ask("")
	if _, again, _ := ask(first.Token); again.Conversation != first.Conversation {
		t.Fatalf("resumed %q as %q", first.Conversation, again.Conversation)
	}
	if status, fresh, _ := ask("forged"); status != 200 || fresh.Conversation == first.Conversation {
		t.Errorf("a forged token: %d %q", status, fresh.Conversation)
	}
	must(t, a.db.Reader().Close()) // writing still works
	if status, answer, header := ask(first.Token); status != 503 || answer.Conversation != "" || header.Get("Retry-After") == "" {
		t.Errorf("while reading fails: %d %+v", status, answer)
	}
	// Nor is it anybody else's fault: a row that cannot be read is 503 on both edges.
	for path, token := range map[string]string{"/v1/visitor/messages?after=0": first.Token, "/v1/conversations": "fdk_" + frontdesk.Secret()} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if h.ServeHTTP(w, r); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s while reading fails: %d %s", path, w.Code, w.Body)
		}
	}
}

func TestAskWithholdsWhatTheLiveTurnWould(t *testing.T) {
	a, err := Open(t.Context(), Options{Config: settled(t), Version: "test", Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer a.Close()
	_, err = a.store.Put(t.Context(), demo.Tenant, knowledge.DefaultBot, knowledge.Entry{Question: "这个理财产品怎么样", Answer: "这个稳赚不赔"}, "")
	must(t, err)
	got, err := a.Ask(t.Context(), demo.Tenant, "", "这个理财产品怎么样", "zh")
	must(t, err)
	if got.Kind != "handoff" || got.Text != dialogue.Text("withheld", "zh") || len(got.Sources) != 0 || len(got.Trace.Rules) == 0 {
		t.Errorf("said %+v", got)
	}
}

func TestSimulatedCustomersAreKnownByNoPersonalData(t *testing.T) {
	a, err := Open(t.Context(), Options{Config: settled(t), Version: "test", Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer a.Close()
	s := &simulation{app: a, conv: a.conv, visitors: map[string]auth.Visitor{}}
	customer := demo.Customer{ID: "c0001", Name: "Li", Phone: "19900001000"}
	must(t, s.enter(t.Context(), &visit{script: demo.Script{Visitor: "v1", Customer: &customer, Lang: "zh"}}))
	var external string
	must(t, a.db.QueryRow(t.Context(), "SELECT external_id FROM contact WHERE tenant = $1 AND name = 'Li'", demo.Tenant).Scan(&external))
	if external == "" || strings.Contains(external, customer.Phone) {
		t.Errorf("known as %q", external)
	}
}
