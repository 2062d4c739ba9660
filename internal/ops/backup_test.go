package ops

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/blob"
	"frontdesk/internal/compliance"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"golang.org/x/sync/errgroup"
)

// makeInstallation fills dir with a database that has events, a key and two attachments, and returns the key.
func makeInstallation(t *testing.T, dir string) []byte {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return furnish(t, dir, db)
}

func furnish(t *testing.T, dir string, db *sqldb.DB) []byte {
	t.Helper()
	key, err := compliance.LoadMasterKey(t.Context(), db, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compliance.OpenVault(t.Context(), db, key); err != nil {
		t.Fatal(err)
	}
	appendEvents(t.Context(), t, db, 100)
	for name, text := range map[string]string{"ab/one": "first", "cd/two": strings.Repeat("second", 5000)} {
		path := filepath.Join(dir, blob.Folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

func appendEvents(ctx context.Context, t *testing.T, db *sqldb.DB, n int) {
	t.Helper()
	for range n {
		if err := db.Write(ctx, func(tx *sqldb.Tx) error {
			tx.Append(frontdesk.Event{Tenant: "t", Type: frontdesk.EvConfigChanged, Version: 1})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func quiet(string, ...any) {}

func TestABackupMadeUnderLoadRestoresToOneMoment(t *testing.T) {
	dir, dest := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key := furnish(t, dir, db)

	// While the backup runs, each transaction writes two events: a snapshot holds both or neither.
	load, stop := context.WithCancel(t.Context())
	var writers errgroup.Group
	writers.Go(func() error {
		for load.Err() == nil {
			err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
				tx.Append(frontdesk.Event{Tenant: "t", Type: "pair", Version: 1})
				tx.Append(frontdesk.Event{Tenant: "t", Type: "pair", Version: 1})
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	result, err := Backup(t.Context(), BackupOptions{Dir: dir, DB: db, Key: key, Dest: dest, Version: "v1"}, quiet)
	stop()
	if err := errors.Join(err, writers.Wait()); err != nil {
		t.Fatal(err)
	}
	if result.BlobFiles != 2 || result.EventPos < 100 || result.WithKey {
		t.Errorf("result: %+v", result)
	}
	if _, err := os.Stat(filepath.Join(dest, compliance.MasterKeyFile)); !errors.Is(err, os.ErrNotExist) {
		t.Error("the master key is in a backup that was not to have it")
	}

	restored := filepath.Join(t.TempDir(), "restored")
	back, err := Restore(t.Context(), RestoreOptions{Backup: dest, Dir: restored, Key: key}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if back.Key != "given" || back.EventPos != result.EventPos || back.Files != result.Files {
		t.Errorf("restored %+v from %+v", back, result)
	}
	again, err := sqldb.Open(t.Context(), sqldb.Options{Dir: restored})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var pairs, last int64
	if err := again.QueryRow(t.Context(), "SELECT count(*), coalesce(max(pos), 0) FROM event WHERE type = 'pair'").Scan(&pairs, &last); err != nil {
		t.Fatal(err)
	}
	if pairs%2 != 0 {
		t.Errorf("%d events of pairs: half a transaction was backed up", pairs)
	}
	if _, err := compliance.OpenVault(t.Context(), again, key); err != nil {
		t.Errorf("the vault does not open after a restore: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(restored, blob.Folder, "ab", "one"))
	if err != nil || string(text) != "first" {
		t.Errorf("attachment: %q, %v", text, err)
	}
	if entries, err := filepath.Glob(filepath.Join(restored, ".rest*")); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestABackupWithTheKeyIsWholeByItself(t *testing.T) {
	dir, dest, restored := t.TempDir(), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "r")
	key := makeInstallation(t, dir)
	backup(t, dir, dest, key, true)
	r, err := Restore(t.Context(), RestoreOptions{Backup: dest, Dir: restored}, quiet)
	if err != nil || r.Key != "restored" {
		t.Fatalf("%+v, %v", r, err)
	}
	got, err := compliance.LoadMasterKey(t.Context(), nil, restored, "")
	if err != nil || string(got) != string(key) {
		t.Errorf("the key did not come back: %v", err)
	}
}

func TestWhatIsInTheWayOfABackupIsNotOverwritten(t *testing.T) {
	dir, dest := t.TempDir(), t.TempDir()
	key := makeInstallation(t, dir)
	if err := os.WriteFile(filepath.Join(dest, "thesis.txt"), []byte("do not lose"), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir, DB: db, Key: key, Dest: dest}, quiet); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a backup into a full folder: %v", err)
	}
	// A cancelled backup leaves neither itself nor its half.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	free := filepath.Join(t.TempDir(), "b")
	if _, err := Backup(ctx, BackupOptions{Dir: dir, DB: db, Key: key, Dest: free}, quiet); err == nil {
		t.Error("a cancelled backup succeeded")
	}
	if left, err := filepath.Glob(free + "*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestADamagedBackupIsRefusedWhole(t *testing.T) {
	dir, good := t.TempDir(), filepath.Join(t.TempDir(), "b")
	key := makeInstallation(t, dir)
	backup(t, dir, good, key, false)
	for _, tc := range []struct {
		name, says string
		spoil      func(t *testing.T, b string)
	}{
		{"a changed byte in the database", "frontdesk.db is damaged", func(t *testing.T, b string) { overwrite(t, filepath.Join(b, "frontdesk.db"), 5000, "\xfe\xfd\xfc") }},
		{"a changed attachment", "blobs/ab/one is damaged", func(t *testing.T, b string) { overwrite(t, filepath.Join(b, "blobs/ab/one"), 0, "F") }},
		{"a missing attachment", "blobs/cd/two is missing", func(t *testing.T, b string) { os.Remove(filepath.Join(b, "blobs/cd/two")) }},
		{"no manifest", "not a backup", func(t *testing.T, b string) { os.Remove(filepath.Join(b, "manifest.json")) }},
		{"half a manifest", "manifest is damaged", func(t *testing.T, b string) { os.Truncate(filepath.Join(b, "manifest.json"), 40) }},
		{"a manifest that reaches out", "outside", func(t *testing.T, b string) {
			edit(t, b, func(m *Manifest) {
				m.Files = append(m.Files, ManifestFile{Path: "../../etc/passwd"})
			})
		}},
		{"a later form", "form 9", func(t *testing.T, b string) { edit(t, b, func(m *Manifest) { m.Format = 9 }) }},
		{"no database named", "names no database", func(t *testing.T, b string) { edit(t, b, func(m *Manifest) { m.Files = nil }) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, restored := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "r")
			if err := os.CopyFS(b, os.DirFS(good)); err != nil {
				t.Fatal(err)
			}
			tc.spoil(t, b)
			_, err := Restore(t.Context(), RestoreOptions{Backup: b, Dir: restored}, quiet)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("restore: %v, want a word of %q", err, tc.says)
			}
			if entries, err := os.ReadDir(restored); err == nil && len(entries) > 0 {
				t.Errorf("a refused restore left %v", entries)
			}
		})
	}
	t.Run("another key", func(t *testing.T) {
		_, err := Restore(t.Context(), RestoreOptions{Backup: good, Dir: filepath.Join(t.TempDir(), "r"), Key: make([]byte, 32)}, quiet)
		if err == nil || !strings.Contains(err.Error(), "does not open") {
			t.Errorf("restore with another key: %v", err)
		}
	})
	t.Run("a folder in use", func(t *testing.T) {
		_, err := Restore(t.Context(), RestoreOptions{Backup: good, Dir: dir, Key: key}, quiet)
		if err == nil || !strings.Contains(err.Error(), "not empty") {
			t.Errorf("restore over an installation: %v", err)
		}
	})
}

func TestPostgreSQLIsBackedUpByItsOwnTools(t *testing.T) {
	from, to := sqldbtest.PostgresURL(t), sqldbtest.PostgresURL(t)
	if _, err := findPostgresTool("pg_dump"); err != nil {
		if os.Getenv("FRONTDESK_REQUIRE_POSTGRES") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, dest := t.TempDir(), filepath.Join(t.TempDir(), "b")
	db, err := sqldb.Open(t.Context(), sqldb.Options{URL: from})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key := furnish(t, dir, db)
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir, DB: db, URL: from, Key: key, Dest: dest}, quiet); err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(t.TempDir(), "r")
	if _, err := Restore(t.Context(), RestoreOptions{Backup: dest, Dir: restored}, quiet); err == nil || !strings.Contains(err.Error(), "--database-url") {
		t.Errorf("restore without a database: %v", err)
	}
	if _, err := Restore(t.Context(), RestoreOptions{Backup: dest, Dir: restored, URL: to}, quiet); err != nil {
		t.Fatal(err)
	}
	again, err := sqldb.Open(t.Context(), sqldb.Options{URL: to})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var events int
	if err := again.QueryRow(t.Context(), "SELECT count(*) FROM event").Scan(&events); err != nil || events != 100 {
		t.Errorf("%d events restored, %v", events, err)
	}
	if _, err := os.Stat(filepath.Join(restored, blob.Folder, "cd", "two")); err != nil {
		t.Error(err)
	}
}

func TestOneBackupAtATime(t *testing.T) {
	dir := t.TempDir()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	key := furnish(t, dir, db)
	startAdminIn(t, dir, func(a *Admin) {
		a.HandleBackup(BackupOptions{Dir: dir, DB: db, Key: key, Version: "v1"})
	})
	out := t.TempDir()
	var group errgroup.Group
	results := make([]error, 2)
	for i, name := range []string{"one", "two"} {
		group.Go(func() error {
			var r BackupResult
			results[i] = Call(t.Context(), dir, "backup", BackupArgs{Dest: filepath.Join(out, name)}, nil, &r, nil)
			return nil
		})
	}
	group.Wait()
	made, err := filepath.Glob(filepath.Join(out, "*", manifestName))
	if err != nil || len(made) == 0 {
		t.Fatalf("no backup was made: %v %v %v", results[0], results[1], err)
	}
	for _, err := range results {
		if err != nil && frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("a backup beside another: %v", err)
		}
	}
}

func backup(t *testing.T, dir, dest string, key []byte, withKey bool) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Backup(t.Context(), BackupOptions{Dir: dir, DB: db, Key: key, WithKey: withKey, Dest: dest, Version: "v1"}, quiet); err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, backup string, change func(m *Manifest)) {
	t.Helper()
	path := filepath.Join(backup, manifestName)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
