package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/config"
)

// desk is a member of staff at work.
func desk(t *testing.T) context.Context {
	return frontdesk.WithActor(t.Context(), frontdesk.Actor{Tenant: tenant, Kind: frontdesk.ActorStaff, ID: "lin", Name: "林"})
}

// events are the data of the events of a type, oldest first.
func (s *server) events(kind string) (out []map[string]any) {
	s.t.Helper()
	rows, err := s.db.Query(s.t.Context(), "SELECT data FROM event WHERE type = $1 ORDER BY at, id", kind)
	must(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var body string
		must(s.t, rows.Scan(&body))
		var d map[string]any
		must(s.t, json.Unmarshal([]byte(body), &d))
		out = append(out, d)
	}
	must(s.t, rows.Err())
	return out
}

// The newest page says where to go on; older ones follow by their first number until there are none.
func TestHistoryReadsBackwards(t *testing.T) {
	v := serve(t, func(c *config.Config) { c.Limits.VisitorRate = 0 }).visitor()
	for i := range 7 {
		v.says(fmt.Sprint(i), fmt.Sprintf("第 %d 句", i))
	}
	_, err := v.conv.Take(desk(t), tenant, v.Conversation, false)
	must(t, err)
	_, err = v.conv.Note(desk(t), tenant, v.Conversation, "", frontdesk.TextContent("只给同事看"))
	must(t, err)
	whole := v.after(0, "").Messages
	var read []message
	before, pages := int64(0), 0
	for more := true; more; pages++ {
		var p struct {
			Messages []message
			More     bool
			Seq      int64
			Owner    string
		}
		v.do("GET", fmt.Sprintf("/v1/visitor/history?limit=3&before=%d", before), v.Token, "").into(t, &p)
		if before == 0 && len(v.after(p.Seq, "").Messages) > 0 {
			t.Errorf("going on at %d brings messages that were read", p.Seq)
		}
		if p.Owner != "agent" || len(p.Messages) > 3 {
			t.Fatalf("page %+v", p)
		}
		read, more = append(p.Messages, read...), p.More
		before = p.Messages[0].Seq
	}
	if fmt.Sprint(read) != fmt.Sprint(whole) || pages < 3 {
		t.Errorf("read %v in %d pages, want %v", read, pages, whole)
	}
	if a := v.do("GET", "/v1/visitor/history?before=-1", v.Token, ""); a.status != 400 {
		t.Errorf("before=-1: %d %s", a.status, a.body)
	}
	if other := v.server.visitor(); strings.Contains(other.do("GET", "/v1/visitor/history", other.Token, "").body, "第") {
		t.Error("a stranger reads it")
	}
}

