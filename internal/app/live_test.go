package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk/internal/api"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/config"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"github.com/gorilla/websocket"
	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"
)

// news is a frame that a console gets.
type news struct {
	Type         string
	Cursor       int64
	Resumed      bool
	Items        []api.Conversation
	Gone         []string
	Counts       *struct{ Mine, Queue, Bot, All int }
	More         bool
	ID           string
	Messages     []api.Message
	Seq          int64
	State        *api.Conversation
	Conversation json.RawMessage
	Staff        []struct {
		ID, Name string
		Typing   bool
	}
	From   string
	On     bool
	Kind   string
	Reason string
}

// screen is a member of staff's socket.
type screen struct {
	t      *testing.T
	conn   *websocket.Conn
	cursor int64
}

func (n *node) console(who http.Header, after int64) *screen {
	n.t.Helper()
	c, status := n.tryConsole(who, after, "")
	if c == nil {
		n.t.Fatalf("the socket was refused with %d", status)
	}
	return c
}

func (n *node) tryConsole(who http.Header, after int64, origin string) (*screen, int) {
	n.t.Helper()
	var ticket struct{ Ticket string }
	if status := n.do(who, "POST", "/v1/staff/ticket", "", &ticket); status != 200 {
		return nil, status
	}
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	conn, res, err := websocket.DefaultDialer.DialContext(n.t.Context(), fmt.Sprintf("ws%s/v1/staff/socket?ticket=%s&after=%d", strings.TrimPrefix(n.base, "http"), ticket.Ticket, after), header)
	if err != nil {
		if res == nil {
			n.t.Fatal(err)
		}
		return nil, res.StatusCode
	}
	n.t.Cleanup(func() { conn.Close() })
	c := &screen{t: n.t, conn: conn}
	if ready := c.next("the first frame", func(news) bool { return true }); ready.Type != "ready" || ready.Resumed != (after > 0) {
		n.t.Fatalf("the first frame is %+v", ready)
	}
	return c, 101
}

func (c *screen) say(format string, args ...any) {
	c.t.Helper()
	must(c.t, c.conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, format, args...)))
}

// next reads until a frame is the one waited for.
func (c *screen) next(what string, is func(f news) bool) news {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		_, data, err := c.conn.ReadMessage()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", what, err)
		}
		var f news
		if err := json.Unmarshal(data, &f); err != nil {
			c.t.Fatalf("%v: %s", err, data)
		}
		c.cursor = max(c.cursor, f.Cursor)
		if is(f) {
			return f
		}
	}
}

// quiet reads what has come by now, and fails when there is a frame that must not be.
func (c *screen) quiet(what string, bad func(f news) bool) {
	c.t.Helper()
	c.say(`{"type":"ping"}`)
	c.next("the answer to a ping", func(f news) bool {
		if bad(f) {
			c.t.Errorf("%s: %+v", what, f)
		}
		return f.Type == "pong"
	})
}

func item(id string, is func(c api.Conversation) bool) func(news) bool {
	return func(f news) bool {
		return slices.ContainsFunc(f.Items, func(c api.Conversation) bool { return c.ID == id && is(c) })
	}
}

func gone(id string) func(news) bool { return func(f news) bool { return slices.Contains(f.Gone, id) } }

func notice(kind, id string) func(news) bool {
	return func(f news) bool {
		return f.Type == "notice" && f.Kind == kind && strings.Contains(string(f.Conversation), id)
	}
}

func (n *node) says(v visitor, clientID, text string) {
	n.t.Helper()
	if status := n.do(v.header, "POST", "/v1/visitor/messages", fmt.Sprintf(`{"client_id":%q,"text":%q}`, clientID, text), nil); status != 200 {
		n.t.Fatalf("sending: %d", status)
	}
}

// hire makes a member of staff and signs them in.
func (n *node) hire(owner http.Header, name string, roles ...string) (who http.Header, id string) {
	n.t.Helper()
	list, err := json.Marshal(roles)
	must(n.t, err)
	var made struct{ ID string }
	body := fmt.Sprintf(`{"email":"%s@example.test","name":%q,"password":%q,"roles":%s}`, name, name, password, list)
	if status := n.do(owner, "POST", "/v1/staff", body, &made); status != 201 {
		n.t.Fatalf("hiring: %d", status)
	}
	return n.signIn(name + "@example.test"), made.ID
}

