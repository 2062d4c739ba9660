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

// Erasure is a line of the ledger of erasures. It names a person by an id that means nothing once they are erased.
type Erasure struct {
	Tenant string `json:"tenant"`
	Person string `json:"person"`
	At     int64  `json:"at"`
	Actor  string `json:"actor"`
}

const timerErase = "contact.erase"

// eraseBite is how many messages one transaction empties.
const eraseBite = 50

// Erase forgets a contact for good: their key is destroyed at once, with everything that was sealed under it, and they have
// no name and no identity any more. What they and others wrote in their conversations is emptied by a timer right after,
// a little at a time. The conversations stay, as proof of what was done and when. Erasing twice changes nothing.
func (s *Service) Erase(ctx context.Context, tenant, contact string) error {
	actor := frontdesk.ActorFrom(ctx)
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		var erased int64
		err := tx.QueryRow("SELECT erased_at FROM contact WHERE tenant = $1 AND id = $2", tenant, contact).Scan(&erased)
		if errors.Is(err, sql.ErrNoRows) {
			return frontdesk.Errorf(frontdesk.NotFound, "There is no such customer.")
		} else if err != nil || erased > 0 {
			return err
		}
		return eraseIn(tx, Erasure{tenant, contact, tx.Now(), string(actor.Kind) + ":" + actor.ID}, s.Vault.ShredPerson)
	})
}

// eraseIn does what must be done at once, and sets the timer for the rest.
func eraseIn(tx *sqldb.Tx, e Erasure, shred func(tx *sqldb.Tx, tenant, person string) error) error {
	if _, err := tx.Exec("INSERT INTO erasure (tenant, person, at, actor) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, person) DO UPDATE SET at = excluded.at, events = 0, done_at = 0",
		e.Tenant, e.Person, e.At, e.Actor); err != nil {
		return fmt.Errorf("note the erasure: %w", err)
	}
	if _, err := tx.Exec("UPDATE contact SET name = '', external_id = '', profile = '{}', erased_at = $1 WHERE tenant = $2 AND id = $3", e.At, e.Tenant, e.Person); err != nil {
		return fmt.Errorf("empty the contact: %w", err)
	}
	if err := shred(tx, e.Tenant, e.Person); err != nil {
		return err
	}
	conversations, err := conversationsOf(tx, e.Tenant, e.Person)
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]any{"conversations": conversations})
	if err != nil {
		return err
	}
	tx.Append(frontdesk.Event{Tenant: e.Tenant, Type: frontdesk.EvPersonErased, Subject: e.Person, Actor: e.Actor, Data: data})
	return tx.SetTimer(sqldb.Timer{Tenant: e.Tenant, ID: timerErase + ":" + e.Person, Kind: timerErase, Due: tx.Now(), Payload: []byte(e.Person)})
}

// remembered is Denied where a conversation's person was erased: it is closed for good. A token of theirs that somebody still
// has must not fill it again with what no second erasure would find.
func remembered(tx *sqldb.Tx, tenant, conversation string) error {
	var erased int64
	err := tx.QueryRow(`SELECT coalesce(max(p.erased_at), 0) FROM conversation c JOIN contact p ON p.tenant = c.tenant AND p.id = c.contact
		WHERE c.tenant = $1 AND c.id = $2`, tenant, conversation).Scan(&erased)
	if err == nil && erased > 0 {
		err = &frontdesk.Error{Kind: frontdesk.Denied, Field: "Authorization", Public: "This conversation is over for good. Please begin a new one."}
	}
	return err
}

