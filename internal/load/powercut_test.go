package load

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"frontdesk/internal/sqldb"

	"github.com/google/go-cmp/cmp"
)

func TestUnsynced(t *testing.T) {
	const log = `100 pwrite64(9</d/frontdesk.db-wal>, ""..., 32, 0) = 32
100 fdatasync(9</d/frontdesk.db-wal>) = 0
100 pwrite64(9</d/frontdesk.db-wal>, ""..., 24, 32) = 24
100 pwrite64(9</d/frontdesk.db-wal>, ""..., 4096, 56 <unfinished ...>
101 pwrite64(8</d/frontdesk.db>, ""..., 4096, 8192) = 4096
100 <... pwrite64 resumed>)             = 4096
100 fsync(9</d/frontdesk.db-wal> <unfinished ...>
101 pwrite64(9</d/frontdesk.db-wal>, ""..., 24, 4152) = 24
100 <... fsync resumed>)                = 0
102 fsync(8</d/frontdesk.db> <unfinished ...>
101 write(2</dev/null>, ""..., 5)       = 5
101 pwrite64(9</d/frontdesk.db-wal>, ""..., 4096, 4176 <unfinished ...>
100 pwrite64(9</d/frontdesk.db-wal>, ""..., 24, 8272 <detached ...>
102 +++ killed by SIGKILL +++
`
	got, err := unsynced(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]extent{
		"/d/frontdesk.db-wal": {{4152, 24}, {4176, 4096}, {8272, 24}}, // written after the sync began, or still in the kernel
		"/d/frontdesk.db":     {{8192, 4096}},                         // its sync never returned
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(extent{})); d != "" {
		t.Error(d)
	}
}

// The lost end of a file goes, a lost stretch before something kept reads as zeros.
func TestErase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "frontdesk.db-wal")
	if err := os.WriteFile(file, bytes.Repeat([]byte("x"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := erase(file, []extent{{10, 10}, {80, 10}, {90, 30}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("x", 10) + strings.Repeat("\x00", 10) + strings.Repeat("x", 60)
	if string(got) != want {
		t.Errorf("got %q", got)
	}
	if err := lose(nil, filepath.Join(t.TempDir(), "frontdesk.db"), rand.New(rand.NewPCG(1, 2))); err != nil {
		t.Errorf("nothing to lose: %v", err)
	}
}

// printTurns is a process that writes turns and says which are committed, until it is killed.
func printTurns(dir string) error {
	c := &FloorService{}
	if err := c.Open(FloorOptions{Dir: dir}, nil); err != nil {
		return err
	}
	var mu sync.Mutex
	for w := range 8 {
		go func() {
			for i := w; ; i += 8 {
				if err := c.turn(context.Background(), i); err != nil {
					return
				}
				mu.Lock()
				fmt.Println(i)
				mu.Unlock()
			}
		}()
	}
	select {}
}

// What was committed before the power went is there after, whatever else of the files is lost.
func TestPowerCutKeepsWhatWasCommitted(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("FRONTDESK_REQUIRE_POSTGRES") == "1" { // as CI says it: nothing is left out
			t.Fatal("no strace")
		}
		t.Skip("no strace")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 6 {
		dir := t.TempDir()
		trace := filepath.Join(dir, "strace.txt")
		cmd := exec.Command("strace", append(straceArgs(trace), os.Args[0], "turns", dir)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var committed []int
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var i int
			if _, err := fmt.Sscan(lines.Text(), &i); err != nil {
				continue // torn by the kill
			}
			if committed = append(committed, i); len(committed) == 50*(round+1) {
				child, err := childOf(cmd.Process.Pid, exe)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(rng.IntN(4000)) * time.Microsecond) // somewhere in the next groups
				syscall.Kill(child, syscall.SIGKILL)
			}
		}
		cmd.Wait()

		f, err := os.Open(trace)
		if err != nil {
			t.Fatal(err)
		}
		dirty, err := unsynced(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		database := filepath.Join(dir, sqldb.FileName)
		t.Logf("%d turns committed, %d writes not synced", len(committed), len(dirty[database])+len(dirty[database+"-wal"]))
		if err := lose(dirty, database, rng); err != nil {
			t.Fatal(err)
		}
		db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		var whole string
		if err := db.QueryRow(t.Context(), "PRAGMA integrity_check").Scan(&whole); err != nil || whole != "ok" {
			t.Fatalf("integrity: %s, %v", whole, err)
		}
		for _, i := range committed {
			var replies int
			err := db.QueryRow(t.Context(), `SELECT count(*) FROM floor_message AS q JOIN floor_message AS a ON a.tenant = q.tenant
				AND a.conversation = q.conversation AND a.seq > q.seq AND a.author = 'bot' WHERE q.tenant = 't' AND q.conversation = $1 AND q.client_id = $2`,
				floorConversation(i), fmt.Sprint("m", i)).Scan(&replies)
			if err != nil || replies == 0 {
				t.Errorf("turn %d was committed and is gone (%v)", i, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
