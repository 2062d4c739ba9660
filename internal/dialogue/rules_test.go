package dialogue

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
)

// Small talk and wishes for a person, and what only looks like them. An empty name wants a search.
func TestRules(t *testing.T) {
	for name, list := range map[string][]string{
		"greeting": {"你好", "您好！", "在吗？", "Hello", "hi there!", "Hey there", "ＨＥＬＬＯ", "你好呀~~", "Good morning."},
		"thanks":   {"谢谢", "谢谢啦！！", "好的，谢谢", "Thanks!", "thank you so much", "OK, thanks", "great, thank you", "感谢🙏"},
		"bye":      {"再见", "拜拜～", "bye", "See you later!"},
		"ok":       {"好的", "嗯嗯", "知道了", "ok", "Got it.", "不用了"},
		"identity": {"你是机器人吗？", "你是谁", "are you a bot?", "Who are you"},
		"person": {"人工", "转人工", "转人工！！！", "人工客服", "我要找真人", "帮我转人工吧", "找个活人聊行吗", "不要机器人", "给我接人工", "能不能换个人工来", "人工在吗",
			"轉人工", "I want to talk to a person", "agent", "Agent please", "please connect me to a human", "can I speak to someone?", "get me a real person now"},
		"complaint": {"我要投诉", "我要投诉！！！", "投诉", "我想投诉你们的安装师傅", "再不退我就去投诉", "服务太差了要投诉", "叫你们经理来", "我打12315了", "我要投訴",
			"I want to complain", "you people are useless, I want to complain", "I'd like to file a complaint", "complaint", "I need to speak to your manager", "get me your supervisor!"},
		"empty": {"", "？？？", "...", "😀😀", "   "},
		"": {
			"人工服务几点上班", "人工客服电话是多少", "客服几点下班？", "人工费怎么算", "人工安装要多少钱", "你们的客服态度怎么样", "人工智能电饭煲好用吗",
			"agent fee", "what is the agent fee?", "human hair dryer", "person weight limit of the scale", "who delivers it?", "how do I become an agent",
			"怎么投诉", "我要投诉你们怎么弄", "投诉电话是多少", "去哪里投诉", "投诉没人理", "投诉送货员", "how do I complain", "where can I make a complaint?", "manager",
			"机器人吸尘器怎么保修", "扫地机器人不要了能退吗", "谢谢，怎么退货？", "你好怎么退货", "好的，那运费多少钱", "hi how long is delivery", "you", "who",
		},
	} {
		for _, text := range list {
			if got := rule(text); got != name {
				t.Errorf("%q is %q, want %q", text, got, name)
			}
		}
	}
}

// Anger is heard where nothing else is said; a question in an angry voice is a question, and so is one about rubbish.
func TestUpset(t *testing.T) {
	for _, text := range []string{"垃圾", "太差劲了！", "你们就是骗子", "什么破服务", "客服真没用", "你们服务太差了", "气死我了", "答非所问", "你这机器人太笨了", "你们到底管不管", "真让人失望", "我真的受够了", "态度太差了",
		"You people are useless", "you are useless!!!", "this is ridiculous", "Worst service ever", "your support is a joke", "I'm so angry", "does anybody care?", "This is unacceptable."} {
		if !isUpset(text) {
			t.Errorf("%q is not heard as anger", text)
		}
	}
	for _, text := range []string{"垃圾处理器怎么装", "厨余垃圾", "你们的服务怎么样", "洗衣机太差劲了漏水", "楼下酒吧太吵没人管", "退款三天了你们到底管不管", "优惠券没用上", "客服几点下班", "这个型号和那个差多少", "差价怎么退",
		"is the rubbish collected?", "what is the worst case for delivery", "you are open on Sunday?", "the filter is useless after a month, how do I change it", "angry birds mug", ""} {
		if isUpset(text) {
			t.Errorf("%q is heard as anger", text)
		}
	}
}

