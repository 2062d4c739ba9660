package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// TestFirstRun is a new installation's first minutes: set up, sign in, look around, sign out.
func TestFirstRun(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := &world{t: t, db: db}
		a, err := auth.NewService(db, nil)
		must(t, err)
		master := []byte("a master key for tests, 32 bytes")
		sites, err := channel.NewSites(db, master)
		must(t, err)
		w.s, err = newServer(Deps{DB: db, Auth: a, Sites: sites, Master: master})
		must(t, err)

		nobody := client{}
		if r := w.do(nobody, "GET", "/v1/setup", "", nil); r.Body.String() != "{\"needed\":true}\n" {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
		const in = `{"company":"示例电器","name":"Olive Owner","email":"olive@example.test","password":"correct horse 7"}`
		r := w.do(nobody, "POST", "/v1/setup", in, map[string]string{"Idempotency-Key": "k1"})
		if r.Code != 201 || strings.Contains(r.Body.String(), "correct horse") {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
		if again := w.do(nobody, "POST", "/v1/setup", in, map[string]string{"Idempotency-Key": "k1"}); again.Body.String() != r.Body.String() {
			t.Errorf("the repeated setup answered %d %s", again.Code, again.Body)
		}
		if second := w.do(nobody, "POST", "/v1/setup", in, nil); second.Code != 409 || problem(t, second).Kind != "conflict" {
			t.Errorf("a second setup: %d %s", second.Code, second.Body)
		}
		if _, err := sites.ByKey(t.Context(), "main"); err != nil {
			t.Errorf("the first site: %v", err)
		}
		r = w.do(nobody, "POST", "/v1/sessions", `{"email":"olive@example.test","password":"correct horse 7"}`, nil)
		cookie := r.Result().Cookies()[0]
		if r.Code != 200 || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Name != sessionCookie {
			t.Fatalf("%d %s %+v", r.Code, r.Body, cookie)
		}
		var me Me
		must(t, json.Unmarshal(r.Body.Bytes(), &me))
		owner := client{cookie: cookie.Value, csrf: me.CSRF}
		if r := w.do(owner, "GET", "/v1/me", "", nil); r.Code != 200 || !strings.Contains(r.Body.String(), me.CSRF) || !strings.Contains(r.Body.String(), `"staff.write"`) {
			t.Errorf("me: %d %s", r.Code, r.Body)
		}
		if r := w.do(owner, "GET", "/v1/conversations", "", nil); r.Code != 503 || problem(t, r).Kind != "unavailable" {
			t.Errorf("a part that is not there: %d %s", r.Code, r.Body)
		}
		https := w.do(nobody, "POST", "/v1/sessions", `{"email":"olive@example.test","password":"correct horse 7"}`, map[string]string{"Origin": "https://example.com"})
		if https.Code != 200 || cookie.Secure || !https.Result().Cookies()[0].Secure {
			t.Errorf("the cookie does not follow the page's scheme: %d %+v", https.Code, https.Result().Cookies())
		}
		if r := w.do(owner, "DELETE", "/v1/sessions/current", "", nil); r.Code != 204 || r.Result().Cookies()[0].MaxAge >= 0 {
			t.Errorf("sign out: %d %s", r.Code, r.Body)
		}
		if r := w.do(owner, "GET", "/v1/me", "", nil); r.Code != 401 {
			t.Errorf("after signing out: %d %s", r.Code, r.Body)
		}
	})
}

// TestCrossSite sends what a hostile page could make a signed-in browser send.
func TestCrossSite(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	const site = `{"key":"fresh","name":{"en":"New"},"languages":["en"],"zone":"UTC"}`
	other := w.signIn("owner0@example.test")
	for _, c := range []struct {
		name   string
		header map[string]string
		want   int
	}{
		{"no token", map[string]string{"X-CSRF-Token": ""}, 403},
		{"a wrong token", map[string]string{"X-CSRF-Token": "x"}, 403},
		{"another session's token", map[string]string{"X-CSRF-Token": other.csrf}, 403},
		{"a foreign page with the right token", map[string]string{"Origin": "https://evil.test"}, 403},
		{"a page without an origin of its own", map[string]string{"Origin": "null"}, 403},
		{"our own page", map[string]string{"Origin": "http://example.com"}, 201},
	} {
		if r := w.do(w.own.owner, "POST", "/v1/sites", site, c.header); r.Code != c.want {
			t.Errorf("%s: %d %s", c.name, r.Code, r.Body)
		}
	}
	r := w.do(client{}, "POST", "/v1/sessions", `{"email":"owner0@example.test","password":"correct horse 7"}`, map[string]string{"Origin": "https://evil.test", "Content-Type": ""})
	if r.Code != 403 || len(r.Result().Cookies()) != 0 {
		t.Errorf("a foreign page signed somebody in: %d", r.Code)
	}
	for name, value := range w.do(w.own.owner, "GET", "/v1/me", "", map[string]string{"Origin": "https://evil.test"}).Header() {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("%s: %s lets a foreign page read", name, value)
		}
	}
}

