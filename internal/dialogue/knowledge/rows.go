package knowledge

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"frontdesk/internal/sqldb"
)

// The SQL of bot_entry: how entries become rows, and which rows a release is made of.

// open is to_release of a row that no later release has ended.
const open = math.MaxInt64

const entryColumns = "id, question, wordings, negatives, answer, lang, category, valid_from, valid_to, hash"

// scanEntry reads entryColumns, and then dest.
func scanEntry(rows interface{ Scan(...any) error }, dest ...any) (Entry, error) {
	var e Entry
	var similar, negative string
	err := rows.Scan(append([]any{&e.ID, &e.Question, &similar, &negative, &e.Answer, &e.Lang, &e.Category, &e.ValidFrom, &e.ValidTo, &e.Hash}, dest...)...)
	if err != nil {
		return e, err
	}
	if e.Similar, err = decodeTexts(similar); err == nil {
		e.Negative, err = decodeTexts(negative)
	}
	if err != nil {
		return e, fmt.Errorf("wordings of entry %s: %w", e.ID, err)
	}
	return e, nil
}

func encodeTexts(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // List searches this text
	_ = enc.Encode(list)     // strings always work
	return strings.TrimSuffix(b.String(), "\n")
}

func decodeTexts(s string) ([]string, error) {
	if s == "[]" {
		return nil, nil
	}
	var list []string
	err := json.Unmarshal([]byte(s), &list)
	return list, err
}

// Statements come in two sizes, so that the cache of prepared ones stays small: rowsAtOnce rows, and one.
const rowsAtOnce = 50

var insertEntries = map[int]string{1: insertEntriesSQL(1), rowsAtOnce: insertEntriesSQL(rowsAtOnce)}

func insertEntriesSQL(n int) string {
	return "INSERT INTO bot_entry (tenant, bot, from_release, to_release, " + entryColumns + ") VALUES " + sqldb.Placeholders(n, 14)
}

// insert adds rows that begin with release number.
func insert(tx *sqldb.Tx, k key, number int64, entries []Entry) error {
	args := make([]any, 0, 14*min(len(entries), rowsAtOnce))
	for len(entries) > 0 {
		n := 1
		if len(entries) >= rowsAtOnce {
			n = rowsAtOnce
		}
		args = args[:0]
		for _, e := range entries[:n] {
			args = append(args, k.tenant, k.bot, number, int64(open), e.ID, e.Question, encodeTexts(e.Similar), encodeTexts(e.Negative), e.Answer,
				e.Lang, e.Category, e.ValidFrom, e.ValidTo, e.Hash)
		}
		if _, err := tx.Exec(insertEntries[n], args...); err != nil {
			return fmt.Errorf("insert entries: %w", err)
		}
		entries = entries[n:]
	}
	return nil
}

// +to_release: few rows have an id, all current ones have this to_release, and SQLite would take the wrong index.
var endEntries = "UPDATE bot_entry SET to_release = $1 WHERE tenant = $2 AND bot = $3 AND +to_release = $4 AND id IN " +
	strings.ReplaceAll(sqldb.Placeholders(1, rowsAtOnce+4), "$1, $2, $3, $4, ", "")

// end makes release number the first without the current rows of ids, and returns how many there were.
func end(tx *sqldb.Tx, k key, number int64, ids []string) (n int64, err error) {
	for chunk := range slices.Chunk(ids, rowsAtOnce) {
		args := []any{number, k.tenant, k.bot, int64(open)}
		for i := range rowsAtOnce {
			args = append(args, chunk[min(i, len(chunk)-1)])
		}
		ended, err := tx.Exec(endEntries, args...)
		if err != nil {
			return n, fmt.Errorf("end entries: %w", err)
		}
		n += ended
	}
	return n, nil
}

// content reads all entries of a release, by id.
func content(ctx context.Context, q sqldb.Queryer, k key, number int64) ([]Entry, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+entryColumns+` FROM bot_entry
		WHERE tenant = $1 AND bot = $2 AND to_release > $3 AND from_release <= $3`, k.tenant, k.bot, number)
	if err != nil {
		return nil, fmt.Errorf("read release %d: %w", number, err)
	}
	defer rows.Close()
	var entries []Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("read release %d: %w", number, err)
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) }) // cheaper here than in SQL
	return entries, rows.Err()
}

// delta reads what to change and remove to get from one published release to another, earlier or later. It gives up with
// ok false when that is more than limit rows.
func delta(ctx context.Context, q sqldb.Queryer, k key, from, to int64, limit int) (changed []Entry, removed []string, ok bool, err error) {
	low, high := min(from, to), max(from, to)
	// UNION ALL and not OR: each half has its index. A row that both began and ended in between is of neither release, but
	// its id may be of one.
	rows, err := q.QueryContext(ctx, "SELECT "+entryColumns+`, from_release, to_release FROM bot_entry
			WHERE tenant = $1 AND bot = $2 AND from_release > $3 AND from_release <= $4
		UNION ALL SELECT `+entryColumns+`, from_release, to_release FROM bot_entry
			WHERE tenant = $1 AND bot = $2 AND to_release > $3 AND to_release <= $4 AND from_release <= $3
		LIMIT $5`, k.tenant, k.bot, low, high, int64(limit)+1)
	if err != nil {
		return nil, nil, false, fmt.Errorf("read changes from release %d to %d: %w", from, to, err)
	}
	defer rows.Close()
	gone, kept := map[string]bool{}, map[string]bool{}
	n := 0
	for rows.Next() {
		if n++; n > limit {
			return nil, nil, false, nil
		}
		var begin, end int64
		e, err := scanEntry(rows, &begin, &end)
		if err != nil {
			return nil, nil, false, fmt.Errorf("read changes from release %d to %d: %w", from, to, err)
		}
		if begin <= to && to < end {
			changed = append(changed, e)
			kept[e.ID] = true
		} else {
			gone[e.ID] = true
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, false, err
	}
	for id := range gone {
		if !kept[id] {
			removed = append(removed, id)
		}
	}
	slices.Sort(removed)
	return changed, removed, true, nil
}

// hashes reads id and content hash of a release's entries.
func hashes(ctx context.Context, q sqldb.Queryer, k key, number int64) (map[string]string, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, hash FROM bot_entry
		WHERE tenant = $1 AND bot = $2 AND to_release > $3 AND from_release <= $3`, k.tenant, k.bot, number)
	if err != nil {
		return nil, fmt.Errorf("read hashes of release %d: %w", number, err)
	}
	defer rows.Close()
	byID := map[string]string{}
	for rows.Next() {
		var id, hash string
		if err := rows.Scan(&id, &hash); err != nil {
			return nil, err
		}
		byID[id] = hash
	}
	return byID, rows.Err()
}

const newestSQL = "SELECT release FROM bot WHERE tenant = $1 AND id = $2"

// newest reads the number of a bot's newest published release, 0 if there is none.
func newest(ctx context.Context, q sqldb.Queryer, k key) (int64, error) {
	var number int64
	err := q.QueryRowContext(ctx, newestSQL, k.tenant, k.bot).Scan(&number)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read newest release: %w", err)
	}
	return number, nil
}
