package ops

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
)

// person makes a contact with a sealed phone number and returns its id.
func person(t *testing.T, db *sqldb.DB, v *compliance.Vault, external string) (contact, conv string) {
	t.Helper()
	s := conversation.New(conversation.Deps{DB: db, Vault: v})
	_, contact, conv, err := s.Open(t.Context(), "t", "site", external, "Ann", "en")
	if err != nil {
		t.Fatal(err)
	}
	c := frontdesk.TextContent("13800138000")
	err = db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := v.Seal(tx, compliance.Scope{Tenant: "t", Person: contact, Conversation: conv}, c, compliance.Detect(c))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return contact, conv
}

// A backup is made, then a person is erased. Whatever way the old database comes back, the person does not.
func TestRestoreReplaysErasures(t *testing.T) {
	dir, shelf := t.TempDir(), t.TempDir()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { db.Close() }()
	key := furnish(t, dir, db)
	v, err := compliance.OpenVault(t.Context(), db, key)
	if err != nil {
		t.Fatal(err)
	}
	ann, annsTalk := person(t, db, v, "ann")
	_, bobsTalk := person(t, db, v, "bob")
	backup := func(name string) string {
		t.Helper()
		dest := filepath.Join(shelf, name)
		if _, err := Backup(t.Context(), BackupOptions{Dir: dir, DB: db, Key: key, WithKey: true, Dest: dest, Version: "v1"}, quiet); err != nil {
			t.Fatal(err)
		}
		return dest
	}
	old := backup("old")
	if _, err := os.Stat(filepath.Join(shelf, LedgerName)); err == nil {
		t.Error("a ledger without erasures")
	}
	if err := conversation.New(conversation.Deps{DB: db, Vault: v}).Erase(t.Context(), "t", ann); err != nil {
		t.Fatal(err)
	}

	// look opens what was restored and sees who is there.
	look := func(dir string) (annsPhone, bobsPhone, external string, ledger []conversation.Erasure) {
		t.Helper()
		db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		v, err := compliance.OpenVault(t.Context(), db, key)
		if err != nil {
			t.Fatal(err)
		}
		annsPhone, err = v.Reveal(t.Context(), "t", annsTalk, "<phone:1>")
		if err != nil && frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Fatal(err)
		}
		if bobsPhone, err = v.Reveal(t.Context(), "t", bobsTalk, "<phone:1>"); err != nil {
			t.Errorf("bob: %v", err)
		}
		if err := db.QueryRow(t.Context(), "SELECT external_id FROM contact WHERE id = $1", ann).Scan(&external); err != nil {
			t.Fatal(err)
		}
		ledger, err = conversation.Erasures(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		return annsPhone, bobsPhone, external, ledger
	}
	restore := func(ledger string) (string, RestoreResult) {
		t.Helper()
		to := filepath.Join(t.TempDir(), "restored")
		r, err := Restore(t.Context(), RestoreOptions{Backup: old, Dir: to, Ledger: ledger}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		return to, r
	}

	t.Run("with nothing that knows of it she is there", func(t *testing.T) { // else the rest would prove nothing
		to, r := restore("")
		if phone, _, external, _ := look(to); phone != "13800138000" || external != "ann" || r.Erased != 0 {
			t.Errorf("phone %q, external %q, %+v", phone, external, r)
		}
	})
	gone := func(t *testing.T, to string) {
		t.Helper()
		phone, bobs, external, ledger := look(to)
		if phone != "" || external != "" || bobs != "13800138000" || len(ledger) != 1 || ledger[0].Person != ann {
			t.Errorf("ann: phone %q, external %q; bob: %q; ledger %+v", phone, external, bobs, ledger)
		}
	}
	t.Run("with the ledger of the last data folder", func(t *testing.T) {
		if _, err := KeepLedger(t.Context(), db, dir); err != nil { // as the server does with each erasure
			t.Fatal(err)
		}
		to, r := restore(filepath.Join(dir, LedgerName))
		if gone(t, to); r.Erased != 1 {
			t.Errorf("result %+v", r)
		}
	})
	t.Run("with the ledger beside the backups", func(t *testing.T) {
		backup("new")
		to, r := restore("")
		if gone(t, to); r.Erased != 1 {
			t.Errorf("result %+v", r)
		}
	})
	t.Run("with a database that was put back by hand", func(t *testing.T) {
		to := t.TempDir()
		text, err := os.ReadFile(filepath.Join(old, sqldb.FileName))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, sqldb.FileName), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(shelf, LedgerName), filepath.Join(to, LedgerName)); err != nil {
			t.Fatal(err)
		}
		again, err := sqldb.Open(t.Context(), sqldb.Options{Dir: to})
		if err != nil {
			t.Fatal(err)
		}
		n, err := KeepLedger(t.Context(), again, to) // as a start does
		if err != nil || n != 1 {
			t.Errorf("erased %d again, %v", n, err)
		}
		if n, err := KeepLedger(t.Context(), again, to); err != nil || n != 0 {
			t.Errorf("the next start: %d, %v", n, err)
		}
		again.Close()
		gone(t, to)
	})
	t.Run("a ledger that cannot be read stops it", func(t *testing.T) {
		for name, text := range map[string]string{"damaged": "{\"tenant\":\"t\",\"person\":\"p\"}\nnonsense\n", "missing": ""} {
			path := filepath.Join(t.TempDir(), "ledger")
			if text != "" {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			to := filepath.Join(t.TempDir(), "restored")
			_, err := Restore(t.Context(), RestoreOptions{Backup: old, Dir: to, Ledger: path}, quiet)
			if frontdesk.KindOf(err) != frontdesk.Invalid || text != "" && !strings.Contains(err.Error(), "line 2") {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := os.Stat(filepath.Join(to, sqldb.FileName)); err == nil {
				t.Errorf("%s: a database is there", name)
			}
		}
	})
}

func TestLedgersOnlyGrow(t *testing.T) {
	path := filepath.Join(t.TempDir(), LedgerName)
	a, b := conversation.Erasure{Tenant: "t", Person: "a", At: 1, Actor: "staff:x"}, conversation.Erasure{Tenant: "t", Person: "b", At: 2, Actor: "staff:x"}
	later := a
	later.At = 3
	for i, more := range [][]conversation.Erasure{{a}, {b, a}, nil, {later}} {
		if _, err := extendLedger(path, more); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	got, err := readLedger(path)
	if err != nil || !slices.Equal(got, []conversation.Erasure{b, later}) {
		t.Errorf("ledger %+v, %v", got, err)
	}
}