// TestOnce sends POSTs again with the same Idempotency-Key.
func TestOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		key := func(k string) map[string]string { return map[string]string{"Idempotency-Key": k} }
		const shop = `{"name":"shop","scopes":["event.read"]}`

		first := w.do(w.own.owner, "POST", "/v1/keys", shop, key("a"))
		again := w.do(w.own.owner, "POST", "/v1/keys", shop, key("a"))
		if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
			t.Errorf("the same key answered\n%d %s\n%d %s", first.Code, first.Body, again.Code, again.Body)
		}
		if r := w.do(w.own.owner, "POST", "/v1/keys", `{"name":"other","scopes":["event.read"]}`, key("a")); r.Code != 409 || problem(t, r).Field != "Idempotency-Key" {
			t.Errorf("the key with another body: %d %s", r.Code, r.Body)
		}
		if r := w.do(w.own.owner, "POST", "/v1/sites", shop, key("a")); r.Code != 409 {
			t.Errorf("the key at another address: %d %s", r.Code, r.Body)
		}
		if r := w.do(w.rival.owner, "POST", "/v1/keys", shop, key("a")); r.Code != 201 || r.Body.String() == first.Body.String() {
			t.Errorf("another tenant's use of the key: %d %s", r.Code, r.Body)
		}
		if r := w.do(w.own.owner, "POST", "/v1/keys", shop, key(strings.Repeat("k", 201))); r.Code != 422 {
			t.Errorf("an endless key: %d %s", r.Code, r.Body)
		}
		if r := w.do(w.own.owner, "POST", "/v1/keys", shop, map[string]string{"Idempotency-Key": " "}); r.Code != 422 {
			t.Errorf("an empty key: %d %s", r.Code, r.Body)
		}
		var made MadeKey
		must(t, json.Unmarshal(first.Body.Bytes(), &made))
		var row string
		rows, err := db.Query(t.Context(), `SELECT body, header, request FROM idempotency`)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var b []byte
			var h, q string
			must(t, rows.Scan(&b, &h, &q))
			row += string(b) + h + q
		}
		if row == "" || strings.Contains(row, made.Secret) {
			t.Error("the new key's secret stands in the database in clear, or nothing was kept")
		}

		// A refusal is not kept: the same key may be tried again.
		if r := w.do(w.own.owner, "POST", "/v1/keys", `{"name":"x","scopes":["nonsense"]}`, key("b")); r.Code != 422 {
			t.Errorf("%d %s", r.Code, r.Body)
		}
		if r := w.do(w.own.owner, "POST", "/v1/keys", shop, key("b")); r.Code != 201 {
			t.Errorf("after a refusal: %d %s", r.Code, r.Body)
		}

		// Of many at once, one runs.
		w.desk.pause = make(chan struct{})
		path := "/v1/conversations/" + w.own.ids["conversations"] + "/messages"
		before := w.desk.calls
		var done, waiting atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				switch r := w.do(w.own.owner, "POST", path, `{"text":"hello"}`, key("c")); r.Code {
				case 200:
					done.Add(1)
				case 409:
					if waiting.Add(1) == 19 {
						close(w.desk.pause)
					}
				default:
					t.Errorf("%d %s", r.Code, r.Body)
				}
			})
		}
		wg.Wait()
		if done.Load() != 1 || waiting.Load() != 19 || w.desk.calls != before+1 {
			t.Errorf("%d were done, %d told to wait, %d calls", done.Load(), waiting.Load(), w.desk.calls-before)
		}
		if r := w.do(w.own.owner, "POST", path, `{"text":"hello"}`, key("c")); r.Code != 200 || r.Body.String() != "{\"seq\":7}\n" {
			t.Errorf("afterwards: %d %s", r.Code, r.Body)
		}

		// A process that died in between leaves a key that tells so, and never runs the request a second time.
		must(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(`UPDATE idempotency SET status = 0, created_at = created_at - 120000000 WHERE id = 'c'`)
			return err
		}))
		if r := w.do(w.own.owner, "POST", path, `{"text":"hello"}`, key("c")); r.Code != 409 || !strings.Contains(r.Body.String(), "cut off") {
			t.Errorf("after a crash: %d %s", r.Code, r.Body)
		}
		// A failure inside gives the key back.
		w.desk.fail = errors.New("boom at 10.0.0.7")
		if r := w.do(w.own.owner, "POST", path, `{"text":"hello"}`, key("d")); r.Code != 500 || strings.Contains(r.Body.String(), "boom") {
			t.Errorf("a fault: %d %s", r.Code, r.Body)
		}
		w.desk.fail = nil
		if r := w.do(w.own.owner, "POST", path, `{"text":"hello"}`, key("d")); r.Code != 200 {
			t.Errorf("after a fault: %d %s", r.Code, r.Body)
		}
	})
}

