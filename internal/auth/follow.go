package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"frontdesk"
)

// Credential is a sign-in that somebody holds on to for longer than one request lasts: a session of Staff, or Key.
type Credential struct{ Tenant, Staff, Session, Key string }

// followers are those to be told when a sign-in changes or ends.
type followers struct {
	mu  sync.Mutex
	all map[*follower]struct{}
}

type follower struct {
	held Credential
	tell func(a frontdesk.Actor, err error)
}

// Follow has tell called by each Recheck that concerns the sign-in: with the actor as it is now, or with the Denied error
// that it has ended. It may come more than once, and must not block. The caller calls stop.
func (s *Service) Follow(h Credential, tell func(a frontdesk.Actor, err error)) (stop func()) {
	f := &follower{h, tell}
	s.followers.mu.Lock()
	defer s.followers.mu.Unlock()
	if s.followers.all == nil {
		s.followers.all = map[*follower]struct{}{}
	}
	s.followers.all[f] = struct{}{}
	return func() {
		s.followers.mu.Lock()
		defer s.followers.mu.Unlock()
		delete(s.followers.all, f)
	}
}

// Recheck looks again at the followed sign-ins of a member of staff or a key, when the log says that something about
// them changed; an empty tenant means all, for what ends by time alone. An error of the database ends nobody's sign-in: it
// is returned, and the caller comes again.
func (s *Service) Recheck(ctx context.Context, tenant, subject string) error {
	var concerned []*follower
	s.followers.mu.Lock()
	for f := range s.followers.all {
		if tenant == "" || f.held.Tenant == tenant && (f.held.Staff == subject || f.held.Key == subject) {
			concerned = append(concerned, f)
		}
	}
	s.followers.mu.Unlock()
	known := map[Credential]func(*follower){}
	for _, f := range concerned {
		if known[f.held] == nil {
			a, err := s.Holder(ctx, f.held)
			if err != nil && frontdesk.KindOf(err) != frontdesk.Denied {
				return err
			}
			known[f.held] = func(f *follower) { f.tell(a, err) }
		}
		known[f.held](f)
	}
	return nil
}

// Holder is whose sign-in it is, as they are now; Denied once it has ended.
func (s *Service) Holder(ctx context.Context, h Credential) (frontdesk.Actor, error) {
	now := frontdesk.Micros(s.db.Now())
	if h.Key != "" {
		k, err := s.Key(ctx, h.Tenant, h.Key)
		if frontdesk.KindOf(err) == frontdesk.NotFound || err == nil && k.Expired(s.db.Now()) {
			return frontdesk.Actor{}, errKey
		}
		return k.Actor(), err
	}
	var expires, seen int64
	err := s.db.QueryRow(ctx, `SELECT expires_at, seen_at FROM session WHERE tenant = $1 AND id = $2 AND staff = $3`, h.Tenant, h.Session, h.Staff).Scan(&expires, &seen)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (now >= expires || now-seen >= SessionIdle.Microseconds()) {
		return frontdesk.Actor{}, errNoSession
	}
	if err != nil {
		return frontdesk.Actor{}, fmt.Errorf("load session: %w", err)
	}
	m, err := s.Staff(ctx, h.Tenant, h.Staff)
	if frontdesk.KindOf(err) == frontdesk.NotFound || err == nil && m.Status != Active {
		return frontdesk.Actor{}, errNoSession
	}
	return m.Actor(), err
}
