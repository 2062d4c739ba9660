// Package netguard makes HTTP clients for addresses that users of the product choose: webhooks, actions, previews, imports.
//
// Such a client must not reach what only this machine or its network can reach (SSRF). The address is checked when the
// connection is made, after the name was resolved, so a name that resolves to something else the second time gains
// nothing; redirects make connections of their own and are checked the same way. No proxy of the environment is used: a
// proxy would resolve the name itself. What the operator allows is an explicit list of networks.
package netguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"frontdesk"
)

// Policy says which addresses may be reached beside public ones. The zero Policy allows public ones only.
type Policy struct {
	Allow []netip.Prefix
}

// ParsePolicy reads networks (10.1.2.0/24) and single addresses (127.0.0.1) that the operator allows.
func ParsePolicy(allow []string) (Policy, error) {
	var p Policy
	for _, s := range allow {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, e := netip.ParseAddr(s)
			if e != nil {
				return Policy{}, frontdesk.InvalidField("allow", "%q is neither a network nor an address", s)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		p.Allow = append(p.Allow, prefix.Masked())
	}
	return p, nil
}

// ErrRefused is in the chain of each error about an address that may not be reached.
var ErrRefused = errors.New("address is not allowed")

// refused are the networks that are not public although netip's predicates do not all know it.
var refused = func() (list []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8",        // this network
		"100.64.0.0/10",    // carrier-grade NAT, also metadata of some clouds
		"192.0.0.0/24",     // protocol assignments
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // 6to4 relays
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"240.0.0.0/4",      // reserved, broadcast
		"168.63.129.16/32", // metadata of a cloud, on a public address
		"::/96",            // IPv4-compatible
		"64:ff9b:1::/48",   // local translation
		"100::/64",         // discard
		"2001::/23",        // protocol assignments, Teredo
		"2001:db8::/32",    // documentation
		"3fff::/20",        // documentation
		"5f00::/16",        // segment routing
		"fec0::/10",        // site-local
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

// translated are networks whose addresses hold an IPv4 address that is what is reached in the end, with its offset.
var translated = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

// Check returns an error with ErrRefused in its chain if the address may not be reached.
func (p Policy) Check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("")
	if slices.ContainsFunc(p.Allow, func(n netip.Prefix) bool { return n.Contains(addr) }) {
		return nil
	}
	for _, t := range translated {
		if t.prefix.Contains(addr) {
			b := addr.As16()
			return p.Check(netip.AddrFrom4([4]byte(b[t.at : t.at+4])))
		}
	}
	if !addr.IsGlobalUnicast() || addr.IsPrivate() || slices.ContainsFunc(refused, func(n netip.Prefix) bool { return n.Contains(addr) }) {
		return fmt.Errorf("%s: %w", addr, ErrRefused)
	}
	return nil
}

// control runs between socket and connect, with the address that is about to be connected to.
func (p Policy) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%s: %w", network, ErrRefused)
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s: %w", address, ErrRefused)
	}
	return p.Check(ap.Addr())
}

// maxRedirects is how often a client of this package follows a redirect.
const maxRedirects = 3

// Client returns a client that reaches only what the policy permits. timeout bounds a whole exchange, the reading of the
// answer's body included; the caller bounds how much of the body it reads.
func (p Policy) Client(timeout time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: min(timeout, 10*time.Second), ControlContext: p.control}
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  timeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
			DisableCompression:     true, // an answer cannot swell
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return errors.New("too many redirects")
			}
			_, err := p.CheckURL(r.URL.String())
			return err
		},
	}
}

// CheckURL parses an address that a user gives and refuses what could never be reached: for a good error at once. The
// check that counts is made when connecting.
func (p Policy) CheckURL(raw string) (*url.URL, error) {
	if len(raw) > 2000 {
		return nil, frontdesk.InvalidField("url", "has more than 2000 characters")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, frontdesk.InvalidField("url", "is not an address")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, frontdesk.InvalidField("url", "must start with https:// or http://")
	case u.Hostname() == "":
		return nil, frontdesk.InvalidField("url", "names no host")
	case u.User != nil:
		return nil, frontdesk.InvalidField("url", "must not hold a user or password")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil:
		err = p.Check(addr)
	case host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal"):
		err = nil
		if len(p.Allow) == 0 {
			err = ErrRefused
		}
	default:
		err = nil
	}
	if err != nil {
		return nil, &frontdesk.Error{Kind: frontdesk.Invalid, Field: "url", Public: "address is not allowed: it is not on the public internet; whoever runs the server can allow it by the setting outbound.allow", Err: err}
	}
	return u, nil
}
