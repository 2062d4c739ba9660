package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/sqldb"
)

// Action is something the bot may do in the company's systems. It may be called again with the same idempotency key
// after a crash, and must then return the same. It decides itself what who may see and do: a number or a word in input was
// typed by a stranger and proves nothing. Personal data in input is in clear; what the action returns is sealed before it
// is stored.
type Action interface {
	Call(ctx context.Context, key string, who Asker, input map[string]string) (json.RawMessage, error)
}

// Asker is who an action is called for.
type Asker struct {
	Tenant, Site, Conversation string
	Contact                    string            // the same person on every visit only if they are verified
	Verified                   map[string]string // identities that were proved, by kind; empty for an anonymous visitor
}

// VerifiedExternal is the kind of identity that the company's own site vouches for by its signature.
const VerifiedExternal = "external"

const (
	timerIdle     = "conversation.idle"
	timerDialogue = "conversation.dialogue"
)

const (
	effectTries = 4
	effectLease = 30 * time.Second // after which a call that has not come back is made again, under the same key
	effectPoll  = time.Second
)

// inboxItem is a result, timer or hand-back that waits for its turn.
type inboxItem struct {
	id     string
	kind   dialogue.InputKind
	result *dialogue.Result
	timer  string
}

// insertEffects stores what a step asked for; the ids of those that can run now come back.
func insertEffects(tx *sqldb.Tx, t *turn, effects []dialogue.Effect, now int64) (ready []string, err error) {
	for _, e := range effects {
		if e.Kind == dialogue.EffectTimer {
			payload, err := json.Marshal(dialogueTimer{t.key.ID, e.Name})
			if err != nil {
				return nil, err
			}
			// One timer of a name for each conversation: setting it again moves it.
			err = tx.SetTimer(sqldb.Timer{Tenant: t.key.Tenant, ID: e.Name + ":" + t.key.ID, Kind: timerDialogue, Due: now + e.After.Microseconds(), Payload: payload})
			if err != nil {
				return nil, err
			}
			continue
		}
		input, err := json.Marshal(e.Input)
		if err != nil {
			return nil, err
		}
		if _, err := tx.Exec(`INSERT INTO effect (tenant, id, conversation, turn, kind, name, input, status, due_at, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 'ready', $8, $8)`, t.key.Tenant, e.ID, t.key.ID, t.number, e.Kind, e.Name, string(input), now); err != nil {
			return nil, err
		}
		tx.Append(frontdesk.Event{Tenant: t.key.Tenant, Type: frontdesk.EvEffectRequested, At: now, Conversation: t.key.ID, Subject: e.ID, Actor: "bot:",
			Data: json.RawMessage(`{"name":` + quote(e.Name) + `}`)})
		ready = append(ready, e.ID)
	}
	return ready, nil
}

type dialogueTimer struct {
	Conversation string `json:"conversation"`
	Name         string `json:"name"`
}

// effectsReady wakes the executor.
func (s *Service) effectsReady() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

type effectJob struct {
	tenant, id, conversation, name, input string
	attempts                              int
}

// effects runs what the steps asked for, at most a few at a time; a slow system holds up only its own customers.
func (s *Service) effects(ctx context.Context) error {
	slots := make(chan struct{}, 16)
	for {
		jobs, err := s.claimEffects(ctx, cap(slots)-len(slots))
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("reading effects failed", "error", err)
		}
		for _, j := range jobs {
			slots <- struct{}{}
			go func() {
				defer func() {
					<-slots
					s.effectsReady() // more may have waited for the slot
				}()
				s.runEffect(context.WithoutCancel(ctx), j)
			}()
		}
		select {
		case <-ctx.Done():
			for range cap(slots) { // wait for those under way
				slots <- struct{}{}
			}
			return nil
		case <-s.wake:
		case <-time.After(effectPoll):
		}
	}
}

// retakeEffects makes the actions that dead nodes had in work due again, under their own keys.
func (s *Service) retakeEffects(ctx context.Context) error {
	if s.DB.Dialect() == sqldb.SQLite && s.started.Load() {
		return nil
	}
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec("UPDATE effect SET status = 'ready', due_at = $1 WHERE status = 'running' AND "+s.dead("claim"), tx.Now())
		return err
	})
}

