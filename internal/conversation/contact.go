package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"frontdesk"
)

// Contact is a person, as far as is known.
type Contact struct {
	ID            string
	Name          string
	ExternalID    string // as a host site's signature named them; empty if nobody vouched
	Language      string // of the conversation that changed last
	Site          string // of that conversation
	FirstSeen     int64
	LastSeen      int64
	Conversations int64
}

const contactColumns = `p.id, p.name, p.external_id, p.created_at,
	coalesce((SELECT max(c.updated_at) FROM conversation c WHERE c.tenant = p.tenant AND c.contact = p.id), p.created_at),
	(SELECT count(*) FROM conversation c WHERE c.tenant = p.tenant AND c.contact = p.id AND c.episode > 0),
	coalesce((SELECT c.language FROM conversation c WHERE c.tenant = p.tenant AND c.contact = p.id ORDER BY c.updated_at DESC LIMIT 1), ''),
	coalesce((SELECT c.site FROM conversation c WHERE c.tenant = p.tenant AND c.contact = p.id ORDER BY c.updated_at DESC LIMIT 1), '')`

func scanContact(scan func(...any) error) (c Contact, err error) {
	err = scan(&c.ID, &c.Name, &c.ExternalID, &c.FirstSeen, &c.LastSeen, &c.Conversations, &c.Language, &c.Site)
	return c, err
}

