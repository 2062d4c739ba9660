package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/sqldb"
)

// turn is a claim of this node on a conversation, and what it knows of it so far.
type turn struct {
	key    Key
	claim  string
	number int64
	owner  Owner
	epoch  int64
	site   string
	state  string

	messages []dialogue.Message // the burst
	fresh    bool               // the fields above are as of the claim; else they are read first
	input    *inboxItem
	askedAt  int64 // of the burst's first message
	lastAt   int64
	heard    time.Time // real time of the burst's last message, for the wait for the rest of it
	begun    time.Time // of that wait
	timer    *time.Timer
	tries    int
	inbox    int64 // as loaded
}

// burstMax bounds how many messages one turn reads; the rest waits for the next turn.
const burstMax = 50

// waitMax bounds the wait for a customer who goes on typing.
const waitMax = 5 * time.Second

var (
	errLost  = errors.New("turn lost")
	errAgain = errors.New("more came meanwhile")
)

// enqueue starts a turn whose claim was committed.
func (s *Service) enqueue(t *turn) {
	s.mu.Lock()
	s.held[heldClaim{t.key, t.claim}] = struct{}{}
	s.mu.Unlock()
	s.pending.Add(1)
	s.submit(t)
}

// submit queues a turn that is already counted. The queue is as bounded as the claims are; it must not block the caller.
func (s *Service) submit(t *turn) {
	select {
	case s.work <- t:
	default:
		go func() { s.work <- t }()
	}
}

// finish lets go of a turn, however it ended.
func (s *Service) finish(t *turn) {
	s.mu.Lock()
	delete(s.held, heldClaim{t.key, t.claim})
	s.mu.Unlock()
	s.pending.Add(-1)
}

// more tells a turn that waits for the rest of its burst that something came.
func (s *Service) more(key Key) {
	s.mu.Lock()
	t := s.delayed[key]
	if t != nil && t.timer.Stop() {
		delete(s.delayed, key)
		t.fresh, t.heard = false, time.Now()
	} else {
		t = nil
	}
	s.mu.Unlock()
	if t != nil {
		s.pending.Add(1)
		s.submit(t)
	}
}

// Typing tells that the customer is writing: a turn that waits for the rest of a burst waits on, within reason.
func (s *Service) Typing(key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.delayed[key]; t != nil && time.Since(t.begun) < waitMax {
		t.heard = time.Now()
		t.timer.Reset(s.Timing.Wait)
	}
}

// postpone puts a turn aside until more comes or the patience ends. It reports false when patience has ended.
func (s *Service) postpone(t *turn) bool {
	now := time.Now()
	if t.begun.IsZero() {
		t.begun = now
	}
	if t.heard.IsZero() { // accepted elsewhere or before: go by the product's clock
		t.heard = now.Add(-min(max(s.DB.Now().Sub(frontdesk.FromMicros(t.lastAt)), 0), s.Timing.Wait))
	}
	wait := s.Timing.Wait - now.Sub(t.heard)
	if wait <= 0 || now.Sub(t.begun) >= waitMax {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if lost := s.delayed[t.key]; lost != nil { // taken or closed meanwhile; nobody else would finish it
		lost.timer.Stop()
		lost.fresh = false
		s.pending.Add(1)
		s.submit(lost)
	}
	s.delayed[t.key] = t
	s.pending.Add(-1) // it costs nothing while it waits, so it keeps nobody out
	t.timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		mine := s.delayed[t.key] == t
		if mine {
			delete(s.delayed, t.key)
		}
		s.mu.Unlock()
		if mine {
			t.fresh = false
			s.pending.Add(1)
			s.submit(t)
		}
	})
	return true
}

// turnTime bounds one turn's reads; deciding takes microseconds.
const turnTime = 10 * time.Second

// runTurn carries a turn through, or puts it aside; a failure to commit is tried again until it is lost or done.
func (s *Service) runTurn(t *turn) {
	ctx, cancel := context.WithTimeout(context.Background(), turnTime)
	defer cancel()
	postponed, err := s.guarded(ctx, t)
	switch {
	case postponed:
	case err == nil:
		s.finish(t)
	case errors.Is(err, errLost):
		s.stats.Lost.Add(1)
		s.finish(t)
	case errors.Is(err, errAgain):
		t.fresh = false
		s.submit(t)
	case errors.Is(err, sqldb.ErrClosed):
		s.finish(t) // the claim stays in the database and is retaken at the next start
	default:
		s.stats.Failed.Add(1)
		t.tries++
		t.fresh = false
		pause := min(50*time.Millisecond<<min(t.tries, 7), 5*time.Second)
		s.Log.Error("turn failed, trying again", "conversation", t.key.ID, "try", t.tries, "pause", pause, "error", err)
		time.AfterFunc(pause, func() { s.submit(t) })
	}
}

