// Package blob keeps what customers and staff attach: the bytes in a folder under their SHA-256, the facts in a table.
//
// What comes in is not trusted. Its type is found by looking at the bytes, never taken from the sender; only PNG, JPEG, GIF
// and WebP are pictures, and a picture loses its metadata (place, camera, comments) and everything after its end before it
// is stored. All else is a file that browsers are made to download. The bytes of a committed attachment are on disk, synced,
// before its row is. Whether an actor may read an attachment is decided by the caller, from File.Conversation.
package blob

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Folder is the blobs' folder in the data folder; backups copy it.
const Folder = "blobs"

// incoming is where uploads are written until they are whole, on the same file system as Folder.
const incoming = "uploads"

// Limits bound one attachment. Zero fields take the defaults.
type Limits struct {
	Bytes  int64 // 10 MB
	Side   int   // pixels of a picture's longer side: 8,000
	Pixels int   // of a picture, over all frames of an animation ten times that: 40 million
}

// Store is the attachments of a node. It is safe for concurrent use.
type Store struct {
	db     *sqldb.DB
	dir    string
	limits Limits
	work   chan struct{} // bounds the pictures that are in memory at once
	sweep  sync.RWMutex  // Put holds it for reading from finding the bytes to its row's commit, Sweep to remove
}

// New opens the store in the data folder.
func New(db *sqldb.DB, dataDir string, l Limits) (*Store, error) {
	if l.Bytes == 0 {
		l.Bytes = 10 << 20
	}
	if l.Side == 0 {
		l.Side = 8000
	}
	if l.Pixels == 0 {
		l.Pixels = 40_000_000
	}
	for _, d := range []string{Folder, incoming} {
		if err := os.MkdirAll(filepath.Join(dataDir, d), 0o700); err != nil {
			return nil, fmt.Errorf("make blob folder: %w", err)
		}
	}
	return &Store{db: db, dir: dataDir, limits: l, work: make(chan struct{}, 4)}, nil
}

// Put reads, checks and stores an attachment. declaredType is what the sender says it is and is only good for refusing:
// what is declared as a picture must be one. Invalid errors name the field "file".
func (s *Store) Put(ctx context.Context, tenant, conversation, name, declaredType string, r io.Reader) (frontdesk.Attachment, error) {
	var none frontdesk.Attachment
	f, err := os.CreateTemp(filepath.Join(s.dir, incoming), "up-*")
	if err != nil {
		return none, diskError("store attachment", err)
	}
	defer os.Remove(f.Name()) // gone already if it was renamed
	defer f.Close()

	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, hash), io.LimitReader(&contextReader{ctx, r}, s.limits.Bytes+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return none, ctx.Err()
	case err != nil:
		return none, diskError("read attachment", err)
	case size == 0:
		return none, frontdesk.InvalidField("file", "is empty")
	case size > s.limits.Bytes:
		return none, frontdesk.InvalidField("file", "has more than %d bytes", s.limits.Bytes)
	}
	a := frontdesk.Attachment{ID: frontdesk.NewID(), Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))}
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return none, diskError("read attachment", err)
	}
	a.Type = sniff(head[:n])
	switch {
	case inline(a.Type):
		if err := s.clean(ctx, f, &a); err != nil {
			return none, err
		}
	case strings.HasPrefix(strings.ToLower(declaredType), "image/"):
		return none, frontdesk.InvalidField("file", "is not a PNG, JPEG, GIF or WebP picture")
	}
	a.Name = cleanName(name, a.Type)
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return none, diskError("store attachment", err)
	}

	s.sweep.RLock()
	defer s.sweep.RUnlock()
	if err := s.keep(f.Name(), a.SHA256); err != nil {
		return none, diskError("store attachment", err)
	}
	if err := s.insert(ctx, tenant, conversation, a); err != nil {
		return none, err
	}
	return a, nil
}

// Share makes an attachment of a conversation out of another one's bytes: what staff uploaded before they sent it. Each
// conversation has a row of its own, so that each can forget its own.
func (s *Store) Share(ctx context.Context, tenant, id, conversation string) (frontdesk.Attachment, error) {
	s.sweep.RLock()
	defer s.sweep.RUnlock()
	a, _, err := s.Find(ctx, tenant, id)
	if err != nil {
		return frontdesk.Attachment{}, err
	}
	a.ID = frontdesk.NewID()
	return a, s.insert(ctx, tenant, conversation, a)
}

func (s *Store) insert(ctx context.Context, tenant, conversation string, a frontdesk.Attachment) error {
	err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO attachment (tenant, id, conversation, sha256, type, size, name, width, height, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			tenant, a.ID, conversation, a.SHA256, a.Type, a.Size, a.Name, a.Width, a.Height, tx.Now())
		return err
	})
	if err != nil {
		return fmt.Errorf("store attachment: %w", err)
	}
	return nil
}

