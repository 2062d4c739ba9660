package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/alexedwards/argon2id"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// How long a session lasts: at most SessionTTL, and SessionIdle without a request.
const (
	SessionTTL  = 7 * 24 * time.Hour
	SessionIdle = 12 * time.Hour
)

// touchAfter is how precisely the last use of sessions and keys is kept; it saves a write a request.
const touchAfter = time.Minute

// Session is one sign-in of a member of staff.
type Session struct {
	ID        string
	Tenant    string
	Staff     string
	IP        string
	Browser   string
	CreatedAt int64
	SeenAt    int64
	ExpiresAt int64
}

// Attempt is what a sign-in brings.
type Attempt struct{ Email, Password, IP, Browser string }

// errSignIn is one answer for an unknown address, a wrong password and a disabled account.
var errSignIn = &frontdesk.Error{Kind: frontdesk.Denied, Public: "The address or the password is wrong."}

// SignIn checks a password and opens a session. The token is for the cookie and is not kept. An address that nobody has
// takes as long to refuse as a wrong password.
func (s *Service) SignIn(ctx context.Context, a Attempt) (m Staff, session Session, token string, err error) {
	email, err := normalEmail(a.Email)
	if err != nil {
		return m, session, "", err
	}
	if len(a.Password) > 256 {
		return m, session, "", errSignIn
	}
	free, err := s.slot(ctx) // first of all: it also bounds how fast attempts can be written down
	if err != nil {
		return m, session, "", err
	}
	m, ok, err := s.check(ctx, email, a)
	free()
	if err != nil {
		return m, session, "", err
	}
	if !ok {
		return Staff{}, session, "", errors.Join(errSignIn, s.refused(ctx, m, email, a.IP))
	}
	token = frontdesk.Secret()
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		now := tx.Now()
		session = Session{ID: frontdesk.NewID(), Tenant: m.Tenant, Staff: m.ID, IP: cut(a.IP, 64), Browser: plain(a.Browser, 200),
			CreatedAt: now, SeenAt: now, ExpiresAt: now + SessionTTL.Microseconds()}
		if _, err := tx.Exec(`DELETE FROM session WHERE expires_at < $1`, now); err != nil {
			return fmt.Errorf("drop old sessions: %w", err)
		}
		if _, err := tx.Exec(`INSERT INTO session (tenant, id, staff, token_hash, ip, browser, created_at, seen_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, session.Tenant, session.ID, session.Staff, digest(token), session.IP,
			session.Browser, session.CreatedAt, session.SeenAt, session.ExpiresAt); err != nil {
			return fmt.Errorf("open session: %w", err)
		}
		if err := forgive(tx, email, a.IP); err != nil {
			return err
		}
		tx.Append(frontdesk.Event{Tenant: m.Tenant, Type: frontdesk.EvStaffSignedIn, Subject: m.ID, Actor: "staff:" + m.ID})
		return nil
	})
	return m, session, token, err
}

// check counts the attempt and compares the password; m is whoever has the address, if anybody.
func (s *Service) check(ctx context.Context, email string, a Attempt) (m Staff, ok bool, err error) {
	if err := s.attempt(ctx, email, a.IP); err != nil {
		return m, false, err
	}
	hash := s.decoy
	row := s.db.QueryRow(ctx, `SELECT password, tenant, id FROM staff WHERE email = $1 AND deleted_at = 0`, email)
	err = row.Scan(&hash, &m.Tenant, &m.ID)
	known := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, false, fmt.Errorf("look up staff: %w", err)
	}
	match, err := argon2id.ComparePasswordAndHash(a.Password, hash)
	if err != nil {
		return m, false, fmt.Errorf("compare password: %w", err)
	}
	if !known || !match {
		return m, false, nil
	}
	m, err = s.Staff(ctx, m.Tenant, m.ID)
	return m, err == nil && m.Status == Active, err
}

// refused puts a failed sign-in of a known account into its tenant's log. For an address nobody has it commits as much, so
// that the time taken does not tell which it was.
func (s *Service) refused(ctx context.Context, m Staff, email, ip string) error {
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		if m.ID == "" {
			_, err := tx.Exec(`UPDATE sign_in SET since = since WHERE id = $1`, throttleIDs(email, ip)[2])
			return err
		}
		tx.Append(frontdesk.Event{Tenant: m.Tenant, Type: frontdesk.EvStaffSignInFailed, Subject: m.ID, Actor: "system:"})
		return nil
	})
}

// Throttle: failures allowed in a window, for an account from one address, for all from one address, and for an account
// from everywhere. The last is wide, since it also keeps the account's owner out.
const (
	throttleWindow  = 15 * time.Minute
	throttlePair    = 8
	throttleIP      = 60
	throttleAccount = 200
)

// attempt counts a try before it is made, so that many at once do not all slip under the limit; success takes it back.
func (s *Service) attempt(ctx context.Context, email, ip string) error {
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		now := tx.Now()
		begin := now - throttleWindow.Microseconds()
		if _, err := tx.Exec(`DELETE FROM sign_in WHERE since < $1`, begin); err != nil {
			return fmt.Errorf("forget old sign-ins: %w", err)
		}
		for i, limit := range [...]int64{throttleIP, throttleAccount, throttlePair} {
			var failures, since int64
			err := tx.QueryRow(`INSERT INTO sign_in (id, failures, since) VALUES ($1, 1, $2)
				ON CONFLICT (id) DO UPDATE SET failures = sign_in.failures + 1 RETURNING failures, since`,
				throttleIDs(email, ip)[i], now).Scan(&failures, &since)
			if err != nil {
				return fmt.Errorf("count sign-in: %w", err)
			}
			if failures > limit { // the error takes this attempt's counts back: waiting is enough
				return &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many failed attempts; wait a while and try again.",
					RetryAfter: time.Duration(since-begin) * time.Microsecond}
			}
		}
		return nil
	})
}

// forgive takes back what attempt counted before a success, and all failures of the account from this address.
func forgive(tx *sqldb.Tx, email, ip string) error {
	ids := throttleIDs(email, ip)
	if _, err := tx.Exec(`UPDATE sign_in SET failures = failures - 1 WHERE id IN ($1, $2) AND failures > 0`, ids[0], ids[1]); err != nil {
		return fmt.Errorf("forgive sign-in: %w", err)
	}
	if _, err := tx.Exec(`DELETE FROM sign_in WHERE id = $1`, ids[2]); err != nil {
		return fmt.Errorf("forgive sign-in: %w", err)
	}
	return nil
}

// throttleIDs names the three counters; their order is the order in which rows are locked.
func throttleIDs(email, ip string) [3]string {
	ip = network(ip)
	var out [3]string
	for i, what := range [...]string{"ip\x00" + ip, "account\x00" + email, "pair\x00" + email + "\x00" + ip} {
		sum := sha256.Sum256([]byte(what))
		out[i] = hex.EncodeToString(sum[:16])
	}
	return out
}

// network is the address, or of IPv6 the /64 that one household has at will.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil || a.Unmap().Is4() {
		return ip
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

var errNoSession = &frontdesk.Error{Kind: frontdesk.Denied, Public: "Sign in first."}

// Session returns whose session a cookie's token names, as they are now: roles, status and revocation count at once.
func (s *Service) Session(ctx context.Context, token string) (Staff, Session, error) {
	if len(token) < 40 || len(token) > 64 {
		return Staff{}, Session{}, errNoSession
	}
	var v Session
	err := s.db.QueryRow(ctx, `SELECT tenant, id, staff, ip, browser, created_at, seen_at, expires_at FROM session WHERE token_hash = $1`,
		digest(token)).Scan(&v.Tenant, &v.ID, &v.Staff, &v.IP, &v.Browser, &v.CreatedAt, &v.SeenAt, &v.ExpiresAt)
	if errors.Is(err, sql.ErrNoRows) {
		return Staff{}, Session{}, errNoSession
	}
	if err != nil {
		return Staff{}, Session{}, fmt.Errorf("load session: %w", err)
	}
	now := frontdesk.Micros(s.db.Now())
	if now >= v.ExpiresAt || now-v.SeenAt >= SessionIdle.Microseconds() {
		return Staff{}, Session{}, &frontdesk.Error{Kind: frontdesk.Denied, Public: "This session has ended; sign in again."}
	}
	m, err := s.Staff(ctx, v.Tenant, v.Staff)
	if frontdesk.KindOf(err) == frontdesk.NotFound || err == nil && m.Status != Active {
		return Staff{}, Session{}, errNoSession
	}
	if err != nil {
		return Staff{}, Session{}, err
	}
	if now-v.SeenAt >= touchAfter.Microseconds() {
		err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec(`UPDATE session SET seen_at = $3 WHERE tenant = $1 AND id = $2`, v.Tenant, v.ID, now)
			return err
		})
		if err != nil { // a full disk must not lock out those who could mend it
			s.log.WarnContext(ctx, "session's last use was not kept", "err", err)
		}
	}
	return m, v, nil
}

// Sessions lists a member of staff's open sessions, newest first.
func (s *Service) Sessions(ctx context.Context, tenant, staff string) ([]Session, error) {
	now := frontdesk.Micros(s.db.Now())
	rows, err := s.db.Query(ctx, `SELECT tenant, id, staff, ip, browser, created_at, seen_at, expires_at FROM session
		WHERE tenant = $1 AND staff = $2 AND expires_at > $3 AND seen_at > $4 ORDER BY id DESC LIMIT 200`,
		tenant, staff, now, now-SessionIdle.Microseconds())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	defer rows.Close()
	var out []Session
	for rows.Next() {
		var v Session
		if err := rows.Scan(&v.Tenant, &v.ID, &v.Staff, &v.IP, &v.Browser, &v.CreatedAt, &v.SeenAt, &v.ExpiresAt); err != nil {
			return nil, fmt.Errorf("list sessions: %w", err)
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// SignOut ends one session of a member of staff.
func (s *Service) SignOut(ctx context.Context, tenant, staff, session string) error {
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec(`DELETE FROM session WHERE tenant = $1 AND id = $2 AND staff = $3`, tenant, session, staff)
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if n == 0 {
			return frontdesk.Errorf(frontdesk.NotFound, "There is no such session.")
		}
		data, err := json.Marshal(map[string]string{"session": session})
		if err != nil {
			return err
		}
		tx.Append(frontdesk.Event{Tenant: tenant, Type: frontdesk.EvStaffSignedOut, Subject: staff, Actor: "staff:" + staff, Data: data})
		return nil
	})
}

// SignOutAll ends every session of a member of staff, as when a laptop is lost.
func (s *Service) SignOutAll(ctx context.Context, actor frontdesk.Actor, id string) error {
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		if _, err := lockStaff(tx, actor.Tenant, id); err != nil {
			return err
		}
		changed(tx, actor, "staff", id, "signed_out")
		return signOutAll(tx, actor.Tenant, id, "")
	})
}

// signOutAll ends all sessions of a member of staff but keep.
func signOutAll(tx *sqldb.Tx, tenant, staff, keep string) error {
	if _, err := tx.Exec(`DELETE FROM session WHERE tenant = $1 AND staff = $2 AND id <> $3`, tenant, staff, keep); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// CSRF is the token that a page must send in a header beside its cookie. It is bound to the session's token and tells
// nothing about it, so it needs no storage.
func CSRF(token string) string {
	return b64.EncodeToString(mac([]byte(token), "frontdesk csrf v1"))
}

// CheckCSRF reports whether given is the CSRF token of the session.
func CheckCSRF(token, given string) bool {
	return token != "" && hmac.Equal([]byte(CSRF(token)), []byte(given))
}

func cut(s string, n int) string { return s[:min(n, len(s))] }
