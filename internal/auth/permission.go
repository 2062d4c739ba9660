package auth

import (
	"context"
	"slices"

	"frontdesk"
)

// Role is what a member of staff is; one person may hold several.
type Role = string

// The roles, one list for the whole product.
const (
	Owner      Role = "owner"      // everything, and the only one who manages staff
	Supervisor Role = "supervisor" // the floor: conversations, knowledge, figures
	Agent      Role = "agent"      // answers customers
	Analyst    Role = "analyst"    // knowledge and figures; reads conversations
	Compliance Role = "compliance" // rules, sealed data, erasure; reads conversations
	Auditor    Role = "auditor"    // reads all, changes nothing
	Integrator Role = "integrator" // sites, keys, webhooks; sees no conversation
)

// Roles lists every role in the order people choose from.
var Roles = []Role{Owner, Supervisor, Agent, Analyst, Compliance, Auditor, Integrator}

// Permission is one right. The scopes of an API key are permissions.
type Permission string

// The permissions. Self is held by everybody who is signed in, whatever their roles.
const (
	Self               Permission = "self"
	ConversationRead   Permission = "conversation.read"
	ConversationLive   Permission = "conversation.live"   // follow them in a console as they happen
	ConversationHandle Permission = "conversation.handle" // take, reply, hand back, close, note
	ConversationSeize  Permission = "conversation.seize"  // take from a colleague, hand back and close what is theirs
	TraceRead          Permission = "trace.read"
	KnowledgeRead      Permission = "knowledge.read" // hit test and export included
	KnowledgeWrite     Permission = "knowledge.write"
	BotAsk             Permission = "bot.ask"
	InsightRead        Permission = "insight.read"
	SiteRead           Permission = "site.read"
	SiteWrite          Permission = "site.write" // identity secrets included
	StaffRead          Permission = "staff.read"
	StaffWrite         Permission = "staff.write"
	KeyRead            Permission = "key.read"
	KeyWrite           Permission = "key.write"
	WebhookRead        Permission = "webhook.read"
	WebhookWrite       Permission = "webhook.write"
	EventRead          Permission = "event.read"
	SealedReveal       Permission = "sealed.reveal" // see a customer's sealed value; needs a reason and is audited
	PersonErase        Permission = "person.erase"
)

// grants is the permission table of the product. Nothing else in the code compares roles.
var grants = map[Permission][]Role{
	Self:               Roles,
	ConversationRead:   {Owner, Supervisor, Agent, Analyst, Compliance, Auditor},
	ConversationLive:   {Owner, Supervisor, Agent, Analyst, Compliance, Auditor},
	ConversationHandle: {Owner, Supervisor, Agent},
	ConversationSeize:  {Owner, Supervisor},
	TraceRead:          {Owner, Supervisor, Agent, Analyst, Compliance, Auditor},
	KnowledgeRead:      {Owner, Supervisor, Agent, Analyst, Compliance, Auditor, Integrator},
	KnowledgeWrite:     {Owner, Supervisor, Analyst},
	BotAsk:             {Owner, Supervisor, Agent, Analyst, Integrator},
	InsightRead:        {Owner, Supervisor, Agent, Analyst, Compliance, Auditor},
	SiteRead:           {Owner, Supervisor, Agent, Analyst, Compliance, Auditor, Integrator},
	SiteWrite:          {Owner, Integrator},
	StaffRead:          {Owner, Supervisor, Agent, Compliance, Auditor},
	StaffWrite:         {Owner},
	KeyRead:            {Owner, Auditor, Integrator},
	KeyWrite:           {Owner, Integrator},
	WebhookRead:        {Owner, Auditor, Integrator},
	WebhookWrite:       {Owner, Integrator},
	EventRead:          {Owner, Compliance, Auditor, Integrator},
	SealedReveal:       {Owner, Supervisor, Compliance},
	PersonErase:        {Owner, Compliance},
}

// staffOnly may not be the scope of a key: a leaked key must not be able to make itself more rights, or be asked to give a
// reason as a person is, and a program has no screen.
var staffOnly = []Permission{Self, ConversationLive, StaffWrite, KeyRead, KeyWrite, SealedReveal, PersonErase}

// Permissions lists the table's rows, sorted.
func Permissions() []Permission {
	out := make([]Permission, 0, len(grants))
	for p := range grants {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// Scopes lists the permissions an API key may have, sorted.
func Scopes() []Permission {
	return slices.DeleteFunc(Permissions(), func(p Permission) bool { return slices.Contains(staffOnly, p) })
}

var errDenied = &frontdesk.Error{Kind: frontdesk.Denied, Public: "This sign-in may not do that."}

// Allow returns nil if the actor holds the permission, else a Denied error. It is the one place where rights are decided;
// that a thing belongs to the actor's tenant is the store's part, whose every query names the tenant.
func Allow(a frontdesk.Actor, p Permission) error {
	roles, known := grants[p]
	if !known || a.Tenant == "" {
		return errDenied
	}
	switch a.Kind {
	case frontdesk.ActorStaff:
		for _, have := range a.Roles {
			if slices.Contains(roles, have) {
				return nil
			}
		}
	case frontdesk.ActorKey:
		if slices.Contains(a.Roles, string(p)) && !slices.Contains(staffOnly, p) {
			return nil
		}
	case frontdesk.ActorSystem:
		return nil
	}
	return errDenied
}

// Require is Allow for the actor of ctx; the actor is returned for its tenant.
func Require(ctx context.Context, p Permission) (frontdesk.Actor, error) {
	a := frontdesk.ActorFrom(ctx)
	return a, Allow(a, p)
}

// Held lists what the actor may do, for a screen that hides what it cannot use.
func Held(a frontdesk.Actor) []Permission {
	return slices.DeleteFunc(Permissions(), func(p Permission) bool { return Allow(a, p) != nil })
}

// HeldBy lists what one role may do.
func HeldBy(role Role) []Permission {
	return slices.DeleteFunc(Permissions(), func(p Permission) bool { return !slices.Contains(grants[p], role) })
}
