package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Service keeps tenants, staff, sessions and API keys. Safe for concurrent use.
type Service struct {
	db      *sqldb.DB
	log     *slog.Logger
	hashing chan struct{} // bounds the memory and processors that password hashing takes
	decoy   string        // what a password is compared to when nobody has the address
	isSetUp atomic.Bool   // never goes back

	followers followers
}

// NewService opens the store. A nil log discards.
func NewService(db *sqldb.DB, log *slog.Logger) (*Service, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Service{db: db, log: log, hashing: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}
	var err error
	if s.decoy, err = argon2id.CreateHash(frontdesk.Secret(), &hashParams); err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	return s, nil
}

// hashParams take 19 MiB and about 30 ms.
var hashParams = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// hashWait is how long a sign-in waits for its turn to hash before it is turned away.
const hashWait = 3 * time.Second

// slot takes a turn to hash; the caller calls free.
func (s *Service) slot(ctx context.Context) (free func(), err error) {
	timer := time.NewTimer(hashWait)
	defer timer.Stop()
	select {
	case s.hashing <- struct{}{}:
		return func() { <-s.hashing }, nil
	case <-timer.C:
		return nil, &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many people are signing in; try again in a moment.", RetryAfter: 5 * time.Second}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Service) hash(ctx context.Context, password string) (string, error) {
	free, err := s.slot(ctx)
	if err != nil {
		return "", err
	}
	defer free()
	h, err := argon2id.CreateHash(password, &hashParams)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return h, nil
}

// FirstRun is what the first page asks for.
type FirstRun struct {
	Tenant   string // the id; empty makes one
	Company  string
	Name     string
	Shown    frontdesk.Localized // of the owner, to customers; may be empty
	Email    string
	Password string
}

// NeedsSetup reports whether no owner was ever made.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	if s.isSetUp.Load() {
		return false, nil
	}
	var done bool
	if err := s.db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM setup WHERE id = 1) OR EXISTS (SELECT 1 FROM staff)`).Scan(&done); err != nil {
		return false, fmt.Errorf("look for an owner: %w", err)
	}
	if done {
		s.isSetUp.Store(true)
	}
	return !done, nil
}

// FirstTenant is the tenant that the first page makes, and what is imported before it was filled in belongs to.
const FirstTenant = "main"

// Setup makes the first tenant with its owner, and in the same transaction what also makes (bot and site). Of any number of
// callers at once, on any node, one succeeds; the others and all later ones get a Conflict.
func (s *Service) Setup(ctx context.Context, in FirstRun, also func(tx *sqldb.Tx, owner frontdesk.Actor) error) (Staff, error) {
	done := frontdesk.Errorf(frontdesk.Conflict, "Frontdesk is set up already. Sign in, or ask an owner for an account.")
	if needed, err := s.NeedsSetup(ctx); err != nil {
		return Staff{}, err
	} else if !needed {
		return Staff{}, done
	}
	owner, err := s.newTenant(ctx, in, also, func(tx *sqldb.Tx) error {
		var staffed bool
		n, err := tx.Exec(`INSERT INTO setup (id, done_at) VALUES (1, $1) ON CONFLICT DO NOTHING`, tx.Now())
		if err == nil && n == 1 {
			err = tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM staff)`).Scan(&staffed)
		}
		if err == nil && (n == 0 || staffed) {
			return done
		}
		return err
	})
	if err == nil {
		s.isSetUp.Store(true)
	}
	return owner, err
}

// AddTenant makes a further tenant with its owner. Its caller is the operator (a command), not a request.
func (s *Service) AddTenant(ctx context.Context, in FirstRun, also func(tx *sqldb.Tx, owner frontdesk.Actor) error) (Staff, error) {
	return s.newTenant(ctx, in, also, func(*sqldb.Tx) error { return nil })
}