// TestErrorsTellEnoughAndNoMore checks status, kind and field of refusals, and that none repeats a secret.
func TestErrorsTellEnoughAndNoMore(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		kind, field              string
	}{
		{"no such address", "GET", "/v1/nothing", "", 404, "not_found", ""},
		{"no such method", "PATCH", "/v1/sites", "{}", 405, "invalid", ""},
		{"not JSON", "POST", "/v1/sites", "{hunter2", 400, "invalid", "body"},
		{"no body", "POST", "/v1/sites", "", 400, "invalid", ""},
		{"broken UTF-8", "POST", "/v1/sites", "{\"key\":\"\xff\"}", 400, "invalid", "body"},
		{"a zero character", "POST", "/v1/staff", `{"email":"x@example.test","name":"a\u0000b","password":"correct horse 7","roles":["agent"]}`, 400, "invalid", "body"},
		{"a zero character in the address", "GET", "/v1/knowledge?q=%00", "", 422, "invalid", "q"},
		{"broken UTF-8 in the address", "GET", "/v1/knowledge?q=%ff", "", 422, "invalid", "q"},
		{"a broken address", "GET", "/v1/knowledge?q=%zz", "", 422, "invalid", ""},
		{"an unknown field", "POST", "/v1/keys", `{"name":"x","scopes":["event.read"],"tenant":"other"}`, 422, "invalid", "tenant"},
		{"a wrong type", "POST", "/v1/keys", `{"name":7,"scopes":["event.read"]}`, 422, "invalid", "name"},
		{"a short password", "POST", "/v1/staff", `{"email":"x@example.test","name":"X","password":"hunter2","roles":["agent"]}`, 422, "invalid", "password"},
		{"a weak password", "POST", "/v1/staff", `{"email":"x@example.test","name":"X","password":"hunter2hunter2\u0007","roles":["root"]}`, 422, "invalid", "roles[0]"},
		{"a limit beyond", "GET", "/v1/sites?limit=100000", "", 422, "invalid", "limit"},
		{"a limit that is no number", "GET", "/v1/sites?limit=many", "", 422, "invalid", "limit"},
		{"a number beyond numbers", "GET", "/v1/events?after=99999999999999999999", "", 422, "invalid", "after"},
		{"a bad cursor", "GET", "/v1/knowledge?cursor=zzz", "", 422, "invalid", "cursor"},
		{"a bad shift", "POST", "/v1/sites", `{"key":"k1","name":{"en":"x"},"languages":["en"],"zone":"UTC","hours":{"week":{"mon":["9-18"]}}}`, 422, "invalid", "hours.week.mon[0]"},
		{"a bad day", "POST", "/v1/sites", `{"key":"k1","name":{"en":"x"},"languages":["en"],"zone":"UTC","hours":{"special":[{"date":"2026-02-31"}]}}`, 422, "invalid", "hours.special[0].date"},
		{"a bad zone", "POST", "/v1/sites", `{"key":"k1","name":{"en":"x"},"languages":["en"],"zone":"Mars"}`, 422, "invalid", "zone"},
		{"a bad time", "POST", "/v1/knowledge", `{"question":"q","answer":"a","valid_from":"tomorrow"}`, 422, "invalid", "valid_from"},
		{"an answer of blanks", "POST", "/v1/knowledge", `{"question":"q","answer":"  "}`, 422, "invalid", "answer"},
		{"an event that is none", "POST", "/v1/webhooks", `{"url":"https://hooks.example.test","events":["everything"]}`, 422, "invalid", "events[0]"},
		{"a wrong sign-in", "POST", "/v1/sessions", `{"email":"x@example.test","password":"hunter2"}`, 401, "denied", ""},
		{"too large", "POST", "/v1/sessions", `{"email":"` + strings.Repeat("x", 5000) + `"}`, 413, "invalid", ""},
		{"an empty reply", "POST", "/v1/conversations/" + w.own.ids["conversations"] + "/messages", `{"text":" "}`, 422, "invalid", "text"},
	} {
		r := w.do(w.own.owner, c.method, c.path, c.body, nil)
		p := problem(t, r)
		if r.Code != c.status || p.Kind != c.kind || p.Field != c.field {
			t.Errorf("%s: %d %s, want %d %s %q", c.name, r.Code, r.Body, c.status, c.kind, c.field)
		}
		if s := r.Body.String(); strings.Contains(s, "hunter2") || strings.Contains(s, "Go ") || strings.Contains(s, "json:") || strings.Contains(s, "sql") {
			t.Errorf("%s: %s says too much", c.name, s)
		}
		if r.Header().Get("X-Request-Id") != p.RequestID || r.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", c.name, r.Header())
		}
	}
	if r := w.do(w.own.owner, "OPTIONS", "/v1/knowledge/export", "", nil); r.Code != 405 || r.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("what an address takes: %d %v", r.Code, r.Header()["Allow"])
	}
	if r := w.do(w.own.owner, "POST", "/v1/sites", "{}", map[string]string{"Content-Type": "text/plain"}); r.Code != 415 {
		t.Errorf("a body that says it is not JSON: %d %s", r.Code, r.Body)
	}
	if r := w.do(client{key: "fdk_wrong"}, "GET", "/v1/sites", "", nil); r.Code != 401 || strings.Contains(r.Body.String(), "fdk_wrong") {
		t.Errorf("a wrong key: %d %s", r.Code, r.Body)
	}
}

