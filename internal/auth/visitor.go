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
	"time"

	"frontdesk"
)

// How long what visitors hold is good for.
const (
	VisitorTTL = 30 * 24 * time.Hour
	TicketTTL  = 30 * time.Second
)

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
	spent         once
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
	return &Visitors{token: token, ticket: ticket}, nil
}

// Issue returns a token for v that is good for VisitorTTL, and when it ends.
func (vs *Visitors) Issue(v Visitor) (token string, expires time.Time) {
	expires = time.Now().Add(VisitorTTL)
	v.Expires, v.Nonce = expires.Unix(), ""
	return vs.token.sign(v), expires
}

// Verify returns what an unexpired token of ours says, else a Denied error.
func (vs *Visitors) Verify(token string) (Visitor, error) {
	return vs.token.visitor(token, "token")
}

// Ticket returns a ticket that opens one socket within TicketTTL.
func (vs *Visitors) Ticket(v Visitor) string {
	v.Expires, v.Nonce = time.Now().Add(TicketTTL).Unix(), rand.Text()
	return vs.ticket.sign(v)
}

// Redeem returns what a ticket says and uses it up; a second call with it is Denied.
func (vs *Visitors) Redeem(ticket string) (Visitor, error) {
	v, err := vs.ticket.visitor(ticket, "ticket")
	if err != nil {
		return v, err
	}
	if err := vs.spent.use(v.Nonce); err != nil {
		return Visitor{}, err
	}
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

func (r keyring) sign(v any) string {
	payload, err := json.Marshal(v)
	if err != nil {
		panic(err) // a struct of strings and an integer
	}
	body := r.kid + "." + b64.EncodeToString(payload)
	return body + "." + b64.EncodeToString(mac(r.keys[r.kid], body))
}

// visitor opens what was signed for a visitor.
func (r keyring) visitor(s, what string) (v Visitor, err error) {
	if err := r.open(s, what, &v); err != nil {
		return Visitor{}, err
	}
	if v.Tenant == "" || v.Site == "" || v.Visitor == "" {
		return Visitor{}, frontdesk.Errorf(frontdesk.Denied, "This %s is not valid.", what)
	}
	return v, expired(v.Expires, what)
}

func expired(seconds int64, what string) error {
	if time.Now().Unix() >= seconds {
		return frontdesk.Errorf(frontdesk.Denied, "This %s has expired.", what)
	}
	return nil
}

// open checks signature before content, and tells a stranger nothing about which failed. The caller checks the content.
func (r keyring) open(s, what string, out any) error {
	denied := frontdesk.Errorf(frontdesk.Denied, "This %s is not valid.", what)
	if len(s) > 2048 {
		return denied
	}
	dot := strings.LastIndexByte(s, '.')
	kid, payload, ok := strings.Cut(s[:max(dot, 0)], ".")
	key := r.keys[kid]
	if !ok || key == nil {
		return denied
	}
	sum, err := b64.DecodeString(s[dot+1:])
	if err != nil || !hmac.Equal(sum, mac(key, s[:dot])) {
		return denied
	}
	raw, err := b64.DecodeString(payload)
	if err != nil || json.Unmarshal(raw, out) != nil {
		return denied
	}
	return nil
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}
