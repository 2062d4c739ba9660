// Package config holds the one tree of settings. A value comes from the first of these that names it: a flag, an
// environment variable FRONTDESK_*, the YAML file, the default. Every key that nobody knows and every value that does not
// fit is an error that names the key and where it came from; nothing is ignored in silence.
//
// The key of a setting is its path in the tree ("limits.message_chars"). The environment variable of a key is the key in
// capitals with dots as underscores (FRONTDESK_LIMITS_MESSAGE_CHARS).
package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"
)

// Config is the whole tree. The zero value is not usable: start from Default or Load.
type Config struct {
	Listen    string       `koanf:"listen" help:"address of the web server, HOST:PORT"`
	Data      string       `koanf:"data" help:"data folder: database, attachments, master key, lock"`
	MasterKey Secret       `koanf:"master_key" help:"the key that opens the vault, 32 bytes as base64; empty takes master.key in the data folder, made at the first start"`
	Database  Database     `koanf:"database"`
	NATS      NATS         `koanf:"nats"`
	Log       Log          `koanf:"log"`
	HTTP      HTTP         `koanf:"http"`
	Outbound  Outbound     `koanf:"outbound"`
	Limits    Limits       `koanf:"limits"`
	Turn      Turn         `koanf:"turn"`
	Conv      Conversation `koanf:"conversation"`
	Retention Retention    `koanf:"retention"`
	Demo      Demo         `koanf:"demo"`

	origin map[string]string // key -> where its value came from
}

// Database chooses the system of record.
type Database struct {
	URL Secret `koanf:"url" help:"postgres://... ; empty means SQLite in the data folder"`
}

// NATS chooses the bus.
type NATS struct {
	URL Secret `koanf:"url" help:"nats://... of a cluster; empty means a bus inside the process"`
}

// Log says how the program reports.
type Log struct {
	Level  string `koanf:"level" help:"debug, info, warn or error"`
	Format string `koanf:"format" help:"text or json"`
}

// HTTP is about the web server.
type HTTP struct {
	TrustedProxies []string      `koanf:"trusted_proxies" help:"networks (CIDR) whose X-Forwarded-For is believed"`
	Drain          time.Duration `koanf:"drain" help:"time that open turns and sockets get at a stop"`
	Metrics        bool          `koanf:"metrics" help:"serve /metrics on the public address"`
}

// Outbound is about requests that the server makes to addresses its users name.
type Outbound struct {
	Allow []string `koanf:"allow" help:"networks or addresses, otherwise refused as private, that webhooks and actions may reach"`
}

// Limits bound what anybody can make the server do. A rate of 0 switches that rate off.
type Limits struct {
	MessageChars int     `koanf:"message_chars" help:"characters in one customer message"`
	FrameBytes   int     `koanf:"frame_bytes" help:"bytes in one frame or request body of the visitor protocol"`
	UploadBytes  int     `koanf:"upload_bytes" help:"bytes in one attachment"`
	VisitorRate  float64 `koanf:"visitor_rate" help:"messages a second of one visitor; 0 = no limit"`
	VisitorBurst int     `koanf:"visitor_burst" help:"messages that one visitor may send at once"`
	IPRate       float64 `koanf:"ip_rate" help:"requests a second from one address; 0 = no limit"`
	IPBurst      int     `koanf:"ip_burst" help:"requests that one address may send at once"`
	TenantRate   float64 `koanf:"tenant_rate" help:"messages a second of one tenant; 0 = no limit"`
	TenantBurst  int     `koanf:"tenant_burst" help:"messages that one tenant's customers may send at once"`
	Sockets      int     `koanf:"sockets" help:"open sockets on this node"`
	SocketsPerIP int     `koanf:"sockets_per_ip" help:"open sockets from one address; 0 = no limit"`
	SocketQueue  int     `koanf:"socket_queue" help:"frames waiting for a slow reader before it is dropped"`
	QueueDepth   int     `koanf:"queue_depth" help:"customer messages accepted and not yet answered before new ones are refused"`
}

// Turn is about when the bot speaks.
type Turn struct {
	Wait time.Duration `koanf:"wait" help:"longest wait for the rest of a message that looks unfinished"`
}

// Conversation is about its life.
type Conversation struct {
	IdleClose time.Duration `koanf:"idle_close" help:"silence after which a conversation is closed"`
}

// Retention is how long what would grow for ever stays; 0 keeps it for ever. What customers wrote is not among it.
type Retention struct {
	Events     time.Duration `koanf:"events" help:"the event log, once every consumer has passed; 0 = for ever"`
	Traces     time.Duration `koanf:"traces" help:"the explanations of turns; 0 = for ever"`
	Effects    time.Duration `koanf:"effects" help:"actions and reminders that were dealt with; 0 = for ever"`
	Deliveries time.Duration `koanf:"deliveries" help:"webhook deliveries that arrived or were given up; 0 = for ever"`
	Answers    time.Duration `koanf:"answers" help:"what was answered under an Idempotency-Key, after it expired; 0 = for ever"`
	Nodes      time.Duration `koanf:"nodes" help:"rows of processes that are no more; 0 = for ever"`
}

// Demo switches on the demo company.
type Demo struct {
	Enabled bool `koanf:"enabled" help:"load the demo company into an empty folder"`
	Traffic bool `koanf:"traffic" help:"simulated customers arrive while the server runs"`
}

// Secret is text that is never printed: logs and the config command show whether it is set, no more.
type Secret string

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String says whether the secret is set. Convert with string(s) to use it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(set)"
}

