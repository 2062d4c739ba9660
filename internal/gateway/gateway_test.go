package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/blob"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/config"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/gateway"
	"frontdesk/internal/sqldb"

	"go.uber.org/goleak"
)

const (
	tenant   = "acme"
	siteKey  = "acme-shop"
	page     = "https://shop.example.test" // may embed the chat
	answer   = "签收七天内可以申请退货。"
	question = "怎么退货？"
)

// server is a gateway on a real port with the real path behind it.
type server struct {
	t    *testing.T
	url  string
	gw   *gateway.Gateway
	conv *conversation.Service
	db   *sqldb.DB
	site channel.Site
	drop func() // ends the gateway as a stop does
}

type known struct{ store *knowledge.Store }

func (k known) Latest(ctx context.Context, tenant, bot string) (dialogue.Release, int64, error) {
	r, err := k.store.Latest(ctx, tenant, bot)
	if err != nil {
		return nil, 0, err
	}
	return r.Index, r.Number, nil
}

// serve starts a server; change may alter its limits.
func serve(t *testing.T, change func(c *config.Config)) *server {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	dir, master := t.TempDir(), bytes.Repeat([]byte{7}, 32)
	db, err := sqldb.Open(ctx, sqldb.Options{Dir: dir})
	must(t, err)
	vault, err := compliance.OpenVault(ctx, db, master)
	must(t, err)
	checker, err := compliance.NewChecker(ctx, db, log)
	must(t, err)
	sites, err := channel.NewSites(db, master)
	must(t, err)
	site, err := sites.Create(ctx, frontdesk.Actor{Tenant: tenant, Kind: frontdesk.ActorSystem}, channel.Site{ID: "shop", Key: siteKey,
		Name: frontdesk.Localized{"zh": "示例商城"}, Bot: channel.DefaultBot, Languages: []string{"zh", "en"}, Zone: "Asia/Shanghai", Origins: []string{page}})
	must(t, err)
	store := knowledge.NewStore(db)
	_, err = store.Put(ctx, tenant, channel.DefaultBot, knowledge.Entry{ID: "return", Question: question, Answer: answer, Lang: "zh"}, "")
	must(t, err)
	hub, err := delivery.New(nil, log)
	must(t, err)
	conv := conversation.New(conversation.Deps{DB: db, Vault: vault, Checker: checker, Releases: known{store}, Sites: sites, Notify: hub, Log: log,
		Timing: conversation.Timing{Wait: 20 * time.Millisecond, IdleClose: time.Hour, ActionTime: time.Second}})
	hub.SetLog(conv)
	visitors, err := auth.NewVisitors(master)
	must(t, err)
	blobs, err := blob.New(db, dir, blob.Limits{Bytes: 1 << 20})
	must(t, err)
	c := config.Default()
	if change != nil {
		change(&c)
	}
	gw, err := gateway.New(gateway.Deps{Conversations: conv, Hub: hub, Sites: sites, Visitors: visitors, Blobs: blobs, Names: func(context.Context, string, string) map[string]string { return map[string]string{"zh": "小林"} },
		ServeBlob: func(http.ResponseWriter, *http.Request, string, string) error { return nil }, Config: c, Log: log})
	must(t, err)

	mux := http.NewServeMux()
	gw.Register(mux)
	web := httptest.NewUnstartedServer(mux)
	web.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if tcp, ok := c.(*net.TCPConn); ok { // little room on the way, so that a slow reader is felt soon
			tcp.SetWriteBuffer(8 << 10)
		}
		return ctx
	}
	web.Start()
	edge, stopEdge := context.WithCancel(context.Background())
	turns, stopTurns := context.WithCancel(context.Background())
	var running, gateRuns sync.WaitGroup
	gateRuns.Go(func() { gw.Run(edge) })
	running.Go(func() {
		if err := conv.Run(turns); err != nil {
			t.Errorf("conversations stopped: %v", err)
		}
	})
	s := &server{t: t, url: web.URL, gw: gw, conv: conv, db: db, site: site}
	s.drop = sync.OnceFunc(func() { stopEdge(); gateRuns.Wait() })
	t.Cleanup(func() {
		s.drop()
		web.CloseClientConnections()
		web.Close()
		http.DefaultClient.CloseIdleConnections()
		gw.Wait()
		stopTurns()
		running.Wait()
		must(t, db.Close())
	})
	return s
}

