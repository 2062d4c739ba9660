package auth

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStaffTicketsOpenOneSocketEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := []byte("a master key for tests, 32 bytes")
		ts, err := NewTickets(master)
		if err != nil {
			t.Fatal(err)
		}
		vs := visitors(t, string(master))
		who := Ticket{Tenant: "acme", Staff: "lin", Session: "s1"}
		ticket := ts.Issue(who)
		got, err := ts.Redeem(ticket)
		if err != nil || got.Tenant != "acme" || got.Staff != "lin" || got.Session != "s1" {
			t.Fatalf("first: %+v, %v", got, err)
		}
		for name, bad := range map[string]string{"used": ticket, "none": "", "cut": ts.Issue(who)[:40], "a visitor's": vs.Ticket(lin)} {
			if _, err := ts.Redeem(bad); err == nil {
				t.Errorf("%s ticket opened a socket", name)
			}
		}
		if _, err := vs.Redeem(ts.Issue(who)); err == nil {
			t.Error("a ticket of staff opened a visitor's socket")
		}
		late := ts.Issue(who)
		time.Sleep(TicketTTL + time.Second)
		if _, err := ts.Redeem(late); err == nil {
			t.Error("an expired ticket opened a socket")
		}
	})
}
