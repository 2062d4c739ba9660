package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/sqldb"
)

// What the customer is told when people come and go.
var deskTexts = map[string]frontdesk.Localized{
	"joined": {"zh": "人工客服 %s 已接入，为您服务。", "en": "%s from our team has joined the conversation."},
	"closed": {"zh": "本次服务已结束，感谢您的咨询。有问题随时再来找我们。", "en": "This conversation has ended. Thank you, and come back any time."},
}

// transitions is the ownership's state machine: from, act -> to. What is not in it is a conflict.
var transitions = map[Owner]map[string]Owner{
	OwnerBot:    {"take": OwnerAgent, "queue": OwnerQueue, "close": OwnerClosed},
	OwnerQueue:  {"take": OwnerAgent, "hand back": OwnerBot, "close": OwnerClosed},
	OwnerAgent:  {"take": OwnerAgent, "hand back": OwnerBot, "queue": OwnerQueue, "close": OwnerClosed},
	OwnerClosed: {},
}

// held is a conversation's row as a change of ownership needs it.
type held struct {
	owner    Owner
	agent    string
	site     string
	language string
	seq      int64
	episode  int64
	claim    string
	updated  int64
}

// hold locks the row and reads it.
func hold(tx *sqldb.Tx, key Key) (h held, err error) {
	var owner string
	err = tx.QueryRow(`UPDATE conversation SET updated_at = updated_at WHERE tenant = $1 AND id = $2
		RETURNING owner, agent, site, language, seq, episode, claim, updated_at`, key.Tenant, key.ID).
		Scan(&owner, &h.agent, &h.site, &h.language, &h.seq, &h.episode, &h.claim, &h.updated)
	if errors.Is(err, sql.ErrNoRows) {
		return h, frontdesk.Errorf(frontdesk.NotFound, "There is no such conversation.")
	}
	h.owner = Owner(owner)
	return h, err
}

// mine refuses what only whoever has the conversation, or a supervisor who seizes it, may do.
func (h held) mine(actor frontdesk.Actor, seize bool) error {
	if h.owner == OwnerAgent && h.agent != actor.ID && !seize {
		return frontdesk.Errorf(frontdesk.Conflict, "A colleague has this conversation.")
	}
	return nil
}

// act checks a change of ownership against the table.
func (h held) act(name string) (Owner, error) {
	to, ok := transitions[h.owner][name]
	if !ok {
		return "", frontdesk.Errorf(frontdesk.Conflict, "This conversation is %s now.", h.owner)
	}
	return to, nil
}

