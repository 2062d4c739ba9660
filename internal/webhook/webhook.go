// Package webhook tells other systems what happened: it turns events into outbox items for the subscriptions that want
// them, and sends those as signed HTTP requests.
//
// Delivery is at least once and not in order; a receiver tells repeats by Idempotency-Key and order by the event's pos. The
// body is the event as docs/events.md describes it: ids and masked text, nothing personal. Requests go only where netguard
// permits, follow no redirect, and carry a signature that Verify checks.
package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/netguard"
	"frontdesk/internal/outbox"
	"frontdesk/internal/sqldb"
)

// Channel is the webhooks' channel in the outbox.
const Channel = "webhook"

// The headers of a request.
const (
	HeaderSignature = "Frontdesk-Signature" // t=unix seconds,v1=hex HMAC-SHA256 of "t.body"
	HeaderEvent     = "Frontdesk-Event"     // the event's type
	HeaderDelivery  = "Frontdesk-Delivery"  // the item's id, the same for each attempt and replay
	HeaderKey       = "Idempotency-Key"     // the same however often an event is sent to a subscription
)

// maxWebhooks bounds a tenant's subscriptions: each event becomes an item for each of them.
const maxWebhooks = 20

// Webhook is a subscription.
type Webhook struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Types     []string `json:"types"` // event types; empty means all
	Active    bool     `json:"active"`
	Failing   int64    `json:"failing"` // deliveries of the last days that failed and have not arrived
	CreatedAt int64    `json:"created_at"`
	UpdatedAt int64    `json:"updated_at"`
}

// Service owns the subscriptions. It is safe for concurrent use. Its methods trust that the caller has checked the actor.
type Service struct {
	db     *sqldb.DB
	vault  *compliance.Vault
	policy netguard.Policy
	client *http.Client
}

// New makes the service; policy says where requests may go.
func New(db *sqldb.DB, vault *compliance.Vault, policy netguard.Policy) *Service {
	c := policy.Client(10 * time.Second)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a signed body is for one receiver
	return &Service{db: db, vault: vault, policy: policy, client: c}
}

// Create stores a subscription and returns it with its signing secret, which is shown this once.
func (s *Service) Create(ctx context.Context, tenant, address string, types []string) (w Webhook, secret string, err error) {
	if err := s.check(address, types); err != nil {
		return w, "", err
	}
	w = Webhook{ID: frontdesk.NewID(), URL: address, Types: append([]string{}, types...), Active: true}
	secret = "whsec_" + frontdesk.Secret()
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		var n int
		if err := tx.QueryRow("SELECT count(*) FROM webhook WHERE tenant = $1", tenant).Scan(&n); err != nil {
			return err
		}
		if n >= maxWebhooks {
			return frontdesk.Errorf(frontdesk.Limited, "a tenant can have %d webhooks", maxWebhooks)
		}
		sealed, err := s.vault.SealSecret(tx, tenant, purpose(w.ID), []byte(secret))
		if err != nil {
			return err
		}
		w.CreatedAt = tx.Now()
		w.UpdatedAt = w.CreatedAt
		if _, err := tx.Exec("INSERT INTO webhook (tenant, id, url, secret, types, active, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, 1, $6, $6)",
			tenant, w.ID, w.URL, sealed, typesText(w.Types), w.CreatedAt); err != nil {
			return err
		}
		tx.Append(changed(ctx, tenant, w.ID))
		return nil
	})
	if err != nil {
		return Webhook{}, "", fmt.Errorf("create webhook: %w", err)
	}
	return w, secret, nil
}

// Update replaces a subscription's address, types and whether it is active.
func (s *Service) Update(ctx context.Context, tenant, id, address string, types []string, active bool) (w Webhook, err error) {
	if err := s.check(address, types); err != nil {
		return w, err
	}
	on := 0
	if active {
		on = 1
	}
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec("UPDATE webhook SET url = $3, types = $4, active = $5, updated_at = $6 WHERE tenant = $1 AND id = $2",
			tenant, id, address, typesText(types), on, tx.Now())
		if err != nil {
			return err
		}
		if n == 0 {
			return errNone
		}
		tx.Append(changed(ctx, tenant, id))
		return nil
	})
	if err != nil {
		return w, fmt.Errorf("update webhook: %w", err)
	}
	return s.Get(ctx, tenant, id)
}

// Delete removes a subscription with its deliveries.
func (s *Service) Delete(ctx context.Context, tenant, id string) error {
	err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
		n, err := tx.Exec("DELETE FROM webhook WHERE tenant = $1 AND id = $2", tenant, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNone
		}
		tx.Append(changed(ctx, tenant, id))
		return outbox.Drop(tx, tenant, Channel, id)
	})
	if err != nil {
		return fmt.Errorf("delete webhook: %w", err)
	}
	return nil
}

