package search

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}

// shelf is where the searched messages live: as they are now.
type shelf struct {
	texts map[Ref]string // without those that were recalled
	bot   map[Ref]bool   // which the bot said
	names map[string]string
}

func (s shelf) Messages(_ context.Context, _ string, refs []Ref) (out []Message, err error) {
	for _, r := range refs {
		if text, ok := s.texts[r]; ok {
			m := Message{Ref: r, Text: text, From: "customer", At: r.Seq}
			if s.bot[r] {
				m.From = "bot"
			}
			out = append(out, m)
		}
	}
	return out, nil
}
func (s shelf) MessagesIn(_ *sqldb.Tx, tenant string, refs []Ref) ([]Message, error) {
	return s.Messages(context.Background(), tenant, refs)
}
func (s shelf) Names(_ context.Context, _ string, ids []string) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range ids {
		out[id] = s.names[id]
	}
	return out, nil
}
func (s shelf) NamesIn(_ *sqldb.Tx, tenant string, ids []string) (map[string]string, error) {
	return s.Names(context.Background(), tenant, ids)
}

// desk is an index over a shelf, moved by events as the consumer would.
type desk struct {
	t *testing.T
	*Search
	shelf shelf
}

func newDesk(t *testing.T, db *sqldb.DB) *desk {
	s := shelf{map[Ref]string{}, map[Ref]bool{}, map[string]string{}}
	return &desk{t, New(db, s), s}
}

func (d *desk) events(events ...frontdesk.Event) {
	d.t.Helper()
	if err := d.db.Write(d.t.Context(), func(tx *sqldb.Tx) error { return d.Consumer().Handle(tx, events) }); err != nil {
		d.t.Fatal(err)
	}
}

func event(tenant, kind, conversation string, data map[string]any) frontdesk.Event {
	body, _ := json.Marshal(data)
	return frontdesk.Event{Tenant: tenant, Type: kind, Conversation: conversation, Data: body}
}

func (d *desk) say(tenant, conversation string, seq int64, text string) {
	d.t.Helper()
	d.shelf.texts[Ref{conversation, seq}] = text
	d.events(event(tenant, frontdesk.EvMessageReceived, conversation, map[string]any{"seq": seq}))
}

// find returns the conversations found, with what is marked.
func (d *desk) find(tenant, q string) []string {
	d.t.Helper()
	hits, _, err := d.Messages(d.t.Context(), tenant, q, 10)
	if err != nil {
		d.t.Fatalf("%q: %v", q, err)
	}
	out := []string{}
	for _, h := range hits {
		marked := h.Conversation
		for _, m := range h.Marks {
			marked += " " + string([]rune(h.Snippet)[m[0]:m[1]])
		}
		out = append(out, marked)
	}
	return out
}

func TestWhatIsFound(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		d := newDesk(t, db)
		for i, text := range []string{
			"我要退款，昨天买的",                       // a0
			"怎麼退貨？",                           // a1: traditional
			"型号是 A 的那台，不是 B2",                 // a2
			"Where is my ORDER FD0000123456?", // a3
			"iPhone15 的壳",                     // a4
			"我的电话是 <phone:1>，退",               // a5
			"款式不错，退不退都行",                      // a6: both characters of 退款 but not beside each other
			"ｆｕｌｌ　ｗｉｄｔｈ 全角",                   // a7
			"naïve café déjà",                 // a8
			"สวัสดีครับ ขอคืนเงิน",            // a9
		} {
			d.say("t", fmt.Sprint("a", i), 1, text)
		}
		for _, c := range []struct {
			q    string
			want []string
		}{
			{"退款", []string{"a0 退款"}},
			{"退", []string{"a6 退 退", "a5 退", "a1 退", "a0 退"}},
			{"退货", []string{"a1 退貨"}},
			{"退貨？", []string{"a1 退貨"}},
			{"a", []string{"a2 A"}},
			{"A", []string{"a2 A"}},
			{"b2", []string{"a2 B2"}},
			{"order", []string{"a3 ORDER"}},
			{"ord", []string{"a3 ORD"}}, // may go on
			{"rder", []string{}},        // a word's middle is not a word
			{"fd0000123456", []string{"a3 FD0000123456"}},
			{"fd00001", []string{"a3 FD00001"}},
			{"iphone", []string{"a4 iPhone"}},
			{"iphone15", []string{"a4 iPhone15"}},
			{"15", []string{"a4 15"}},
			{"1", []string{}},
			{"phone", []string{}}, // what is masked is nobody's word
			{"退款 昨天", []string{"a0 退款 昨天"}},
			{"退款 明天", []string{}},
			{"full width", []string{"a7 ｆｕｌｌ ｗｉｄｔｈ"}},
			{"café", []string{"a8 café"}},
			{"คืน", []string{"a9 คืน"}},
			{"", []string{}},
			{" ,.!?、。\u0001", []string{}},
			{`" OR 1=1 --`, []string{}},
			{`'退款' & !x | y:*`, []string{}},
		} {
			if diff := cmp.Diff(c.want, d.find("t", c.q)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", c.q, diff)
			}
		}
		if got := d.find("other", "退款"); len(got) > 0 {
			t.Errorf("another tenant finds %v", got)
		}
	})
}

func TestNewestFirstEachConversationOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		d := newDesk(t, db)
		for i := range int64(200) {
			d.say("t", fmt.Sprintf("c%02d", i%20), i+1, fmt.Sprintf("第 %d 次问物流", i))
			d.say("u", "foreign", i+1, "物流")
		}
		hits, complete, err := d.Messages(t.Context(), "t", "物流", 7)
		if err != nil || complete || len(hits) != 7 {
			t.Fatalf("%d hits, complete %v, %v", len(hits), complete, err)
		}
		for i, h := range hits {
			if h.Conversation != fmt.Sprintf("c%02d", 19-i) || h.Seq != int64(200-i) {
				t.Errorf("hit %d is %v", i, h.Ref)
			}
		}
		if hits, complete, err = d.Messages(t.Context(), "t", "物流", 20); err != nil || !complete || len(hits) != 20 {
			t.Errorf("all: %d hits, complete %v, %v", len(hits), complete, err)
		}
	})
}

func TestChangedMessages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		d := newDesk(t, db)
		d.say("t", "c", 1, "密码是长颈鹿")
		d.say("t", "c", 2, "再说一遍：长颈鹿")
		ref := Ref{"c", 2}
		changed := event("t", frontdesk.EvMessageChanged, "c", map[string]any{"seq": 2, "change": 3})

		d.shelf.texts[ref] = "再说一遍：大象"
		if got := d.find("t", "长颈鹿"); !slices.Equal(got, []string{"c 长颈鹿"}) { // by the first message now
			t.Errorf("before the index has heard of the revision: %v", got)
		}
		if hits, _, _ := d.Messages(t.Context(), "t", "长颈鹿", 5); len(hits) != 1 || hits[0].Seq != 1 {
			t.Errorf("found %+v, want the message that still says it", hits)
		}
		d.events(changed)
		if got := d.find("t", "大象"); !slices.Equal(got, []string{"c 大象"}) {
			t.Errorf("revised: %v", got)
		}
		delete(d.shelf.texts, ref) // recalled
		if got := d.find("t", "大象"); len(got) != 0 {
			t.Errorf("recalled a moment ago: %v", got)
		}
		d.events(changed)
		var rows int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM search_row").Scan(&rows); err != nil || rows != 1 {
			t.Errorf("%d rows left (%v), want that of the other message", rows, err)
		}
		d.events(changed, changed) // handled again after a crash
		if got := d.find("t", "密码"); !slices.Equal(got, []string{"c 密码"}) {
			t.Errorf("the other message: %v", got)
		}
	})
}

func TestRepliesAndNames(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		d := newDesk(t, db)
		d.shelf.texts[Ref{"c", 4}], d.shelf.texts[Ref{"c", 5}] = "第一句", "第二句"
		d.events(event("t", frontdesk.EvMessageSent, "c", map[string]any{"seq": 4}), event("t", frontdesk.EvMessageSent, "c", map[string]any{"seq": 5}))
		if got := d.find("t", "第二"); !slices.Equal(got, []string{"c 第二"}) {
			t.Errorf("replies: %v", got)
		}
		// The bot's words are the knowledge's and are found there, also after a change.
		d.shelf.texts[Ref{"c", 6}], d.shelf.bot[Ref{"c", 6}] = "第二句", true
		d.events(event("t", frontdesk.EvTurnCompleted, "c", map[string]any{"reply_seqs": []int{6}}), event("t", frontdesk.EvMessageChanged, "c", map[string]any{"seq": 6}))
		if got := d.find("t", "第二"); !slices.Equal(got, []string{"c 第二"}) {
			t.Errorf("with the bot's: %v", got)
		}
		d.shelf.names["p1"], d.shelf.names["p2"] = "欧阳小雨", "Ann O'Neil"
		d.events(frontdesk.Event{Tenant: "t", Type: frontdesk.EvVisitorIdentified, Subject: "p1"}, frontdesk.Event{Tenant: "t", Type: frontdesk.EvVisitorIdentified, Subject: "p2"})
		for q, want := range map[string]string{"小": "p1", "欧阳": "p1", "neil": "p2", "ann": "p2", "雨小": ""} {
			hits, complete, err := d.Contacts(t.Context(), "t", q, 5)
			got := ""
			for _, h := range hits {
				got += h.Contact
			}
			if err != nil || !complete || got != want {
				t.Errorf("%q found %q, want %q (%v)", q, got, want, err)
			}
		}
		d.shelf.names["p1"] = ""
		d.say("t", "theirs", 1, "第一句")
		// Their messages are emptied a little later, but are not found from now on.
		d.events(event("t", frontdesk.EvMessageReceived, "theirs", map[string]any{"seq": 1}),
			frontdesk.Event{Tenant: "t", Type: frontdesk.EvPersonErased, Subject: "p1", Data: []byte(`{"conversations":["theirs"]}`)})
		if got := d.find("t", "第一"); !slices.Equal(got, []string{"c 第一"}) {
			t.Errorf("after an erasure: %v, want only what others said", got)
		}
		if hits, _, _ := d.Contacts(t.Context(), "t", "欧阳", 5); len(hits) != 0 {
			t.Errorf("an erased person is found: %v", hits)
		}
	})
}