// The moment people are back says whose clock it is.
func TestWhenNamesTheZone(t *testing.T) {
	zone := func(name string) *time.Location {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	now := time.Date(2026, 3, 2, 14, 0, 0, 0, time.UTC)
	for _, c := range []struct{ zone, zh, en string }{
		{"Asia/Shanghai", "北京时间明天 09:00", "09:00 tomorrow (UTC+8)"},
		{"Asia/Kolkata", "UTC+5:30 明天 09:00", "09:00 tomorrow (UTC+5:30)"},
		{"America/New_York", "UTC-5 明天 09:00", "09:00 tomorrow (UTC-5)"},
		{"UTC", "UTC 明天 09:00", "09:00 tomorrow (UTC)"},
	} {
		at := time.Date(2026, 3, 3, 9, 0, 0, 0, zone(c.zone))
		if zh, en := when(at, now, "zh"), when(at, now, "en"); zh != c.zh || en != c.en {
			t.Errorf("%s: %q, %q; want %q, %q", c.zone, zh, en, c.zh, c.en)
		}
	}
	if got := when(now.AddDate(0, 0, 9), now, "en"); got != "11 March, 14:00 (UTC)" {
		t.Error(got)
	}
}

// little is what a small shop knows.
var little = knowledge.Build([]knowledge.Entry{
	{ID: "return", Question: "怎么退货？", Similar: []string{"退货流程"}, Answer: "七天内可以退货。", Lang: "zh"},
	{ID: "freight", Question: "运费多少钱？", Similar: []string{"邮费"}, Answer: "满 99 元包邮。", Lang: "zh"},
	{ID: "hours", Question: "opening hours", Answer: "9 to 18.", Lang: "en"},
})

func burstOf(texts ...string) (out []Message) {
	for i, text := range texts {
		out = append(out, Message{Seq: int64(i + 1), Content: frontdesk.TextContent(text)})
	}
	return out
}

// What looks finished is not waited for.
func TestComplete(t *testing.T) {
	for _, c := range []struct {
		want  bool
		state State
		burst []string
	}{
		{true, State{}, []string{"怎么退货"}},
		{true, State{}, []string{"运费贵吗"}},
		{true, State{}, []string{"邮费"}}, // a known wording
		{true, State{}, []string{"opening hours"}},
		{true, State{}, []string{"opening", "hours"}}, // together a known wording
		{true, State{}, []string{"你好"}},
		{true, State{}, []string{"转人工"}},
		{true, State{}, []string{"YS2026010203"}},
		{true, State{}, []string{"where is my parcel"}},
		{true, State{}, []string{"坏了。"}},
		{true, State{}, []string{strings.Repeat("这个电饭煲用了两天", 4)}},
		{true, State{Expect: "order_number"}, []string{"我忘了"}},
		{true, State{}, nil},
		{false, State{}, []string{"我买的电饭煲"}},
		{false, State{}, []string{"上周到的"}},
		{false, State{}, []string{"怎么退货？", "就是那个"}}, // the last one counts
		{false, State{}, []string{"the rice cooker"}},
	} {
		if got := Complete(little, c.state, burstOf(c.burst...)); got != c.want {
			t.Errorf("%v with %+v: %v", c.burst, c.state, got)
		}
	}
	if !Complete(little, State{}, []Message{{Seq: 1, Content: frontdesk.Content{Parts: []frontdesk.Part{{Kind: frontdesk.PartImage}}}}}) {
		t.Error("a picture is waited for")
	}
}

// A burst is cut after what stands on its own; fragments go with what follows.
func TestSegments(t *testing.T) {
	for _, c := range []struct {
		burst []string
		want  [][]int64
	}{
		{[]string{"怎么退货？"}, [][]int64{{1}}},
		{[]string{"怎么退货？", "运费多少钱？"}, [][]int64{{1}, {2}}},
		{[]string{"我买的电饭煲", "上周到的", "怎么退货？"}, [][]int64{{1, 2, 3}}},
		{[]string{"怎么退货？", "那个电饭煲", "运费多少钱？"}, [][]int64{{1}, {2, 3}}},
		{[]string{"你好", "那个电饭煲"}, [][]int64{{1}, {2}}},
		{[]string{"opening", "hours", "怎么退货"}, [][]int64{{1, 2}, {3}}},
	} {
		st := &step{release: little, in: Input{Messages: burstOf(c.burst...)}}
		var got [][]int64
		for _, seg := range st.segments() {
			got = append(got, seg.seqs)
		}
		if !slices.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("%v is cut into %v, want %v", c.burst, got, c.want)
		}
	}
}

