package auth

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// KeyPrefix begins every API key, so that people and scanners recognise one that leaked.
const KeyPrefix = "fdk_"

// Key is an API key without its secret.
type Key struct {
	Tenant    string
	ID        string
	Name      string
	Hint      string // the last four characters
	Scopes    []Permission
	CreatedBy string
	CreatedAt int64
	ExpiresAt int64 // 0: never
	UsedAt    int64 // to the minute; 0: never
	RevokedAt int64
}

// NewKey is what making a key takes.
type NewKey struct {
	Name      string
	Scopes    []Permission
	ExpiresAt int64 // 0: never
}

const keyColumns = `tenant, id, name, hint, scopes, created_by, created_at, expires_at, used_at, revoked_at`

// MakeKey makes a key and returns its secret, which is shown once. Nobody gives a key more than they may do themselves.
func (s *Service) MakeKey(ctx context.Context, actor frontdesk.Actor, in NewKey) (k Key, secret string, err error) {
	in.Name = strings.TrimSpace(in.Name)
	if err := checkText("name", in.Name, 1, 80); err != nil {
		return k, "", err
	}
	if len(in.Scopes) == 0 {
		return k, "", frontdesk.InvalidField("scopes", "A key has at least one scope.")
	}
	for i, p := range in.Scopes {
		if !slices.Contains(Scopes(), p) || slices.Contains(in.Scopes[:i], p) {
			return k, "", frontdesk.InvalidField("scopes", "The scopes of a key are permissions that a program may have, each once.")
		}
		if err := Allow(actor, p); err != nil {
			return k, "", &frontdesk.Error{Kind: frontdesk.Denied, Field: "scopes", Public: "You cannot give a key the scope " + string(p) + ", which you do not hold."}
		}
	}
	now := frontdesk.Micros(s.db.Now())
	if in.ExpiresAt != 0 && in.ExpiresAt <= now {
		return k, "", frontdesk.InvalidField("expires_at", "A key expires in the future.")
	}
	secret = KeyPrefix + frontdesk.Secret()
	k = Key{Tenant: actor.Tenant, ID: frontdesk.NewID(), Name: in.Name, Hint: secret[len(secret)-4:], Scopes: in.Scopes,
		CreatedBy: actor.ID, CreatedAt: now, ExpiresAt: in.ExpiresAt}
	scopes, err := json.Marshal(k.Scopes)
	if err != nil {
		return k, "", err
	}
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		if _, err := tx.Exec(`INSERT INTO api_key (`+keyColumns+`, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, $9)`,
			k.Tenant, k.ID, k.Name, k.Hint, string(scopes), k.CreatedBy, k.CreatedAt, k.ExpiresAt, digest(secret)); err != nil {
			return fmt.Errorf("create key: %w", err)
		}
		changed(tx, actor, "key", k.ID, "created")
		return nil
	})
	return k, secret, err
}

// Key returns one key of a tenant.
func (s *Service) Key(ctx context.Context, tenant, id string) (Key, error) {
	k, err := scanKey(s.db.QueryRow(ctx, `SELECT `+keyColumns+` FROM api_key WHERE tenant = $1 AND id = $2`, tenant, id))
	return k, missing(err, sql.ErrNoRows, "key")
}

// Keys returns up to limit keys of a tenant by id, revoked ones included, after a cursor that is the last id seen.
func (s *Service) Keys(ctx context.Context, tenant, after string, limit int) ([]Key, error) {
	rows, err := s.db.Query(ctx, `SELECT `+keyColumns+` FROM api_key WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`, tenant, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	defer rows.Close()
	var out []Key
	for rows.Next() {
		k, err := scanKey(rows)
		if err != nil {
			return nil, fmt.Errorf("list keys: %w", err)
		}
		out = append(out, k)
	}
	return out, rows.Err()
}

// RevokeKey ends a key at once; a second call changes nothing.
func (s *Service) RevokeKey(ctx context.Context, actor frontdesk.Actor, id string) error {
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		var revoked int64
		err := tx.QueryRow(`SELECT revoked_at FROM api_key WHERE tenant = $1 AND id = $2`, actor.Tenant, id).Scan(&revoked)
		if err := missing(err, sql.ErrNoRows, "key"); err != nil || revoked != 0 {
			return err
		}
		if _, err := tx.Exec(`UPDATE api_key SET revoked_at = $3 WHERE tenant = $1 AND id = $2`, actor.Tenant, id, tx.Now()); err != nil {
			return fmt.Errorf("revoke key %s: %w", id, err)
		}
		changed(tx, actor, "key", id, "revoked")
		return nil
	})
}

var errKey = &frontdesk.Error{Kind: frontdesk.Denied, Public: "This API key is not valid."}

// KeyActor returns the actor that a key's secret names.
func (s *Service) KeyActor(ctx context.Context, secret string) (frontdesk.Actor, error) {
	if !strings.HasPrefix(secret, KeyPrefix) || len(secret) > 64 {
		return frontdesk.Actor{}, errKey
	}
	k, err := scanKey(s.db.QueryRow(ctx, `SELECT `+keyColumns+` FROM api_key WHERE hash = $1`, digest(secret)))
	if errors.Is(err, sql.ErrNoRows) {
		return frontdesk.Actor{}, errKey
	}
	if err != nil {
		return frontdesk.Actor{}, fmt.Errorf("load key: %w", err)
	}
	now := frontdesk.Micros(s.db.Now())
	if k.RevokedAt != 0 || k.ExpiresAt != 0 && now >= k.ExpiresAt {
		return frontdesk.Actor{}, errKey
	}
	if now-k.UsedAt >= touchAfter.Microseconds() {
		err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(`UPDATE api_key SET used_at = $3 WHERE tenant = $1 AND id = $2`, k.Tenant, k.ID, now)
			return err
		})
		if err != nil {
			s.log.WarnContext(ctx, "key's last use was not kept", "err", err)
		}
	}
	return k.Actor(), nil
}

// Actor is the key as the actor of a request.
func (k Key) Actor() frontdesk.Actor {
	a := frontdesk.Actor{Kind: frontdesk.ActorKey, ID: k.ID, Tenant: k.Tenant, Name: k.Name}
	for _, p := range k.Scopes {
		a.Roles = append(a.Roles, string(p))
	}
	return a
}

// Expired reports whether the key can no longer be used at a time.
func (k Key) Expired(at time.Time) bool {
	return k.RevokedAt != 0 || k.ExpiresAt != 0 && frontdesk.Micros(at) >= k.ExpiresAt
}

func scanKey(row interface{ Scan(...any) error }) (Key, error) {
	var k Key
	var scopes string
	if err := row.Scan(&k.Tenant, &k.ID, &k.Name, &k.Hint, &scopes, &k.CreatedBy, &k.CreatedAt, &k.ExpiresAt, &k.UsedAt, &k.RevokedAt); err != nil {
		return k, err
	}
	if err := json.Unmarshal([]byte(scopes), &k.Scopes); err != nil {
		return k, fmt.Errorf("decode scopes of key %s: %w", k.ID, err)
	}
	return k, nil
}
