package ops

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"frontdesk"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"

	"golang.org/x/sys/unix"
)

// RestoreOptions say what to restore and where to.
type RestoreOptions struct {
	Backup string // a backup's folder
	Dir    string // the data folder: not there, or empty
	URL    string // an empty PostgreSQL database, for a backup of one
	Key    []byte // the master key if the caller has it; nil when it is not known
	Ledger string // a ledger of erasures beside the one that lies with the backups; empty for none
}

// RestoreResult is what the restore command prints.
type RestoreResult struct {
	Data     string  `json:"data"`
	Database string  `json:"database"`
	MadeAt   string  `json:"made_at"`
	Version  string  `json:"version"` // of the program that made the backup
	Files    int     `json:"files"`
	Bytes    int64   `json:"bytes"`
	EventPos int64   `json:"event_pos"`
	Key      string  `json:"key"`    // restored, given or missing
	Erased   int     `json:"erased"` // people who were erased after the backup was made, and are again
	Seconds  float64 `json:"seconds"`
}

// Restore fills an empty data folder from a backup. Every file is compared with its hash in the manifest before anything
// appears in the folder; a backup that is damaged, has files too many or too few, or needs another key is refused whole.
func Restore(ctx context.Context, o RestoreOptions, progress func(format string, args ...any)) (RestoreResult, error) {
	start := time.Now()
	m, err := readManifest(o.Backup)
	if err != nil {
		return RestoreResult{}, err
	}
	if err := mustBeFree(o.Dir, "--data"); err != nil {
		return RestoreResult{}, err
	}
	ledger, err := o.ledger() // before anything is there: a backup must not come up without it
	if err != nil {
		return RestoreResult{}, err
	}
	switch {
	case m.Database == string(sqldb.Postgres) && o.URL == "":
		return RestoreResult{}, frontdesk.InvalidField("--database-url", "the backup is of PostgreSQL: name an empty database to restore it into")
	case m.Database == string(sqldb.SQLite) && o.URL != "":
		return RestoreResult{}, frontdesk.InvalidField("--database-url", "the backup is of SQLite and goes into the data folder")
	case o.Key != nil && keyCheck(o.Key) != m.KeyCheck:
		return RestoreResult{}, frontdesk.Errorf(frontdesk.Invalid, "the master key that is configured does not open this backup")
	}

	// A folder inside, not beside: the data folder may be a mount point.
	staging := filepath.Join(o.Dir, ".restoring")
	if err := os.MkdirAll(staging, 0o700); err != nil {
		return RestoreResult{}, fmt.Errorf("make the data folder: %w", err)
	}
	defer os.RemoveAll(staging)
	r := RestoreResult{Data: o.Dir, Database: m.Database, MadeAt: m.MadeAt.Format(time.RFC3339), Version: m.Version, EventPos: m.EventPos, Key: "missing"}
	if m.WithKey {
		r.Key = "restored"
	} else if o.Key != nil {
		r.Key = "given"
	}
	for i, f := range m.Files {
		if err := restoreFile(ctx, o.Backup, staging, f); err != nil {
			return RestoreResult{}, err
		}
		r.Files++
		r.Bytes += f.Size
		if i%1000 == 999 {
			progress("%d of %d files", i+1, len(m.Files))
		}
	}
	if m.Database == string(sqldb.SQLite) {
		progress("checking the database")
		if _, err := checkSQLite(ctx, filepath.Join(staging, sqldb.FileName), "quick_check"); err != nil {
			return RestoreResult{}, fmt.Errorf("the restored database is not sound: %w", err)
		}
	} else {
		progress("restoring PostgreSQL")
		dump := filepath.Join(staging, dumpName)
		if err := postgresTool(ctx, o.URL, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", dump); err != nil {
			return RestoreResult{}, err
		}
		if err := os.Remove(dump); err != nil {
			return RestoreResult{}, err
		}
	}
	if len(ledger) > 0 { // in place before the database is: if what follows is cut off, the first start erases
		if _, err := extendLedger(filepath.Join(staging, LedgerName), ledger); err != nil {
			return RestoreResult{}, err
		}
	}
	if err := moveInto(staging, o.Dir); err != nil {
		return RestoreResult{}, fmt.Errorf("put the restored files in place: %w", err)
	}
	if len(ledger) > 0 {
		if r.Erased, err = eraseAgain(ctx, o); err != nil {
			return RestoreResult{}, err
		}
	}
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// ledger is what is known of erasures since the backup.
func (o RestoreOptions) ledger() ([]conversation.Erasure, error) {
	beside, err := readLedger(filepath.Join(filepath.Dir(filepath.Clean(o.Backup)), LedgerName))
	if err != nil || o.Ledger == "" {
		return beside, err
	}
	if _, err := os.Stat(o.Ledger); err != nil {
		return nil, frontdesk.InvalidField("--erasures", "cannot be read: %v", err)
	}
	given, err := readLedger(o.Ledger)
	return unite(beside, given), err
}

// eraseAgain erases in what was restored whom the ledger in the folder names.
func eraseAgain(ctx context.Context, o RestoreOptions) (int, error) {
	db, err := sqldb.Open(ctx, sqldb.Options{Dir: o.Dir, URL: o.URL})
	if err != nil {
		return 0, fmt.Errorf("open what was restored: %w", err)
	}
	n, err := KeepLedger(ctx, db, o.Dir)
	return n, errors.Join(err, db.Close())
}

func readManifest(backup string) (Manifest, error) {
	var m Manifest
	text, err := os.ReadFile(filepath.Join(backup, manifestName))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return m, frontdesk.InvalidField("BACKUP", "%s has no %s: it is not a backup, or one that was not finished", backup, manifestName)
	}
	if err != nil {
		return m, fmt.Errorf("read the manifest: %w", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, frontdesk.Errorf(frontdesk.Invalid, "the backup cannot be used: its manifest is damaged: %v", err)
	}
	if m.Format != manifestForm {
		return m, frontdesk.Errorf(frontdesk.Invalid, "the backup cannot be used: it has form %d, this program reads form %d: use the version that made it (%s) or a newer one", m.Format, manifestForm, m.Version)
	}
	database := sqldb.FileName
	if m.Database == string(sqldb.Postgres) {
		database = dumpName
	}
	if !slices.ContainsFunc(m.Files, func(f ManifestFile) bool { return f.Path == database }) {
		return m, frontdesk.Errorf(frontdesk.Invalid, "the backup cannot be used: its manifest names no database")
	}
	return m, nil
}

// restoreFile copies one file and compares what was copied, not what was read before, with the manifest.
func restoreFile(ctx context.Context, backup, staging string, f ManifestFile) error {
	// A manifest is input like any other: it must not reach out of the two folders.
	if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
		return frontdesk.Errorf(frontdesk.Invalid, "the backup cannot be used: its manifest names a file outside of it: %q", f.Path)
	}
	source, err := os.Open(filepath.Join(backup, filepath.FromSlash(f.Path)))
	if errors.Is(err, fs.ErrNotExist) {
		return frontdesk.Errorf(frontdesk.Invalid, "the backup cannot be used: %s is missing", f.Path)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Path, err)
	}
	defer source.Close()
	dest := filepath.Join(staging, filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(dest), 0o700); err != nil {
		return err
	}
	written, err := writeHashed(dest, contextReader{ctx, source})
	if err != nil {
		return fmt.Errorf("restore %s: %w", f.Path, err)
	}
	if written.Size != f.Size || written.SHA256 != f.SHA256 {
		return frontdesk.Errorf(frontdesk.Invalid, "the backup cannot be used: %s is damaged: its hash is not the manifest's", f.Path)
	}
	return nil
}

// moveInto moves what is in from one level up into to, the database last: a folder without one is not yet an installation.
func moveInto(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		last := func(e fs.DirEntry) int {
			if e.Name() == sqldb.FileName {
				return 1
			}
			return 0
		}
		return last(a) - last(b)
	})
	for _, e := range entries {
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return syncDir(to)
}
