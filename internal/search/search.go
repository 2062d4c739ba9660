// Package search finds conversations by what was written in them and customers by name, among millions of messages.
//
// It is a side stream: it reads the event log and keeps an index of its own, of single characters and pairs of them (words,
// in scripts that part words), so that 退 and 退款 and a code of one letter are found. It holds what people wrote: what the
// bot said stands in the knowledge, is found there once instead of in each conversation that it answered, and would make the
// index several times as large. The index holds no text. What it
// finds is read again where it lives and compared before it is shown, so a message that was recalled or redacted a moment
// ago is not found, even though the index lags behind by up to half a second.
package search

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Ref names a message.
type Ref struct {
	Conversation string
	Seq          int64
}

// Message is a message as it may be read now, personal data masked.
type Message struct {
	Ref
	Text string
	From string
	At   int64
}

// Source reads what is searched where it lives. It leaves out what must not be found: messages that were recalled,
// customers who were erased. The methods with a transaction serve the index, the others what is shown.
type Source interface {
	MessagesIn(tx *sqldb.Tx, tenant string, refs []Ref) ([]Message, error)
	Messages(ctx context.Context, tenant string, refs []Ref) ([]Message, error)
	NamesIn(tx *sqldb.Tx, tenant string, contacts []string) (map[string]string, error)
	Names(ctx context.Context, tenant string, contacts []string) (map[string]string, error)
}

// Search keeps and reads the index. Its Consumer must run for it to move.
type Search struct {
	db     *sqldb.DB
	source Source
}

// New makes a Search over the database.
func New(db *sqldb.DB, source Source) *Search { return &Search{db, source} }

// Consumer is the side stream that feeds the index. Its bites are small, for the path's commits wait while one is written.
func (s *Search) Consumer() sqldb.Consumer {
	return sqldb.Consumer{Name: "search", Batch: 100, Every: 250 * time.Millisecond, Handle: s.handle}
}

// kinds of what is searched, each in a space of its own.
const (
	kindMessage = "message"
	kindContact = "contact"
)

// fromBot is who says what is not indexed.
const fromBot = "bot"

// changes are what a batch of events touches in one tenant.
type changes struct {
	messages map[Ref]bool
	contacts map[string]bool
	erased   []string // conversations of people who were erased
}

func (s *Search) handle(tx *sqldb.Tx, events []frontdesk.Event) error {
	tenants := map[string]*changes{}
	for i := range events {
		ev := &events[i]
		var d struct {
			Seq    int64    `json:"seq"`
			Erased []string `json:"conversations"`
		}
		switch ev.Type {
		case frontdesk.EvMessageReceived, frontdesk.EvMessageSent, frontdesk.EvMessageChanged, frontdesk.EvPersonErased:
			if len(ev.Data) == 0 {
				break
			}
			if json.Unmarshal(ev.Data, &d) != nil {
				continue // an event of a shape from the future must not stop the index
			}
		case frontdesk.EvVisitorIdentified:
		default:
			continue
		}
		c := tenants[ev.Tenant]
		if c == nil {
			c = &changes{messages: map[Ref]bool{}, contacts: map[string]bool{}}
			tenants[ev.Tenant] = c
		}
		if ev.Type == frontdesk.EvVisitorIdentified || ev.Type == frontdesk.EvPersonErased {
			c.contacts[ev.Subject] = true
			c.erased = append(c.erased, d.Erased...)
			continue
		}
		if d.Seq > 0 {
			c.messages[Ref{ev.Conversation, d.Seq}] = true
		}
	}
	// In one order always: rows of the index that two transactions touch are touched in the same order.
	names := make([]string, 0, len(tenants))
	for t := range tenants {
		names = append(names, t)
	}
	slices.Sort(names)
	for _, tenant := range names {
		if err := s.apply(tx, tenant, tenants[tenant]); err != nil {
			return fmt.Errorf("index of %s: %w", tenant, err)
		}
	}
	return nil
}

// apply brings the index of one tenant to what its messages and customers are now.
func (s *Search) apply(tx *sqldb.Tx, tenant string, c *changes) error {
	if len(c.messages) > 0 {
		refs := make([]Ref, 0, len(c.messages))
		for r := range c.messages {
			refs = append(refs, r)
		}
		slices.SortFunc(refs, func(a, b Ref) int {
			return cmp.Or(strings.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Seq, b.Seq))
		})
		list, err := s.source.MessagesIn(tx, tenant, refs)
		if err != nil {
			return err
		}
		texts := make(map[Ref]string, len(list))
		for _, m := range list {
			if m.From != fromBot {
				texts[m.Ref] = m.Text
			}
		}
		if err := put(tx, tenant, kindMessage, refs, texts); err != nil {
			return err
		}
	}
	// After the messages: those of an erased person may not have been emptied yet.
	if err := dropThreads(tx, tenant, c.erased); err != nil {
		return err
	}
	if len(c.contacts) == 0 {
		return nil
	}
	ids := make([]string, 0, len(c.contacts))
	for id := range c.contacts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	names, err := s.source.NamesIn(tx, tenant, ids)
	if err != nil {
		return err
	}
	refs, texts := make([]Ref, len(ids)), map[Ref]string{}
	for i, id := range ids {
		refs[i] = Ref{Conversation: id}
		if name := names[id]; name != "" {
			texts[refs[i]] = name
		}
	}
	return put(tx, tenant, kindContact, refs, texts)
}
