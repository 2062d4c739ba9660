package outbox

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"frontdesk/internal/sqldb"
)

// Result is what became of one attempt.
type Result struct {
	Status     int           // of the answer, 0 if there was none
	Response   string        // of the answer; cut before it is stored
	Err        error         // nil: it has arrived
	Permanent  bool          // trying again is of no use
	Down       bool          // the target takes nothing at the moment: its other items wait, too
	RetryAfter time.Duration // what the target asked for
}

// Sender sends an item once. ctx ends at the attempt's timeout. Its error texts are stored and shown to staff.
type Sender func(ctx context.Context, it Item) Result

// Options tune a worker; zero fields take the defaults.
type Options struct {
	Slots       int           // items being sent at a time: 16
	PerTarget   int           // of them to one target: 2
	Timeout     time.Duration // of one attempt: 10 s
	MaxAttempts int           // 12, over about two hours and a half
	FirstPause  time.Duration // after the first failure, doubled after each: 5 s
	LongPause   time.Duration // at most: 1 h
	Log         *slog.Logger
}

// Worker sends what is due. Several nodes may run one each.
type Worker struct {
	db      *sqldb.DB
	senders map[string]Sender
	o       Options
	claim   string

	mu       sync.Mutex
	busy     map[string]int // target -> items being sent
	inFlight int
	freed    chan struct{} // has a value after an attempt ended
}

// NewWorker makes a worker with a sender for each channel.
func NewWorker(db *sqldb.DB, senders map[string]Sender, o Options) *Worker {
	o.Slots, o.PerTarget = cmp.Or(o.Slots, 16), cmp.Or(o.PerTarget, 2)
	o.Timeout, o.MaxAttempts = cmp.Or(o.Timeout, 10*time.Second), cmp.Or(o.MaxAttempts, 12)
	o.FirstPause, o.LongPause = cmp.Or(o.FirstPause, 5*time.Second), cmp.Or(o.LongPause, time.Hour)
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	return &Worker{db: db, senders: senders, o: o, claim: db.Boot(), busy: map[string]int{}, freed: make(chan struct{}, 1)}
}

// poll is how long an item waits at most for an idle worker.
const poll = 300 * time.Millisecond

// Run sends until ctx ends, then waits for what is being sent; that is cut off and stays to be sent again.
func (w *Worker) Run(ctx context.Context) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	for ctx.Err() == nil {
		_, err := w.start(ctx, &sending)
		if err != nil && ctx.Err() == nil {
			w.o.Log.Warn("outbox not read", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-w.freed:
		case <-time.After(poll):
		}
	}
	return nil
}

// Drain sends what is due now, once, and returns how many attempts it made: for tests and for a stop that empties the outbox.
func (w *Worker) Drain(ctx context.Context) (attempts int, err error) {
	for {
		var sending sync.WaitGroup
		n, err := w.start(ctx, &sending)
		sending.Wait()
		if attempts += n; n == 0 || err != nil {
			return attempts, err
		}
	}
}

// start claims what is due and fits, and begins to send it.
func (w *Worker) start(ctx context.Context, sending *sync.WaitGroup) (started int, err error) {
	w.mu.Lock()
	free := w.o.Slots - w.inFlight
	busy := make(map[string]int, len(w.busy))
	var full []any
	for target, n := range w.busy {
		if busy[target] = n; n >= w.o.PerTarget {
			full = append(full, target)
		}
	}
	w.mu.Unlock()
	if free <= 0 {
		return 0, nil
	}
	due, err := w.due(ctx, full)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	chosen := due[:0]
	for _, it := range due {
		if len(chosen) < free && busy[it.place()] < w.o.PerTarget {
			busy[it.place()]++
			chosen = append(chosen, it)
		}
	}
	claimed, err := w.claimItems(ctx, chosen)
	if err != nil {
		return 0, err
	}
	for _, it := range claimed {
		w.occupy(it.place(), 1)
		sending.Go(func() {
			defer w.occupy(it.place(), -1)
			w.send(ctx, it)
		})
	}
	return len(claimed), nil
}

func (w *Worker) occupy(place string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight += n
	if w.busy[place] += n; w.busy[place] == 0 {
		delete(w.busy, place)
	}
	if n < 0 {
		select {
		case w.freed <- struct{}{}:
		default:
		}
	}
}

// place names a target among all.
func (it Item) place() string { return it.Tenant + "/" + it.Channel + "/" + it.Target }

// due returns items to send, oldest first, few of each target, none of the targets that have their places full.
func (w *Worker) due(ctx context.Context, full []any) ([]Item, error) {
	args := []any{w.db.Now().UnixMicro(), w.o.PerTarget, w.o.Slots}
	not := ""
	if len(full) > 0 {
		places := sqldb.Placeholders(1, len(args)+len(full)) // ($1, .. $n): the first three are taken
		not = " AND tenant || '/' || channel || '/' || target NOT IN (" + places[len("($1, $2, $3, "):]
		args = append(args, full...)
	}
	rows, err := w.db.Query(ctx, `SELECT tenant, id, channel, target FROM (
			SELECT tenant, id, channel, target, due_at, row_number() OVER (PARTITION BY tenant, channel, target ORDER BY due_at, id) AS place
			FROM (SELECT tenant, id, channel, target, due_at FROM outbox
				WHERE status = 'ready' AND due_at <= $1 AND lease_until <= $1`+not+` ORDER BY due_at LIMIT 1000) AS due) AS ranked
		WHERE place <= $2 ORDER BY due_at, id LIMIT $3`, args...)
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	defer rows.Close()
	var list []Item
	for rows.Next() {
		var it Item
		if err := rows.Scan(&it.Tenant, &it.ID, &it.Channel, &it.Target); err != nil {
			return nil, fmt.Errorf("read outbox: %w", err)
		}
		list = append(list, it)
	}
	return list, rows.Err()
}

