package conversation_test

import (
	"flag"
	"os"
	"testing"

	"frontdesk/internal/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	// Each check runs whole processes. More on demand: -rapid.checks=1000.
	if err := flag.Set("rapid.checks", "60"); err != nil {
		panic(err)
	}
	flag.Parse()
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}
