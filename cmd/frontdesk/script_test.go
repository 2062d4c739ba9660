package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"frontdesk": main})
}

// The scripts in testdata/script are the commands as people type them: what they print, where, and their exit codes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
		},
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			for _, name := range []string{"FRONTDESK_CONFIG", "FRONTDESK_MASTER_KEY"} {
				env.Setenv(name, "")
			}
			return nil
		},
	})
}

// exits runs a command and compares its exit code: "exits 2 frontdesk ...". testscript's exec knows only success and failure.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		code = exitWord(err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

func exitWord(err error) string {
	type coder interface{ ExitCode() int }
	if e, ok := err.(coder); ok {
		return string(rune('0' + e.ExitCode()))
	}
	return err.Error()
}
