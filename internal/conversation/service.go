package conversation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/sqldb"

	"golang.org/x/sync/errgroup"
)

// Deps is what a Service works with. All are required but Actions, Attachments, Meter and Log.
type Deps struct {
	DB       *sqldb.DB
	Vault    *compliance.Vault
	Checker  *compliance.Checker
	Releases Releases
	Sites    Sites
	Notify   Notifier
	Actions  map[string]map[string]Action // by tenant, by name
	// Attachments lets go of those of a conversation whose customer is erased; nil if there are none.
	Attachments interface {
		Forget(tx *sqldb.Tx, tenant, conversation string) error
	}
	Log      *slog.Logger
	Timing   Timing
	Meter    Meter
	MaxTurns int // messages being stored and turns that wait or run, at once; further messages are refused with a hint. 0 is 400
}

// Service is the conversations of this node. Run must be running for turns to happen.
type Service struct {
	Deps
	boot string

	work     chan *turn
	arriving atomic.Int64 // messages on their way into the database
	pending  atomic.Int64 // turns claimed by this node and not finished
	started  atomic.Bool
	seen     sync.Map // presence: tenant/staff -> last seen, microseconds

	mu      sync.Mutex
	delayed map[Key]*turn // turns that wait for the rest of a burst
	held    map[heldClaim]struct{}
	missed  map[heldClaim]struct{} // own claims that nobody here worked on at the last look
	wake    chan struct{}          // effects are ready
	stats   Stats
}

// heldClaim is a claim of this node's that a turn in memory works on.
type heldClaim struct {
	key   Key
	claim string
}

// Stats counts what the service did since the start.
type Stats struct {
	Accepted, Duplicates, Refused, Turns, Lost, Failed, Effects atomic.Int64
	Rungs                                                       Rungs
}

// New makes a service.
func New(d Deps) *Service {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Timing == (Timing{}) {
		d.Timing = DefaultTiming
	}
	if d.MaxTurns == 0 {
		d.MaxTurns = 400
	}
	return &Service{Deps: d, boot: d.DB.Boot(), work: make(chan *turn, d.MaxTurns*4), delayed: map[Key]*turn{}, held: map[heldClaim]struct{}{}, wake: make(chan struct{}, 1)}
}

// Stats are the service's counters.
func (s *Service) Stats() *Stats { return &s.stats }

// Pending is how many turns are due or run on this node; those that wait for the rest of a burst are not counted.
func (s *Service) Pending() int64 { return s.pending.Load() }

const (
	// A turn spends its time waiting for the commit of its group, so there are many more workers than processors.
	workers = 192
	// A node whose heart has not beaten for deadAfter loses its claims. Taking one over too early costs a turn done twice
	// and thrown away once, so a short patience is cheap, and customers of a node that died wait only so long.
	beatInterval   = 300 * time.Millisecond
	deadAfter      = 1500 * time.Millisecond
	orphanInterval = time.Second
)

// Run works turns and effects off until ctx ends, then finishes those under way. A database that is away when it begins is
// waited for.
func (s *Service) Run(ctx context.Context) error {
	for {
		err := s.beat(ctx)
		if err == nil {
			err = errors.Join(s.retake(ctx), s.retakeEffects(ctx))
		}
		if err == nil {
			break
		}
		if ctx.Err() == nil && !sqldb.IsDown(err) && frontdesk.KindOf(err) != frontdesk.Unavailable {
			return fmt.Errorf("retake turns: %w", err)
		}
		s.Log.Warn("retaking turns failed, the database is away", "error", err)
		select {
		case <-ctx.Done():
			return nil // stopped while starting
		case <-time.After(beatInterval):
		}
	}
	s.started.Store(true)
	g, gctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error { s.worker(gctx); return nil })
	}
	g.Go(func() error { return s.every(gctx, beatInterval, "heartbeat", s.beat) })
	g.Go(func() error { return s.every(gctx, beatInterval, "retaking turns", s.retake) })
	g.Go(func() error { return s.every(gctx, beatInterval, "retaking actions", s.retakeEffects) })
	g.Go(func() error { return s.every(gctx, orphanInterval, "finding orphans", s.orphans) })
	g.Go(func() error { return s.effects(gctx) })
	return g.Wait()
}

