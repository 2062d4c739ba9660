package api_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"
)

// find asks until it is answered as wanted: the index follows the log.
func (n *node) find(w who, path string, v any, good func() bool) {
	n.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		status, b := n.do(w, "GET", path, "", "")
		if status != 200 {
			n.t.Fatalf("%s: %d %s", path, status, b)
		}
		ok(n.t, json.Unmarshal(b, v))
		if good() {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%s: still %s", path, b)
		}
	}
}

// A customer writes; staff find the conversation by a word and the customer by a phone number that is sealed, and nothing
// of what was taken back.
func TestFindingWhatWasWritten(t *testing.T) {
	n, own, rival := startNode(t, nil)
	say := func(c *tenant, client, text string) {
		t.Helper()
		if status, b := n.do(c.visitor, "POST", "/v1/visitor/messages", fmt.Sprintf(`{"client_id":%q,"text":%q}`, client, text), "application/json"); status != 200 {
			t.Fatalf("say: %d %s", status, b)
		}
	}
	say(own, "a", "我的咖啡壶坏了，电话 13812345678")
	say(rival, "a", "我的咖啡壶坏了，电话 13812345678")

	type result struct {
		Conversations []struct {
			ID, Contact, Snippet string
			Seq                  int64
			Marks                [][2]int
		}
		Contacts []struct{ ID, Matched string }
	}
	var r result
	n.find(own.owner, "/v1/search?q="+url.QueryEscape("壶"), &r, func() bool { return len(r.Conversations) > 0 })
	f := r.Conversations[0]
	if len(r.Conversations) != 1 || f.ID != own.ids["conversations"] || f.Snippet != "我的咖啡壶坏了，电话 <phone:1>" || len(f.Marks) != 1 || f.Marks[0] != [2]int{4, 5} {
		t.Errorf("by a character: %+v", r)
	}
	r = result{}
	n.find(own.owner, "/v1/search?q="+url.QueryEscape("138 1234 5678"), &r, func() bool { return len(r.Contacts) > 0 })
	if len(r.Contacts) != 1 || r.Contacts[0].ID != own.ids["contacts"] || r.Contacts[0].Matched != "phone" || len(r.Conversations) != 0 {
		t.Errorf("by a sealed phone number: %+v", r)
	}
	var facts struct {
		Keys     []struct{ Kind, Token, Conversation string }
		Visitors []struct{ Conversation string }
		Zone     string
	}
	n.find(own.owner, "/v1/contacts/"+own.ids["contacts"], &facts, func() bool { return true })
	if len(facts.Keys) != 1 || facts.Keys[0].Token != "<phone:1>" || len(facts.Visitors) != 1 || facts.Visitors[0].Conversation != own.ids["conversations"] || facts.Zone != "Asia/Shanghai" {
		t.Errorf("facts %+v", facts)
	}

	// What staff take back is found no more.
	id := own.ids["conversations"]
	post := func(path, body string) []byte {
		t.Helper()
		status, b := n.do(own.owner, "POST", "/v1/conversations/"+id+path, body, "application/json")
		if status/100 != 2 {
			t.Fatalf("%s: %d %s", path, status, b)
		}
		return b
	}
	post("/take", "{}")
	var sent struct{ Seq int64 }
	ok(t, json.Unmarshal(post("/messages", `{"text":"我们换一把紫铜壶给您"}`), &sent))
	n.find(own.owner, "/v1/search?q="+url.QueryEscape("紫铜"), &r, func() bool { return len(r.Conversations) == 1 })
	if status, b := n.do(own.owner, "DELETE", fmt.Sprintf("/v1/conversations/%s/messages/%d", id, sent.Seq), "", ""); status != 204 {
		t.Fatalf("recall: %d %s", status, b)
	}
	if status, b := n.do(own.owner, "GET", "/v1/search?q="+url.QueryEscape("紫铜"), "", ""); status != 200 || json.Unmarshal(b, &r) != nil || len(r.Conversations) != 0 {
		t.Errorf("recalled and at once searched: %d %s", status, b)
	}

	// The visit shows in the customer's list of visits, the closed one with its outcome.
	post("/close", "{}")
	var visits struct {
		Items []struct {
			Conversation, Outcome, Preview string
			HandedOver                     bool `json:"handed_over"`
			Messages                       int64
			ClosedAt                       int64 `json:"closed_at"`
		}
	}
	n.find(own.owner, "/v1/contacts/"+own.ids["contacts"]+"/episodes", &visits, func() bool { return len(visits.Items) == 1 })
	if v := visits.Items[0]; v.Conversation != id || v.Outcome != "handed_over" || v.ClosedAt == 0 || v.Messages < 3 || v.Preview != "what does site-0 sell" {
		t.Errorf("visit %+v", v)
	}
	var orders struct{ Available bool }
	n.find(own.owner, "/v1/contacts/"+own.ids["contacts"]+"/orders", &orders, func() bool { return true })
	if orders.Available {
		t.Error("a company without a shop has orders")
	}
}
