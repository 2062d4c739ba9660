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
			var before string
			err := tx.QueryRow("SELECT name FROM contact WHERE tenant = $1 AND external_id = $2 AND external_id <> ''", tenant, external).Scan(&before)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			err = tx.QueryRow(`INSERT INTO contact (tenant, id, name, external_id, created_at) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (tenant, external_id) WHERE external_id <> '' DO UPDATE SET name = CASE WHEN excluded.name <> '' THEN excluded.name ELSE contact.name END
				RETURNING id`, tenant, contact, name, external, now).Scan(&contact)
			if err != nil {
				return err
			}
			err = tx.QueryRow("SELECT id, visitor FROM conversation WHERE tenant = $1 AND contact = $2 AND site = $3 ORDER BY created_at DESC LIMIT 1",
				tenant, contact, site).Scan(&conversation, &visitor)
			if err == nil && (name == "" || name == before) || err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			found := err == nil
			tx.Append(frontdesk.Event{Tenant: tenant, Type: frontdesk.EvVisitorIdentified, Subject: contact, Actor: "visitor:" + visitor})
			if found {
				return nil
			}
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
	if s.arriving.Load()+s.pending.Load() < int64(s.MaxTurns) {
		return nil
	}
	return s.refuse()
}

func (s *Service) refuse() error {
	s.stats.Refused.Add(1)
	return &frontdesk.Error{Kind: frontdesk.Limited, Public: "We are very busy at the moment. Please try again shortly.", RetryAfter: time.Second}
}

// Accept stores a customer's message and returns its number. After it returned nil the message is safe and will be
// answered. A client id seen before returns the first one's number and changes nothing.
func (s *Service) Accept(ctx context.Context, in Inbound) (seq int64, err error) {
	// What is being stored counts too: while a slow commit holds the claims back, all that comes would be let in.
	arriving := s.arriving.Add(1)
	defer s.arriving.Add(-1)
	if arriving+s.pending.Load() > int64(s.MaxTurns) {
		return 0, s.refuse()
	}
	started := time.Now()
	a := arrival{Inbound: in, found: compliance.Detect(in.Content)}
	if a.plain, err = encode(in.Content); err != nil {
		return 0, err
	}
	if len(a.found) == 0 { // with personal data in it, it can only be cut after sealing
		a.beginning = preview(in.Content)
	}
	err = s.DB.Write(ctx, func(tx *sqldb.Tx) error { return s.storeArrival(tx, &a) })
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
	observe(s.Meter.Ack, time.Since(started))
	s.Notify.Notify(a.update)
	if a.turn != nil {
		s.enqueue(a.turn)
	} else {
		s.more(a.update.Key)
	}
	return a.update.To, nil
}

// arrival is a customer's message on its way into the database.
type arrival struct {
	Inbound
	found     []compliance.Found
	plain     string // the content as it came, encoded
	beginning string

	// What storing it gave.
	update Update
	turn   *turn // if the message took the conversation's claim
}

// storeArrival writes a message, and opens an episode or takes the claim where the message does so.
func (s *Service) storeArrival(tx *sqldb.Tx, a *arrival) error {
	now := tx.Now()
	a.turn = nil
	r, err := s.advance(tx, a, now)
	if err != nil {
		return err
	}
	content, body := a.Content, a.plain
	if len(a.found) > 0 {
		if content, body, err = s.seal(tx, a, r.contact); err != nil {
			return err
		}
	}
	n, err := tx.Exec(`INSERT INTO message (tenant, conversation, seq, episode, author, author_id, client_id, content, at, change)
		VALUES ($1, $2, $3, $4, 'customer', $5, $6, $7, $8, $9)
		ON CONFLICT (tenant, conversation, client_id) WHERE client_id <> '' DO NOTHING`,
		a.Tenant, a.Conversation, r.seq, r.episode, a.Visitor, a.ClientID, body, now, r.seq)
	if err != nil {
		return err
	}
	if n == 0 {
		return errDuplicate
	}
	if r.opened {
		if err := s.openEpisode(tx, a.Inbound, r.episode, now); err != nil {
			return err
		}
	}
	tx.Append(frontdesk.Event{Tenant: a.Tenant, Type: frontdesk.EvMessageReceived, At: now, Conversation: a.Conversation,
		Actor: "visitor:" + a.Visitor, Data: json.RawMessage(`{"seq":` + strconv.FormatInt(r.seq, 10) + `,"site":` + quote(a.Site) + `}`)})
	m := Message{Seq: r.seq, From: ByCustomer, ClientID: a.ClientID, Text: content.Text(), Content: content, Parts: content.Parts, At: now, Change: r.seq, Episode: r.episode}
	a.update = Update{Key: Key{a.Tenant, a.Conversation}, From: r.seq, To: r.seq, Owner: r.owner, Messages: []Message{m}}
	if r.claimSeq == r.seq {
		a.turn = &turn{key: a.update.Key, claim: r.claim, number: r.turn, owner: r.owner, epoch: r.epoch, site: a.Site, state: r.state, fresh: true,
			messages: []dialogue.Message{{Seq: r.seq, Content: content}}, askedAt: now, lastAt: now, heard: time.Now()}
	}
	return nil
}

