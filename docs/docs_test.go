// Package docs_test keeps the documents true where that can be checked.
package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/config"
)

func TestEverySettingIsDocumentedWithItsDefault(t *testing.T) {
	text := read(t, "operations.md")
	def := config.Default()
	known := map[string]bool{}
	for _, s := range def.Settings() {
		known[s.Key] = true
		value := strings.TrimSpace(fmt.Sprint(s.Value))
		if value == "[]" {
			value = ""
		}
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(s.Key) + "` \\| ([^|]*)\\|").FindStringSubmatch(text)
		switch {
		case row == nil:
			t.Errorf("operations.md does not have the setting %s", s.Key)
		case strings.TrimSpace(row[1]) != value:
			t.Errorf("operations.md: the default of %s is %q, not %q", s.Key, value, strings.TrimSpace(row[1]))
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+(?:\\.[a-z_]+)?)` \\| [^|]*\\| [^|]*\\|$").FindAllStringSubmatch(section(t, text, "## Settings", "## Health"), -1) {
		if !known[row[1]] {
			t.Errorf("operations.md has the setting %s, which there is not", row[1])
		}
	}
}

func TestEveryEventTypeIsDocumented(t *testing.T) {
	text := read(t, "events.md")
	for _, name := range frontdesk.EventTypes {
		if !strings.Contains(text, "| `"+name+"` |") {
			t.Errorf("events.md does not have %s", name)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+\\.[a-z_]+)` \\|").FindAllStringSubmatch(text, -1) {
		found := false
		for _, name := range frontdesk.EventTypes {
			found = found || name == row[1]
		}
		if !found {
			t.Errorf("events.md has %s, which there is not", row[1])
		}
	}
}

func TestEveryErrorKindIsDocumented(t *testing.T) {
	text := read(t, "protocol.md")
	for k := frontdesk.Internal; k <= frontdesk.Unavailable; k++ {
		if !strings.Contains(text, "| `"+k.String()+"` |") {
			t.Errorf("protocol.md does not have the kind %s", k)
		}
	}
}

// Links between the documents lead somewhere.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "build") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		for _, m := range link.FindAllStringSubmatch(read(t, path), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s: %s is not there", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func section(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	if !ok {
		t.Fatalf("no section %s", from)
	}
	part, _, ok := strings.Cut(rest, to)
	if !ok {
		t.Fatalf("no section %s", to)
	}
	return part
}