// TestPages reads a list page by page, as one reader would.
func TestPages(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	for i := range 7 {
		r := w.do(w.own.owner, "POST", "/v1/sites", fmt.Sprintf(`{"key":"more-%d","name":{"en":"x"},"languages":["en"],"zone":"UTC"}`, i), nil)
		if r.Code != 201 {
			t.Fatalf("%d %s", r.Code, r.Body)
		}
	}
	seen, cursor := map[string]bool{}, ""
	for range 10 {
		r := w.do(w.own.owner, "GET", "/v1/sites?limit=3&cursor="+cursor, "", nil)
		var p Page[Site]
		must(t, json.Unmarshal(r.Body.Bytes(), &p))
		for _, s := range p.Items {
			if seen[s.ID] {
				t.Errorf("%s came twice", s.ID)
			}
			seen[s.ID] = true
		}
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d sites were listed", len(seen))
	}
}

// TestEventLog follows the log as a program does, and sees its own tenant's events only.
func TestEventLog(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	after, got := "0", 0
	for range 50 {
		r := w.do(w.own.owner, "GET", "/v1/events?limit=3&after="+after, "", nil)
		var p EventPage
		must(t, json.Unmarshal(r.Body.Bytes(), &p))
		for _, ev := range p.Items {
			if ev.Tenant != w.own.tenant {
				t.Errorf("another tenant's event: %+v", ev)
			}
			got++
		}
		if p.Next == after {
			break
		}
		after = p.Next
	}
	if got < 4 {
		t.Errorf("%d events", got)
	}
}

