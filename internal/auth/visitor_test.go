package auth

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"frontdesk"
)

var (
	master = []byte("a master key for tests, 32 bytes")
	lin    = Visitor{Tenant: "t1", Site: "s1", Visitor: "v1", Contact: "c1", Conversation: "n1"}
)

func visitors(t *testing.T, keys ...string) *Visitors {
	t.Helper()
	var previous [][]byte
	current := master
	if len(keys) > 0 {
		current = []byte(keys[0])
		for _, k := range keys[1:] {
			previous = append(previous, []byte(k))
		}
	}
	vs, err := NewVisitors(current, previous...)
	if err != nil {
		t.Fatal(err)
	}
	return vs
}

func TestTokenLastsThirtyDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vs := visitors(t)
		token, expires := vs.Issue(lin)
		got, err := vs.Verify(token)
		want := lin
		want.Expires = expires.Unix()
		if err != nil || got != want {
			t.Fatalf("verified %+v, %v; want %+v", got, err, want)
		}
		time.Sleep(VisitorTTL - time.Minute)
		if _, err := vs.Verify(token); err != nil {
			t.Fatalf("a minute before the end: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := vs.Verify(token); frontdesk.KindOf(err) != frontdesk.Denied {
			t.Fatalf("after the end: %v", err)
		}
	})
}

func TestMasterKeyCanBeReplaced(t *testing.T) {
	const old, fresh = "the old master key, long enough!", "the new master key, long enough!"
	token, _ := visitors(t, old).Issue(lin)
	if _, err := visitors(t, fresh, old).Verify(token); err != nil {
		t.Errorf("a token of the previous key: %v", err)
	}
	if _, err := visitors(t, fresh).Verify(token); err == nil {
		t.Error("a token of a dropped key was taken")
	}
	if _, err := NewVisitors([]byte("short")); err == nil {
		t.Error("a short master key was taken")
	}
}

// TestForgedTokens changes each character of a token, and uses tokens where tickets belong.
func TestForgedTokens(t *testing.T) {
	vs := visitors(t)
	token, _ := vs.Issue(lin)
	for i := range token {
		changed := []byte(token)
		changed[i] ^= 1
		if got, err := vs.Verify(string(changed)); err == nil && got.Visitor != lin.Visitor {
			t.Fatalf("character %d changed: %+v", i, got)
		}
	}
	for _, s := range []string{"", ".", "..", token[:len(token)-1], token + ".", strings.Repeat("a", 5000), vs.Ticket(lin)} {
		if _, err := vs.Verify(s); err == nil {
			t.Errorf("%.40q was taken for a token", s)
		}
	}
	if _, err := vs.Redeem(token); err == nil {
		t.Error("a token was taken for a ticket")
	}
}

func TestTicketOpensOneSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		vs := visitors(t)
		ticket := vs.Ticket(lin)
		if got, err := vs.Redeem(ticket); err != nil || got.Conversation != "n1" {
			t.Fatalf("first: %+v, %v", got, err)
		}
		late := vs.Ticket(lin)
		for range 40 { // used stays used for as long as it would be valid
			if _, err := vs.Redeem(ticket); err == nil {
				t.Fatal("a ticket opened two sockets")
			}
			time.Sleep(time.Second)
			vs.Redeem(vs.Ticket(lin))
		}
		if _, err := vs.Redeem(late); err == nil {
			t.Fatal("an expired ticket opened a socket")
		}
		for range 5 { // nonces do not pile up
			time.Sleep(TicketTTL + 2*time.Second)
			vs.Redeem(vs.Ticket(lin))
		}
		if n := len(vs.spent.used) + len(vs.spent.old); n > 3 {
			t.Errorf("%d nonces are remembered", n)
		}
	})
}

