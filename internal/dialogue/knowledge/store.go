package knowledge

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Stored is an entry with the release that made it what it is.
type Stored struct {
	Entry
	Release   int64  `json:"release"`
	ChangedAt int64  `json:"changed_at"`
	ChangedBy string `json:"changed_by"` // actor as kind:id
}

// Put adds an entry or replaces the one of its ID, as a new release. Without an ID the entry is new: its question gives the
// ID, and a second one of the same question is a Conflict. With a hash, the entry is replaced only if it still has that
// hash: Conflict otherwise. Putting what is there already makes no release.
func (s *Store) Put(ctx context.Context, tenant, botID string, e Entry, ifHash string) (Stored, error) {
	return s.put(ctx, tenant, botID, e, e.ID == "", ifHash)
}

// Add is Put of an entry that must be new: a second one of its ID is a Conflict.
func (s *Store) Add(ctx context.Context, tenant, botID string, e Entry) (Stored, error) {
	return s.put(ctx, tenant, botID, e, true, "")
}

func (s *Store) put(ctx context.Context, tenant, botID string, e Entry, isNew bool, ifHash string) (Stored, error) {
	e, err := e.Clean()
	if fe, ok := errors.AsType[*FieldError](err); ok {
		return Stored{}, frontdesk.InvalidField(fe.Field, "%s", fe.Reason)
	} else if err != nil {
		return Stored{}, err
	}
	k, who := key{tenant, botID}, actor(ctx)
	var out Stored
	err = s.write(ctx, k, func(tx *sqldb.Tx, number int64) (count, error) {
		old, err := current(tx, k, e.ID)
		exists := err == nil
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return count{}, err
		}
		switch {
		case isNew && exists:
			return count{}, frontdesk.Errorf(frontdesk.Conflict, "it is there already, as entry %s", e.ID)
		case ifHash != "" && old.Hash != ifHash:
			return count{}, &ChangedError{[]Change{{e.ID, old.Question, old.ChangedBy, old.ChangedAt, old.Release}}}
		case old.Hash == e.Hash:
			out = old
			return count{}, nil
		}
		if _, err := end(tx, k, number, []string{e.ID}); err != nil {
			return count{}, err
		}
		out = Stored{e, number, tx.Now(), who}
		c := count{reason: "put", actor: who, ids: []string{e.ID}, changed: 1}
		if !exists {
			c.added, c.changed = 1, 0
		}
		return c, insert(tx, k, number, []Entry{e})
	})
	if err != nil {
		return Stored{}, fmt.Errorf("put entry %s: %w", e.ID, err)
	}
	return out, nil
}

// Delete takes an entry out of the newest release; older ones keep it. NotFound if there is none.
func (s *Store) Delete(ctx context.Context, tenant, botID, id string) error {
	k, who := key{tenant, botID}, actor(ctx)
	err := s.write(ctx, k, func(tx *sqldb.Tx, number int64) (count, error) {
		n, err := end(tx, k, number, []string{id})
		if err == nil && n == 0 {
			err = noEntry(id)
		}
		return count{reason: "delete", actor: who, ids: []string{id}, removed: 1}, err
	})
	if err != nil {
		return fmt.Errorf("delete entry: %w", err)
	}
	return nil
}

// Get returns an entry of the newest release.
func (s *Store) Get(ctx context.Context, tenant, botID, id string) (Stored, error) {
	e, err := scanStored(s.db.QueryRow(ctx, selectStored+` WHERE e.tenant = $1 AND e.bot = $2 AND e.id = $3
		AND e.from_release <= (SELECT release FROM bot WHERE tenant = $1 AND id = $2)
		AND e.to_release > (SELECT release FROM bot WHERE tenant = $1 AND id = $2)`, tenant, botID, id))
	if errors.Is(err, sql.ErrNoRows) {
		return e, noEntry(id)
	}
	return e, err
}

func noEntry(id string) error {
	return frontdesk.Errorf(frontdesk.NotFound, "there is no entry %s", clip(id, MaxID))
}

// current reads the row of the newest state inside a write, in which no other change of the bot can be.
func current(tx *sqldb.Tx, k key, id string) (Stored, error) {
	return scanStored(tx.QueryRow(selectStored+" WHERE e.tenant = $1 AND e.bot = $2 AND e.id = $3 AND +e.to_release = $4", k.tenant, k.bot, id, int64(open)))
}