// Erasures is the ledger, the oldest first.
func Erasures(ctx context.Context, db *sqldb.DB) ([]Erasure, error) {
	rows, err := db.Query(ctx, "SELECT tenant, person, at, actor FROM erasure ORDER BY at, tenant, person")
	if err != nil {
		return nil, fmt.Errorf("read erasures: %w", err)
	}
	defer rows.Close()
	var out []Erasure
	for rows.Next() {
		var e Erasure
		if err := rows.Scan(&e.Tenant, &e.Person, &e.At, &e.Actor); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// Replay erases again whom a ledger names and this database does not know as erased: it is older than the ledger. It needs
// no key. What remains to be emptied is done by FinishErasures, or by the timers it sets.
func Replay(ctx context.Context, db *sqldb.DB, ledger []Erasure) (replayed int, err error) {
	known, err := Erasures(ctx, db)
	if err != nil {
		return 0, err
	}
	at := map[Key]int64{}
	for _, e := range known {
		at[Key{e.Tenant, e.Person}] = e.At
	}
	for _, e := range ledger {
		if at[Key{e.Tenant, e.Person}] >= e.At {
			continue
		}
		if err := db.Write(ctx, func(tx *sqldb.Tx) error { return eraseIn(tx, e, compliance.Shred) }); err != nil {
			return replayed, fmt.Errorf("erase again: %w", err)
		}
		replayed++
	}
	return replayed, nil
}

// FinishErasures empties what is left of those who were erased, before anybody can read it.
func (s *Service) FinishErasures(ctx context.Context) error {
	rows, err := s.DB.Query(ctx, "SELECT tenant, person FROM erasure WHERE done_at = 0")
	if err != nil {
		return fmt.Errorf("look for erasures: %w", err)
	}
	defer rows.Close()
	var people []Key
	for rows.Next() {
		var k Key
		if err := rows.Scan(&k.Tenant, &k.ID); err != nil {
			return err
		}
		people = append(people, k)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, k := range people {
		for done := false; !done; {
			err := s.DB.Write(ctx, func(tx *sqldb.Tx) (err error) {
				done, err = s.empty(tx, k.Tenant, k.ID)
				return err
			})
			if err != nil {
				return fmt.Errorf("finish an erasure: %w", err)
			}
		}
	}
	return nil
}

// eraseTimer empties a little of what an erased person's conversations say, until nothing is left.
func (s *Service) eraseTimer(tx *sqldb.Tx, t sqldb.Timer) error {
	done, err := s.empty(tx, t.Tenant, string(t.Payload))
	if err != nil || done {
		return err
	}
	t.Due = tx.Now()
	return tx.SetTimer(t)
}

// saidIn is where events hold what a customer wrote or did, by their type.
var saidIn = map[string][]string{
	frontdesk.EvTurnCompleted:     {"question"},
	frontdesk.EvAnswerRated:       {"reason"},
	frontdesk.EvConversationRated: {"comment"},
	frontdesk.EvVisitorTracked:    {"page", "title", "data"},
}

// eventBite is how many positions of the event log one transaction looks through.
const eventBite = 5000

// empty ends a person's conversations, takes the content out of at most eraseBite of their messages, and, when there is none
// left, out of all that was made of them.
func (s *Service) empty(tx *sqldb.Tx, tenant, contact string) (done bool, err error) {
	conversations, err := conversationsOf(tx, tenant, contact)
	if err != nil {
		return false, err
	}
	left := eraseBite
	for _, id := range conversations {
		n, err := s.emptyConversation(tx, Key{tenant, id}, left)
		if err != nil {
			return false, err
		}
		if left -= n; left == 0 {
			return false, nil // there may be more
		}
	}
	// Some of what they said stands in the event log, without what was sealed.
	var at int64
	if err := tx.QueryRow("SELECT events FROM erasure WHERE tenant = $1 AND person = $2", tenant, contact).Scan(&at); err != nil {
		return false, err
	}
	next, err := tx.RedactEvents(tenant, conversations, saidIn, at, eventBite)
	if err != nil {
		return false, fmt.Errorf("redact events: %w", err)
	}
	now := tx.Now()
	if done = next == at; !done {
		now = 0
	}
	_, err = tx.Exec("UPDATE erasure SET events = $1, done_at = $2 WHERE tenant = $3 AND person = $4", next, now, tenant, contact)
	return done, err
}

// conversationsOf is a contact's conversations, one a site.
func conversationsOf(tx *sqldb.Tx, tenant, contact string) ([]string, error) {
	return column[string](tx, "SELECT id FROM conversation WHERE tenant = $1 AND contact = $2 ORDER BY id", tenant, contact)
}

// emptyConversation redacts up to most messages. With fewer than that it was the rest, and what else there is goes, too.
func (s *Service) emptyConversation(tx *sqldb.Tx, key Key, most int) (n int, err error) {
	h, err := hold(tx, key)
	if err != nil {
		return 0, err
	}
	if h.owner != OwnerClosed {
		if err := s.closeIn(tx, key, "system:", "erased", false); err != nil {
			return 0, err
		}
	}
	nothing := frontdesk.Content{Parts: []frontdesk.Part{}}
	empty, err := encode(nothing)
	if err != nil {
		return 0, err
	}
	seqs, err := column[int64](tx, "SELECT seq FROM message WHERE tenant = $1 AND conversation = $2 AND content <> $3 ORDER BY seq LIMIT $4", key.Tenant, key.ID, empty, most)
	if err != nil {
		return 0, err
	}
	var update Update
	for i, seq := range seqs {
		m, err := changeIn(tx, key, seq, "redacted", nothing, "system:")
		if err != nil {
			return 0, err
		}
		if i == 0 {
			update = Update{Key: key, From: m.Change}
		}
		update.To, update.Messages = m.Change, append(update.Messages, m)
	}
	if len(seqs) > 0 {
		tx.After(func() { s.Notify.Notify(update) })
	}
	if len(seqs) == most {
		return most, nil
	}
	for _, query := range []string{
		"UPDATE conversation SET preview = '', state = '' WHERE tenant = $1 AND id = $2",
		"UPDATE revision SET content = '' WHERE tenant = $1 AND conversation = $2 AND content <> ''",
		"UPDATE trace SET body = '{}' WHERE tenant = $1 AND conversation = $2 AND body <> '{}'",
		"UPDATE effect SET input = '{}', result = '' WHERE tenant = $1 AND conversation = $2",
		"UPDATE episode SET rating_text = '' WHERE tenant = $1 AND conversation = $2 AND rating_text <> ''",
	} {
		if _, err := tx.Exec(query, key.Tenant, key.ID); err != nil {
			return 0, fmt.Errorf("empty a conversation: %w", err)
		}
	}
	if s.Attachments != nil {
		if err := s.Attachments.Forget(tx, key.Tenant, key.ID); err != nil {
			return 0, err
		}
	}
	return len(seqs), nil
}

// column is the one column of a query, read to its end.
func column[T any](tx *sqldb.Tx, query string, args ...any) (out []T, err error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
