package compliance

import (
	"container/list"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Where the master key is looked for, first the environment, then the file in the data folder.
const (
	MasterKeyEnv  = "FRONTDESK_MASTER_KEY"
	MasterKeyFile = "master.key"
)

// LoadMasterKey returns the master key of a database: from env (the value of FRONTDESK_MASTER_KEY) if it is not empty, else
// from DIR/master.key. Only for a database that was never opened with a key it makes one and writes the file, readable by its
// owner alone; with a nil db it makes none. A key that is missing or malformed for existing data refuses the start; OpenVault
// refuses a wrong one.
func LoadMasterKey(ctx context.Context, db *sqldb.DB, dir, env string) ([]byte, error) {
	if env != "" {
		return parseKey(MasterKeyEnv, env)
	}
	path := filepath.Join(dir, MasterKeyFile)
	text, err := os.ReadFile(path)
	if err == nil {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("read master key: %w", err)
		}
		if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
			return nil, frontdesk.InvalidField(MasterKeyFile, "others can read %s (mode %o): chmod 600 it", path, info.Mode().Perm())
		}
		return parseKey(MasterKeyFile, string(text))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	missing := frontdesk.InvalidField(MasterKeyFile, "the master key is missing: this data was sealed with one; put it back at %s or set %s", path, MasterKeyEnv)
	if db == nil {
		return nil, missing
	}
	var known int
	err = db.QueryRow(ctx, "SELECT 1 FROM vault_master WHERE id = 1").Scan(&known)
	if err == nil {
		return nil, missing
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("look for sealed data: %w", err)
	}
	key := randomKey()
	return key, writeKey(path, key)
}

// writeKey writes the key to a new file and syncs file and folder: data must not be sealed with a key that a power cut takes.
func writeKey(path string, key []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		var d *os.File
		if d, err = os.Open(filepath.Dir(path)); err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write master key: %w", err), os.Remove(path))
	}
	return nil
}

// parseKey reads 32 bytes as base64 or hexadecimal. The error does not repeat the text.
func parseKey(field, text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
		if key, err := decode(text); err == nil && len(key) == 32 {
			return key, nil
		}
	}
	return nil, frontdesk.InvalidField(field, "is not a master key: 32 bytes as base64 or hexadecimal are needed")
}

// aead is AES-256-GCM with a random nonce before the sealed bytes.
type aead struct{ gcm cipher.AEAD }

func newAEAD(key []byte) (aead, error) {
	if len(key) != 32 {
		return aead{}, fmt.Errorf("key has %d bytes, not 32", len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return aead{}, err
	}
	gcm, err := cipher.NewGCM(block)
	return aead{gcm}, err
}

func (a aead) seal(plain []byte, bound string) []byte {
	out := make([]byte, a.gcm.NonceSize(), a.gcm.NonceSize()+len(plain)+a.gcm.Overhead())
	rand.Read(out)
	return a.gcm.Seal(out, out, plain, []byte(bound))
}

func (a aead) open(sealed []byte, bound string) ([]byte, error) {
	n := a.gcm.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("sealed value is cut short")
	}
	return a.gcm.Open(nil, sealed[:n], sealed[n:], []byte(bound))
}

// binding joins what a sealed value belongs to, so that no two lists of words give the same text.
func binding(words ...string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(strconv.Itoa(len(w)))
		b.WriteByte(':')
		b.WriteString(w)
	}
	return b.String()
}

// keyCache holds unwrapped keys, the least recently used leaves first. It is keyed by whose key it is and the wrapped bytes
// as the database has them at the moment of use: a key whose row was rolled back, moved or destroyed, on whatever node, is
// never hit again.
type keyCache struct {
	mu    sync.Mutex
	most  int
	byKey map[string]*list.Element
	order *list.List // of cacheEntry, newest first
}

type cacheEntry struct {
	at  string
	key any
}

func newKeyCache(most int) *keyCache {
	return &keyCache{most: most, byKey: map[string]*list.Element{}, order: list.New()}
}

// cached returns the key that is wrapped, unwrapping it if it is not in the cache.
func cached[K any](c *keyCache, bound string, wrapped []byte, unwrap func() (K, error)) (K, error) {
	at := bound + string(wrapped)
	c.mu.Lock()
	e := c.byKey[at]
	if e != nil {
		c.order.MoveToFront(e)
	}
	c.mu.Unlock()
	if e != nil {
		return e.Value.(cacheEntry).key.(K), nil // bound says which type
	}
	key, err := unwrap()
	if err != nil {
		return key, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[at] == nil {
		c.byKey[at] = c.order.PushFront(cacheEntry{at, key})
		if c.order.Len() > c.most {
			delete(c.byKey, c.order.Remove(c.order.Back()).(cacheEntry).at)
		}
	}
	return key, nil
}

// drop forgets a key.
func (c *keyCache) drop(bound string, wrapped []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[bound+string(wrapped)]; e != nil {
		c.order.Remove(e)
		delete(c.byKey, bound+string(wrapped))
	}
}