// guarded is a try that survives a panic: a poisoned conversation must not take the process with it, at each start anew.
func (s *Service) guarded(ctx context.Context, t *turn) (postponed bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("turn panicked", "conversation", t.key.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			postponed, err = false, frontdesk.Errorf(frontdesk.Internal, "turn panicked")
		}
	}()
	return s.tryTurn(ctx, t)
}

// triesMax is after how many failures a turn falls to the rung below, which needs neither release nor state.
const triesMax = 5

func (s *Service) tryTurn(ctx context.Context, t *turn) (postponed bool, err error) {
	if !t.fresh {
		if err := s.load(ctx, t); err != nil {
			return false, err
		}
	}
	if t.input == nil && len(t.messages) == 0 {
		return false, s.release(ctx, t)
	}
	site, err := s.Sites.Get(ctx, t.key.Tenant, t.site)
	if err != nil && frontdesk.KindOf(err) != frontdesk.NotFound {
		return false, fmt.Errorf("load site: %w", err)
	}
	if t.tries >= triesMax {
		return false, s.commit(ctx, t, s.fallen(t, dialogue.State{}, site), site)
	}
	var state dialogue.State
	if t.state != "" {
		if err := json.Unmarshal([]byte(t.state), &state); err != nil {
			s.Log.Error("dialogue state unreadable, starting anew", "conversation", t.key.ID, "error", err)
			state = dialogue.State{}
		}
	}
	release, number, err := s.Releases.Latest(ctx, t.key.Tenant, site.Bot)
	if err != nil {
		s.Log.Error("no release to answer from", "tenant", t.key.Tenant, "bot", site.Bot, "error", err)
		return false, s.commit(ctx, t, s.fallen(t, state, site), site)
	}
	if t.input == nil && !complete(release, state, t.messages) && s.postpone(t) {
		return true, nil
	}
	if t.input == nil {
		if err := s.redactAcross(ctx, t, &state); err != nil {
			return false, err
		}
	}
	out := s.respond(ctx, t, release, number, state, site)
	return false, s.commit(ctx, t, out, site)
}

// complete reports whether the burst looks finished. One that cannot be judged is not waited for: respond meets the same
// fault and answers for it.
func complete(release dialogue.Release, state dialogue.State, burst []dialogue.Message) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = true
		}
	}()
	return dialogue.Complete(release, state, burst)
}

// respond runs the dialogue's step; whatever goes wrong in it, the customer gets an answer and a person.
func (s *Service) respond(ctx context.Context, t *turn, release dialogue.Release, number int64, state dialogue.State, site channel.Site) (out dialogue.Outcome) {
	started := time.Now()
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("dialogue step panicked", "conversation", t.key.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			out = s.fallen(t, state, site)
		}
		out.Trace.Release = number
		out.Trace.Micros.Decided = time.Since(started).Microseconds()
		if t.lastAt > 0 {
			out.Trace.Micros.Waited = s.DB.Now().UnixMicro() - t.lastAt
		}
	}()
	now := s.DB.Now().In(site.Location())
	in := dialogue.Input{Kind: dialogue.InBurst, Messages: t.messages, Now: now, Language: site.Language(""), Owner: string(t.owner)}
	if t.input != nil {
		in.Kind, in.Result, in.Timer = t.input.kind, t.input.result, t.input.timer
	}
	in.Desk = dialogue.Desk{Open: site.Open(now), Online: s.StaffOnline(t.key.Tenant)}
	if !in.Desk.Open {
		in.Desk.NextOpen, _ = site.Hours.NextOpen(now, site.Location())
	}
	for name := range s.Actions[t.key.Tenant] {
		in.Actions = append(in.Actions, name)
	}
	out, err := dialogue.Respond(ctx, release, state, in)
	if err != nil {
		s.Log.Error("dialogue step failed", "conversation", t.key.ID, "error", err)
		return s.fallen(t, state, site)
	}
	return out
}

// fallen is the ladder's rung below the dialogue: say so, and hand over to a person.
func (s *Service) fallen(t *turn, state dialogue.State, site channel.Site) dialogue.Outcome {
	language := state.Language
	if language == "" {
		language = site.Language("")
	}
	out := dialogue.Outcome{Kind: dialogue.KindHandoff, State: state}
	out.Trace.Rules = []string{"fallback: the dialogue step failed"}
	if n := len(t.messages); n > 0 {
		out.UpTo = t.messages[n-1].Seq
	}
	if t.owner == OwnerQueue {
		return out
	}
	var seqs []int64
	for _, m := range t.messages {
		seqs = append(seqs, m.Seq)
	}
	out.Handoff = "trouble"
	out.Replies = []dialogue.Reply{{ReplyTo: seqs, Content: frontdesk.TextContent(dialogue.Text("trouble", language))}}
	return out
}

