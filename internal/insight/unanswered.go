package insight

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/dialogue/semantic"
	"frontdesk/internal/sqldb"
)

// Question is a question that the bot could not answer, in all its spellings together.
type Question struct {
	ID           string `json:"id"`
	Question     string `json:"question"` // as asked last, personal data masked
	Lang         string `json:"lang"`
	Site         string `json:"site"`
	Asked        int64  `json:"asked"` // how often
	FirstAt      int64  `json:"first_at"`
	LastAt       int64  `json:"last_at"`
	Conversation string `json:"conversation"` // the last one it was asked in
	Status       Status `json:"status"`
	Entry        string `json:"entry,omitempty"`  // what answers it now
	Reason       string `json:"reason,omitempty"` // why it was settled so
	StatusAt     int64  `json:"status_at"`
	StatusBy     string `json:"status_by"`
}

// Status says what was done about a question.
type Status string

// The states of a question. One that is done opens again when it is asked again: what was done did not help. One that is
// ignored stays so.
const (
	Open    Status = "open"
	Done    Status = "done"
	Ignored Status = "ignored"
)

// maxQuestion bounds what is kept of a question, in bytes.
const maxQuestion = 600

type askedKey struct{ tenant, id string }

// asked is what a batch has of one question.
type asked struct {
	question, lang, site, conversation string
	count, first, last                 int64
}

func (b *batch) ask(ev *frontdesk.Event, d *data) {
	id := questionID(d.Question)
	if id == "" {
		return
	}
	k := askedKey{ev.Tenant, id}
	a := b.asked[k]
	if a == nil {
		a = &asked{first: ev.At}
		b.asked[k] = a
	}
	a.count++
	a.first = min(a.first, ev.At)
	if ev.At >= a.last {
		a.last = ev.At
		a.question, a.lang, a.site, a.conversation = clip(strings.TrimSpace(d.Question), maxQuestion), d.Lang, d.Site, ev.Conversation
	}
}

// questionID is the same for spellings that differ in width, case, script, spaces, marks, or in which masked number they
// hold; "" for a text that says nothing.
func questionID(text string) string {
	normal := semantic.Normalise(unnumber(clip(text, 8*maxQuestion)))
	key := semantic.AppendKey(nil, normal)
	if len(key) == 0 {
		key = []byte(normal)
	}
	if len(key) == 0 {
		return ""
	}
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:12])
}

// unnumber makes <phone:1> and <phone:2> the same.
func unnumber(text string) string {
	var out strings.Builder
	for {
		open := strings.IndexByte(text, '<')
		if open < 0 {
			break
		}
		end := strings.IndexByte(text[open:], '>')
		kind, number, ok := strings.Cut(text[open:open+max(end, 0)], ":")
		if !ok || strings.Trim(number, "0123456789") != "" {
			out.WriteString(text[:open+1])
			text = text[open+1:]
			continue
		}
		out.WriteString(text[:open])
		out.WriteString(kind)
		text = text[open+end:]
	}
	out.WriteString(text)
	return out.String()
}

func clip(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	return strings.ToValidUTF8(s[:bytes-len("…")], "") + "…"
}

func (a *asked) write(tx *sqldb.Tx, k askedKey) error {
	_, err := tx.Exec(`INSERT INTO unanswered (tenant, id, question, lang, site, asked, first_at, last_at, conversation, status, status_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $7)
		ON CONFLICT (tenant, id) DO UPDATE SET question = excluded.question, lang = excluded.lang, site = excluded.site, asked = unanswered.asked + excluded.asked,
			last_at = excluded.last_at, conversation = excluded.conversation,
			status_at = CASE WHEN unanswered.status = 'done' AND excluded.last_at > unanswered.status_at THEN excluded.last_at ELSE unanswered.status_at END,
			status = CASE WHEN unanswered.status = 'done' AND excluded.last_at > unanswered.status_at THEN 'open' ELSE unanswered.status END`,
		k.tenant, k.id, a.question, a.lang, a.site, a.count, a.first, a.last, a.conversation)
	return err
}

// erasedTalk is a conversation of a person who was erased.
type erasedTalk struct{ tenant, conversation string }

// erase takes back what the batch has of a conversation so far, and notes what earlier ones have.
func (b *batch) erase(talk erasedTalk) {
	for k, a := range b.asked {
		switch {
		case k.tenant != talk.tenant || a.conversation != talk.conversation:
		case a.count == 1:
			delete(b.asked, k)
		default:
			a.conversation = ""
		}
	}
	b.erased[talk] = true
}

