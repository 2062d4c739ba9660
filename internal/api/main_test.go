package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}

const password = "correct horse 7"

// world is an API over a real database with two companies, a person of each role in the first, and one thing of each kind
// in both.
type world struct {
	t      testing.TB
	s      *server
	db     *sqldb.DB
	own    company
	rival  company
	people map[auth.Role]client // of the own company, hired when first asked for
	desk   *testDesk
}

// company is a tenant with one thing of each kind; ids by the path's segment: sites, staff, keys ..
type company struct {
	tenant string
	owner  client
	ids    map[string]string
}

// client signs requests as one person or key does.
type client struct {
	cookie, csrf, key string
}

func newWorld(t testing.TB, db *sqldb.DB) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t, db: db, people: map[auth.Role]client{}}
	a, err := auth.NewService(db, nil)
	must(t, err)
	master := []byte("a master key for tests, 32 bytes")
	sites, err := channel.NewSites(db, master)
	must(t, err)
	desk := &testDesk{things: map[string]string{}}
	w.s, err = newServer(Deps{DB: db, Auth: a, Sites: sites, Master: master, Knowledge: knowledge.NewStore(db),
		Conversations: desk, Webhooks: testHooks{desk}, Answers: desk, Insight: desk, Blobs: testBlobs{desk}, Vault: desk, SignIns: testSignIns{a},
		Search: testPeople{desk}, Contacts: testPeople{desk}, Orders: testPeople{desk}, Figures: desk, Rehearsals: desk, States: desk,
		Erase: func(ctx context.Context, _, id string) error { return desk.own(ctx, id) },
		Check: func(context.Context, Conversation, string) (CheckedReply, error) {
			return CheckedReply{Action: "pass"}, nil
		}})
	must(t, err)
	w.s.rates.factor = 1000 // tests are faster than people
	w.desk = desk
	for i, c := range []*company{&w.own, &w.rival} {
		in := auth.FirstRun{Company: fmt.Sprintf("Company %d", i), Name: "Owner", Email: fmt.Sprintf("owner%d@example.test", i), Password: password}
		owner, err := a.AddTenant(ctx, in, nil)
		must(t, err)
		c.tenant, c.ids = owner.Tenant, map[string]string{"staff": owner.ID}
		c.owner = w.signIn(in.Email)
		site, err := sites.Create(ctx, owner.Actor(), siteNamed(fmt.Sprintf("site-%d", i)))
		must(t, err)
		key, _, err := a.MakeKey(ctx, owner.Actor(), auth.NewKey{Name: "key", Scopes: []auth.Permission{auth.EventRead}})
		must(t, err)
		entry, err := w.s.Knowledge.Put(frontdesk.WithActor(ctx, owner.Actor()), c.tenant, knowledge.DefaultBot,
			knowledge.Entry{Question: fmt.Sprintf("what does company %d sell", i), Answer: "SECRET of " + c.tenant, Lang: "en"}, "")
		must(t, err)
		c.ids["sites"], c.ids["keys"], c.ids["knowledge"] = site.ID, key.ID, entry.ID
		for _, kind := range []string{"conversations", "webhooks", "attachments", "deliveries", "contacts", "unanswered"} {
			c.ids[kind] = frontdesk.NewID()
			desk.things[c.ids[kind]] = c.tenant
		}
		job, err := w.s.Knowledge.StartImport(frontdesk.WithActor(ctx, owner.Actor()), c.tenant, knowledge.JobOptions{Name: "a.csv", File: []byte("question,answer\na,b\n")})
		must(t, err)
		c.ids["imports"] = job.ID
		sessions, err := a.Sessions(ctx, c.tenant, owner.ID)
		must(t, err)
		c.ids["sessions"] = sessions[0].ID
	}
	return w
}

// as is a person of the own company in a role.
func (w *world) as(role auth.Role) client {
	w.t.Helper()
	if c, ok := w.people[role]; ok {
		return c
	}
	owner := frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: w.own.ids["staff"], Tenant: w.own.tenant, Roles: []string{auth.Owner}}
	_, err := w.s.Auth.Hire(w.t.Context(), owner, auth.NewStaff{Email: role + "@example.test", Name: role, Password: password, Roles: []auth.Role{role}})
	must(w.t, err)
	w.people[role] = w.signIn(role + "@example.test")
	return w.people[role]
}

func siteNamed(key string) channel.Site {
	site := FirstSite("Company", "Asia/Shanghai")
	site.Key = key
	return site
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) signIn(email string) client {
	w.t.Helper()
	return w.signInWith(email, password)
}

