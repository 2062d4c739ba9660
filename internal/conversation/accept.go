package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/sqldb"
)

// errDuplicate ends a transaction that found its message already there.
var errDuplicate = errors.New("duplicate message")

// Open makes a contact, a visitor and their conversation on a site, or finds those of a known person: external is the id
// under which the host site vouches for them, empty for an anonymous visitor. The conversation is empty until the first
// message opens an episode.
func (s *Service) Open(ctx context.Context, tenant, site, external, name, language string) (visitor, contact, conversation string, err error) {
	visitor, contact, conversation = frontdesk.NewID(), frontdesk.NewID(), frontdesk.NewID()
	err = s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		now := tx.Now()
		if external != "" {
			// The id the host vouches for finds the contact; a name seen again is the newer one.
			err := tx.QueryRow(`INSERT INTO contact (tenant, id, name, external_id, created_at) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (tenant, external_id) WHERE external_id <> '' DO UPDATE SET name = CASE WHEN excluded.name <> '' THEN excluded.name ELSE contact.name END
				RETURNING id`, tenant, contact, name, external, now).Scan(&contact)
			if err != nil {
				return err
			}
			err = tx.QueryRow("SELECT id, visitor FROM conversation WHERE tenant = $1 AND contact = $2 AND site = $3 ORDER BY created_at DESC LIMIT 1",
				tenant, contact, site).Scan(&conversation, &visitor)
			if err == nil || !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			tx.Append(frontdesk.Event{Tenant: tenant, Type: frontdesk.EvVisitorIdentified, Subject: contact, Actor: "visitor:" + visitor})
		} else if _, err := tx.Exec("INSERT INTO contact (tenant, id, created_at) VALUES ($1, $2, $3)", tenant, contact, now); err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO visitor (tenant, id, site, contact, created_at) VALUES ($1, $2, $3, $4, $5)",
			tenant, visitor, site, contact, now); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO conversation (tenant, id, site, contact, visitor, language, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`, tenant, conversation, site, contact, visitor, language, now)
		return err
	})
	return visitor, contact, conversation, err
}

// Overloaded says, before any work is done, whether a message would be refused now.
func (s *Service) Overloaded() error {
	if s.pending.Load() < int64(s.MaxTurns) {
		return nil
	}
	s.stats.Refused.Add(1)
	return &frontdesk.Error{Kind: frontdesk.Limited, Public: "We are very busy at the moment. Please try again shortly.", RetryAfter: time.Second}
}

// Accept stores a customer's message and returns its number. After it returned nil the message is safe and will be
// answered. A client id seen before returns the first one's number and changes nothing.
func (s *Service) Accept(ctx context.Context, in Inbound) (seq int64, err error) {
	if err := s.Overloaded(); err != nil {
		return 0, err
	}
	found := compliance.Detect(in.Content)
	plain, err := encode(in.Content)
	if err != nil {
		return 0, err
	}
	beginning := "" // with personal data in it, it can only be cut after sealing
	if len(found) == 0 {
		beginning = preview(in.Content)
	}
	var t *turn
	var update Update
	err = s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		now := tx.Now()
		content, body := in.Content, plain
		var episode, turnNo, epoch, claimSeq, openedSeq int64
		var owner, claim, state, contact string
		t = nil
		err := tx.QueryRow(`UPDATE conversation SET seq = seq + 1, asked_seq = seq + 1, asked_at = $1, updated_at = $1, preview = $5,
				episode = episode + CASE WHEN owner = 'closed' THEN 1 ELSE 0 END,
				opened_seq = CASE WHEN owner = 'closed' THEN seq + 1 ELSE opened_seq END,
				opened_at = CASE WHEN owner = 'closed' THEN $1 ELSE opened_at END,
				epoch = epoch + CASE WHEN owner = 'closed' THEN 1 ELSE 0 END,
				done_seq = CASE WHEN owner = 'agent' THEN seq + 1 ELSE done_seq END,
				turn = turn + CASE WHEN claim = '' AND owner <> 'agent' THEN 1 ELSE 0 END,
				claim_seq = CASE WHEN claim = '' AND owner <> 'agent' THEN seq + 1 ELSE claim_seq END,
				claim = CASE WHEN claim = '' AND owner <> 'agent' THEN $2 || '/' || CAST(epoch + CASE WHEN owner = 'closed' THEN 1 ELSE 0 END AS TEXT) || '/' || CAST(turn + 1 AS TEXT) ELSE claim END,
				owner = CASE WHEN owner = 'closed' THEN 'bot' ELSE owner END
			WHERE tenant = $3 AND id = $4
			RETURNING seq, episode, turn, epoch, claim_seq, opened_seq, owner, claim, state, contact`,
			now, s.boot, in.Tenant, in.Conversation, beginning).
			Scan(&seq, &episode, &turnNo, &epoch, &claimSeq, &openedSeq, &owner, &claim, &state, &contact)
		if errors.Is(err, sql.ErrNoRows) {
			return frontdesk.Errorf(frontdesk.NotFound, "There is no such conversation.")
		} else if err != nil {
			return err
		}
		if len(found) > 0 {
			if content, err = s.Vault.Seal(tx, compliance.Scope{Tenant: in.Tenant, Person: contact, Conversation: in.Conversation}, in.Content, found); err != nil {
				return fmt.Errorf("seal personal data: %w", err)
			}
			if body, err = encode(content); err != nil {
				return err
			}
			if _, err := tx.Exec("UPDATE conversation SET preview = $1 WHERE tenant = $2 AND id = $3", preview(content), in.Tenant, in.Conversation); err != nil {
				return err
			}
		}
		n, err := tx.Exec(`INSERT INTO message (tenant, conversation, seq, episode, author, author_id, client_id, content, at, change)
			VALUES ($1, $2, $3, $4, 'customer', $5, $6, $7, $8, $3)
			ON CONFLICT (tenant, conversation, client_id) WHERE client_id <> '' DO NOTHING`,
			in.Tenant, in.Conversation, seq, episode, in.Visitor, in.ClientID, body, now)
		if err != nil {
			return err
		}
		if n == 0 {
			return errDuplicate
		}
		if openedSeq == seq {
			if err := s.openEpisode(tx, in, episode, now); err != nil {
				return err
			}
		}
		tx.Append(frontdesk.Event{Tenant: in.Tenant, Type: frontdesk.EvMessageReceived, At: now, Conversation: in.Conversation,
			Actor: "visitor:" + in.Visitor, Data: json.RawMessage(`{"seq":` + strconv.FormatInt(seq, 10) + `,"site":` + quote(in.Site) + `}`)})
		m := Message{Seq: seq, From: ByCustomer, ClientID: in.ClientID, Text: content.Text(), Content: content, Parts: content.Parts, At: now, Change: seq, Episode: episode}
		update = Update{Key: Key{in.Tenant, in.Conversation}, From: seq, To: seq, Owner: Owner(owner), Messages: []Message{m}}
		if claimSeq == seq {
			t = &turn{key: update.Key, claim: claim, number: turnNo, owner: Owner(owner), epoch: epoch, site: in.Site, state: state, fresh: true,
				messages: []dialogue.Message{{Seq: seq, Content: content}}, askedAt: now, lastAt: now, heard: time.Now()}
		}
		return nil
	})
	switch {
	case errors.Is(err, errDuplicate):
		s.stats.Duplicates.Add(1)
		err = s.DB.QueryRow(ctx, "SELECT seq FROM message WHERE tenant = $1 AND conversation = $2 AND client_id = $3",
			in.Tenant, in.Conversation, in.ClientID).Scan(&seq)
		return seq, err
	case err != nil:
		return 0, err
	}
	s.stats.Accepted.Add(1)
	s.Notify.Notify(update)
	if t != nil {
		s.enqueue(t)
	} else {
		s.more(update.Key)
	}
	return seq, nil
}

func (s *Service) openEpisode(tx *sqldb.Tx, in Inbound, episode, now int64) error {
	if _, err := tx.Exec("INSERT INTO episode (tenant, conversation, number, site, opened_at) VALUES ($1, $2, $3, $4, $5)",
		in.Tenant, in.Conversation, episode, in.Site, now); err != nil {
		return err
	}
	tx.Append(frontdesk.Event{Tenant: in.Tenant, Type: frontdesk.EvConversationOpened, At: now, Conversation: in.Conversation,
		Actor: "visitor:" + in.Visitor, Data: json.RawMessage(`{"site":` + quote(in.Site) + `,"episode":` + strconv.FormatInt(episode, 10) + `}`)})
	return tx.SetTimer(sqldb.Timer{Tenant: in.Tenant, ID: timerIdle + ":" + in.Conversation, Kind: timerIdle,
		Due: now + s.Timing.IdleClose.Microseconds(), Payload: []byte(in.Conversation)})
}

func encode(c frontdesk.Content) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// quote is a JSON string.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string
	}
	return string(b)
}
