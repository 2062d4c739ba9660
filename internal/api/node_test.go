package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/api"
	"frontdesk/internal/app"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/config"
	"frontdesk/internal/sqldb"
)

// node is a whole running server with two companies in it.
type node struct {
	t    *testing.T
	base string
}

// who signs a request.
type who struct{ cookie, csrf, bearer string }

// tenant is a company on the node: what it owns, by the path's segment before the id.
type tenant struct {
	id      string
	owner   who
	visitor who
	ids     map[string]string
}

const secret = "correct horse 7"

func startNode(t *testing.T, roles map[string]bool) (n *node, own, rival *tenant) {
	t.Helper()
	cfg := config.Default()
	cfg.Data, cfg.Listen = t.TempDir(), "127.0.0.1:0"
	own, rival = &tenant{ids: map[string]string{}}, &tenant{ids: map[string]string{}}

	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: cfg.Data})
	ok(t, err)
	master, err := compliance.LoadMasterKey(t.Context(), db, cfg.Data, "")
	ok(t, err)
	staff, err := auth.NewService(db, nil)
	ok(t, err)
	sites, err := channel.NewSites(db, master)
	ok(t, err)
	for i, c := range []*tenant{own, rival} {
		owner, err := staff.AddTenant(t.Context(), auth.FirstRun{Company: "Company", Name: "Owner", Email: fmt.Sprintf("owner%d@example.test", i), Password: secret}, nil)
		ok(t, err)
		site := api.FirstSite("Company", "Asia/Shanghai")
		site.Key = fmt.Sprintf("site-%d", i)
		site, err = sites.Create(t.Context(), owner.Actor(), site)
		ok(t, err)
		c.id, c.ids["staff"], c.ids["sites"] = owner.Tenant, owner.ID, site.ID
		if i == 0 {
			for role := range roles {
				_, err := staff.Hire(t.Context(), owner.Actor(), auth.NewStaff{Email: role + "@example.test", Name: role, Password: secret, Roles: []auth.Role{role}})
				ok(t, err)
			}
		}
	}
	ok(t, db.Close())

	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- app.Run(ctx, app.Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler), Ready: func(addr string, _ bool) { ready <- addr }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("node: %v", err)
		}
	})
	select {
	case addr := <-ready:
		n = &node{t, "http://" + addr}
	case err := <-done:
		done <- err
		t.Fatalf("node did not start: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("node did not start")
	}
	for i, c := range []*tenant{own, rival} {
		n.furnish(c, fmt.Sprintf("owner%d@example.test", i), fmt.Sprintf("site-%d", i))
	}
	return n, own, rival
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// furnish gives a company one thing of each kind, by the API.
func (n *node) furnish(c *tenant, email, site string) {
	n.t.Helper()
	c.owner = n.signIn(email)
	made := func(kind, path, body string) map[string]any {
		n.t.Helper()
		status, b := n.do(c.owner, "POST", path, body, "application/json")
		var v map[string]any
		if status/100 != 2 || json.Unmarshal(b, &v) != nil {
			n.t.Fatalf("%s: %d %s", path, status, b)
		}
		if id, ok := v["id"].(string); ok {
			c.ids[kind] = id
		}
		return v
	}
	made("keys", "/v1/keys", `{"name":"key","scopes":["event.read"]}`)
	made("knowledge", "/v1/knowledge", `{"question":"what does `+site+` sell","answer":"kettles of `+c.id+`"}`)
	made("webhooks", "/v1/webhooks", `{"url":"https://hooks.example.com/frontdesk"}`)
	c.ids["deliveries"], c.ids["unanswered"] = frontdesk.NewID(), frontdesk.NewID()
	if status, b := n.do(c.owner, "POST", "/v1/imports", "question,answer\nhow do I pay,by card\n", "application/octet-stream"); status != 202 {
		n.t.Fatalf("import: %d %s", status, b)
	} else {
		var j struct{ ID string }
		ok(n.t, json.Unmarshal(b, &j))
		c.ids["imports"] = j.ID
	}
	var picture bytes.Buffer
	ok(n.t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 2, 2))))
	status, b := n.do(c.owner, "POST", "/v1/attachments?name=a.png", picture.String(), "application/octet-stream")
	var a frontdesk.Attachment
	if status != 201 || json.Unmarshal(b, &a) != nil {
		n.t.Fatalf("upload: %d %s", status, b)
	}
	c.ids["attachments"] = a.ID
	status, b = n.do(who{}, "POST", "/v1/visitor/session", `{"site":"`+site+`"}`, "application/json")
	var s struct{ Token, Conversation string }
	if status/100 != 2 || json.Unmarshal(b, &s) != nil {
		n.t.Fatalf("visitor: %d %s", status, b)
	}
	c.visitor, c.ids["conversations"] = who{bearer: s.Token}, s.Conversation
	if status, b := n.do(c.visitor, "POST", "/v1/visitor/messages", `{"client_id":"1","text":"what does `+site+` sell"}`, "application/json"); status != 200 {
		n.t.Fatalf("message: %d %s", status, b)
	}
	_, b = n.do(c.owner, "GET", "/v1/conversations/"+c.ids["conversations"], "", "")
	var conv struct{ Contact string }
	ok(n.t, json.Unmarshal(b, &conv))
	c.ids["contacts"] = conv.Contact
	_, b = n.do(c.owner, "GET", "/v1/sessions", "", "")
	var sessions struct{ Items []struct{ ID string } }
	ok(n.t, json.Unmarshal(b, &sessions))
	c.ids["sessions"] = sessions.Items[0].ID
}