const selectStored = `SELECT e.id, e.question, e.wordings, e.negatives, e.answer, e.lang, e.category, e.valid_from, e.valid_to, e.hash,
	e.from_release, coalesce(r.at, 0), coalesce(r.actor, '')
	FROM bot_entry e LEFT JOIN bot_release r ON r.tenant = e.tenant AND r.bot = e.bot AND r.number = e.from_release`

func scanStored(row interface{ Scan(...any) error }) (Stored, error) {
	var out Stored
	var err error
	out.Entry, err = scanEntry(row, &out.Release, &out.ChangedAt, &out.ChangedBy)
	return out, err
}

func likePattern(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text) + "%"
}

// Categories counts the entries of the newest release by category.
func (s *Store) Categories(ctx context.Context, tenant, botID string) (map[string]int, error) {
	rows, err := s.db.Query(ctx, `SELECT category, count(*) FROM bot_entry WHERE tenant = $1 AND bot = $2
		AND from_release <= (SELECT release FROM bot WHERE tenant = $1 AND id = $2)
		AND to_release > (SELECT release FROM bot WHERE tenant = $1 AND id = $2) GROUP BY category`, tenant, botID)
	if err != nil {
		return nil, fmt.Errorf("count categories: %w", err)
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return nil, err
		}
		counts[name] = n
	}
	return counts, rows.Err()
}

// Published is a line of a bot's history.
type Published struct {
	Number  int64  `json:"number"`
	At      int64  `json:"at"`
	Actor   string `json:"actor"`
	Reason  string `json:"reason"` // put, delete, import, rollback
	Source  int64  `json:"source,omitempty"`
	Added   int64  `json:"added"`
	Changed int64  `json:"changed"`
	Removed int64  `json:"removed"`
}

// Releases returns the history of a bot, newest first, beginning below number before if that is not 0.
func (s *Store) Releases(ctx context.Context, tenant, botID string, before int64, limit int) ([]Published, error) {
	if before == 0 {
		before = open
	}
	rows, err := s.db.Query(ctx, `SELECT number, at, actor, reason, source, added, changed, removed FROM bot_release
		WHERE tenant = $1 AND bot = $2 AND number < $3 ORDER BY number DESC LIMIT $4`, tenant, botID, before, int64(min(max(limit, 1), 200)))
	if err != nil {
		return nil, fmt.Errorf("list releases: %w", err)
	}
	defer rows.Close()
	var list []Published
	for rows.Next() {
		var p Published
		if err := rows.Scan(&p.Number, &p.At, &p.Actor, &p.Reason, &p.Source, &p.Added, &p.Changed, &p.Removed); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// All iterates over the entries of a release by id, 0 being the newest. The entries are read in pages, so a long walk does
// not hold the database; the release stays the same throughout.
func (s *Store) All(ctx context.Context, tenant, botID string, number int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		last, err := s.newest(ctx, key{tenant, botID})
		if err == nil && (number < 0 || number > last) {
			err = frontdesk.Errorf(frontdesk.NotFound, "bot %s has no release %d", botID, number)
		}
		if err != nil {
			yield(Entry{}, err)
			return
		}
		if number == 0 {
			number = last
		}
		const page = 500
		for after := ""; ; {
			entries, err := s.page(ctx, key{tenant, botID}, number, after, page)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if len(entries) < page {
				return
			}
			after = entries[page-1].ID
		}
	}
}

func (s *Store) page(ctx context.Context, k key, number int64, after string, limit int) ([]Entry, error) {
	rows, err := s.db.Query(ctx, "SELECT "+entryColumns+` FROM bot_entry WHERE tenant = $1 AND bot = $2 AND id > $3
		AND from_release <= $4 AND to_release > $4 ORDER BY id LIMIT $5`, k.tenant, k.bot, after, number, int64(limit))
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	defer rows.Close()
	var entries []Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("read entries: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

func (s *Store) newest(ctx context.Context, k key) (number int64, err error) {
	err = s.db.QueryRow(ctx, newestSQL, k.tenant, k.bot).Scan(&number)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read newest release: %w", err)
	}
	return number, nil
}

// count says what a change did. Without a reason nothing was done, and there is no new release.
type count struct {
	reason                  string
	actor                   string
	ids                     []string // a few, for the event
	source                  int64
	added, changed, removed int64
	also                    func(tx *sqldb.Tx, number int64) error // part of the transaction that publishes; may be nil
}

var (
	errNothing = errors.New("nothing changed")
	errHeld    = errors.New("bot is held by a change of many rows")
)

// How long a small change waits for a large one of the same bot, and how often it looks.
const (
	holdPatience = 10 * time.Second
	holdPause    = 20 * time.Millisecond
)

// write makes one small change a release, in one transaction. fn gets the number of the release to be.
// It runs fn again if the transaction has to be.
func (s *Store) write(ctx context.Context, k key, fn func(tx *sqldb.Tx, number int64) (count, error)) error {
	for started := time.Now(); ; {
		err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
			number, err := advance(tx, k)
			if err != nil {
				return err
			}
			c, err := fn(tx, number)
			if err != nil {
				return err
			}
			if c.reason == "" {
				return errNothing
			}
			return published(tx, k, number, c)
		})
		switch {
		case err == nil:
			s.follow(ctx, k)
			return nil
		case errors.Is(err, errNothing):
			return nil
		case !errors.Is(err, errHeld):
			return err
		case time.Since(started) > holdPatience:
			return held()
		}
		if err := s.clearDead(ctx, k); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(holdPause):
		}
	}
}