// What is common is found among the newest rows, what is rare by the index: on both sides of the border.
func TestBothWaysFindTheSame(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		const n = newestRows + 3000
		report, err := Bench(t.Context(), db, []string{"怎么退款", "什么时候发货", "鲸鱼不见了在哪里"}, n, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := New(db, madeUp{[]string{"怎么退款", "什么时候发货", "鲸鱼不见了在哪里"}})
		// The number of a message far behind the newest rows, of one in front.
		for _, i := range []int64{5, n - 3 - (n-3)%5} {
			code := fmt.Sprintf("FD%010d", i*7919%10_000_000_000)
			hits, complete, err := s.Messages(t.Context(), "bench", code, 5)
			if err != nil || !complete || len(hits) != 1 || !strings.Contains(hits[0].Text, code) {
				t.Errorf("message %d by %s: %+v, %v", i, code, hits, err)
			}
		}
		if hits, complete, err := s.Messages(t.Context(), "bench", "退款", 5); err != nil || complete || len(hits) != 5 {
			t.Errorf("common: %d hits, complete %v, %v", len(hits), complete, err)
		}
		if len(report.Queries) < 10 || report.IndexMB <= 0 || report.IndexUS <= 0 {
			t.Errorf("report %+v", report)
		}
	})
}

func TestSnippet(t *testing.T) {
	long := strings.Repeat("很长的话", 100) + "关键" + strings.Repeat("后面", 100)
	cut, marks := snippet(long, [][2]int{{400, 402}})
	runes := []rune(cut)
	if len(runes) > snippetRunes+2 || len(marks) != 1 || string(runes[marks[0][0]:marks[0][1]]) != "关键" || runes[0] != '…' || runes[len(runes)-1] != '…' {
		t.Errorf("%q %v", cut, marks)
	}
	if cut, marks := snippet("两\n行", [][2]int{{2, 3}, {0, 1}, {0, 1}}); cut != "两 行" || !slices.Equal(marks, [][2]int{{0, 1}, {2, 3}}) {
		t.Errorf("%q %v", cut, marks)
	}
}

// Whatever is typed, a query is a valid one on both databases and bounded, and a text is found by what stands in it.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"退款", "a", "A-1 2033", `"*`, "'", "\\", "<phone:1>", "é", "👩‍👩‍👧", strings.Repeat("长", 500), "ﬁ", "İ", "\xff", "a b c d e f g h i j k l m n o p q r s t u v w x y z", "ｶﾞ", "1️⃣", "ß"} {
		f.Add(s)
	}
	db := sqldbtest.SQLite(f)
	var pg *sqldb.DB
	if os.Getenv("FRONTDESK_FUZZ_POSTGRES") != "" {
		pg = sqldbtest.Postgres(f)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, ok := parse(text)
		if len(q.tokens) > maxQueryTokens {
			t.Fatalf("%d tokens", len(q.tokens))
		}
		if !ok {
			return
		}
		for _, on := range []*sqldb.DB{db, pg} {
			if on == nil {
				continue
			}
			if _, _, err := New(on, nil).candidates(t.Context(), q, stretch{0, 1, false}); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
		if len([]rune(text)) > maxQueryRunes {
			return
		}
		have := tokens(text)
		for _, tok := range q.tokens {
			if len(have) < maxTokens && !slices.Contains(have, tok) {
				t.Errorf("%q is not found by its own token %q", text, tok)
			}
		}
		if marks := q.match(fold(text)); marks == nil {
			t.Errorf("%q does not match itself", text)
		} else if _, cut := snippet(text, marks); len(cut) == 0 {
			t.Errorf("%q: nothing is marked", text)
		}
	})
}