func TestKnowledgeByAPI(t *testing.T) {
	if channel.DefaultBot != knowledge.DefaultBot {
		t.Errorf("a new site's bot is %q, knowledge goes to %q", channel.DefaultBot, knowledge.DefaultBot)
	}
	w := newWorld(t, sqldbtest.SQLite(t))
	r := w.do(w.own.owner, "POST", "/v1/knowledge", `{"question":"运费多少钱","similar":["邮费怎么算"],"answer":"满99元包邮。","valid_to":"2099-01-01"}`, nil)
	var e Entry
	must(t, json.Unmarshal(r.Body.Bytes(), &e))
	if r.Code != 201 || e.Lang != "zh" || e.ValidTo != "2099-01-01T00:00:00Z" || e.ChangedBy != "staff:"+w.own.ids["staff"] {
		t.Fatalf("%d %s", r.Code, r.Body)
	}
	r = w.do(w.own.owner, "POST", "/v1/knowledge/test", `{"text":"邮费怎么算"}`, nil)
	var hit HitTest
	must(t, json.Unmarshal(r.Body.Bytes(), &hit))
	if r.Code != 200 || hit.Kind != "answer" || hit.Text != "满99元包邮。" || hit.Candidates[0].ID != e.ID {
		t.Errorf("hit test: %d %s", r.Code, r.Body)
	}
	// What was read can be sent back with a change.
	e.Answer = "满59元包邮。"
	b, err := json.Marshal(e)
	must(t, err)
	if r := w.do(w.own.owner, "PUT", "/v1/knowledge/"+e.ID+"?if_hash="+e.Hash, string(b), nil); r.Code != 200 {
		t.Errorf("put: %d %s", r.Code, r.Body)
	}
	if r := w.do(w.own.owner, "PUT", "/v1/knowledge/"+e.ID+"?if_hash="+e.Hash, strings.Replace(string(b), "59", "39", 1), nil); r.Code != 409 {
		t.Errorf("put over another's change: %d %s", r.Code, r.Body)
	}
	if r := w.do(w.own.owner, "PUT", "/v1/knowledge/nothing", string(b), nil); r.Code != 404 {
		t.Errorf("put of nothing: %d %s", r.Code, r.Body)
	}
	r = w.do(w.own.owner, "POST", "/v1/knowledge/import?format=csv&dry_run=true", "question,answer\n几天到货,三天\n,没有问题\n", map[string]string{"Content-Type": "text/csv"})
	if r.Code != 200 || !strings.Contains(r.Body.String(), `"added":1`) || !strings.Contains(r.Body.String(), `"failed":1`) {
		t.Errorf("import: %d %s", r.Code, r.Body)
	}
	r = w.do(w.own.owner, "GET", "/v1/knowledge/export?format=csv", "", nil)
	if r.Code != 200 || !strings.Contains(r.Body.String(), "满59元包邮") || !strings.Contains(r.Header().Get("Content-Disposition"), "attachment") || strings.Contains(r.Body.String(), w.rival.tenant) {
		t.Errorf("export: %d %s", r.Code, r.Body)
	}
	if r := w.do(w.own.owner, "GET", "/v1/knowledge/export?release=99", "", nil); r.Code != 404 || problem(t, r).Kind != "not_found" {
		t.Errorf("export of no release: %d %s", r.Code, r.Body)
	}
	if r := w.do(w.own.owner, "POST", "/v1/knowledge/releases/1/rollback", "", nil); r.Code != 200 {
		t.Errorf("rollback: %d %s", r.Code, r.Body)
	}
	if r := w.do(w.own.owner, "GET", "/v1/knowledge/"+e.ID, "", nil); r.Code != 404 {
		t.Errorf("after the rollback: %d %s", r.Code, r.Body)
	}
}

// TestColleaguesConversation lets an agent reach for what a colleague has.
func TestColleaguesConversation(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	w.desk.agent = "somebody else"
	for _, act := range []string{"take", "hand-back", "close"} {
		path := "/v1/conversations/" + w.own.ids["conversations"] + "/" + act
		if r := w.do(w.as(auth.Agent), "POST", path, "", nil); r.Code != 403 {
			t.Errorf("%s by an agent: %d %s", act, r.Code, r.Body)
		}
		if r := w.do(w.as(auth.Supervisor), "POST", path, "", nil); r.Code != 200 {
			t.Errorf("%s by a supervisor: %d %s", act, r.Code, r.Body)
		}
	}
}