func (n *node) act(who http.Header, v visitor, what, body string) {
	n.t.Helper()
	if status := n.do(who, "POST", "/v1/conversations/"+v.conversation+"/"+what, body, nil); status != 200 {
		n.t.Fatalf("%s: %d", what, status)
	}
}

// leakless sees that a node, stopped, leaves nothing running.
func leakless(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
}

// A customer writes, waits, is taken, answered and closed, and the consoles see each step in the lists where it belongs.
func TestConsolesSeeAConversationThrough(t *testing.T) {
	leakless(t)
	n := start(t)
	owner := n.owner()
	lin, linID := n.hire(owner, "lin", auth.Agent)
	all, queue, mine := n.console(owner, 0), n.console(lin, 0), n.console(lin, 0)
	all.say(`{"type":"watch","view":"all"}`)
	queue.say(`{"type":"watch","view":"queue"}`)
	mine.say(`{"type":"watch","view":"mine"}`)
	all.next("the counts", func(f news) bool { return f.Counts != nil && f.Counts.All == 0 })

	v := n.visitor()
	n.says(v, "1", "转人工")
	all.next("the conversation in the list of all", item(v.conversation, func(c api.Conversation) bool { return c.Owner == "queue" && c.Unread == 1 }))
	queue.next("it in the queue", item(v.conversation, func(c api.Conversation) bool { return c.QueuedAt > 0 }))
	mine.next("the notice of one who waits", notice("queued", v.conversation))
	queue.next("it counted", func(f news) bool { return f.Counts != nil && f.Counts.Queue == 1 && f.Counts.All == 1 })

	all.say(`{"type":"open","conversation":%q}`, v.conversation)
	all.next("its state", func(f news) bool { return f.State != nil && f.State.Owner == "queue" && f.ID == v.conversation })
	first := all.next("its messages", func(f news) bool { return len(f.Messages) > 0 })
	if m := first.Messages[0]; m.From != "customer" || m.Text != "转人工" || m.Seq != 1 {
		t.Errorf("the first message is %+v", m)
	}
	all.next("the end of what there was", func(f news) bool { return f.ID == v.conversation && f.Seq > 0 && len(f.Messages) == 0 })
	all.say(`{"type":"read","conversation":%q,"seq":1}`, v.conversation)
	queue.next("it read", item(v.conversation, func(c api.Conversation) bool { return c.Unread == 0 }))

	n.act(lin, v, "take", "{}")
	queue.next("it leaving the queue", gone(v.conversation))
	mine.next("it in the agent's own", item(v.conversation, func(c api.Conversation) bool { return c.Agent == linID && c.AgentName == "lin" }))
	all.next("the owner in the open conversation", func(f news) bool { return f.State != nil && f.State.Agent == linID })
	n.act(lin, v, "messages", `{"text":"您好","client_id":"r1"}`)
	all.next("the reply", func(f news) bool {
		return len(f.Messages) == 1 && f.Messages[0].Text == "您好" && f.Messages[0].Name == "lin" && f.Seq == f.Messages[0].Seq
	})
	n.act(lin, v, "notes", `{"text":"老客户"}`)
	all.next("the note", func(f news) bool { return len(f.Messages) == 1 && f.Messages[0].From == "note" })
	n.says(v, "2", "谢谢")
	mine.next("the notice of a message", notice("message", v.conversation))

	n.act(owner, v, "take?seize=true", "{}") // a supervisor takes it over
	mine.next("the notice that it was taken", notice("taken", v.conversation))
	mine.next("it leaving the agent's own", gone(v.conversation))
	n.act(owner, v, "close", "{}")
	all.next("it closed", item(v.conversation, func(c api.Conversation) bool { return c.Owner == "closed" }))
	all.next("nothing open", func(f news) bool { return f.Counts != nil && f.Counts.All == 0 })

	// Bad frames are told, and the socket stays.
	for name, bad := range map[string]string{"no type": `{}`, "a conversation that is not": `{"type":"open","conversation":"none"}`, "too many rows": `{"type":"watch","view":"all","ids":[` + strings.Repeat(`"x",`, 200) + `"x"]}`} {
		all.say("%s", bad)
		if f := all.next(name, func(f news) bool { return f.Type == "error" }); f.Kind == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// rival makes a second company in the node's database, with a site of its own.
func rival(t *testing.T, cfg config.Config) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: cfg.Data, URL: string(cfg.Database.URL)})
	must(t, err)
	master, err := compliance.LoadMasterKey(t.Context(), db, cfg.Data, string(cfg.MasterKey))
	must(t, err)
	staff, err := auth.NewService(db, nil)
	must(t, err)
	sites, err := channel.NewSites(db, master)
	must(t, err)
	owner, err := staff.AddTenant(t.Context(), auth.FirstRun{Tenant: "rival", Company: "Rival", Name: "Rita", Email: "rita@example.test", Password: password}, nil)
	must(t, err)
	site := api.FirstSite("Rival", "Asia/Shanghai")
	site.Key = "rival-site"
	_, err = sites.Create(t.Context(), owner.Actor(), site)
	must(t, err)
	must(t, db.Close())
}

