package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"frontdesk/internal/auth"
	"frontdesk/internal/sqldb/sqldbtest"
)

// get asks as a person of the own company and reads the answer.
func (w *world) get(c client, method, path, body string, want int, v any) {
	w.t.Helper()
	r := w.do(c, method, path, body, nil)
	if r.Code != want {
		w.t.Fatalf("%s %s: %d %s, want %d", method, path, r.Code, r.Body, want)
	}
	if v != nil {
		must(w.t, json.Unmarshal(r.Body.Bytes(), v))
	}
}

// What the screen says a role may do is what the guard lets it do: both read one table.
func TestRolesAreThePermissionTable(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	var got Rights
	w.get(w.as(auth.Agent), "GET", "/v1/roles", "", 200, &got)
	if len(got.Roles) != len(auth.Roles) || !slices.Equal(got.Scopes, auth.Scopes()) {
		t.Fatalf("%+v", got)
	}
	for _, r := range got.Roles {
		if !slices.Contains(r.Permissions, auth.Self) || slices.Contains(r.Permissions, auth.StaffWrite) != (r.Role == auth.Owner) {
			t.Errorf("%s: %v", r.Role, r.Permissions)
		}
	}
}

// Customers read a name in their own language; staff keep the one they are known by.
func TestStaffHaveNamesForCustomers(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	var m Staff
	w.get(w.own.owner, "POST", "/v1/staff", `{"email":"lin@example.test","name":"示例乙","names":{"en":"Sample Two"},"password":"correct horse 7","roles":["agent"]}`, 201, &m)
	if m.Names["en"] != "Sample Two" {
		t.Fatalf("%+v", m)
	}
	w.get(w.own.owner, "PATCH", "/v1/staff/"+m.ID, `{"roles":["agent","analyst"]}`, 200, &m)
	if m.Names["en"] != "Sample Two" {
		t.Errorf("a change of roles lost the names: %+v", m)
	}
	w.get(w.own.owner, "PATCH", "/v1/staff/"+m.ID, `{"names":{}}`, 200, &m)
	if len(m.Names) != 0 || m.Name != "示例乙" {
		t.Errorf("%+v", m)
	}
	var refused ErrorAnswer
	w.get(w.own.owner, "PATCH", "/v1/staff/"+m.ID, `{"names":{"en":"A\u202eB"}}`, 422, &refused)
	if refused.Fault.Field != "names.en" {
		t.Errorf("%+v", refused.Fault)
	}
}

// An entry's other language is an entry beside it, so its id can be chosen; many changes at once are taken back at once.
func TestEntriesByIDAndUndo(t *testing.T) {
	w := newWorld(t, sqldbtest.SQLite(t))
	var e Entry
	w.get(w.own.owner, "POST", "/v1/knowledge", `{"id":"parking-en","question":"Is there parking?","answer":"Yes.","lang":"en","category":"Visit"}`, 201, &e)
	if e.ID != "parking-en" {
		t.Fatalf("%+v", e)
	}
	w.get(w.own.owner, "POST", "/v1/knowledge", `{"id":"parking-en","question":"Another?","answer":"No."}`, 409, nil)
	w.get(w.own.owner, "POST", "/v1/knowledge", `{"id":"`+fmt.Sprintf("%0101d", 1)+`","question":"Long?","answer":"No."}`, 422, nil)

	var report struct{ Changed, Release int64 }
	w.get(w.own.owner, "POST", "/v1/knowledge/bulk", `{"ids":["parking-en"],"action":"archive"}`, 200, &report)
	w.get(w.own.owner, "GET", "/v1/knowledge/parking-en", "", 404, nil)
	undo := fmt.Sprintf("/v1/knowledge/releases/%d/undo", report.Release)
	w.get(w.as(auth.Agent), "POST", undo, "", 403, nil)
	w.get(w.own.owner, "POST", undo, "", 200, nil)
	w.get(w.own.owner, "GET", "/v1/knowledge/parking-en", "", 200, &e)
	if e.Category != "Visit" {
		t.Errorf("%+v", e)
	}
	var refused ErrorAnswer
	w.get(w.own.owner, "POST", undo, "", 409, &refused)
	if len(refused.Fault.Entries) != 1 || refused.Fault.Entries[0].ID != "parking-en" {
		t.Errorf("undone twice: %+v", refused.Fault)
	}
}