// load reads what the turn works on, and proves that the claim still holds.
func (s *Service) load(ctx context.Context, t *turn) error {
	t.messages, t.input, t.askedAt, t.lastAt = nil, nil, 0, 0
	var owner, claim string
	var done, inbox int64
	err := s.DB.QueryRow(ctx, "SELECT owner, epoch, claim, turn, site, state, done_seq, inbox FROM conversation WHERE tenant = $1 AND id = $2",
		t.key.Tenant, t.key.ID).Scan(&owner, &t.epoch, &claim, &t.number, &t.site, &t.state, &done, &inbox)
	if errors.Is(err, sql.ErrNoRows) || err == nil && claim != t.claim {
		return errLost
	} else if err != nil {
		return err
	}
	t.owner, t.inbox = Owner(owner), inbox
	if inbox > 0 {
		if t.input, err = s.nextInput(ctx, t.key); err != nil || t.input != nil {
			return err
		}
	}
	rows, err := s.DB.Query(ctx, `SELECT seq, content, at FROM message
		WHERE tenant = $1 AND conversation = $2 AND seq > $3 AND author = 'customer' AND state <> 'recalled' ORDER BY seq LIMIT $4`,
		t.key.Tenant, t.key.ID, done, burstMax)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var m dialogue.Message
		var body string
		if err := rows.Scan(&m.Seq, &body, &t.lastAt); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &m.Content); err != nil {
			return fmt.Errorf("message %d: %w", m.Seq, err)
		}
		if t.askedAt == 0 {
			t.askedAt = t.lastAt
		}
		t.messages = append(t.messages, m)
	}
	return rows.Err()
}

// release gives a claim back that turned out to have nothing to do. If something came meanwhile the turn is run again.
func (s *Service) release(ctx context.Context, t *turn) error {
	var n int64
	err := s.DB.Write(ctx, func(tx *sqldb.Tx) (err error) {
		n, err = tx.Exec(`UPDATE conversation SET claim = '', inbox = 0 WHERE tenant = $1 AND id = $2 AND claim = $3 AND inbox = $4
			AND (asked_seq <= done_seq OR NOT EXISTS (SELECT 1 FROM message m WHERE m.tenant = $1 AND m.conversation = $2 AND m.seq > conversation.done_seq
				AND m.author = 'customer' AND m.state <> 'recalled'))`, t.key.Tenant, t.key.ID, t.claim, t.inbox)
		return err
	})
	if err == nil && n == 0 {
		return errAgain
	}
	return err
}

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
	if err := s.DB.Write(ctx, func(tx *sqldb.Tx) error { return r.write(tx, t) }); err != nil {
		return err
	}
	s.stats.Turns.Add(1)
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

func (r *result) write(tx *sqldb.Tx, t *turn) error {
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
	err = tx.QueryRow(`UPDATE conversation SET seq = seq + $1, state = $2, language = $3,
			done_seq = CASE WHEN $4 > done_seq THEN $4 ELSE done_seq END, inbox = inbox - $5,
			preview = CASE WHEN $6 <> '' THEN $6 ELSE preview END, updated_at = $7,
			turn = turn + CASE WHEN asked_seq > CASE WHEN $4 > done_seq THEN $4 ELSE done_seq END OR inbox > $5 THEN 1 ELSE 0 END,
			claim = CASE WHEN asked_seq > CASE WHEN $4 > done_seq THEN $4 ELSE done_seq END OR inbox > $5 THEN $8 ELSE '' END
		WHERE tenant = $9 AND id = $10 AND claim = $11 RETURNING seq, claim, episode`,
		numbers, r.state, r.State.Language, r.UpTo, taken, r.shown, now, r.next, t.key.Tenant, t.key.ID, t.claim).Scan(&last, &claim, &episode)
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
	_, err := tx.Exec(`INSERT INTO message (tenant, conversation, seq, episode, author, reply_to, content, at, change) VALUES ($1, $2, $3, $4, 'bot', $5, $6, $7, $3)`,
		key.Tenant, key.ID, seq, episode, joinSeqs(r.replyTo), r.body, now)
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

// pieces are runs of digits that may turn out to be part of a value split over messages. The event log cannot be redacted
// afterwards, so they do not get into it.
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
