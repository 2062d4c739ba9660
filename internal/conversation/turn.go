package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"frontdesk"
	"frontdesk/internal/channel"
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
	out.Trace.Given = &dialogue.Given{State: state, Now: in.Now, Zone: in.Now.Location().String(), Language: in.Language, Owner: in.Owner, Desk: in.Desk, Actions: in.Actions, Timer: in.Timer}
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