func TestConsolesOfAnotherCompanySeeNothing(t *testing.T) {
	leakless(t)
	cfg := settled(t)
	rival(t, cfg)
	n := startWith(t, cfg)
	own, other := n.console(n.owner(), 0), n.console(n.signIn("rita@example.test"), 0)
	v := n.visitor()
	for _, c := range []*screen{own, other} {
		c.say(`{"type":"watch","view":"all","ids":[%q]}`, v.conversation)
	}
	n.says(v, "1", "转人工")
	own.next("the conversation", item(v.conversation, func(c api.Conversation) bool { return c.Owner == "queue" }))
	other.say(`{"type":"open","conversation":%q}`, v.conversation)
	if f := other.next("the refusal", func(f news) bool { return f.Type == "error" }); f.Kind != "not_found" {
		t.Errorf("opening another company's conversation: %+v", f)
	}
	other.say(`{"type":"typing","conversation":%q,"on":true}`, v.conversation)
	other.say(`{"type":"read","conversation":%q,"seq":9}`, v.conversation)
	n.says(v, "2", "在吗")
	own.next("the next message", item(v.conversation, func(c api.Conversation) bool { return c.Seq >= 3 && c.Unread == 1 }))
	other.quiet("another company hears of it", func(f news) bool {
		return len(f.Items)+len(f.Gone)+len(f.Messages) > 0 || f.State != nil || f.Type == "notice" || f.Counts != nil && f.Counts.All > 0
	})
}

func TestTicketsAndOrigins(t *testing.T) {
	n := start(t)
	owner := n.owner()
	integrator, _ := n.hire(owner, "ina", auth.Integrator)
	if _, status := n.tryConsole(integrator, 0, ""); status != 403 {
		t.Errorf("an integrator's console: %d", status)
	}
	if c, status := n.tryConsole(owner, 0, "https://evil.example.test"); c != nil || status != 403 {
		t.Errorf("a page of elsewhere: %d", status)
	}
	if c, status := n.tryConsole(owner, 0, n.base); c == nil {
		t.Errorf("our own page: %d", status)
	}
	v := n.visitor()
	var foreign struct{ Ticket string }
	n.do(v.header, "POST", "/v1/visitor/ticket", "", &foreign)
	for name, ticket := range map[string]string{"no ticket": "", "a visitor's": foreign.Ticket} {
		_, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(n.base, "http")+"/v1/staff/socket?ticket="+ticket, nil)
		if err == nil || res.StatusCode != 403 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever may no longer look is told so at once, on the socket and in a long poll, whatever ended it.
func TestWhoMayNotLookAnyMoreIsCutOff(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		end    func(n *node, owner, lin http.Header, id string) int
	}{
		"another role": {"permission", func(n *node, owner, _ http.Header, id string) int {
			return n.do(owner, "PATCH", "/v1/staff/"+id, `{"roles":["integrator"]}`, nil)
		}},
		"disabled": {"session", func(n *node, owner, _ http.Header, id string) int {
			return n.do(owner, "PATCH", "/v1/staff/"+id, `{"status":"disabled"}`, nil)
		}},
		"signed out": {"session", func(n *node, _, lin http.Header, _ string) int {
			return n.do(lin, "DELETE", "/v1/sessions/current", "", nil)
		}},
		"signed out by the owner": {"session", func(n *node, owner, _ http.Header, id string) int {
			return n.do(owner, "DELETE", "/v1/staff/"+id+"/sessions", "", nil)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			leakless(t)
			n := start(t)
			owner := n.owner()
			lin, id := n.hire(owner, "lin", auth.Agent)
			v := n.visitor()
			desk := n.console(lin, 0)
			desk.say(`{"type":"watch","view":"all"}`)
			n.says(v, "1", "转人工")
			desk.next("the bot to be done with it", item(v.conversation, func(c api.Conversation) bool { return c.Owner == "queue" }))
			ended := make(chan int, 1)
			go func() {
				r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, n.base+"/v1/conversations/"+v.conversation+"/messages?after=1000&wait=30", nil)
				if err != nil {
					t.Error(err)
				}
				r.Header = lin
				res, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Error(err)
					ended <- 0
					return
				}
				res.Body.Close()
				ended <- res.StatusCode
			}()
			select {
			case status := <-ended:
				t.Fatalf("the poll did not wait: %d", status)
			case <-time.After(300 * time.Millisecond): // it is waiting by now
			}
			began := time.Now()
			if status := c.end(n, owner, lin, id); status/100 != 2 {
				t.Fatalf("ending: %d", status)
			}
			if f := desk.next("the word", func(f news) bool { return f.Type == "denied" }); f.Reason != c.reason {
				t.Errorf("denied for %q", f.Reason)
			}
			if _, _, err := desk.conn.ReadMessage(); !websocket.IsCloseError(err, 4401) {
				t.Errorf("the socket ended with %v", err)
			}
			if status := <-ended; status != 401 {
				t.Errorf("the poll ended with %d", status)
			}
			t.Logf("cut off after %v", time.Since(began))
			if c, status := n.tryConsole(lin, 0, ""); c != nil {
				t.Errorf("and may open another socket: %d", status)
			}
		})
	}
}

