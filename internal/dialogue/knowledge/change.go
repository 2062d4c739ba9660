package knowledge

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// A change of many rows is written in pieces, so that the path of messages is never kept waiting, and is seen whole or not
// at all: its rows begin (and end) with a release number that the bot has not reached, and the last piece moves the bot
// there. Meanwhile the bot is held by name: other changes of it wait, reading goes on. A hold ends by itself when its
// owner dies, and whoever changes the bot next first clears away what the dead one left.

const (
	holdFor      = 5 * time.Second // renewed with each piece
	rowsPerPiece = 150             // a few milliseconds of the writer's time
	manyRows     = 1000            // change what the database should know of the table
)

// hold is the right to write release number of a bot.
type hold struct {
	key
	id     string
	number int64 // to be published
}

// change holds the bot, asks plan what to do given the newest release, does it and publishes. done is told the rows done.
func (s *Store) change(ctx context.Context, k key, plan func(newest int64) (put []Entry, remove []string, c count, err error), done func(rows int)) (number int64, err error) {
	h, err := s.take(ctx, k)
	if err != nil {
		return 0, err
	}
	finished := false
	defer func() {
		if !finished {
			// The caller may be gone, but the bot must not stay held for that.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), holdFor)
			defer cancel()
			if e := s.abandon(ctx, h); e != nil {
				s.Log.Warn("abandoned change left for the next to clear", "tenant", k.tenant, "bot", k.bot, "error", e)
			}
		}
	}()
	put, remove, c, err := plan(h.number - 1)
	c.actor = actor(ctx)
	if err != nil {
		return 0, err
	}
	if len(put)+len(remove) == 0 && c.reason == "" {
		return h.number - 1, nil
	}
	for chunk := range slices.Chunk(remove, rowsPerPiece) {
		err := s.piece(ctx, h, func(tx *sqldb.Tx) error {
			_, err := end(tx, k, h.number, chunk)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	written := 0
	for chunk := range slices.Chunk(put, rowsPerPiece) {
		ids := make([]string, len(chunk))
		for i, e := range chunk {
			ids[i] = e.ID
		}
		err := s.piece(ctx, h, func(tx *sqldb.Tx) error {
			if c.changed > 0 {
				if _, err := end(tx, k, h.number, ids); err != nil {
					return err
				}
			}
			return insert(tx, k, h.number, chunk)
		})
		if err != nil {
			return 0, err
		}
		if written += len(chunk); done != nil {
			done(written)
		}
	}
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec("UPDATE bot SET release = $1, changed_at = $2, writer = '', writer_until = 0 WHERE tenant = $3 AND id = $4 AND writer = $5",
			h.number, tx.Now(), k.tenant, k.bot, h.id)
		if err != nil {
			return err
		}
		if n == 0 {
			return errHoldLost
		}
		return published(tx, k, h.number, c)
	})
	if err != nil {
		return 0, fmt.Errorf("publish: %w", err)
	}
	finished = true
	s.follow(ctx, k)
	if len(put)+len(remove) >= manyRows {
		s.analyse(ctx)
	}
	return h.number, nil
}

// analyse lets PostgreSQL count the rows. It does so by itself only after a minute, and until then takes a table that has
// just been filled for empty: finding fifty entries by id reads twenty thousand.
func (s *Store) analyse(ctx context.Context) {
	if s.db.Dialect() != sqldb.Postgres {
		return
	}
	err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec("ANALYZE bot_entry")
		return err
	})
	if err != nil {
		s.Log.Warn("analysing entries failed", "error", err)
	}
}

var errHoldLost = frontdesk.Errorf(frontdesk.Unavailable, "writing took so long that another change took over; nothing was changed, try again")

// piece writes a part of a change, if the bot is still held.
func (s *Store) piece(ctx context.Context, h hold, fn func(tx *sqldb.Tx) error) error {
	until := time.Now().Add(holdFor).UnixMicro()
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec("UPDATE bot SET writer_until = $1 WHERE tenant = $2 AND id = $3 AND writer = $4", until, h.tenant, h.bot, h.id)
		if err != nil {
			return err
		}
		if n == 0 {
			return errHoldLost
		}
		return fn(tx)
	})
}

// take holds the bot, after waiting for who holds it, and clears away what a dead holder left.
func (s *Store) take(ctx context.Context, k key) (hold, error) {
	h := s.newHold(k)
	for started := time.Now(); ; {
		ok, err := s.tryTake(ctx, &h, true)
		switch {
		case err != nil:
			return h, err
		case ok:
			return h, s.clear(ctx, h)
		case time.Since(started) > holdPatience:
			return h, held()
		}
		select {
		case <-ctx.Done():
			return h, ctx.Err()
		case <-time.After(holdPause):
		}
	}
}