// answered is what an HTTP request came to.
type answered struct {
	status int
	header http.Header
	body   string
}

func (a answered) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

// problem is the kind and field of an error answer.
func (a answered) problem(t *testing.T) (kind, field string) {
	t.Helper()
	var p struct {
		Error struct{ Kind, Field, Message string }
	}
	a.into(t, &p)
	if p.Error.Message == "" {
		t.Errorf("%d without a word: %s", a.status, a.body)
	}
	return p.Error.Kind, p.Error.Field
}

func (s *server) do(method, path, token, body string, headers ...string) answered {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	must(s.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	must(s.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(s.t, err)
	return answered{res.StatusCode, res.Header, string(b)}
}

// visitor is somebody with a session.
type visitor struct {
	*server
	Token        string
	Conversation string
}

func (s *server) visitor() *visitor {
	s.t.Helper()
	a := s.do("POST", "/v1/visitor/session", "", `{"site":"`+siteKey+`"}`)
	if a.status != 200 {
		s.t.Fatalf("session: %d %s", a.status, a.body)
	}
	v := &visitor{server: s}
	a.into(s.t, v)
	return v
}

func (v *visitor) send(clientID, text string) answered {
	v.t.Helper()
	body, err := json.Marshal(map[string]string{"client_id": clientID, "text": text})
	must(v.t, err)
	return v.do("POST", "/v1/visitor/messages", v.Token, string(body))
}

// says sends a message that must be taken, and returns its number.
func (v *visitor) says(clientID, text string) int64 {
	v.t.Helper()
	a := v.send(clientID, text)
	if a.status != 200 {
		v.t.Fatalf("send %q: %d %s", text, a.status, a.body)
	}
	var out struct{ Seq int64 }
	a.into(v.t, &out)
	return out.Seq
}

type message struct {
	Seq      int64
	From     string
	Text     string
	ClientID string  `json:"client_id"`
	ReplyTo  []int64 `json:"reply_to"`
}

func (v *visitor) after(seq int64, query string) (out struct {
	Messages []message
	Seq      int64
	Owner    string
}) {
	v.t.Helper()
	a := v.do("GET", "/v1/visitor/messages?after="+itoa(seq)+query, v.Token, "")
	if a.status != 200 {
		v.t.Fatalf("poll: %d %s", a.status, a.body)
	}
	a.into(v.t, &out)
	return out
}

// hears polls until n messages of the bot's are there.
func (v *visitor) hears(n int) {
	v.t.Helper()
	until(v.t, "the bot", func() bool {
		got := 0
		for _, m := range v.after(0, "").Messages {
			if m.From == "bot" {
				got++
			}
		}
		return got >= n
	})
}

func TestAskAndBeAnswered(t *testing.T) {
	v := serve(t, nil).visitor()
	seq := v.says("1", question)
	if again := v.says("1", question); again != seq {
		t.Errorf("the replay got %d, the first %d", again, seq)
	}
	got := v.after(seq, "&wait=10")
	if len(got.Messages) != 1 || got.Messages[0].Text != answer || got.Messages[0].ReplyTo[0] != seq {
		t.Errorf("heard %+v", got)
	}
	if a := v.do("POST", "/v1/visitor/ratings", v.Token, `{"seq":2,"solved":true}`); a.status != 204 {
		t.Errorf("rating: %d %s", a.status, a.body)
	}
	if a := v.do("POST", "/v1/visitor/human", v.Token, ""); a.status != 200 {
		t.Errorf("human: %d %s", a.status, a.body)
	}
	until(t, "the queue", func() bool { return v.after(0, "").Owner == "queue" })
}

// A token goes on with its conversation; a broken, foreign or missing one does not, and says so in the way of its request.
func TestSessions(t *testing.T) {
	s := serve(t, nil)
	v := s.visitor()
	v.says("1", question)
	var again visitor
	a := s.do("POST", "/v1/visitor/session", "", `{"site":"`+siteKey+`","token":"`+v.Token+`"}`)
	a.into(t, &again)
	if again.Conversation != v.Conversation {
		t.Errorf("resumed %s instead of %s", again.Conversation, v.Conversation)
	}
	a = s.do("POST", "/v1/visitor/session", "", `{"site":"`+siteKey+`","token":"`+v.Token+`x"}`)
	a.into(t, &again)
	if a.status != 200 || again.Conversation == v.Conversation {
		t.Errorf("a broken token: %d, conversation %s", a.status, again.Conversation)
	}
	if a := s.do("POST", "/v1/visitor/session", "", `{"site":"nobody"}`); a.status != 404 {
		t.Errorf("no site: %d %s", a.status, a.body)
	}
	for _, token := range []string{"", "nonsense", v.Token + "x", v.Token[:len(v.Token)-4]} {
		if a := s.do("GET", "/v1/visitor/messages", token, ""); a.status != 401 {
			t.Errorf("token %.20q: %d %s", token, a.status, a.body)
		}
	}
	for _, query := range []string{"?after=-1", "?after=x", "?wait=-3", "?after=99999999999999999999"} {
		a := s.do("GET", "/v1/visitor/messages"+query, v.Token, "")
		if kind, field := a.problem(t); a.status != 400 || kind != "invalid" || field == "" {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}

	// Who was erased begins anew, by the token they still have, too; with it alone they get nowhere.
	erased := s.visitor()
	erased.says("1", "怎么退货？")
	c, err := s.conv.Get(t.Context(), tenant, erased.Conversation)
	must(t, err)
	must(t, s.conv.Erase(desk(t), tenant, c.Contact))
	must(t, s.conv.FinishErasures(t.Context()))
	if a := erased.send("2", "还有一件事"); a.status != 401 {
		t.Errorf("a message of somebody erased: %d %s", a.status, a.body)
	}
	s.do("POST", "/v1/visitor/session", "", `{"site":"`+siteKey+`","token":"`+erased.Token+`"}`).into(t, &again)
	if again.Conversation == erased.Conversation || again.Token == "" {
		t.Errorf("somebody erased goes on with conversation %s", again.Conversation)
	}
}

func TestOriginIsChecked(t *testing.T) {
	s := serve(t, nil)
	v := s.visitor()
	for origin, want := range map[string]int{page: 200, "https://evil.example.test": 403, "null": 403, "https://shop.example.test.evil.test": 403, "http://shop.example.test": 403, s.url: 200} {
		session := s.do("POST", "/v1/visitor/session", "", `{"site":"`+siteKey+`"}`, "Origin", origin)
		poll := s.do("GET", "/v1/visitor/messages", v.Token, "", "Origin", origin)
		if session.status != want || poll.status != want {
			t.Errorf("%s: session %d, messages %d, want %d", origin, session.status, poll.status, want)
		}
		if allowed := poll.header.Get("Access-Control-Allow-Origin"); (allowed == origin) != (want == 200) {
			t.Errorf("%s: a browser is told %q", origin, allowed)
		}
	}
}

func TestTooFastIsToldToWait(t *testing.T) {
	v := serve(t, func(c *config.Config) { c.Limits.VisitorRate, c.Limits.VisitorBurst = 0.1, 3 }).visitor()
	for i := range 3 {
		v.says(itoa(int64(i)), "你好")
	}
	a := v.send("late", "你好")
	if kind, _ := a.problem(t); a.status != 429 || kind != "limited" || a.header.Get("Retry-After") == "" || a.header.Get("Retry-After") == "0" {
		t.Errorf("got %d, Retry-After %q: %s", a.status, a.header.Get("Retry-After"), a.body)
	}
	if got := v.after(0, ""); len(got.Messages) == 0 {
		t.Error("reading was refused with writing")
	}
	other := serve(t, func(c *config.Config) { c.Limits.IPRate, c.Limits.IPBurst = 0.1, 2 })
	other.visitor()
	other.visitor()
	if a := other.do("POST", "/v1/visitor/session", "", `{"site":"`+siteKey+`"}`); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("the third of an address: %d %s", a.status, a.body)
	}
}

// Bad input names what is wrong with it, and stores nothing.
func TestBadMessages(t *testing.T) {
	v := serve(t, func(c *config.Config) { c.Limits.VisitorRate = 0 }).visitor()
	for name, c := range map[string]struct {
		body   string
		status int
		field  string
	}{
		"empty":              {`{"client_id":"1","text":""}`, 400, "text"},
		"whitespace":         {`{"client_id":"1","text":" \n\t　 "}`, 400, "text"},
		"only control":       {`{"client_id":"1","text":"\u0000\u0007\u202e"}`, 400, "text"},
		"broken UTF-8":       {"{\"client_id\":\"1\",\"text\":\"\xff\xfe hello\"}", 400, "body"},
		"no client id":       {`{"text":"hello"}`, 400, "client_id"},
		"client id too long": {`{"client_id":"` + strings.Repeat("x", 65) + `","text":"hello"}`, 400, "client_id"},
		"client id of space": {`{"client_id":"a b","text":"hello"}`, 400, "client_id"},
		"10,000 emoji":       {`{"client_id":"1","text":"` + strings.Repeat("😀", 10_000) + `"}`, 400, "text"},
		"1 MB":               {`{"client_id":"1","text":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "body"},
		"not JSON":           {`hello`, 400, "body"},
		"two values":         {`{"client_id":"1","text":"a"}{}`, 400, "body"},
		"wrong type":         {`{"client_id":1,"text":"a"}`, 400, "client_id"},
		"foreign picture":    {`{"client_id":"1","parts":[{"kind":"image","attachment":{"id":"nobody's"}}]}`, 400, "parts"},
		"a card":             {`{"client_id":"1","parts":[{"kind":"card","card":{"type":"order","title":"paid"}}]}`, 400, "parts"},
		"no body":            {``, 400, "body"},
	} {
		a := v.do("POST", "/v1/visitor/messages", v.Token, c.body)
		if kind, field := a.problem(t); a.status != c.status || kind != "invalid" || field != c.field {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if got := v.after(0, ""); len(got.Messages) != 0 || got.Seq != 0 {
		t.Errorf("bad messages were stored: %+v", got)
	}
	// What is merely odd is cleaned and taken.
	v.says("odd", "a\u202Eb\u0007c\u200B d")
	if got := v.after(0, "").Messages[0].Text; got != "abc d" {
		t.Errorf("stored as %q", got)
	}
	v.says("emoji", strings.Repeat("👩‍👩‍👧", 200))
}

// The disk is full: new messages are refused with a hint, what was said can still be read, and with room again all goes on.
func TestFullDiskRefusesAndStillShows(t *testing.T) {
	v := serve(t, func(c *config.Config) { c.Limits.VisitorRate = 0 }).visitor()
	seq := v.says("1", question)
	v.hears(1)
	limit := func(pages int64) {
		must(t, v.db.Write(t.Context(), func(tx *sqldb.Tx) error {
			var n int64
			return tx.QueryRow("PRAGMA max_page_count = " + itoa(pages)).Scan(&n)
		}))
	}
	var pages int64
	must(t, v.db.QueryRow(t.Context(), "PRAGMA page_count").Scan(&pages))
	limit(pages)
	var refused answered
	taken := 1
	for i := range 300 {
		if refused = v.send("full"+itoa(int64(i)), strings.Repeat("退货", 300)); refused.status != 200 {
			break
		}
		taken++
	}
	if kind, _ := refused.problem(t); refused.status != 503 || kind != "unavailable" || refused.header.Get("Retry-After") == "" {
		t.Fatalf("on a full disk: %d, Retry-After %q: %s", refused.status, refused.header.Get("Retry-After"), refused.body)
	}
	if strings.Contains(refused.body, "disk is full (") || strings.Contains(refused.body, "SQL") {
		t.Errorf("the customer reads the database's words: %s", refused.body)
	}
	got := v.after(0, "")
	if len(got.Messages) < 2 || got.Messages[0].Seq != seq {
		t.Errorf("history reads %+v", got)
	}
	customers := 0
	for _, m := range got.Messages {
		if m.From == "customer" {
			customers++
		}
	}
	if customers != taken {
		t.Errorf("%d acknowledged, %d there", taken, customers)
	}
	limit(1 << 30)
	v.says("room", question)
	until(t, "the answer", func() bool {
		for _, m := range v.after(0, "").Messages {
			if m.From == "bot" && m.Text == answer && m.Seq > got.Seq {
				return true
			}
		}
		return false
	})
}

func TestResumeBeyondTheEnd(t *testing.T) {
	v := serve(t, nil).visitor()
	v.says("1", question)
	v.hears(1)
	got := v.after(1_000_000, "")
	if len(got.Messages) != 0 || got.Seq != 2 {
		t.Errorf("got %+v, want nothing and where to go on", got)
	}
}

func TestNothingIsAcceptedWhileStopping(t *testing.T) {
	v := serve(t, nil).visitor()
	v.gw.Drain()
	if a := v.send("1", question); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
