package app

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A customer asks, looks an order up, asks what nobody knows and asks for a person, and each figure that operations.md names
// has moved.
func TestWhatCustomersDoMovesTheFigures(t *testing.T) {
	n := start(t)
	owner, v := n.owner(), n.visitor()
	if status := n.do(owner, "POST", "/v1/knowledge", `{"question":"Do you sell kettles?","answer":"We do."}`, nil); status/100 != 2 {
		t.Fatalf("knowledge: %d", status)
	}
	after := int64(0)
	for i, text := range []string{"Do you sell kettles?", "YS2600123456", "who painted the moon in 1998?", "agent please"} {
		if status := n.do(v.header, "POST", "/v1/visitor/messages", fmt.Sprintf(`{"client_id":"%d","text":%q}`, i, text), nil); status != 200 {
			t.Fatalf("%s: %d", text, status)
		}
		for replied := false; !replied; {
			var page struct {
				Messages []struct {
					Seq  int64
					From string
				}
			}
			if status := n.do(v.header, "GET", fmt.Sprintf("/v1/visitor/messages?after=%d&wait=10", after), "", &page); status != 200 || len(page.Messages) == 0 {
				t.Fatalf("no reply to %s: %d", text, status)
			}
			for _, m := range page.Messages {
				after, replied = m.Seq, replied || m.From == "bot"
			}
		}
	}
	res, err := http.Get(n.base + "/metrics")
	must(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	must(t, err)
	for _, want := range []string{
		"frontdesk_ack_seconds_count 4",
		"frontdesk_turn_seconds_count 3", // the order's reply comes with the action's result
		"frontdesk_action_seconds_count 1",
		`frontdesk_rungs_total{rung="exact"} 1`, `frontdesk_rungs_total{rung="retrieval"} 1`,
		`frontdesk_rungs_total{rung="message"} 1`, `frontdesk_rungs_total{rung="queue"} 0`,
		`frontdesk_removed_total{kind="traces"} 0`,
		`frontdesk_http_seconds_count{route="POST /v1/visitor/messages",status="2xx"} 4`,
	} {
		if !strings.Contains(string(body), want+"\n") {
			name, _, _ := strings.Cut(want, "{")
			var like []string
			for line := range strings.Lines(string(body)) {
				if strings.HasPrefix(line, strings.Fields(name)[0]) {
					like = append(like, line)
				}
			}
			t.Errorf("no line %s; there is:\n%s", want, strings.Join(like, ""))
		}
	}
}
