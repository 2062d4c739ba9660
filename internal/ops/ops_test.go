package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/config"
	"frontdesk/internal/sqldb/sqldbtest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("FRONTDESK_TEST_HOLD"); dir != "" {
		holdFolder(dir)
		return
	}
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}

// holdFolder is this test binary as another process: it holds a folder until its stdin ends.
func holdFolder(dir string) {
	lock, err := LockFolder(dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
	lock.Release()
}

func TestASecondServerOnAFolderIsRefusedAndTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "FRONTDESK_TEST_HOLD="+dir)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 4)
	if _, err := io.ReadFull(stdout, word); err != nil || string(word) != "held" {
		t.Fatalf("the other process said %q, %v", word, err)
	}

	if !isHeld(dir) {
		t.Error("isHeld does not see the other process")
	}
	if err := Call(t.Context(), dir, "health", nil, nil, nil, nil); err == nil || !strings.Contains(err.Error(), "still starting") {
		t.Errorf("asking a server that has no socket yet: %v", err)
	}
	_, err = LockFolder(dir)
	held := new(HeldError)
	if !errors.As(err, &held) || held.PID != other.Process.Pid || held.Dir != dir {
		t.Fatalf("locking a held folder: %v", err)
	}

	// However the holder ends, the folder is free again.
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	other.Wait()
	stdin.Close()
	if isHeld(dir) {
		t.Error("a dead process still holds the folder")
	}
	lock, err := LockFolder(dir)
	if err != nil {
		t.Fatalf("locking after the holder's death: %v", err)
	}
	lock.Release()
}

func TestAdminCommandsAnswerOverTheSocket(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	type sum struct{ Lines, Bytes int }
	dir := startAdmin(t, func(a *Admin) {
		a.Handle("count", func(ctx context.Context, r Request) (any, error) {
			var args struct{ Word string }
			if err := r.Decode(&args); err != nil {
				return nil, err
			}
			r.Progress("counting %s", args.Word)
			text, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			return sum{strings.Count(string(text), args.Word), len(text)}, nil
		})
		a.Handle("fail", func(context.Context, Request) (any, error) {
			return nil, fmt.Errorf("row 7: %w", frontdesk.InvalidField("--tenant", "no such tenant"))
		})
	})

	info, err := os.Stat(socketPath(dir))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket's rights: %v, %v", info.Mode(), err)
	}
	var got sum
	var said []string
	body := strings.Repeat("a word\n", 100_000)
	err = Call(t.Context(), dir, "count", map[string]string{"Word": "word"}, strings.NewReader(body), &got, func(s string) { said = append(said, s) })
	if err != nil || got.Lines != 100_000 || got.Bytes != len(body) {
		t.Errorf("count: %+v, %v", got, err)
	}
	if len(said) != 1 || said[0] != "counting word" {
		t.Errorf("progress: %q", said)
	}

	err = Call(t.Context(), dir, "fail", nil, nil, nil, nil)
	if e := new(frontdesk.Error); !errors.As(err, &e) || e.Kind != frontdesk.Invalid || e.Field != "--tenant" {
		t.Errorf("an error loses its kind or field on the way: %v", err)
	}
	err = Call(t.Context(), dir, "teapot", nil, nil, nil, nil)
	if frontdesk.KindOf(err) != frontdesk.Unavailable || !strings.Contains(err.Error(), "teapot") {
		t.Errorf("unknown command: %v", err)
	}
}