// clean replaces what is in f by the picture without its metadata and completes a.
func (s *Store) clean(ctx context.Context, f *os.File, a *frontdesk.Attachment) error {
	select {
	case s.work <- struct{}{}:
		defer func() { <-s.work }()
	case <-ctx.Done():
		return ctx.Err()
	}
	raw := make([]byte, a.Size)
	if _, err := f.ReadAt(raw, 0); err != nil {
		return diskError("read attachment", err)
	}
	p, err := cleanPicture(a.Type, raw, s.limits)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return diskError("store attachment", err)
	}
	if _, err := f.WriteAt(p.data, 0); err != nil {
		return diskError("store attachment", err)
	}
	sum := sha256.Sum256(p.data)
	a.SHA256, a.Size, a.Width, a.Height = hex.EncodeToString(sum[:]), int64(len(p.data)), p.width, p.height
	return nil
}

// keep moves a synced file to its place, or finds the same bytes there and marks them as used now.
func (s *Store) keep(file, sum string) error {
	to := s.path(sum)
	now := time.Now()
	if err := os.Chtimes(to, now, now); err == nil {
		return nil
	}
	dir := filepath.Dir(to)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Rename(file, to); err != nil {
		return err
	}
	for _, d := range []string{dir, filepath.Dir(dir)} { // the name must survive a power cut, too
		f, err := os.Open(d)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) path(sum string) string { return filepath.Join(s.dir, Folder, sum[:2], sum) }

// File is an attachment open for reading. The caller closes it.
type File struct {
	*os.File
	frontdesk.Attachment
	Conversation string // who may read the conversation may read it
	CreatedAt    int64
}

// Find returns an attachment's facts and its conversation, NotFound if the tenant has no such attachment.
func (s *Store) Find(ctx context.Context, tenant, id string) (a frontdesk.Attachment, conversation string, err error) {
	a, conversation, _, err = s.row(ctx, tenant, id)
	return a, conversation, err
}

// Open opens an attachment, NotFound if the tenant has no such attachment.
func (s *Store) Open(ctx context.Context, tenant, id string) (*File, error) {
	a, conversation, at, err := s.row(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(s.path(a.SHA256))
	if err != nil {
		return nil, fmt.Errorf("open attachment %s: %w", id, err)
	}
	return &File{File: f, Attachment: a, Conversation: conversation, CreatedAt: at}, nil
}

func (s *Store) row(ctx context.Context, tenant, id string) (a frontdesk.Attachment, conversation string, at int64, err error) {
	a.ID = id
	err = s.db.QueryRow(ctx, "SELECT conversation, sha256, type, size, name, width, height, created_at FROM attachment WHERE tenant = $1 AND id = $2", tenant, id).
		Scan(&conversation, &a.SHA256, &a.Type, &a.Size, &a.Name, &a.Width, &a.Height, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return a, "", 0, frontdesk.Errorf(frontdesk.NotFound, "no such attachment")
	}
	if err != nil {
		return a, "", 0, fmt.Errorf("read attachment %s: %w", id, err)
	}
	return a, conversation, at, nil
}

// Forget takes a conversation's attachments out of the table, in the caller's transaction. Sweep removes the bytes that
// nothing else points to.
func (s *Store) Forget(tx *sqldb.Tx, tenant, conversation string) error {
	_, err := tx.Exec("DELETE FROM attachment WHERE tenant = $1 AND conversation = $2", tenant, conversation)
	return err
}

// Sweep removes bytes that no row has pointed to for longer than age, and uploads that were left half done.
func (s *Store) Sweep(ctx context.Context, age time.Duration) (removed int, err error) {
	before := time.Now().Add(-age)
	for _, folder := range []string{incoming, Folder} {
		err := filepath.WalkDir(filepath.Join(s.dir, folder), func(path string, d fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || d.IsDir() {
				return err
			}
			gone, err := s.removeUnused(ctx, path, folder == Folder, before)
			if gone {
				removed++
			}
			return err
		})
		if err != nil {
			return removed, fmt.Errorf("sweep attachments: %w", err)
		}
	}
	return removed, nil
}

func (s *Store) removeUnused(ctx context.Context, path string, stored bool, before time.Time) (bool, error) {
	s.sweep.Lock()
	defer s.sweep.Unlock()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || info.ModTime().After(before) {
		return false, err
	}
	if stored {
		var used int
		// Bytes are shared by all tenants: this one question has no tenant in it.
		err := s.db.QueryRow(ctx, "SELECT 1 FROM attachment WHERE sha256 = $1 LIMIT 1", filepath.Base(path)).Scan(&used)
		if err == nil {
			return false, nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return false, err
		}
	}
	return true, os.Remove(path)
}

// Run sweeps once an hour until ctx ends.
func (s *Store) Run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if n, err := s.Sweep(ctx, 24*time.Hour); err != nil && ctx.Err() == nil {
				log.Warn("attachments not swept", "error", err)
			} else if n > 0 {
				log.Info("attachments swept", "removed", n)
			}
		}
	}
}

// diskError says of a full disk that it is one: the sender can try again later.
func diskError(op string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &frontdesk.Error{Kind: frontdesk.Unavailable, Op: op, Public: "no space for attachments at the moment", RetryAfter: time.Minute, Err: err}
	}
	return fmt.Errorf("%s: %w", op, err)
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
