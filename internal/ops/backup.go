package ops

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/blob"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
)

// A backup is a folder: manifest.json, the database (frontdesk.db, or frontdesk.pgdump from pg_dump), the attachments
// under blobs/, and the master key only when it was asked for. It is complete or it is not there: it is written beside
// its place and renamed at the end. Beside the backups lies the ledger of erasures.
const (
	manifestName = "manifest.json"
	manifestForm = 1
	dumpName     = "frontdesk.pgdump"
)

// Manifest says what is in a backup.
type Manifest struct {
	Format   int            `json:"format"`
	Version  string         `json:"version"` // of the program that made it
	MadeAt   time.Time      `json:"made_at"`
	Database string         `json:"database"` // sqlite or postgres
	EventPos int64          `json:"event_pos"`
	KeyCheck string         `json:"key_check"` // tells whether a master key is the one that opens this backup
	WithKey  bool           `json:"with_key"`
	Files    []ManifestFile `json:"files"`
}

// ManifestFile is one file of a backup.
type ManifestFile struct {
	Path   string `json:"path"` // slashes
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// BackupOptions say what to back up and where to.
type BackupOptions struct {
	Dir     string    // the data folder
	DB      *sqldb.DB // open on it; the server may be at work on it
	URL     string    // of PostgreSQL; empty on SQLite
	Key     []byte    // the master key
	WithKey bool      // put the key into the backup too
	Dest    string    // a folder that is not there yet, or is empty
	Version string
}

// BackupResult is what the backup command prints.
type BackupResult struct {
	Path      string  `json:"path"`
	Database  string  `json:"database"`
	Bytes     int64   `json:"bytes"`
	Files     int     `json:"files"`
	BlobFiles int     `json:"blob_files"`
	WithKey   bool    `json:"with_key"`
	EventPos  int64   `json:"event_pos"`
	Seconds   float64 `json:"seconds"`
}

// Backup writes a consistent backup while the server works: one snapshot of the database, then the attachments, which are
// never changed and were stored before the rows that name them.
func Backup(ctx context.Context, o BackupOptions, progress func(format string, args ...any)) (BackupResult, error) {
	start := time.Now()
	if err := mustBeFree(o.Dest, "DEST"); err != nil {
		return BackupResult{}, err
	}
	partial := strings.TrimRight(o.Dest, string(filepath.Separator)) + ".partial"
	if err := os.RemoveAll(partial); err != nil { // of an earlier try that was killed
		return BackupResult{}, fmt.Errorf("remove an unfinished backup: %w", err)
	}
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return BackupResult{}, fmt.Errorf("make the backup's folder: %w", err)
	}
	defer os.RemoveAll(partial) // nothing is there any more after the rename

	m := Manifest{Format: manifestForm, Version: o.Version, MadeAt: start.UTC().Truncate(time.Second), Database: string(o.DB.Dialect()), KeyCheck: keyCheck(o.Key), WithKey: o.WithKey}
	copyDatabase := backupSQLite
	if o.DB.Dialect() == sqldb.Postgres {
		copyDatabase = backupPostgres
	}
	file, err := copyDatabase(ctx, o, partial, &m, progress)
	if err != nil {
		return BackupResult{}, err
	}
	m.Files = append(m.Files, file)

	blobs, err := copyTree(ctx, filepath.Join(o.Dir, blob.Folder), filepath.Join(partial, blob.Folder), progress)
	if err != nil {
		return BackupResult{}, fmt.Errorf("copy attachments: %w", err)
	}
	m.Files = append(m.Files, blobs...)

	if o.WithKey {
		file, err := writeHashed(filepath.Join(partial, compliance.MasterKeyFile), strings.NewReader(base64.StdEncoding.EncodeToString(o.Key)+"\n"))
		if err != nil {
			return BackupResult{}, fmt.Errorf("write the master key: %w", err)
		}
		m.Files = append(m.Files, file)
	}
	encoded, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return BackupResult{}, err
	}
	if _, err := writeHashed(filepath.Join(partial, manifestName), strings.NewReader(string(encoded)+"\n")); err != nil {
		return BackupResult{}, fmt.Errorf("write the manifest: %w", err)
	}
	if err := errors.Join(syncDir(partial), replaceDir(partial, o.Dest)); err != nil {
		return BackupResult{}, fmt.Errorf("put the backup in its place: %w", err)
	}
	if err := backupLedger(ctx, o); err != nil {
		return BackupResult{}, err
	}
	r := BackupResult{Path: o.Dest, Database: m.Database, Files: len(m.Files), BlobFiles: len(blobs), WithKey: o.WithKey, EventPos: m.EventPos, Seconds: time.Since(start).Seconds()}
	for _, f := range m.Files {
		r.Bytes += f.Size
	}
	return r, nil
}

// backupLedger notes the erasures beside the backup, where older backups find them when they are restored.
func backupLedger(ctx context.Context, o BackupOptions) error {
	known, err := conversation.Erasures(ctx, o.DB)
	if err != nil || len(known) == 0 {
		return err
	}
	_, err = extendLedger(filepath.Join(filepath.Dir(o.Dest), LedgerName), known)
	return err
}