func (w *world) signInWith(email, password string) client {
	w.t.Helper()
	r := w.do(client{}, "POST", "/v1/sessions", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password), nil)
	if r.Code != 200 {
		w.t.Fatalf("sign in %s: %d %s", email, r.Code, r.Body)
	}
	var me Me
	must(w.t, json.Unmarshal(r.Body.Bytes(), &me))
	return client{cookie: r.Result().Cookies()[0].Value, csrf: me.CSRF}
}

// session is the id of c's own session.
func (w *world) session(c client) string {
	_, session, err := w.s.Auth.Session(w.t.Context(), c.cookie)
	must(w.t, err)
	return session.ID
}

// do sends one request as c.
func (w *world) do(c client, method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	var b io.Reader
	if body != "" {
		b = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, "/", b)
	path, query, _ := strings.Cut(path, "?")
	r.URL.Path, r.URL.RawQuery = path, query
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.cookie != "" {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: c.cookie})
		r.Header.Set("X-CSRF-Token", c.csrf)
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	for k, v := range header {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
	rec := httptest.NewRecorder()
	w.s.ServeHTTP(rec, r)
	return rec
}

// testSignIns hands out nothing that opens anything.
type testSignIns struct{ *auth.Service }

func (testSignIns) Issue(auth.Credential) string { return "ticket" }
func (s testSignIns) While(ctx context.Context, c auth.Credential, _ auth.Permission) (context.Context, func(), error) {
	_, err := s.Holder(ctx, c) // that it is the one the request came with
	return ctx, func() {}, err
}

// testDesk stands for the parts that other packages bring: each thing belongs to one tenant, and is not there for others.
type testDesk struct {
	mu     sync.Mutex
	things map[string]string // id -> tenant
	agent  string            // whose the conversations are
	calls  int
	pause  chan struct{} // Reply waits for it, if set
	fail   error
}

func (d *testDesk) own(ctx context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if d.fail != nil {
		return d.fail
	}
	if d.things[id] != frontdesk.ActorFrom(ctx).Tenant {
		return frontdesk.Errorf(frontdesk.NotFound, "There is no such thing.")
	}
	return nil
}

func (d *testDesk) List(ctx context.Context, f ConversationFilter) ([]Conversation, string, error) {
	var out []Conversation
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, tenant := range d.things {
		if tenant == frontdesk.ActorFrom(ctx).Tenant {
			out = append(out, Conversation{ID: id, Owner: "queue"})
		}
	}
	return out, "", nil
}

func (d *testDesk) Get(ctx context.Context, id string) (Conversation, error) {
	return Conversation{ID: id, Owner: "agent", Agent: d.agent}, d.own(ctx, id)
}

func (d *testDesk) Messages(ctx context.Context, id string, after int64, wait time.Duration) ([]Message, int64, error) {
	return nil, after, d.own(ctx, id)
}
func (d *testDesk) Take(ctx context.Context, id string, _ bool) (Conversation, error) {
	return d.Get(ctx, id)
}
func (d *testDesk) Reply(ctx context.Context, id string, r Reply) (int64, error) {
	if d.pause != nil {
		<-d.pause
	}
	return 7, d.own(ctx, id)
}
func (d *testDesk) HandBack(ctx context.Context, id string) error { return d.own(ctx, id) }
func (d *testDesk) Close(ctx context.Context, id string) error    { return d.own(ctx, id) }
func (d *testDesk) Revise(ctx context.Context, id string, seq int64, text string) error {
	return d.own(ctx, id)
}
func (d *testDesk) Recall(ctx context.Context, id string, seq int64) error { return d.own(ctx, id) }
func (d *testDesk) Traces(ctx context.Context, id string, after int64, limit int) ([]Trace, error) {
	return nil, d.own(ctx, id)
}
func (d *testDesk) Ask(ctx context.Context, tenant, bot, text, language string) (Answer, error) {
	return Answer{Kind: "abstain", Text: "?"}, nil
}
func (d *testDesk) Home(context.Context, string, *time.Location) (Home, error) { return Home{}, nil }
func (d *testDesk) Unanswered(context.Context, string, QuestionFilter, string, int) ([]Unanswered, string, error) {
	return nil, "", nil
}
func (d *testDesk) Settle(ctx context.Context, _, id string, s Settlement) (Unanswered, error) {
	return Unanswered{ID: id, Status: s.Status}, d.own(ctx, id)
}
func (d *testDesk) Hits(context.Context, string, []string) (map[string]int64, error) {
	return map[string]int64{}, nil
}
func (d *testDesk) Opened(context.Context, string, FigureFilter, string, int) ([]string, string, error) {
	return nil, "", nil
}
func (d *testDesk) Preview(context.Context, string, string, []knowledge.Entry, []string) (Preview, error) {
	return Preview{}, nil
}
func (d *testDesk) Replay(ctx context.Context, conversation string, turn int64) (Replay, error) {
	return Replay{}, d.own(ctx, conversation)
}
func (d *testDesk) State(context.Context, string) (State, error) { return State{}, nil }
func (d *testDesk) Reveal(ctx context.Context, tenant, conversation, token string) (string, error) {
	return "13800000000", d.own(ctx, conversation)
}