// forget removes the questions that only an erased person asked, and the way to them from those that others asked as well.
func (talk erasedTalk) forget(tx *sqldb.Tx) error {
	if _, err := tx.Exec("DELETE FROM unanswered WHERE tenant = $1 AND conversation = $2 AND asked = 1", talk.tenant, talk.conversation); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE unanswered SET conversation = '' WHERE tenant = $1 AND conversation = $2", talk.tenant, talk.conversation)
	return err
}

// keepOnce is how long a question stays that was asked once and never again: most of what nobody can answer is noise.
const keepOnce = 90 * 24 * time.Hour

// forget removes what is too old, a little at a time.
func forget(tx *sqldb.Tx, tenant string, now int64) error {
	_, err := tx.Exec(`DELETE FROM unanswered WHERE tenant = $1 AND id IN
		(SELECT id FROM unanswered WHERE tenant = $1 AND status = 'open' AND last_at < $2 AND asked = 1 LIMIT 100)`,
		tenant, now-keepOnce.Microseconds())
	return err
}

// Filter says which questions to list.
type Filter struct {
	Status Status // empty is Open
	Text   string // in the question
	Latest bool   // the last asked first; otherwise the most asked first
	Cursor string // from a page before
	Limit  int    // 0 is 50, at most 200
}

const questionColumns = "id, question, lang, site, asked, first_at, last_at, conversation, status, entry, reason, status_at, status_by"

// Unanswered lists questions that the bot could not answer, and gives a cursor for the next page, "" after the last.
func (in *Insight) Unanswered(ctx context.Context, tenant string, f Filter) (items []Question, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 200)
	if f.Status == "" {
		f.Status = Open
	}
	order := "asked"
	if f.Latest {
		order = "last_at"
	}
	at, id := int64(math.MaxInt64), ""
	if f.Cursor != "" {
		if at, id, err = sqldb.ParseCursor(f.Cursor); err != nil {
			return nil, "", err
		}
	}
	rows, err := in.db.Query(ctx, "SELECT "+questionColumns+` FROM unanswered
		WHERE tenant = $1 AND status = $2 AND (`+order+`, id) < ($3, $4) AND ($5 = '' OR lower(question) LIKE $5 ESCAPE '!')
		ORDER BY `+order+` DESC, id DESC LIMIT $6`, tenant, string(f.Status), at, id, sqldb.Like(f.Text), int64(f.Limit)+1)
	if err != nil {
		return nil, "", fmt.Errorf("list unanswered questions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		q, err := scanQuestion(rows)
		if err != nil {
			return nil, "", fmt.Errorf("list unanswered questions: %w", err)
		}
		items = append(items, q)
	}
	if err := rows.Err(); err != nil {
		return nil, "", fmt.Errorf("list unanswered questions: %w", err)
	}
	if len(items) > f.Limit {
		items = items[:f.Limit]
		last := items[f.Limit-1]
		at := last.Asked
		if f.Latest {
			at = last.LastAt
		}
		next = sqldb.Cursor(at, last.ID)
	}
	return items, next, nil
}

func scanQuestion(row interface{ Scan(...any) error }) (Question, error) {
	var q Question
	err := row.Scan(&q.ID, &q.Question, &q.Lang, &q.Site, &q.Asked, &q.FirstAt, &q.LastAt, &q.Conversation, &q.Status, &q.Entry, &q.Reason, &q.StatusAt, &q.StatusBy)
	return q, err
}

// Settlement is what was done about a question.
type Settlement struct {
	Status Status
	Entry  string // the knowledge that answers it now, if any does
	Reason string // in somebody's own words; personal data in it is the caller's to mask
}

// Settle notes what was done about a question. To open it again takes entry and reason back.
func (in *Insight) Settle(ctx context.Context, tenant, id string, s Settlement) (Question, error) {
	switch {
	case s.Status != Open && s.Status != Done && s.Status != Ignored:
		return Question{}, frontdesk.InvalidField("status", "%q is not one of open, done, ignored", s.Status)
	case s.Status != Done && s.Entry != "":
		return Question{}, frontdesk.InvalidField("entry", "only what is done has an entry that answers it")
	case s.Status == Open:
		s.Reason = ""
	}
	a := frontdesk.ActorFrom(ctx)
	var q Question
	err := in.db.Write(ctx, func(tx *sqldb.Tx) (err error) {
		q, err = scanQuestion(tx.QueryRow(`UPDATE unanswered SET status = $3, entry = $4, reason = $5, status_at = $6, status_by = $7
			WHERE tenant = $1 AND id = $2 RETURNING `+questionColumns, tenant, id, string(s.Status), s.Entry, s.Reason, tx.Now(), string(a.Kind)+":"+a.ID))
		if errors.Is(err, sql.ErrNoRows) {
			return frontdesk.Errorf(frontdesk.NotFound, "there is no unanswered question %s", clip(id, 40))
		}
		return err
	})
	return q, err
}
