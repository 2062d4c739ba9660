package compliance

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Scope says for whom and where a value is sealed.
type Scope struct {
	Tenant       string
	Person       string // contact id: whose key seals
	Conversation string // tokens are numbered per conversation and kind
}

// Vault seals personal data and opens it again. It is safe for concurrent use. Its methods with a Tx do no I/O beside it and
// may run again with their transaction.
type Vault struct {
	db     *sqldb.DB
	master aead
	keys   *keyCache
}

// OpenVault opens the vault of a database and proves that masterKey is the one the database was set up with. On a new
// database it stores that proof.
func OpenVault(ctx context.Context, db *sqldb.DB, masterKey []byte) (*Vault, error) {
	master, err := newAEAD(masterKey)
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	v := &Vault{db: db, master: master, keys: newKeyCache(4096)}
	var proof []byte
	err = db.QueryRow(ctx, "SELECT proof FROM vault_master WHERE id = 1").Scan(&proof)
	if errors.Is(err, sql.ErrNoRows) {
		fresh := master.seal([]byte("frontdesk"), "master")
		err = db.Write(ctx, func(tx *sqldb.Tx) error {
			// Of two nodes that start together on a new database one stores its proof; both then read that.
			if _, err := tx.Exec("INSERT INTO vault_master (id, proof, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING", fresh, tx.Now()); err != nil {
				return err
			}
			return tx.QueryRow("SELECT proof FROM vault_master WHERE id = 1").Scan(&proof)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if _, err := master.open(proof, "master"); err != nil {
		return nil, frontdesk.Errorf(frontdesk.Invalid, "wrong master key: this data was sealed with another one; start with the right %s or %s", MasterKeyEnv, MasterKeyFile)
	}
	return v, nil
}

// Seal stores the found values of c and returns c with a token in place of each. The same value in the same conversation
// gets the same token; a token is <kind:number>. The caller's transaction holds the conversation's row.
func (v *Vault) Seal(tx *sqldb.Tx, s Scope, c frontdesk.Content, found []Found) (frontdesk.Content, error) {
	if len(found) == 0 {
		return c, nil
	}
	if s.Tenant == "" || s.Person == "" || s.Conversation == "" {
		return c, frontdesk.Errorf(frontdesk.Internal, "seal: scope is not complete")
	}
	tenant, err := v.tenantKey(tx, s.Tenant)
	if err != nil {
		return c, err
	}
	tokens := make([]string, len(found))
	for i, f := range found {
		if tokens[i], err = v.sealOne(tx, s, tenant, f.Kind, f.Value); err != nil {
			return c, err
		}
	}
	return replace(c, found, func(i int) string { return tokens[i] }), nil
}

// sealOne returns the token of a value, storing it if the conversation does not have it yet.
func (v *Vault) sealOne(tx *sqldb.Tx, s Scope, tenant tenantKey, kind, value string) (string, error) {
	blind := tenant.blind(kind, value)
	for range 10 { // another transaction may take the number first, unless the conversation's row is held
		var token string
		err := tx.QueryRow("SELECT token FROM sealed WHERE tenant = $1 AND conversation = $2 AND kind = $3 AND blind = $4",
			s.Tenant, s.Conversation, kind, blind).Scan(&token)
		if err == nil {
			return token, nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return "", fmt.Errorf("seal: find token: %w", err)
		}
		person, err := v.personKey(tx, s, tenant)
		if err != nil {
			return "", err
		}
		var number int64
		if err := tx.QueryRow("SELECT coalesce(max(number), 0) + 1 FROM sealed WHERE tenant = $1 AND conversation = $2 AND kind = $3",
			s.Tenant, s.Conversation, kind).Scan(&number); err != nil {
			return "", fmt.Errorf("seal: number: %w", err)
		}
		token = Token(kind, number)
		stored, err := tx.Exec(`INSERT INTO sealed (tenant, conversation, token, kind, number, person, cipher, blind, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
			s.Tenant, s.Conversation, token, kind, number, s.Person, person.seal([]byte(value), binding(s.Tenant, s.Person, kind)), blind, tx.Now())
		if err != nil {
			return "", fmt.Errorf("seal: store: %w", err)
		}
		if stored == 1 {
			return token, nil
		}
	}
	return "", frontdesk.Errorf(frontdesk.Conflict, "seal: conversation is sealed into from too many places at once")
}

// Token is what stands in a stored message for a sealed value.
func Token(kind string, number int64) string {
	return "<" + kind + ":" + strconv.FormatInt(number, 10) + ">"
}

// Reveal opens the value behind a token of a conversation. It returns NotFound when there is none or when its person was
// erased. The caller has checked that the actor may and writes the audit event.
func (v *Vault) Reveal(ctx context.Context, tenant, conversation, token string) (string, error) {
	var kind, person string
	var cipher []byte
	err := v.db.QueryRow(ctx, "SELECT kind, person, cipher FROM sealed WHERE tenant = $1 AND conversation = $2 AND token = $3",
		tenant, conversation, token).Scan(&kind, &person, &cipher)
	if errors.Is(err, sql.ErrNoRows) {
		return "", frontdesk.Errorf(frontdesk.NotFound, "no such token")
	}
	if err != nil {
		return "", fmt.Errorf("reveal: %w", err)
	}
	erased := frontdesk.Errorf(frontdesk.NotFound, "the value was erased")
	if len(cipher) == 0 {
		return "", erased
	}
	var wrappedTenant, wrapped []byte
	err = v.db.QueryRow(ctx, `SELECT t.wrapped, p.wrapped FROM vault_tenant_key t JOIN vault_person_key p ON p.tenant = t.tenant
		WHERE t.tenant = $1 AND p.person = $2`, tenant, person).Scan(&wrappedTenant, &wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		return "", erased
	}
	if err != nil {
		return "", fmt.Errorf("reveal: read keys: %w", err)
	}
	tk, err := v.unwrapTenant(tenant, wrappedTenant)
	if err != nil {
		return "", err
	}
	pk, err := v.unwrapPerson(tk, tenant, person, wrapped)
	if err != nil {
		return "", err
	}
	value, err := pk.open(cipher, binding(tenant, person, kind))
	if err != nil {
		return "", fmt.Errorf("reveal %s: %w", token, err)
	}
	return string(value), nil
}

// Find returns the contacts for whom a value was sealed, without opening anything. The value may have separators. Values
// of erased people are not found.
func (v *Vault) Find(ctx context.Context, tenant, kind, value string) ([]string, error) {
	var wrapped []byte
	err := v.db.QueryRow(ctx, "SELECT wrapped FROM vault_tenant_key WHERE tenant = $1", tenant).Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find sealed value: %w", err)
	}
	key, err := v.unwrapTenant(tenant, wrapped)
	if err != nil {
		return nil, err
	}
	rows, err := v.db.Query(ctx, "SELECT DISTINCT person FROM sealed WHERE tenant = $1 AND kind = $2 AND blind = $3 ORDER BY person LIMIT 100",
		tenant, kind, key.blind(kind, Normalise(kind, value)))
	if err != nil {
		return nil, fmt.Errorf("find sealed value: %w", err)
	}
	defer rows.Close()
	var people []string
	for rows.Next() {
		var p string
		if err := rows.Scan(&p); err != nil {
			return nil, fmt.Errorf("find sealed value: %w", err)
		}
		people = append(people, p)
	}
	return people, rows.Err()
}

// Normalise returns a value of a kind as Detect writes it, or value itself, trimmed, if it is not one.
func Normalise(kind, value string) string {
	value = strings.TrimSpace(value)
	for _, s := range spansOf(value) {
		if s.Kind == kind {
			return s.Value
		}
	}
	return value
}

// ShredPerson is Shred for a vault that is in use: it lets go of the key in memory, too.
func (v *Vault) ShredPerson(tx *sqldb.Tx, tenant, person string) error {
	wrapped, err := shred(tx, tenant, person)
	if err == nil {
		v.keys.drop(binding(tenant, person, "person"), wrapped)
	}
	return err
}

// Shred destroys a person's key and the index entries of their values, in the caller's transaction. The tokens stay, and
// open no more. It is not an error if nothing was ever sealed for the person. Whoever merges contacts shreds each of them.
// It needs no master key. The caller appends person.erased.
func Shred(tx *sqldb.Tx, tenant, person string) error {
	_, err := shred(tx, tenant, person)
	return err
}

func shred(tx *sqldb.Tx, tenant, person string) (wrapped []byte, err error) {
	err = tx.QueryRow("DELETE FROM vault_person_key WHERE tenant = $1 AND person = $2 RETURNING wrapped", tenant, person).Scan(&wrapped)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("shred person's key: %w", err)
	}
	rows, err := tx.Query("SELECT conversation, token FROM sealed WHERE tenant = $1 AND person = $2", tenant, person)
	if err != nil {
		return nil, fmt.Errorf("shred sealed values: %w", err)
	}
	defer rows.Close()
	var places [][2]string
	for rows.Next() {
		var p [2]string
		if err := rows.Scan(&p[0], &p[1]); err != nil {
			return nil, fmt.Errorf("shred sealed values: %w", err)
		}
		places = append(places, p)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("shred sealed values: %w", err)
	}
	for _, p := range places {
		// The index entry is a function of the value under a key that lives on: with 10^10 possible phones it would give the
		// value away. The token is as unique in its conversation and stands there instead.
		if _, err := tx.Exec("UPDATE sealed SET cipher = $4, blind = $5 WHERE tenant = $1 AND conversation = $2 AND token = $3",
			tenant, p[0], p[1], []byte{}, []byte("erased "+p[1])); err != nil {
			return nil, fmt.Errorf("shred sealed values: %w", err)
		}
	}
	return wrapped, nil
}

// SealSecret seals a tenant's own secret, such as the key of a webhook, under the tenant's key. purpose binds it to its
// place: a sealed secret moved to another row does not open.
func (v *Vault) SealSecret(tx *sqldb.Tx, tenant, purpose string, secret []byte) ([]byte, error) {
	key, err := v.tenantKey(tx, tenant)
	if err != nil {
		return nil, err
	}
	return key.wrap.seal(secret, binding(tenant, "secret", purpose)), nil
}

// OpenSecret opens what SealSecret sealed.
func (v *Vault) OpenSecret(ctx context.Context, tenant, purpose string, sealed []byte) ([]byte, error) {
	var wrapped []byte
	if err := v.db.QueryRow(ctx, "SELECT wrapped FROM vault_tenant_key WHERE tenant = $1", tenant).Scan(&wrapped); err != nil {
		return nil, fmt.Errorf("read tenant key: %w", err)
	}
	key, err := v.unwrapTenant(tenant, wrapped)
	if err != nil {
		return nil, err
	}
	return key.wrap.open(sealed, binding(tenant, "secret", purpose))
}

// tenantKey returns the tenant's key, made and stored on first use.
func (v *Vault) tenantKey(tx *sqldb.Tx, tenant string) (tenantKey, error) {
	const read = "SELECT wrapped FROM vault_tenant_key WHERE tenant = $1"
	var wrapped []byte
	err := tx.QueryRow(read, tenant).Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		fresh := v.master.seal(randomKey(), binding(tenant, "", "tenant"))
		if _, err := tx.Exec("INSERT INTO vault_tenant_key (tenant, wrapped, created_at) VALUES ($1, $2, $3) ON CONFLICT (tenant) DO NOTHING",
			tenant, fresh, tx.Now()); err != nil {
			return tenantKey{}, fmt.Errorf("store tenant key: %w", err)
		}
		err = tx.QueryRow(read, tenant).Scan(&wrapped)
	}
	if err != nil {
		return tenantKey{}, fmt.Errorf("read tenant key: %w", err)
	}
	return v.unwrapTenant(tenant, wrapped)
}

// personKey returns the person's key, made and stored on first use.
func (v *Vault) personKey(tx *sqldb.Tx, s Scope, tenant tenantKey) (aead, error) {
	const read = "SELECT wrapped FROM vault_person_key WHERE tenant = $1 AND person = $2"
	var wrapped []byte
	err := tx.QueryRow(read, s.Tenant, s.Person).Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		fresh := tenant.wrap.seal(randomKey(), binding(s.Tenant, s.Person, "person"))
		if _, err := tx.Exec("INSERT INTO vault_person_key (tenant, person, wrapped, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, person) DO NOTHING",
			s.Tenant, s.Person, fresh, tx.Now()); err != nil {
			return aead{}, fmt.Errorf("store person key: %w", err)
		}
		err = tx.QueryRow(read, s.Tenant, s.Person).Scan(&wrapped)
	}
	if err != nil {
		return aead{}, fmt.Errorf("read person key: %w", err)
	}
	return v.unwrapPerson(tenant, s.Tenant, s.Person, wrapped)
}

func (v *Vault) unwrapTenant(tenant string, wrapped []byte) (tenantKey, error) {
	bound := binding(tenant, "", "tenant")
	return cached(v.keys, bound, wrapped, func() (tenantKey, error) {
		raw, err := v.master.open(wrapped, bound)
		if err != nil {
			return tenantKey{}, fmt.Errorf("open tenant key: %w", err)
		}
		return newTenantKey(raw)
	})
}

func (v *Vault) unwrapPerson(key tenantKey, tenant, person string, wrapped []byte) (aead, error) {
	bound := binding(tenant, person, "person")
	return cached(v.keys, bound, wrapped, func() (aead, error) {
		raw, err := key.wrap.open(wrapped, bound)
		if err != nil {
			return aead{}, fmt.Errorf("open person key: %w", err)
		}
		return newAEAD(raw)
	})
}

// tenantKey is the two keys that a tenant's secret is spread into: one to wrap people's keys, one for the blind index.
type tenantKey struct {
	wrap  aead
	index []byte
}

func newTenantKey(raw []byte) (tenantKey, error) {
	wrap, err := hkdf.Key(sha256.New, raw, nil, "frontdesk wrap", 32)
	if err != nil {
		return tenantKey{}, err
	}
	index, err := hkdf.Key(sha256.New, raw, nil, "frontdesk blind index", 32)
	if err != nil {
		return tenantKey{}, err
	}
	a, err := newAEAD(wrap)
	return tenantKey{a, index}, err
}

func (k tenantKey) blind(kind, value string) []byte {
	h := hmac.New(sha256.New, k.index)
	h.Write([]byte(binding(kind, value)))
	return h.Sum(nil)
}

func randomKey() []byte {
	key := make([]byte, 32)
	rand.Read(key) // never fails since Go 1.24
	return key
}