// A console that was cut off comes back by its numbers, to what changed meanwhile and nothing else.
func TestConsoleComesBackToWhatItMissed(t *testing.T) {
	leakless(t)
	n := start(t)
	owner := n.owner()
	kept, moved, still := n.visitor(), n.visitor(), n.visitor()
	for _, v := range []visitor{kept, moved, still} {
		n.says(v, "1", "转人工")
	}
	ids := fmt.Sprintf("[%q,%q,%q]", kept.conversation, moved.conversation, still.conversation)
	desk := n.console(owner, 0)
	desk.say(`{"type":"watch","view":"queue","ids":%s}`, ids)
	desk.say(`{"type":"open","conversation":%q}`, kept.conversation)
	seq := desk.next("what there is", func(f news) bool { return f.Seq > 0 && len(f.Messages) == 0 }).Seq
	n.says(still, "2", "在吗")
	desk.next("a change before the cut", item(still.conversation, func(c api.Conversation) bool { return c.Seq > 2 }))
	desk.conn.Close()

	for i := range 3 {
		n.says(kept, fmt.Sprint("away", i), "还在吗")
	}
	n.act(owner, moved, "take", "{}")
	fresh := n.visitor()
	n.says(fresh, "1", "转人工")
	witness := n.console(owner, 0)
	witness.say(`{"type":"watch","view":"queue"}`)
	witness.next("all of it to be known", func(f news) bool { return f.Counts != nil && f.Counts.Queue == 3 })

	back := n.console(owner, desk.cursor)
	back.say(`{"type":"watch","view":"queue","ids":%s}`, ids)
	f := back.next("what was missed", func(f news) bool { return len(f.Items)+len(f.Gone) > 0 })
	var changed []string
	for _, c := range f.Items {
		changed = append(changed, c.ID)
	}
	want := []string{kept.conversation, fresh.conversation}
	slices.Sort(want)
	if slices.Sort(changed); !slices.Equal(changed, want) || !slices.Equal(f.Gone, []string{moved.conversation}) {
		t.Errorf("missed %v, and gone are %v", changed, f.Gone)
	}
	back.say(`{"type":"open","conversation":%q,"after":%d}`, kept.conversation, seq)
	var got []int64
	back.next("the end", func(f news) bool {
		for _, m := range f.Messages {
			got = append(got, m.Seq)
		}
		return f.Seq > 0 && len(f.Messages) == 0
	})
	if len(got) < 3 || got[0] <= seq || !slices.IsSorted(got) {
		t.Errorf("after %d came %v", seq, got)
	}
	// A cursor of nowhere, and one too far back, ask for the list anew.
	for _, cursor := range []int64{back.cursor + 1_000_000} {
		c := n.console(owner, cursor)
		c.say(`{"type":"watch","view":"queue"}`)
		c.next("the word to load anew", func(f news) bool { return f.Type == "reset" && f.Cursor > 0 && f.Cursor < cursor })
	}
}

