package load

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
102 +++ killed by SIGKILL +++
`
	got, err := unsynced(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]extent{
		"/d/frontdesk.db-wal": {{4152, 24}, {4176, 4096}}, // written after the sync began, or still in the kernel
		"/d/frontdesk.db":     {{8192, 4096}},             // its sync never returned
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