func TestIdentity(t *testing.T) {
	const secret, previous = "the site's own signing secret", "the one it had before this one"
	vs := visitors(t)
	now := time.Now()
	sign := func(method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
		s, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	claims := func(change ...any) jwt.MapClaims {
		c := jwt.MapClaims{"sub": "u-88", "name": "林小雨", "email": "lin@example.test", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		for i := 0; i < len(change); i += 2 {
			if change[i+1] == nil {
				delete(c, change[i].(string))
			} else {
				c[change[i].(string)] = change[i+1]
			}
		}
		return c
	}
	hs := func(change ...any) string { return sign(jwt.SigningMethodHS256, []byte(secret), claims(change...)) }
	byHand := func(at time.Time, user, key string) string {
		body := fmt.Sprintf("%d.%s", at.Unix(), user)
		return fmt.Sprintf("hmac1.%d.%s.%s", at.Unix(), hex.EncodeToString(mac([]byte(key), body)), user)
	}
	for _, c := range []struct {
		name, signed string
		ok           bool
	}{
		{"current secret", hs(), true},
		{"previous secret", sign(jwt.SigningMethodHS256, []byte(previous), claims()), true},
		{"without iat", hs("iat", nil), true},
		{"clock half a minute ahead", hs("iat", now.Add(30*time.Second).Unix()), true},
		{"other secret", sign(jwt.SigningMethodHS256, []byte("somebody else's signing secret"), claims()), false},
		{"no algorithm", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims()), false},
		{"longer HMAC", sign(jwt.SigningMethodHS512, []byte(secret), claims()), false},
		{"expired", hs("iat", now.Add(-3*time.Hour).Unix(), "exp", now.Add(-2*time.Hour).Unix()), false},
		{"no expiry", hs("exp", nil), false},
		{"two days", hs("exp", now.Add(48*time.Hour).Unix()), false},
		{"two days without iat", hs("iat", nil, "exp", now.Add(48*time.Hour).Unix()), false},
		{"iat in the future to stretch it", hs("iat", now.Add(40*time.Hour).Unix(), "exp", now.Add(48*time.Hour).Unix()), false},
		{"no subject", hs("sub", nil), false},
		{"control character in the subject", hs("sub", "u\x00 88"), false},
		{"empty", "", false},
		{"endless", strings.Repeat("e", 9000), false},
		{"by hand", byHand(now.Add(time.Hour), "u-88", secret), true},
		{"by hand, dots in the id", byHand(now.Add(time.Hour), "u.8.8", secret), true},
		{"by hand, expired", byHand(now.Add(-time.Hour), "u-88", secret), false},
		{"by hand, a year", byHand(now.Add(365*24*time.Hour), "u-88", secret), false},
		{"by hand, other id", byHand(now.Add(time.Hour), "u-88", secret) + "9", false},
		{"by hand, cut", "hmac1.12", false},
	} {
		id, err := vs.Identity(c.signed, secret, previous)
		if (err == nil) != c.ok {
			t.Errorf("%s: %+v, %v", c.name, id, err)
		}
		if c.ok && !strings.HasPrefix(id.Subject, "u") {
			t.Errorf("%s: subject %q", c.name, id.Subject)
		}
	}
	id, err := vs.Identity(hs("name", "\u202e林\x00小雨 "), secret)
	if err != nil || id.Name != "林小雨" || id.Email != "lin@example.test" {
		t.Errorf("a dressed-up name came out as %+v, %v", id, err)
	}
	if _, err := vs.Identity(sign(jwt.SigningMethodHS256, []byte(""), claims()), "", ""); err == nil {
		t.Error("a site without a secret took an identity signed with an empty key")
	}
}

func TestAnyVisitorRoundTrips(t *testing.T) {
	vs := visitors(t)
	rapid.Check(t, func(t *rapid.T) {
		v := Visitor{
			Tenant:       rapid.StringN(1, 40, 40).Draw(t, "tenant"),
			Site:         rapid.StringN(1, 40, 40).Draw(t, "site"),
			Visitor:      rapid.StringN(1, 40, 40).Draw(t, "visitor"),
			Conversation: rapid.StringN(0, 40, 40).Draw(t, "conversation"),
		}
		token, expires := vs.Issue(v)
		v.Expires = expires.Unix()
		if got, err := vs.Verify(token); err != nil || got != v {
			t.Fatalf("%+v came back as %+v, %v", v, got, err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	vs, err := NewVisitors(master)
	if err != nil {
		f.Fatal(err)
	}
	token, _ := vs.Issue(lin)
	f.Add(token)
	f.Add("a.b.c")
	f.Add("hmac1.1.00.u")
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := vs.Verify(s); err == nil && v.Visitor != lin.Visitor {
			t.Fatalf("%q was taken for %+v", s, v)
		}
		if id, err := vs.Identity(s, "a secret nobody has signed with"); err == nil {
			t.Fatalf("%q was taken for %+v", s, id)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	vs, err := NewVisitors(master)
	if err != nil {
		b.Fatal(err)
	}
	token, _ := vs.Issue(Visitor{Tenant: frontdesk.NewID(), Site: frontdesk.NewID(), Visitor: frontdesk.NewID(), Contact: frontdesk.NewID(), Conversation: frontdesk.NewID()})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vs.Verify(token); err != nil {
			b.Fatal(err)
		}
	}
}