// Each message of a burst belongs to exactly one reply or none, in order, and a long burst leaves the rest for the next step.
func TestLongBurstLeavesTheRest(t *testing.T) {
	var texts []string
	for range 5 {
		texts = append(texts, "怎么退货？", "运费多少钱？")
	}
	out, err := Respond(t.Context(), little, State{}, Input{Kind: InBurst, Messages: burstOf(texts...), Language: "zh", Owner: "bot"})
	if err != nil {
		t.Fatal(err)
	}
	if out.UpTo != segmentsMax || len(out.Replies) != segmentsMax {
		t.Errorf("dealt with %d messages by %d replies, want %d", out.UpTo, len(out.Replies), segmentsMax)
	}
}

// A step changes nothing of what it is given: the same state gives the same outcome again.
func TestRespondIsPure(t *testing.T) {
	state := State{Language: "zh", Recent: []string{"怎么退货？", "运费多少钱？", "怎么退货？"}, Missed: 1}
	in := Input{Kind: InBurst, Messages: burstOf("你们老板家的猫叫什么？"), Language: "zh", Owner: "bot"}
	first, err := Respond(t.Context(), little, state, in)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Respond(t.Context(), little, state, in)
	if err != nil {
		t.Fatal(err)
	}
	if state.Missed != 1 || state.Recent[2] != "怎么退货？" || len(state.Recent) != 3 {
		t.Errorf("the step changed its state: %+v", state)
	}
	if first.Replies[0].Content.Text() != second.Replies[0].Content.Text() || first.State.Missed != second.State.Missed {
		t.Error("two steps from the same differ")
	}
}

// Letters of an order number or of a sealed value are not the customer's language.
func TestLanguageIsTheCustomersWords(t *testing.T) {
	state := State{Language: "zh"}
	for text, want := range map[string]string{"YS2026010203": "zh", "<phone:1>": "zh", "ｙｓ2026010203": "zh", "where is YS2026010203": "en", "call <phone:1>": "en", "8000": "zh"} {
		out, err := Respond(t.Context(), little, state, Input{Kind: InBurst, Messages: burstOf(text), Language: "zh", Owner: "bot", Actions: []string{OrderLookup}})
		if err != nil {
			t.Fatal(err)
		}
		if out.State.Language != want {
			t.Errorf("%q switches to %s, want %s", text, out.State.Language, want)
		}
	}
}

// A late result of a call that was replaced by a newer one says nothing; the newer one answers for both.
func TestOnlyTheNewestLookUpAnswers(t *testing.T) {
	in := Input{Kind: InBurst, Language: "zh", Owner: "bot", Actions: []string{OrderLookup}}
	in.Messages = burstOf("YS2026010203")
	first, err := Respond(t.Context(), little, State{}, in)
	if err != nil {
		t.Fatal(err)
	}
	in.Messages = []Message{{Seq: 2, Content: frontdesk.TextContent("YS2026010204")}}
	second, err := Respond(t.Context(), little, first.State, in)
	if err != nil {
		t.Fatal(err)
	}
	result := func(o Outcome, of Effect) Outcome {
		out, err := Respond(t.Context(), little, o.State, Input{Kind: InResult, Owner: "bot", Result: &Result{Effect: of.ID, OK: true, Output: []byte(`{"title":"订单"}`)}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	late := result(second, first.Effects[0])
	if len(late.Replies) != 0 {
		t.Error("the replaced look-up answered")
	}
	got := result(late, second.Effects[0])
	if len(got.Replies) != 1 || !slices.Equal(got.Replies[0].ReplyTo, []int64{1, 2}) {
		t.Errorf("replies %+v", got.Replies)
	}
}

// Rules must not fall over whatever is written, and cost little.
func FuzzRule(f *testing.F) {
	for _, s := range []string{"转人工", "hello", "YS2026010203", "你好，你好，", "\xff\xfe", "ＹＳ 2026010203"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule(text)
		findOrder(text)
		if rest := withoutGreeting(text); len(rest) > len(text) {
			t.Errorf("%q grew to %q", text, rest)
		}
		if s := spoken(text); utf8.ValidString(text) && !utf8.ValidString(s) {
			t.Errorf("%q became %q", text, s)
		}
		Complete(little, State{}, burstOf(text, text))
	})
}
