package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}

const goodPassword = "correct horse 7"

func service(t testing.TB, db *sqldb.DB) *Service {
	t.Helper()
	s, err := NewService(db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func firstRun() FirstRun {
	return FirstRun{Company: "示例电器", Name: "Olive Owner", Email: "Olive@Example.test ", Password: goodPassword}
}

// setUp makes the first tenant and a second one, each with an owner.
func setUp(t testing.TB, db *sqldb.DB) (s *Service, owner, rival frontdesk.Actor) {
	t.Helper()
	s = service(t, db)
	a, err := s.Setup(t.Context(), firstRun(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.AddTenant(t.Context(), FirstRun{Company: "Rival", Name: "Rita Rival", Email: "rita@example.test", Password: goodPassword}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, a.Actor(), b.Actor()
}

func kind(t *testing.T, what string, err error, want frontdesk.Kind) {
	t.Helper()
	if err == nil || frontdesk.KindOf(err) != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestSetupHappensOnce lets ten callers set up at once, with a bot that fails for one of them.
func TestSetupHappensOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		if needed, err := service(t, db).NeedsSetup(ctx); err != nil || !needed {
			t.Fatalf("an empty database needs setup: %v, %v", needed, err)
		}
		// What fails half-way leaves nothing behind.
		broken := errors.New("no bot")
		_, err := service(t, db).Setup(ctx, firstRun(), func(*sqldb.Tx, frontdesk.Actor) error { return broken })
		if !errors.Is(err, broken) {
			t.Fatalf("a failure in the middle: %v", err)
		}
		var won, conflicts atomic.Int32
		var wg sync.WaitGroup
		for i := range 10 {
			s := service(t, db)
			wg.Go(func() {
				in := firstRun()
				in.Email = fmt.Sprintf("owner%d@example.test", i)
				switch _, err := s.Setup(ctx, in, nil); {
				case err == nil:
					won.Add(1)
				case frontdesk.KindOf(err) == frontdesk.Conflict:
					conflicts.Add(1)
				default:
					t.Errorf("setup: %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || conflicts.Load() != 9 {
			t.Errorf("%d set up, %d were refused", won.Load(), conflicts.Load())
		}
		if tenants, err := service(t, db).Tenants(ctx); err != nil || len(tenants) != 1 {
			t.Errorf("tenants: %v, %v", tenants, err)
		}
		if needed, err := service(t, db).NeedsSetup(ctx); err != nil || needed {
			t.Errorf("setup is still wanted: %v", err)
		}
	})
}

func TestSessionLife(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		s, owner, _ := setUp(t, db)
		m, session, token, err := s.SignIn(ctx, Attempt{Email: "olive@example.test", Password: goodPassword, IP: "192.0.2.1", Browser: "test\x00\u202e"})
		if err != nil || m.ID != owner.ID || session.Browser != "test" {
			t.Fatalf("sign-in: %+v %+v %v", m, session, err)
		}
		who, again, err := s.Session(ctx, token)
		if err != nil || who.ID != owner.ID || again.ID != session.ID || who.Actor().Roles[0] != Owner {
			t.Fatalf("session: %+v %+v %v", who, again, err)
		}
		var kept string
		if err := db.QueryRow(ctx, `SELECT token_hash FROM session WHERE tenant = $1 AND id = $2`, owner.Tenant, session.ID).Scan(&kept); err != nil || strings.Contains(kept, token) {
			t.Errorf("the token itself is kept, or %v", err)
		}
		if !CheckCSRF(token, CSRF(token)) || CheckCSRF(token, "") || CheckCSRF("", "") || CheckCSRF(token, CSRF("other")) {
			t.Error("the CSRF token is not bound to the session")
		}
		for _, bad := range []string{"", "x", token + "x", strings.Repeat("a", 43)} {
			_, _, err := s.Session(ctx, bad)
			kind(t, "token "+bad, err, frontdesk.Denied)
		}
		age := func(column string, by time.Duration) {
			t.Helper()
			if err := db.Write(ctx, func(tx *sqldb.Tx) error {
				_, err := tx.Exec(`UPDATE session SET `+column+` = $3 WHERE tenant = $1 AND id = $2`, owner.Tenant, session.ID, tx.Now()+by.Microseconds())
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		age("seen_at", -2*time.Minute)
		s.Session(ctx, token)
		if all, err := s.Sessions(ctx, owner.Tenant, owner.ID); err != nil || len(all) != 1 || time.Since(frontdesk.FromMicros(all[0].SeenAt)) > time.Minute {
			t.Errorf("a request did not count as use: %+v %v", all, err)
		}
		age("seen_at", -SessionIdle-time.Second)
		_, _, err = s.Session(ctx, token)
		kind(t, "idle session", err, frontdesk.Denied)
		age("seen_at", 0)
		age("expires_at", -time.Second)
		_, _, err = s.Session(ctx, token)
		kind(t, "old session", err, frontdesk.Denied)
		age("expires_at", time.Hour)
		kind(t, "another tenant's sign-out", s.SignOut(ctx, "other", owner.ID, session.ID), frontdesk.NotFound)
		if err := s.SignOut(ctx, owner.Tenant, owner.ID, session.ID); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Session(ctx, token)
		kind(t, "session signed out", err, frontdesk.Denied)
	})
}

// TestGuessingIsHeldBack tries many passwords at once and one after the other.
func TestGuessingIsHeldBack(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		s, owner, _ := setUp(t, db)
		try := func(password, ip string) error {
			_, _, _, err := s.SignIn(ctx, Attempt{Email: "olive@example.test", Password: password, IP: ip})
			return err
		}
		var denied, limited atomic.Int32
		var wg sync.WaitGroup
		for range 24 {
			wg.Go(func() {
				switch err := try("wrong password", "2001:db8::1"); frontdesk.KindOf(err) {
				case frontdesk.Denied:
					denied.Add(1)
				case frontdesk.Limited:
					limited.Add(1)
				default:
					t.Errorf("%v", err)
				}
			})
		}
		wg.Wait()
		if denied.Load() != throttlePair || limited.Load() != 24-throttlePair {
			t.Errorf("%d guesses were checked, %d held back", denied.Load(), limited.Load())
		}
		err := try(goodPassword, "2001:db8::2") // a neighbour in the same /64
		kind(t, "right password while held back", err, frontdesk.Limited)
		if e, ok := errors.AsType[*frontdesk.Error](err); !ok || e.RetryAfter <= 0 || e.RetryAfter > throttleWindow {
			t.Errorf("retry after: %v", err)
		}
		if err := try(goodPassword, "192.0.2.7"); err != nil {
			t.Errorf("the owner from elsewhere: %v", err)
		}
		if err := db.Write(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(`UPDATE sign_in SET since = since - $1`, throttleWindow.Microseconds()+1)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := try(goodPassword, "2001:db8::1"); err != nil {
			t.Errorf("after the window: %v", err)
		}
		kind(t, "nobody's address", func() error {
			_, _, _, err := s.SignIn(ctx, Attempt{Email: "nobody@example.test", Password: goodPassword, IP: "192.0.2.8"})
			return err
		}(), frontdesk.Denied)

		var failed int
		for _, ev := range eventually(t, db, owner.Tenant, frontdesk.EvStaffSignedIn, 2) {
			if ev.Type == frontdesk.EvStaffSignInFailed {
				failed++
			}
			if strings.Contains(string(ev.Data), "olive") {
				t.Errorf("an event carries an address: %s", ev.Data)
			}
		}
		if failed != throttlePair {
			t.Errorf("%d failures are in the log, want %d", failed, throttlePair)
		}
	})
}

// eventually returns a tenant's events once n of a type are there: on PostgreSQL positions come after the commit.
func eventually(t *testing.T, db *sqldb.DB, tenant, typ string, n int) []frontdesk.Event {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go db.Sequence(ctx)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(5 * time.Second); ; <-tick.C {
		events, _, err := db.Events(t.Context(), tenant, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, ev := range events {
			if ev.Type == typ {
				seen++
			}
		}
		if seen >= n {
			return events
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d %s events", seen, n, typ)
		}
	}
}

func TestStaff(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		s, owner, rival := setUp(t, db)
		amy, err := s.Hire(ctx, owner, NewStaff{Email: "amy@example.test", Name: "Amy Agent", Password: goodPassword, Roles: []Role{Agent, Analyst}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			field string
			in    NewStaff
		}{
			{"email", NewStaff{"amy", "A", goodPassword, nil, []Role{Agent}}},
			{"email", NewStaff{"Amy <amy@example.test>", "A", goodPassword, nil, []Role{Agent}}},
			{"email", NewStaff{"amy@example.test\x00", "A", goodPassword, nil, []Role{Agent}}},
			{"name", NewStaff{"b@example.test", " ", goodPassword, nil, []Role{Agent}}},
			{"name", NewStaff{"b@example.test", "a\u202eb", goodPassword, nil, []Role{Agent}}},
			{"password", NewStaff{"b@example.test", "B", "short", nil, []Role{Agent}}},
			{"password", NewStaff{"b@example.test", "B", "aaaaaaaaaaaaaaaa", nil, []Role{Agent}}},
			{"password", NewStaff{"b@example.test", "B", "B@example.test", nil, []Role{Agent}}},
			{"roles", NewStaff{"b@example.test", "B", goodPassword, nil, nil}},
			{"names.en", NewStaff{"b@example.test", "B", goodPassword, frontdesk.Localized{"zh": "小白", "en": "B\u202e"}, []Role{Agent}}},
			{"roles", NewStaff{"b@example.test", "B", goodPassword, nil, []Role{"root"}}},
			{"roles", NewStaff{"b@example.test", "B", goodPassword, nil, []Role{Agent, Agent}}},
		} {
			_, err := s.Hire(ctx, owner, c.in)
			if e, ok := errors.AsType[*frontdesk.Error](err); !ok || e.Kind != frontdesk.Invalid || e.Field != c.field {
				t.Errorf("%+v: %v, want a complaint about %s", c.in, err, c.field)
			}
		}
		_, err = s.Hire(ctx, rival, NewStaff{Email: "AMY@example.test", Name: "Amy", Password: goodPassword, Roles: []Role{Agent}})
		kind(t, "an address twice", err, frontdesk.Conflict)

		// Customers read the name of their language, and who has none there is called by the one name.
		names := frontdesk.Localized{"zh": "艾米"}
		if _, err := s.ChangeStaff(ctx, owner, amy.ID, StaffChange{Shown: &names}); err != nil {
			t.Fatal(err)
		}
		m, err := s.Staff(ctx, owner.Tenant, amy.ID)
		if a := m.Actor(); err != nil || a.Called("zh") != "艾米" || a.Called("en") != "Amy Agent" {
			t.Errorf("called %q and %q: %v", a.Called("zh"), a.Called("en"), err)
		}

		// What is another tenant's is not there.
		_, err = s.Staff(ctx, rival.Tenant, amy.ID)
		kind(t, "foreign get", err, frontdesk.NotFound)
		_, err = s.ChangeStaff(ctx, rival, amy.ID, StaffChange{Roles: &[]Role{Owner}})
		kind(t, "foreign change", err, frontdesk.NotFound)
		kind(t, "foreign delete", s.Dismiss(ctx, rival, amy.ID), frontdesk.NotFound)
		kind(t, "foreign password", s.SetPassword(ctx, rival, amy.ID, goodPassword), frontdesk.NotFound)
		if list, err := s.StaffList(ctx, rival.Tenant, "", 10); err != nil || len(list) != 1 {
			t.Errorf("foreign list: %v, %v", list, err)
		}

		// Sessions follow the account.
		signIn := func(password string) (string, error) {
			_, _, token, err := s.SignIn(ctx, Attempt{Email: "amy@example.test", Password: password, IP: "192.0.2.9"})
			return token, err
		}
		token, err := signIn(goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		roles, disabled, active := []Role{Auditor}, Disabled, Active
		if _, err := s.ChangeStaff(ctx, owner, amy.ID, StaffChange{Roles: &roles}); err != nil {
			t.Fatal(err)
		}
		if who, _, err := s.Session(ctx, token); err != nil || who.Roles[0] != Auditor {
			t.Errorf("new roles do not count at once: %+v, %v", who, err)
		}
		if _, err := s.ChangeStaff(ctx, owner, amy.ID, StaffChange{Status: &disabled}); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Session(ctx, token)
		kind(t, "session of a disabled account", err, frontdesk.Denied)
		_, err = signIn(goodPassword)
		kind(t, "sign-in of a disabled account", err, frontdesk.Denied)
		if _, err := s.ChangeStaff(ctx, owner, amy.ID, StaffChange{Status: &active}); err != nil {
			t.Fatal(err)
		}
		first, _ := signIn(goodPassword)
		second, err := signIn(goodPassword)
		if err != nil {
			t.Fatal(err)
		}
		_, keep, _ := s.Session(ctx, second)
		kind(t, "own password without the current one", s.ChangeOwnPassword(ctx, amy.Actor(), "wrong", "another horse 8", keep.ID, "192.0.2.9"), frontdesk.Invalid)
		if err := s.ChangeOwnPassword(ctx, amy.Actor(), goodPassword, "another horse 8", keep.ID, "192.0.2.9"); err != nil {
			t.Fatal(err)
		}
		_, _, err = s.Session(ctx, first)
		kind(t, "other session after a new password", err, frontdesk.Denied)
		if _, _, err := s.Session(ctx, second); err != nil {
			t.Errorf("the session that changed the password: %v", err)
		}
		if err := s.Dismiss(ctx, owner, amy.ID); err != nil {
			t.Fatal(err)
		}
		_, err = signIn("another horse 8")
		kind(t, "sign-in of somebody dismissed", err, frontdesk.Denied)
		if _, err := s.Hire(ctx, owner, NewStaff{Email: "amy@example.test", Name: "Amy again", Password: goodPassword, Roles: []Role{Agent}}); err != nil {
			t.Errorf("an address is free again: %v", err)
		}
	})
}

// TestAnOwnerRemains lets two owners take each other's role at the same moment.
func TestAnOwnerRemains(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		s, owner, _ := setUp(t, db)
		disabled, agent := Disabled, []Role{Agent}
		_, err := s.ChangeStaff(ctx, owner, owner.ID, StaffChange{Status: &disabled})
		kind(t, "disable the last owner", err, frontdesk.Conflict)
		kind(t, "delete the last owner", s.Dismiss(ctx, owner, owner.ID), frontdesk.Conflict)
		other, err := s.Hire(ctx, owner, NewStaff{Email: "otto@example.test", Name: "Otto", Password: goodPassword, Roles: []Role{Owner}})
		if err != nil {
			t.Fatal(err)
		}
		var refused atomic.Int32
		var wg sync.WaitGroup
		for _, id := range []string{owner.ID, other.ID} {
			wg.Go(func() {
				if _, err := s.ChangeStaff(ctx, owner, id, StaffChange{Roles: &agent}); frontdesk.KindOf(err) == frontdesk.Conflict {
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		if refused.Load() != 1 {
			t.Errorf("%d of two demotions were refused", refused.Load())
		}
	})
}

func TestKeys(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		s, owner, rival := setUp(t, db)
		k, secret, err := s.MakeKey(ctx, owner, NewKey{Name: "shop", Scopes: []Permission{EventRead, KnowledgeRead}, ExpiresAt: frontdesk.Micros(time.Now().Add(time.Hour))})
		if err != nil || !strings.HasPrefix(secret, KeyPrefix) || !strings.HasSuffix(secret, k.Hint) {
			t.Fatalf("%+v, %v", k, err)
		}
		a, err := s.KeyActor(ctx, secret)
		if err != nil || a.Tenant != owner.Tenant || Allow(a, EventRead) != nil || Allow(a, KnowledgeWrite) == nil {
			t.Fatalf("%+v, %v", a, err)
		}
		if got, err := s.Key(ctx, owner.Tenant, k.ID); err != nil || got.UsedAt == 0 {
			t.Errorf("use was not noted: %+v, %v", got, err)
		}
		for _, bad := range []string{"", "fdk_", secret + "x", strings.TrimPrefix(secret, KeyPrefix), KeyPrefix + frontdesk.Secret()} {
			_, err := s.KeyActor(ctx, bad)
			kind(t, "a wrong key", err, frontdesk.Denied)
		}
		_, _, err = s.MakeKey(ctx, owner, NewKey{Name: "x", Scopes: []Permission{StaffWrite}})
		kind(t, "a key that manages staff", err, frontdesk.Invalid)
		integrator := frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "i", Tenant: owner.Tenant, Roles: []string{Integrator}}
		_, _, err = s.MakeKey(ctx, integrator, NewKey{Name: "x", Scopes: []Permission{ConversationRead}})
		kind(t, "a key that may more than its maker", err, frontdesk.Denied)
		_, _, err = s.MakeKey(ctx, owner, NewKey{Name: "x", Scopes: []Permission{EventRead}, ExpiresAt: 1})
		kind(t, "a key of the past", err, frontdesk.Invalid)

		_, err = s.Key(ctx, rival.Tenant, k.ID)
		kind(t, "foreign key", err, frontdesk.NotFound)
		kind(t, "foreign revocation", s.RevokeKey(ctx, rival, k.ID), frontdesk.NotFound)
		for range 2 {
			if err := s.RevokeKey(ctx, owner, k.ID); err != nil {
				t.Fatal(err)
			}
		}
		_, err = s.KeyActor(ctx, secret)
		kind(t, "a revoked key", err, frontdesk.Denied)

		expiring, secret, err := s.MakeKey(ctx, owner, NewKey{Name: "short", Scopes: []Permission{EventRead}, ExpiresAt: frontdesk.Micros(time.Now().Add(time.Hour))})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Write(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(`UPDATE api_key SET expires_at = $3 WHERE tenant = $1 AND id = $2`, owner.Tenant, expiring.ID, tx.Now()-1)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		_, err = s.KeyActor(ctx, secret)
		kind(t, "an expired key", err, frontdesk.Denied)
		all, err := s.Keys(ctx, owner.Tenant, "", 10)
		if b, _ := json.Marshal(all); err != nil || len(all) != 2 || strings.Contains(string(b), secret) {
			t.Errorf("keys: %s, %v", b, err)
		}
	})
}
