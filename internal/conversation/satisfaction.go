package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/sqldb"
)

// The scores a customer can give at the end.
const (
	ScoreMin = 1
	ScoreMax = 5
)

// Satisfied stores how the customer found the newest episode, once it has ended. The same again changes nothing, something
// else replaces it; the event tells which.
func (s *Service) Satisfied(ctx context.Context, tenant, id, visitor string, score int, comment string) error {
	if score < ScoreMin || score > ScoreMax {
		return frontdesk.InvalidField("score", "A score is a number from %d to %d.", ScoreMin, ScoreMax)
	}
	comment = compliance.Redact(comment)
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		h, err := hold(tx, Key{tenant, id})
		if err == nil {
			err = remembered(tx, tenant, id)
		}
		if err != nil {
			return err
		}
		if h.owner != OwnerClosed || h.episode == 0 {
			return frontdesk.Errorf(frontdesk.Conflict, "This conversation has not ended yet.")
		}
		var before int
		var said string
		err = tx.QueryRow("SELECT rating, rating_text FROM episode WHERE tenant = $1 AND conversation = $2 AND number = $3", tenant, id, h.episode).Scan(&before, &said)
		if errors.Is(err, sql.ErrNoRows) {
			return frontdesk.Errorf(frontdesk.NotFound, "There is nothing to rate.")
		} else if err != nil {
			return err
		}
		if before == score && said == comment {
			return nil
		}
		if _, err := tx.Exec("UPDATE episode SET rating = $1, rating_text = $2 WHERE tenant = $3 AND conversation = $4 AND number = $5",
			score, comment, tenant, id, h.episode); err != nil {
			return err
		}
		data, err := json.Marshal(map[string]any{"episode": h.episode, "score": score, "before": before, "comment": comment, "site": h.site})
		if err != nil {
			return err
		}
		tx.Append(frontdesk.Event{Tenant: tenant, Type: frontdesk.EvConversationRated, Conversation: id, Actor: "visitor:" + visitor, Data: data})
		return nil
	})
}

// Satisfaction is the score of a conversation's newest episode, 0 if none was given.
func (s *Service) Satisfaction(ctx context.Context, tenant, id string) (score int, err error) {
	err = s.DB.QueryRow(ctx, `SELECT coalesce(max(e.rating), 0) FROM conversation c JOIN episode e ON e.tenant = c.tenant AND e.conversation = c.id AND e.number = c.episode
		WHERE c.tenant = $1 AND c.id = $2`, tenant, id).Scan(&score)
	return score, err
}

// Tracked is what a visitor did on a page of the host's. Its texts are masked already.
type Tracked struct {
	Name  string            `json:"name"`
	Page  string            `json:"page,omitempty"`
	Title string            `json:"title,omitempty"`
	Data  map[string]string `json:"data,omitempty"`
	Site  string            `json:"site"`
}

// Tracked notes what a visitor did, in the event log only.
func (s *Service) Tracked(ctx context.Context, tenant, id, visitor string, t Tracked) error {
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		err := tx.QueryRow("SELECT site FROM conversation WHERE tenant = $1 AND id = $2", tenant, id).Scan(&t.Site)
		if errors.Is(err, sql.ErrNoRows) {
			return frontdesk.Errorf(frontdesk.NotFound, "There is no such conversation.")
		} else if err == nil {
			err = remembered(tx, tenant, id)
		}
		if err != nil {
			return err
		}
		data, err := json.Marshal(t)
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		tx.Append(frontdesk.Event{Tenant: tenant, Type: frontdesk.EvVisitorTracked, Conversation: id, Actor: "visitor:" + visitor, Data: data})
		return nil
	})
}
