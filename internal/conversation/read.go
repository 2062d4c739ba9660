package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Audience says who reads: customers do not see notes.
type Audience int

// The audiences.
const (
	ForCustomer Audience = iota
	ForStaff
)

// Page is a stretch of a conversation: the messages after a number, and the older ones that changed since.
type Page struct {
	Messages []Message `json:"messages"`
	Changed  []Message `json:"changed,omitempty"`
	Seq      int64     `json:"seq"`   // the change sequence when the page was read
	Owner    Owner     `json:"owner"` // who owns the conversation now
	More     bool      `json:"more,omitempty"`
}

const messageColumns = "m.seq, m.author, m.author_id, m.client_id, m.reply_to, m.content, m.at, m.change, m.state, m.solved, m.episode"

// Changes returns up to limit messages after a number and what of the older ones changed after it. A number beyond the
// end gives an empty page: the client resumes from Seq.
func (s *Service) Changes(ctx context.Context, tenant, id string, after int64, limit int, a Audience) (Page, error) {
	p := Page{Messages: []Message{}}
	var owner string
	// The sequence is read first: a message committed in between is found twice rather than never.
	err := s.DB.QueryRow(ctx, "SELECT seq, owner FROM conversation WHERE tenant = $1 AND id = $2", tenant, id).Scan(&p.Seq, &owner)
	if errors.Is(err, sql.ErrNoRows) {
		return p, frontdesk.Errorf(frontdesk.NotFound, "There is no such conversation.")
	} else if err != nil {
		return p, err
	}
	p.Owner = Owner(owner)
	if after >= p.Seq {
		return p, nil
	}
	p.Messages, err = s.messages(ctx, "SELECT "+messageColumns+` FROM message m
		WHERE m.tenant = $1 AND m.conversation = $2 AND m.seq > $3`+a.filter()+` ORDER BY m.seq LIMIT $4`, tenant, id, after, limit)
	if err != nil {
		return p, err
	}
	// A message that is seen proves all changes before it committed: they take the conversation's row one after another.
	if n := len(p.Messages); n > 0 {
		p.More = n == limit
		if last := p.Messages[n-1].Seq; p.More || last > p.Seq {
			p.Seq = last
		}
	}
	if after > 0 {
		p.Changed, err = s.messages(ctx, "SELECT "+messageColumns+` FROM message m WHERE m.tenant = $1 AND m.conversation = $2 AND m.seq <= $3`+a.filter()+`
			AND m.seq IN (SELECT r.seq FROM revision r WHERE r.tenant = $1 AND r.conversation = $2 AND r.change > $3) ORDER BY m.change LIMIT $4`, tenant, id, after, limit)
		if len(p.Changed) == limit { // go on from the last one read, even if messages come twice by it
			p.More, p.Seq = true, min(p.Seq, p.Changed[limit-1].Change)
		}
	}
	return p, err
}

// History returns up to limit messages before a number, oldest first.
func (s *Service) History(ctx context.Context, tenant, id string, before int64, limit int, a Audience) ([]Message, error) {
	out, err := s.messages(ctx, "SELECT "+messageColumns+` FROM message m
		WHERE m.tenant = $1 AND m.conversation = $2 AND m.seq < $3`+a.filter()+` ORDER BY m.seq DESC LIMIT $4`, tenant, id, before, limit)
	slices.Reverse(out)
	return out, err
}

func (s *Service) messages(ctx context.Context, query string, args ...any) ([]Message, error) {
	rows, err := s.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []Message{}
	for rows.Next() {
		var m Message
		var from, replyTo, body string
		if err := rows.Scan(&m.Seq, &from, &m.AuthorID, &m.ClientID, &replyTo, &body, &m.At, &m.Change, &m.State, &m.Solved, &m.Episode); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(body), &m.Content); err != nil {
			return nil, fmt.Errorf("message %d: %w", m.Seq, err)
		}
		m.From, m.ReplyTo, m.Text, m.Parts = Author(from), splitSeqs(replyTo), m.Content.Text(), m.Content.Parts
		out = append(out, m)
	}
	return out, rows.Err()
}

// filter is the SQL that leaves out what an audience may not see. It stands in the query: a page cut by hand afterwards
// would look like the last one.
func (a Audience) filter() string {
	if a == ForStaff {
		return ""
	}
	return " AND m.author <> 'note'"
}

// For reports whether an audience may see the message.
func (m Message) For(a Audience) bool { return a == ForStaff || m.From != ByNote }

func (s *Service) byClientID(ctx context.Context, key Key, clientID string) (Message, error) {
	found, err := s.messages(ctx, "SELECT "+messageColumns+" FROM message m WHERE m.tenant = $1 AND m.conversation = $2 AND m.client_id = $3", key.Tenant, key.ID, clientID)
	if err != nil || len(found) == 0 {
		return Message{}, errors.Join(err, frontdesk.Errorf(frontdesk.NotFound, "There is no such message."))
	}
	return found[0], nil
}