func TestPresenceAndTyping(t *testing.T) {
	leakless(t)
	n := start(t)
	owner := n.owner()
	lin, linID := n.hire(owner, "lin", auth.Agent)
	v := n.visitor()
	n.says(v, "1", "转人工")
	n.act(lin, v, "take", "{}")
	customer := n.socket(v)
	a, b := n.console(owner, 0), n.console(lin, 0)
	a.say(`{"type":"open","conversation":%q}`, v.conversation)
	a.next("nobody else", func(f news) bool { return f.Type == "presence" && len(f.Staff) == 0 })
	b.say(`{"type":"open","conversation":%q}`, v.conversation)
	a.next("the colleague", func(f news) bool {
		return len(f.Staff) == 1 && f.Staff[0].ID == linID && f.Staff[0].Name == "lin" && !f.Staff[0].Typing
	})
	b.next("the supervisor", func(f news) bool { return len(f.Staff) == 1 && f.Staff[0].Name == "Owner" })

	// What a colleague types, or a note, is none of the customer's business; what their agent types is.
	a.say(`{"type":"typing","conversation":%q,"on":true}`, v.conversation)
	b.next("the supervisor writing", func(f news) bool { return len(f.Staff) == 1 && f.Staff[0].Typing })
	b.say(`{"type":"typing","conversation":%q,"on":true,"note":true}`, v.conversation)
	a.next("the note being written", func(f news) bool { return len(f.Staff) == 1 && f.Staff[0].Typing })
	b.say(`{"type":"typing","conversation":%q,"on":true}`, v.conversation)
	typed := 0
	for typed == 0 {
		var f struct {
			Type, From string
			Name       map[string]string
		}
		must(t, customer.ReadJSON(&f))
		if f.Type == "typing" {
			if typed++; f.From != "agent" || f.Name["zh"] != "lin" {
				t.Errorf("the customer sees %+v", f)
			}
		}
	}
	n.act(lin, v, "messages", `{"text":"您好"}`)
	for {
		var f struct {
			Type, From string
			Message    struct {
				Text       string
				AuthorName map[string]string `json:"author_name"`
			}
		}
		must(t, customer.ReadJSON(&f))
		if f.Type == "typing" {
			t.Error("what others typed reached the customer")
		}
		if f.Type == "message" && f.Message.Text == "您好" {
			if f.Message.AuthorName["zh"] != "lin" {
				t.Errorf("the reply is by %v", f.Message.AuthorName)
			}
			break
		}
	}
	must(t, customer.WriteMessage(websocket.TextMessage, []byte(`{"type":"typing","on":true}`)))
	a.next("the customer writing", func(f news) bool { return f.Type == "typing" && f.From == "customer" && f.On })

	b.quiet("", func(news) bool { return false }) // had what there was
	b.say(`{"type":"leave","conversation":%q}`, v.conversation)
	a.next("the colleague gone", func(f news) bool { return f.Type == "presence" && len(f.Staff) == 0 })
	n.act(lin, v, "messages", `{"text":"再见"}`)
	a.next("the message", func(f news) bool { return len(f.Messages) == 1 && f.Messages[0].Text == "再见" })
	b.quiet("a conversation that was left", func(f news) bool { return len(f.Messages) > 0 || f.State != nil })
}

// Who is at work is who has a console open that may take conversations over.
func TestCustomersSeeWhetherSomebodyIsThere(t *testing.T) {
	n := start(t)
	owner := n.owner()
	auditor, _ := n.hire(owner, "ada", auth.Auditor)
	online := func() bool {
		var s struct{ Site struct{ Online bool } }
		n.do(nil, "POST", "/v1/visitor/session", `{"site":"`+siteKey+`"}`, &s)
		return s.Site.Online
	}
	n.console(auditor, 0)
	n.do(auditor, "GET", "/v1/conversations", "", nil)
	if online() {
		t.Error("an auditor counts as somebody to talk to")
	}
	n.console(owner, 0)
	for !online() { // ends by the test's time
		time.Sleep(5 * time.Millisecond)
	}
}