// claimItems takes the items that no other node took meanwhile.
func (w *Worker) claimItems(ctx context.Context, items []Item) (claimed []Item, err error) {
	if len(items) == 0 {
		return nil, nil
	}
	err = w.db.Write(ctx, func(tx *sqldb.Tx) error {
		claimed = claimed[:0]
		now := tx.Now()
		for _, it := range items {
			err := tx.QueryRow(`UPDATE outbox SET claim = $3, lease_until = $4, attempts = attempts + 1, tries = tries + 1
				WHERE tenant = $1 AND id = $2 AND status = 'ready' AND due_at <= $5 AND lease_until <= $5
				RETURNING payload, idempotency_key, attempts, tries`,
				it.Tenant, it.ID, w.claim, now+(w.o.Timeout+30*time.Second).Microseconds(), now).Scan(&it.Payload, &it.Key, &it.Attempts, &it.tries)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			claimed = append(claimed, it)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim from outbox: %w", err)
	}
	return claimed, nil
}

// send tries an item once and records what became of it.
func (w *Worker) send(ctx context.Context, it Item) {
	sender := w.senders[it.Channel]
	attempt, cancel := context.WithTimeout(ctx, w.o.Timeout)
	start := time.Now()
	var r Result
	if sender == nil {
		r = Result{Err: fmt.Errorf("no sender for channel %s", it.Channel)}
	} else {
		r = sender(attempt, it)
	}
	latency := time.Since(start)
	cancel()
	// A stop must not leave the claim standing: the record outlives ctx.
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := w.record(record, it, r, latency, ctx.Err() != nil); err != nil {
		w.o.Log.Warn("attempt not recorded; the item will be sent again", "item", it.ID, "error", err)
	}
}

// record writes the attempt and moves the item on. Nothing is written when the claim was lost: its lease ran out and another
// worker has the item.
func (w *Worker) record(ctx context.Context, it Item, r Result, latency time.Duration, stopped bool) error {
	errText := ""
	if r.Err != nil {
		errText = cut(r.Err.Error(), 500)
	}
	return w.db.Write(ctx, func(tx *sqldb.Tx) error {
		now := tx.Now()
		status, attempts, due, done := StatusDone, it.Attempts, now, now
		switch {
		case r.Err == nil:
		case stopped: // the stop cut it off: that is no attempt
			status, attempts, done = StatusReady, it.Attempts-1, 0
		case r.Permanent || it.Attempts >= w.o.MaxAttempts:
			status = StatusDead
		default:
			status, due, done = StatusReady, now+w.pause(it.Attempts, r.RetryAfter).Microseconds(), 0
		}
		n, err := tx.Exec(`UPDATE outbox SET status = $5, attempts = $6, due_at = $7, last_error = $8, last_status = $9, done_at = $10, claim = '', lease_until = 0
			WHERE tenant = $1 AND id = $2 AND claim = $3 AND tries = $4`, it.Tenant, it.ID, w.claim, it.tries, status, attempts, due, errText, r.Status, done)
		if err != nil || n == 0 {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO outbox_attempt (tenant, item, number, at, status, latency_us, error, response) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			it.Tenant, it.ID, it.tries, now-latency.Microseconds(), r.Status, latency.Microseconds(), errText, cut(r.Response, 500)); err != nil {
			return err
		}
		if r.Err == nil || !r.Down || stopped {
			return nil
		}
		// A target that is down would fail each of its items in turn: they wait as long, but never more than a minute, so that
		// its return is seen soon.
		_, err = tx.Exec(`UPDATE outbox SET due_at = $5 WHERE tenant = $1 AND channel = $2 AND target = $3 AND status = 'ready' AND due_at < $5 AND lease_until <= $4`,
			it.Tenant, it.Channel, it.Target, now, now+min(w.pause(it.Attempts, r.RetryAfter), time.Minute).Microseconds())
		return err
	})
}

// pause doubles with each attempt and scatters by a quarter, so that what failed together does not come back together.
func (w *Worker) pause(attempts int, asked time.Duration) time.Duration {
	p := w.o.LongPause
	if attempts < 30 {
		p = min(p, w.o.FirstPause<<(attempts-1))
	}
	p += time.Duration((rand.Float64() - .5) * .5 * float64(p))
	return max(p, min(asked, w.o.LongPause))
}

// cut shortens foreign text for the log and makes it storable.
func cut(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
	if len(s) <= most {
		return s
	}
	for !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
