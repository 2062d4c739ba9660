package auth

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/alexedwards/argon2id"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Staff is a person of the company who signs in.
type Staff struct {
	Tenant    string
	ID        string
	Email     string
	Name      string
	Shown     frontdesk.Localized // what customers may call them instead, by their language
	Roles     []Role
	Status    string // Active or Disabled
	CreatedAt int64
	UpdatedAt int64
}

// The states of a member of staff. A disabled one cannot sign in and has no session.
const (
	Active   = "active"
	Disabled = "disabled"
)

// Actor is the member of staff as the actor of a request.
func (m Staff) Actor() frontdesk.Actor {
	return frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: m.ID, Tenant: m.Tenant, Roles: m.Roles, Name: m.Name, Shown: m.Shown}
}

// NewStaff is what making a member of staff takes.
type NewStaff struct {
	Email, Name, Password string
	Shown                 frontdesk.Localized // may be empty
	Roles                 []Role
}

// StaffChange holds what to change; nil leaves a thing as it is.
type StaffChange struct {
	Name   *string
	Shown  *frontdesk.Localized
	Roles  *[]Role
	Status *string
}

const staffColumns = `tenant, id, email, name, shown, roles, status, created_at, updated_at`

// Hire makes a member of staff of actor's tenant.
func (s *Service) Hire(ctx context.Context, actor frontdesk.Actor, in NewStaff) (Staff, error) {
	m, password, err := s.prepare(ctx, in)
	if err != nil {
		return m, err
	}
	m.Tenant = actor.Tenant
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error { return s.insert(tx, actor, &m, password) })
	return m, err
}

// prepare checks what was given and hashes the password, outside any transaction.
func (s *Service) prepare(ctx context.Context, in NewStaff) (Staff, string, error) {
	email, err := normalEmail(in.Email)
	if err != nil {
		return Staff{}, "", err
	}
	m := Staff{ID: frontdesk.NewID(), Email: email, Name: strings.TrimSpace(in.Name), Shown: in.Shown, Roles: in.Roles, Status: Active}
	if err := checkText("name", m.Name, 1, 80); err != nil {
		return m, "", err
	}
	if err := checkShown(m.Shown); err != nil {
		return m, "", err
	}
	if err := checkRoles(m.Roles); err != nil {
		return m, "", err
	}
	if err := checkPassword("password", in.Password, email); err != nil {
		return m, "", err
	}
	password, err := s.hash(ctx, in.Password)
	return m, password, err
}