func (n *node) signIn(email string) who {
	n.t.Helper()
	res, err := http.Post(n.base+"/v1/sessions", "application/json", strings.NewReader(fmt.Sprintf(`{"email":%q,"password":%q}`, email, secret)))
	ok(n.t, err)
	defer res.Body.Close()
	var me struct{ CSRF string }
	if err := json.NewDecoder(res.Body).Decode(&me); err != nil || res.StatusCode != 200 {
		n.t.Fatalf("sign in %s: %d %v", email, res.StatusCode, err)
	}
	return who{cookie: res.Cookies()[0].Value, csrf: me.CSRF}
}

func (n *node) do(w who, method, path, body, kind string) (int, []byte) {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), method, n.base+path, strings.NewReader(body))
	ok(n.t, err)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if w.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "fd_session", Value: w.cookie})
		r.Header.Set("X-CSRF-Token", w.csrf)
	}
	if w.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+w.bearer)
	}
	res, err := http.DefaultClient.Do(r)
	ok(n.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	ok(n.t, err)
	return res.StatusCode, b
}

// operation is one route as the server describes it.
type operation struct{ name, method, path, permission string }

func (n *node) operations() []operation {
	n.t.Helper()
	_, b := n.do(who{}, "GET", "/openapi.json", "", "")
	var spec struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Permission  string `json:"x-permission"`
		}
	}
	ok(n.t, json.Unmarshal(b, &spec))
	var out []operation
	for path, item := range spec.Paths {
		for method, op := range item {
			out = append(out, operation{op.OperationID, strings.ToUpper(method), path, op.Permission})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.name, b.name) })
	return out
}

// at fills a path with a tenant's ids.
func (o operation) at(c *tenant) string {
	parts := strings.Split(o.path, "/")
	for i, p := range parts {
		switch p {
		case "{id}":
			parts[i] = c.ids[parts[i-1]]
		case "{delivery}":
			parts[i] = c.ids["deliveries"]
		case "{seq}", "{number}", "{trace}":
			parts[i] = "1"
		}
	}
	path := strings.Join(parts, "/")
	if o.name == "search" {
		path += "?q=sell"
	}
	return path
}

// unanswered has a customer ask what nobody knows, and returns the question's id.
func (n *node) unanswered(c *tenant, question string) string {
	n.t.Helper()
	if status, b := n.do(c.visitor, "POST", "/v1/visitor/messages", fmt.Sprintf(`{"client_id":"unanswered","text":%q}`, question), "application/json"); status != 200 {
		n.t.Fatalf("message: %d %s", status, b)
	}
	var open struct{ Items []api.Unanswered }
	n.find(c.owner, "/v1/unanswered", &open, func() bool { return len(open.Items) == 1 && open.Items[0].Text == question })
	return open.Items[0].ID
}

// A question nobody could answer is settled by who keeps the knowledge: with the entry that answers it now, which must be
// there, or with a reason.
func TestUnansweredIsSettled(t *testing.T) {
	n, own, rival := startNode(t, map[string]bool{auth.Analyst: true, auth.Agent: true})
	id := n.unanswered(own, "who painted the moon")
	analyst, agent := n.signIn(auth.Analyst+"@example.test"), n.signIn(auth.Agent+"@example.test")
	settle := func(w who, body string, want int) (q api.Unanswered) {
		t.Helper()
		status, b := n.do(w, "POST", "/v1/unanswered/"+id, body, "application/json")
		if status != want || status == 200 && json.Unmarshal(b, &q) != nil {
			t.Fatalf("%s: %d %s, want %d", body, status, b, want)
		}
		return q
	}
	settle(agent, `{"status":"ignored"}`, 403)
	settle(rival.owner, `{"status":"ignored"}`, 404)
	settle(analyst, `{"status":"gone"}`, 422)
	settle(analyst, `{"status":"done","entry":"no such entry"}`, 422)
	settle(analyst, `{"status":"ignored","entry":"`+own.ids["knowledge"]+`"}`, 422)
	if q := settle(analyst, `{"status":"done","entry":"`+own.ids["knowledge"]+`"}`, 200); q.Status != "done" || q.Entry != own.ids["knowledge"] {
		t.Errorf("done: %+v", q)
	}
	if q := settle(analyst, `{"status":"ignored","reason":"ask 13800138000"}`, 200); q.Status != "ignored" || q.Entry != "" || q.Reason != "ask 138****8000" {
		t.Errorf("ignored: %+v", q)
	}
	var list struct{ Items []api.Unanswered }
	n.find(own.owner, "/v1/unanswered", &list, func() bool { return len(list.Items) == 0 })
	n.find(own.owner, "/v1/unanswered?status=ignored", &list, func() bool { return len(list.Items) == 1 && list.Items[0].Reason != "" })
	if q := settle(analyst, `{"status":"open"}`, 200); q.Status != "open" || q.Reason != "" {
		t.Errorf("open again: %+v", q)
	}
}