func TestACommandEndsWhenItsCallerGoes(t *testing.T) {
	ended := make(chan error, 1)
	started := make(chan struct{})
	dir := startAdmin(t, func(a *Admin) {
		a.Handle("wait", func(ctx context.Context, r Request) (any, error) {
			close(started)
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if err := Call(ctx, dir, "wait", nil, nil, nil, nil); err == nil {
		t.Error("a cancelled call succeeded")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the command ended with %v", err)
	}
}

func TestALongFolderNameStillHasASocket(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	startAdminIn(t, dir, func(a *Admin) {
		a.Handle("hello", func(context.Context, Request) (any, error) { return "hello", nil })
	})
	var got string
	if err := Call(t.Context(), dir, "hello", nil, nil, &got, nil); err != nil || got != "hello" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestReadinessFollowsItsChecksAndTheDrain(t *testing.T) {
	var h Health
	var broken atomic.Bool
	h.Add("database", func(context.Context) error {
		if broken.Load() {
			return errors.New("does not answer")
		}
		return nil
	})
	get := func() (int, readiness) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		var state readiness
		if err := json.Unmarshal(w.Body.Bytes(), &state); err != nil {
			t.Fatal(err)
		}
		return w.Code, state
	}
	if code, state := get(); code != 200 || state.Checks["database"] != "ok" {
		t.Errorf("healthy: %d %+v", code, state)
	}
	broken.Store(true)
	h.mu.Lock()
	h.checked = h.checked.Add(-readyFor) // as if that time had passed
	h.mu.Unlock()
	if code, state := get(); code != 503 || state.Checks["database"] != "does not answer" {
		t.Errorf("broken: %d %+v", code, state)
	}
	broken.Store(false)
	h.Drain()
	if code, state := get(); code != 503 || state.Checks["process"] != "stopping" {
		t.Errorf("draining: %d %+v", code, state)
	}
}

func TestADatabaseThatIsGoneIsNotWritable(t *testing.T) {
	db := sqldbtest.SQLite(t)
	check := DatabaseWritable(db)
	if err := check(t.Context()); err != nil {
		t.Fatalf("open: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := check(t.Context()); err == nil {
		t.Error("closed, and still writable")
	}
}

func TestMetricsShowWhatHappened(t *testing.T) {
	db := sqldbtest.SQLite(t)
	m := NewMetrics("v1")
	m.Database(db)
	m.Histogram("frontdesk_ack_seconds", "x")(4 * time.Millisecond)
	m.Count("frontdesk_refused_total", "x", func() int64 { return 7 })
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	m.Timed(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/things/12345", nil))
	m.GaugeBy("frontdesk_outbox_waiting", "x", "channel", func(context.Context) (map[string]int64, error) { return map[string]int64{"webhook": 3}, nil })
	m.GaugeBy("frontdesk_broken", "x", "y", func(context.Context) (map[string]int64, error) { return nil, errors.New("down") })
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`frontdesk_build_info{version="v1"} 1`,
		`frontdesk_ack_seconds_bucket{le="0.005"} 1`,
		`frontdesk_refused_total 7`,
		`frontdesk_http_seconds_count{route="GET /things/{id}",status="4xx"} 1`,
		`frontdesk_outbox_waiting{channel="webhook"} 3`,
		`frontdesk_commit_waiting 0`,
		"go_goroutines",
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no line %s", want)
		}
	}
	if w.Code != 200 {
		t.Errorf("status %d: one broken gauge must not fail the scrape", w.Code)
	}
}

func TestTheDoctorNamesWhatIsWrong(t *testing.T) {
	healthy := func(t *testing.T) *config.Config {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c := config.Default()
		c.Data = dir
		makeInstallation(t, dir)
		return &c
	}
	t.Run("nothing", func(t *testing.T) {
		d := Doctor(t.Context(), healthy(t), "v1", true)
		if !d.Healthy {
			t.Errorf("a fresh installation is unhealthy:\n%s", d.Text())
		}
	})
	for _, tc := range []struct {
		name, check, says string
		spoil             func(t *testing.T, c *config.Config)
	}{
		{"no folder", "folder", "no folder", func(t *testing.T, c *config.Config) { c.Data += "/gone" }},
		{"damaged database", "database", "damaged", func(t *testing.T, c *config.Config) {
			overwrite(t, filepath.Join(c.Data, "frontdesk.db"), 100, strings.Repeat("x", 20_000))
		}},
		{"no key", "key", "missing", func(t *testing.T, c *config.Config) { os.Remove(filepath.Join(c.Data, "master.key")) }},
		{"broken key", "key", "32 bytes", func(t *testing.T, c *config.Config) {
			overwrite(t, filepath.Join(c.Data, "master.key"), 0, "!!")
		}},
		{"no PostgreSQL", "database", "cannot be reached", func(t *testing.T, c *config.Config) {
			c.Database.URL = "postgres://u:hunter2@127.0.0.1:1/x"
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := healthy(t)
			tc.spoil(t, c)
			d := Doctor(t.Context(), c, "v1", false)
			if d.Healthy {
				t.Errorf("healthy:\n%s", d.Text())
			}
			for _, f := range d.Findings {
				if f.Check == tc.check && (f.State != FindingBad || !strings.Contains(f.Detail, tc.says) && !strings.Contains(f.Hint, tc.says) || f.Hint == "") {
					t.Errorf("%s: %+v", tc.check, f)
				}
			}
			if strings.Contains(d.Text(), "hunter2") {
				t.Error("the doctor told a password")
			}
		})
	}
}

func TestTheDoctorSeesAFullDisk(t *testing.T) {
	x := examination{dir: t.TempDir(), least: 1 << 60}
	if f := x.space(); f.State != FindingBad || !strings.Contains(f.Detail, "refused") {
		t.Errorf("%+v", f)
	}
}

func startAdmin(t *testing.T, add func(a *Admin)) (dir string) {
	dir = t.TempDir()
	startAdminIn(t, dir, add)
	return dir
}

func startAdminIn(t *testing.T, dir string, add func(a *Admin)) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	a := NewAdmin(slog.New(slog.DiscardHandler))
	add(a)
	ctx, cancel := context.WithCancel(context.Background())
	listening, done := make(chan struct{}), make(chan error, 1)
	a.listening = func() { close(listening) }
	go func() { done <- a.Run(ctx, dir) }()
	select {
	case <-listening:
	case err := <-done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("admin: %v", err)
		}
	})
}

func overwrite(t *testing.T, path string, at int64, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), at); err != nil {
		t.Fatal(err)
	}
}