// Contact returns a person. One who was erased is NotFound.
func (s *Service) Contact(ctx context.Context, tenant, id string) (Contact, error) {
	c, err := scanContact(s.DB.QueryRow(ctx, "SELECT "+contactColumns+" FROM contact p WHERE p.tenant = $1 AND p.id = $2 AND p.erased_at = 0", tenant, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, frontdesk.Errorf(frontdesk.NotFound, "There is no such customer.")
	}
	return c, err
}

// Contacts returns people by their ids, in the order of the ids, without those there are not.
func (s *Service) Contacts(ctx context.Context, tenant string, ids []string) ([]Contact, error) {
	var out []Contact
	for chunk := range slices.Chunk(ids, 100) {
		args := []any{tenant}
		for _, id := range chunk {
			args = append(args, id)
		}
		list, err := s.contacts(ctx, "SELECT "+contactColumns+" FROM contact p WHERE p.tenant = $1 AND p.erased_at = 0 AND p.id IN "+placeholders(2, len(chunk)), args...)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortFunc(out, func(a, b Contact) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return out, nil
}

// KnownContacts lists people that somebody vouched for, the newest first, after the one whose id is the cursor.
func (s *Service) KnownContacts(ctx context.Context, tenant, cursor string, limit int) ([]Contact, error) {
	return s.contacts(ctx, "SELECT "+contactColumns+` FROM contact p WHERE p.tenant = $1 AND p.external_id <> '' AND p.erased_at = 0
		AND ($2 = '' OR p.id < $2) ORDER BY p.id DESC LIMIT $3`, tenant, cursor, limit)
}

// ContactOf finds the person that a host site names, empty if there is none.
func (s *Service) ContactOf(ctx context.Context, tenant, external string) (id string, err error) {
	if external == "" {
		return "", nil
	}
	err = s.DB.QueryRow(ctx, "SELECT id FROM contact WHERE tenant = $1 AND external_id = $2 AND external_id <> '' AND erased_at = 0", tenant, external).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, err
}

func (s *Service) contacts(ctx context.Context, query string, args ...any) ([]Contact, error) {
	rows, err := s.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read customers: %w", err)
	}
	defer rows.Close()
	var out []Contact
	for rows.Next() {
		c, err := scanContact(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read customers: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Visitor is an identity of a person on one site.
type Visitor struct {
	ID, Site, Conversation string
	FirstSeen, LastSeen    int64
}

// Visitors lists a person's identities, the last seen first; at most 100.
func (s *Service) Visitors(ctx context.Context, tenant, contact string) ([]Visitor, error) {
	rows, err := s.DB.Query(ctx, `SELECT v.id, v.site, v.created_at, coalesce(c.id, ''), coalesce(c.updated_at, v.created_at) FROM visitor v
		LEFT JOIN conversation c ON c.tenant = v.tenant AND c.contact = v.contact AND c.visitor = v.id
		WHERE v.tenant = $1 AND v.contact = $2 ORDER BY coalesce(c.updated_at, v.created_at) DESC, v.id LIMIT 100`, tenant, contact)
	if err != nil {
		return nil, fmt.Errorf("read visitors: %w", err)
	}
	defer rows.Close()
	var out []Visitor
	for rows.Next() {
		var v Visitor
		if err := rows.Scan(&v.ID, &v.Site, &v.FirstSeen, &v.Conversation, &v.LastSeen); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Episode is one visit of a person.
type Episode struct {
	Conversation       string
	Number             int64
	Site               string
	OpenedAt, ClosedAt int64 // ClosedAt 0: open
	Outcome            string
	HandedOver         bool
	Rating             int
	RatingText         string
	Messages           int64 // of customer, bot and staff; notes and system lines left out
	Preview            string
}

// Episodes lists a person's visits in all their conversations, the newest first, after the cursor of the page before.
func (s *Service) Episodes(ctx context.Context, tenant, contact, cursor string, limit int) (list []Episode, next string, err error) {
	before, id, number := int64(1<<62), "", int64(0)
	if cursor != "" {
		parts := strings.Split(cursor, "~")
		if len(parts) != 3 {
			return nil, "", frontdesk.InvalidField("cursor", "This is not a cursor of this list.")
		}
		var e1, e2 error
		before, e1 = strconv.ParseInt(parts[0], 10, 64)
		number, e2 = strconv.ParseInt(parts[2], 10, 64)
		if id = parts[1]; e1 != nil || e2 != nil {
			return nil, "", frontdesk.InvalidField("cursor", "This is not a cursor of this list.")
		}
	}
	// Newest first and, of one moment, the smaller id: both as the cursor has them.
	rows, err := s.DB.Query(ctx, `SELECT e.conversation, e.number, e.site, e.opened_at, e.closed_at, e.outcome, e.handed_over, e.rating, e.rating_text,
			(SELECT count(*) FROM message m WHERE m.tenant = e.tenant AND m.conversation = e.conversation AND m.episode = e.number AND m.author IN ('customer', 'bot', 'agent')),
			coalesce((SELECT m.content FROM message m WHERE m.tenant = e.tenant AND m.conversation = e.conversation AND m.episode = e.number AND m.author = 'customer'
				AND m.state <> 'recalled' ORDER BY m.seq LIMIT 1), '')
		FROM conversation c JOIN episode e ON e.tenant = c.tenant AND e.conversation = c.id
		WHERE c.tenant = $1 AND c.contact = $2 AND (e.opened_at < $3 OR e.opened_at = $3 AND (e.conversation, e.number) > ($4, $5))
		ORDER BY e.opened_at DESC, e.conversation, e.number LIMIT $6`, tenant, contact, before, id, number, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("read episodes: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e Episode
		var handed int
		var body string
		if err := rows.Scan(&e.Conversation, &e.Number, &e.Site, &e.OpenedAt, &e.ClosedAt, &e.Outcome, &handed, &e.Rating, &e.RatingText, &e.Messages, &body); err != nil {
			return nil, "", err
		}
		e.HandedOver = handed != 0
		var c frontdesk.Content
		if body != "" {
			if err := json.Unmarshal([]byte(body), &c); err != nil {
				return nil, "", fmt.Errorf("episode %d of %s: %w", e.Number, e.Conversation, err)
			}
		}
		e.Preview = preview(c)
		list = append(list, e)
	}
	if len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		next = fmt.Sprintf("%d~%s~%d", last.OpenedAt, last.Conversation, last.Number)
	}
	return list, next, rows.Err()
}