const summaryColumns = `c.id, c.site, c.contact, coalesce(p.name, ''), c.visitor, c.language, c.owner, c.agent, c.epoch, c.seq, c.episode, c.preview,
	c.queued_at, c.opened_at, c.updated_at, c.asked_at, CASE WHEN c.asked_seq > c.read_seq THEN 1 ELSE 0 END`

const summaryFrom = " FROM conversation c LEFT JOIN contact p ON p.tenant = c.tenant AND p.id = c.contact "

func scanSummary(scan func(...any) error) (c Summary, err error) {
	var owner string
	var unread int
	err = scan(&c.ID, &c.Site, &c.Contact, &c.Name, &c.Visitor, &c.Language, &owner, &c.Agent, &c.Epoch, &c.Seq, &c.Episode, &c.Preview,
		&c.QueuedAt, &c.OpenedAt, &c.UpdatedAt, &c.AskedAt, &unread)
	c.Owner, c.Unread = Owner(owner), unread == 1
	return c, err
}

// Get returns a conversation.
func (s *Service) Get(ctx context.Context, tenant, id string) (Summary, error) {
	c, err := scanSummary(s.DB.QueryRow(ctx, "SELECT "+summaryColumns+summaryFrom+"WHERE c.tenant = $1 AND c.id = $2", tenant, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, frontdesk.Errorf(frontdesk.NotFound, "There is no such conversation.")
	}
	return c, err
}

// Filter says which conversations to list. Empty fields do not filter.
type Filter struct {
	Owner Owner
	Agent string
	Site  string
	// Language is a primary tag: zh stands for zh-CN too.
	Language string
	Cursor   string // of the former page
	Limit    int    // 1..200, 50 if 0
}

// order is how a list is read: by an index of its own from its beginning, or from where the former page ended, whatever the
// number of conversations.
type order struct {
	where    string // with literals: only so the partial index serves
	column   string
	newest   bool // first
	position func(Summary) int64
}

// Those with the bot, and all together, go by when they were opened: an index of a time that each message moves would be
// written with each message.
var (
	byOpened = func(c Summary) int64 { return c.OpenedAt }
	byChange = func(c Summary) int64 { return c.UpdatedAt }
	orders   = map[Owner]order{
		"":          {"c.episode > 0", "c.opened_at", true, byOpened},
		OwnerBot:    {"c.owner = 'bot'", "c.opened_at", true, byOpened},
		OwnerQueue:  {"c.owner = 'queue'", "c.queued_at", false, func(c Summary) int64 { return c.QueuedAt }},
		OwnerAgent:  {"c.owner = 'agent'", "c.updated_at", true, byChange},
		OwnerClosed: {"c.owner = 'closed' AND c.episode > 0", "c.updated_at", true, byChange},
	}
)

// List returns conversations that have messages: the waiting ones longest wait first; those with staff and the closed ones
// by their last change, newest first; those with the bot and all together by their opening, newest first. next is empty on
// the last page.
func (s *Service) List(ctx context.Context, tenant string, f Filter) (list []Summary, next string, err error) {
	if f.Limit <= 0 || f.Limit > 200 {
		f.Limit = 50
	}
	if f.Agent != "" && f.Owner == "" {
		f.Owner = OwnerAgent // no other has one
	}
	o, ok := orders[f.Owner]
	if !ok {
		return nil, "", frontdesk.InvalidField("owner", "There is no such owner.")
	}
	direction, compare := "ASC", ">"
	if o.newest {
		direction, compare = "DESC", "<"
	}
	args := []any{tenant, f.Limit + 1}
	where := "WHERE c.tenant = $1 AND " + o.where
	add := func(clause string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			clause = strings.Replace(clause, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where += " AND " + clause
	}
	if f.Agent != "" {
		add("c.agent = ?", f.Agent)
	}
	if f.Site != "" {
		add("c.site = ?", f.Site)
	}
	if f.Language != "" {
		add("(c.language = ? OR c.language LIKE ?)", f.Language, f.Language+"-%")
	}
	if f.Cursor != "" {
		at, id, ok := strings.Cut(f.Cursor, "~")
		n, err := strconv.ParseInt(at, 10, 64)
		if !ok || err != nil {
			return nil, "", frontdesk.InvalidField("cursor", "This is not a cursor of this list.")
		}
		add("("+o.column+", c.id) "+compare+" (?, ?)", n, id)
	}
	rows, err := s.DB.Query(ctx, "SELECT "+summaryColumns+summaryFrom+where+" ORDER BY "+o.column+" "+direction+", c.id "+direction+" LIMIT $2", args...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	list = []Summary{}
	for rows.Next() {
		c, err := scanSummary(rows.Scan)
		if err != nil {
			return nil, "", err
		}
		list = append(list, c)
	}
	if err := rows.Err(); err != nil {
		return nil, "", err
	}
	if len(list) > f.Limit {
		list = list[:f.Limit]
		last := list[f.Limit-1]
		next = strconv.FormatInt(o.position(last), 10) + "~" + last.ID
	}
	return list, next, nil
}

// QueuePlace is how many wait before a conversation in its tenant's queue; 0 is the next one, -1 is not waiting.
func (s *Service) QueuePlace(ctx context.Context, tenant, id string) (int, error) {
	var place int
	err := s.DB.QueryRow(ctx, `SELECT CASE WHEN me.owner <> 'queue' THEN -1 ELSE
			(SELECT count(*) FROM conversation c WHERE c.tenant = me.tenant AND c.owner = 'queue' AND (c.queued_at, c.id) < (me.queued_at, me.id)) END
		FROM conversation me WHERE me.tenant = $1 AND me.id = $2`, tenant, id).Scan(&place)
	return place, err
}

// Read notes that the acting member of staff has seen the conversation up to a number. What is read already costs no
// write.
func (s *Service) Read(ctx context.Context, tenant, id string, seq int64) error {
	var asked, read, last int64
	err := s.DB.QueryRow(ctx, "SELECT asked_seq, read_seq, seq FROM conversation WHERE tenant = $1 AND id = $2", tenant, id).Scan(&asked, &read, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return frontdesk.Errorf(frontdesk.NotFound, "There is no such conversation.")
	} else if err != nil {
		return err
	}
	if seq = min(seq, last); seq <= read || read >= asked {
		return nil
	}
	actor := frontdesk.ActorFrom(ctx)
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec("UPDATE conversation SET read_seq = $1 WHERE tenant = $2 AND id = $3 AND read_seq < $1", seq, tenant, id)
		if err != nil || n == 0 {
			return err
		}
		if seq >= asked { // else somebody still has to look
			tx.Append(frontdesk.Event{Tenant: tenant, Type: frontdesk.EvConversationRead, Conversation: id, Actor: string(actor.Kind) + ":" + actor.ID,
				Data: json.RawMessage(fmt.Sprintf(`{"seq":%d}`, seq))})
		}
		return nil
	})
}

// TraceRow is the stored explanation of one turn.
type TraceRow struct {
	Turn    int64           `json:"turn"`
	At      int64           `json:"at"`
	Release int64           `json:"release"`
	Seqs    []int64         `json:"seqs"`
	Replies []int64         `json:"replies"`
	Body    json.RawMessage `json:"body"`
}

// Traces returns the explanations of a conversation's turns after one, oldest first.
func (s *Service) Traces(ctx context.Context, tenant, id string, afterTurn int64, limit int) ([]TraceRow, error) {
	rows, err := s.DB.Query(ctx, "SELECT turn, at, release, seqs, replies, body FROM trace WHERE tenant = $1 AND conversation = $2 AND turn > $3 ORDER BY turn LIMIT $4",
		tenant, id, afterTurn, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []TraceRow{}
	for rows.Next() {
		var t TraceRow
		var seqs, replies, body string
		if err := rows.Scan(&t.Turn, &t.At, &t.Release, &seqs, &replies, &body); err != nil {
			return nil, err
		}
		t.Seqs, t.Replies, t.Body = splitSeqs(seqs), splitSeqs(replies), json.RawMessage(body)
		out = append(out, t)
	}
	return out, rows.Err()
}

// Heads returns the change sequences of conversations, for those that exist.
func (s *Service) Heads(ctx context.Context, keys []Key) (map[Key]int64, error) {
	out := make(map[Key]int64, len(keys))
	byTenant := map[string][]string{}
	for _, k := range keys {
		byTenant[k.Tenant] = append(byTenant[k.Tenant], k.ID)
	}
	for tenant, ids := range byTenant {
		args := []any{tenant}
		for _, id := range ids {
			args = append(args, id)
		}
		marks := make([]string, len(ids))
		for i := range marks {
			marks[i] = "$" + strconv.Itoa(i+2)
		}
		rows, err := s.DB.Reader().QueryContext(ctx, "SELECT id, seq FROM conversation WHERE tenant = $1 AND id IN ("+strings.Join(marks, ", ")+")", args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var id string
			var seq int64
			if err := rows.Scan(&id, &seq); err != nil {
				rows.Close()
				return nil, err
			}
			out[Key{tenant, id}] = seq
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Standing is how many conversations are with whom.
type Standing struct {
	Bot, Queue, Agent int
	OldestQueued      int64 // since when the longest waiting one waits; 0 if none does
}

// Now counts a tenant's open conversations, each kind in its own index.
func (s *Service) Now(ctx context.Context, tenant string) (Standing, error) {
	var n Standing
	err := s.DB.QueryRow(ctx, `SELECT (SELECT count(*) FROM conversation WHERE tenant = $1 AND owner = 'bot'),
			(SELECT count(*) FROM conversation WHERE tenant = $1 AND owner = 'queue'),
			(SELECT count(*) FROM conversation WHERE tenant = $1 AND owner = 'agent'),
			(SELECT coalesce(min(queued_at), 0) FROM conversation WHERE tenant = $1 AND owner = 'queue')`, tenant).Scan(&n.Bot, &n.Queue, &n.Agent, &n.OldestQueued)
	return n, err
}
