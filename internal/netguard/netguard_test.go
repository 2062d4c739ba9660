package netguard

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"frontdesk"
)

func TestCheck(t *testing.T) {
	for addr, ok := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "114.114.114.114": true, "2606:4700::1111": true, "172.32.0.1": true, "100.128.0.1": true,
		"127.0.0.1": false, "127.8.9.1": false, "::1": false, "0.0.0.0": false, "0.1.2.3": false, "::": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "fc00::1": false, "fd00:ec2::254": false,
		"169.254.169.254": false, "fe80::1": false, "100.100.100.200": false, "168.63.129.16": false,
		"224.0.0.1": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false,
		"198.18.0.1": false, "192.0.2.1": false, "203.0.113.9": false, "2001:db8::1": false,
		"::ffff:127.0.0.1": false, "::ffff:8.8.8.8": true, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::808:808": true, "2002:7f00:1::": false, "2002:0808:0808::": true,
		"2001:0:4136:e378::1": false, "fec0::1": false,
	} {
		err := Policy{}.Check(netip.MustParseAddr(addr))
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	p, err := ParsePolicy([]string{"10.1.2.0/24", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for addr, ok := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "64:ff9b::a01:203": true, "10.1.3.3": false, "127.0.0.1": true, "127.0.0.2": false} {
		if err := p.Check(netip.MustParseAddr(addr)); (err == nil) != ok {
			t.Errorf("with the operator's list, %s: %v", addr, err)
		}
	}
	if _, err := ParsePolicy([]string{"example.com"}); frontdesk.KindOf(err) != frontdesk.Invalid {
		t.Errorf("a name as a network: %v", err)
	}
}

func TestCheckURL(t *testing.T) {
	for raw, ok := range map[string]bool{
		"https://hooks.example.com/a?b=c": true, "http://hooks.example.com:8080/": true, "https://8.8.8.8/": true,
		"ftp://hooks.example.com/": false, "file:///etc/passwd": false, "gopher://x/": false, "//hooks.example.com": false, "": false, "https://": false,
		"https://user:pw@hooks.example.com/": false, "https://127.0.0.1/": false, "https://[::1]:80/": false, "https://localhost/": false,
		"https://localhost./": false, "https://metadata.google.internal/": false, "https://169.254.169.254/latest": false, "https://[::ffff:10.0.0.1]/": false,
		"https://[fe80::1%25eth0]/": false, "https://x/" + strings.Repeat("a", 2000): false,
	} {
		if _, err := (Policy{}).CheckURL(raw); (err == nil) != ok || err != nil && frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// reached starts a server on the loopback address that counts who comes through.
func reached(t *testing.T, h http.HandlerFunc) (*httptest.Server, *int) {
	n := new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { *n++; h(w, r) }))
	t.Cleanup(s.Close)
	return s, n
}

func get(c *http.Client, url string) (string, error) {
	r, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), err
}

func TestClientStaysOutside(t *testing.T) {
	inside, n := reached(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "secret") })
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HTTP_PROXY", inside.URL) // a proxy would go there for us
	c := Policy{}.Client(5 * time.Second)
	for _, host := range []string{
		"127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0",
		"localhost", // a name that resolves to the inside: only the check at the connection sees it
	} {
		if body, err := get(c, "http://"+host+":"+port+"/"); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %q, %v", host, body, err)
		}
	}
	if *n != 0 {
		t.Errorf("the inside was reached %d times", *n)
	}
}

func TestRedirectsAreChecked(t *testing.T) {
	inside, n := reached(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "secret") })
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// 127.0.0.1 stands for a public address here; 127.0.0.2 and localhost by IPv6 stay inside.
	p, err := ParsePolicy([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	c := p.Client(5 * time.Second)
	target := ""
	outside, _ := reached(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target, http.StatusTemporaryRedirect)
	})
	for _, target = range []string{"http://127.0.0.2:" + port + "/", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "http://u:p@127.0.0.1:" + port + "/"} {
		if body, err := get(c, outside.URL); err == nil {
			t.Errorf("redirect to %s: %q", target, body)
		}
	}
	target = outside.URL
	if _, err := get(c, outside.URL); err == nil {
		t.Error("a circle of redirects was followed to no end")
	}
	if *n != 0 {
		t.Errorf("the inside was reached %d times", *n)
	}
	target = "http://127.0.0.1:" + port + "/"
	if body, err := get(c, outside.URL); err != nil || body != "secret" {
		t.Errorf("a redirect that is allowed: %q, %v", body, err)
	}
}