func (s *Service) newTenant(ctx context.Context, in FirstRun, also func(*sqldb.Tx, frontdesk.Actor) error, guard func(*sqldb.Tx) error) (Staff, error) {
	if in.Tenant == "" {
		in.Tenant = frontdesk.NewID()
	}
	in.Company = strings.TrimSpace(in.Company)
	if err := checkText("company", in.Company, 1, 80); err != nil {
		return Staff{}, err
	}
	owner, password, err := s.prepare(ctx, NewStaff{Email: in.Email, Name: in.Name, Shown: in.Shown, Password: in.Password, Roles: []Role{Owner}})
	if err != nil {
		return Staff{}, err
	}
	owner.Tenant = in.Tenant
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		if err := guard(tx); err != nil {
			return err
		}
		n, err := tx.Exec(`INSERT INTO tenant (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, in.Tenant, in.Company, tx.Now())
		if err != nil {
			return fmt.Errorf("create tenant: %w", err)
		}
		if n == 0 {
			return &frontdesk.Error{Kind: frontdesk.Conflict, Field: "tenant", Public: "There is a tenant with this id."}
		}
		if err := s.insert(tx, owner.Actor(), &owner, password); err != nil {
			return err
		}
		if also == nil {
			return nil
		}
		return also(tx, owner.Actor())
	})
	return owner, err
}

// Tenant is a company.
type Tenant struct{ ID, Name string }

// Tenants lists all tenants in the order they were made.
func (s *Service) Tenants(ctx context.Context) ([]Tenant, error) {
	rows, err := s.db.Query(ctx, `SELECT id, name FROM tenant ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	defer rows.Close()
	var out []Tenant
	for rows.Next() {
		var t Tenant
		if err := rows.Scan(&t.ID, &t.Name); err != nil {
			return nil, fmt.Errorf("list tenants: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// normalEmail returns the address as it is kept and compared.
func normalEmail(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || len(s) > 254 || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return "", frontdesk.InvalidField("email", "This is not an e-mail address.")
	}
	return s, nil
}

func checkPassword(field, password, email string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < 10:
		return frontdesk.InvalidField(field, "A password has at least 10 characters.")
	case len(password) > 256:
		return frontdesk.InvalidField(field, "A password has at most 256 bytes.")
	case strings.EqualFold(password, email):
		return frontdesk.InvalidField(field, "A password is not the e-mail address.")
	}
	for _, r := range password {
		if first, _ := utf8.DecodeRuneInString(password); r != first {
			return nil
		}
	}
	return frontdesk.InvalidField(field, "A password is more than one character repeated.")
}

func checkText(field, s string, least, most int) error {
	if n := utf8.RuneCountInString(s); n < least || n > most {
		return frontdesk.InvalidField(field, "This has %d to %d characters.", least, most)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
		return frontdesk.InvalidField(field, "This contains control characters.")
	}
	return nil
}

func checkRoles(roles []Role) error {
	if len(roles) == 0 {
		return frontdesk.InvalidField("roles", "A member of staff has at least one role.")
	}
	for i, r := range roles {
		if !slices.Contains(Roles, r) || slices.Contains(roles[:i], r) {
			return frontdesk.InvalidField("roles", "Roles are %s, each once.", strings.Join(Roles, ", "))
		}
	}
	return nil
}

// digest is how a secret of 256 random bits is kept: nothing to guess, so nothing to slow down.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// changed puts a change of configuration into the event log.
func changed(tx *sqldb.Tx, actor frontdesk.Actor, kind, subject, what string) {
	data, err := json.Marshal(map[string]string{"kind": kind, "change": what})
	if err != nil {
		panic(err) // a map of strings
	}
	tx.Append(frontdesk.Event{Tenant: actor.Tenant, Type: frontdesk.EvConfigChanged, Subject: subject,
		Actor: string(actor.Kind) + ":" + actor.ID, Data: data})
}

// missing turns no row into NotFound and leaves other failures as they are.
func missing(err, noRows error, what string) error {
	if errors.Is(err, noRows) {
		return frontdesk.Errorf(frontdesk.NotFound, "There is no such %s.", what)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", what, err)
	}
	return nil
}
