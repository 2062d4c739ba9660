package knowledge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// DefaultBot is the bot of a tenant that has not named any.
const DefaultBot = "default"

// Release is all that one bot knows at one time. It never changes; conversations hold on to theirs.
type Release struct {
	Tenant, Bot string
	Number      int64 // 0 is empty: nothing was ever published
	Index       *Index

	cost int64 // bytes of memory, roughly
}

// Store keeps the entries of all bots in the database and their releases in memory. Each change of a bot's entries (one
// put or delete, or an import as a whole) is a new release with the next number, visible at once and whole or not at all.
//
// The newest release of each bot in use stays in memory and follows the database: at once after a change by this Store,
// within PollEvery after a change by another node while Run runs. Readers never wait for that.
type Store struct {
	db *sqldb.DB

	Log          *slog.Logger  // never nil
	MemoryBudget int64         // of releases in memory, roughly; beyond it the longest unused go
	PollEvery    time.Duration // how often Run looks for changes of other nodes

	mu    sync.RWMutex
	bots  map[key]*bot
	clock atomic.Int64 // counts uses, for eviction

	jobs chan struct{} // an import was asked for here
}

type key struct{ tenant, bot string }

// bot is what memory holds of one bot.
type bot struct {
	latest atomic.Pointer[Release]
	used   atomic.Int64
	failed atomic.Pointer[failure] // the last load, if it failed
	load   sync.Mutex              // held while loading from the database
}

// failure is a release that could not be loaded.
type failure struct {
	err   error
	until time.Time // nobody tries again before
	pause time.Duration
}

// A bot whose release cannot be loaded is tried again after a pause that doubles: neither its customers' turns nor its
// changes load it each time, and other bots do not wait for it. An edit is late by the longest pause at most.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

// NewStore makes a store. Fields may be changed before its first use.
func NewStore(db *sqldb.DB) *Store {
	return &Store{
		db: db, Log: slog.New(slog.DiscardHandler), MemoryBudget: 512 << 20, PollEvery: 250 * time.Millisecond,
		bots: map[key]*bot{},
	}
}

// Latest returns the newest release of a bot: from memory, or from the database when the bot is used for the first time.
// A bot that was never given anything has the empty release 0. What is in memory answers as long as a newer one cannot be
// loaded; without any, callers get the last load's error until the next try is due.
func (s *Store) Latest(ctx context.Context, tenant, botID string) (*Release, error) {
	b := s.bot(key{tenant, botID})
	b.used.Store(s.clock.Add(1))
	if r := b.latest.Load(); r != nil {
		return r, nil
	}
	return s.refresh(ctx, key{tenant, botID}, b)
}

// At returns a release by its number: to explain what was answered under it.
func (s *Store) At(ctx context.Context, tenant, botID string, number int64) (*Release, error) {
	latest, err := s.Latest(ctx, tenant, botID)
	if err != nil || latest.Number == number {
		return latest, err
	}
	var r *Release
	err = s.db.ReadTx(ctx, func(q sqldb.Queryer) error {
		last, err := newest(ctx, q, key{tenant, botID})
		if err != nil {
			return err
		}
		if number < 0 || number > last {
			return frontdesk.Errorf(frontdesk.NotFound, "bot %s has no release %d", botID, number)
		}
		r, err = load(ctx, q, key{tenant, botID}, number, latest)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load knowledge of %s/%s: %w", tenant, botID, err)
	}
	return r, nil
}

// Refresh looks whether a loaded bot has a newer release and loads it: what to do on a hint that it has.
func (s *Store) Refresh(ctx context.Context, tenant, botID string) error {
	k := key{tenant, botID}
	s.mu.RLock()
	b := s.bots[k]
	s.mu.RUnlock()
	if b == nil || b.latest.Load() == nil {
		return nil // loaded when it is used
	}
	_, err := s.refresh(ctx, k, b)
	return err
}

// Run follows the changes of other nodes until ctx ends. Hints only make it faster.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(s.PollEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := s.poll(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			s.Log.Warn("following releases failed", "error", err)
		}
		failing = err != nil
	}
}