// Two nodes share a database and a bus. A console at one follows a customer at the other, knows who looks at the other, and
// goes on when the bus is gone.
func TestConsolesAtTwoNodes(t *testing.T) {
	url := sqldbtest.PostgresURL(t)
	leakless(t)
	nats, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	must(t, err)
	nats.Start()
	t.Cleanup(func() { nats.Shutdown(); nats.WaitForShutdown() })
	if !nats.ReadyForConnections(10 * time.Second) {
		t.Fatal("no bus")
	}
	cfg := config.Default()
	cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	cfg.Database.URL, cfg.NATS.URL = config.Secret(url), config.Secret(nats.ClientURL())
	cfg.MasterKey = config.Secret(base64.StdEncoding.EncodeToString([]byte("a master key for tests, 32 bytes")))
	furnish(t, cfg)
	here := startWith(t, cfg)
	cfg.Data = t.TempDir()
	there := startWith(t, cfg)

	v := here.visitor()
	owner := there.owner()
	lin, linID := there.hire(owner, "lin", auth.Agent)
	far, near := there.console(owner, 0), here.console(lin, 0)
	for _, c := range []*screen{far, near} {
		c.say(`{"type":"watch","view":"all"}`)
	}
	here.says(v, "1", "转人工")
	for _, c := range []*screen{far, near} {
		c.next("the customer", item(v.conversation, func(c api.Conversation) bool { return c.Owner == "queue" }))
		c.say(`{"type":"open","conversation":%q}`, v.conversation)
		c.next("what there is", func(f news) bool { return f.Seq > 0 && len(f.Messages) == 0 })
	}
	far.next("the colleague at the other node", func(f news) bool { return len(f.Staff) == 1 && f.Staff[0].ID == linID })
	near.say(`{"type":"typing","conversation":%q,"on":true,"note":true}`, v.conversation)
	far.next("the colleague writing", func(f news) bool { return len(f.Staff) == 1 && f.Staff[0].Typing })

	nats.Shutdown()
	nats.WaitForShutdown()
	here.act(lin, v, "take", "{}")
	here.act(lin, v, "messages", `{"text":"您好"}`)
	far.next("the reply, without a bus", func(f news) bool { return len(f.Messages) > 0 && f.Messages[len(f.Messages)-1].Text == "您好" })
	here.says(v, "2", "谢谢")
	far.next("the list, without a bus", item(v.conversation, func(c api.Conversation) bool { return c.Agent == linID && strings.Contains(c.Preview, "谢谢") }))
	if status := there.do(owner, "PATCH", "/v1/staff/"+linID, `{"roles":["integrator"]}`, nil); status != 200 {
		t.Fatalf("changing the role: %d", status)
	}
	near.next("the end at the other node, without a bus", func(f news) bool { return f.Type == "denied" && f.Reason == "permission" })
}

// A console that does not read is dropped with a bounded queue, and comes back to what it has not had.
func TestSlowConsoleIsDroppedAndComesBack(t *testing.T) {
	leakless(t)
	cfg := settled(t)
	cfg.Limits.SocketQueue = 8
	n := startWith(t, cfg)
	owner := n.owner()
	v := n.visitor()
	n.says(v, "0", "转人工")
	for i := 1; i <= 20; i++ {
		n.says(v, fmt.Sprint(i), strings.Repeat("很长的话", 900))
	}
	slow := n.console(owner, 0)
	must(t, slow.conn.UnderlyingConn().(*net.TCPConn).SetReadBuffer(8<<10)) // so that not all of it fits on the way
	slow.say(`{"type":"watch","view":"all"}`)
	for range 55 { // each is answered by the whole conversation
		slow.say(`{"type":"open","conversation":%q}`, v.conversation)
	}
	for err := error(nil); err == nil; {
		slow.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if _, _, err = slow.conn.ReadMessage(); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("it was not dropped")
		}
	}
	n.says(v, "last", "在吗")
	back := n.console(owner, slow.cursor)
	back.say(`{"type":"watch","view":"all","ids":[%q]}`, v.conversation)
	back.next("what it missed", item(v.conversation, func(c api.Conversation) bool { return c.Preview == "在吗" }))
}
