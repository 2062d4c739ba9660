package knowledge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"frontdesk"
)

// Filter says which entries to list.
type Filter struct {
	Text     string // in the question, another wording, the answer or the id; upper and lower case alike
	Category string
	Lang     string
	Validity Validity
	Archived bool   // those that were taken away, as they were last, instead of those there are
	Sort     string // one of Sorts; empty is -changed
	Cursor   string // from a page before, with the same filter
	Limit    int    // 0 is 50, at most 200
}

// Validity is how an entry stands to its dates.
type Validity string

// How entries stand to their dates.
const (
	AnyValidity Validity = ""
	ValidNow    Validity = "now"
	ValidLater  Validity = "later"
	ValidOver   Validity = "over"
	ValidDated  Validity = "dated" // has dates at all
)

// sorts are the orders of a list: an expression, and how its values stand in a cursor.
var sorts = map[string]struct {
	by   string
	text bool
	down bool
}{
	"-changed": {"e.from_release", false, true},
	"changed":  {"e.from_release", false, false},
	"question": {"e.question", true, false},
	"category": {"e.category", true, false},
	"valid_to": {"CASE WHEN e.valid_to = 0 THEN 9223372036854775807 ELSE e.valid_to END", false, false},
}

// where is the SQL of a filter on release number, with its arguments.
func (f Filter) where(k key, number, now int64) (text string, args []any, err error) {
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	text = " WHERE e.tenant = " + arg(k.tenant) + " AND e.bot = " + arg(k.bot)
	n := arg(number)
	if f.Archived {
		text += " AND e.to_release <= " + n + ` AND NOT EXISTS (SELECT 1 FROM bot_entry n WHERE n.tenant = e.tenant AND n.bot = e.bot AND n.id = e.id
			AND n.from_release > e.from_release AND n.from_release <= ` + n + ")"
	} else {
		text += " AND e.to_release > " + n + " AND e.from_release <= " + n
	}
	if f.Category != "" {
		text += " AND e.category = " + arg(f.Category)
	}
	if f.Lang != "" {
		text += " AND e.lang = " + arg(cleanLang(f.Lang))
	}
	if pattern := likePattern(f.Text); pattern != "" {
		p := arg(pattern)
		text += ` AND (lower(e.question) LIKE ` + p + ` ESCAPE '!' OR lower(e.wordings) LIKE ` + p + ` ESCAPE '!' OR lower(e.answer) LIKE ` + p + ` ESCAPE '!' OR lower(e.id) LIKE ` + p + ` ESCAPE '!')`
	}
	switch f.Validity {
	case AnyValidity:
	case ValidNow:
		text += " AND e.valid_from <= " + arg(now) + " AND (e.valid_to = 0 OR e.valid_to > " + arg(now) + ")"
	case ValidLater:
		text += " AND e.valid_from > " + arg(now)
	case ValidOver:
		text += " AND e.valid_to <> 0 AND e.valid_to <= " + arg(now)
	case ValidDated:
		text += " AND (e.valid_from <> 0 OR e.valid_to <> 0)"
	default:
		return "", nil, frontdesk.InvalidField("validity", "%q is not one of now, later, over, dated", clip(string(f.Validity), 40))
	}
	return text, args, nil
}

// selectFor is selectStored; of what was archived, the change is the one that did it.
func (f Filter) selectFor() string {
	if f.Archived {
		return strings.Replace(selectStored, "r.number = e.from_release", "r.number = e.to_release", 1)
	}
	return selectStored
}

