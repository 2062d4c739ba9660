package delivery

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/bus"
	"frontdesk/internal/conversation"

	"github.com/nats-io/nats-server/v2/server"
)

// A node that dies says nothing of it: whoever was there is not there any more once they were not heard of for a while.
func TestWhoIsNotHeardOfIsNotThere(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("no bus")
	}
	var rooms [2]*Rooms
	var lines [2]*bus.Bus
	for i := range rooms {
		if lines[i], err = bus.Open(s.ClientURL(), nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(lines[i].Close)
		if rooms[i], err = NewRooms(lines[i], string(rune('a'+i))); err != nil {
			t.Fatal(err)
		}
	}
	key := conversation.Key{Tenant: "acme", ID: "c1"}
	var mu sync.Mutex
	var last []person
	lin := &Guest{Key: key, ID: "lin", Name: "Lin", Send: func(frame []byte) {
		var f struct{ Staff []person }
		mu.Lock()
		defer mu.Unlock()
		if err := json.Unmarshal(frame, &f); err != nil {
			t.Error(err)
		}
		last = f.Staff
	}}
	wu := &Guest{Key: key, ID: "wu", Name: "Wu", Send: func([]byte) {}}
	sees := func(want ...person) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			if len(last) != len(want) {
				return false
			}
			for i := range want {
				if last[i] != want[i] {
					return false
				}
			}
			return true
		}
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %s", what)
			}
		}
	}
	rooms[1].Enter(wu)
	rooms[0].Enter(lin)
	until("the colleague at the other node", func() bool {
		if sees(person{"wu", "Wu", false})() {
			return true
		}
		rooms[1].refresh(time.Now()) // the subscription may be younger than the first word
		return false
	})
	rooms[1].Typing(wu, true)
	until("them writing", sees(person{"wu", "Wu", true}))
	rooms[1].Typing(wu, false)
	until("them having stopped", sees(person{"wu", "Wu", false}))

	second := &Guest{Key: key, ID: "wu", Name: "Wu", Send: func([]byte) {}} // the same person at this node, too
	rooms[0].Enter(second)
	until("one person once", sees(person{"wu", "Wu", false}))
	rooms[0].Leave(second)
	lines[1].Close() // that node is gone
	rooms[0].refresh(time.Now().Add(roomGone - time.Second))
	if !sees(person{"wu", "Wu", false})() {
		t.Error("gone too early")
	}
	rooms[0].refresh(time.Now().Add(roomGone + time.Second))
	if !sees()() {
		t.Error("a dead node's staff are still there")
	}
	rooms[0].Leave(lin)
	rooms[0].Leave(lin)
	if len(rooms[0].here)+len(rooms[0].away) != 0 {
		t.Error("rooms are left behind")
	}
}