func (s *Service) insert(tx *sqldb.Tx, actor frontdesk.Actor, m *Staff, password string) error {
	roles, err := json.Marshal(m.Roles)
	if err != nil {
		return err
	}
	shown, err := json.Marshal(m.Shown)
	if err != nil {
		return err
	}
	m.CreatedAt, m.UpdatedAt = tx.Now(), tx.Now()
	n, err := tx.Exec(`INSERT INTO staff (`+staffColumns+`, password) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		m.Tenant, m.ID, m.Email, m.Name, string(shown), string(roles), m.Status, m.CreatedAt, m.UpdatedAt, password)
	if err != nil {
		return fmt.Errorf("create staff: %w", err)
	}
	if n == 0 {
		return &frontdesk.Error{Kind: frontdesk.Conflict, Field: "email", Public: "Somebody signs in with this address already."}
	}
	changed(tx, actor, "staff", m.ID, "created")
	return nil
}

// Staff returns one member of a tenant's staff.
func (s *Service) Staff(ctx context.Context, tenant, id string) (Staff, error) {
	m, err := scanStaff(s.db.QueryRow(ctx, `SELECT `+staffColumns+` FROM staff WHERE tenant = $1 AND id = $2 AND deleted_at = 0`, tenant, id))
	return m, missing(err, sql.ErrNoRows, "member of staff")
}

// StaffList returns up to limit members of a tenant's staff by id, after a cursor that is the last id seen.
func (s *Service) StaffList(ctx context.Context, tenant, after string, limit int) ([]Staff, error) {
	rows, err := s.db.Query(ctx, `SELECT `+staffColumns+` FROM staff
		WHERE tenant = $1 AND id > $2 AND deleted_at = 0 ORDER BY id LIMIT $3`, tenant, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list staff: %w", err)
	}
	defer rows.Close()
	var out []Staff
	for rows.Next() {
		m, err := scanStaff(rows)
		if err != nil {
			return nil, fmt.Errorf("list staff: %w", err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

// ChangeStaff changes a member of staff. Whoever is disabled loses their sessions; a tenant keeps an active owner.
func (s *Service) ChangeStaff(ctx context.Context, actor frontdesk.Actor, id string, c StaffChange) (Staff, error) {
	if c.Name != nil {
		name := strings.TrimSpace(*c.Name)
		c.Name = &name
		if err := checkText("name", name, 1, 80); err != nil {
			return Staff{}, err
		}
	}
	if c.Shown != nil {
		if err := checkShown(*c.Shown); err != nil {
			return Staff{}, err
		}
	}
	if c.Roles != nil {
		if err := checkRoles(*c.Roles); err != nil {
			return Staff{}, err
		}
	}
	if c.Status != nil && *c.Status != Active && *c.Status != Disabled {
		return Staff{}, frontdesk.InvalidField("status", "A member of staff is active or disabled.")
	}
	var m Staff
	err := s.db.Write(ctx, func(tx *sqldb.Tx) (err error) {
		if m, err = lockStaff(tx, actor.Tenant, id); err != nil {
			return err
		}
		if c.Name != nil {
			m.Name = *c.Name
		}
		if c.Shown != nil {
			m.Shown = *c.Shown
		}
		if c.Roles != nil {
			m.Roles = *c.Roles
		}
		if c.Status != nil {
			m.Status = *c.Status
		}
		roles, err := json.Marshal(m.Roles)
		if err != nil {
			return err
		}
		shown, err := json.Marshal(m.Shown)
		if err != nil {
			return err
		}
		m.UpdatedAt = max(tx.Now(), m.UpdatedAt+1)
		if _, err := tx.Exec(`UPDATE staff SET name = $3, shown = $4, roles = $5, status = $6, updated_at = $7 WHERE tenant = $1 AND id = $2`,
			m.Tenant, m.ID, m.Name, string(shown), string(roles), m.Status, m.UpdatedAt); err != nil {
			return fmt.Errorf("change staff %s: %w", id, err)
		}
		if m.Status == Disabled {
			if err := signOutAll(tx, m.Tenant, id, ""); err != nil {
				return err
			}
		}
		changed(tx, actor, "staff", id, "updated")
		return keepsOwner(tx, m.Tenant)
	})
	return m, err
}

// checkShown refuses names that could pass for something else, and more of them than there are languages to show.
func checkShown(names frontdesk.Localized) error {
	if len(names) > 20 {
		return frontdesk.InvalidField("names", "At most 20 languages can have a name.")
	}
	for language, name := range names {
		if err := checkText("names."+language, name, 1, 80); err != nil {
			return err
		}
	}
	return nil
}

// Dismiss takes a member of staff away with their sessions. What they did keeps their id.
func (s *Service) Dismiss(ctx context.Context, actor frontdesk.Actor, id string) error {
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		if _, err := lockStaff(tx, actor.Tenant, id); err != nil {
			return err
		}
		// The hash goes: nothing may sign in by a row that is kept for its name only.
		if _, err := tx.Exec(`UPDATE staff SET deleted_at = $3, status = $4, password = '' WHERE tenant = $1 AND id = $2`,
			actor.Tenant, id, tx.Now(), Disabled); err != nil {
			return fmt.Errorf("delete staff %s: %w", id, err)
		}
		if err := signOutAll(tx, actor.Tenant, id, ""); err != nil {
			return err
		}
		changed(tx, actor, "staff", id, "deleted")
		return keepsOwner(tx, actor.Tenant)
	})
}

// SetPassword gives another member of staff a new password and ends their sessions.
func (s *Service) SetPassword(ctx context.Context, actor frontdesk.Actor, id, password string) error {
	m, err := s.Staff(ctx, actor.Tenant, id)
	if err != nil {
		return err
	}
	return s.setPassword(ctx, actor, m, password, "")
}

// ChangeOwnPassword replaces actor's password after proof of the current one, and ends all their sessions but keep.
func (s *Service) ChangeOwnPassword(ctx context.Context, actor frontdesk.Actor, current, password, keep, ip string) error {
	m, err := s.Staff(ctx, actor.Tenant, actor.ID)
	if err != nil {
		return err
	}
	// Guessing here is held back like guessing at the door: a session left open is not a way around it.
	if err := s.attempt(ctx, m.Email, ip); err != nil {
		return err
	}
	var hash string
	if err := s.db.QueryRow(ctx, `SELECT password FROM staff WHERE tenant = $1 AND id = $2`, m.Tenant, m.ID).Scan(&hash); err != nil {
		return fmt.Errorf("load password: %w", err)
	}
	free, err := s.slot(ctx)
	if err != nil {
		return err
	}
	ok, err := argon2id.ComparePasswordAndHash(current, hash)
	free()
	if err != nil {
		return fmt.Errorf("compare password: %w", err)
	}
	if !ok {
		return frontdesk.InvalidField("current", "This is not the current password.")
	}
	return s.setPassword(ctx, actor, m, password, keep)
}

func (s *Service) setPassword(ctx context.Context, actor frontdesk.Actor, m Staff, password, keep string) error {
	if err := checkPassword("password", password, m.Email); err != nil {
		return err
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		if _, err := lockStaff(tx, m.Tenant, m.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE staff SET password = $3, updated_at = $4 WHERE tenant = $1 AND id = $2`, m.Tenant, m.ID, hash, tx.Now()); err != nil {
			return fmt.Errorf("set password: %w", err)
		}
		if err := signOutAll(tx, m.Tenant, m.ID, keep); err != nil {
			return err
		}
		changed(tx, actor, "staff", m.ID, "password_changed")
		return nil
	})
}

