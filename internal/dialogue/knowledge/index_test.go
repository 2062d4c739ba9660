package knowledge

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// shop is a small made-up knowledge base.
func shop() []Entry {
	return []Entry{
		{ID: "return", Question: "怎么退货", Similar: []string{"我要退货", "买的东西不想要了可以退吗"}, Answer: "签收后七天内可在订单页申请退货。"},
		{ID: "refund", Question: "退款多久到账", Similar: []string{"退款什么时候到", "钱什么时候退给我"}, Answer: "退货签收后一到三个工作日原路退回。"},
		{ID: "freight", Question: "退货运费谁承担", Similar: []string{"退货的运费谁出"}, Answer: "质量问题由我们承担。"},
		{ID: "install", Question: "洗衣机怎么安装", Similar: []string{"洗衣机上门安装怎么预约"}, Negative: []string{"洗衣机安装要收费吗"}, Answer: "送货后师傅会联系您。"},
		{ID: "return-en", Question: "How do I return an item?", Similar: []string{"I want to send it back"}, Answer: "Open the order and choose Return.", Lang: "en"},
		{ID: "drum", Question: "XQG100-14388 的容量是多少", Answer: "十公斤。"},
		{ID: "spring", Question: "春季活动有什么优惠", Answer: "满千减百。", ValidFrom: 1000, ValidTo: 2000},
	}
}

func first(r Result) string {
	if len(r.Candidates) == 0 {
		return ""
	}
	return r.Candidates[0].Entry.ID
}

func TestSearchFindsTheEntry(t *testing.T) {
	ix := Build(shop())
	for _, c := range []struct {
		ask, want string
		decision  Decision
	}{
		{"怎么退货", "return", Answer},
		{"我要退貨！！", "return", Answer},
		{"退款要多久到账？", "refund", Answer},
		{"運費誰出", "freight", ""},
		{"洗衣机如何安装", "install", Answer},
		{"how can i return items", "return-en", Answer},
		{"XQG100-14388", "drum", ""},
		{"14388", "drum", ""},
		{"怎么做红烧肉", "", Abstain},
		{"what is the capital of Kenya", "", Abstain},
		{"", "", Abstain},
		{"的", "", Abstain},
	} {
		r := ix.Search(Query{Text: c.ask})
		if c.want != "" && first(r) != c.want {
			t.Errorf("%s: got %s, want %s", c.ask, first(r), c.want)
		}
		if c.decision != "" && r.Decision != c.decision {
			t.Errorf("%s: %s at %.3f, want %s; %v", c.ask, r.Decision, r.Answerable, c.decision, r.Candidates)
		}
	}
}

func TestHasWording(t *testing.T) {
	ix := Build(shop())
	for ask, want := range map[string]string{"怎么退货？": "return", " 怎麼 退貨": "return", "HOW DO I RETURN AN ITEM": "return-en", "退货": "", "": "", "？": ""} {
		if got, ok := ix.HasWording(ask); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", ask, got, ok, want)
		}
	}
}

func TestValidityDates(t *testing.T) {
	ix := Build(shop())
	for now, want := range map[int64]bool{0: true, 999: false, 1000: true, 1999: true, 2000: false} {
		r := ix.Search(Query{Text: "春季活动有什么优惠", Now: now})
		if got := first(r) == "spring"; got != want {
			t.Errorf("at %d: found %v, want %v", now, got, want)
		}
	}
}

// any makes entries of a few words each, so that many share words and scores.
func some(r *rand.Rand, n int, prefix string) []Entry {
	words := []string{"退货", "退款", "运费", "安装", "洗衣机", "空调", "冰箱", "怎么", "多久", "发票", "保修", "会员", "分期", "取消", "订单", "地址", "return", "refund", "invoice"}
	text := func() string {
		s := ""
		for range 1 + r.IntN(4) {
			s += words[r.IntN(len(words))] + " "
		}
		return s
	}
	out := make([]Entry, n)
	for i := range out {
		out[i] = Entry{ID: fmt.Sprint(prefix, i), Question: text(), Similar: []string{text(), text()}, Answer: text()}
	}
	return out
}

// The pruned search must find what scoring everything finds.
func TestRetrieveIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	ix := Build(some(r, 400, "e")).With(some(r, 30, "f"), []string{"e3", "e5"})
	for _, e := range some(r, 200, "q") {
		s := new(scratch)
		s.prepare(ix, e.Question)
		s.retrieve(ix, 0, 10)
		best := s.exhaustive(ix, 10)
		if len(s.hits) != len(best) {
			t.Fatalf("%s: %d hits, want %d", e.Question, len(s.hits), len(best))
		}
		for i := range best {
			if d := s.hits[i].score - best[i]; d > 1e-3 || d < -1e-3 {
				t.Fatalf("%s: hit %d has %v, want %v", e.Question, i, s.hits[i].score, best[i])
			}
		}
	}
}

// However an index came about, it holds the same entries and knows the same wordings.
func TestWithEqualsBuild(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	entries := some(r, 100, "e")
	ix := Build(entries)
	for round := range 60 {
		changed := some(r, 1+r.IntN(5), "e")
		for i := range changed {
			changed[i].ID = fmt.Sprint("e", r.IntN(150))
			changed[i].Question = fmt.Sprintf("%s code%d", changed[i].Question, round*10+i)
		}
		removed := []string{fmt.Sprint("e", r.IntN(150))}
		before := ix.Len()
		next := ix.With(changed, removed)
		if ix.Len() != before {
			t.Fatal("With changed its receiver")
		}
		ix = next
		entries = slices.DeleteFunc(entries, func(e Entry) bool {
			return e.ID == removed[0] || slices.ContainsFunc(changed, func(c Entry) bool { return c.ID == e.ID })
		})
		for i, c := range changed {
			if c.ID != removed[0] && !slices.ContainsFunc(changed[i+1:], func(d Entry) bool { return d.ID == c.ID }) {
				entries = append(entries, c)
			}
		}
		if ix.Len() != len(entries) {
			t.Fatalf("round %d: %d entries, want %d", round, ix.Len(), len(entries))
		}
	}
	for _, e := range entries {
		if id, ok := ix.HasWording(e.Question); !ok || id != e.ID && len(e.Question) > 20 {
			t.Errorf("%s: wording of %s, want %s", e.Question, id, e.ID)
		}
		if got := ix.Search(Query{Text: e.Question, K: 20}); !slices.ContainsFunc(got.Candidates, func(c Candidate) bool { return c.Entry.Question == e.Question }) {
			t.Errorf("%s: not found", e.Question)
		}
	}
}

// One changed entry in an index of 20,000.
func BenchmarkWith20000(b *testing.B) {
	ix := Build(some(rand.New(rand.NewPCG(5, 6)), 20000, "e"))
	for i := 0; b.Loop(); i++ {
		ix = ix.With([]Entry{{ID: fmt.Sprint("e", i%100), Question: "新的问题"}}, nil)
	}
}
