package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func (n *node) call(w who, method, path, body string, want int, v any) {
	n.t.Helper()
	kind := "application/json"
	if strings.HasPrefix(path, "/v1/imports?") || strings.HasPrefix(path, "/v1/imports/columns") {
		kind = "application/octet-stream"
	}
	status, b := n.do(w, method, path, body, kind)
	if status != want {
		n.t.Fatalf("%s %s: %d %s, want %d", method, path, status, b, want)
	}
	if v != nil {
		ok(n.t, json.Unmarshal(b, v))
	}
}

// A customer asks; the analyst sees what a change would change, makes it, and what was is told from what is.
func TestRehearsal(t *testing.T) {
	n, own, _ := startNode(t, nil)
	id := own.ids["conversations"]
	// The first question was answered by the entry of furnish; wait until that is counted.
	type list struct {
		Items []struct{ ID string }
	}
	var l list
	n.find(own.owner, "/v1/conversations?figure=answered", &l, func() bool { return len(l.Items) == 1 && l.Items[0].ID == id })
	now := time.Now()
	for _, c := range []struct {
		query string
		want  int
	}{
		{"figure=opened", 1}, {"figure=not_known", 0}, {"figure=confirmed", 0},
		{fmt.Sprintf("figure=opened&from=%d", now.Add(time.Hour).UnixMicro()), 0},
		{fmt.Sprintf("figure=opened&to=%d", now.Add(-time.Hour).UnixMicro()), 0},
		{fmt.Sprintf("figure=opened&weekday=%d&hour=%d&zone=UTC", now.UTC().Weekday(), now.UTC().Hour()), 1},
		{fmt.Sprintf("figure=opened&weekday=%d&zone=UTC", (now.UTC().Weekday()+3)%7), 0},
	} {
		if n.call(own.owner, "GET", "/v1/conversations?"+c.query, "", 200, &l); len(l.Items) != c.want {
			t.Errorf("%s: %d conversations, want %d", c.query, len(l.Items), c.want)
		}
	}
	n.call(own.owner, "GET", "/v1/conversations?figure=income", "", 422, nil)
	n.call(own.owner, "GET", "/v1/conversations?figure=opened&mine=true", "", 422, nil)

	// A number on the home page and what it opens agree, and every kind of end stands by itself.
	n.call(own.owner, "POST", "/v1/conversations/"+id+"/take", "{}", 200, nil)
	n.call(own.owner, "POST", "/v1/conversations/"+id+"/close", "{}", 200, nil)
	var home struct {
		Today struct {
			Conversations, Answered int64
			First                   float64 `json:"first_response_ms"`
			Ended                   map[string]int64
		}
	}
	n.find(own.owner, "/v1/home?zone=UTC", &home, func() bool { return home.Today.Ended["closed"] == 1 })
	if d := home.Today; d.Conversations != 1 || d.Answered != 1 || d.First <= 0 || d.Ended["handed_over"] != 1 || d.Ended["confirmed"]+d.Ended["assumed"]+d.Ended["left"]+d.Ended["not_known"] != 0 {
		t.Errorf("home: %+v", d)
	}
	for figure, want := range map[string]int{"closed": 1, "ended_handed_over": 1, "assumed": 0, "left": 0} {
		n.find(own.owner, "/v1/conversations?figure="+figure, &l, func() bool { return len(l.Items) == want })
	}

	type preview struct {
		N       int
		Changed []struct {
			Question      string
			Asked         int
			Before, After struct {
				Decision, Entry, Title string
				Score                  float64
			}
		}
	}
	var p preview
	entry := own.ids["knowledge"]
	n.call(own.owner, "POST", "/v1/knowledge/preview", fmt.Sprintf(`{"id":%q,"delete":true}`, entry), 200, &p)
	if p.N != 1 || len(p.Changed) != 1 || p.Changed[0].Before.Decision != "answer" || p.Changed[0].Before.Entry != entry || p.Changed[0].After.Decision == "answer" || p.Changed[0].Asked != 1 {
		t.Errorf("a deletion: %+v", p)
	}
	p = preview{}
	n.call(own.owner, "POST", "/v1/knowledge/preview", `{"entry":{"question":"can I pay by cheque","answer":"no"}}`, 200, &p)
	if p.N != 1 || len(p.Changed) != 0 {
		t.Errorf("a draft about something else: %+v", p)
	}
	n.call(own.owner, "POST", "/v1/knowledge/preview", `{}`, 422, nil)
	n.call(own.owner, "POST", "/v1/knowledge/preview", `{"id":"nobody","delete":true}`, 404, nil)

	// The turn comes out as it did, also on a later release, for it is run on its own.
	type replay struct {
		Same, Exact bool
		Kind        string
		Replies     []string
		Differences []struct{ Field, Before, After string }
		Notes       []struct{ Code string }
		Release     int64
	}
	var r replay
	n.call(own.owner, "DELETE", "/v1/knowledge/"+entry, "", 204, nil)
	n.call(own.owner, "POST", "/v1/conversations/"+id+"/traces/1/replay", "", 200, &r)
	if !r.Same || !r.Exact || r.Kind != "answer" || len(r.Replies) != 1 || r.Release != 1 {
		t.Errorf("replay: %+v", r)
	}
	n.call(own.owner, "POST", "/v1/conversations/"+id+"/traces/99/replay", "", 404, nil)
}

