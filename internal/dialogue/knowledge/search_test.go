package knowledge

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// Whatever is typed, a search ends soon and does not fail.
func TestSearchTakesAnything(t *testing.T) {
	ix := Build(shop())
	for name, text := range map[string]string{
		"megabyte": strings.Repeat("怎么退货", 1<<20/12), "emoji": strings.Repeat("😀", 10000), "blanks": "  \n\t ", "broken": "\xff\xfe\x80退货",
		"bidi": "\u202e货退么怎\u202c", "zero width": "怎\u200b么\u200d退\ufeff货", "controls": "\x00\x01\x02", "one word": strings.Repeat("a", 1<<20), "sealed": "<phone:1>", "numbers": strings.Repeat("1 ", 5000),
	} {
		start := time.Now()
		r := ix.Search(Query{Text: text, Context: []string{text}})
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("%s takes %v", name, took)
		}
		for _, c := range r.Candidates {
			if c.Score < 0 || c.Score > 1 || c.Score != c.Score || !utf8.ValidString(c.Wording) {
				t.Errorf("%s: bad candidate %+v", name, c)
			}
		}
	}
	if r := ix.Search(Query{Text: "怎\u200b么\u200d退\ufeff货"}); r.Decision != Answer || first(r) != "return" {
		t.Errorf("zero-width characters hide a wording: %s %s", r.Decision, first(r))
	}
	if r := Build(nil).Search(Query{Text: "怎么退货"}); r.Decision != Abstain || len(r.Candidates) != 0 {
		t.Errorf("an empty index answers: %+v", r)
	}
}

// A negative wording keeps its entry from answering, and lets another answer instead.
func TestNegativeWordingsVeto(t *testing.T) {
	ix := Build(shop())
	r := ix.Search(Query{Text: "洗衣机安装要收费吗"})
	if r.Decision == Answer {
		t.Errorf("answered by %s at %.2f", first(r), r.Answerable)
	}
	for _, c := range r.Candidates {
		if c.Entry.ID == "install" && !c.Vetoed {
			t.Error("the entry is not vetoed")
		}
	}
	ix = ix.With([]Entry{{ID: "install-fee", Question: "安装要收费吗", Similar: []string{"洗衣机安装收费吗"}, Answer: "免费。"}}, nil)
	if r := ix.Search(Query{Text: "洗衣机安装要收费吗"}); r.Decision != Answer || first(r) != "install-fee" {
		t.Errorf("%s %s at %.2f, want install-fee", r.Decision, first(r), r.Answerable)
	}
}

// A wording that stands in two entries is not answered by chance.
func TestSharedWordingIsAskedBack(t *testing.T) {
	ix := Build([]Entry{{ID: "a", Question: "怎么安装", Answer: "一"}, {ID: "b", Question: "怎么安装", Answer: "二"}, {ID: "c", Question: "退款多久到账", Answer: "三"}})
	if r := ix.Search(Query{Text: "怎么安装？"}); r.Decision != Clarify || len(r.Candidates) < 2 || r.Candidates[1].Score < .3 {
		t.Errorf("%s at %.2f", r.Decision, r.Answerable)
	}
}

