package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTheDefaultsAreValidAndComeFromNowhere(t *testing.T) {
	c, err := Load(nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Limits.MessageChars != 4000 || c.Turn.Wait != 800*time.Millisecond || c.Limits.VisitorBurst != 60 {
		t.Errorf("defaults: %+v", c)
	}
	if got := c.Origin("turn.wait"); got != "default" {
		t.Errorf("origin of an untouched key: %q", got)
	}
}

func TestTheNearestSourceWins(t *testing.T) {
	path := yamlFile(t, `
listen: 127.0.0.1:1
turn: {wait: 100ms}
limits:
  visitor_rate: 7
http:
  trusted_proxies: [10.0.0.0/8, "fd00::/8"]
conversation: {idle_close: 2d}
`)
	environ := []string{"HOME=/nowhere", "FRONTDESK_TURN_WAIT=200ms", "FRONTDESK_LISTEN=127.0.0.1:2"}
	flags := []Flag{{Name: "--listen", Key: "listen", Value: "127.0.0.1:3"}}
	c, err := Load(flags, environ, path)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.Turn.Wait != 200*time.Millisecond || c.Limits.VisitorRate != 7 {
		t.Errorf("listen %s, wait %s, rate %g", c.Listen, c.Turn.Wait, c.Limits.VisitorRate)
	}
	if c.Conv.IdleClose != 48*time.Hour || len(c.HTTP.TrustedProxies) != 2 {
		t.Errorf("idle %s, proxies %v", c.Conv.IdleClose, c.HTTP.TrustedProxies)
	}
	for key, want := range map[string]string{
		"listen":              "flag --listen",
		"turn.wait":           "environment FRONTDESK_TURN_WAIT",
		"limits.visitor_rate": "file " + path,
		"limits.ip_rate":      "default",
	} {
		if got := c.Origin(key); got != want {
			t.Errorf("origin of %s: %q, want %q", key, got, want)
		}
	}
}

func TestAWrongSettingIsNamedWithItsSource(t *testing.T) {
	for _, tc := range []struct {
		name, yaml, env string
		flag            Flag
		want            []string
	}{
		{name: "unknown key in the file", yaml: "limits:\n  mesage_chars: 5", want: []string{"limits.mesage_chars", "file ", "did you mean limits.message_chars?"}},
		{name: "unknown group", yaml: "teapot: {short: true}", want: []string{"teapot.short", "no such setting"}},
		{name: "value for a group", yaml: "limits: 5", want: []string{"limits (file ", "group"}},
		{name: "wrong type", yaml: "limits: {sockets: many}", want: []string{"limits.sockets", "whole number", `"many"`}},
		{name: "no value", yaml: "listen:", want: []string{"listen", "no value"}},
		{name: "map for a text", yaml: "database: {url: {host: x}}", want: []string{"database.url", "no such setting"}},
		{name: "time without a unit", yaml: "turn: {wait: 800}", want: []string{"turn.wait", "800ms"}},
		{name: "broken YAML", yaml: "listen: [", want: []string{"config (file "}},
		{name: "unknown variable", env: "FRONTDESK_LIMITS_MESSAGE_CHAR=5", want: []string{"FRONTDESK_LIMITS_MESSAGE_CHAR", "environment", "limits.message_chars"}},
		{name: "wrong variable", env: "FRONTDESK_DEMO_ENABLED=perhaps", want: []string{"demo.enabled", "environment FRONTDESK_DEMO_ENABLED", "true or false"}},
		{name: "wrong flag", flag: Flag{"--set limits.ip_rate", "limits.ip_rate", "-1"}, want: []string{"limits.ip_rate", "flag --set", "negative"}},
		{name: "unknown flag", flag: Flag{"--set", "limit.ip_rate", "1"}, want: []string{"limit.ip_rate", "did you mean limits.ip_rate?"}},
		{name: "listen without port", flag: Flag{"--listen", "listen", "localhost"}, want: []string{"listen (flag --listen)", "HOST:PORT"}},
		{name: "other database", env: "FRONTDESK_DATABASE_URL=mysql://x/y", want: []string{"database.url", "postgres://"}},
		{name: "level", env: "FRONTDESK_LOG_LEVEL=loud", want: []string{"log.level", "loud"}},
		{name: "proxy", env: "FRONTDESK_HTTP_TRUSTED_PROXIES=10.0.0.1", want: []string{"http.trusted_proxies", "10.0.0.1"}},
		{name: "outbound", env: "FRONTDESK_OUTBOUND_ALLOW=10.0.0.0/8,intranet", want: []string{"outbound.allow", "intranet"}},
		{name: "traffic alone", yaml: "demo: {traffic: true}", want: []string{"demo.traffic", "demo.enabled"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := ""
			if tc.yaml != "" {
				path = yamlFile(t, tc.yaml)
			}
			var flags []Flag
			if tc.flag.Name != "" {
				flags = append(flags, tc.flag)
			}
			_, err := Load(flags, []string{tc.env}, path)
			if e := new(Error); !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	_, err := Load(nil, nil, filepath.Join(t.TempDir(), "gone.yaml"))
	if err == nil || !strings.Contains(err.Error(), "gone.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestForeignVariablesWithThePrefixAreLeftAlone(t *testing.T) {
	environ := []string{"FRONTDESK_CONFIG=x", "FRONTDESK_PORT=tcp://10.0.0.1:80", "FRONTDESK_SERVICE_HOST=10.0.0.1", "FRONTDESK_REQUIRE_POSTGRES=1"}
	if _, err := Load(nil, environ, ""); err != nil {
		t.Error(err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c, err := Load(nil, []string{"FRONTDESK_DATABASE_URL=postgres://u:hunter2@db/x", "FRONTDESK_MASTER_KEY=hunter2"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "url", c.Database.URL, "key", c.MasterKey)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(c.Settings())
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(asJSON) + string(settings) + fmt.Sprint(c) + fmt.Sprintf("%+v", c)
	if strings.Contains(all, "hunter2") {
		t.Errorf("a secret is in %s", all)
	}
	if string(c.Database.URL) != "postgres://u:hunter2@db/x" {
		t.Error("the secret itself is lost")
	}
}

// Every key can be set by its variable, and Settings shows each key once with a help text.
func TestEveryKeyHasAVariableAndAHelp(t *testing.T) {
	c := Default()
	seen := make(map[string]bool)
	for _, s := range c.Settings() {
		if s.Help == "" {
			t.Errorf("%s has no help", s.Key)
		}
		if v := EnvName(s.Key); seen[v] {
			t.Errorf("two keys share %s", v)
		} else {
			seen[v] = true
		}
	}
	if len(seen) < 25 {
		t.Errorf("only %d settings", len(seen))
	}
}

// Whatever the file holds, Load returns a valid tree or an error; it never panics.
func TestAnyFileLoadsOrIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	keys := make([]string, 0, 40)
	def := Default()
	for _, s := range def.Settings() {
		keys = append(keys, s.Key)
	}
	rapid.Check(t, func(r *rapid.T) {
		key := rapid.SampledFrom(keys).Draw(r, "key")
		value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"0", "-1", "1e9", "true", "5s", "[]", "{a: 1}", "~"})).Draw(r, "value")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(key, ".", ": {")+": "+value+strings.Repeat("}", strings.Count(key, "."))), 0o600); err != nil {
			r.Fatal(err)
		}
		if c, err := Load(nil, nil, path); err == nil {
			if err := c.Validate(); err != nil {
				r.Fatalf("Load let through what Validate refuses: %v", err)
			}
		}
	})
}

func yamlFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "frontdesk.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What Settings shows is what a file may hold.
func TestDurationsReadAsTheyAreShown(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(400*24*time.Hour)/1e6).Draw(r, "ms")) * time.Millisecond
		if rapid.Bool().Draw(r, "whole") {
			d = d.Truncate(time.Minute)
		}
		if got, err := parseDuration(formatDuration(d)); err != nil || got != d {
			r.Fatalf("%s is shown as %s and read as %s, %v", d, formatDuration(d), got, err)
		}
	})
	for d, want := range map[time.Duration]string{0: "0", 800 * time.Millisecond: "800ms", 30 * time.Minute: "30m", 2 * time.Hour: "2h", 720 * time.Hour: "30d", 90 * time.Minute: "1h30m"} {
		if got := formatDuration(d); got != want {
			t.Errorf("%d is shown as %s, want %s", d, got, want)
		}
	}
}
