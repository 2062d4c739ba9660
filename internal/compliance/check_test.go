package compliance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"pgregory.net/rapid"
)

var fromBot = Facts{Tenant: "t1", Origin: OriginBot, Site: "s1", Language: "zh"}

func checker(t testing.TB, db *sqldb.DB) *Checker {
	t.Helper()
	k, err := NewChecker(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCheck(t *testing.T) {
	k := checker(t, nil)
	for _, tt := range []struct{ text, action, want string }{
		{"七天内可以无理由退货。", ActionPass, "七天内可以无理由退货。"},
		{"请打138 0013 8000找师傅", ActionMask, "请打138****8000找师傅"},
		{"卡号6222020200112230004，身份证11010519491231002X", ActionMask, "卡号6222***********0004，身份证110***********002X"},
		{"您留的电话是<phone:1>", ActionPass, "您留的电话是<phone:1>"},
		{"这是全网最低价，打13800138000", ActionMask, "这是＊＊＊＊＊，打138****8000"},
		{"我们保证赔付", ActionBlock, ""},
		{"这个稳赚不赔", ActionBlock, ""},
		{"ＦＵＣＫ ＹＯＵ", ActionBlock, ""},
		{"You Idiot", ActionBlock, ""},

		// ordinary service sentences that hold pieces of the words
		{"您是今天第一位咨询的顾客，请稍等", ActionPass, ""},
		{"首先请您打开水龙头，其次按电源键", ActionPass, ""},
		{"滚筒洗衣机过去死机过一次，重启即可", ActionPass, ""},
		{"质量保证，保修期内免费维修；若有问题我们会赔偿", ActionPass, ""},
		{"最低价格以页面为准", ActionPass, ""},
		{"You idiotproof the install with this bracket", ActionPass, ""},
		{"客服热线 400-800-8820", ActionPass, ""},
	} {
		v, err := k.Check(frontdesk.TextContent(tt.text), fromBot)
		if err != nil || v.Action != tt.action {
			t.Errorf("%q: %s, %v; want %s (%+v)", tt.text, v.Action, err, tt.action, v.Hits)
			continue
		}
		if v.Content.OK() != (tt.action != ActionBlock) || (len(v.Reasons()) > 0) != (tt.action == ActionBlock) {
			t.Errorf("%q: content %v, reasons %q", tt.text, v.Content, v.Reasons())
		}
		if tt.action == ActionPass && tt.want == "" {
			tt.want = tt.text
		}
		if got := v.Content.Content().Text(); got != tt.want {
			t.Errorf("%q: sent as %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{"": "", "你好": "你好", "13800138000和138 0013 8001.png": "138****8000和138****8001.png"} {
		if got := Redact(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestCheckSeesWhatAPersonSees(t *testing.T) {
	k := checker(t, nil)
	n := 0
	everywhere("x").Map(func(s string) string { n++; return s })

	v, err := k.Check(everywhere("打13800138000"), fromBot)
	if err != nil || len(v.Hits) != n {
		t.Fatalf("%d hits in %d strings, %v", len(v.Hits), n, err)
	}
	visible(v.Content.Content(), func(part int, s string) {
		if s != "打138****8000" {
			t.Errorf("part %d is sent as %q", part, s)
		}
	})
	// One bad string anywhere holds all of it back.
	for bad := range n {
		i := -1
		c := everywhere("x").Map(func(s string) string {
			if i++; i == bad {
				return "保证赔付"
			}
			return s
		})
		if v, err := k.Check(c, fromBot); err != nil || v.Action != ActionBlock || v.Hits[0].Field != bad {
			t.Errorf("string %d: %s, %v", bad, v.Action, err)
		}
	}
}

func TestCheckFailsClosed(t *testing.T) {
	k := checker(t, nil)
	for name, c := range map[string]frontdesk.Content{
		"broken UTF-8": everywhere("\xff"),
		"empty":        {},
	} {
		if v, err := k.Check(c, fromBot); err == nil || v.Content.OK() || v.Action != "" {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
	if v, err := (&Checker{}).Check(frontdesk.TextContent("你好"), fromBot); err == nil || v.Content.OK() {
		t.Errorf("rules not loaded: %+v, %v", v, err)
	}
	var forged struct{ C Checked }
	if err := json.Unmarshal([]byte(`{"C":{"content":{"parts":[]},"ok":true,"parts":[{"kind":"text","text":"x"}]}}`), &forged); err == nil && forged.C.OK() {
		t.Error("JSON made a checked content")
	}
}

func TestCheckedSurvivesTheStore(t *testing.T) {
	v, err := checker(t, nil).Check(everywhere("打13800138000"), fromBot)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v.Content)
	if err != nil {
		t.Fatal(err)
	}
	var c frontdesk.Content
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(c); err != nil || string(again) != string(text) {
		t.Errorf("stored %s, read back %s", text, again)
	}
}

func TestCheckTakesDangerousLinksOff(t *testing.T) {
	k := checker(t, nil)
	for link, ok := range map[string]bool{
		"": true, "https://shop.example/returns": true, "http://shop.example/": true, "/help/returns": true,
		"javascript:alert(1)": false, "JaVaScRiPt:alert(1)": false, "data:text/html,x": false, "file:///etc/passwd": false,
		"//evil.example": false, "/\\evil.example": false, "https://user:pw@evil.example": false, "https:": false, "java\nscript:x": false,
	} {
		in := frontdesk.Content{Parts: []frontdesk.Part{{Kind: frontdesk.PartText, Text: "x", Sources: []frontdesk.Source{{Title: "a", URL: "/a"}, {Title: "b", URL: link}}}}}
		v, err := k.Check(in, fromBot)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Content.Content().Parts[0].Sources[1].URL; (got == link) != ok || !ok && got != "" {
			t.Errorf("%q is sent as %q", link, got)
		}
		if in.Parts[0].Sources[1].URL != link {
			t.Error("the caller's content was changed")
		}
	}
}

func TestWordsOfATenant(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		here, there := checker(t, db), checker(t, db) // two nodes
		action := func(k *Checker, tenant, text string) string {
			v, err := k.Check(frontdesk.TextContent(text), Facts{Tenant: tenant})
			if err != nil {
				t.Fatal(err)
			}
			return v.Action
		}
		if err := here.SetWords(t.Context(), "t1", []Word{{"竞品甲", ActionMask, "names a competitor"}, {"绝密", ActionBlock, "secret"}}); err != nil {
			t.Fatal(err)
		}
		if a, b := action(here, "t1", "比竞品甲好"), action(here, "t1", "保证赔付"); a != ActionMask || b != ActionPass {
			t.Errorf("own list: %s, %s", a, b)
		}
		if a := action(here, "t2", "保证赔付"); a != ActionBlock {
			t.Errorf("default list of another tenant: %s", a)
		}
		if a := action(there, "t1", "绝密"); a != ActionPass {
			t.Errorf("before the refresh: %s", a)
		}
		if err := there.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a := action(there, "t1", "绝密"); a != ActionBlock {
			t.Errorf("after the refresh: %s", a)
		}
		if err := here.SetWords(t.Context(), "t1", nil); err != nil {
			t.Fatal(err)
		}
		if words, err := there.Words(t.Context(), "t1"); err != nil || len(words) != 0 {
			t.Errorf("an empty list is read as %v, %v", words, err)
		}
		if words, err := there.Words(t.Context(), "t2"); err != nil || len(words) != len(DefaultWords()) {
			t.Errorf("a missing list is read as %d words, %v", len(words), err)
		}
		var long []Word
		for n := range 400 {
			long = append(long, Word{fmt.Sprintf("%032d", n), ActionMask, ""})
		}
		for name, list := range map[string][]Word{
			"one character": {{"绝", ActionMask, ""}}, "action": {{"绝密", "shout", ""}}, "twice": {{"ABC", ActionMask, ""}, {"ａｂｃ", ActionMask, ""}},
			"space": {{" 绝密", ActionMask, ""}}, "broken": {{"a\xff", ActionMask, ""}}, "many": make([]Word, maxWords+1), "long": long,
		} {
			if err := here.SetWords(t.Context(), "t1", list); frontdesk.KindOf(err) != frontdesk.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestMatchIsLeftmostLongest compares the automaton with the obvious way.
func TestMatchIsLeftmostLongest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfNDistinct(rapid.StringMatching(`[甲乙1２]{2,4}`), 1, 8, func(s string) string { f, _ := fold(s); return string(f) }).Draw(t, "words")
		text := rapid.StringMatching(`[甲乙丙12１２Ａ]{0,24}`).Draw(t, "text")
		var list []Word
		for _, w := range words {
			list = append(list, Word{w, ActionMask, ""})
		}
		compiled, err := compile(list)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range compiled.match(text) {
			if !utf8.ValidString(text[m.start:m.end]) {
				t.Fatalf("%q: %+v cuts a character", text, m)
			}
			got = append(got, fmt.Sprint(m.start, " ", text[m.start:m.end]))
		}
		var want []string
		for i := 0; i < len(text); {
			_, size := utf8.DecodeRuneInString(text[i:])
			end := i
			for j := i + 1; j <= len(text); j++ {
				a, _ := fold(text[i:j])
				if slices.ContainsFunc(words, func(w string) bool { b, _ := fold(w); return string(a) == string(b) }) {
					end = j
				}
			}
			if end > i {
				want = append(want, fmt.Sprint(i, " ", text[i:end]))
				i = end
			} else {
				i += size
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q in %q: got %q, want %q", words, text, got, want)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	k := checker(b, nil)
	c := frontdesk.TextContent(strings.Repeat("七天内可以无理由退货，退款会在三个工作日内原路返回。Please keep the box. ", 3))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Check(c, fromBot); err != nil {
			b.Fatal(err)
		}
	}
}
