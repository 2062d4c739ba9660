package auth

import (
	"crypto/rand"
	"sync"
	"time"

	"frontdesk"
)

// Tickets opens the sockets of staff. Like a visitor's, a ticket is not stored: it names the session that asked for it, under
// HMAC-SHA256, is good for TicketTTL and opens one socket. Safe for concurrent use.
type Tickets struct {
	ring  keyring
	spent once
}

// NewTickets derives the signing key from the master key.
func NewTickets(master []byte) (*Tickets, error) {
	ring, err := newKeyring("frontdesk staff ticket v1", master, nil)
	return &Tickets{ring: ring}, err
}

// Ticket is what a staff ticket says: whose socket it opens, and by which sign-in.
type Ticket struct {
	Tenant  string `json:"t"`
	Staff   string `json:"s"`
	Session string `json:"i"`
	Expires int64  `json:"e"` // seconds since 1970; Issue fills it
	Nonce   string `json:"o"` // likewise
}

// Issue returns a ticket for a session.
func (ts *Tickets) Issue(t Ticket) string {
	t.Expires, t.Nonce = time.Now().Add(TicketTTL).Unix(), rand.Text()
	return ts.ring.sign(t)
}

// Redeem returns what a ticket says and uses it up; a second call with it is Denied. Whether the session still lives is the
// caller's to ask.
func (ts *Tickets) Redeem(ticket string) (t Ticket, err error) {
	if err := ts.ring.open(ticket, "ticket", &t); err != nil {
		return Ticket{}, err
	}
	if err := expired(t.Expires, "ticket"); err != nil {
		return Ticket{}, err
	}
	return t, ts.spent.use(t.Nonce)
}

// maxTickets bounds the tickets remembered as used in one span of TicketTTL. It is far above the rate at which a node can
// open sockets; beyond it redeeming is refused rather than allowed twice.
const maxTickets = 200_000

// once remembers what was used, for at least TicketTTL. The zero value is ready.
type once struct {
	mu        sync.Mutex
	used, old map[string]struct{} // of this span and of the one before
	turned    time.Time           // when this span began
}

// use is Denied for what was used before.
func (o *once) use(nonce string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	// A nonce lives through its own span and the next one, which is at least TicketTTL. The extra second covers expiry
	// being kept in whole seconds.
	if now := time.Now(); now.Sub(o.turned) > TicketTTL+time.Second {
		o.old, o.used, o.turned = o.used, map[string]struct{}{}, now
	}
	_, inUsed := o.used[nonce]
	_, inOld := o.old[nonce]
	if inUsed || inOld || nonce == "" {
		return frontdesk.Errorf(frontdesk.Denied, "This ticket was used already.")
	}
	if len(o.used) >= maxTickets {
		return &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many sockets are being opened.", RetryAfter: 5 * time.Second}
	}
	o.used[nonce] = struct{}{}
	return nil
}
