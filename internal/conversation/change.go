package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/sqldb"
)

// Revise replaces a message of the acting member of staff.
func (s *Service) Revise(ctx context.Context, tenant, id string, seq int64, c frontdesk.Content) (Message, error) {
	return s.changeOwn(ctx, Key{tenant, id}, seq, "revised", c)
}

// Recall takes a message of the acting member of staff back.
func (s *Service) Recall(ctx context.Context, tenant, id string, seq int64) (Message, error) {
	return s.changeOwn(ctx, Key{tenant, id}, seq, "recalled", frontdesk.Content{Parts: []frontdesk.Part{}})
}

func (s *Service) changeOwn(ctx context.Context, key Key, seq int64, kind string, c frontdesk.Content) (Message, error) {
	actor := frontdesk.ActorFrom(ctx)
	var m Message
	err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		h, err := hold(tx, key)
		if err != nil {
			return err
		}
		var author, authorID, state string
		err = tx.QueryRow("SELECT author, author_id, state FROM message WHERE tenant = $1 AND conversation = $2 AND seq = $3", key.Tenant, key.ID, seq).Scan(&author, &authorID, &state)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return frontdesk.Errorf(frontdesk.NotFound, "There is no such message.")
		case err != nil:
			return err
		case author != string(ByAgent) || authorID != actor.ID:
			return frontdesk.Errorf(frontdesk.Denied, "Only your own messages can be changed.")
		case state == "recalled":
			return frontdesk.Errorf(frontdesk.Conflict, "This message was taken back already.")
		}
		if kind == "revised" {
			v, err := s.Checker.Check(c, compliance.Facts{Tenant: key.Tenant, Origin: "agent", Site: h.site, Language: h.language})
			if err != nil {
				return err
			}
			if !v.Content.OK() {
				return frontdesk.InvalidField("text", "This cannot be sent: %v", v.Reasons())
			}
			c = v.Content.Content()
		}
		m, err = changeIn(tx, key, seq, kind, c, "staff:"+actor.ID)
		return err
	})
	if err != nil {
		return Message{}, err
	}
	s.Notify.Notify(Update{Key: key, From: m.Change, To: m.Change, Messages: []Message{m}})
	return m, nil
}

// changeIn gives a message new content under the next number of the change sequence. What it said before is kept, but
// not after a redaction.
func changeIn(tx *sqldb.Tx, key Key, seq int64, kind string, c frontdesk.Content, actor string) (Message, error) {
	body, err := encode(c)
	if err != nil {
		return Message{}, err
	}
	now := tx.Now()
	m := Message{Seq: seq, Text: c.Text(), Content: c, Parts: c.Parts, State: kind}
	if err := tx.QueryRow("UPDATE conversation SET seq = seq + 1 WHERE tenant = $1 AND id = $2 RETURNING seq", key.Tenant, key.ID).Scan(&m.Change); err != nil {
		return m, err
	}
	var before, from, replyTo string
	err = tx.QueryRow("SELECT content, author, author_id, client_id, reply_to, at, episode FROM message WHERE tenant = $1 AND conversation = $2 AND seq = $3", key.Tenant, key.ID, seq).
		Scan(&before, &from, &m.AuthorID, &m.ClientID, &replyTo, &m.At, &m.Episode)
	if err != nil {
		return m, err
	}
	m.From, m.ReplyTo = Author(from), splitSeqs(replyTo)
	if kind == "redacted" {
		before = ""
		if _, err := tx.Exec("UPDATE revision SET content = '' WHERE tenant = $1 AND conversation = $2 AND seq = $3", key.Tenant, key.ID, seq); err != nil {
			return m, err
		}
	}
	if _, err := tx.Exec("INSERT INTO revision (tenant, conversation, change, seq, kind, actor, at, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		key.Tenant, key.ID, m.Change, seq, kind, actor, now, before); err != nil {
		return m, err
	}
	if _, err := tx.Exec("UPDATE message SET content = $1, change = $2, state = $3 WHERE tenant = $4 AND conversation = $5 AND seq = $6",
		body, m.Change, kind, key.Tenant, key.ID, seq); err != nil {
		return m, err
	}
	tx.Append(frontdesk.Event{Tenant: key.Tenant, Type: frontdesk.EvMessageChanged, At: now, Conversation: key.ID, Actor: actor,
		Data: json.RawMessage(fmt.Sprintf(`{"seq":%d,"change":%d,"kind":%s}`, seq, m.Change, quote(kind)))})
	return m, nil
}

// acrossWindow is how long before a message the pieces of a split value are looked for.
const acrossWindow = int64(2 * 60 * 1e6)

