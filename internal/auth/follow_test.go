package auth

import (
	"slices"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// Whoever holds on to a sign-in hears of each change to it, and of nobody else's.
func TestFollowersHearOfTheirSignIn(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, owner, rival := setUp(t, db)
		m, err := s.Hire(t.Context(), owner, NewStaff{Email: "lin@example.test", Name: "Lin", Password: goodPassword, Roles: []Role{Agent}})
		if err != nil {
			t.Fatal(err)
		}
		_, first, _, err := s.SignIn(t.Context(), Attempt{Email: "lin@example.test", Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		_, second, _, err := s.SignIn(t.Context(), Attempt{Email: "lin@example.test", Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		key, _, err := s.MakeKey(t.Context(), owner, NewKey{Name: "crm", Scopes: []Permission{ConversationRead}})
		if err != nil {
			t.Fatal(err)
		}
		type word struct {
			who   string
			roles []string
			kind  frontdesk.Kind
		}
		var heard []word
		follow := func(name string, c Credential) func() {
			return s.Follow(c, func(a frontdesk.Actor, err error) { heard = append(heard, word{name, a.Roles, frontdesk.KindOf(err)}) })
		}
		follow("first", Credential{Tenant: m.Tenant, Staff: m.ID, Session: first.ID})
		stop := follow("second", Credential{Tenant: m.Tenant, Staff: m.ID, Session: second.ID})
		follow("key", Credential{Tenant: m.Tenant, Key: key.ID})
		recheck := func(tenant, subject string) []word {
			heard = nil
			if err := s.Recheck(t.Context(), tenant, subject); err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(heard, func(a, b word) int { return slices.Compare([]string{a.who}, []string{b.who}) })
			return heard
		}

		if got := recheck(rival.Tenant, m.ID); len(got) != 0 {
			t.Errorf("another company's change was heard: %v", got)
		}
		if _, err := s.ChangeStaff(t.Context(), owner, m.ID, StaffChange{Roles: &[]Role{Integrator}}); err != nil {
			t.Fatal(err)
		}
		if got := recheck(m.Tenant, m.ID); len(got) != 2 || got[0].who != "first" || !slices.Equal(got[0].roles, []string{Integrator}) || got[0].kind != 0 {
			t.Errorf("a new role: %v", got)
		}
		if err := s.SignOut(t.Context(), m.Tenant, m.ID, second.ID); err != nil {
			t.Fatal(err)
		}
		eventually(t, db, m.Tenant, frontdesk.EvStaffSignedOut, 1)
		if got := recheck(m.Tenant, m.ID); len(got) != 2 || got[0].kind != 0 || got[1].kind != frontdesk.Denied {
			t.Errorf("one session ended: %v", got)
		}
		stop()
		if err := s.RevokeKey(t.Context(), owner, key.ID); err != nil {
			t.Fatal(err)
		}
		if got := recheck(m.Tenant, key.ID); len(got) != 1 || got[0].who != "key" || got[0].kind != frontdesk.Denied {
			t.Errorf("a revoked key: %v", got)
		}
		// What ends by time alone is found by looking at all.
		if _, err := s.Holder(t.Context(), Credential{Tenant: m.Tenant, Staff: m.ID, Session: first.ID}); err != nil {
			t.Errorf("a living session: %v", err)
		}
		if err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec("UPDATE session SET expires_at = $1 WHERE id = $2", time.Now().Add(-time.Second).UnixMicro(), first.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got := recheck("", ""); len(got) != 2 || got[0].who != "first" || got[0].kind != frontdesk.Denied {
			t.Errorf("an expired session: %v", got)
		}
	})
}