// MarshalText hides the secret from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

const day = 24 * time.Hour

// Default is the tree without any flag, environment or file.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8080",
		Data:   "data",
		Log:    Log{Level: "info", Format: "text"},
		HTTP:   HTTP{Drain: 10 * time.Second, Metrics: true},
		Limits: Limits{
			MessageChars: 4000, FrameBytes: 64 << 10, UploadBytes: 10 << 20,
			VisitorRate: 5, VisitorBurst: 60, IPRate: 50, IPBurst: 400, TenantRate: 0, TenantBurst: 1000,
			Sockets: 18000, SocketsPerIP: 0, SocketQueue: 256, QueueDepth: 400,
		},
		Turn:      Turn{Wait: 800 * time.Millisecond},
		Conv:      Conversation{IdleClose: 30 * time.Minute},
		Retention: Retention{Events: 365 * day, Traces: 180 * day, Effects: 30 * day, Deliveries: 7 * day, Answers: day, Nodes: day},
	}
}

// Validate reports the first value that cannot work, named by its key and where it came from.
func (c *Config) Validate() error {
	check := func(key string, ok bool, format string, args ...any) error {
		if ok {
			return nil
		}
		return &Error{Key: key, Source: c.Origin(key), Problem: fmt.Sprintf(format, args...)}
	}
	_, _, listenErr := net.SplitHostPort(c.Listen)
	schemeOf := func(s Secret) string {
		u, err := url.Parse(string(s))
		if err != nil || u.Host == "" && u.Opaque == "" && u.Path == "" {
			return "?"
		}
		return u.Scheme
	}
	l := c.Limits
	errs := []error{
		check("listen", listenErr == nil, "is not HOST:PORT: %q", c.Listen),
		check("data", c.Data != "", "must name a folder"),
		check("database.url", c.Database.URL == "" || slices.Contains([]string{"postgres", "postgresql"}, schemeOf(c.Database.URL)), "must start with postgres://"),
		check("nats.url", c.NATS.URL == "" || slices.Contains([]string{"nats", "tls"}, schemeOf(c.NATS.URL)), "must start with nats:// or tls://"),
		check("log.level", new(slog.Level).UnmarshalText([]byte(c.Log.Level)) == nil, "must be debug, info, warn or error, not %q", c.Log.Level),
		check("log.format", c.Log.Format == "text" || c.Log.Format == "json", "must be text or json, not %q", c.Log.Format),
		check("http.drain", c.HTTP.Drain >= 0, "must not be negative"),
		check("limits.message_chars", l.MessageChars > 0, "must be at least 1"),
		check("limits.frame_bytes", l.FrameBytes >= 4*l.MessageChars, "must be at least 4 times limits.message_chars (%d)", 4*l.MessageChars),
		check("limits.upload_bytes", l.UploadBytes > 0, "must be at least 1"),
		check("limits.visitor_rate", l.VisitorRate >= 0, "must not be negative"),
		check("limits.visitor_burst", l.VisitorRate == 0 || l.VisitorBurst > 0, "must be at least 1"),
		check("limits.ip_rate", l.IPRate >= 0, "must not be negative"),
		check("limits.ip_burst", l.IPRate == 0 || l.IPBurst > 0, "must be at least 1"),
		check("limits.tenant_rate", l.TenantRate >= 0, "must not be negative"),
		check("limits.tenant_burst", l.TenantRate == 0 || l.TenantBurst > 0, "must be at least 1"),
		check("limits.sockets", l.Sockets > 0, "must be at least 1"),
		check("limits.sockets_per_ip", l.SocketsPerIP >= 0, "must not be negative"),
		check("limits.socket_queue", l.SocketQueue > 0, "must be at least 1"),
		check("limits.queue_depth", l.QueueDepth > 0, "must be at least 1"),
		check("turn.wait", c.Turn.Wait >= 0 && c.Turn.Wait <= 10*time.Second, "must be between 0 and 10s"),
		check("conversation.idle_close", c.Conv.IdleClose >= time.Minute, "must be at least 1m"),
		check("retention.events", kept(c.Retention.Events), notKept),
		check("retention.traces", kept(c.Retention.Traces), notKept),
		check("retention.effects", kept(c.Retention.Effects), notKept),
		check("retention.deliveries", kept(c.Retention.Deliveries), notKept),
		check("retention.answers", kept(c.Retention.Answers), notKept),
		check("retention.nodes", kept(c.Retention.Nodes), notKept),
		check("demo.traffic", !c.Demo.Traffic || c.Demo.Enabled, "needs demo.enabled"),
	}
	for _, p := range c.HTTP.TrustedProxies {
		_, err := netip.ParsePrefix(p)
		errs = append(errs, check("http.trusted_proxies", err == nil, "is not a network such as 10.0.0.0/8: %q", p))
	}
	for _, p := range c.Outbound.Allow {
		_, prefixErr := netip.ParsePrefix(p)
		_, addrErr := netip.ParseAddr(p)
		errs = append(errs, check("outbound.allow", prefixErr == nil || addrErr == nil, "is neither a network such as 10.0.0.0/8 nor an address: %q", p))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// kept refuses a retention so short that what is still needed could go.
func kept(d time.Duration) bool { return d == 0 || d >= time.Hour }

const notKept = "must be at least 1h, or 0 to keep for ever"

// Origin says where the value of key came from: "flag --listen", "environment FRONTDESK_LISTEN", "file x.yaml" or "default".
func (c *Config) Origin(key string) string {
	if o := c.origin[key]; o != "" {
		return o
	}
	return "default"
}