// advanced is a conversation's row after a message has taken its number.
type advanced struct {
	seq, episode, turn, epoch, claimSeq int64
	owner                               Owner
	claim, state, contact               string
	opened                              bool // the message opens an episode
}

// The two ways to take a number. An open conversation keeps its owner: the statement does not name it, for each column that
// an index has and a statement sets is written to the index anew, changed or not.
const (
	advanceOpen = `UPDATE conversation SET seq = seq + 1, asked_seq = seq + 1, asked_at = $1, updated_at = $2, preview = $3,
			done_seq = CASE WHEN owner = 'agent' THEN seq + 1 ELSE done_seq END,
			turn = turn + CASE WHEN claim = '' AND owner <> 'agent' THEN 1 ELSE 0 END,
			claim_seq = CASE WHEN claim = '' AND owner <> 'agent' THEN seq + 1 ELSE claim_seq END,
			claim = CASE WHEN claim = '' AND owner <> 'agent' THEN $4 || '/' || CAST(epoch AS TEXT) || '/' || CAST(turn + 1 AS TEXT) ELSE claim END
		WHERE tenant = $5 AND id = $6 AND owner <> 'closed'
		RETURNING seq, episode, turn, epoch, claim_seq, owner, claim, state, contact`
	advanceClosed = `UPDATE conversation SET seq = seq + 1, asked_seq = seq + 1, asked_at = $1, updated_at = $2, preview = $3,
			owner = 'bot', episode = episode + 1, epoch = epoch + 1, opened_at = $1,
			turn = turn + CASE WHEN claim = '' THEN 1 ELSE 0 END,
			claim_seq = CASE WHEN claim = '' THEN seq + 1 ELSE claim_seq END,
			claim = CASE WHEN claim = '' THEN $4 || '/' || CAST(epoch + 1 AS TEXT) || '/' || CAST(turn + 1 AS TEXT) ELSE claim END
		WHERE tenant = $5 AND id = $6 AND owner = 'closed'
		RETURNING seq, episode, turn, epoch, claim_seq, owner, claim, state, contact`
)

// advance gives the message its number, and with it the claim if nobody has it.
func (s *Service) advance(tx *sqldb.Tx, a *arrival, now int64) (r advanced, err error) {
	for range 4 { // beside other writers it may be closed or opened between the two
		for _, query := range []string{advanceOpen, advanceClosed} {
			err = tx.QueryRow(query, now, now, a.beginning, s.boot, a.Tenant, a.Conversation).
				Scan(&r.seq, &r.episode, &r.turn, &r.epoch, &r.claimSeq, &r.owner, &r.claim, &r.state, &r.contact)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if r.opened = query == advanceClosed; err == nil && r.opened {
				err = remembered(tx, a.Tenant, a.Conversation)
			}
			return r, err
		}
	}
	return r, frontdesk.Errorf(frontdesk.NotFound, "There is no such conversation.")
}

// seal puts the personal data of a message away and returns what is stored in its place.
func (s *Service) seal(tx *sqldb.Tx, a *arrival, contact string) (frontdesk.Content, string, error) {
	content, err := s.Vault.Seal(tx, compliance.Scope{Tenant: a.Tenant, Person: contact, Conversation: a.Conversation}, a.Content, a.found)
	if err != nil {
		return content, "", fmt.Errorf("seal personal data: %w", err)
	}
	body, err := encode(content)
	if err != nil {
		return content, "", err
	}
	_, err = tx.Exec("UPDATE conversation SET preview = $1 WHERE tenant = $2 AND id = $3", preview(content), a.Tenant, a.Conversation)
	return content, body, err
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
