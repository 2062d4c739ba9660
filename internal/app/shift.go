package app

import (
	"context"
	"time"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/channel"
	"frontdesk/internal/conversation"
)

// How the shop's people work through those who wait.
const (
	settleIn  = 4 * time.Minute  // from opening to the first conversation taken
	glance    = 20 * time.Minute // between two looks at an empty queue
	perCase   = 3 * time.Minute  // for one conversation
	leftAlone = 6 * time.Minute  // whoever waits less is not late yet: a script's own agent may come
	untouched = 12 * time.Minute // before the end: what waits then still waits now
)

// colleagues are the shop's people by their place in demo.Staff, as they act in the desk.
func (a *App) colleagues(ctx context.Context) ([]frontdesk.Actor, error) {
	list, err := a.staff.StaffList(ctx, demo.Tenant, "", 100)
	if err != nil {
		return nil, err
	}
	byEmail := map[string]frontdesk.Actor{}
	for _, m := range list {
		byEmail[m.Email] = m.Actor()
	}
	out := make([]frontdesk.Actor, len(demo.Staff))
	for i, p := range demo.Staff {
		out[i] = byEmail[p.Email]
		if out[i].ID == "" { // the demo's owner has dismissed them
			out[i] = frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "demo", Tenant: demo.Tenant}
		}
	}
	return out, nil
}

// as is a context in which one of demo.Staff acts.
func (s *simulation) as(ctx context.Context, person int) context.Context {
	return frontdesk.WithActor(ctx, s.staff[person])
}

// shift looks at the queue at a moment when its time has come, takes who has waited longest, and returns when to look again:
// after that case, a while later if nobody waits, or when the shop opens.
func (s *simulation) shift(ctx context.Context, at time.Time, site channel.Site) (next time.Time, err error) {
	if !site.Open(at) {
		opens, ok := site.Hours.NextOpen(at, site.Location())
		if !ok {
			opens = at.AddDate(0, 0, 1)
		}
		return opens.Add(settleIn), nil
	}
	waiting, _, err := s.conv.List(ctx, demo.Tenant, conversation.Filter{Owner: conversation.OwnerQueue, Limit: 1})
	if err != nil {
		return at, err
	}
	if len(waiting) == 0 || frontdesk.FromMicros(waiting[0].QueuedAt).After(at.Add(-leftAlone)) {
		return at.Add(glance), nil
	}
	return at.Add(perCase), s.attend(ctx, waiting[0], at, site)
}

// attend takes a conversation whose customer has waited, answers what was left there, and closes it.
func (s *simulation) attend(ctx context.Context, c conversation.Summary, at time.Time, site channel.Site) error {
	const firstAgent = 2 // in demo.Staff
	s.cases++
	ctx = s.as(ctx, firstAgent+s.cases%(len(demo.Staff)-firstAgent))
	lines := demo.Late
	if !site.Open(frontdesk.FromMicros(c.QueuedAt)) {
		lines = demo.Overnight
	}
	talk := lines[c.Language]
	if len(talk) == 0 {
		talk = lines[demo.Languages[0]]
	}
	s.app.clock.move(at)
	if _, err := s.conv.Take(ctx, demo.Tenant, c.ID, false); err != nil {
		return err
	}
	for _, text := range talk[s.cases%len(talk)] {
		at = at.Add(40 * time.Second)
		s.app.clock.move(at)
		if _, err := s.conv.Reply(ctx, demo.Tenant, c.ID, "", frontdesk.TextContent(text)); err != nil {
			return err
		}
	}
	s.app.clock.move(at.Add(25 * time.Second))
	_, err := s.conv.Close(ctx, demo.Tenant, c.ID, false)
	return err
}
