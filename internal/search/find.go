package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"frontdesk/internal/sqldb"
)

// Bounds of one search: rare words are found whatever there is, common ones newest first until there are enough.
const (
	Patience   = 250 * time.Millisecond // after this it shows what it has
	maxLooked  = 1000                   // candidates that are read and compared
	atOnce     = 60                     // of them at a time
	newestRows = 5_000                  // PostgreSQL: looked through before the index is asked, some 12 ms
)

// Hit is a conversation that was found, by the newest message that has the words.
type Hit struct {
	Message
	Snippet string   // of the text, with what was found
	Marks   [][2]int // in the snippet, in characters
}

// NameHit is a customer who was found by name.
type NameHit struct {
	Contact, Name string
	Marks         [][2]int
}

// Messages finds conversations, the newest message first, each once. complete is false when there may be more than limit,
// or when it took too long to look at everything.
func (s *Search) Messages(ctx context.Context, tenant, text string, limit int) (hits []Hit, complete bool, err error) {
	q, ok := parse(text)
	if !ok {
		return nil, true, nil
	}
	seen := map[string]bool{}
	complete, err = s.walk(ctx, tenant, kindMessage, q, func(ctx context.Context, refs []Ref) (bool, error) {
		list, err := s.source.Messages(ctx, tenant, refs)
		if err != nil {
			return false, err
		}
		byRef := make(map[Ref]Message, len(list))
		for _, m := range list {
			byRef[m.Ref] = m
		}
		for _, r := range refs {
			m, ok := byRef[r]
			if !ok || seen[r.Conversation] {
				continue
			}
			marks := q.match(fold(m.Text))
			if marks == nil {
				continue // the pairs stand in it, but not beside each other; or it changed a moment ago
			}
			if len(hits) == limit {
				return false, nil
			}
			seen[r.Conversation] = true
			h := Hit{Message: m}
			h.Snippet, h.Marks = snippet(m.Text, marks)
			hits = append(hits, h)
		}
		return true, nil
	})
	return hits, complete, err
}

// Contacts finds customers by name, the last identified first.
func (s *Search) Contacts(ctx context.Context, tenant, text string, limit int) (hits []NameHit, complete bool, err error) {
	q, ok := parse(text)
	if !ok {
		return nil, true, nil
	}
	complete, err = s.walk(ctx, tenant, kindContact, q, func(ctx context.Context, refs []Ref) (bool, error) {
		ids := make([]string, len(refs))
		for i, r := range refs {
			ids[i] = r.Conversation
		}
		names, err := s.source.Names(ctx, tenant, ids)
		if err != nil {
			return false, err
		}
		for _, id := range ids {
			marks := q.match(fold(names[id]))
			if marks == nil {
				continue
			}
			if len(hits) == limit {
				return false, nil
			}
			hits = append(hits, NameHit{id, names[id], ordered(marks)})
		}
		return true, nil
	})
	return hits, complete, err
}

// walk gives the candidates of a query to look, newest first, until it says no, there are none left, or patience ends.
func (s *Search) walk(ctx context.Context, tenant, kind string, q query, look func(ctx context.Context, refs []Ref) (more bool, err error)) (complete bool, err error) {
	var space, last int64
	err = s.db.QueryRow(ctx, "SELECT id, last FROM search_space WHERE tenant = $1 AND kind = $2", tenant, kind).Scan(&space, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	} else if err != nil {
		return false, fmt.Errorf("search: %w", err)
	}
	hurry, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	low, high := space<<spaceShift, space<<spaceShift+last
	stretches := []stretch{{low, high, false}}
	if s.db.Dialect() == sqldb.Postgres && last > newestRows {
		stretches = []stretch{{high - newestRows, high, true}, {low, high - newestRows, false}}
	}
	looked := 0
	for _, st := range stretches {
		for {
			refs, lowest, err := s.candidates(hurry, q, st)
			more := false
			if err == nil && len(refs) > 0 {
				more, err = look(hurry, refs)
			}
			if err != nil {
				if ctx.Err() == nil && hurry.Err() != nil {
					return false, nil // what was found so far is shown
				}
				return false, fmt.Errorf("search: %w", err)
			}
			looked += len(refs)
			switch {
			case len(refs) > 0 && !more || looked >= maxLooked:
				return false, nil
			case len(refs) == atOnce:
				st.high = lowest - 1
				continue
			}
			break
		}
	}
	return true, nil
}

// stretch is the rows above low up to high.
type stretch struct {
	low, high int64
	scan      bool // look through the rows rather than ask the index
}

