package api

import (
	"slices"
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// bodies are valid bodies of the routes that take one. A route that changes something and stands neither here nor in
// bodiless fails the matrix: nobody checked what it does with another tenant's id.
var bodies = map[string]string{
	"change-own-password":   `{"current":"wrong password","password":"another horse 9"}`,
	"create-staff":          `{"email":"new@example.test","name":"New","password":"correct horse 7","roles":["agent"]}`,
	"change-staff":          `{"name":"Changed"}`,
	"set-staff-password":    `{"password":"another horse 9"}`,
	"create-key":            `{"name":"key","scopes":["event.read"]}`,
	"create-site":           `{"key":"fresh-KEY","name":{"en":"New"},"languages":["en"],"zone":"Europe/London"}`,
	"update-site":           `{"key":"fresh-KEY","name":{"en":"Taken over"},"languages":["en"],"zone":"Europe/London"}`,
	"rotate-site-secret":    `{}`,
	"change-site":           `{"name":{"en":"Taken over"}}`,
	"set-site-logo":         "\x89PNG\r\n\x1a\n",
	"change-me":             `{"theme":"dark"}`,
	"rotate-webhook-secret": `{}`,
	"reply":                 `{"text":"hello"}`,
	"note":                  `{"text":"hello"}`,
	"revise-message":        `{"text":"hello"}`,
	"check-reply":           `{"text":"hello"}`,
	"reveal":                `{"token":"<phone:1>","reason":"the customer asked"}`,
	"upload":                `bytes`,
	"create-entry":          `{"question":"new question KEY","answer":"new answer"}`,
	"put-entry":             `{"question":"taken over KEY","answer":"taken over"}`,
	"import-knowledge":      `{"question":"imported","answer":"imported"}`,
	"test-knowledge":        `{"text":"what does company 1 sell"}`,
	"bulk-entries":          `{"ids":["nobody"],"action":"archive"}`,
	"preview-knowledge":     `{"entry":{"question":"a","answer":"b"}}`,
	"look-at-columns":       "question,answer\na,b\n",
	"start-import":          "question,answer\na,b\n",
	"ask":                   `{"text":"what does company 1 sell"}`,
	"settle-unanswered":     `{"status":"ignored","reason":"not our business"}`,
	"create-webhook":        `{"url":"https://hooks.example.test/"}`,
	"update-webhook":        `{"url":"https://hooks.example.test/"}`,
}

var bodiless = []string{"open-staff-socket", "sign-out", "sign-out-staff", "delete-staff", "revoke-key", "delete-site", "take", "hand-back", "close", "recall-message", "delete-entry",
	"roll-back", "undo-release", "undo-import", "replay-trace", "erase-contact", "delete-webhook", "replay-delivery", "test-webhook"}

// rawBody tells the routes that take a file as it is.
func rawBody(route string) bool {
	return slices.Contains([]string{"upload", "import-knowledge", "look-at-columns", "start-import", "set-site-logo"}, route)
}

// fill puts ids into a route's path: those of the company, by the segment before them.
func fill(path string, c company) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		switch p {
		case "{id}":
			parts[i] = c.ids[parts[i-1]]
		case "{delivery}":
			parts[i] = c.ids["deliveries"]
		case "{seq}", "{number}", "{trace}":
			parts[i] = "1"
		case "{release}":
			parts[i] = "0" // that of nothing: an undone one would take the company's entry away
		}
		if strings.HasPrefix(parts[i], "{") || parts[i] == "" && i > 0 {
			return "" // no id of this kind was made
		}
	}
	return strings.Join(parts, "/")
}

