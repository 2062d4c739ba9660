package ops

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"frontdesk/internal/sqldb"
)

// Health answers whether the process lives (/healthz) and whether it should get traffic (/readyz). A process that is not
// ready goes on working: an unreachable database is waited for, not died of.
type Health struct {
	mu       sync.Mutex
	checks   []namedCheck
	draining bool
	checked  time.Time
	last     readiness
}

type namedCheck struct {
	name  string
	check func(ctx context.Context) error
	soft  bool
}

type readiness struct {
	Ready    bool              `json:"ready"`
	Degraded bool              `json:"degraded"` // works, but slower or with less than all
	Checks   map[string]string `json:"checks"`   // name -> "ok", "degraded: .." or what is wrong
}

// degraded begins what is said of a soft check that fails.
const degraded = "degraded: "

// Probes come often and from many places; one look at the database serves all of them for this long. A failure is looked
// at again sooner, for a start is waiting for it.
const (
	readyFor    = 500 * time.Millisecond
	notReadyFor = 20 * time.Millisecond
	checkTime   = 2 * time.Second
)

// Add makes readiness depend on check, which gets 2 s. Its error is shown to whoever asks, so it must hold no secret.
func (h *Health) Add(name string, check func(ctx context.Context) error) {
	h.add(namedCheck{name, check, false})
}

// AddSoft names what makes the process slower or poorer when it fails, and leaves it ready.
func (h *Health) AddSoft(name string, check func(ctx context.Context) error) {
	h.add(namedCheck{name, check, true})
}

func (h *Health) add(c namedCheck) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, c)
	h.checked = time.Time{}
}

// Drain turns readiness off for good: the process is stopping.
func (h *Health) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.draining, h.checked = true, time.Time{}
}

// Live answers 200 as long as the process can answer at all.
func (h *Health) Live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n"))
}

// ServeHTTP is /readyz: 200 when every check passes, else 503, with the checks by name.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	state := h.state(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !state.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	body, err := json.Marshal(state)
	if err != nil {
		body = []byte(`{"ready":false}`) // cannot be: the state is text
	}
	w.Write(append(body, '\n'))
}

func (h *Health) state(ctx context.Context) readiness {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := readyFor
	if !h.last.Ready {
		age = notReadyFor
	}
	if time.Since(h.checked) < age {
		return h.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
	defer cancel()
	state := readiness{Ready: !h.draining, Checks: make(map[string]string, len(h.checks)+1)}
	if h.draining {
		state.Checks["process"] = "stopping"
	}
	for _, c := range h.checks {
		state.Checks[c.name] = "ok"
		if err := c.check(ctx); err != nil && c.soft {
			state.Checks[c.name] = degraded + err.Error()
			state.Degraded = true
		} else if err != nil {
			state.Checks[c.name] = err.Error()
			state.Ready = false
		}
	}
	h.last, h.checked = state, time.Now()
	return state
}

var errNotWritable = errors.New("cannot be written")

// DatabaseWritable is a check that the database takes a transaction that may write. It changes nothing and, on SQLite,
// costs no fsync. The driver's words stay in the caller's log: they may hold addresses.
func DatabaseWritable(db *sqldb.DB) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		err := db.Write(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec("DELETE FROM timer WHERE tenant = $1 AND id = $2", "", "readiness")
			return err
		})
		switch {
		case err == nil:
			return nil
		case errors.Is(err, context.DeadlineExceeded):
			return errors.New("does not answer")
		}
		return errNotWritable
	}
}
