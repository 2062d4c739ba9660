package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"frontdesk"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/sqldb"
)

// checked is a reply that may be sent.
type checked struct {
	content compliance.Checked
	body    string
	replyTo []int64
}

// check passes every reply through compliance; one that is blocked is replaced by a plain word and a person.
func (s *Service) check(t *turn, out *dialogue.Outcome, site channel.Site) ([]checked, error) {
	facts := compliance.Facts{Tenant: t.key.Tenant, Origin: "bot", Site: t.site, Language: out.State.Language}
	replies := make([]checked, 0, len(out.Replies))
	for _, r := range out.Replies {
		v, err := s.Checker.Check(r.Content, facts)
		if err != nil {
			return nil, fmt.Errorf("check reply: %w", err)
		}
		out.Trace.Rules = append(out.Trace.Rules, v.Reasons()...)
		if !v.Content.OK() {
			if v, err = s.Checker.Check(frontdesk.TextContent(dialogue.Text("withheld", out.State.Language)), facts); err != nil {
				return nil, fmt.Errorf("check replacement: %w", err)
			}
			if out.Handoff == "" && t.owner == OwnerBot {
				out.Handoff, out.Kind = "reply withheld", dialogue.KindHandoff
			}
		}
		body, err := encode(v.Content.Content())
		if err != nil {
			return nil, err
		}
		replies = append(replies, checked{v.Content, body, r.ReplyTo})
	}
	return replies, nil
}

// result is what came of a step, ready to be written.
type result struct {
	dialogue.Outcome
	replies      []checked
	state, trace string
	shown        string // for lists
	next         string // the claim of the next turn, if there is one
	owner        Owner
	sent, asked  []int64 // numbers of the replies, and of the messages that are dealt with

	// What writing it gave.
	again   bool
	update  Update
	effects []string
}

// commit writes all that came of a step in one transaction, which also releases the claim or takes the next turn.
func (s *Service) commit(ctx context.Context, t *turn, out dialogue.Outcome, site channel.Site) error {
	if err := s.showResult(ctx, t, &out); err != nil {
		return err
	}
	r, err := s.prepare(t, out, site)
	if err != nil {
		return err
	}
	if err := s.DB.Write(ctx, func(tx *sqldb.Tx) error { return r.storeTurn(tx, t) }); err != nil {
		return err
	}
	s.stats.Turns.Add(1)
	s.measure(t, &out, site)
	if len(r.update.Messages) > 0 || r.Handoff != "" {
		s.Notify.Notify(r.update)
	}
	if len(r.effects) > 0 {
		s.effectsReady()
	}
	if r.again {
		s.enqueue(&turn{key: t.key, claim: r.next})
	}
	return nil
}

// prepare checks and encodes before the transaction what can be.
func (s *Service) prepare(t *turn, out dialogue.Outcome, site channel.Site) (r result, err error) {
	if r.replies, err = s.check(t, &out, site); err != nil {
		return r, err
	}
	state, err := json.Marshal(out.State)
	if err != nil {
		return r, err
	}
	trace, err := json.Marshal(out.Trace)
	if err != nil {
		return r, err
	}
	r.Outcome, r.state, r.trace, r.owner = out, string(state), string(trace), t.owner
	if out.Handoff != "" {
		r.owner = OwnerQueue
	}
	if n := len(r.replies); n > 0 {
		r.shown = preview(r.replies[n-1].content.Content())
	}
	for _, m := range t.messages {
		if m.Seq <= out.UpTo {
			r.asked = append(r.asked, m.Seq)
		}
	}
	r.next = s.claimOf(t.epoch, t.number+1)
	return r, nil
}

