package auth

import (
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"frontdesk"
)

// maxIdentityAge is the longest life of a signed identity: a host site signs at each page view.
const maxIdentityAge = 24 * time.Hour

// identityLeeway is how far the host site's clock may be off.
const identityLeeway = 60 * time.Second

// Identity is who the host site says its visitor is. Subject is the host's own id of the person and the only part a
// contact may be matched by; the name and the address are what the host filled in, and prove nothing here.
type Identity struct {
	Subject string
	Name    string
	Email   string
}

// Identity checks what a host site signed about its visitor with one of the site's secrets (the current, and the previous
// while it is being replaced). It takes two forms:
//
//   - a JWT signed by HS256 with the claims sub and exp, and optionally iat, name and email;
//   - hmac1.EXPIRES.MAC.USER, where EXPIRES is in seconds since 1970 and MAC is the hexadecimal HMAC-SHA256 of
//     "EXPIRES.USER", for hosts without a JWT library.
//
// Both expire at most 24 hours after they were signed. No other algorithm is accepted, whatever the token's header says.
func (vs *Visitors) Identity(signed string, secrets ...string) (Identity, error) {
	if len(signed) > 4096 {
		return Identity{}, frontdesk.InvalidField("identity", "This signed identity is too long.")
	}
	var id Identity
	ok := false
	for _, secret := range secrets {
		if len(secret) < 16 { // also the site that has no secret: an empty key would let anybody sign
			continue
		}
		var err error
		if rest, isMAC := strings.CutPrefix(signed, "hmac1."); isMAC {
			id, err = macIdentity(rest, secret)
		} else {
			id, err = jwtIdentity(signed, secret)
		}
		if err == nil {
			ok = true
			break
		}
		if errors.Is(err, errIdentityExpired) {
			return Identity{}, &frontdesk.Error{Kind: frontdesk.Denied, Field: "identity", Public: "This signed identity has expired or lasts longer than 24 hours."}
		}
	}
	if !ok {
		return Identity{}, &frontdesk.Error{Kind: frontdesk.Denied, Field: "identity", Public: "This signed identity is not valid."}
	}
	id.Subject = strings.TrimSpace(id.Subject)
	if id.Subject == "" || len(id.Subject) > 200 || !utf8.ValidString(id.Subject) || strings.ContainsFunc(id.Subject, unicode.IsControl) {
		return Identity{}, frontdesk.InvalidField("identity", "The subject of a signed identity has 1 to 200 bytes and no control characters.")
	}
	id.Name, id.Email = plain(id.Name, 100), plain(id.Email, 254)
	return id, nil
}

var errIdentityExpired = errors.New("identity expired")

type identityClaims struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	jwt.RegisteredClaims
}

func jwtIdentity(token, secret string) (Identity, error) {
	var c identityClaims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return []byte(secret), nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(identityLeeway))
	if errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
		return Identity{}, errIdentityExpired
	}
	if err != nil {
		return Identity{}, err
	}
	signed := time.Now().Add(identityLeeway) // without iat: no longer than a day from now
	if c.IssuedAt != nil && c.IssuedAt.Before(signed) {
		signed = c.IssuedAt.Time
	}
	if c.ExpiresAt.Sub(signed) > maxIdentityAge {
		return Identity{}, errIdentityExpired
	}
	return Identity{Subject: c.Subject, Name: c.Name, Email: c.Email}, nil
}

func macIdentity(s, secret string) (Identity, error) {
	expires, rest, ok := strings.Cut(s, ".")
	sum, user, ok2 := strings.Cut(rest, ".")
	want, err := hex.DecodeString(sum)
	if !ok || !ok2 || err != nil || !hmac.Equal(want, mac([]byte(secret), expires+"."+user)) {
		return Identity{}, errors.New("bad signature")
	}
	at, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return Identity{}, err
	}
	if left := at - time.Now().Unix(); left < -int64(identityLeeway.Seconds()) || left > int64((maxIdentityAge+identityLeeway).Seconds()) {
		return Identity{}, errIdentityExpired
	}
	return Identity{Subject: user}, nil
}

// plain drops control and formatting characters (a right-to-left override would dress a name up on an agent's screen) and
// cuts to n characters.
func plain(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n])
	}
	return s
}
