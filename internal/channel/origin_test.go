package channel

import (
	"net/http/httptest"
	"testing"
)

func TestAllowsOrigin(t *testing.T) {
	site := Site{Origins: []string{"https://shop.example.com", "https://*.example.org", "http://localhost:5173"}}
	for _, c := range []struct {
		origin string
		ok     bool
	}{
		{"https://shop.example.com", true},
		{"https://shop.example.com:443", true},
		{"https://SHOP.example.com", true},
		{"http://shop.example.com", false},
		{"https://shop.example.com:8443", false},
		{"https://evil-shop.example.com", false},
		{"https://shop.example.com.evil.test", false},
		{"https://shop.example.com@evil.test", false},
		{"https://evil.test/https://shop.example.com", false},
		{"https://a.example.org", true},
		{"https://a.b.example.org", true},
		{"https://example.org", false},
		{"https://.example.org", false},
		{"https://evilexample.org", false},
		{"https://example.org.evil.test", false},
		{"http://localhost:5173", true},
		{"http://localhost", false},
		{"null", false},
		{"", false},
		{"file://", false},
		{"https://", false},
		{"https://shop.example.com:", false},
		{"https://shop.example.com?", false},
	} {
		if got := site.AllowsOrigin(c.origin); got != c.ok {
			t.Errorf("%q: %v", c.origin, got)
		}
	}
	if (Site{}).AllowsOrigin("https://shop.example.com") {
		t.Error("a site without origins let a foreign page in")
	}
}

func TestAllowsRequest(t *testing.T) {
	site := Site{Origins: []string{"https://shop.example.com"}}
	for _, c := range []struct {
		host, origin string
		ok           bool
	}{
		{"desk.example.net:8080", "", true},
		{"desk.example.net:8080", "http://desk.example.net:8080", true},
		{"desk.example.net", "https://desk.example.net", true},
		{"desk.example.net:8080", "http://desk.example.net", false},
		{"desk.example.net", "https://shop.example.com", true},
		{"desk.example.net", "https://evil.test", false},
		{"desk.example.net", "null", false},
	} {
		r := httptest.NewRequest("GET", "/v1/visitor/socket", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := site.AllowsRequest(r); got != c.ok {
			t.Errorf("%q at %s: %v", c.origin, c.host, got)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	for entry, ok := range map[string]bool{
		"https://shop.example.com": true, "https://*.example.com": true, "http://localhost:8080": true, "http://127.0.0.1:8080": true,
		"https://xn--fiq228c.example": true, "*": false, "https://*": false, "https://*.com": false, "https://a.*.com": false,
		"https://*.127.0.0.1": false, "shop.example.com": false, "https://shop.example.com/": false, "https://商店.example": false,
		"javascript:alert(1)": false, "": false, "https://user@shop.example.com": false, "https://shop example.com": false,
	} {
		if err := CheckOrigin(entry); (err == nil) != ok {
			t.Errorf("%q: %v", entry, err)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add("https://shop.example.com:443")
	f.Add("https://[::1]:80")
	f.Fuzz(func(t *testing.T, s string) {
		site := Site{Origins: []string{"https://*.example.com"}}
		if site.AllowsOrigin(s) {
			if o, ok := parseOrigin(s); !ok || len(o.host) <= len(".example.com") || o.scheme != "https" {
				t.Fatalf("%q was let in as %+v", s, o)
			}
		}
	})
}
