package api

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

const (
	idempotencyTTL    = 24 * time.Hour
	maxIdempotencyKey = 200
	maxKept           = 1 << 20 // a larger answer is not kept
)

// idempotency keeps what POSTs with an Idempotency-Key answered, per tenant and actor. A key is taken before its request
// runs, so of many at once one runs and the others are told to wait. Only a success is kept: a refusal changed nothing and
// may be tried again under its key. If the process dies in between, the key stays taken and says so, for then nobody can
// tell whether the change was made.
type idempotency struct {
	db   *sqldb.DB
	aead cipher.AEAD
}

func newIdempotency(db *sqldb.DB, master []byte) (*idempotency, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "frontdesk kept answer v1", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of kept answers: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &idempotency{db, aead}, err
}

// kept is a row of the table.
type kept struct {
	request string
	status  int
	header  string
	body    []byte
	created int64
}

// serve runs next once for the key, or gives its first answer again.
func (d *idempotency) serve(s *server, w http.ResponseWriter, r *http.Request, key string, body []byte, next func(http.ResponseWriter, *http.Request)) {
	ctx := r.Context()
	if len(key) > maxIdempotencyKey || !visible(key) {
		s.fail(w, r, frontdesk.InvalidField("Idempotency-Key", "A key has 1 to %d visible ASCII characters.", maxIdempotencyKey))
		return
	}
	a := frontdesk.ActorFrom(ctx)
	actor := string(a.Kind) + ":" + a.ID
	request := requestHash(r, body)
	first, old, err := d.take(ctx, a.Tenant, actor, key, request)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if !first {
		d.again(s, w, r, actor, key, request, old)
		return
	}
	rec := &recorder{header: w.Header()}
	done := false
	defer func() {
		// Keeping must not end with the caller's connection, and comes before the answer: a repeat that follows finds it.
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer stop()
		var err error
		if done && rec.status/100 == 2 && rec.body.Len() <= maxKept {
			err = d.keep(ctx, a.Tenant, actor, key, rec)
		} else {
			err = d.release(ctx, a.Tenant, actor, key)
		}
		if err != nil {
			s.Log.ErrorContext(ctx, "answer was not kept", "request_id", requestID(ctx), "error", err)
		}
		if done {
			w.WriteHeader(rec.status)
			w.Write(rec.body.Bytes())
		}
	}()
	next(rec, r)
	rec.WriteHeader(http.StatusOK)
	done = true
}

func (d *idempotency) take(ctx context.Context, tenant, actor, key, request string) (first bool, old kept, err error) {
	err = d.db.Write(ctx, func(tx *sqldb.Tx) error {
		now := tx.Now()
		if _, err := tx.Exec(`DELETE FROM idempotency WHERE tenant = $1 AND actor = $2 AND id = $3 AND expires_at < $4`, tenant, actor, key, now); err != nil {
			return fmt.Errorf("drop an old answer: %w", err)
		}
		n, err := tx.Exec(`INSERT INTO idempotency (tenant, actor, id, request, status, header, body, created_at, expires_at)
			VALUES ($1, $2, $3, $4, 0, '', $5, $6, $7) ON CONFLICT DO NOTHING`, tenant, actor, key, request, []byte{}, now, now+idempotencyTTL.Microseconds())
		if err != nil {
			return fmt.Errorf("take idempotency key: %w", err)
		}
		if first = n == 1; first {
			return nil
		}
		err = tx.QueryRow(`SELECT request, status, header, body, created_at FROM idempotency WHERE tenant = $1 AND actor = $2 AND id = $3`,
			tenant, actor, key).Scan(&old.request, &old.status, &old.header, &old.body, &old.created)
		if err != nil {
			return fmt.Errorf("load kept answer: %w", err)
		}
		return nil
	})
	return first, old, err
}

// again answers a key that was used before.
func (d *idempotency) again(s *server, w http.ResponseWriter, r *http.Request, actor, key, request string, old kept) {
	switch {
	case old.request != request:
		s.fail(w, r, &frontdesk.Error{Kind: frontdesk.Conflict, Field: "Idempotency-Key", Public: "This key was used for another request."})
	case old.status == 0 && time.Since(frontdesk.FromMicros(old.created)) > time.Minute:
		s.fail(w, r, frontdesk.Errorf(frontdesk.Conflict, "The first request with this key was cut off. Look whether its change was made before you send it under a new key."))
	case old.status == 0:
		s.fail(w, r, &frontdesk.Error{Kind: frontdesk.Conflict, Public: "The first request with this key is still under way.", RetryAfter: time.Second})
	default:
		plain, err := d.open(frontdesk.ActorFrom(r.Context()).Tenant, actor, key, old.body)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		var header map[string]string
		if err := json.Unmarshal([]byte(old.header), &header); err != nil {
			s.fail(w, r, fmt.Errorf("decode kept answer: %w", err))
			return
		}
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(old.status)
		w.Write(plain)
	}
}

// ForgetAnswers is a sqldb.Retention's Remove: what was kept under Idempotency-Keys, once nobody can ask for it any more.
func ForgetAnswers(tx *sqldb.Tx, before int64, limit int) (int64, error) {
	return tx.Exec(`DELETE FROM idempotency WHERE (tenant, actor, id) IN
		(SELECT tenant, actor, id FROM idempotency WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`, before, limit)
}

func (d *idempotency) keep(ctx context.Context, tenant, actor, key string, rec *recorder) error {
	nonce := make([]byte, d.aead.NonceSize())
	rand.Read(nonce)
	sealed := d.aead.Seal(nonce, nonce, rec.body.Bytes(), bound(tenant, actor, key))
	header, err := json.Marshal(map[string]string{"Content-Type": rec.Header().Get("Content-Type")})
	if err != nil {
		return err
	}
	return d.db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`UPDATE idempotency SET status = $4, header = $5, body = $6 WHERE tenant = $1 AND actor = $2 AND id = $3`,
			tenant, actor, key, rec.status, string(header), sealed)
		return err
	})
}

func (d *idempotency) release(ctx context.Context, tenant, actor, key string) error {
	return d.db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`DELETE FROM idempotency WHERE tenant = $1 AND actor = $2 AND id = $3 AND status = 0`, tenant, actor, key)
		return err
	})
}

func (d *idempotency) open(tenant, actor, key string, sealed []byte) ([]byte, error) {
	n := d.aead.NonceSize()
	if len(sealed) < n {
		return nil, fmt.Errorf("kept answer is cut short")
	}
	plain, err := d.aead.Open(nil, sealed[:n], sealed[n:], bound(tenant, actor, key))
	if err != nil {
		return nil, fmt.Errorf("open kept answer: %w", err)
	}
	return plain, nil
}

func bound(tenant, actor, key string) []byte { return []byte(tenant + "\x00" + actor + "\x00" + key) }

func requestHash(r *http.Request, body []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00", r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Get("Content-Type"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// recorder holds an answer back.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