// candidates are the newest rows of a stretch whose tokens have all of the query's.
func (s *Search) candidates(ctx context.Context, q query, st stretch) (refs []Ref, lowest int64, err error) {
	text, args := s.sql(q, st)
	look := func(tx sqldb.Queryer) error {
		rows, err := tx.QueryContext(ctx, text, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r Ref
			if err := rows.Scan(&lowest, &r.Conversation, &r.Seq); err != nil {
				return err
			}
			refs = append(refs, r)
		}
		return rows.Err()
	}
	err = s.db.ReadTx(ctx, func(tx sqldb.Queryer) error {
		if s.db.Dialect() == sqldb.SQLite {
			return look(tx)
		}
		// A plan that is made once for all words suits neither common nor rare ones, and compiling one takes longer than it.
		var mode, jit string
		if err := tx.QueryRowContext(ctx, "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)").Scan(&mode, &jit); err != nil {
			return err
		}
		return look(tx)
	})
	return refs, lowest, err
}

func (s *Search) sql(q query, st stretch) (string, []any) {
	var terms []string
	if s.db.Dialect() == sqldb.SQLite {
		for _, t := range q.tokens {
			terms = append(terms, `"`+t+`"`)
		}
		if q.prefix != "" {
			terms = append(terms, `"`+q.prefix+`"*`)
		}
		// The index walks backwards through the rows of all terms together, and stops when there are enough.
		return `SELECT f.rowid, t.owner, r.seq FROM (SELECT rowid FROM search_text WHERE search_text MATCH $1 AND rowid > $2 AND rowid <= $3 ORDER BY rowid DESC LIMIT ` + strconv.Itoa(atOnce) + `) f
			CROSS JOIN search_row r ON r.id = f.rowid CROSS JOIN search_thread t ON t.id = r.thread ORDER BY f.rowid DESC`,
			[]any{strings.Join(terms, " AND "), st.low, st.high}
	}
	for _, t := range q.tokens {
		terms = append(terms, "'"+t+"'")
	}
	if q.prefix != "" {
		terms = append(terms, "'"+q.prefix+"':*")
	}
	// MATERIALIZED is the choice between the two ways: the newest rows one by one, which finds what is common, and the
	// index over all, which finds what is rare. Left to itself the planner may read a million rows backwards for one hit.
	inner := `SELECT id, thread, seq FROM search_row WHERE tokens @@ $1::tsquery AND id > $2 AND id <= $3`
	if st.scan {
		inner = `SELECT id, thread, seq FROM newest WHERE tokens @@ $1::tsquery`
	}
	text := `found AS MATERIALIZED (` + inner + `) SELECT f.id, t.owner, f.seq FROM (SELECT id, thread, seq FROM found ORDER BY id DESC LIMIT ` + strconv.Itoa(atOnce) + `) f
		JOIN search_thread t ON t.id = f.thread ORDER BY f.id DESC`
	if st.scan {
		text = `newest AS MATERIALIZED (SELECT id, thread, seq, tokens FROM search_row WHERE id > $2 AND id <= $3), ` + text
	}
	return "WITH " + text, []any{strings.Join(terms, " & "), st.low, st.high}
}

// What a snippet shows: a little before the first mark, and enough to understand it.
const (
	snippetBefore = 20
	snippetRunes  = 120
)

// snippet cuts a stretch with the first marks out of a text, on one line, and moves the marks to it.
func snippet(text string, marks [][2]int) (string, [][2]int) {
	marks = ordered(marks)
	runes := []rune(text)
	from := 0
	if len(runes) > snippetRunes && len(marks) > 0 {
		from = max(0, min(marks[0][0]-snippetBefore, len(runes)-snippetRunes))
	}
	to := min(len(runes), from+snippetRunes)
	cut := string(slices.Clone(runes[from:to]))
	cut = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return r
	}, cut)
	shift := -from
	if from > 0 {
		cut, shift = "…"+cut, shift+1
	}
	if to < len(runes) {
		cut += "…"
	}
	out := [][2]int{}
	for _, m := range marks {
		if m[0] < to && m[1] > from {
			out = append(out, [2]int{max(m[0], from) + shift, min(m[1], to) + shift})
		}
	}
	return cut, out
}

// Marks says where the words of a query stand in a text that was found in another way; empty if they do not.
func Marks(queryText, text string) [][2]int {
	q, ok := parse(queryText)
	if !ok || !utf8.ValidString(text) {
		return [][2]int{}
	}
	return ordered(q.match(fold(text)))
}

// ordered sorts marks and joins those that meet.
func ordered(marks [][2]int) [][2]int {
	slices.SortFunc(marks, func(a, b [2]int) int { return a[0] - b[0] })
	out := [][2]int{}
	for _, m := range marks {
		if n := len(out); n > 0 && m[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], m[1])
			continue
		}
		out = append(out, m)
	}
	return out
}
