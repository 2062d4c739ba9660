package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"frontdesk"
	"frontdesk/internal/dialogue"
)

// Recorded is a turn as it was: what it took, what was written down of it, and what it said.
type Recorded struct {
	Site     string
	Release  int64
	At       int64
	Trace    dialogue.Trace
	Empty    bool // a redaction or an erasure has emptied the trace
	Messages []dialogue.Message
	Replies  []Message
	Changed  bool // a message or a reply has been changed since
	Missing  bool // a message or a reply is gone
}

// Recorded reads a turn. NotFound if the conversation has no such turn.
func (s *Service) Recorded(ctx context.Context, tenant, id string, turn int64) (Recorded, error) {
	var r Recorded
	var seqs, replies, body string
	err := s.DB.QueryRow(ctx, `SELECT c.site, t.release, t.at, t.seqs, t.replies, t.body FROM trace t JOIN conversation c ON c.tenant = t.tenant AND c.id = t.conversation
		WHERE t.tenant = $1 AND t.conversation = $2 AND t.turn = $3`, tenant, id, turn).Scan(&r.Site, &r.Release, &r.At, &seqs, &replies, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return r, frontdesk.Errorf(frontdesk.NotFound, "There is no such turn.")
	} else if err != nil {
		return r, fmt.Errorf("read turn: %w", err)
	}
	if r.Empty = body == "{}"; !r.Empty {
		if err := json.Unmarshal([]byte(body), &r.Trace); err != nil {
			return r, fmt.Errorf("trace of turn %d: %w", turn, err)
		}
	}
	asked, said := splitSeqs(seqs), splitSeqs(replies)
	decided := int64(0) // the first change that came after the decision
	if len(said) > 0 {
		decided = said[0]
	}
	for i, list := range [][]int64{asked, said} {
		for _, seq := range list {
			found, err := s.messages(ctx, "SELECT "+messageColumns+" FROM message m WHERE m.tenant = $1 AND m.conversation = $2 AND m.seq = $3", tenant, id, seq)
			if err != nil {
				return r, err
			}
			if len(found) == 0 {
				r.Missing = true
				continue
			}
			m := found[0]
			if m.State != "" && (i == 1 || decided == 0 || m.Change > decided) {
				r.Changed = true
			}
			if i == 0 {
				r.Messages = append(r.Messages, dialogue.Message{Seq: m.Seq, Content: m.Content})
			} else {
				r.Replies = append(r.Replies, m)
			}
		}
	}
	return r, nil
}
