package conversation

import (
	"context"

	"frontdesk"
)

// OpenOn is how many open conversations of a site somebody has; Agent is empty where no person has them.
type OpenOn struct {
	Owner       Owner
	Agent, Site string
	Count       int
}

// OpenNow counts a tenant's open conversations by who has them and where.
func (s *Service) OpenNow(ctx context.Context, tenant string) ([]OpenOn, error) {
	rows, err := s.DB.Query(ctx, `SELECT owner, agent, site, count(*) FROM conversation
		WHERE tenant = $1 AND owner <> 'closed' GROUP BY owner, agent, site`, tenant)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []OpenOn
	for rows.Next() {
		var o OpenOn
		var owner string
		if err := rows.Scan(&owner, &o.Agent, &o.Site, &o.Count); err != nil {
			return nil, err
		}
		o.Owner = Owner(owner)
		out = append(out, o)
	}
	return out, rows.Err()
}

// Queue lists a tenant's conversations that wait for a person, longest wait first, at most limit.
func (s *Service) Queue(ctx context.Context, tenant string, limit int) ([]string, error) {
	rows, err := s.DB.Query(ctx, "SELECT id FROM conversation WHERE tenant = $1 AND owner = 'queue' ORDER BY queued_at, id LIMIT $2", tenant, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// changesMost is how many positions of the log, of all tenants, are looked through for what a console has missed.
const changesMost = 20_000

// ChangedSince lists the conversations of a tenant that changed after a position of the event log, up to the one returned.
// It is not enough where more than most changed, or too long ago: then a list is cheaper to load anew.
func (s *Service) ChangedSince(ctx context.Context, tenant string, pos int64, most int) (ids []string, to int64, enough bool, err error) {
	if to, err = s.DB.LastPos(ctx); err != nil || pos > to || to-pos > changesMost {
		return nil, to, false, err
	}
	known := map[string]struct{}{}
	for at := pos; at < to; {
		events, next, err := s.DB.Events(ctx, tenant, at, 1000)
		if err != nil {
			return nil, to, false, err
		}
		for _, e := range events {
			if e.Conversation != "" && Shown(e.Type) {
				known[e.Conversation] = struct{}{}
			}
		}
		if len(known) > most || next <= at {
			break
		}
		at = next
	}
	if len(known) > most {
		return nil, to, false, nil
	}
	for id := range known {
		ids = append(ids, id)
	}
	return ids, to, true, nil
}

// Shown reports whether an event of a type changes what a list shows of its conversation.
func Shown(eventType string) bool {
	switch eventType {
	case frontdesk.EvConversationOpened, frontdesk.EvConversationOwned, frontdesk.EvConversationClosed, frontdesk.EvConversationRead,
		frontdesk.EvMessageReceived, frontdesk.EvMessageSent, frontdesk.EvMessageChanged, frontdesk.EvTurnCompleted:
		return true
	}
	return false
}
