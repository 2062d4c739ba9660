package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
)

const sessionCookie = "fd_session"

// Rates of one actor, and of one address for public routes. A console polls a few times a second; a program may do more.
const (
	actorRate, actorBurst   = 50, 200
	publicRate, publicBurst = 10, 40
)

// bodyTime is how long a body may take to arrive: a slow sender must not hold memory for ever.
const bodyTime = 2 * time.Minute

// guard is what every request of a route passes, in order; only then its input is even read as JSON.
func (s *server) guard(route *Route, next func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := checkAddress(r); err != nil {
			s.fail(w, r, err)
			return
		}
		ip := s.ClientIP(r)
		changes := r.Method != http.MethodGet && r.Method != http.MethodHead
		// A browser always names the page that sends a change. Only our own pages may, whatever the body's type.
		if changes && r.Header.Get("Origin") != "" && !channel.SameOrigin(r) && r.Header.Get("Authorization") == "" {
			s.fail(w, r, frontdesk.Errorf(frontdesk.Denied, "Pages of other sites may not send this."))
			return
		}
		if route.Public {
			if err := s.rates.allow("ip "+ip, publicRate, publicBurst); err != nil {
				s.fail(w, r, err)
				return
			}
		} else {
			actor, held, token, err := s.actor(r)
			if err == nil {
				err = s.rates.allow(string(actor.Kind)+actor.ID, actorRate, actorBurst)
			}
			if err == nil {
				err = auth.Allow(actor, route.Need)
			}
			if err == nil && changes && actor.Kind == frontdesk.ActorStaff && !auth.CheckCSRF(token, r.Header.Get("X-CSRF-Token")) {
				err = frontdesk.Errorf(frontdesk.Denied, "The header X-CSRF-Token is missing or not this session's.")
			}
			if err != nil {
				s.fail(w, r, err)
				return
			}
			r = r.WithContext(context.WithValue(frontdesk.WithActor(r.Context(), actor), credentialKey{}, held))
		}
		if changes {
			conn := http.NewResponseController(w)
			_ = conn.SetReadDeadline(time.Now().Add(bodyTime)) // what has no deadlines is a test's recorder
			b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, route.Limit))
			_ = conn.SetReadDeadline(time.Time{})
			if err != nil {
				s.failBody(w, r, err)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(b))
			if key, sent := r.Header["Idempotency-Key"]; sent && route.Once {
				s.once.serve(s, w, r, key[0], b, next)
				return
			}
		}
		next(w, r)
	}
}

// actor finds out who sends r, by which sign-in. The token is the session's, for the CSRF check.
func (s *server) actor(r *http.Request) (a frontdesk.Actor, held auth.Credential, token string, err error) {
	unknown := func(err error) error {
		if e, ok := errors.AsType[*frontdesk.Error](err); ok && e.Kind == frontdesk.Denied {
			return &ErrorAnswer{status: http.StatusUnauthorized, Fault: Fault{Kind: "denied", Message: e.Public}}
		}
		return err
	}
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, key, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "bearer") {
			key = ""
		}
		a, err := s.Auth.KeyActor(r.Context(), strings.TrimSpace(key))
		return a, auth.Credential{Tenant: a.Tenant, Key: a.ID}, "", unknown(err)
	}
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return a, held, "", unknown(frontdesk.Errorf(frontdesk.Denied, "Sign in, or send an API key."))
	}
	m, v, err := s.Auth.Session(r.Context(), c.Value)
	return m.Actor(), auth.Credential{Tenant: v.Tenant, Staff: v.Staff, Session: v.ID}, c.Value, unknown(err)
}

func (s *server) failBody(w http.ResponseWriter, r *http.Request, err error) {
	a := &ErrorAnswer{status: http.StatusBadRequest, Fault: Fault{Kind: "invalid", Message: "The body did not arrive whole."}}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		a.status, a.Fault.Message = http.StatusRequestEntityTooLarge, "The body is too large."
	}
	s.write(w, a, r)
}

// checkAddress refuses paths and queries that no database takes as text.
func checkAddress(r *http.Request) error {
	bad := func(s string) bool { return !utf8.ValidString(s) || strings.ContainsRune(s, 0) }
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || bad(r.URL.Path) || len(r.URL.RawQuery) > 8192 {
		return frontdesk.Errorf(frontdesk.Invalid, "The address is not well formed.")
	}
	for k, values := range q {
		for _, v := range values {
			if bad(k) || bad(v) {
				return frontdesk.InvalidField(strings.ToValidUTF8(strings.ReplaceAll(k, "\x00", ""), ""), "This is not UTF-8 or contains a zero character.")
			}
		}
	}
	return nil
}

func connectionIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// rates limits how fast each actor and address may ask. It is bounded: full, it forgets those that have not asked for a
// while, and if there is none, all, which is kinder than refusing strangers.
type rates struct {
	factor int // scales all rates
	mu     sync.Mutex
	known  map[string]*limited
}

type limited struct {
	*rate.Limiter
	seen time.Time
}

const maxRates = 20_000

func newRates() *rates { return &rates{factor: 1, known: map[string]*limited{}} }

func (r *rates) allow(who string, perSecond, burst int) error {
	now := time.Now()
	r.mu.Lock()
	l := r.known[who]
	if l == nil {
		if len(r.known) >= maxRates {
			r.forget(now)
		}
		l = &limited{Limiter: rate.NewLimiter(rate.Limit(perSecond*r.factor), burst*r.factor)}
		r.known[who] = l
	}
	l.seen = now
	r.mu.Unlock()
	if !l.AllowN(now, 1) {
		return &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many requests; slow down.", RetryAfter: time.Second}
	}
	return nil
}

// forget makes room; the caller holds the lock.
func (r *rates) forget(now time.Time) {
	for who, l := range r.known {
		if now.Sub(l.seen) > 30*time.Second { // by then every bucket is full again
			delete(r.known, who)
		}
	}
	if len(r.known) >= maxRates {
		clear(r.known)
	}
}