// Take gives a conversation to the acting member of staff; a turn of the bot's that is under way comes to nothing.
// Taking what one has already changes nothing. Taking it from a colleague is a Conflict unless the actor may seize it, as
// supervisors may.
func (s *Service) Take(ctx context.Context, tenant, id string, seize bool) (Summary, error) {
	actor := frontdesk.ActorFrom(ctx)
	key := Key{tenant, id}
	var update Update
	err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		update = Update{}
		h, err := hold(tx, key)
		if err != nil {
			return err
		}
		if h.owner == OwnerAgent && h.agent == actor.ID {
			return nil
		}
		if err := h.mine(actor, seize); err != nil {
			return err
		}
		to, err := h.act("take")
		if err != nil {
			return err
		}
		name := actor.Called(h.language)
		if name == "" {
			name = "…"
		}
		m, err := s.say(tx, key, &h, BySystem, actor.ID, "", frontdesk.TextContent(fmt.Sprintf(deskTexts["joined"].In(h.language), name)), nil)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE conversation SET owner = $1, agent = $2, epoch = epoch + 1, claim = '', queued_at = 0, done_seq = asked_seq, read_seq = $3, updated_at = $4
			WHERE tenant = $5 AND id = $6`, string(to), actor.ID, m.Seq, tx.Now(), tenant, id); err != nil {
			return err
		}
		if _, err := tx.Exec("UPDATE episode SET handed_over = 1 WHERE tenant = $1 AND conversation = $2 AND number = $3", tenant, id, h.episode); err != nil {
			return err
		}
		tx.Append(owned(key, h.owner, to, h.site, "taken", "staff:"+actor.ID))
		update = Update{Key: key, From: m.Seq, To: m.Seq, Owner: to, Messages: []Message{m}}
		return nil
	})
	return s.after(ctx, key, update, err)
}

// Reply sends a message of the acting member of staff to the customer; only who has the conversation can. A rule that
// forbids it is an Invalid error that names the rule.
func (s *Service) Reply(ctx context.Context, tenant, id, clientID string, c frontdesk.Content) (Message, error) {
	return s.write(ctx, Key{tenant, id}, ByAgent, clientID, c)
}

// Note writes a note that only staff see.
func (s *Service) Note(ctx context.Context, tenant, id, clientID string, c frontdesk.Content) (Message, error) {
	return s.write(ctx, Key{tenant, id}, ByNote, clientID, c)
}

func (s *Service) write(ctx context.Context, key Key, from Author, clientID string, c frontdesk.Content) (Message, error) {
	actor := frontdesk.ActorFrom(ctx)
	var m Message
	err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		h, err := hold(tx, key)
		if err != nil {
			return err
		}
		if from == ByAgent && (h.owner != OwnerAgent || h.agent != actor.ID) {
			return frontdesk.Errorf(frontdesk.Conflict, "You do not have this conversation. Take it first.")
		}
		if m, err = s.say(tx, key, &h, from, actor.ID, clientID, c, nil); err != nil {
			return err
		}
		_, err = tx.Exec("UPDATE conversation SET read_seq = $1, updated_at = $2 WHERE tenant = $3 AND id = $4", m.Seq, tx.Now(), key.Tenant, key.ID)
		return err
	})
	if errors.Is(err, errDuplicate) {
		return s.byClientID(ctx, key, clientID)
	}
	if err != nil {
		return Message{}, err
	}
	s.Notify.Notify(Update{Key: key, From: m.Seq, To: m.Seq, Messages: []Message{m}})
	return m, nil
}

// say appends a message that was not written by the customer. Everything but a note is checked first.
func (s *Service) say(tx *sqldb.Tx, key Key, h *held, from Author, author, clientID string, c frontdesk.Content, replyTo []int64) (Message, error) {
	if from == ByNote { // staff's own words, but a customer's number has no business in them
		c = c.Map(compliance.Redact)
	} else {
		origin := "system"
		if from == ByAgent {
			origin = "agent"
		}
		v, err := s.Checker.Check(c, compliance.Facts{Tenant: key.Tenant, Origin: origin, Site: h.site, Language: h.language})
		if err != nil {
			return Message{}, fmt.Errorf("check message: %w", err)
		}
		if !v.Content.OK() {
			return Message{}, frontdesk.InvalidField("text", "This cannot be sent: %s", strings.Join(v.Reasons(), "; "))
		}
		c = v.Content.Content()
	}
	body, err := encode(c)
	if err != nil {
		return Message{}, err
	}
	now := tx.Now()
	h.seq++
	m := Message{Seq: h.seq, From: from, AuthorID: author, ClientID: clientID, ReplyTo: replyTo, Text: c.Text(), Content: c, Parts: c.Parts, At: now, Change: h.seq, Episode: h.episode}
	n, err := tx.Exec(`INSERT INTO message (tenant, conversation, seq, episode, author, author_id, client_id, reply_to, content, at, change)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $3) ON CONFLICT (tenant, conversation, client_id) WHERE client_id <> '' DO NOTHING`,
		key.Tenant, key.ID, m.Seq, m.Episode, string(from), author, clientID, joinSeqs(replyTo), body, now)
	if err != nil {
		return Message{}, err
	}
	if n == 0 {
		return Message{}, errDuplicate
	}
	shown := preview(c)
	if from == ByNote {
		shown = ""
	}
	if _, err := tx.Exec("UPDATE conversation SET seq = $1, preview = CASE WHEN $2 <> '' THEN $2 ELSE preview END WHERE tenant = $3 AND id = $4",
		m.Seq, shown, key.Tenant, key.ID); err != nil {
		return Message{}, err
	}
	actor := "system:"
	if from == ByAgent || from == ByNote {
		actor = "staff:" + author
	}
	tx.Append(frontdesk.Event{Tenant: key.Tenant, Type: frontdesk.EvMessageSent, At: now, Conversation: key.ID, Actor: actor,
		Data: json.RawMessage(fmt.Sprintf(`{"seq":%d,"from":%s,"site":%s}`, m.Seq, quote(string(from)), quote(h.site)))})
	return m, nil
}

// HandBack returns a conversation to the bot; a colleague's only by who may seize it.
func (s *Service) HandBack(ctx context.Context, tenant, id string, seize bool) (Summary, error) {
	actor := frontdesk.ActorFrom(ctx)
	key := Key{tenant, id}
	var update Update
	err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		h, err := hold(tx, key)
		if err != nil {
			return err
		}
		if err := h.mine(actor, seize); err != nil {
			return err
		}
		to, err := h.act("hand back")
		if err != nil {
			return err
		}
		// A turn under way still speaks for the queue: it comes to nothing, and the next one answers what it had read.
		h.seq++ // without a message the change takes a number, too: who watches from another node sees only that
		if _, err := tx.Exec("UPDATE conversation SET owner = $1, agent = '', epoch = epoch + 1, claim = '', queued_at = 0, seq = $2, updated_at = $3 WHERE tenant = $4 AND id = $5",
			string(to), h.seq, tx.Now(), tenant, id); err != nil {
			return err
		}
		tx.Append(owned(key, h.owner, to, h.site, "handed back", "staff:"+actor.ID))
		update = Update{Key: key, From: h.seq, To: h.seq, Owner: to}
		return s.post(tx, key, dialogue.InHandBack, "hand_back")
	})
	return s.after(ctx, key, update, err)
}

// Close ends the episode; a colleague's only by who may seize it. The customer's next message opens a new one with the bot.
func (s *Service) Close(ctx context.Context, tenant, id string, seize bool) (Summary, error) {
	actor := frontdesk.ActorFrom(ctx)
	key := Key{tenant, id}
	err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		h, err := hold(tx, key)
		if err != nil {
			return err
		}
		if err := h.mine(actor, seize); err != nil {
			return err
		}
		return s.closeIn(tx, key, string(actor.Kind)+":"+actor.ID, "closed by staff", true)
	})
	return s.after(ctx, key, Update{}, err)
}

// closeIn ends the episode, says so if told to, and notes how it came out.
func (s *Service) closeIn(tx *sqldb.Tx, key Key, actor, reason string, farewell bool) error {
	h, err := hold(tx, key)
	if err != nil {
		return err
	}
	to, err := h.act("close")
	if err != nil {
		return err
	}
	var said []Message
	if farewell {
		m, err := s.say(tx, key, &h, BySystem, "", "", frontdesk.TextContent(deskTexts["closed"].In(h.language)), nil)
		if err != nil {
			return err
		}
		said = []Message{m}
	} else {
		h.seq++ // the change takes a number without a message, too
	}
	update := Update{Key: key, From: h.seq, To: h.seq, Owner: to, Messages: said}
	out, err := s.outcome(tx, key, h)
	if err != nil {
		return err
	}
	now := tx.Now()
	if _, err := tx.Exec(`UPDATE conversation SET owner = 'closed', agent = '', epoch = epoch + 1, claim = '', queued_at = 0, done_seq = asked_seq, inbox = 0, state = '', seq = $1, updated_at = $2
		WHERE tenant = $3 AND id = $4`, h.seq, now, key.Tenant, key.ID); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE effect SET status = 'taken' WHERE tenant = $1 AND conversation = $2 AND status = 'done'", key.Tenant, key.ID); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE episode SET closed_at = $1, outcome = $2 WHERE tenant = $3 AND conversation = $4 AND number = $5",
		now, out.Outcome, key.Tenant, key.ID, h.episode); err != nil {
		return err
	}
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	tx.Append(owned(key, h.owner, to, h.site, reason, actor))
	tx.Append(frontdesk.Event{Tenant: key.Tenant, Type: frontdesk.EvConversationClosed, At: now, Conversation: key.ID, Actor: actor, Data: data})
	if err := tx.DropTimer(key.Tenant, timerIdle+":"+key.ID); err != nil {
		return err
	}
	tx.After(func() { s.Notify.Notify(update) })
	return nil
}

// outcome is the data of conversation.closed. The outcomes are kept apart: what the customer confirmed, what is only
// assumed because an answer was given and nothing spoke against it, what people did, what was not known, and who left.
type outcome struct {
	Site       string `json:"site"`
	Outcome    string `json:"outcome"`
	Turns      int64  `json:"turns"`
	HandedOver bool   `json:"handed_over"`
	Answered   int64  `json:"answered"`
}

func (s *Service) outcome(tx *sqldb.Tx, key Key, h held) (outcome, error) {
	o := outcome{Site: h.site}
	var solved, against, handed int64
	err := tx.QueryRow(`SELECT count(CASE WHEN author = 'customer' THEN 1 END), count(CASE WHEN author = 'bot' AND content LIKE '%"sources":%' THEN 1 END),
			count(CASE WHEN solved > 0 THEN 1 END), count(CASE WHEN solved < 0 THEN 1 END)
		FROM message WHERE tenant = $1 AND conversation = $2 AND episode = $3`, key.Tenant, key.ID, h.episode).Scan(&o.Turns, &o.Answered, &solved, &against)
	if err != nil {
		return o, err
	}
	var state string
	if err := tx.QueryRow("SELECT state FROM conversation WHERE tenant = $1 AND id = $2", key.Tenant, key.ID).Scan(&state); err != nil {
		return o, err
	}
	if err := tx.QueryRow("SELECT handed_over FROM episode WHERE tenant = $1 AND conversation = $2 AND number = $3", key.Tenant, key.ID, h.episode).Scan(&handed); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return o, err
	}
	o.HandedOver = handed == 1
	var d dialogue.State
	if state != "" && json.Unmarshal([]byte(state), &d) != nil {
		d = dialogue.State{}
	}
	switch {
	case solved > 0 && against == 0:
		o.Outcome = "confirmed"
	case o.HandedOver:
		o.Outcome = "handed_over"
	case d.Missed > 0 || against > 0:
		o.Outcome = "not_known"
	case o.Answered > 0:
		o.Outcome = "assumed"
	default:
		o.Outcome = "left"
	}
	return o, nil
}

// after notifies and returns the conversation as it is now.
func (s *Service) after(ctx context.Context, key Key, u Update, err error) (Summary, error) {
	if err != nil {
		return Summary{}, err
	}
	if u.Key.ID != "" {
		s.Notify.Notify(u)
	}
	return s.Get(ctx, key.Tenant, key.ID)
}
