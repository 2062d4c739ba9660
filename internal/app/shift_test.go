package app

import (
	"log/slog"
	"testing"
	"time"
	"unicode"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/config"
	"frontdesk/internal/conversation"
)

// The month of history ends as a shop's morning would: whoever left a message while it was closed has heard from somebody,
// only the last few still wait, and nothing was answered late or out of order.
func TestTheQueueOfTheHistoryIsWorkedOff(t *testing.T) {
	cfg := config.Default()
	cfg.Data = t.TempDir()
	o := Options{Config: cfg, Version: "test", Log: slog.New(slog.DiscardHandler)}
	must(t, seedDemo(t.Context(), o))
	a, err := Open(t.Context(), o)
	must(t, err)
	defer a.Close()

	waiting, _, err := a.conv.List(t.Context(), demo.Tenant, conversation.Filter{Owner: conversation.OwnerQueue})
	must(t, err)
	if n := len(waiting); n == 0 || n > 12 {
		t.Errorf("%d customers wait", n)
	}
	for _, c := range waiting { // at most from closing time on, and the first minutes of the morning
		if waits := time.Since(frontdesk.FromMicros(c.QueuedAt)); waits > 13*time.Hour {
			t.Errorf("a customer has waited %v", waits)
		}
	}

	taken := 0
	var last struct {
		conversation string
		at           int64
	}
	rows, err := a.db.Query(t.Context(), `SELECT m.conversation, m.author, c.language, m.at, m.content FROM message m
		JOIN conversation c ON c.tenant = m.tenant AND c.id = m.conversation WHERE m.tenant = $1 ORDER BY m.conversation, m.seq`, demo.Tenant)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id, author, language, content string
		var at int64
		must(t, rows.Scan(&id, &author, &language, &at, &content))
		if id == last.conversation && at < last.at {
			t.Errorf("a message of %s is from before the one it follows", author)
		}
		if author == string(conversation.ByAgent) {
			taken++
		}
		if author == string(conversation.BySystem) && language == "en" {
			for _, r := range content {
				if unicode.Is(unicode.Han, r) {
					t.Errorf("an English customer reads %s", content)
					break
				}
			}
		}
		last.conversation, last.at = id, at
	}
	must(t, rows.Err())
	if taken < 20 {
		t.Errorf("agents wrote %d messages", taken)
	}

	var late int
	must(t, a.db.QueryRow(t.Context(), "SELECT count(*) FROM effect WHERE status <> 'taken'").Scan(&late))
	if late > 0 {
		t.Errorf("%d actions never came to a reply", late)
	}
}
