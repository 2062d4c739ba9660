package app

import (
	"net/http"
	"testing"

	"frontdesk/internal/api"
)

// Whoever takes at the same time as a colleague is told so, a supervisor too: seizing has to be asked for. Lists go by
// language and by colleague.
func TestNobodySeizesByAccident(t *testing.T) {
	n := start(t)
	owner := n.owner()
	agent, agentID := n.hire(owner, "Agent", "agent")
	boss, _ := n.hire(owner, "Boss", "supervisor")
	v := n.visitor()
	n.says(v, "one", "I want a person")
	at := "/v1/conversations/" + v.conversation
	if code := n.do(agent, http.MethodPost, at+"/take", "{}", nil); code != http.StatusOK {
		t.Fatalf("the agent takes: %d", code)
	}
	if code := n.do(boss, http.MethodPost, at+"/take", "{}", nil); code != http.StatusConflict {
		t.Errorf("a supervisor who takes what a colleague has just taken: %d", code)
	}
	list := func(query string) int {
		var page api.Page[api.Conversation]
		if code := n.do(boss, http.MethodGet, "/v1/conversations?"+query, "", &page); code != http.StatusOK {
			t.Fatalf("%s: %d", query, code)
		}
		return len(page.Items)
	}
	var c api.Conversation
	n.do(boss, http.MethodGet, at, "", &c)
	for query, want := range map[string]int{"agent=" + agentID: 1, "agent=nobody": 0, "language=" + c.Language[:2]: 1, "language=xx": 0} {
		if got := list(query); got != want {
			t.Errorf("%s lists %d, want %d", query, got, want)
		}
	}
	if code := n.do(boss, http.MethodPost, at+"/take?seize=true", "{}", nil); code != http.StatusOK {
		t.Errorf("a supervisor who means it: %d", code)
	}
	if code := n.do(agent, http.MethodPost, at+"/take?seize=true", "{}", nil); code != http.StatusForbidden {
		t.Errorf("an agent who may not: %d", code)
	}
}

// A check says where a reply would be held, in characters, and sends nothing.
func TestCheckOfAReply(t *testing.T) {
	n := start(t)
	owner := n.owner()
	v := n.visitor()
	n.says(v, "one", "I want a person")
	at := "/v1/conversations/" + v.conversation
	for text, want := range map[string]api.CheckedReply{
		"你好，稍等":       {Action: "pass", Hits: []api.CheckHit{}},
		"请您私下转账给我，谢谢": {Action: "block", Hits: []api.CheckHit{{Rule: "word:私下转账", Action: "block", Reason: "hints at inside information or favours", Start: 2, End: 6}}},
	} {
		var got api.CheckedReply
		if code := n.do(owner, http.MethodPost, at+"/check", `{"text":"`+text+`"}`, &got); code != http.StatusOK || got.Action != want.Action || len(got.Hits) != len(want.Hits) {
			t.Fatalf("%q: %d %+v", text, code, got)
		}
		for i := range want.Hits {
			if got.Hits[i] != want.Hits[i] {
				t.Errorf("%q: %+v, want %+v", text, got.Hits[i], want.Hits[i])
			}
		}
	}
	var all api.Messages
	n.do(owner, http.MethodGet, at+"/messages", "", &all)
	for _, m := range all.Messages {
		if m.From == "agent" {
			t.Errorf("checking sent %q", m.Text)
		}
	}
}
