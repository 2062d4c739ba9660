package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"frontdesk"
)

// How long what visitors hold is good for.
const (
	VisitorTTL = 30 * 24 * time.Hour
	TicketTTL  = 30 * time.Second
)

// maxTickets bounds the tickets remembered as used in one span of TicketTTL. It is far above the rate at which a node can
// open sockets; beyond it redeeming is refused rather than allowed twice.
const maxTickets = 200_000

// Visitor is what a visitor's token says: who speaks, where, and in which conversation.
type Visitor struct {
	Tenant       string `json:"t"`
	Site         string `json:"s"`
	Visitor      string `json:"v"`
	Contact      string `json:"c"`
	Conversation string `json:"n"`
	Expires      int64  `json:"e"` // seconds since 1970; Issue and Ticket fill it
	Nonce        string `json:"o,omitempty"`
}

// Actor is the visitor as the actor of a request.
func (v Visitor) Actor() frontdesk.Actor {
	return frontdesk.Actor{Kind: frontdesk.ActorVisitor, ID: v.Visitor, Tenant: v.Tenant}
}

// Visitors signs and checks what visitors hold. Tokens are not stored: each is the visitor's ids and an expiry under
// HMAC-SHA256, by keys derived from the master key. Tickets open one socket each; the used ones are remembered by this
// node until they expire, so a ticket that is stolen in its 30 seconds could be used once more at another node.
// Safe for concurrent use.
type Visitors struct {
	token, ticket keyring

	mu        sync.Mutex
	used, old map[string]struct{} // nonces of this span and of the one before
	turned    time.Time           // when this span began
}

// NewVisitors derives the signing keys from the master key. Tokens signed under one of the previous master keys still
// verify, so that a key can be replaced without signing visitors out.
func NewVisitors(master []byte, previous ...[]byte) (*Visitors, error) {
	token, err := newKeyring("frontdesk visitor token v1", master, previous)
	if err != nil {
		return nil, err
	}
	ticket, err := newKeyring("frontdesk socket ticket v1", master, previous)
	if err != nil {
		return nil, err
	}
	return &Visitors{token: token, ticket: ticket, used: map[string]struct{}{}, turned: time.Now()}, nil
}

// Issue returns a token for v that is good for VisitorTTL, and when it ends.
func (vs *Visitors) Issue(v Visitor) (token string, expires time.Time) {
	expires = time.Now().Add(VisitorTTL)
	v.Expires, v.Nonce = expires.Unix(), ""
	return vs.token.sign(v), expires
}

// Verify returns what an unexpired token of ours says, else a Denied error.
func (vs *Visitors) Verify(token string) (Visitor, error) {
	return vs.token.open(token, "token")
}

// Ticket returns a ticket that opens one socket within TicketTTL.
func (vs *Visitors) Ticket(v Visitor) string {
	v.Expires, v.Nonce = time.Now().Add(TicketTTL).Unix(), rand.Text()
	return vs.ticket.sign(v)
}

// Redeem returns what a ticket says and uses it up; a second call with it is Denied.
func (vs *Visitors) Redeem(ticket string) (Visitor, error) {
	v, err := vs.ticket.open(ticket, "ticket")
	if err != nil {
		return v, err
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	// A nonce lives through its own span and the next one, which is at least TicketTTL. The extra second covers expiry
	// being kept in whole seconds.
	if now := time.Now(); now.Sub(vs.turned) > TicketTTL+time.Second {
		vs.old, vs.used, vs.turned = vs.used, map[string]struct{}{}, now
	}
	_, inUsed := vs.used[v.Nonce]
	_, inOld := vs.old[v.Nonce]
	if inUsed || inOld || v.Nonce == "" {
		return Visitor{}, frontdesk.Errorf(frontdesk.Denied, "This ticket was used already.")
	}
	if len(vs.used) >= maxTickets {
		return Visitor{}, &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many sockets are being opened.", RetryAfter: 5 * time.Second}
	}
	vs.used[v.Nonce] = struct{}{}
	return v, nil
}

// keyring is the current signing key and those that still verify, each named by a kid that the token carries.
type keyring struct {
	kid  string
	keys map[string][]byte
}

func newKeyring(purpose string, master []byte, previous [][]byte) (keyring, error) {
	r := keyring{keys: map[string][]byte{}}
	for _, m := range append([][]byte{master}, previous...) {
		if len(m) < 16 {
			return r, errors.New("visitor tokens: a master key has at least 16 bytes")
		}
		key, err := hkdf.Key(sha256.New, m, nil, purpose, 32)
		if err != nil {
			return r, fmt.Errorf("derive the key of %s: %w", purpose, err)
		}
		id := sha256.Sum256(append([]byte("kid "), key...))
		kid := base64.RawURLEncoding.EncodeToString(id[:6])
		if r.kid == "" {
			r.kid = kid
		}
		r.keys[kid] = key
	}
	return r, nil
}

var b64 = base64.RawURLEncoding.Strict()

func (r keyring) sign(v Visitor) string {
	payload, err := json.Marshal(v)
	if err != nil {
		panic(err) // a struct of strings and an integer
	}
	body := r.kid + "." + b64.EncodeToString(payload)
	return body + "." + b64.EncodeToString(mac(r.keys[r.kid], body))
}

// open checks signature before content and content before use, and tells a stranger nothing about which failed, save
// that a genuine one has expired.
func (r keyring) open(s, what string) (Visitor, error) {
	denied := frontdesk.Errorf(frontdesk.Denied, "This %s is not valid.", what)
	if len(s) > 2048 {
		return Visitor{}, denied
	}
	dot := strings.LastIndexByte(s, '.')
	kid, payload, ok := strings.Cut(s[:max(dot, 0)], ".")
	key := r.keys[kid]
	if !ok || key == nil {
		return Visitor{}, denied
	}
	sum, err := b64.DecodeString(s[dot+1:])
	if err != nil || !hmac.Equal(sum, mac(key, s[:dot])) {
		return Visitor{}, denied
	}
	raw, err := b64.DecodeString(payload)
	if err != nil {
		return Visitor{}, denied
	}
	var v Visitor
	if json.Unmarshal(raw, &v) != nil || v.Tenant == "" || v.Site == "" || v.Visitor == "" {
		return Visitor{}, denied
	}
	if time.Now().Unix() >= v.Expires {
		return Visitor{}, frontdesk.Errorf(frontdesk.Denied, "This %s has expired.", what)
	}
	return v, nil
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}