// claimEffects takes due effects for this node, by a lease that makes a lost one due again.
func (s *Service) claimEffects(ctx context.Context, limit int) ([]effectJob, error) {
	if limit == 0 {
		return nil, nil
	}
	now := s.DB.Now().UnixMicro()
	rows, err := s.DB.Query(ctx, `SELECT tenant, id, conversation, name, input, attempts, due_at FROM effect
		WHERE status IN ('ready', 'running') AND due_at <= $1 ORDER BY due_at LIMIT $2`, now, limit)
	if err != nil {
		return nil, err
	}
	type candidate struct {
		effectJob
		due int64
	}
	var found []candidate
	for rows.Next() {
		var c candidate
		if err := rows.Scan(&c.tenant, &c.id, &c.conversation, &c.name, &c.input, &c.attempts, &c.due); err != nil {
			rows.Close()
			return nil, err
		}
		found = append(found, c)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var jobs []effectJob
	for _, c := range found {
		err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
			n, err := tx.Exec(`UPDATE effect SET status = 'running', claim = $1, attempts = attempts + 1, due_at = $2
				WHERE tenant = $3 AND id = $4 AND due_at = $5 AND status IN ('ready', 'running')`, s.boot, now+effectLease.Microseconds(), c.tenant, c.id, c.due)
			if err == nil && n == 1 {
				tx.After(func() {
					c.attempts++
					jobs = append(jobs, c.effectJob)
				})
			}
			return err
		})
		if err != nil {
			return jobs, err
		}
	}
	return jobs, nil
}

// runEffect calls the action and puts its result into the conversation's inbox.
func (s *Service) runEffect(ctx context.Context, j effectJob) {
	s.stats.Effects.Add(1)
	started := time.Now()
	output, err := s.call(ctx, j)
	observe(s.Meter.Action, time.Since(started))
	if err != nil {
		// A foreign system's words may hold what it was asked about.
		s.Log.Warn("action failed", "action", j.name, "attempt", j.attempts, "error", compliance.Redact(err.Error()))
		if k := frontdesk.KindOf(err); j.attempts < effectTries && k != frontdesk.Invalid && k != frontdesk.NotFound && k != frontdesk.Denied {
			pause := 200 * time.Millisecond << j.attempts
			err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
				_, err := tx.Exec("UPDATE effect SET status = 'ready', due_at = $1 WHERE tenant = $2 AND id = $3 AND claim = $4",
					tx.Now()+pause.Microseconds(), j.tenant, j.id, s.boot)
				return err
			})
			if err != nil {
				s.Log.Warn("putting an action off failed", "action", j.name, "error", err)
			}
			return
		}
	}
	ok := 1
	if err != nil {
		ok, output = 0, nil
	}
	err = s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		sealed, err := s.sealResult(tx, j, output)
		if err != nil {
			return err
		}
		n, err := tx.Exec("UPDATE effect SET status = 'done', ok = $1, result = $2 WHERE tenant = $3 AND id = $4 AND claim = $5 AND status = 'running'",
			ok, string(sealed), j.tenant, j.id, s.boot)
		if err != nil || n == 0 {
			return err
		}
		tx.Append(frontdesk.Event{Tenant: j.tenant, Type: frontdesk.EvEffectDone, Conversation: j.conversation, Subject: j.id, Actor: "system:",
			Data: json.RawMessage(fmt.Sprintf(`{"name":%s,"ok":%t}`, quote(j.name), ok == 1))})
		return s.deliver(tx, Key{j.tenant, j.conversation})
	})
	if err != nil {
		s.Log.Warn("storing an action's result failed, it is called again", "action", j.name, "error", err)
	}
}

// sealResult is what an action returned as it may be stored: personal data as tokens, as in what customers write.
func (s *Service) sealResult(tx *sqldb.Tx, j effectJob, output []byte) ([]byte, error) {
	personal, err := compliance.HoldsPersonal(output)
	if err != nil || !personal {
		return output, err
	}
	// The conversation's row is held: tokens are numbered within it.
	scope := compliance.Scope{Tenant: j.tenant, Conversation: j.conversation}
	if err := tx.QueryRow("UPDATE conversation SET updated_at = updated_at WHERE tenant = $1 AND id = $2 RETURNING contact", j.tenant, j.conversation).
		Scan(&scope.Person); err != nil {
		return nil, fmt.Errorf("hold the conversation: %w", err)
	}
	return s.Vault.SealJSON(tx, scope, output)
}

