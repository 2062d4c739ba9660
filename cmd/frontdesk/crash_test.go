package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"frontdesk/internal/sqldb/sqldbtest"
)

// Kills at seeded moments, on both databases: what was acknowledged is there, once, in order.
func TestKillsLoseNothing(t *testing.T) {
	if os.Getenv("FRONTDESK_TEST_LONG") == "" {
		t.Skip("takes minutes: make test-long runs it")
	}
	program := filepath.Join(t.TempDir(), "frontdesk")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for name, place := range map[string]func(t *testing.T) []string{
		"sqlite":   func(*testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string { return []string{"--postgres", sqldbtest.PostgresURL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			kills := os.Getenv("FRONTDESK_TEST_KILLS")
			if kills == "" {
				kills = "40"
			}
			command := exec.Command(program, append([]string{"bench", "crash", "--kills", kills, "--seed", "1", "--json"}, place(t)...)...)
			command.Stderr = os.Stderr
			out, err := command.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var r struct{ Kills, Acked, Lost, Duplicated, Reordered int }
			if err := json.Unmarshal(out, &r); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			t.Logf("%s", out)
			if r.Acked == 0 || r.Lost+r.Duplicated+r.Reordered > 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}