var errNone = frontdesk.Errorf(frontdesk.NotFound, "no such webhook")

// List returns a tenant's subscriptions, oldest first.
func (s *Service) List(ctx context.Context, tenant string) ([]Webhook, error) {
	failing, err := outbox.Failing(ctx, s.db, tenant, Channel)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, "SELECT id, url, types, active, created_at, updated_at FROM webhook WHERE tenant = $1 ORDER BY id", tenant)
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	defer rows.Close()
	list := []Webhook{}
	for rows.Next() {
		var w Webhook
		var types string
		if err := rows.Scan(&w.ID, &w.URL, &types, &w.Active, &w.CreatedAt, &w.UpdatedAt); err != nil {
			return nil, fmt.Errorf("list webhooks: %w", err)
		}
		if err := json.Unmarshal([]byte(types), &w.Types); err != nil {
			return nil, fmt.Errorf("webhook %s: types: %w", w.ID, err)
		}
		w.Failing = failing[w.ID]
		list = append(list, w)
	}
	return list, rows.Err()
}

// Get returns one subscription, NotFound if the tenant has none of that id.
func (s *Service) Get(ctx context.Context, tenant, id string) (Webhook, error) {
	list, err := s.List(ctx, tenant) // there are few
	if err != nil {
		return Webhook{}, err
	}
	for _, w := range list {
		if w.ID == id {
			return w, nil
		}
	}
	return Webhook{}, errNone
}

// Deliveries returns up to limit deliveries of a subscription, newest first, those older than the delivery before if it is
// not empty.
func (s *Service) Deliveries(ctx context.Context, tenant, id, before string, limit int) ([]outbox.Delivery, error) {
	if _, err := s.Get(ctx, tenant, id); err != nil {
		return nil, err
	}
	return outbox.List(ctx, s.db, tenant, Channel, id, before, limit)
}

// Delivery returns one delivery with its attempts.
func (s *Service) Delivery(ctx context.Context, tenant, delivery string) (outbox.Delivery, []outbox.Attempt, error) {
	return outbox.Get(ctx, s.db, tenant, Channel, delivery)
}

// Replay has a delivery sent again.
func (s *Service) Replay(ctx context.Context, tenant, delivery string) error {
	return outbox.Replay(ctx, s.db, tenant, Channel, delivery)
}

// check refuses an address or types that can never work.
func (s *Service) check(address string, types []string) error {
	if _, err := s.policy.CheckURL(address); err != nil {
		return err
	}
	for i, t := range types {
		if !slices.Contains(frontdesk.EventTypes, t) {
			return frontdesk.InvalidField(fmt.Sprintf("types[%d]", i), "is not an event type")
		}
	}
	return nil
}

func purpose(id string) string { return "webhook " + id }

func typesText(types []string) string {
	text, _ := json.Marshal(append([]string{}, types...)) // strings always marshal
	return string(text)
}

func changed(ctx context.Context, tenant, id string) frontdesk.Event {
	e := frontdesk.Event{Tenant: tenant, Type: frontdesk.EvConfigChanged, Subject: "webhook:" + id}
	if a := frontdesk.ActorFrom(ctx); a.Kind != "" {
		e.Actor = string(a.Kind) + ":" + a.ID
	}
	return e
}

// Consumer is the side stream that puts events into the outbox. Run it with sqldb.RunConsumer on every node.
func (s *Service) Consumer() sqldb.Consumer {
	return sqldb.Consumer{Name: "webhook", Handle: enqueue}
}

// enqueue makes an item of each event for each active subscription that wants it.
func enqueue(tx *sqldb.Tx, events []frontdesk.Event) error {
	subscribed := map[string][]Webhook{}
	for _, e := range events {
		list, known := subscribed[e.Tenant]
		if !known {
			var err error
			if list, err = active(tx, e.Tenant); err != nil {
				return fmt.Errorf("read webhooks: %w", err)
			}
			subscribed[e.Tenant] = list
		}
		var body []byte
		for _, w := range list {
			if len(w.Types) > 0 && !slices.Contains(w.Types, e.Type) || e.At < w.CreatedAt {
				continue
			}
			if body == nil {
				var err error
				if body, err = json.Marshal(e); err != nil {
					return fmt.Errorf("event %s: %w", e.ID, err)
				}
			}
			if _, err := outbox.Put(tx, outbox.Item{Tenant: e.Tenant, Channel: Channel, Target: w.ID, Payload: body, Key: w.ID + ":" + e.ID}); err != nil {
				return err
			}
		}
	}
	return nil
}

