package demo_test

import (
	"os"
	"testing"
	"time"

	"frontdesk/demo"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/dialoguetest"
	"frontdesk/internal/dialogue/knowledge"
)

// The dialogues of this folder hold with the knowledge of this folder.
func TestGoldenDialogues(t *testing.T) {
	dialoguetest.Run(t, os.DirFS("dialogues"), dialoguetest.Stage{
		Release: knowledge.Build(demo.Entries()), Language: "zh", Actions: []string{dialogue.OrderLookup},
		Now: time.Date(2026, 3, 2, 10, 0, 0, 0, demo.Zone()),
	})
}