// testPeople are customers: each belongs to one tenant.
type testPeople struct{ *testDesk }

func (d testPeople) Conversations(ctx context.Context, q string, limit int) ([]Found, bool, error) {
	list, _, err := d.List(ctx, ConversationFilter{})
	out := []Found{}
	for _, c := range list {
		out = append(out, Found{ID: c.ID, Owner: "queue", Snippet: q})
	}
	return out, true, err
}
func (d testPeople) Contacts(context.Context, string, string, int) ([]Contact, string, error) {
	return nil, "", nil
}
func (testPeople) Marks(string, string) [][2]int { return [][2]int{} }
func (d testPeople) Contact(ctx context.Context, id string) (ContactFacts, error) {
	return ContactFacts{Contact: Contact{ID: id}}, d.own(ctx, id)
}
func (d testPeople) Known(context.Context, string, int) ([]Contact, string, error) {
	return nil, "", nil
}
func (d testPeople) Episodes(ctx context.Context, id, cursor string, limit int) ([]Episode, string, error) {
	return nil, "", d.own(ctx, id)
}
func (testPeople) Orders(context.Context, string, string, string) ([]Order, bool, error) {
	return nil, true, nil
}

type testHooks struct{ *testDesk }

func (d testHooks) List(context.Context, string, int) ([]Webhook, string, error) { return nil, "", nil }
func (d testHooks) Get(ctx context.Context, id string) (Webhook, error) {
	return Webhook{ID: id}, d.own(ctx, id)
}
func (d testHooks) Create(ctx context.Context, w Webhook) (Webhook, string, error) {
	w.ID = frontdesk.NewID()
	return w, "secret", nil
}
func (d testHooks) Update(ctx context.Context, w Webhook) (Webhook, error) {
	return w, d.own(ctx, w.ID)
}
func (d testHooks) Delete(ctx context.Context, id string) error { return d.own(ctx, id) }
func (d testHooks) Deliveries(ctx context.Context, id, cursor string, limit int) ([]Delivery, string, error) {
	return nil, "", d.own(ctx, id)
}
func (d testHooks) Rotate(ctx context.Context, id string, keep time.Duration) (string, int64, error) {
	return "secret", 0, d.own(ctx, id)
}
func (d testHooks) Replay(ctx context.Context, id, delivery string) error { return d.own(ctx, id) }
func (d testHooks) Test(ctx context.Context, id string) error             { return d.own(ctx, id) }

type testBlobs struct{ *testDesk }

func (d testBlobs) Put(ctx context.Context, tenant, name string, r io.Reader) (frontdesk.Attachment, error) {
	b, err := io.ReadAll(r)
	kind := "image/svg+xml"
	if bytes.HasPrefix(b, []byte("\x89PNG")) {
		kind = "image/png"
	}
	return frontdesk.Attachment{ID: frontdesk.NewID(), Name: name, Size: int64(len(b)), Type: kind}, err
}
func (d testBlobs) Open(ctx context.Context, tenant, id string) (frontdesk.Attachment, io.ReadCloser, error) {
	const svg = `<svg onload="alert(1)"/>`
	return frontdesk.Attachment{ID: id, Name: "a\"\r\nb.svg", Size: int64(len(svg)), Type: "image/svg+xml"}, io.NopCloser(bytes.NewReader([]byte(svg))), d.own(ctx, id)
}

// problem checks that an answer is of the one error shape and returns it.
func problem(t testing.TB, r *httptest.ResponseRecorder) Fault {
	t.Helper()
	var a ErrorAnswer
	dec := json.NewDecoder(bytes.NewReader(r.Body.Bytes()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil || a.Fault.Message == "" || len(a.Fault.RequestID) != 16 || r.Header().Get("Content-Type") != "application/json" ||
		!slices.Contains([]string{"internal", "invalid", "not_found", "conflict", "denied", "limited", "unavailable"}, a.Fault.Kind) {
		t.Errorf("%d %s is not of the error shape: %v", r.Code, r.Body, err)
	}
	return a.Fault
}
