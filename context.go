package frontdesk

import "context"

// ActorKind says what sort of party acts.
type ActorKind string

// Who can act.
const (
	ActorVisitor ActorKind = "visitor"
	ActorStaff   ActorKind = "staff"
	ActorKey     ActorKind = "key" // an API key
	ActorSystem  ActorKind = "system"
)

// Actor is who a request is made by. The zero Actor may do nothing.
type Actor struct {
	Kind   ActorKind
	ID     string
	Tenant string
	Roles  []string // staff: roles; key: scopes
	Name   string
	Shown  Localized // staff: what customers may call them, by language
}

// Called is what a customer who reads language may call the actor.
func (a Actor) Called(language string) string {
	if name := a.Shown[language]; name != "" {
		return name
	}
	return a.Name
}

type actorKey struct{}

// WithActor returns a context that carries the actor and with it the tenant.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom returns the actor of ctx, or the zero Actor.
func ActorFrom(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}