func (r *result) storeTurn(tx *sqldb.Tx, t *turn) error {
	now := tx.Now()
	first, last, episode, err := r.advance(tx, t, now)
	if err != nil {
		return err
	}
	r.update = Update{Key: t.key, From: first, To: last, Owner: r.owner}
	r.sent = nil
	for i, reply := range r.replies {
		seq := first + int64(i)
		if err := insertReply(tx, t.key, seq, episode, reply, now); err != nil {
			return err
		}
		c := reply.content.Content()
		r.update.Messages = append(r.update.Messages, Message{Seq: seq, From: ByBot, ReplyTo: reply.replyTo, Text: c.Text(), Content: c, Parts: c.Parts, At: now, Change: seq, Episode: episode})
		r.sent = append(r.sent, seq)
	}
	if _, err := tx.Exec(`INSERT INTO trace (tenant, conversation, turn, at, release, seqs, replies, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.key.Tenant, t.key.ID, t.number, now, r.Trace.Release, joinSeqs(r.asked), joinSeqs(r.sent), r.trace); err != nil {
		return err
	}
	if t.input != nil {
		if _, err := tx.Exec("UPDATE effect SET status = 'taken' WHERE tenant = $1 AND id = $2", t.key.Tenant, t.input.id); err != nil {
			return err
		}
	}
	if r.effects, err = insertEffects(tx, t, r.Effects, now); err != nil {
		return err
	}
	if r.Handoff != "" {
		if err := r.handOver(tx, t, episode, now); err != nil {
			return err
		}
	}
	appendCompleted(tx, t, &r.Outcome, r.sent, r.asked, now)
	return nil
}

// advance takes the numbers of the replies, proving that the claim still holds, and gives the claim back or takes it for
// the next turn. A change of the owner without a reply takes a number too: who watches from elsewhere sees only that
// numbers were taken.
func (r *result) advance(tx *sqldb.Tx, t *turn, now int64) (first, last, episode int64, err error) {
	numbers, taken := int64(len(r.replies)), int64(0)
	if r.Handoff != "" {
		numbers = max(numbers, 1)
	}
	if t.input != nil {
		taken = 1
	}
	var claim string
	// Each argument stands once, in order: SQLite then binds by position (see sqldb's ordinal).
	err = tx.QueryRow(`UPDATE conversation SET seq = seq + $1, state = $2, language = $3,
			done_seq = CASE WHEN $4 > done_seq THEN $5 ELSE done_seq END, inbox = inbox - $6,
			preview = CASE WHEN $7 <> '' THEN $8 ELSE preview END, updated_at = $9,
			turn = turn + CASE WHEN asked_seq > done_seq AND asked_seq > $10 OR inbox > $11 THEN 1 ELSE 0 END,
			claim = CASE WHEN asked_seq > done_seq AND asked_seq > $12 OR inbox > $13 THEN $14 ELSE '' END
		WHERE tenant = $15 AND id = $16 AND claim = $17 RETURNING seq, claim, episode`,
		numbers, r.state, r.State.Language, r.UpTo, r.UpTo, taken, r.shown, r.shown, now, r.UpTo, taken, r.UpTo, taken, r.next,
		t.key.Tenant, t.key.ID, t.claim).Scan(&last, &claim, &episode)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, 0, errLost
	}
	r.again = claim != ""
	return last - numbers + 1, last, episode, err
}

// handOver gives the conversation to people. It is a statement of its own: the turns that do not hand over leave the
// indexes of who owns what alone.
func (r *result) handOver(tx *sqldb.Tx, t *turn, episode, now int64) error {
	if _, err := tx.Exec("UPDATE conversation SET owner = $1, epoch = epoch + 1, queued_at = $2 WHERE tenant = $3 AND id = $4",
		string(r.owner), now, t.key.Tenant, t.key.ID); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE episode SET handed_over = 1 WHERE tenant = $1 AND conversation = $2 AND number = $3", t.key.Tenant, t.key.ID, episode); err != nil {
		return err
	}
	tx.Append(owned(t.key, t.owner, r.owner, t.site, r.Handoff, "bot:"))
	return nil
}

// insertReply stores a reply; taking a checked one is what keeps unchecked text from customers.
func insertReply(tx *sqldb.Tx, key Key, seq, episode int64, r checked, now int64) error {
	_, err := tx.Exec(`INSERT INTO message (tenant, conversation, seq, episode, author, reply_to, content, at, change) VALUES ($1, $2, $3, $4, 'bot', $5, $6, $7, $8)`,
		key.Tenant, key.ID, seq, episode, joinSeqs(r.replyTo), r.body, now, seq)
	return err
}

// completed is the data of turn.completed: one event for each question of the burst.
type completed struct {
	Kind       dialogue.Kind `json:"kind"`
	Entry      string        `json:"entry,omitempty"`
	Confidence float64       `json:"confidence,omitempty"`
	Lang       string        `json:"lang"`
	Turn       int64         `json:"turn"`
	Seqs       []int64       `json:"seqs,omitempty"`
	Replies    []int64       `json:"reply_seqs,omitempty"`
	Question   string        `json:"question,omitempty"`
	FirstUS    int64         `json:"first_response_us,omitempty"`
	Site       string        `json:"site"`
}

func appendCompleted(tx *sqldb.Tx, t *turn, out *dialogue.Outcome, sent, asked []int64, now int64) {
	data := completed{Kind: out.Kind, Lang: out.State.Language, Turn: t.number, Seqs: asked, Replies: sent, Site: t.site}
	if t.askedAt > 0 {
		data.FirstUS = max(now-t.askedAt, 0)
	}
	put := func() {
		body, err := json.Marshal(data)
		if err != nil {
			panic(err) // a struct of numbers and strings
		}
		tx.Append(frontdesk.Event{Tenant: t.key.Tenant, Type: frontdesk.EvTurnCompleted, At: now, Conversation: t.key.ID, Actor: "bot:", Data: body})
	}
	if len(out.Trace.Steps) == 0 {
		put()
	}
	for _, step := range out.Trace.Steps {
		data.Kind, data.Seqs, data.Question, data.Entry, data.Confidence = step.Kind, step.Seqs, "", "", 0
		if step.Kind == dialogue.KindAbstain || step.Kind == dialogue.KindClarify {
			data.Question = withoutPieces(step.Text)
		}
		if step.Kind == dialogue.KindAnswer && len(step.Candidates) > 0 {
			data.Entry, data.Confidence = step.Candidates[0].ID, step.Candidates[0].Score
		}
		put()
	}
}

// pieces are runs of digits that may turn out to be part of a value split over messages. Other systems have been sent the
// events by then, so they do not get into them.
var pieces = regexp.MustCompile(`\d{3,}`)

func withoutPieces(text string) string {
	if !compliance.MayContinue(frontdesk.TextContent(text)) {
		return text
	}
	return pieces.ReplaceAllString(text, "#")
}

func owned(key Key, from, to Owner, site, reason, actor string) frontdesk.Event {
	data, err := json.Marshal(map[string]string{"from": string(from), "to": string(to), "site": site, "reason": reason})
	if err != nil {
		panic(err) // strings
	}
	return frontdesk.Event{Tenant: key.Tenant, Type: frontdesk.EvConversationOwned, Conversation: key.ID, Actor: actor, Data: data}
}

func joinSeqs(seqs []int64) string {
	if len(seqs) == 0 {
		return ""
	}
	b := make([]byte, 0, 16)
	for i, n := range seqs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(b)
}

func splitSeqs(s string) []int64 {
	if s == "" {
		return nil
	}
	var out []int64
	for f := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseInt(f, 10, 64)
		if err == nil {
			out = append(out, n)
		}
	}
	return out
}