// Timers are the handlers of the timers this package sets.
func (s *Service) Timers() map[string]sqldb.TimerHandler {
	return map[string]sqldb.TimerHandler{timerIdle: s.idleTimer, timerDialogue: s.dialogueTimer, timerErase: s.eraseTimer}
}

// worker runs turns. At the end of ctx it works off what is queued: those customers were acknowledged.
func (s *Service) worker(ctx context.Context) {
	for {
		select {
		case t := <-s.work:
			s.runTurn(t)
		case <-ctx.Done():
			for {
				select {
				case t := <-s.work:
					s.runTurn(t)
				default:
					return
				}
			}
		}
	}
}

// every does something once an interval until ctx ends. The heart has a goroutine of its own: nothing that waits for a
// lock may stop it.
func (s *Service) every(ctx context.Context, interval time.Duration, what string, f func(ctx context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := f(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn(what+" failed", "error", err)
		}
	}
}

// dbNow is the database's clock in microseconds: nodes' clocks may differ.
func dbNow(d sqldb.Dialect) string {
	if d == sqldb.Postgres {
		return "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
	}
	return "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
}

func (s *Service) beat(ctx context.Context) error {
	if s.DB.Dialect() == sqldb.SQLite && s.started.Load() {
		return nil // the folder's lock proves life
	}
	now := dbNow(s.DB.Dialect())
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO node (boot, address, beat_at) VALUES ($1, '', `+now+`)
			ON CONFLICT (boot) DO UPDATE SET beat_at = excluded.beat_at`, s.boot)
		return err
	})
}

// dead is the SQL condition that a claim's or an action's node, in column, is not alive: on PostgreSQL one without a
// heartbeat, on SQLite any but this one, since the folder's lock proves them dead.
func (s *Service) dead(column string) string {
	if s.DB.Dialect() == sqldb.SQLite {
		return column + " <> '" + s.boot + "'"
	}
	return column + " <> '" + s.boot + "' AND NOT EXISTS (SELECT 1 FROM node WHERE node.boot = " + column +
		" AND node.beat_at > " + dbNow(sqldb.Postgres) + fmt.Sprintf(" - %d)", deadAfter.Microseconds())
}

// retakeBatch is how many claims are taken over in one transaction.
const retakeBatch = 200

// retake takes over the claims of dead nodes. Rows that somebody holds are left for the next look.
func (s *Service) retake(ctx context.Context) error {
	if s.DB.Dialect() == sqldb.SQLite && s.started.Load() {
		return nil // nobody can have died since the start
	}
	boot, lock := "substr(claim, 1, 36)", "" // an id has 36 characters
	if s.DB.Dialect() == sqldb.Postgres {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	query := fmt.Sprintf("SELECT tenant, id, claim FROM conversation WHERE claim <> '' AND %s LIMIT %d%s", s.dead(boot), retakeBatch, lock)
	for {
		var taken []*turn
		err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
			taken = nil
			rows, err := tx.Query(query)
			if err != nil {
				return err
			}
			var former []string
			for rows.Next() {
				var t turn
				if err := rows.Scan(&t.key.Tenant, &t.key.ID, &t.claim); err != nil {
					rows.Close()
					return err
				}
				former = append(former, t.claim)
				_, rest, _ := strings.Cut(t.claim, "/")
				t.claim = s.boot + "/" + rest
				taken = append(taken, &t)
			}
			rows.Close()
			if err := rows.Err(); err != nil {
				return err
			}
			for i, t := range taken {
				if _, err := tx.Exec("UPDATE conversation SET claim = $1 WHERE tenant = $2 AND id = $3 AND claim = $4", t.claim, t.key.Tenant, t.key.ID, former[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, t := range taken {
			s.enqueue(t)
		}
		if len(taken) > 0 {
			s.Log.Info("turns of dead nodes retaken", "count", len(taken))
		}
		if len(taken) < retakeBatch {
			return nil
		}
	}
}

// orphans finds claims of this node that nobody here works on, twice in a row, and works on them: a COMMIT whose answer
// was lost on the way (a connection that died) may have taken a claim that its caller was told had failed.
func (s *Service) orphans(ctx context.Context) error {
	rows, err := s.DB.Query(ctx, "SELECT tenant, id, claim FROM conversation WHERE claim <> '' AND substr(claim, 1, 36) = $1", s.boot)
	if err != nil {
		return err
	}
	defer rows.Close()
	missed := map[heldClaim]struct{}{}
	for rows.Next() {
		var c heldClaim
		if err := rows.Scan(&c.key.Tenant, &c.key.ID, &c.claim); err != nil {
			return err
		}
		missed[c] = struct{}{}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	var found []heldClaim
	for c := range missed {
		if _, ok := s.held[c]; ok {
			delete(missed, c)
		} else if _, ok := s.missed[c]; ok {
			found = append(found, c)
			delete(missed, c)
		}
	}
	s.missed = missed
	s.mu.Unlock()
	for _, c := range found {
		s.Log.Warn("a claim without a turn", "conversation", c.key.ID)
		s.enqueue(&turn{key: c.key, claim: c.claim})
	}
	return nil
}

// StaffSeen notes that a member of staff is at work.
func (s *Service) StaffSeen(tenant, staff string) {
	s.seen.Store(Key{tenant, staff}, s.DB.Now().UnixMicro())
}

// presence is how long after the last sign of life staff count as being there.
const presence = 60 * time.Second

// StaffOnline reports whether anybody of the tenant's staff is at work.
func (s *Service) StaffOnline(tenant string) bool {
	since := s.DB.Now().Add(-presence).UnixMicro()
	online := false
	s.seen.Range(func(k, at any) bool {
		if at.(int64) < since {
			s.seen.Delete(k)
			return true
		}
		online = k.(Key).Tenant == tenant
		return !online
	})
	return online
}

func (s *Service) claimOf(epoch, turn int64) string {
	return fmt.Sprintf("%s/%d/%d", s.boot, epoch, turn)
}

// preview is the beginning of what a message says, in one line for a list; of one without words, what its files are called.
func preview(c frontdesk.Content) string {
	const max = 80
	text := strings.Join(strings.Fields(c.Text()), " ")
	if text == "" {
		var names []string
		for _, p := range c.Parts {
			if p.Attachment != nil {
				names = append(names, strings.Fields(p.Attachment.Name)...)
			}
		}
		text = strings.Join(names, " ")
	}
	n := 0
	for i := range text {
		if n++; n > max {
			return text[:i] + "…"
		}
	}
	return text
}

// Busy reports whether a turn or an action of this node is still to be done. It is for simulations and tests.
func (s *Service) Busy(ctx context.Context) bool {
	s.mu.Lock()
	aside := len(s.delayed)
	s.mu.Unlock()
	if aside > 0 || s.pending.Load() > 0 {
		return true
	}
	var n int
	err := s.DB.QueryRow(ctx, `SELECT count(*) FROM effect e WHERE status = 'running' OR status = 'ready' AND due_at <= $1 OR status = 'done' AND EXISTS (
		SELECT 1 FROM conversation c WHERE c.tenant = e.tenant AND c.id = e.conversation AND c.owner IN ('bot', 'queue'))`, s.DB.Now().UnixMicro()).Scan(&n)
	return err != nil || n > 0 || s.pending.Load() > 0
}