// TestMatrix asks every route as every role, as a visitor, and as nobody, about another tenant's things. Whoever lacks the
// permission gets 403 (nobody: 401); whoever has it gets 404. Never success, never a 500, and never a word of the other
// tenant's.
func TestMatrix(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := newWorld(t, db)
		routes := w.s.Routes()
		if len(routes) < 45 {
			t.Fatalf("only %d routes", len(routes))
		}
		cells := 0
		for _, route := range routes {
			if route.Need == "" && !route.Public {
				t.Errorf("%s %s needs no permission and is not public", route.Method, route.Path)
			}
			if route.Need != "" && !slices.Contains(auth.Permissions(), route.Need) {
				t.Errorf("%s needs %q, which is not in the table", route.Name, route.Need)
			}
			if route.Public {
				if !slices.Contains([]string{"get-setup", "set-up", "sign-in", "get-logo"}, route.Name) {
					t.Errorf("%s is public", route.Name)
				}
				continue
			}
			body, hasBody := bodies[route.Name]
			if !hasBody && route.Method != "GET" && !slices.Contains(bodiless, route.Name) {
				t.Errorf("%s: the matrix does not know its body", route.Name)
			}
			body = strings.ReplaceAll(body, "KEY", "x")
			path := fill(route.Path, w.rival)
			if path == "" {
				t.Errorf("%s: the matrix has no id for %s", route.Name, route.Path)
				continue
			}
			header := map[string]string{}
			if rawBody(route.Name) {
				header["Content-Type"] = "application/octet-stream"
			}
			if r := w.do(client{}, route.Method, path, body, header); r.Code != 401 {
				t.Errorf("%s as nobody: %d %s", route.Name, r.Code, r.Body)
			}
			for _, role := range auth.Roles {
				if route.Name == "change-own-password" && role != auth.Owner {
					continue // it is throttled by address
				}
				r := w.do(w.as(role), route.Method, path, body, header)
				cells++
				may := auth.Allow(frontdesk.Actor{Kind: frontdesk.ActorStaff, Tenant: "t", Roles: []string{role}}, route.Need) == nil
				foreign := strings.Contains(route.Path, "{id}")
				switch {
				case !may && r.Code != 403:
					t.Errorf("%s as %s: %d %s, want 403", route.Name, role, r.Code, r.Body)
				case may && foreign && r.Code != 404:
					t.Errorf("%s as %s with another tenant's id: %d %s, want 404", route.Name, role, r.Code, r.Body)
				case may && !foreign && (r.Code >= 500 || r.Code == 401 || r.Code == 403 || r.Code == 404 && route.Name != "roll-back" && route.Name != "undo-release"):
					t.Errorf("%s as %s: %d %s", route.Name, role, r.Code, r.Body)
				}
				if r.Code >= 400 {
					problem(t, r)
				}
				for kind, id := range w.rival.ids {
					if strings.Contains(r.Body.String(), id) && kind != "knowledge" || strings.Contains(r.Body.String(), w.rival.tenant) {
						t.Errorf("%s as %s tells of the other tenant: %s", route.Name, role, r.Body)
					}
				}
			}
		}
		t.Logf("%d routes, %d cells", len(routes), cells)

		// The refusals meant something: with an id of the own tenant the owner gets through.
		must(t, w.s.Auth.SetPassword(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorSystem, Tenant: w.own.tenant}, w.own.ids["staff"], "another horse 9"))
		w.own.owner = w.signInWith("owner0@example.test", "another horse 9")
		w.own.ids["sessions"] = w.session(w.own.owner)
		slices.SortStableFunc(routes, func(a, b Route) int { return bool2int(a.Method == "DELETE") - bool2int(b.Method == "DELETE") })
		for _, route := range routes {
			if route.Public || !strings.Contains(route.Path, "{id}") || route.Name == "delete-staff" {
				continue // the last owner stays
			}
			r := w.do(w.own.owner, route.Method, fill(route.Path, w.own), strings.ReplaceAll(bodies[route.Name], "KEY", "y"), nil)
			if route.Name == "sign-out" || route.Name == "sign-out-staff" || route.Name == "set-staff-password" { // these end the session
				w.own.owner = w.signInWith("owner0@example.test", "another horse 9")
				w.own.ids["sessions"] = w.session(w.own.owner)
			}
			if r.Code/100 != 2 && !(route.Name == "undo-import" && r.Code == 409) { // nobody has done it yet
				t.Errorf("%s with an own id: %d %s", route.Name, r.Code, r.Body)
			}
		}

		// After all that, the other tenant is as it was.
		for _, path := range []string{"/v1/sites/", "/v1/staff/", "/v1/keys/", "/v1/knowledge/"} {
			kind := strings.Split(path, "/")[2]
			if r := w.do(w.rival.owner, "GET", path+w.rival.ids[kind], "", nil); r.Code != 200 || strings.Contains(strings.ToLower(r.Body.String()), "taken over") {
				t.Errorf("%s of the other tenant afterwards: %d %s", kind, r.Code, r.Body)
			}
		}
	})
}

func bool2int(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestKeyScopes asks every route with a key of each scope alone.
func TestKeyScopes(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	owner := frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: w.own.ids["staff"], Tenant: w.own.tenant, Roles: []string{auth.Owner}}
	for _, scope := range auth.Scopes() {
		_, secret, err := w.s.Auth.MakeKey(t.Context(), owner, auth.NewKey{Name: string(scope), Scopes: []auth.Permission{scope}})
		must(t, err)
		for _, route := range w.s.Routes() {
			if route.Public || route.Method != "GET" {
				continue
			}
			r := w.do(client{key: secret}, "GET", fill(route.Path, w.own), "", nil)
			if (r.Code == 403) != (route.Need != scope) || r.Code >= 500 {
				t.Errorf("%s with a key for %s: %d %s", route.Name, scope, r.Code, r.Body)
			}
		}
	}
}