// redactAcross seals values that the customer split over messages, as revisions of those messages, before the dialogue
// sees them.
func (s *Service) redactAcross(ctx context.Context, t *turn, state *dialogue.State) error {
	continues := compliance.MayContinue(t.messages[0].Content)
	if !continues && len(t.messages) == 1 {
		return nil
	}
	burst := t.messages
	if continues { // its other piece may have been answered already
		before, err := s.lastBefore(ctx, t.key, burst[0].Seq)
		if err != nil {
			return err
		}
		burst = append(before, burst...)
	}
	contents := make([]frontdesk.Content, len(burst))
	for i, m := range burst {
		contents[i] = m.Content
	}
	found := compliance.Across(contents)
	if found == nil {
		return nil
	}
	var changed []Message
	err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		changed = nil
		var contact string
		err := tx.QueryRow("UPDATE conversation SET updated_at = updated_at WHERE tenant = $1 AND id = $2 AND claim = $3 RETURNING contact", t.key.Tenant, t.key.ID, t.claim).Scan(&contact)
		if errors.Is(err, sql.ErrNoRows) {
			return errLost
		} else if err != nil {
			return err
		}
		scope := compliance.Scope{Tenant: t.key.Tenant, Person: contact, Conversation: t.key.ID}
		for i, pieces := range found {
			if len(pieces) == 0 {
				continue
			}
			c, err := s.Vault.Seal(tx, scope, burst[i].Content, pieces)
			if err != nil {
				return err
			}
			m, err := changeIn(tx, t.key, burst[i].Seq, "redacted", c, "system:")
			if err != nil {
				return err
			}
			changed = append(changed, m)
			// What the piece's own turn made of it holds it, too, and so may what later turns remembered.
			if _, err := tx.Exec(`UPDATE trace SET body = '{}' WHERE tenant = $1 AND conversation = $2 AND (',' || seqs || ',' LIKE $3 OR at >= $4)`,
				t.key.Tenant, t.key.ID, fmt.Sprintf("%%,%d,%%", m.Seq), m.At); err != nil {
				return err
			}
		}
		_, err = tx.Exec("UPDATE conversation SET preview = '' WHERE tenant = $1 AND id = $2", t.key.Tenant, t.key.ID)
		return err
	})
	if err != nil || len(changed) == 0 {
		return err
	}
	for _, m := range changed {
		for i := range t.messages {
			if t.messages[i].Seq == m.Seq {
				t.messages[i].Content = m.Content
			}
		}
	}
	state.Recent = nil // the dialogue remembers former questions; a piece may stand among them
	s.Notify.Notify(Update{Key: t.key, From: changed[0].Change, To: changed[len(changed)-1].Change, Messages: changed})
	return nil
}

// lastBefore is the customer's last two messages before seq, if they are recent.
func (s *Service) lastBefore(ctx context.Context, key Key, seq int64) ([]dialogue.Message, error) {
	rows, err := s.DB.Query(ctx, `SELECT seq, content FROM message WHERE tenant = $1 AND conversation = $2 AND seq < $3 AND seq > $3 - 12
		AND author = 'customer' AND at > $4 ORDER BY seq DESC LIMIT 2`, key.Tenant, key.ID, seq, s.DB.Now().UnixMicro()-acrossWindow)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []dialogue.Message
	for rows.Next() {
		var m dialogue.Message
		var body string
		if err := rows.Scan(&m.Seq, &body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(body), &m.Content); err != nil {
			return nil, fmt.Errorf("message %d: %w", m.Seq, err)
		}
		out = append([]dialogue.Message{m}, out...)
	}
	return out, rows.Err()
}

// Rate stores the customer's word on an answer of the bot's: solved or not, with a reason.
func (s *Service) Rate(ctx context.Context, tenant, id string, seq int64, solved bool, reason string) error {
	reason = compliance.Redact(reason)
	value := -1
	if solved {
		value = 1
	}
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		h, err := hold(tx, Key{tenant, id})
		if err == nil {
			err = remembered(tx, tenant, id)
		}
		if err != nil {
			return err
		}
		var before int
		err = tx.QueryRow("SELECT solved FROM message WHERE tenant = $1 AND conversation = $2 AND seq = $3 AND author IN ('bot', 'agent')", tenant, id, seq).Scan(&before)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return frontdesk.InvalidField("seq", "There is no such answer.")
		case err != nil:
			return err
		case before == value && reason == "":
			return nil // said already
		}
		if _, err := tx.Exec("UPDATE message SET solved = $1 WHERE tenant = $2 AND conversation = $3 AND seq = $4", value, tenant, id, seq); err != nil {
			return err
		}
		data, err := json.Marshal(map[string]any{"seq": seq, "solved": solved, "before": before, "reason": reason, "site": h.site})
		if err != nil {
			return err
		}
		tx.Append(frontdesk.Event{Tenant: tenant, Type: frontdesk.EvAnswerRated, Conversation: id, Actor: "visitor:", Data: data})
		return nil
	})
}
