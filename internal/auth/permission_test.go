package auth

import (
	"testing"

	"frontdesk"
)

// TestTable writes the permission table out as people would check it: who may do what, cell by cell.
func TestTable(t *testing.T) {
	want := map[Permission]string{ // o owner, s supervisor, a agent, y analyst, c compliance, u auditor, i integrator
		Self:               "osaycui",
		ConversationRead:   "osaycu",
		ConversationLive:   "osaycu",
		ConversationHandle: "osa",
		ConversationSeize:  "os",
		TraceRead:          "osaycu",
		KnowledgeRead:      "osaycui",
		KnowledgeWrite:     "osy",
		BotAsk:             "osayi",
		InsightRead:        "osaycu",
		SiteRead:           "osaycui",
		SiteWrite:          "oi",
		StaffRead:          "osacu",
		StaffWrite:         "o",
		KeyRead:            "oui",
		KeyWrite:           "oi",
		WebhookRead:        "oui",
		WebhookWrite:       "oi",
		EventRead:          "ocui",
		SealedReveal:       "osc",
		PersonErase:        "oc",
	}
	letters := map[Role]rune{Owner: 'o', Supervisor: 's', Agent: 'a', Analyst: 'y', Compliance: 'c', Auditor: 'u', Integrator: 'i'}
	if len(Permissions()) != len(want) {
		t.Fatalf("the table has %d permissions, the test %d", len(Permissions()), len(want))
	}
	for p, allowed := range want {
		var got string
		for _, role := range Roles {
			if Allow(frontdesk.Actor{Kind: frontdesk.ActorStaff, Tenant: "t", Roles: []string{role}}, p) == nil {
				got += string(letters[role])
			}
		}
		if got != allowed {
			t.Errorf("%s: allowed to %q, want %q", p, got, allowed)
		}
	}
}

func TestAllow(t *testing.T) {
	staff := func(roles ...string) frontdesk.Actor {
		return frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "s", Tenant: "t", Roles: roles}
	}
	key := func(scopes ...string) frontdesk.Actor {
		return frontdesk.Actor{Kind: frontdesk.ActorKey, ID: "k", Tenant: "t", Roles: scopes}
	}
	for _, c := range []struct {
		name  string
		actor frontdesk.Actor
		perm  Permission
		ok    bool
	}{
		{"two roles add up", staff(Agent, Analyst), KnowledgeWrite, true},
		{"the zero actor may nothing", frontdesk.Actor{}, Self, false},
		{"nobody without a tenant", frontdesk.Actor{Kind: frontdesk.ActorStaff, Roles: []string{Owner}}, Self, false},
		{"an unknown permission is held by nobody", staff(Owner), "everything", false},
		{"an unknown role holds nothing", staff("root"), Self, false},
		{"no role holds nothing", staff(), Self, false},
		{"a visitor holds none of these", frontdesk.Actor{Kind: frontdesk.ActorVisitor, Tenant: "t", Roles: []string{Owner}}, ConversationRead, false},
		{"a key has its scope", key("event.read"), EventRead, true},
		{"a key has only its scopes", key("event.read"), KnowledgeRead, false},
		{"a role is no scope", key(Owner), EventRead, false},
		{"a scope is no role", staff("event.read"), EventRead, false},
		{"a key never manages staff", key("staff.write"), StaffWrite, false},
		{"a key never makes keys", key("key.write"), KeyWrite, false},
		{"the system acts within a tenant", frontdesk.Actor{Kind: frontdesk.ActorSystem, Tenant: "t"}, ConversationHandle, true},
	} {
		err := Allow(c.actor, c.perm)
		if (err == nil) != c.ok || err != nil && frontdesk.KindOf(err) != frontdesk.Denied {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	ctx := frontdesk.WithActor(t.Context(), staff(Agent))
	if a, err := Require(ctx, ConversationHandle); err != nil || a.ID != "s" {
		t.Errorf("Require: %v, %v", a, err)
	}
	if _, err := Require(t.Context(), Self); err == nil {
		t.Error("a context without an actor was let in")
	}
}

func BenchmarkAllow(b *testing.B) {
	a := frontdesk.Actor{Kind: frontdesk.ActorStaff, Tenant: "t", Roles: []string{Agent}}
	for b.Loop() {
		if Allow(a, ConversationHandle) != nil {
			b.Fatal("denied")
		}
	}
}
