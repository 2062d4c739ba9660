package conversation_test

import (
	"os"
	"testing"

	"frontdesk/internal/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}
