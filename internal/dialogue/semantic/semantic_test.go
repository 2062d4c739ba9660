package semantic

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestNormalise(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"  Hello   World \n", "hello world"},
		{"ＸＱＧ１００－１４３８８", "xqg100-14388"},
		{"我想退貨，運費誰出？", "我想退货,运费谁出?"},
		{"怎麼辦啊啊啊啊！！！", "怎么办啊!"},
		{"退 款 多久 到账", "退款多久到账"},
		{"sooooo good", "so good"},
		{"AAA电池 10000元", "aaa电池 10000元"},
		{"天天", "天天"},
		{"re\u200bfund\u202e \ufeffme", "refund me"},
		{"e\u200d\u0301", "é"},
		{"㎏ ①", "kg 1"},
		{"\xff\xfeok\x00", "ok"},
		{"好的👌👌👌🏻", "好的👌🏻"},
	} {
		if got := Normalise(c.in); got != c.want {
			t.Errorf("Normalise(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestNormaliseTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := Normalise(rapid.String().Draw(t, "text"))
		if twice := Normalise(once); twice != once {
			t.Fatalf("%q becomes %q", once, twice)
		}
	})
}

func words(text string) string {
	var b strings.Builder
	for i, t := range Tokenise(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.Text)
	}
	return b.String()
}

func TestTokenise(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"洗衣机怎么安装", "洗衣机 怎么 安装"},
		{"我想退貨", "我 想 退货"},
		{"XQG100-14388多少钱", "xqg100-14388 xqg 100 14388 多少 钱"},
		{"How do I return an item?", "how do i return an item"},
		{"returns returned returning", "return return return"},
		{"deliveries delivery delivered", "deliver deliver deliver"},
		{"I can't pay in instalments", "i not pay in installment"},
		{"我的手机号是<phone:1>，请回电", "我 的 手机号 是 <phone> 请 回电"},
		{"3.5寸", "3.5 3 5 寸"},
		{"wi-fi连不上", "wi-fi wi fi 连 不 上"},
		{"。。。", ""},
	} {
		if got := words(c.in); got != c.want {
			t.Errorf("Tokenise(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestLanguage(t *testing.T) {
	for in, want := range map[string]string{"": "", "123?": "", "怎么退货": "zh", "我的TV坏了": "zh", "Where is my order": "en", "iPhone怎么用": "zh"} {
		if got := Language(in); got != want {
			t.Errorf("Language(%q) = %q, want %q", in, got, want)
		}
	}
}

// A window's edge must not cut words: a long text has the words of its sentences.
func TestLongRunsKeepTheirWords(t *testing.T) {
	one := "洗衣机怎么安装退款多久到账"
	if got, want := words(strings.Repeat(one, 100)), strings.TrimSpace(strings.Repeat(words(one)+" ", 100)); got != want {
		t.Error("words differ at a window's edge")
	}
}

func FuzzTokenise(f *testing.F) {
	for _, s := range []string{"怎么退货", "XQG100-14388", "<phone:1>", "don't", "\xff", "👨‍👩‍👧", "ﷺ", "ก็", "a\u0301\u0301\u0301", "<a:1><", "1.2.3-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Normalise(s)
		if !utf8.ValidString(n) {
			t.Fatalf("%q is not valid UTF-8", n)
		}
		if again := Normalise(n); again != n {
			t.Fatalf("%q normalises to %q, that to %q", s, n, again)
		}
		at := 0
		for _, k := range AppendTokens(nil, n) {
			if k.Text == "" || k.Start < 0 || k.End > len(n) || k.Start >= k.End || (!k.Part && k.Start < at) {
				t.Fatalf("%q: bad token %+v", n, k)
			}
			if !k.Part {
				at = k.End
			}
		}
	})
}

// Eight times the text may not take sixty-four times the time, whatever it is.
func TestTimeIsLinear(t *testing.T) {
	for name, unit := range map[string]string{
		"chinese": "洗衣机怎么安装退款多久到账", "one character": "的", "emoji": "😀", "family": "👨‍👩‍👧", "code": "xqg100-", "marks": "a\u0301\u0301", "english": "returning ",
		"blanks": " \t", "broken": "\xff\xe4", "sealed": "<phone:", "digits": "1234567890", "ligature": "ﷺ", "thai": "ก็",
	} {
		t.Run(name, func(t *testing.T) {
			took := func(bytes int) time.Duration {
				text := strings.Repeat(unit, bytes/len(unit))
				best := time.Hour
				for range 2 {
					start := time.Now()
					Tokenise(text)
					best = min(best, time.Since(start))
				}
				return best
			}
			small, large := took(128<<10), took(1<<20)
			if large > time.Second && large > 32*small { // eight times the text; the rest is the machine's noise
				t.Errorf("128 KB take %v, 1 MB %v", small, large)
			}
		})
	}
}

func TestStem(t *testing.T) {
	for _, same := range []string{"return returns returned returning", "delivery deliveries delivered", "policy policies", "install installs installed installing installation",
		"charge charges charged charging", "pay paid pays paying", "instalment installment instalments", "cancel cancelled canceled cancellation", "refund refunds refunded",
		"exchange exchanges exchanged", "reply replies replied", "stop stopped stopping"} {
		forms := strings.Fields(same)
		for _, f := range forms[1:] {
			if Stem(f) != Stem(forms[0]) {
				t.Errorf("%s becomes %s, %s becomes %s", forms[0], Stem(forms[0]), f, Stem(f))
			}
		}
	}
	for _, c := range [][2]string{{"invoice", "voice"}, {"wash", "was"}, {"address", "add"}, {"news", "new"}} {
		if Stem(c[0]) == Stem(c[1]) {
			t.Errorf("%s and %s are one", c[0], c[1])
		}
	}
}

func BenchmarkTokenise(b *testing.B) {
	text := Normalise("你好，我上周在你们店买的XQG100-14388滚筒洗衣机，昨天送到了但是还没有安装，请问怎么预约师傅上门安装？")
	var tokens []Token
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		tokens = AppendTokens(tokens[:0], text)
	}
}

func BenchmarkNormalise(b *testing.B) {
	text := "你好，我上周在你們店買的ＸＱＧ１００滾筒洗衣機，昨天送到了但是還沒有安裝！！！請問怎麼預約師傅上門安裝？"
	var buf []byte
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendNormal(buf[:0], text)
	}
}