func active(tx *sqldb.Tx, tenant string) (list []Webhook, err error) {
	rows, err := tx.Query("SELECT id, types, created_at FROM webhook WHERE tenant = $1 AND active = 1", tenant)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var w Webhook
		var types string
		if err := rows.Scan(&w.ID, &types, &w.CreatedAt); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(types), &w.Types); err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, rows.Err()
}

// Send is the outbox's sender for Channel: one signed POST. 2xx has arrived; 410 says never again; all else may work later.
func (s *Service) Send(ctx context.Context, it outbox.Item) outbox.Result {
	var address string
	var sealed, before []byte
	var until int64
	var on bool
	err := s.db.QueryRow(ctx, "SELECT url, secret, secret_before, before_until, active FROM webhook WHERE tenant = $1 AND id = $2", it.Tenant, it.Target).
		Scan(&address, &sealed, &before, &until, &on)
	if err != nil {
		return outbox.Result{Err: fmt.Errorf("read webhook: %w", err)}
	}
	if !on {
		return outbox.Result{Err: errors.New("webhook is switched off"), Permanent: true}
	}
	signature, err := s.signature(ctx, it.Tenant, it.Target, sealed, before, until, it.Payload)
	if err != nil {
		return outbox.Result{Err: err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(it.Payload))
	if err != nil {
		return outbox.Result{Err: errors.New("address cannot be used"), Permanent: true}
	}
	var event struct{ Type string }
	if err := json.Unmarshal(it.Payload, &event); err != nil {
		return outbox.Result{Err: errors.New("payload is not an event"), Permanent: true}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Frontdesk-Webhook/1")
	r.Header.Set(HeaderEvent, event.Type)
	r.Header.Set(HeaderDelivery, it.ID)
	r.Header.Set(HeaderKey, it.Key)
	r.Header.Set(HeaderSignature, signature)
	answer, err := s.client.Do(r)
	if err != nil {
		return outbox.Result{Err: withoutAddress(err), Down: true}
	}
	defer answer.Body.Close()
	head, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if err != nil {
		head = append(head, " (cut off)"...) // the status is the answer; the text is for people
	}
	result := outbox.Result{Status: answer.StatusCode, Response: string(head)}
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
	case code == http.StatusGone:
		result.Err, result.Permanent = errors.New("410: the receiver wants no more"), true
	default:
		result.Err = fmt.Errorf("answered %d", code)
		result.Down = code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable || code == http.StatusBadGateway || code == http.StatusGatewayTimeout
		if seconds, e := strconv.Atoi(answer.Header.Get("Retry-After")); e == nil && seconds > 0 {
			result.RetryAfter = time.Duration(min(seconds, 3600)) * time.Second
		}
	}
	return result
}

// withoutAddress keeps out of the log what an address may hold as a secret, and what it resolves to on the inside.
func withoutAddress(err error) error {
	if errors.Is(err, netguard.ErrRefused) {
		return netguard.ErrRefused
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// Sign returns the signature header's value for a body sent at that time.
func Sign(secret string, body []byte, at time.Time) string {
	return sign(body, at, secret)
}

// sign signs a body with each secret: a receiver takes it if one of them is its own.
func sign(body []byte, at time.Time, secrets ...string) string {
	t := strconv.FormatInt(at.Unix(), 10)
	header := "t=" + t
	for _, secret := range secrets {
		header += ",v1=" + hex.EncodeToString(mac(secret, t, body))
	}
	return header
}

func mac(secret, t string, body []byte) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}

// Tolerance is the age a signature may have; older ones may be replays by a stranger.
const Tolerance = 5 * time.Minute

// Verify checks a request's signature header as a receiver does: right for this body, and not older than tolerance (0 is
// Tolerance). Receivers in other languages do the same four steps: docs/events.md.
func Verify(secret, header string, body []byte, now time.Time, tolerance time.Duration) error {
	var t string
	var signatures [][]byte
	for field := range strings.SplitSeq(header, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch key {
		case "t":
			t = value
		case "v1":
			if b, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, b)
			}
		}
	}
	seconds, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(signatures) == 0 {
		return frontdesk.Errorf(frontdesk.Denied, "signature is missing or malformed")
	}
	want, ok := mac(secret, t, body), 0
	for _, got := range signatures {
		ok |= subtle.ConstantTimeCompare(got, want)
	}
	if ok != 1 {
		return frontdesk.Errorf(frontdesk.Denied, "signature is wrong")
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > cmp.Or(tolerance, Tolerance) {
		return frontdesk.Errorf(frontdesk.Denied, "signature is too old")
	}
	return nil
}