// A form is answered by its own message: checked field by field, stored once, with personal data sealed.
func TestFormsAreCheckedAndStoredAsWords(t *testing.T) {
	v := serve(t, func(c *config.Config) { c.Limits.VisitorRate = 0 }).visitor()
	v.says("1", "转人工")
	_, err := v.conv.Take(desk(t), tenant, v.Conversation, false)
	must(t, err)
	m, err := v.conv.Reply(desk(t), tenant, v.Conversation, "f", frontdesk.Content{Parts: []frontdesk.Part{{Kind: frontdesk.PartForm, Form: &frontdesk.Form{
		ID: "repair", Title: "报修", Fields: []frontdesk.FormField{
			{Name: "phone", Label: "电话", Type: "phone", Required: true},
			{Name: "day", Label: "日期", Type: "date"},
			{Name: "mail", Label: "邮箱", Type: "email"},
			{Name: "count", Label: "数量", Type: "number"},
			{Name: "when", Label: "时段", Type: "choice", Choices: []string{"上午", "下午"}},
			{Name: "note", Label: "说明", Type: "text"},
		}}}}})
	must(t, err)
	fill := func(clientID string, seq int64, values string) answered {
		return v.do("POST", "/v1/visitor/forms", v.Token, fmt.Sprintf(`{"client_id":%q,"seq":%d,"values":%s}`, clientID, seq, values))
	}
	for field, values := range map[string]string{
		"phone": `{"day":"2026-11-22"}`,
		"day":   `{"phone":"0571-88001234","day":"2026-02-30"}`,
		"mail":  `{"phone":"0571-88001234","mail":"a@"}`,
		"count": `{"phone":"0571-88001234","count":"三"}`,
		"when":  `{"phone":"0571-88001234","when":"晚上"}`,
		"note":  `{"phone":"0571-88001234","note":"` + strings.Repeat("长", 501) + `"}`,
	} {
		a := fill("bad", m.Seq, values)
		if kind, got := a.problem(t); a.status != 400 || kind != "invalid" || got != field {
			t.Errorf("%s: %d %s", field, a.status, a.body)
		}
	}
	for name, seq := range map[string]int64{"no form": 1, "no message": 99} {
		if a := fill("x", seq, `{"phone":"0571-88001234"}`); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	good := `{"phone":"13800138000","day":"2026-11-24","when":"上午","note":"<b>门铃坏了</b>","stray":"x"}`
	first, again := fill("good", m.Seq, good), fill("good", m.Seq, good)
	if first.status != 200 || first.body != again.body {
		t.Fatalf("first %d %s, again %s", first.status, first.body, again.body)
	}
	got := v.after(m.Seq, "").Messages
	if len(got) != 1 || got[0].From != "customer" || got[0].Text != "电话：<phone:1>\n日期：2026-11-24\n时段：上午\n说明：<b>门铃坏了</b>" {
		t.Errorf("stored %+v", got)
	}
}

// How it was is asked once it is over; what is said last counts, and each change is one event.
func TestSatisfaction(t *testing.T) {
	v := serve(t, nil).visitor()
	say := func(body string) answered { return v.do("POST", "/v1/visitor/satisfaction", v.Token, body) }
	if a := say(`{"score":5}`); a.status != 409 {
		t.Errorf("before anything was said: %d %s", a.status, a.body)
	}
	v.says("1", question)
	v.hears(1)
	if a := say(`{"score":5}`); a.status != 409 {
		t.Errorf("before the end: %d %s", a.status, a.body)
	}
	_, err := v.conv.Close(desk(t), tenant, v.Conversation, true)
	must(t, err)
	for _, body := range []string{`{}`, `{"score":0}`, `{"score":6}`, `{"score":5,"comment":"` + strings.Repeat("长", 501) + `"}`} {
		if a := say(body); a.status != 400 {
			t.Errorf("%.40s: %d %s", body, a.status, a.body)
		}
	}
	for _, body := range []string{`{"score":2}`, `{"score":2}`, `{"score":4,"comment":"请打 13800138000"}`} {
		if a := say(body); a.status != 204 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	told := v.events(frontdesk.EvConversationRated)
	if len(told) != 2 || told[0]["score"] != 2.0 || told[1]["score"] != 4.0 || told[1]["before"] != 2.0 || told[1]["comment"] != "请打 138****8000" {
		t.Errorf("told %v", told)
	}
	score, err := v.conv.Satisfaction(t.Context(), tenant, v.Conversation)
	must(t, err)
	if !strings.Contains(v.do("GET", "/v1/visitor/history", v.Token, "").body, `"satisfaction":4`) || score != 4 {
		t.Errorf("kept %d", score)
	}
	v.says("2", question) // a new episode
	if !strings.Contains(v.do("GET", "/v1/visitor/history", v.Token, "").body, `"satisfaction":0`) {
		t.Error("the new episode has the old one's score")
	}
}

// The reason for a bad answer may come after the word itself, and does not count twice.
func TestReasonComesAfterTheRating(t *testing.T) {
	v := serve(t, nil).visitor()
	v.says("1", question)
	v.hears(1)
	for _, body := range []string{`{"seq":2,"solved":false}`, `{"seq":2,"solved":false}`, `{"seq":2,"solved":false,"reason":"vague"}`} {
		if a := v.do("POST", "/v1/visitor/ratings", v.Token, body); a.status != 204 {
			t.Fatalf("%s: %d %s", body, a.status, a.body)
		}
	}
	told := v.events(frontdesk.EvAnswerRated)
	if len(told) != 2 || told[0]["before"] != 0.0 || told[1]["before"] != -1.0 || told[1]["reason"] != "vague" {
		t.Errorf("told %v", told)
	}
}

// What a visitor does on the host's pages is kept short, masked and without the secrets of addresses.
func TestTrackedEvents(t *testing.T) {
	v := serve(t, nil).visitor()
	track := func(body string) answered { return v.do("POST", "/v1/visitor/events", v.Token, body) }
	for _, body := range []string{`{}`, `{"name":"Big Name"}`, `{"name":"` + strings.Repeat("x", 65) + `"}`, `{"name":"a","data":{"x":{"y":1}}}`, `{"name":"a","data":{"x y":1}}`,
		`{"name":"a","data":{"f":1` + manyFields(21) + `}}`} {
		if a := track(body); a.status != 400 {
			t.Errorf("%.50s: %d %s", body, a.status, a.body)
		}
	}
	a := track(`{"name":"cart.added","url":"https://u:p@shop.example.test/goods/7?token=secret#x","title":"冰箱 13800138000","data":{"price":4299,"gift":true,"note":"` + strings.Repeat("长", 300) + `"}}`)
	if a.status != 204 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	track(`{"name":"page.viewed","url":"javascript:alert(1)"}`)
	track(`{"name":"page.viewed","url":"https://shop.example.test/u/%31%33800138000/%E9%80%80%E8%B4%A7%0A"}`)
	told := v.events(frontdesk.EvVisitorTracked)
	if len(told) != 3 {
		t.Fatalf("told %v", told)
	}
	data := told[0]["data"].(map[string]any)
	if told[0]["page"] != "https://shop.example.test/goods/7" || told[0]["title"] != "冰箱 138****8000" || data["price"] != "4299" || data["gift"] != "true" || len([]rune(data["note"].(string))) != 200 {
		t.Errorf("told %v", told[0])
	}
	if told[1]["page"] != nil {
		t.Errorf("an address that is no page: %v", told[1])
	}
	if told[2]["page"] != "https://shop.example.test/u/138****8000/退货" {
		t.Errorf("an address in escapes: %v", told[2])
	}
	refused := 0
	for range 40 {
		if track(`{"name":"flood"}`).status == 429 {
			refused++
		}
	}
	if refused < 15 {
		t.Errorf("%d of 40 events at once were refused", refused)
	}
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"f%d":1`, i)
	}
	return b.String()
}
