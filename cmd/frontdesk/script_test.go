package main

import (
	"context"
	"testing"
	"time"

	"frontdesk/internal/ops"
	"frontdesk/internal/sqldb/sqldbtest"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(cluster{m}, map[string]func(){"frontdesk": main})
}

// cluster ends the PostgreSQL that a test may have started.
type cluster struct{ *testing.M }

func (c cluster) Run() int {
	defer sqldbtest.Stop()
	return c.M.Run()
}

// The scripts in testdata/script are the commands as people type them: what they print, where, and their exit codes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
			"ready": ready,
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

// ready waits until the server that holds a folder says that it is ready: "ready DIR".
func ready(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ready DIR")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var state struct{ Ready bool }
		err := ops.Call(ctx, ts.MkAbs(args[0]), "health", struct{}{}, nil, &state, nil)
		if err == nil && state.Ready {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("not ready: %v", err)
		case <-tick.C:
		}
	}
}