// An analyst brings a file with columns of their own, another edits in between, a third is warned.
func TestImportOverTheAPI(t *testing.T) {
	n, own, _ := startNode(t, nil)
	file := "客户问,我们答\n怎么付款,支持刷卡\n,没有问题\n"
	var look struct {
		Format  string
		Count   int `json:"row_count"`
		Columns []struct{ Name, Guess string }
	}
	n.call(own.owner, "POST", "/v1/imports/columns", file, 200, &look)
	if look.Format != "csv" || look.Count != 2 || len(look.Columns) != 2 || look.Columns[0].Guess != "" {
		t.Errorf("look: %+v", look)
	}
	type job struct {
		ID, Status string
		Name       string
		ActorName  string `json:"actor_name"`
		Added      int
		Failed     int
		Problems   []struct {
			Row           int
			Field, Reason string
		}
	}
	var j job
	query := "?name=a.csv&zone=Asia/Shanghai&mapping=" + url.QueryEscape(`{"question":"客户问","answer":["我们答"]}`)
	n.call(own.owner, "POST", "/v1/imports"+query, file, 202, &j)
	n.find(own.owner, "/v1/imports/"+j.ID, &j, func() bool { return j.Status == "done" })
	if j.Added != 1 || j.Failed != 1 || len(j.Problems) != 1 || j.Problems[0].Row != 3 || j.ActorName != "Owner" || j.Name != "a.csv" {
		t.Errorf("import: %+v", j)
	}
	n.call(own.owner, "POST", "/v1/imports?mapping=nonsense", file, 422, nil)
	n.call(own.owner, "POST", "/v1/imports?zone=Mars", file, 422, nil)

	var entries struct {
		Items []struct {
			ID, Question string
			Version      int64
		}
	}
	n.call(own.owner, "GET", "/v1/knowledge?q="+url.QueryEscape("付款"), "", 200, &entries)
	if len(entries.Items) != 1 {
		t.Fatalf("entries: %+v", entries)
	}
	e := entries.Items[0]
	put := func(version int64, answer string, want int) (fault struct {
		Error struct {
			Changed *struct {
				ID, By, Name string
				At, Version  int64
			}
			Entries []struct{ ID, Name string }
		}
	}) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "PUT", n.base+"/v1/knowledge/"+e.ID, strings.NewReader(fmt.Sprintf(`{"question":%q,"answer":%q}`, e.Question, answer)))
		ok(t, err)
		req.AddCookie(&http.Cookie{Name: "fd_session", Value: own.owner.cookie})
		req.Header.Set("X-CSRF-Token", own.owner.csrf)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("If-Match", fmt.Sprintf(`"%d"`, version))
		res, err := http.DefaultClient.Do(req)
		ok(t, err)
		defer res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("put on version %d: %d, want %d", version, res.StatusCode, want)
		}
		ok(t, json.NewDecoder(res.Body).Decode(&fault))
		return fault
	}
	put(e.Version, "也支持转账", 200)
	if c := put(e.Version, "我没看到别人的修改", 409).Error.Changed; c == nil || c.ID != e.ID || c.Name != "Owner" || c.Version <= e.Version || c.At == 0 {
		t.Errorf("the loser is told %+v", c)
	}
	// So is who would undo the import over the edit.
	status, b := n.do(own.owner, "POST", "/v1/imports/"+j.ID+"/undo", "", "application/json")
	if status != 409 || !strings.Contains(string(b), e.ID) || !strings.Contains(string(b), `"name":"Owner"`) {
		t.Errorf("undo over an edit: %d %s", status, b)
	}
	var report struct{ Changed int }
	n.call(own.owner, "POST", "/v1/knowledge/bulk", `{"filter":{"unused":true},"action":"category","category":"未用"}`, 200, &report)
	if report.Changed < 1 {
		t.Errorf("bulk: %+v", report)
	}
	n.call(own.owner, "POST", "/v1/knowledge/bulk", `{"action":"archive"}`, 422, nil)
	for _, sort := range []string{"-changed", "changed", "question", "-hits", "hits", "category", "valid_to"} {
		if n.call(own.owner, "GET", "/v1/knowledge?limit=1&sort="+sort, "", 200, &entries); len(entries.Items) != 1 {
			t.Errorf("sorted by %s: %+v", sort, entries)
		}
	}
	var state struct {
		Level string
		Parts []struct {
			Part, Level string
			Text        map[string]string
		}
	}
	n.call(own.owner, "GET", "/v1/state", "", 200, &state)
	if state.Level == "down" || len(state.Parts) < 5 {
		t.Errorf("state: %+v", state)
	}
	for _, p := range state.Parts {
		if p.Text["zh"] == "" || p.Text["en"] == "" {
			t.Errorf("part %s has no words: %+v", p.Part, p)
		}
	}
}