// showResult makes replies to an action's result readable.
func (s *Service) showResult(ctx context.Context, t *turn, out *dialogue.Outcome) (err error) {
	if t.input == nil || t.input.kind != dialogue.InResult {
		return nil
	}
	for i := range out.Replies {
		if out.Replies[i].Content, err = s.Shown(ctx, t.key, out.Replies[i].Content); err != nil {
			return err
		}
	}
	return nil
}

// Shown is what a customer is shown of content made of an action's result: 138****8000 and not <phone:1>.
func (s *Service) Shown(ctx context.Context, key Key, c frontdesk.Content) (frontdesk.Content, error) {
	var failed error
	shown := c.Map(func(text string) string {
		text, err := s.Vault.RevealIn(ctx, key.Tenant, key.ID, text, compliance.Mask)
		failed = errors.Join(failed, err)
		return text
	})
	return shown, failed
}

func (s *Service) call(ctx context.Context, j effectJob) (output json.RawMessage, err error) {
	action := s.Actions[j.tenant][j.name]
	if action == nil {
		return nil, frontdesk.Errorf(frontdesk.NotFound, "no action %s", j.name)
	}
	var input map[string]string
	if err := json.Unmarshal([]byte(j.input), &input); err != nil {
		return nil, frontdesk.Errorf(frontdesk.Invalid, "input of %s is unreadable", j.name)
	}
	who, err := s.asker(ctx, j)
	if err != nil {
		return nil, err
	}
	for name, text := range input {
		if input[name], err = s.Vault.RevealIn(ctx, j.tenant, j.conversation, text, func(_, value string) string { return value }); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timing.ActionTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = frontdesk.Errorf(frontdesk.Invalid, "action %s panicked: %v", j.name, p)
		}
	}()
	output, err = action.Call(ctx, j.id, who, input)
	if err == nil && len(output) > 0 && !json.Valid(output) {
		return nil, frontdesk.Errorf(frontdesk.Invalid, "action %s did not return JSON", j.name)
	}
	return output, err
}

// asker says for whom an action is called, as of now: who signed in since is known.
func (s *Service) asker(ctx context.Context, j effectJob) (Asker, error) {
	who := Asker{Tenant: j.tenant, Conversation: j.conversation, Verified: map[string]string{}}
	var external string
	err := s.DB.QueryRow(ctx, `SELECT c.site, c.contact, coalesce(p.external_id, '') FROM conversation c
		LEFT JOIN contact p ON p.tenant = c.tenant AND p.id = c.contact WHERE c.tenant = $1 AND c.id = $2`, j.tenant, j.conversation).
		Scan(&who.Site, &who.Contact, &external)
	if err != nil {
		return who, fmt.Errorf("read who asks: %w", err)
	}
	if external != "" {
		who.Verified[VerifiedExternal] = external
	}
	return who, nil
}

// deliver counts a new inbox item and claims the turn for it if nobody works on the conversation. An agent's conversation
// lets it wait: it is dealt with when the conversation comes back to the bot.
func (s *Service) deliver(tx *sqldb.Tx, key Key) error {
	var claim string
	var number, epoch int64
	err := tx.QueryRow("UPDATE conversation SET inbox = inbox + 1 WHERE tenant = $1 AND id = $2 RETURNING claim, turn, epoch", key.Tenant, key.ID).
		Scan(&claim, &number, &epoch)
	if errors.Is(err, sql.ErrNoRows) || err == nil && claim != "" {
		return nil // whoever holds the claim sees the count when the turn ends
	} else if err != nil {
		return err
	}
	claim = s.claimOf(epoch, number+1)
	n, err := tx.Exec("UPDATE conversation SET turn = turn + 1, claim = $1 WHERE tenant = $2 AND id = $3 AND claim = '' AND owner IN ('bot', 'queue')", claim, key.Tenant, key.ID)
	if err != nil {
		return err
	}
	if n == 1 {
		tx.After(func() { s.enqueue(&turn{key: key, claim: claim}) })
	}
	return nil
}

// post puts an item that needs no outside work into the inbox.
func (s *Service) post(tx *sqldb.Tx, key Key, kind dialogue.InputKind, name string) error {
	now := tx.Now()
	if _, err := tx.Exec(`INSERT INTO effect (tenant, id, conversation, turn, kind, name, input, status, ok, due_at, created_at)
		VALUES ($1, $2, $3, 0, $4, $5, '{}', 'done', 1, $6, $6)`, key.Tenant, frontdesk.NewID(), key.ID, string(kind), name, now); err != nil {
		return err
	}
	return s.deliver(tx, key)
}