// backupSQLite copies the database by VACUUM INTO: one read transaction beside the writer, and a compact file.
func backupSQLite(ctx context.Context, o BackupOptions, partial string, m *Manifest, progress func(format string, args ...any)) (ManifestFile, error) {
	dest := filepath.Join(partial, sqldb.FileName)
	// A connection of its own: the database's read pool refuses every statement that writes, this one included.
	source, err := sql.Open("sqlite", "file:"+(&url.URL{Path: o.DB.File()}).EscapedPath()+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return ManifestFile{}, err
	}
	defer source.Close()

	stop := reportSize(dest, progress)
	_, err = source.ExecContext(ctx, "VACUUM INTO ?", dest)
	stop()
	if err != nil {
		return ManifestFile{}, fmt.Errorf("copy the database: %w", err)
	}
	if err := os.Chmod(dest, 0o600); err != nil {
		return ManifestFile{}, err
	}
	progress("checking the copy of the database")
	m.EventPos, err = checkSQLite(ctx, dest, "quick_check")
	if err != nil {
		return ManifestFile{}, fmt.Errorf("the copy of the database is not sound: %w", err)
	}
	return hashFile(ctx, dest, sqldb.FileName)
}

// checkSQLite runs a check on a database file that nobody writes to and returns its last event's position.
func checkSQLite(ctx context.Context, path, pragma string) (pos int64, err error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var word string
	if err := db.QueryRowContext(ctx, "PRAGMA "+pragma+"(1)").Scan(&word); err != nil {
		return 0, err
	}
	if word != "ok" {
		return 0, errors.New(word)
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(pos), 0) FROM event").Scan(&pos)
	return pos, err
}

// backupPostgres lets pg_dump do it: one snapshot, in its own compressed form.
func backupPostgres(ctx context.Context, o BackupOptions, partial string, m *Manifest, progress func(format string, args ...any)) (ManifestFile, error) {
	var err error
	if m.EventPos, err = o.DB.LastPos(ctx); err != nil { // the dump may hold a few events more
		return ManifestFile{}, err
	}
	dest := filepath.Join(partial, dumpName)
	stop := reportSize(dest, progress)
	err = postgresTool(ctx, o.URL, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file="+dest)
	stop()
	if err != nil {
		return ManifestFile{}, err
	}
	return hashFile(ctx, dest, dumpName)
}

// postgresTool runs one of PostgreSQL's programs on the database at address; the password goes by the environment, for
// arguments can be read by everybody on the machine.
func postgresTool(ctx context.Context, address, program string, args ...string) error {
	path, err := findPostgresTool(program)
	if err != nil {
		return err
	}
	plain, environ := address, os.Environ()
	if u, err := url.Parse(address); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			environ = append(environ, "PGPASSWORD="+password)
			u.User = url.User(u.User.Username())
			plain = u.String()
		}
	}
	command := exec.CommandContext(ctx, path, append(args, "--dbname="+plain)...)
	command.Env = environ
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// findPostgresTool looks on the PATH and where Debian puts the newest version.
func findPostgresTool(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
	if err != nil || len(found) == 0 {
		return "", frontdesk.Errorf(frontdesk.Unavailable, "%s is not installed; on Debian it is in the package postgresql-client", program)
	}
	return found[len(found)-1], nil
}

// reportSize says every two seconds how large a growing file is, until stop is called.
func reportSize(path string, progress func(format string, args ...any)) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				if st, err := os.Stat(path); err == nil {
					progress("database: %d MB written", st.Size()>>20)
				}
			}
		}
	}()
	return func() { close(quit); <-done }
}

// copyTree copies the regular files under from, which may be missing. A file that goes away meanwhile was purged and is
// left out.
func copyTree(ctx context.Context, from, to string, progress func(format string, args ...any)) ([]ManifestFile, error) {
	var files []ManifestFile
	said := time.Now()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case !d.Type().IsRegular():
			return nil
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		source, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer source.Close()
		dest := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(dest), 0o700); err != nil {
			return err
		}
		file, err := writeHashed(dest, source)
		if err != nil {
			return err
		}
		file.Path = filepath.ToSlash(filepath.Join(filepath.Base(to), rel))
		files = append(files, file)
		if time.Since(said) > 2*time.Second {
			said = time.Now()
			progress("attachments: %d copied", len(files))
		}
		return nil
	})
	return files, err
}

// writeHashed writes a new file durably and says what was written. Its Path is the file's name.
func writeHashed(path string, r io.Reader) (ManifestFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return ManifestFile{}, err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), r)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return ManifestFile{}, err
	}
	return ManifestFile{Path: filepath.Base(path), Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// hashFile reads a file that another program wrote, and makes it durable.
func hashFile(ctx context.Context, path, name string) (ManifestFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return ManifestFile{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, contextReader{ctx, f})
	if err := errors.Join(err, f.Sync()); err != nil {
		return ManifestFile{}, err
	}
	return ManifestFile{Path: name, Size: n, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

// keyCheck tells one master key from another without giving it away.
func keyCheck(key []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("frontdesk backup key check"))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// contextReader ends a long copy when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// mustBeFree reports an error that names the argument unless dir is missing or empty.
func mustBeFree(dir, argument string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return frontdesk.InvalidField(argument, "cannot be read: %v", err)
	case len(entries) > 0:
		return frontdesk.InvalidField(argument, "%s is not empty", dir)
	}
	return nil
}

// replaceDir gives from the name to, where at most an empty folder is.
func replaceDir(from, to string) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