// List returns entries of the newest release in the filter's order, and a cursor for the next page, "" after the last.
func (s *Store) List(ctx context.Context, tenant, botID string, f Filter) (items []Stored, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 200)
	if f.Sort == "" {
		f.Sort = "-changed"
	}
	order, ok := sorts[f.Sort]
	if !ok {
		return nil, "", frontdesk.InvalidField("sort", "%q is not an order of this list", clip(f.Sort, 40))
	}
	k := key{tenant, botID}
	number, err := s.newest(ctx, k)
	if err != nil {
		return nil, "", err
	}
	where, args, err := f.where(k, number, s.db.Now().UnixMicro())
	if err != nil {
		return nil, "", err
	}
	by, dir, compare := order.by, " ASC", ">"
	if order.down {
		dir, compare = " DESC", "<"
	}
	if f.Cursor != "" {
		value, id, err := readCursor(f.Cursor, order.text)
		if err != nil {
			return nil, "", err
		}
		args = append(args, value, id)
		where += " AND (" + by + ", e.id) " + compare + " ($" + strconv.Itoa(len(args)-1) + ", $" + strconv.Itoa(len(args)) + ")"
	}
	args = append(args, int64(f.Limit)+1)
	items, err = s.stored(ctx, f.selectFor()+where+" ORDER BY "+by+dir+", e.id"+dir+" LIMIT $"+strconv.Itoa(len(args)), args...)
	if err != nil {
		return nil, "", err
	}
	if len(items) > f.Limit {
		items = items[:f.Limit]
		next = cursorAfter(f.Sort, items[f.Limit-1])
	}
	return items, next, nil
}

func (s *Store) stored(ctx context.Context, query string, args ...any) ([]Stored, error) {
	rows, err := s.db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list entries: %w", err)
	}
	defer rows.Close()
	var items []Stored
	for rows.Next() {
		e, err := scanStored(rows)
		if err != nil {
			return nil, fmt.Errorf("list entries: %w", err)
		}
		items = append(items, e)
	}
	return items, rows.Err()
}

// IDs returns the ids of all entries that a filter lets through, in order of id.
func (s *Store) IDs(ctx context.Context, tenant, botID string, f Filter) ([]string, error) {
	k := key{tenant, botID}
	number, err := s.newest(ctx, k)
	if err != nil {
		return nil, err
	}
	where, args, err := f.where(k, number, s.db.Now().UnixMicro())
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, "SELECT e.id FROM bot_entry e"+where+" ORDER BY e.id", args...)
	if err != nil {
		return nil, fmt.Errorf("list entries: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Some returns entries by their ids, in the order of the ids, without those there are not; archived as in a Filter.
func (s *Store) Some(ctx context.Context, tenant, botID string, ids []string, archived bool) ([]Stored, error) {
	k := key{tenant, botID}
	number, err := s.newest(ctx, k)
	if err != nil {
		return nil, err
	}
	f := Filter{Archived: archived}
	var out []Stored
	for chunk := range slices.Chunk(ids, rowsAtOnce) {
		where, args, err := f.where(k, number, 0)
		if err != nil {
			return nil, err
		}
		var marks []string
		for i := range rowsAtOnce { // one size of statement
			args = append(args, chunk[min(i, len(chunk)-1)])
			marks = append(marks, "$"+strconv.Itoa(len(args)))
		}
		list, err := s.stored(ctx, f.selectFor()+where+" AND e.id IN ("+strings.Join(marks, ", ")+")", args...)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	at := make(map[string]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	slices.SortFunc(out, func(a, b Stored) int { return at[a.ID] - at[b.ID] })
	return out, nil
}

// A cursor is the place after which a page begins, opaque to callers: the value that is sorted by, and the id.
func cursorAfter(sort string, e Stored) string {
	var value any = e.Release
	switch sort {
	case "question":
		value = e.Question
	case "category":
		value = e.Category
	case "valid_to":
		if value = e.ValidTo; e.ValidTo == 0 {
			value = int64(math.MaxInt64)
		}
	}
	b, err := json.Marshal([]string{fmt.Sprint(value), e.ID})
	if err != nil {
		panic(err) // strings
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func readCursor(cursor string, text bool) (value any, id string, err error) {
	wrong := frontdesk.InvalidField("cursor", "is not one that a list gave")
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, "", wrong
	}
	var parts []string
	if json.Unmarshal(b, &parts) != nil || len(parts) != 2 {
		return nil, "", wrong
	}
	if text {
		return parts[0], parts[1], nil
	}
	n, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return nil, "", wrong
	}
	return n, parts[1], nil
}