// A person is erased by the API: they are nobody from that moment, and the ledger on the disk knows it.
func TestContactIsErased(t *testing.T) {
	n, own, rival := startNode(t, map[string]bool{auth.Supervisor: true})
	id := own.ids["contacts"]
	erase := func(w who, want int) {
		t.Helper()
		if status, b := n.do(w, "DELETE", "/v1/contacts/"+id, "", ""); status != want {
			t.Errorf("%d %s, want %d", status, b, want)
		}
	}
	erase(n.signIn(auth.Supervisor+"@example.test"), 403)
	erase(rival.owner, 404)
	erase(own.owner, 204)
	var page struct{ Messages []api.Message }
	n.find(own.owner, "/v1/conversations/"+own.ids["conversations"]+"/messages", &page, func() bool {
		return len(page.Messages) > 1 && !slices.ContainsFunc(page.Messages, func(m api.Message) bool { return !m.Redacted || m.Text != "" })
	})
}

// TestNodeMatrix is the matrix against a whole node, with real conversations, webhooks and attachments behind the API: each
// role of one company, its visitor and its key reach for the other company's things.
func TestNodeMatrix(t *testing.T) {
	roles := map[string]bool{auth.Supervisor: true, auth.Agent: true, auth.Analyst: true, auth.Compliance: true, auth.Auditor: true, auth.Integrator: true}
	n, own, rival := startNode(t, roles)
	for i, c := range []*tenant{own, rival} {
		c.ids["unanswered"] = n.unanswered(c, []string{"who painted the moon", "why do cats purr at night"}[i])
	}
	people := map[string]who{auth.Owner: own.owner}
	for role := range roles {
		people[role] = n.signIn(role + "@example.test")
	}
	kind := func(op operation) string {
		if api.RawBody(op.name) {
			return "application/octet-stream"
		}
		return "application/json"
	}
	cells := 0
	for _, op := range n.operations() {
		if op.permission == "" || !strings.Contains(op.path, "{id}") {
			continue
		}
		body, path := strings.ReplaceAll(api.Bodies[op.name], "KEY", "z"), op.at(rival)
		for role, w := range people {
			cells++
			want := 403
			if auth.Allow(frontdesk.Actor{Kind: frontdesk.ActorStaff, Tenant: "t", Roles: []string{role}}, auth.Permission(op.permission)) == nil {
				want = 404
			}
			if status, b := n.do(w, op.method, path, body, kind(op)); status != want || bytes.Contains(b, []byte(rival.id)) {
				t.Errorf("%s as %s: %d %s, want %d", op.name, role, status, b, want)
			}
		}
		for name, w := range map[string]who{"a visitor": own.visitor, "the other company's visitor": rival.visitor, "nobody": {}} {
			if status, b := n.do(w, op.method, path, body, kind(op)); status != 401 {
				t.Errorf("%s as %s: %d %s, want 401", op.name, name, status, b)
			}
		}
	}
	t.Logf("%d cells", cells)
	// The refusals meant something: the other company gets at its own things.
	for _, op := range n.operations() {
		if op.method == "GET" && op.permission != "" {
			if status, b := n.do(rival.owner, "GET", op.at(rival), "", ""); status != 200 {
				t.Errorf("%s by its owner: %d %s", op.name, status, b)
			}
		}
	}
	// Lists show a company its own.
	for _, op := range n.operations() {
		if op.method == "GET" && op.permission != "" && !strings.Contains(op.path, "{id}") {
			status, b := n.do(own.owner, "GET", op.at(own), "", "")
			for kind, id := range rival.ids {
				if kind != "knowledge" && bytes.Contains(b, []byte(id)) || bytes.Contains(b, []byte(rival.id)) { // an entry's id comes from its question
					t.Errorf("%s tells of another company's %s: %d %s", op.name, kind, status, b)
				}
			}
		}
	}
	// A visitor's token opens its own conversation and nothing of another's.
	if status, _ := n.do(own.visitor, "GET", "/v1/visitor/attachments/"+rival.ids["attachments"], "", ""); status != 404 && status != 403 {
		t.Errorf("a visitor got another company's attachment: %d", status)
	}
	if status, b := n.do(own.visitor, "GET", "/v1/visitor/messages?after=0", "", ""); status != 200 || bytes.Contains(b, []byte(rival.id)) {
		t.Errorf("a visitor's messages: %d %s", status, b)
	}
}