// nextInput is the oldest inbox item, nil if there is none after all.
func (s *Service) nextInput(ctx context.Context, key Key) (*inboxItem, error) {
	var id, kind, name, result string
	var ok int
	err := s.DB.QueryRow(ctx, `SELECT id, kind, name, result, ok FROM effect WHERE tenant = $1 AND conversation = $2 AND status = 'done'
		ORDER BY created_at, id LIMIT 1`, key.Tenant, key.ID).Scan(&id, &kind, &name, &result, &ok)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	item := &inboxItem{id: id}
	switch kind {
	case string(dialogue.InTimer):
		item.kind, item.timer = dialogue.InTimer, name
	case string(dialogue.InHandBack):
		item.kind = dialogue.InHandBack
	default:
		item.kind = dialogue.InResult
		item.result = &dialogue.Result{Effect: id, Name: name, OK: ok == 1}
		if result = strings.TrimSpace(result); result != "" {
			item.result.Output = json.RawMessage(result)
		}
	}
	return item, nil
}

// dialogueTimer brings a timer the dialogue had set into the inbox.
func (s *Service) dialogueTimer(tx *sqldb.Tx, t sqldb.Timer) error {
	var p dialogueTimer
	if err := json.Unmarshal(t.Payload, &p); err != nil {
		return fmt.Errorf("timer payload: %w", err)
	}
	key := Key{t.Tenant, p.Conversation}
	var owner string
	err := tx.QueryRow("SELECT owner FROM conversation WHERE tenant = $1 AND id = $2", key.Tenant, key.ID).Scan(&owner)
	if errors.Is(err, sql.ErrNoRows) || err == nil && owner != string(OwnerBot) {
		return nil // a reminder is worth nothing later: it must not come up when a person hands back
	} else if err != nil {
		return err
	}
	return s.post(tx, key, dialogue.InTimer, p.Name)
}

// idleTimer closes a conversation of the bot's that has gone quiet; others are looked at again later.
func (s *Service) idleTimer(tx *sqldb.Tx, t sqldb.Timer) error {
	key := Key{t.Tenant, string(t.Payload)}
	// The row is locked before it is judged: a message accepted meanwhile must not be closed away.
	h, err := hold(tx, key)
	if frontdesk.KindOf(err) == frontdesk.NotFound || err == nil && h.owner == OwnerClosed {
		return nil
	} else if err != nil {
		return err
	}
	idle := s.Timing.IdleClose.Microseconds()
	due := h.updated + idle
	if h.owner == OwnerBot && h.claim == "" && due <= tx.Now() {
		return s.closeIn(tx, key, "system:", "idle", false)
	}
	t.Due = max(due, tx.Now()+idle/4)
	return tx.SetTimer(t)
}

// ForgetTraces is a sqldb.Retention's Remove: the explanations of turns.
func ForgetTraces(tx *sqldb.Tx, before int64, limit int) (int64, error) {
	return tx.Exec(`DELETE FROM trace WHERE (tenant, conversation, turn) IN
		(SELECT tenant, conversation, turn FROM trace WHERE at < $1 ORDER BY at LIMIT $2)`, before, limit)
}

// ForgetEffects is a sqldb.Retention's Remove: actions and inbox items that a turn has dealt with.
func ForgetEffects(tx *sqldb.Tx, before int64, limit int) (int64, error) {
	return tx.Exec(`DELETE FROM effect WHERE (tenant, id) IN
		(SELECT tenant, id FROM effect WHERE status = 'taken' AND created_at < $1 ORDER BY created_at LIMIT $2)`, before, limit)
}

// ForgetNodes is a sqldb.Retention's Remove: processes that have long been dead. A live one's heart beats; this one's row is
// spared whatever it says, for on SQLite a process writes it once.
func (s *Service) ForgetNodes(tx *sqldb.Tx, before int64, limit int) (int64, error) {
	return tx.Exec("DELETE FROM node WHERE boot IN (SELECT boot FROM node WHERE beat_at < $1 AND boot <> $2 LIMIT $3)", before, s.boot, limit)
}