// follow makes a change that was just committed count here. It is committed whether that works or not, and Run tries again.
func (s *Store) follow(ctx context.Context, k key) {
	if err := s.Refresh(context.WithoutCancel(ctx), k.tenant, k.bot); err != nil {
		s.Log.Warn("loading a new release failed", "tenant", k.tenant, "bot", k.bot, "error", err)
	}
}

func held() error {
	return &frontdesk.Error{Kind: frontdesk.Limited, Public: "an import is being written; try again in a moment", RetryAfter: 2 * time.Second}
}

// advance takes the bot's row and gives the next release number, making the bot if it is new.
func advance(tx *sqldb.Tx, k key) (number int64, err error) {
	err = tx.QueryRow("UPDATE bot SET release = release + 1, changed_at = $3 WHERE tenant = $1 AND id = $2 AND writer = '' RETURNING release",
		k.tenant, k.bot, tx.Now()).Scan(&number)
	if !errors.Is(err, sql.ErrNoRows) {
		return number, err
	}
	n, err := tx.Exec("INSERT INTO bot (tenant, id, release, changed_at) VALUES ($1, $2, 1, $3) ON CONFLICT (tenant, id) DO NOTHING",
		k.tenant, k.bot, tx.Now())
	if err == nil && n == 0 {
		err = errHeld // or made a moment ago by another, which a second try sees
	}
	return 1, err
}

// published writes the history and tells the world, in the transaction that moved the bot's number.
func published(tx *sqldb.Tx, k key, number int64, c count) error {
	_, err := tx.Exec(`INSERT INTO bot_release (tenant, bot, number, at, actor, reason, source, added, changed, removed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		k.tenant, k.bot, number, tx.Now(), c.actor, c.reason, c.source, c.added, c.changed, c.removed)
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	data, _ := json.Marshal(map[string]any{"bot": k.bot, "release": number, "reason": c.reason, "ids": c.ids,
		"added": c.added, "changed": c.changed, "removed": c.removed})
	tx.Append(frontdesk.Event{Tenant: k.tenant, Type: frontdesk.EvKnowledgeChanged, Subject: k.bot, Actor: c.actor, Data: data})
	data, _ = json.Marshal(map[string]any{"bot": k.bot, "release": number, "source": c.source})
	tx.Append(frontdesk.Event{Tenant: k.tenant, Type: frontdesk.EvReleasePublished, Subject: k.bot, Actor: c.actor, Data: data})
	if c.also != nil {
		return c.also(tx, number)
	}
	return nil
}

func actor(ctx context.Context) string {
	a := frontdesk.ActorFrom(ctx)
	if a.Kind == "" {
		return ""
	}
	return string(a.Kind) + ":" + a.ID
}