// lockStaff reads a member of staff and holds the tenant until the transaction ends, so that two owners cannot take each
// other's role at once.
func lockStaff(tx *sqldb.Tx, tenant, id string) (Staff, error) {
	if _, err := tx.Exec(`UPDATE tenant SET id = id WHERE id = $1`, tenant); err != nil {
		return Staff{}, fmt.Errorf("lock tenant: %w", err)
	}
	m, err := scanStaff(tx.QueryRow(`SELECT `+staffColumns+` FROM staff WHERE tenant = $1 AND id = $2 AND deleted_at = 0`, tenant, id))
	return m, missing(err, sql.ErrNoRows, "member of staff")
}

func keepsOwner(tx *sqldb.Tx, tenant string) error {
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM staff WHERE tenant = $1 AND deleted_at = 0 AND status = $2 AND roles LIKE '%"owner"%'`,
		tenant, Active).Scan(&n); err != nil {
		return fmt.Errorf("count owners: %w", err)
	}
	if n == 0 {
		return frontdesk.Errorf(frontdesk.Conflict, "A company keeps at least one active owner.")
	}
	return nil
}

func scanStaff(row interface{ Scan(...any) error }) (Staff, error) {
	var m Staff
	var roles, shown string
	if err := row.Scan(&m.Tenant, &m.ID, &m.Email, &m.Name, &shown, &roles, &m.Status, &m.CreatedAt, &m.UpdatedAt); err != nil {
		return m, err
	}
	if err := json.Unmarshal([]byte(roles), &m.Roles); err != nil {
		return m, fmt.Errorf("decode roles of staff %s: %w", m.ID, err)
	}
	if err := json.Unmarshal([]byte(shown), &m.Shown); err != nil {
		return m, fmt.Errorf("decode shown names of staff %s: %w", m.ID, err)
	}
	return m, nil
}
