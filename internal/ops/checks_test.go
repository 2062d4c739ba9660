package ops

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// handWatch is a watch whose clock a test moves.
func handWatch() (*watch, *atomic.Int64) {
	var ahead atomic.Int64
	start := time.Now()
	w := newWatch()
	w.now = func() time.Time { return start.Add(time.Duration(ahead.Load())) }
	return w, &ahead
}

// says sees what a check says: "" that it is fine.
func says(t *testing.T, check func(context.Context) error, want string) {
	t.Helper()
	got := ""
	if err := check(t.Context()); err != nil {
		got = err.Error()
	}
	if want == "" && got != "" || want != "" && !strings.Contains(got, want) {
		t.Errorf("says %q, want %q", got, want)
	}
}

func TestAConsumerThatStandsStillIsSeen(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w, ahead := handWatch()
		check := consumersMove(db, w)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()
		var stuck atomic.Bool
		stuck.Store(true)
		running.Go(func() { db.Sequence(ctx) })
		running.Go(func() {
			db.RunConsumer(ctx, sqldb.Consumer{Name: "figures", Handle: func(*sqldb.Tx, []frontdesk.Event) error {
				if stuck.Load() {
					return errors.New("poisoned")
				}
				return nil
			}})
		})
		behind := func(lag int64) {
			t.Helper()
			deadline := time.Now().Add(15 * time.Second)
			for {
				if b, err := db.Behind(t.Context()); err == nil && b["figures"].Lag == lag && len(b) == 1 {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("never %d behind", lag)
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
		says(t, check, "")
		appendEvents(t.Context(), t, db, 3)
		behind(3)
		says(t, check, "")
		ahead.Add(int64(stuckAfter))
		appendEvents(t.Context(), t, db, 1) // a log that grows is no progress
		behind(4)
		says(t, check, "")
		ahead.Add(int64(time.Second))
		says(t, check, "figures stands still")
		stuck.Store(false)
		behind(0)
		says(t, check, "")
		ahead.Add(int64(time.Hour))
		says(t, check, "") // nothing to do is not standing still
	})
}

func TestASweeperThatStandsStillIsSeen(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w, ahead := handWatch()
		check := timersFire(db, w)
		set := func(id string, due time.Duration) {
			t.Helper()
			if err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
				return tx.SetTimer(sqldb.Timer{Tenant: "t", ID: id, Kind: "test", Due: tx.Now() + due.Microseconds()})
			}); err != nil {
				t.Fatal(err)
			}
		}
		says(t, check, "")
		set("later", time.Hour)
		set("now", -time.Second)
		says(t, check, "")
		set("first", -3*time.Minute)
		set("second", -2*time.Minute)
		says(t, check, "")
		ahead.Add(int64(stuckAfter + time.Second))
		says(t, check, "has not been done")
		if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return tx.DropTimer("t", "first") }); err != nil {
			t.Fatal(err)
		}
		says(t, check, "") // late, and getting on
		ahead.Add(int64(stuckAfter + time.Second))
		says(t, check, "has not been done")
	})
}

func TestDiskAndKeyAreLookedAt(t *testing.T) {
	dir := t.TempDir()
	says(t, DiskHasRoom(dir), "")
	says(t, diskHasRoom(dir, 1<<62), "full")
	says(t, DiskHasRoom(filepath.Join(dir, "gone")), "cannot be read")

	key := makeInstallation(t, dir)
	check := MasterKeyKept(dir, "", key)
	says(t, check, "")
	path := filepath.Join(dir, compliance.MasterKeyFile)
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	says(t, check, "missing")
	says(t, MasterKeyKept(dir, "from the environment", key), "")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, check, "cannot be used")
	if err := os.WriteFile(path, []byte(strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, check, "not the one")
}

// What only makes the process slower is named and leaves it ready; what it needs turns it red, and both are named.
func TestLosingTheBusIsNotLosingTheNode(t *testing.T) {
	var h Health
	connected, full := true, false
	h.AddSoft("bus", Connected(func() bool { return connected }))
	h.Add("disk", func(context.Context) error {
		if full {
			return errors.New("full")
		}
		return nil
	})
	get := func() (int, readiness) {
		t.Helper()
		h.mu.Lock()
		h.checked = time.Time{}
		h.mu.Unlock()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		var state readiness
		if err := json.Unmarshal(w.Body.Bytes(), &state); err != nil {
			t.Fatal(err)
		}
		return w.Code, state
	}
	if code, s := get(); code != 200 || s.Degraded || s.Checks["bus"] != "ok" {
		t.Errorf("all well: %d %+v", code, s)
	}
	connected = false
	if code, s := get(); code != 200 || !s.Ready || !s.Degraded || !strings.HasPrefix(s.Checks["bus"], "degraded: ") || s.Checks["disk"] != "ok" {
		t.Errorf("without the bus: %d %+v", code, s)
	}
	full = true
	if code, s := get(); code != 503 || s.Ready || s.Checks["disk"] != "full" || !s.Degraded {
		t.Errorf("and a full disk: %d %+v", code, s)
	}
}
