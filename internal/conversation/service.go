package conversation

import (
	"context"
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

// Deps is what a Service works with. All are required but Actions and Log.
type Deps struct {
	DB       *sqldb.DB
	Vault    *compliance.Vault
	Checker  *compliance.Checker
	Releases Releases
	Sites    Sites
	Notify   Notifier
	Actions  map[string]map[string]Action // by tenant, by name
	Log      *slog.Logger
	Timing   Timing
	MaxTurns int // turns that may wait or run at once; further messages are refused with a hint. 0 is 400
}

// Service is the conversations of this node. Run must be running for turns to happen.
type Service struct {
	Deps
	boot string

	work    chan *turn
	pending atomic.Int64 // turns claimed by this node and not finished
	started atomic.Bool
	seen    sync.Map // presence: tenant/staff -> last seen, microseconds

	mu      sync.Mutex
	delayed map[Key]*turn // turns that wait for the rest of a burst
	wake    chan struct{} // effects are ready
	stats   Stats
}

// Stats counts what the service did since the start.
type Stats struct {
	Accepted, Duplicates, Refused, Turns, Lost, Failed, Effects atomic.Int64
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
	return &Service{Deps: d, boot: d.DB.Boot(), work: make(chan *turn, d.MaxTurns*4), delayed: map[Key]*turn{}, wake: make(chan struct{}, 1)}
}

// Stats are the service's counters.
func (s *Service) Stats() *Stats { return &s.stats }

// Pending is how many turns wait or run on this node.
func (s *Service) Pending() int64 { return s.pending.Load() }

const (
	// A turn spends its time waiting for the commit of its group, so there are many more workers than processors.
	workers      = 192
	beatInterval = time.Second
	deadAfter    = 5 * time.Second // a node whose heart has not beaten for so long has lost its claims
)

// Run works turns and effects off until ctx ends, then finishes those under way.
func (s *Service) Run(ctx context.Context) error {
	err := s.beat(ctx)
	if err == nil {
		err = s.retake(ctx)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped while starting
		}
		return fmt.Errorf("retake turns: %w", err)
	}
	s.started.Store(true)
	g, gctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error { s.worker(gctx); return nil })
	}
	g.Go(func() error { return s.heart(gctx) })
	g.Go(func() error { return s.effects(gctx) })
	return g.Wait()
}

// Timers are the handlers of the timers this package sets.
func (s *Service) Timers() map[string]sqldb.TimerHandler {
	return map[string]sqldb.TimerHandler{timerIdle: s.idleTimer, timerDialogue: s.dialogueTimer}
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

// heart proves this node alive and retakes what dead nodes have left.
func (s *Service) heart(ctx context.Context) error {
	tick := time.NewTicker(beatInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.beat(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("heartbeat failed", "error", err)
			continue
		}
		if err := s.retake(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("retaking turns failed", "error", err)
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
	now := dbNow(s.DB.Dialect())
	return s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO node (boot, address, beat_at) VALUES ($1, '', `+now+`)
			ON CONFLICT (boot) DO UPDATE SET beat_at = excluded.beat_at`, s.boot)
		return err
	})
}

// retake takes over the claims of dead nodes: on SQLite all that are not ours, on PostgreSQL those without a heartbeat.
func (s *Service) retake(ctx context.Context) error {
	mine := s.boot + "/%"
	query := "SELECT tenant, id, claim FROM conversation WHERE claim <> '' AND claim NOT LIKE $1"
	if s.DB.Dialect() == sqldb.Postgres {
		query += ` AND NOT EXISTS (SELECT 1 FROM node WHERE node.boot = split_part(claim, '/', 1)
			AND node.beat_at > ` + dbNow(sqldb.Postgres) + fmt.Sprintf(" - %d)", deadAfter.Microseconds())
	} else if s.started.Load() {
		return nil
	}
	rows, err := s.DB.Query(ctx, query+" LIMIT 10000", mine)
	if err != nil {
		return err
	}
	type lost struct{ tenant, id, claim string }
	var all []lost
	for rows.Next() {
		var l lost
		if err := rows.Scan(&l.tenant, &l.id, &l.claim); err != nil {
			rows.Close()
			return err
		}
		all = append(all, l)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return err
	}
	for _, l := range all {
		_, rest, _ := strings.Cut(l.claim, "/")
		claim := s.boot + "/" + rest
		err := s.DB.Write(ctx, func(tx *sqldb.Tx) error {
			n, err := tx.Exec("UPDATE conversation SET claim = $1 WHERE tenant = $2 AND id = $3 AND claim = $4", claim, l.tenant, l.id, l.claim)
			if err != nil {
				return err
			}
			if n == 1 {
				tx.After(func() { s.enqueue(&turn{key: Key{l.tenant, l.id}, claim: claim}) })
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(all) > 0 {
		s.Log.Info("turns of dead nodes retaken", "count", len(all))
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

func preview(c frontdesk.Content) string {
	const max = 80
	text := strings.Join(strings.Fields(c.Text()), " ")
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
	if s.pending.Load() > 0 {
		return true
	}
	var n int
	err := s.DB.QueryRow(ctx, "SELECT count(*) FROM effect WHERE status IN ('ready', 'running') AND due_at <= $1", s.DB.Now().UnixMicro()).Scan(&n)
	return err != nil || n > 0 || s.pending.Load() > 0
}
