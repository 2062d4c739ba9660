package conversation

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Ref names a message of a conversation.
type Ref struct {
	Conversation string
	Seq          int64
}

// Text is what a message says as it stands now, personal data masked.
type Text struct {
	Ref
	Text string
	From Author
	At   int64
}

// querier is how a transaction and the database read.
type querier func(query string, args ...any) (*sql.Rows, error)

func (s *Service) reading(ctx context.Context) querier {
	return func(query string, args ...any) (*sql.Rows, error) { return s.DB.Query(ctx, query, args...) }
}

// Texts reads messages by name, notes included, without those that are not there or were recalled. The order is the
// database's.
func (s *Service) Texts(ctx context.Context, tenant string, refs []Ref) ([]Text, error) {
	return texts(s.reading(ctx), tenant, refs)
}

// TextsIn is Texts inside a transaction, as a side stream needs it that keeps an index of them.
func (s *Service) TextsIn(tx *sqldb.Tx, tenant string, refs []Ref) ([]Text, error) {
	return texts(tx.Query, tenant, refs)
}

// atOnce is how many rows one statement names: few sizes, so that few statements are kept prepared.
const atOnce = 20

func texts(query querier, tenant string, refs []Ref) ([]Text, error) {
	out := make([]Text, 0, len(refs))
	for chunk := range slices.Chunk(refs, atOnce) {
		args := []any{tenant}
		var marks []string
		for i := range atOnce {
			r := chunk[min(i, len(chunk)-1)]
			args = append(args, r.Conversation, r.Seq)
			marks = append(marks, "(CAST($"+strconv.Itoa(2*i+2)+" AS TEXT), CAST($"+strconv.Itoa(2*i+3)+" AS BIGINT))")
		}
		rows, err := query(`SELECT conversation, seq, author, at, content FROM message
			WHERE tenant = $1 AND (conversation, seq) IN (VALUES `+strings.Join(marks, ", ")+`) AND state <> 'recalled'`, args...)
		if err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		for rows.Next() {
			var t Text
			var from, body string
			if err := rows.Scan(&t.Conversation, &t.Seq, &from, &t.At, &body); err != nil {
				rows.Close()
				return nil, err
			}
			var c frontdesk.Content
			if err := json.Unmarshal([]byte(body), &c); err != nil {
				rows.Close()
				return nil, fmt.Errorf("message %d: %w", t.Seq, err)
			}
			t.From, t.Text = Author(from), c.Text()
			out = append(out, t)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
	}
	return out, nil
}

// Names tells the names of contacts, without those that have none or were erased.
func (s *Service) Names(ctx context.Context, tenant string, contacts []string) (map[string]string, error) {
	return names(s.reading(ctx), tenant, contacts)
}

// NamesIn is Names inside a transaction.
func (s *Service) NamesIn(tx *sqldb.Tx, tenant string, contacts []string) (map[string]string, error) {
	return names(tx.Query, tenant, contacts)
}

func names(query querier, tenant string, contacts []string) (map[string]string, error) {
	out := map[string]string{}
	for chunk := range slices.Chunk(contacts, atOnce) {
		args := []any{tenant}
		for i := range atOnce {
			args = append(args, chunk[min(i, len(chunk)-1)])
		}
		rows, err := query("SELECT id, name FROM contact WHERE tenant = $1 AND erased_at = 0 AND name <> '' AND id IN "+placeholders(2, atOnce), args...)
		if err != nil {
			return nil, fmt.Errorf("read names: %w", err)
		}
		for rows.Next() {
			var id, name string
			if err := rows.Scan(&id, &name); err != nil {
				rows.Close()
				return nil, err
			}
			out[id] = name
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("read names: %w", err)
		}
	}
	return out, nil
}

// placeholders is ($from, $from+1, ..) of n.
func placeholders(from, n int) string {
	marks := make([]string, n)
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(from+i)
	}
	return "(" + strings.Join(marks, ", ") + ")"
}

// Summaries returns conversations by their ids, in the order of the ids, without those there are not.
func (s *Service) Summaries(ctx context.Context, tenant string, ids []string) ([]Summary, error) {
	out := []Summary{}
	for chunk := range slices.Chunk(ids, 100) {
		args := []any{tenant}
		for _, id := range chunk {
			args = append(args, id)
		}
		rows, err := s.DB.Query(ctx, "SELECT "+summaryColumns+summaryFrom+"WHERE c.tenant = $1 AND c.id IN "+placeholders(2, len(chunk)), args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			c, err := scanSummary(rows.Scan)
			if err != nil {
				rows.Close()
				return nil, err
			}
			out = append(out, c)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Summary) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return out, nil
}
