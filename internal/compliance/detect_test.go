package compliance

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"frontdesk"

	"pgregory.net/rapid"
)

func TestDetect(t *testing.T) {
	tests := []struct {
		text string
		want string // the text with found values replaced by [kind:value]
	}{
		// phones as people write them
		{"我的手机是13800138000，麻烦回电", "我的手机是[phone:13800138000]，麻烦回电"},
		{"138 0013 8000", "[phone:13800138000]"},
		{"电话：138-0013-8000。", "电话：[phone:13800138000]。"},
		{"138.0013.8000", "[phone:13800138000]"},
		{"138　0013　8000", "[phone:13800138000]"},
		{"１３８００１３８０００", "[phone:13800138000]"},
		{"１３８－００１３－８０００", "[phone:13800138000]"},
		{"1 3 8 0 0 1 3 8 0 0 0", "[phone:13800138000]"},
		{"1380013 8000", "[phone:13800138000]"},
		{"138 00138000", "[phone:13800138000]"},
		{"1380-0138-000", "[phone:13800138000]"},
		{"+8613800138000", "[phone:13800138000]"},
		{"+86 138 0013 8000", "[phone:13800138000]"},
		{"+86-138-0013-8000", "[phone:13800138000]"},
		{"（+86）13800138000", "[phone:13800138000]"},
		{"(+86) 138 0013 8000", "[phone:13800138000]"},
		{"008613800138000", "[phone:13800138000]"},
		{"86 13800138000", "[phone:13800138000]"},
		{"+86138 0013 8000", "[phone:13800138000]"},
		{"打一三八零零一三八零零零给我", "打[phone:13800138000]给我"},
		{"第一13800138000", "第一[phone:13800138000]"},
		{"13800138000、13900139000", "[phone:13800138000]、[phone:13900139000]"},
		{"13800138000 13900139000", "[phone:13800138000] [phone:13900139000]"},
		{"13800138000\n13900139000", "[phone:13800138000]\n[phone:13900139000]"},
		{"1.13800138000 2.13900139000", "1.[phone:13800138000] 2.[phone:13900139000]"},
		{"tel13800138000", "tel[phone:13800138000]"},
		{"Phone:13800138000", "Phone:[phone:13800138000]"},
		{"No.138-0013-8000", "No.[phone:13800138000]"},
		{"Call 138-0013-8000.Thanks", "Call [phone:13800138000].Thanks"},
		{"13800138000微信同号", "[phone:13800138000]微信同号"},
		{"13800138000www.example.com", "[phone:13800138000]www.example.com"},
		{"13800138000wechat", "[phone:13800138000]wechat"},
		{"😀13800138000😀", "😀[phone:13800138000]😀"},

		// cards and identity numbers
		{"卡号6222020200112230004谢谢", "卡号[bank_card:6222020200112230004]谢谢"},
		{"6222 0202 0011 2230 004", "[bank_card:6222020200112230004]"},
		{"4111-1111-1111-1111", "[bank_card:4111111111111111]"},
		{"身份证11010519491231002X帮我查一下", "身份证[id_card:11010519491231002X]帮我查一下"},
		{"11010519491231002x", "[id_card:11010519491231002X]"},
		{"110105 19491231 002X", "[id_card:11010519491231002X]"},
		{"１１０１０５１９４９１２３１００２Ｘ", "[id_card:11010519491231002X]"},
		{"13800138000 11010519491231002X 6222020200112230004", "[phone:13800138000] [id_card:11010519491231002X] [bank_card:6222020200112230004]"},

		// what must stay as it is
		{"订单号20231115123456789012什么时候发货", ""}, // 20 digits
		{"订单号20231115123456789什么时候发货", ""},
		{"订单YS0013800138000", ""},
		{"订单YS13800138000", ""},
		{"YS0012345678", ""},
		{"我买了13件，一共8123元", ""},
		{"型号XQG100-14388WDXU多少钱", ""},
		{"XQG138-0013-8000", ""},
		{"138-0013-8000WDX", ""},
		{"KFR138 0013 8000", ""},
		{"13800138000A", ""},
		{"a_13800138000", ""},
		{"138001380001", ""},
		{"0138001380", ""},
		{"23800138000", ""},
		{"12800138000", ""},
		{"2026-11-22 16:31:10", ""},
		{"20261122163110", ""},
		{"1763829070000", ""}, // milliseconds since 1970
		{"1763829070", ""},
		{"13,800,138,000元", ""},
		{"0.13800138000", ""},
		{"1399 1899 399", ""}, // three prices
		{"199 2026 1122", ""}, // a price and a day
		{"400-800-8820", ""},  // a hotline is no person's
		{"010-62345678", ""},
		{"192.168.100.200", ""},
		{"会议室在3楼301", ""},
		{"11010519491231002Y", ""},
		{"110105194912310021", ""}, // check digit wrong
		{"11010519491331002X", ""}, // month 13
		{"6222020200112230005", ""},
		{"订单号：6222020200112230004", ""}, // one number of ten has a right check digit
		{"<phone:1>", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if tt.want == "" {
			tt.want = tt.text
		}
		if got := marked(frontdesk.TextContent(tt.text)).Text(); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// marked replaces what Detect finds by [kind:value].
func marked(c frontdesk.Content) frontdesk.Content {
	found := Detect(c)
	return replace(c, found, func(i int) string { return "[" + found[i].Kind + ":" + found[i].Value + "]" })
}

// everywhere is content with s in each string that a person can see.
func everywhere(s string) frontdesk.Content {
	button := frontdesk.Button{Label: s, Value: s}
	return frontdesk.Content{Parts: []frontdesk.Part{
		{Kind: frontdesk.PartText, Text: s, Sources: []frontdesk.Source{{Title: s}}},
		{Kind: frontdesk.PartText},
		{Kind: frontdesk.PartFile, Attachment: &frontdesk.Attachment{Name: s}},
		{Kind: frontdesk.PartCard, Text: s, Card: &frontdesk.Card{Title: s, Lines: []frontdesk.Field{{Label: s, Value: s}, {Label: s, Value: s}}, Action: &button}},
		{Kind: frontdesk.PartButtons, Buttons: []frontdesk.Button{button, button}},
		{Kind: frontdesk.PartForm, Form: &frontdesk.Form{Title: s, Fields: []frontdesk.FormField{{Label: s, Choices: []string{s, s}}, {Label: s}}}},
	}}
}

func TestDetectSeesWhatAPersonSees(t *testing.T) {
	// Detect walks the strings by itself, to save the copy that Map makes; the two must not part ways.
	var byMap, byWalk []string
	n := 0
	numbered := everywhere("x").Map(func(string) string { n++; return strings.Repeat("x", n) })
	numbered.Map(func(s string) string { byMap = append(byMap, s); return s })
	visible(numbered, func(_ int, s string) { byWalk = append(byWalk, s) })
	if !reflect.DeepEqual(byMap, byWalk) {
		t.Fatalf("Map visits %q, Detect visits %q", byMap, byWalk)
	}

	c := everywhere("打13800138000")
	if got := len(Detect(c)); got != n {
		t.Errorf("found in %d of %d strings", got, n)
	}
	text, err := json.Marshal(marked(c))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "打13800138000") {
		t.Errorf("a number stayed: %s", text)
	}
}

func TestDetectAllocatesNothingWithoutFindings(t *testing.T) {
	for _, text := range []string{
		"你好，请问这款洗衣机什么时候能发货？我上周五下的单，现在还没有收到通知，麻烦帮我看一下",
		"订单号20231115123456789012什么时候发货", "Where is my order YS0012345678?",
	} {
		c := frontdesk.TextContent(text)
		if n := testing.AllocsPerRun(100, func() { Detect(c) }); n != 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
	}
}

func TestDetectFindsPhonesWherever(t *testing.T) {
	words := rapid.SampledFrom([]string{"", "你好", "，", "😀", "👨‍👩‍👧", "ñ", "电话", "：", "\n", "（", "请打"})
	rapid.Check(t, func(t *rapid.T) {
		phone := "1" + rapid.StringMatching(`[3-9][0-9]{9}`).Draw(t, "phone")
		written := rapid.SampledFrom([]string{phone, phone[:3] + " " + phone[3:7] + " " + phone[7:], phone[:3] + "-" + phone[3:7] + "-" + phone[7:], "+86" + phone}).Draw(t, "written")
		if looksLikeDate(digitsOf(phone[3:])) {
			t.Skip("written with spaces it reads as a price and a day")
		}
		before, after := words.Draw(t, "before"), words.Draw(t, "after")
		text := before + written + after
		found := Detect(frontdesk.TextContent(text))
		if len(found) != 1 || found[0].Value != phone || text[found[0].Start:found[0].End] != written {
			t.Fatalf("%q: found %+v", text, found)
		}
	})
}

func digitsOf(s string) []digit {
	d := make([]digit, len(s))
	for i := range d {
		d[i].value = s[i]
	}
	return d
}

func TestDetectLeavesLongerNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{20,40}|[A-Z]{2}[0-9]{8,19}|[0-9]{1,10}`).Draw(t, "text")
		if found := Detect(frontdesk.TextContent(text)); len(found) > 0 {
			t.Fatalf("%q: found %+v", text, found)
		}
	})
}

func FuzzDetect(f *testing.F) {
	for _, s := range []string{"138 0013 8000", "+86（138）", "１３８００１３８０００", "11010519491231002X", "6222 0202 0011 2230 004", "一三八", "\xff138\xef\xbc", "1-1-1-1-1-1-1-1-1-1-1-"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		found := Detect(frontdesk.TextContent(a))
		last := 0
		for _, s := range found {
			if s.Start < last || s.End <= s.Start || s.End > len(a) {
				t.Fatalf("%q: spans out of order or range: %+v", a, found)
			}
			if utf8.ValidString(a) && (!utf8.ValidString(a[:s.Start]) || !utf8.ValidString(a[s.Start:s.End])) {
				t.Fatalf("%q: a span cuts a character: %+v", a, s)
			}
			last = s.End
		}
		burst := []frontdesk.Content{frontdesk.TextContent(a), frontdesk.TextContent(b)}
		for i, pieces := range Across(burst) {
			for _, p := range pieces {
				text := burst[i].Parts[0].Text
				if p.Start < 0 || p.End > len(text) || p.Start >= p.End {
					t.Fatalf("%q %q: piece out of range: %+v", a, b, p)
				}
			}
			replace(burst[i], pieces, func(int) string { return "*" })
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	for name, text := range map[string]string{
		"none":  "你好，请问这款洗衣机什么时候能发货？我上周五下的单，现在还没有收到通知，麻烦帮我看一下，谢谢",
		"order": "订单号20231115123456789012什么时候发货，我上周五下的单，现在还没有收到通知",
		"phone": "我的手机是138 0013 8000，麻烦回电，我上周五下的单，现在还没有收到通知",
	} {
		c := frontdesk.TextContent(text)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Detect(c)
			}
		})
	}
}
