// Package channel knows the places where customers write: a site is one of them, with the pages it may be embedded in,
// its languages, hours, bot and the secrets by which its host signs who a visitor is.
//
// Sites are configuration: few, read at every message and seldom changed. Reads come from a bounded cache that is at most
// one second behind the database on every node.
package channel

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones must be known on a machine that has no zone files

	"frontdesk"
)

// DefaultBot is the id of the bot that every tenant begins with. A bot is there as soon as a site names it; what it knows
// is its releases.
const DefaultBot = "default"

// Site is a place where customers write. It is a value; what it points to is not to be changed.
type Site struct {
	Tenant    string
	ID        string
	Key       string // public and unique: what the page's script names
	Name      frontdesk.Localized
	Bot       string
	Origins   []string // pages that may embed the widget
	Languages []string // spoken here, the default first
	Zone      string   // IANA name
	Hours     Hours
	Settings  Settings
	Secrets   Secrets
	CreatedAt int64
	UpdatedAt int64
}

// Settings is how the widget looks and speaks on a site.
type Settings struct {
	Colour string                         `json:"colour,omitempty" doc:"Accent, #rrggbb"`
	Logo   string                         `json:"logo,omitempty" doc:"Address of a picture: https:// or a path of this server"`
	Texts  map[string]frontdesk.Localized `json:"texts,omitempty" doc:"Texts by name: greeting, offline, placeholder .."`
}

// Secrets are what the site's host signs identities with. The previous one still verifies until it is dropped.
type Secrets struct{ Current, Previous string }

// LogValue keeps secrets out of logs.
func (Secrets) LogValue() slog.Value { return slog.StringValue("secret") }

// String keeps secrets out of formatted text.
func (Secrets) String() string { return "secret" }

// GoString keeps secrets out of formatted text.
func (Secrets) GoString() string { return "secret" }

// List returns the secrets that verify, the current one first.
func (s Secrets) List() []string {
	var out []string
	for _, secret := range []string{s.Current, s.Previous} {
		if secret != "" {
			out = append(out, secret)
		}
	}
	return out
}

// zones keeps loaded zones: loading one reads a file. Check lets only names of the zone database in, so it is bounded.
var zones sync.Map

// Location is the site's zone; UTC if it is not known, which Check prevents.
func (s Site) Location() *time.Location {
	if zone, ok := zones.Load(s.Zone); ok {
		return zone.(*time.Location)
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return time.UTC
	}
	zones.Store(s.Zone, zone)
	return zone
}

// Open reports whether people are at work on the site.
func (s Site) Open(at time.Time) bool { return s.Hours.Open(at, s.Location()) }

// Language returns the site's language that fits best: wanted (a BCP 47 tag) if it is spoken here, else the default.
func (s Site) Language(wanted string) string {
	primary, _, _ := strings.Cut(strings.ToLower(wanted), "-")
	for _, l := range s.Languages {
		if l == primary {
			return l
		}
	}
	if len(s.Languages) > 0 {
		return s.Languages[0]
	}
	return "zh"
}

var (
	keyText      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,62}$`)
	colourText   = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	languageText = regexp.MustCompile(`^[a-z]{2,3}$`)
	textName     = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)
)

// Check names the first field that is wrong.
func (s Site) Check() error {
	if !keyText.MatchString(s.Key) {
		return frontdesk.InvalidField("key", "A key has 2 to 63 small letters, digits and hyphens.")
	}
	if len(s.Name) == 0 {
		return frontdesk.InvalidField("name", "A site needs a name.")
	}
	if err := checkLocalized("name", s.Name, 80); err != nil {
		return err
	}
	if s.Bot == "" || len(s.Bot) > 64 {
		return frontdesk.InvalidField("bot", "A site needs a bot.")
	}
	if len(s.Origins) > 100 {
		return frontdesk.InvalidField("origins", "A site has at most 100 origins.")
	}
	for _, o := range s.Origins {
		if err := CheckOrigin(o); err != nil {
			return err
		}
	}
	if len(s.Languages) == 0 || len(s.Languages) > 20 {
		return frontdesk.InvalidField("languages", "A site speaks 1 to 20 languages.")
	}
	for _, l := range s.Languages {
		if !languageText.MatchString(l) {
			return frontdesk.InvalidField("languages", "A language is a primary tag such as zh or en.")
		}
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" || s.Zone == "Local" {
		return frontdesk.InvalidField("zone", "A zone is an IANA name such as Asia/Shanghai.")
	}
	if err := s.Hours.Check(); err != nil {
		return err
	}
	return s.Settings.check()
}

func (s Settings) check() error {
	if s.Colour != "" && !colourText.MatchString(s.Colour) {
		return frontdesk.InvalidField("settings.colour", "A colour is written #rrggbb.")
	}
	// The logo becomes an image's address in the customer's page: nothing but a picture may be fetched by it.
	path := strings.HasPrefix(s.Logo, "/") && !strings.HasPrefix(s.Logo, "//") && !strings.HasPrefix(s.Logo, `/\`)
	if s.Logo != "" && (len(s.Logo) > 500 || !path && !strings.HasPrefix(s.Logo, "https://") || strings.ContainsFunc(s.Logo, func(r rune) bool { return r <= ' ' })) {
		return frontdesk.InvalidField("settings.logo", "A logo is an https:// address or a path of this server.")
	}
	if len(s.Texts) > 100 {
		return frontdesk.InvalidField("settings.texts", "A site has at most 100 texts of its own.")
	}
	for name, text := range s.Texts {
		if !textName.MatchString(name) {
			return frontdesk.InvalidField("settings.texts", "A text's name has small letters, digits and underscores.")
		}
		if err := checkLocalized("settings.texts."+name, text, 1000); err != nil {
			return err
		}
	}
	return nil
}

func checkLocalized(field string, l frontdesk.Localized, limit int) error {
	if len(l) > 20 {
		return frontdesk.InvalidField(field, "A text has at most 20 languages.")
	}
	for language, text := range l {
		if !languageText.MatchString(language) {
			return frontdesk.InvalidField(field, "Texts are keyed by language, such as zh or en.")
		}
		if n := len([]rune(text)); strings.TrimSpace(text) == "" || n > limit {
			return frontdesk.InvalidField(field, "A text here has 1 to %d characters.", limit)
		}
		if strings.ContainsRune(text, 0) {
			return frontdesk.InvalidField(field, "A text has no zero byte.")
		}
	}
	return nil
}

// describe is the site's name in an error.
func (s Site) describe() string { return fmt.Sprintf("site %s", s.ID) }
