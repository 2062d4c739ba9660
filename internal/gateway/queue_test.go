package gateway_test

import (
	"encoding/json"
	"testing"
	"time"

	"frontdesk"
)

// stateFrame is who answers, as a customer is told.
type stateFrame struct {
	Type  string
	Owner string
	Queue *struct {
		Position int
		Wait     int `json:"wait_s"`
		Open     bool
	}
	Agent *struct{ Name map[string]string }
}

// state reads until a state frame is the one waited for.
func (s *socket) state(what string, is func(f stateFrame) bool) stateFrame {
	s.t.Helper()
	s.SetReadDeadline(time.Now().Add(15 * time.Second))
	for {
		_, data, err := s.ReadMessage()
		if err != nil {
			s.t.Fatalf("waiting for %s: %v", what, err)
		}
		var f stateFrame
		must(s.t, json.Unmarshal(data, &f))
		if f.Type == "state" && is(f) {
			return f
		}
	}
}

// Customers who wait hear their place, hear it again when it changes, how long it may take once that is known, and who comes.
func TestCustomersHearTheirPlace(t *testing.T) {
	srv := serve(t, nil)
	lin := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "lin", Tenant: tenant, Name: "Lin"})
	var visitors []*visitor
	var sockets []*socket
	for i := range 5 {
		v := srv.visitor()
		s := v.dial(0)
		s.next("ready")
		v.says("1", "转人工")
		f := s.state("a place", func(f stateFrame) bool { return f.Queue != nil })
		if f.Owner != "queue" || f.Queue.Position != i+1 || !f.Queue.Open || f.Queue.Wait != 0 {
			t.Errorf("number %d hears %+v", i+1, f.Queue)
		}
		visitors, sockets = append(visitors, v), append(sockets, s)
	}
	for i := range 3 {
		_, err := srv.conv.Take(lin, tenant, visitors[i].Conversation, false)
		must(t, err)
		f := sockets[i].state("a person", func(f stateFrame) bool { return f.Owner == "agent" })
		if f.Agent == nil || f.Agent.Name["zh"] != "小林" {
			t.Errorf("who comes is %+v", f.Agent)
		}
	}
	f := sockets[4].state("the better place with its time", func(f stateFrame) bool { return f.Queue != nil && f.Queue.Position == 2 && f.Queue.Wait > 0 })
	if f.Queue.Wait%10 != 0 || f.Queue.Wait > 60 {
		t.Errorf("the wait is %d s", f.Queue.Wait)
	}
	// The same for who asks by HTTP, and for a second window.
	var page struct {
		Queue *struct {
			Position int
			Wait     int `json:"wait_s"`
		}
	}
	visitors[4].do("GET", "/v1/visitor/messages?after=0", visitors[4].Token, "").into(t, &page)
	if page.Queue == nil || page.Queue.Position != 2 || page.Queue.Wait == 0 {
		t.Errorf("by HTTP: %+v", page.Queue)
	}
	again := visitors[0].dial(0)
	again.state("the agent, in another window", func(f stateFrame) bool { return f.Owner == "agent" && f.Agent != nil })
}
