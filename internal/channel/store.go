package channel

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// staleAfter is how old the cache may be before the version is looked at again; with the look-up itself a change is seen
// within a second.
const staleAfter = 500 * time.Millisecond

// maxCached bounds the cache, remembered misses included: strangers choose the keys that are asked for.
const maxCached = 8192

// Sites stores sites. Safe for concurrent use.
type Sites struct {
	db   *sqldb.DB
	aead cipher.AEAD // seals identity secrets, so that a backup does not hold them

	mu      sync.Mutex
	cache   map[cacheKey]*Site // nil: known not to exist
	version int64              // of the database that the cache belongs to
	looked  time.Time          // when version was last compared
	looking bool
	gen     int64 // grows when the cache is dropped: what was loaded before is not put in after
}

type cacheKey struct{ tenant, name string } // tenant is empty for a look-up by key

// NewSites opens the store. The master key protects the sites' identity secrets.
func NewSites(db *sqldb.DB, master []byte) (*Sites, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "frontdesk site secret v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of site secrets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Sites{db: db, aead: aead, cache: map[cacheKey]*Site{}}, nil
}

const siteColumns = `tenant, id, site_key, name, bot, origins, languages, zone, hours, settings,
	secret_current, secret_previous, created_at, updated_at`

// ByKey returns the site that a page's script names, from the cache if it can.
func (s *Sites) ByKey(ctx context.Context, key string) (Site, error) {
	if !keyText.MatchString(key) {
		return Site{}, notFound()
	}
	return s.cached(ctx, cacheKey{name: key},
		`SELECT `+siteColumns+` FROM site WHERE site_key = $1 AND deleted_at = 0`, key)
}

// Get returns a site of a tenant by its id, from the cache if it can.
func (s *Sites) Get(ctx context.Context, tenant, id string) (Site, error) {
	if tenant == "" || id == "" || len(id) > 64 {
		return Site{}, notFound()
	}
	return s.cached(ctx, cacheKey{tenant, id},
		`SELECT `+siteColumns+` FROM site WHERE tenant = $1 AND id = $2 AND deleted_at = 0`, tenant, id)
}

func notFound() error { return frontdesk.Errorf(frontdesk.NotFound, "There is no such site.") }

func (s *Sites) cached(ctx context.Context, k cacheKey, query string, args ...any) (Site, error) {
	s.refresh(ctx)
	s.mu.Lock()
	site, known := s.cache[k]
	gen := s.gen
	s.mu.Unlock()
	if known && site != nil {
		return *site, nil
	}
	if known {
		return Site{}, notFound()
	}
	loaded, err := s.scan(s.db.QueryRow(ctx, query, args...))
	missing := errors.Is(err, sql.ErrNoRows)
	if err != nil && !missing {
		return Site{}, fmt.Errorf("load site: %w", err)
	}
	s.mu.Lock()
	if gen == s.gen {
		for other := range s.cache { // any: a full cache is an attack or a misfit, not a working set
			if len(s.cache) < maxCached {
				break
			}
			delete(s.cache, other)
		}
		if missing {
			s.cache[k] = nil
		} else {
			s.cache[k] = &loaded
		}
	}
	s.mu.Unlock()
	if missing {
		return Site{}, notFound()
	}
	return loaded, nil
}

// refresh drops the cache if another node changed a site. Only one caller at a time looks; the others go on with what is
// there. When the database cannot be asked the cache serves on: what follows needs the database anyway.
func (s *Sites) refresh(ctx context.Context) {
	s.mu.Lock()
	due := !s.looking && time.Since(s.looked) > staleAfter
	s.looking = s.looking || due
	s.mu.Unlock()
	if !due {
		return
	}
	began := time.Now()
	var version int64
	err := s.db.QueryRow(ctx, `SELECT version FROM site_version WHERE id = 1`).Scan(&version)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looking = false
	if err != nil {
		return
	}
	s.looked = began
	if version != s.version {
		s.drop()
		s.version = version
	}
}

// drop empties the cache; the caller holds the lock.
func (s *Sites) drop() {
	clear(s.cache)
	s.gen++
}

// List returns up to limit sites of a tenant by id, after a cursor that is the last id seen.
func (s *Sites) List(ctx context.Context, tenant, after string, limit int) ([]Site, error) {
	rows, err := s.db.Query(ctx, `SELECT `+siteColumns+` FROM site
		WHERE tenant = $1 AND id > $2 AND deleted_at = 0 ORDER BY id LIMIT $3`, tenant, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list sites: %w", err)
	}
	defer rows.Close()
	var out []Site
	for rows.Next() {
		site, err := s.scan(rows)
		if err != nil {
			return nil, fmt.Errorf("list sites: %w", err)
		}
		out = append(out, site)
	}
	return out, rows.Err()
}