// TestAttachmentCannotRun downloads a file that would run in the page.
func TestAttachmentCannotRun(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	h := w.do(w.own.owner, "GET", "/v1/attachments/"+w.own.ids["attachments"], "", nil).Header()
	if h.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment;") ||
		strings.ContainsAny(h.Get("Content-Disposition"), "\r\n") || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", h)
	}
}

// TestRevealIsKept sees a sealed value and then its trace in the log, which holds the reason and not the value.
func TestRevealIsKept(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	path := "/v1/conversations/" + w.own.ids["conversations"] + "/reveal"
	if r := w.do(w.as(auth.Compliance), "POST", path, `{"token":"<phone:1>","reason":"call the customer back"}`, nil); r.Code != 200 || !strings.Contains(r.Body.String(), "13800000000") {
		t.Fatalf("%d %s", r.Code, r.Body)
	}
	events, _, err := w.db.Events(t.Context(), w.own.tenant, 0, 1000)
	must(t, err)
	last := events[len(events)-1]
	if last.Type != frontdesk.EvSealedRevealed || !strings.Contains(string(last.Data), "call the customer back") || strings.Contains(string(last.Data), "13800000000") {
		t.Errorf("%+v %s", last, last.Data)
	}
}

func TestRates(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	w.s.rates = newRates()
	limited := 0
	for range publicBurst + 20 {
		if r := w.do(client{}, "GET", "/v1/setup", "", nil); r.Code == 429 {
			limited++
			if r.Header().Get("Retry-After") == "" {
				t.Fatal("429 without Retry-After")
			}
		}
	}
	if limited == 0 {
		t.Error("no request was refused")
	}
	for i := range maxRates + 10 {
		w.s.rates.allow(fmt.Sprint(i), 1, 1)
	}
	if n := len(w.s.rates.known); n > maxRates {
		t.Errorf("%d are remembered", n)
	}
}

// TestPanicIsAnError lets a route panic.
func TestPanicIsAnError(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	w.s.mux.HandleFunc("GET /v1/panic", func(http.ResponseWriter, *http.Request) { panic("secret detail") })
	if r := w.do(client{}, "GET", "/v1/panic", "", nil); r.Code != 500 || strings.Contains(r.Body.String(), "secret") || problem(t, r).Kind != "internal" {
		t.Errorf("%d %s", r.Code, r.Body)
	}
}

// TestDescription reads /openapi.json as a program would, and the page as a browser would.
func TestDescription(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	r := w.do(client{}, "GET", "/openapi.json", "", nil)
	var spec struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Summary     string                `json:"summary"`
			ZH          string                `json:"x-summary-zh"`
			Permission  string                `json:"x-permission"`
			Security    []map[string][]string `json:"security"`
			Responses   map[string]any        `json:"responses"`
		} `json:"paths"`
	}
	must(t, json.Unmarshal(r.Body.Bytes(), &spec))
	if !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", spec.OpenAPI)
	}
	ids, n := map[string]bool{}, 0
	for path, item := range spec.Paths {
		for method, op := range item {
			n++
			if ids[op.OperationID] || op.Summary == "" || op.ZH == "" || (op.Permission == "") != (len(op.Security) == 0) || op.Responses["422"] == nil || op.Responses["401"] == nil {
				t.Errorf("%s %s is not described well: %+v", method, path, op)
			}
			ids[op.OperationID] = true
		}
	}
	if n != len(w.s.Routes()) {
		t.Errorf("%d operations are described of %d routes", n, len(w.s.Routes()))
	}
	for _, path := range []string{"/docs", "/docs/docs.js", "/docs/docs.css"} {
		r := w.do(client{}, "GET", path, "", nil)
		s := r.Body.String()
		if r.Code != 200 || len(s) < 500 || strings.Contains(s, "https://") || strings.Contains(s, "http://") || strings.Contains(s, "//cdn") || strings.Contains(s, "innerHTML") {
			t.Errorf("%s: %d, or something foreign in it", path, r.Code)
		}
		if csp := r.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
	}
	script := w.do(client{}, "GET", "/docs/docs.js", "", nil).Body.String()
	for _, r := range w.s.Routes() {
		if strings.Count(script, " "+r.Group+`: "`) < 2 {
			t.Errorf("/docs has no heading in both languages for the group %s of %s", r.Group, r.Path)
		}
	}
}