// newHold names a hold after this process: on SQLite, whose folder one process owns, any other boot's holds are dead.
func (s *Store) newHold(k key) hold {
	return hold{key: k, id: s.db.Boot() + "/" + frontdesk.NewID()}
}

// tryTake holds the bot if nobody alive does; a free one only if wanted.
func (s *Store) tryTake(ctx context.Context, h *hold, free bool) (ok bool, err error) {
	now := time.Now()
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		if free {
			_, err := tx.Exec("INSERT INTO bot (tenant, id, release, changed_at) VALUES ($1, $2, 0, $3) ON CONFLICT (tenant, id) DO NOTHING", h.tenant, h.bot, tx.Now())
			if err != nil {
				return err
			}
		}
		var published int64
		err := tx.QueryRow(`UPDATE bot SET writer = $1, writer_until = $2 WHERE tenant = $3 AND id = $4
			AND (writer = '' AND $5 = 1 OR writer <> '' AND (writer_until < $6 OR $7 = 1 AND substr(writer, 1, 36) <> $8)) RETURNING release`,
			h.id, now.Add(holdFor).UnixMicro(), h.tenant, h.bot, bit(free), now.UnixMicro(), bit(s.db.Dialect() == sqldb.SQLite), s.db.Boot()).Scan(&published)
		ok = err == nil
		h.number = published + 1
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return ok, err
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// clearDead ends the hold of a dead owner, if the bot has one.
func (s *Store) clearDead(ctx context.Context, k key) error {
	h := s.newHold(k)
	ok, err := s.tryTake(ctx, &h, false)
	if err != nil || !ok {
		return err
	}
	return s.abandon(ctx, h)
}

// abandon clears away what was written and lets the bot go.
func (s *Store) abandon(ctx context.Context, h hold) error {
	if err := s.clear(ctx, h); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec("UPDATE bot SET writer = '', writer_until = 0 WHERE tenant = $1 AND id = $2 AND writer = $3", h.tenant, h.bot, h.id)
		return err
	})
}

// clear takes away rows of a release that was never published, and opens again those that it ended.
func (s *Store) clear(ctx context.Context, h hold) error {
	for _, text := range []string{
		`DELETE FROM bot_entry WHERE tenant = $1 AND bot = $2 AND from_release >= $3 AND id IN
			(SELECT id FROM bot_entry WHERE tenant = $1 AND bot = $2 AND from_release >= $3 LIMIT $4)`,
		`UPDATE bot_entry SET to_release = 9223372036854775807 WHERE tenant = $1 AND bot = $2 AND to_release >= $3 AND to_release < 9223372036854775807 AND id IN
			(SELECT id FROM bot_entry WHERE tenant = $1 AND bot = $2 AND to_release >= $3 AND to_release < 9223372036854775807 LIMIT $4)`,
	} {
		for {
			var n int64
			err := s.piece(ctx, h, func(tx *sqldb.Tx) (err error) {
				n, err = tx.Exec(text, h.tenant, h.bot, h.number, int64(rowsPerPiece))
				return err
			})
			if err != nil {
				return fmt.Errorf("clear an unfinished change: %w", err)
			}
			if n == 0 {
				break
			}
		}
	}
	return nil
}

// Rollback publishes the content of an older release as a new one, and returns its number. It undoes an import, too.
func (s *Store) Rollback(ctx context.Context, tenant, botID string, to int64) (int64, error) {
	k := key{tenant, botID}
	last, err := s.newest(ctx, k)
	if err != nil {
		return 0, err
	}
	if to < 0 || to > last {
		return 0, frontdesk.Errorf(frontdesk.NotFound, "bot %s has no release %d", botID, to)
	}
	number, err := s.change(ctx, k, func(newest int64) (put []Entry, remove []string, c count, err error) {
		err = s.db.ReadTx(ctx, func(q sqldb.Queryer) (err error) {
			put, remove, _, err = delta(ctx, q, k, newest, to, open-1)
			if err != nil {
				return err
			}
			now, err := hashes(ctx, q, k, newest)
			if err != nil {
				return err
			}
			put = slices.DeleteFunc(put, func(e Entry) bool { return now[e.ID] == e.Hash })
			remove = slices.DeleteFunc(remove, func(id string) bool { return now[id] == "" })
			for _, e := range put {
				if now[e.ID] != "" {
					c.changed++
				} else {
					c.added++
				}
			}
			return nil
		})
		c.reason, c.source, c.removed = "rollback", to, int64(len(remove))
		return put, remove, c, err
	}, nil)
	if err != nil {
		return 0, fmt.Errorf("roll back to release %d: %w", to, err)
	}
	return number, nil
}