// Create stores a new site of actor's tenant and returns it with its id and a fresh identity secret.
func (s *Sites) Create(ctx context.Context, actor frontdesk.Actor, site Site) (Site, error) {
	err := s.write(ctx, func(tx *sqldb.Tx) (err error) {
		site, err = s.CreateIn(tx, actor, site)
		return err
	})
	return site, err
}

// CreateIn is Create as part of a larger transaction, such as the first setup. Other nodes and this one see the site
// within a second of its commit.
func (s *Sites) CreateIn(tx *sqldb.Tx, actor frontdesk.Actor, site Site) (Site, error) {
	site.Tenant, site.CreatedAt, site.UpdatedAt = actor.Tenant, tx.Now(), tx.Now()
	if site.ID == "" {
		site.ID = frontdesk.NewID()
	}
	if site.Secrets.Current == "" {
		site.Secrets.Current = frontdesk.Secret()
	}
	if err := site.Check(); err != nil {
		return site, err
	}
	v, err := s.values(site)
	if err != nil {
		return site, err
	}
	// A deleted site keeps its key: pages that still name it must not reach somebody else's desk.
	n, err := tx.Exec(`INSERT INTO site (`+siteColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`, v...)
	if err != nil {
		return site, fmt.Errorf("create %s: %w", site.describe(), err)
	}
	if n == 0 {
		return site, &frontdesk.Error{Kind: frontdesk.Conflict, Field: "key", Public: "A site with this key exists or existed already."}
	}
	return site, changed(tx, actor, site.ID, "created")
}

// Update replaces a site's settings, all but its tenant, id, secrets and creation. With a base other than 0 it is a
// Conflict if the site was changed after that UpdatedAt.
func (s *Sites) Update(ctx context.Context, actor frontdesk.Actor, site Site, base int64) (Site, error) {
	site.Tenant = actor.Tenant
	if err := site.Check(); err != nil {
		return site, err
	}
	v, err := s.values(site)
	if err != nil {
		return site, err
	}
	err = s.write(ctx, func(tx *sqldb.Tx) error {
		old, err := s.lock(tx, site.Tenant, site.ID)
		if err != nil {
			return err
		}
		if base != 0 && base != old.UpdatedAt {
			return frontdesk.Errorf(frontdesk.Conflict, "The site was changed meanwhile; load it again.")
		}
		site.Secrets, site.CreatedAt, site.UpdatedAt = old.Secrets, old.CreatedAt, max(tx.Now(), old.UpdatedAt+1)
		if site.Key != old.Key {
			var n int
			if err := tx.QueryRow(`SELECT count(*) FROM site WHERE site_key = $1`, site.Key).Scan(&n); err != nil {
				return fmt.Errorf("look up key of %s: %w", site.describe(), err)
			}
			if n > 0 {
				return &frontdesk.Error{Kind: frontdesk.Conflict, Field: "key", Public: "A site with this key exists or existed already."}
			}
		}
		if _, err := tx.Exec(`UPDATE site SET site_key = $3, name = $4, bot = $5, origins = $6, languages = $7, zone = $8,
			hours = $9, settings = $10, updated_at = $11 WHERE tenant = $1 AND id = $2`, append(v[:10:10], site.UpdatedAt)...); err != nil {
			return fmt.Errorf("update %s: %w", site.describe(), err)
		}
		return changed(tx, actor, site.ID, "updated")
	})
	return site, err
}

// Delete takes a site out of service; its conversations stay.
func (s *Sites) Delete(ctx context.Context, actor frontdesk.Actor, id string) error {
	return s.write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(`UPDATE site SET deleted_at = $3 WHERE tenant = $1 AND id = $2 AND deleted_at = 0`, actor.Tenant, id, tx.Now())
		if err != nil {
			return fmt.Errorf("delete site %s: %w", id, err)
		}
		if n == 0 {
			return notFound()
		}
		return changed(tx, actor, id, "deleted")
	})
}

// Rotate gives a site a new identity secret. The one in use becomes the previous one, which verifies until the next
// rotation or, with drop, is gone at once (it leaked).
func (s *Sites) Rotate(ctx context.Context, actor frontdesk.Actor, id string, drop bool) (Secrets, error) {
	fresh := frontdesk.Secret()
	var out Secrets
	err := s.write(ctx, func(tx *sqldb.Tx) error {
		old, err := s.lock(tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		out = Secrets{Current: fresh, Previous: old.Secrets.Current}
		if drop {
			out.Previous = ""
		}
		if _, err := tx.Exec(`UPDATE site SET secret_current = $3, secret_previous = $4, updated_at = $5 WHERE tenant = $1 AND id = $2`,
			actor.Tenant, id, s.seal(id, out.Current), s.seal(id, out.Previous), tx.Now()); err != nil {
			return fmt.Errorf("rotate secret of site %s: %w", id, err)
		}
		return changed(tx, actor, id, "secret_rotated")
	})
	return out, err
}

// lock reads a site and holds it until the transaction ends.
func (s *Sites) lock(tx *sqldb.Tx, tenant, id string) (Site, error) {
	site, err := s.scan(tx.QueryRow(`UPDATE site SET id = id WHERE tenant = $1 AND id = $2 AND deleted_at = 0 RETURNING `+siteColumns, tenant, id))
	if errors.Is(err, sql.ErrNoRows) {
		return site, notFound()
	}
	if err != nil {
		return site, fmt.Errorf("lock site %s: %w", id, err)
	}
	return site, nil
}

// write runs fn and lets this node see its change at once.
func (s *Sites) write(ctx context.Context, fn func(tx *sqldb.Tx) error) error {
	err := s.db.Write(ctx, fn)
	if err == nil {
		s.mu.Lock()
		s.drop()
		s.mu.Unlock()
	}
	return err
}

// changed tells the other nodes' caches and the event log.
func changed(tx *sqldb.Tx, actor frontdesk.Actor, site, what string) error {
	if _, err := tx.Exec(`UPDATE site_version SET version = version + 1 WHERE id = 1`); err != nil {
		return fmt.Errorf("count change of site %s: %w", site, err)
	}
	data, err := json.Marshal(map[string]string{"kind": "site", "change": what})
	if err != nil {
		return err
	}
	tx.Append(frontdesk.Event{Tenant: actor.Tenant, Type: frontdesk.EvConfigChanged, Subject: site,
		Actor: string(actor.Kind) + ":" + actor.ID, Data: data})
	return nil
}

// values are a site's columns in the order of siteColumns.
func (s *Sites) values(site Site) ([]any, error) {
	v := []any{site.Tenant, site.ID, site.Key, nil, site.Bot, nil, nil, site.Zone, nil, nil,
		s.seal(site.ID, site.Secrets.Current), s.seal(site.ID, site.Secrets.Previous), site.CreatedAt, site.UpdatedAt}
	for i, part := range map[int]any{3: site.Name, 5: site.Origins, 6: site.Languages, 8: site.Hours, 9: site.Settings} {
		b, err := json.Marshal(part)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", site.describe(), err)
		}
		v[i] = string(b)
	}
	return v, nil
}

func (s *Sites) scan(row interface{ Scan(...any) error }) (Site, error) {
	var site Site
	var name, origins, languages, hours, settings string
	var current, previous []byte
	err := row.Scan(&site.Tenant, &site.ID, &site.Key, &name, &site.Bot, &origins, &languages, &site.Zone, &hours, &settings,
		&current, &previous, &site.CreatedAt, &site.UpdatedAt)
	if err != nil {
		return site, err
	}
	for _, column := range []struct {
		text string
		into any
	}{{name, &site.Name}, {origins, &site.Origins}, {languages, &site.Languages}, {hours, &site.Hours}, {settings, &site.Settings}} {
		if err := json.Unmarshal([]byte(column.text), column.into); err != nil {
			return site, fmt.Errorf("decode %s: %w", site.describe(), err)
		}
	}
	if site.Secrets.Current, err = s.open(site.ID, current); err != nil {
		return site, err
	}
	site.Secrets.Previous, err = s.open(site.ID, previous)
	return site, err
}

// seal encrypts a secret; the site's id is bound in, so that one site's cannot be copied to another.
func (s *Sites) seal(site, secret string) []byte {
	if secret == "" {
		return []byte{}
	}
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce)
	return s.aead.Seal(nonce, nonce, []byte(secret), []byte(site))
}

func (s *Sites) open(site string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", fmt.Errorf("secret of site %s is cut short", site)
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(site))
	if err != nil {
		return "", fmt.Errorf("open secret of site %s: the master key is not the one it was sealed with: %w", site, err)
	}
	return string(plain), nil
}
