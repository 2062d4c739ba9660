package search

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"frontdesk/internal/sqldb"
)

// spaceShift parts the number of a space from the numbers of its rows.
const spaceShift = 40

// fresh is a row to be written.
type fresh struct {
	row, thread, seq int64
	tokens           []string
	known            bool // the row is there and changes
}

// put makes the index of refs what texts says; what has no text there goes out of it.
func put(tx *sqldb.Tx, tenant, kind string, refs []Ref, texts map[Ref]string) error {
	space, last, err := takeSpace(tx, tenant, kind, int64(len(refs)))
	if err != nil {
		return err
	}
	threads := map[string]int64{}
	var write []fresh
	var gone []int64
	for _, r := range refs {
		words := tokens(texts[r])
		thread, ok := threads[r.Conversation]
		if !ok {
			if thread, err = takeThread(tx, space, r.Conversation, len(words) > 0); err != nil {
				return err
			}
			if thread != 0 {
				threads[r.Conversation] = thread
			}
		}
		if thread == 0 {
			continue
		}
		row, err := findRow(tx, thread, r.Seq)
		if err != nil {
			return err
		}
		switch {
		case len(words) > 0 && row == 0:
			last++
			write = append(write, fresh{space<<spaceShift + last, thread, r.Seq, words, false})
		case len(words) > 0:
			write = append(write, fresh{row, thread, r.Seq, words, true})
		case row != 0:
			gone = append(gone, row)
		}
	}
	if err := drop(tx, gone); err != nil {
		return err
	}
	// FTS5 collects a transaction's rows in memory as long as their numbers rise.
	slices.SortFunc(write, func(a, b fresh) int { return cmp.Compare(a.row, b.row) })
	for _, f := range write {
		if err := f.write(tx); err != nil {
			return fmt.Errorf("write index: %w", err)
		}
	}
	return nil
}

// takeSpace gives n numbers of a space: those after last.
func takeSpace(tx *sqldb.Tx, tenant, kind string, n int64) (id, last int64, err error) {
	err = tx.QueryRow(`INSERT INTO search_space (tenant, kind, last) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, kind) DO UPDATE SET last = search_space.last + $3 RETURNING id, last`, tenant, kind, n).Scan(&id, &last)
	return id, last - n, err
}

// takeThread finds the number of a conversation or customer and, if wanted, gives it one.
func takeThread(tx *sqldb.Tx, space int64, owner string, wanted bool) (id int64, err error) {
	err = tx.QueryRow("SELECT id FROM search_thread WHERE space = $1 AND owner = $2", space, owner).Scan(&id)
	if !errors.Is(err, sql.ErrNoRows) || !wanted {
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return id, err
	}
	err = tx.QueryRow("INSERT INTO search_thread (space, owner) VALUES ($1, $2) RETURNING id", space, owner).Scan(&id)
	return id, err
}

func findRow(tx *sqldb.Tx, thread, seq int64) (row int64, err error) {
	err = tx.QueryRow("SELECT id FROM search_row WHERE thread = $1 AND seq = $2", thread, seq).Scan(&row)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return row, err
}

// dropThreads takes whole conversations out of the index.
func dropThreads(tx *sqldb.Tx, tenant string, conversations []string) error {
	for _, id := range conversations {
		rows, err := tx.Query(`SELECT r.id FROM search_space s JOIN search_thread t ON t.space = s.id AND t.owner = $3 JOIN search_row r ON r.thread = t.id
			WHERE s.tenant = $1 AND s.kind = $2`, tenant, kindMessage, id)
		if err != nil {
			return err
		}
		var gone []int64
		for rows.Next() {
			var row int64
			if err := rows.Scan(&row); err != nil {
				rows.Close()
				return err
			}
			gone = append(gone, row)
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return err
		}
		if err := drop(tx, gone); err != nil {
			return err
		}
	}
	return nil
}

func drop(tx *sqldb.Tx, rows []int64) error {
	for _, row := range rows {
		if tx.Dialect() == sqldb.SQLite {
			if _, err := tx.Exec("DELETE FROM search_text WHERE rowid = $1", row); err != nil {
				return err
			}
		}
		if _, err := tx.Exec("DELETE FROM search_row WHERE id = $1", row); err != nil {
			return err
		}
	}
	return nil
}

func (f *fresh) write(tx *sqldb.Tx) (err error) {
	text := strings.Join(f.tokens, " ")
	switch {
	case tx.Dialect() == sqldb.Postgres && f.known:
		_, err = tx.Exec("UPDATE search_row SET tokens = array_to_tsvector(string_to_array($2, ' ')) WHERE id = $1", f.row, text)
	case tx.Dialect() == sqldb.Postgres:
		_, err = tx.Exec("INSERT INTO search_row (id, thread, seq, tokens) VALUES ($1, $2, $3, array_to_tsvector(string_to_array($4, ' ')))", f.row, f.thread, f.seq, text)
	case f.known:
		_, err = tx.Exec("UPDATE search_text SET tokens = $2 WHERE rowid = $1", f.row, text)
	default:
		if _, err = tx.Exec("INSERT INTO search_row (id, thread, seq) VALUES ($1, $2, $3)", f.row, f.thread, f.seq); err == nil {
			_, err = tx.Exec("INSERT INTO search_text (rowid, tokens) VALUES ($1, $2)", f.row, text)
		}
	}
	return err
}