// Suggestions can be told apart, and what two entries say in the same words is no reason to ask back.
func TestCandidatesThatSayTheSame(t *testing.T) {
	day := "退款会在审核通过以后原路返回，银行卡一般需要三到五个工作日，微信和支付宝一般当天到账，节假日顺延。"
	candidate := func(question, answer string, vetoed bool) Candidate {
		return Candidate{Entry: &Entry{ID: question + answer, Question: question, Answer: answer}, Vetoed: vetoed}
	}
	got := Apart([]Candidate{candidate("退款多久到账", day, false), candidate("退款多久到账？", "看银行。", false), candidate("何时退款", day+"谢谢", false),
		candidate("运费", "十元。", true), candidate("换货", "十天内可以换。", false), candidate("退货", "七天内可以退。", false), candidate("发票", "开电子发票。", false)}, 3)
	var titles []string
	for _, c := range got {
		titles = append(titles, c.Entry.Question)
	}
	if want := []string{"退款多久到账", "换货", "退货"}; !slices.Equal(titles, want) {
		t.Errorf("suggestions %v, want %v", titles, want)
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{{day, day, true}, {day, strings.ReplaceAll(day, "，", ", "), true}, {day, "不同", false}, {"七天内可以退货。", "十天内可以退货。", false}, {"", "", false}} {
		if sameAnswer(&Entry{Answer: c.a}, &Entry{Answer: c.b}) != c.want {
			t.Errorf("%q and %q: want the same: %v", c.a, c.b, c.want)
		}
	}
	ix := Build([]Entry{{ID: "a", Question: "怎么安装", Answer: day}, {ID: "b", Question: "怎么安装", Answer: day}, {ID: "c", Question: "退款多久到账", Answer: "三天"}})
	if r := ix.Search(Query{Text: "怎么安装？"}); r.Decision != Answer || r.Answerable > 1 {
		t.Errorf("two entries of one answer: %s at %.2f", r.Decision, r.Answerable)
	}
}

// A whole message kept as a wording beside the short question is found by its many words, and does not hide the question.
func TestALongWordingDoesNotHideTheQuestion(t *testing.T) {
	message := "你们好，我上个月在你们店里买了一台滚筒洗衣机，当时导购说送货的师傅会一起装好，结果师傅放下就走了，打了两次电话都没有人接。" +
		"家里的水龙头和地漏都是现成的，请问洗衣机的安装到底要怎么预约，安装要不要另外收钱，希望尽快给个答复，谢谢。"
	build := func(similar ...string) *Index {
		return Build(append([]Entry{{ID: "book", Question: "预约洗衣机安装的办法", Similar: similar, Answer: "请拨打服务电话。"}}, Synthetic(300, 1)...))
	}
	for _, q := range []string{"洗衣机安装怎么预约", "预约装洗衣机", "洗衣机怎么预约师傅安装", "店里买的洗衣机怎么预约", "打电话预约洗衣机安装", "预约送货师傅的办法", "洗衣机请问怎么预约"} {
		alone, both := build().Search(Query{Text: q}), build(message).Search(Query{Text: q})
		t.Logf("%s %.2f %.2f %s", q, alone.Answerable, both.Answerable, both.Candidates[0].Wording)
		if first(alone) != "book" || first(both) != "book" || both.Answerable < alone.Answerable-.1 {
			t.Errorf("%s: %s at %.2f, with the message %s at %.2f", q, first(alone), alone.Answerable, first(both), both.Answerable)
		}
	}
}

// A question too short to stand alone is read after the one before it; any other is not.
func TestContextCompletesShortQuestions(t *testing.T) {
	ix := Build([]Entry{
		{ID: "wash", Question: "洗衣机怎么安装", Similar: []string{"洗衣机如何安装"}, Answer: "一"},
		{ID: "fridge", Question: "冰箱怎么安装", Similar: []string{"冰箱如何安装"}, Answer: "二"},
		{ID: "fridge-clean", Question: "冰箱怎么清洗", Similar: []string{"冰箱里面如何清理"}, Answer: "三"},
		{ID: "refund", Question: "退款多久到账", Answer: "四"},
	})
	before := []string{"洗衣机怎么安装"}
	if r := ix.Search(Query{Text: "那冰箱呢", Context: before}); first(r) != "fridge" {
		t.Errorf("那冰箱呢: %s, want fridge", first(r))
	}
	if r := ix.Search(Query{Text: "退款多久到账", Context: before}); first(r) != "refund" || r.Decision != Answer {
		t.Errorf("a whole question is changed by what came before: %s", first(r))
	}
	for _, q := range []string{"谢谢", "好的", "嗯嗯", "thanks", "再见"} {
		if r := ix.Search(Query{Text: q, Context: before}); r.Decision == Answer {
			t.Errorf("%s is answered by %s", q, first(r))
		}
	}
}

// Candidates come best first, and their probabilities are shares of one.
func TestScoresAreProbabilities(t *testing.T) {
	ix := Build(Synthetic(2000, 3))
	texts, _ := Questions(Synthetic(2000, 3), 300, 4)
	for _, q := range texts {
		r := ix.Search(Query{Text: q})
		sum := 0.0
		for i, c := range r.Candidates {
			if sum += c.Score; i > 0 && !c.Vetoed && c.Score > r.Candidates[i-1].Score+1e-9 {
				t.Errorf("%s: candidate %d has %.3f after %.3f", q, i, c.Score, r.Candidates[i-1].Score)
			}
		}
		if sum > 1+1e-6 {
			t.Errorf("%s: probabilities sum to %.3f", q, sum)
		}
	}
}

func TestSearchIsSafeBesideWith(t *testing.T) {
	ix := Build(Synthetic(300, 1))
	texts, _ := Questions(Synthetic(300, 1), 100, 1)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			mine := ix
			for i, q := range texts {
				mine.Search(Query{Text: q})
				mine = mine.With([]Entry{{ID: "new", Question: q}}, []string{"s000001"})
				if id, ok := mine.HasWording(q); !ok || id == "" {
					t.Errorf("change %d is not found", i)
				}
			}
		})
	}
	wg.Wait()
}
