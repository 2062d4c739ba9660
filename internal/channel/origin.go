package channel

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"frontdesk"
)

// AllowsOrigin reports whether a browser page of origin (the Origin header: scheme://host[:port]) may speak for this
// site's visitors. An entry of the list matches exactly, or as "https://*.example.com" any subdomain but not the domain
// itself. The server's own pages are allowed by SameOrigin, not here.
func (s Site) AllowsOrigin(origin string) bool {
	got, ok := parseOrigin(origin)
	if !ok {
		return false
	}
	for _, entry := range s.Origins {
		want, ok := parseOrigin(entry)
		if !ok || want.scheme != got.scheme || want.port != got.port {
			continue
		}
		if domain, wild := strings.CutPrefix(want.host, "*."); wild {
			if sub, under := strings.CutSuffix(got.host, "."+domain); under && sub != "" {
				return true
			}
		} else if want.host == got.host {
			return true
		}
	}
	return false
}

// AllowsRequest reports whether r comes from a page that may speak for this site's visitors: one of its origins, a page
// of this server, or no browser page at all (programs send no Origin; a browser always does across sites).
func (s Site) AllowsRequest(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	return origin == "" || SameOrigin(r) || s.AllowsOrigin(origin)
}

// SameOrigin reports whether the page that made the request came from the host it is made to. Schemes are not compared:
// behind a proxy that ends TLS this server does not know its own.
func SameOrigin(r *http.Request) bool {
	got, ok := parseOrigin(r.Header.Get("Origin"))
	if !ok {
		return false
	}
	own, ok := parseOrigin(got.scheme + "://" + r.Host)
	return ok && own == got
}

type origin struct{ scheme, host, port string }

// parseOrigin is strict: a path, a user, a query, or an opaque "null" is no origin. The default port is filled in.
func parseOrigin(s string) (origin, bool) {
	if len(s) > 300 {
		return origin{}, false
	}
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "#") {
		return origin{}, false
	}
	o := origin{scheme: u.Scheme, host: u.Hostname(), port: u.Port()}
	switch {
	case o.host == "" || strings.HasSuffix(u.Host, ":"):
		return origin{}, false
	case o.scheme == "https" && o.port == "":
		o.port = "443"
	case o.scheme == "http" && o.port == "":
		o.port = "80"
	case o.scheme != "https" && o.scheme != "http":
		return origin{}, false
	}
	return o, true
}

// CheckOrigin says what is wrong with an entry of a site's list of origins.
func CheckOrigin(entry string) error {
	o, ok := parseOrigin(entry)
	host, wild := strings.CutPrefix(o.host, "*.")
	switch {
	case !ok || strings.ContainsAny(host, "*%") || !ascii(host):
		return frontdesk.InvalidField("origins", "An origin is written https://shop.example.com or https://*.example.com, non-ASCII names in their xn-- form.")
	case wild && (!strings.Contains(host, ".") || net.ParseIP(host) != nil):
		return frontdesk.InvalidField("origins", "A wildcard stands for the subdomains of one domain, as in https://*.example.com.")
	}
	return nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] <= ' ' {
			return false
		}
	}
	return true
}