// poll compares the numbers of all loaded bots with the database.
func (s *Store) poll(ctx context.Context) error {
	s.mu.RLock()
	loaded := len(s.bots)
	s.mu.RUnlock()
	if loaded == 0 {
		return nil
	}
	moved, err := s.moved(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, k := range moved { // one that cannot be loaded does not keep the others
		failed = errors.Join(failed, s.Refresh(ctx, k.tenant, k.bot))
	}
	return failed
}

func (s *Store) moved(ctx context.Context) ([]key, error) {
	rows, err := s.db.Query(ctx, "SELECT tenant, id, release FROM bot")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var moved []key
	for rows.Next() {
		var k key
		var number int64
		if err := rows.Scan(&k.tenant, &k.bot, &number); err != nil {
			return nil, err
		}
		s.mu.RLock()
		b := s.bots[k]
		s.mu.RUnlock()
		if b == nil {
			continue
		}
		if r := b.latest.Load(); r != nil && r.Number != number {
			moved = append(moved, k)
		}
	}
	return moved, rows.Err()
}

func (s *Store) bot(k key) *bot {
	s.mu.RLock()
	b := s.bots[k]
	s.mu.RUnlock()
	if b != nil {
		return b
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.bots[k]; b != nil {
		return b
	}
	b = &bot{}
	s.bots[k] = b
	return b
}

// refresh loads the newest release if memory has an older one or none. Callers without one wait here, others do not call.
func (s *Store) refresh(ctx context.Context, k key, b *bot) (*Release, error) {
	if err := b.waits(); err != nil {
		return nil, err
	}
	b.load.Lock()
	defer b.load.Unlock()
	if err := b.waits(); err != nil { // who held the lock tried
		return nil, err
	}
	base := b.latest.Load()
	var next *Release
	err := s.db.ReadTx(ctx, func(q sqldb.Queryer) error {
		number, err := newest(ctx, q, k)
		if err != nil {
			return err
		}
		if base != nil && base.Number == number {
			next = base
			return nil
		}
		next, err = load(ctx, q, k, number, base)
		return err
	})
	if err != nil {
		err = fmt.Errorf("load knowledge of %s/%s: %w", k.tenant, k.bot, err)
		if !errors.Is(err, context.Canceled) { // that was the caller's
			b.fail(err)
		}
		return nil, err
	}
	b.failed.Store(nil)
	if next != base {
		b.latest.Store(next)
		s.evict(k)
	}
	return next, nil
}

// waits is the last load's error while it is too early for the next.
func (b *bot) waits() error {
	if f := b.failed.Load(); f != nil && time.Now().Before(f.until) {
		return f.err
	}
	return nil
}

func (b *bot) fail(err error) {
	pause := firstPause
	if f := b.failed.Load(); f != nil {
		pause = min(2*f.pause, longestPause)
	}
	b.failed.Store(&failure{err, time.Now().Add(pause), pause})
}

// bytesPerEntry is roughly what an entry with a few wordings takes in memory: its texts, and its postings.
const bytesPerEntry = 4 << 10

// load makes a release from the nearest one in memory, or from nothing if that is far away.
func load(ctx context.Context, q sqldb.Queryer, k key, number int64, base *Release) (*Release, error) {
	if base != nil && base.Index.Len() > 0 {
		changed, removed, ok, err := delta(ctx, q, k, base.Number, number, base.Index.Len()/3+100)
		if err != nil {
			return nil, err
		}
		if ok {
			ix := base.Index.With(changed, removed)
			own := int64(len(changed))*bytesPerEntry + int64(ix.Len())
			return &Release{k.tenant, k.bot, number, ix, min(base.cost+own, int64(ix.Len())*2*bytesPerEntry)}, nil
		}
	}
	entries, err := content(ctx, q, k, number)
	if err != nil {
		return nil, err
	}
	return &Release{k.tenant, k.bot, number, Build(entries), int64(len(entries)) * bytesPerEntry}, nil
}

// evict forgets the releases of bots that nobody has asked for longest until the rest fits. The bot just used stays.
// Whoever still holds a forgotten release can go on using it.
func (s *Store) evict(except key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var total int64
	for _, b := range s.bots {
		if r := b.latest.Load(); r != nil {
			total += r.cost
		}
	}
	for total > s.MemoryBudget {
		var victim *Release
		oldest := int64(-1)
		for k, b := range s.bots {
			r := b.latest.Load()
			if u := b.used.Load(); r != nil && k != except && (oldest < 0 || u < oldest) {
				victim, oldest = r, u
			}
		}
		if victim == nil {
			return
		}
		total -= victim.cost
		s.bots[key{victim.Tenant, victim.Bot}].latest.CompareAndSwap(victim, nil)
	}
}
