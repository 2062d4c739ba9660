package demo

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// bare is what is left of a wording when width, case, spaces and punctuation are ignored: two wordings that only differ in
// those are the same to a reader.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			r = r - '！' + '!'
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

func TestKnowledgeIsAsLargeAsPromised(t *testing.T) {
	count, negative := map[string]int{}, 0
	for _, e := range Entries() {
		count[e.Lang]++
		if len(e.Negative) > 0 {
			negative++
		}
	}
	if count["zh"] < 160 || count["en"] < 70 || negative < 20 {
		t.Errorf("%d Chinese and %d English entries, %d with negative wordings", count["zh"], count["en"], negative)
	}
}

// No two entries may share an id or a wording, or an exact match would not know whom to follow.
func TestEveryWordingBelongsToOneEntry(t *testing.T) {
	ids, owner := map[string]bool{}, map[string]string{}
	for _, e := range Entries() {
		if ids[e.ID] {
			t.Errorf("id %s comes twice", e.ID)
		}
		ids[e.ID] = true
		for _, w := range append([]string{e.Question}, e.Similar...) {
			if other, ok := owner[bare(w)]; ok {
				t.Errorf("%q belongs to both %s and %s", w, other, e.ID)
			}
			owner[bare(w)] = e.ID
		}
	}
	for _, e := range Entries() {
		for _, w := range e.Negative {
			if owner[bare(w)] == e.ID {
				t.Errorf("%s: %q is both a wording and a negative", e.ID, w)
			}
		}
	}
	apart := map[string]string{}
	for _, h := range HeldOut() {
		if !ids[h.ID] {
			t.Errorf("wordings of unknown entry %s", h.ID)
		}
		for _, w := range slices.Concat(h.Usual, h.Hard) {
			if e, ok := owner[bare(w)]; ok {
				t.Errorf("%q should be apart from the knowledge, but %s holds it", w, e)
			}
			if other, ok := apart[bare(w)]; ok {
				t.Errorf("%q is apart for both %s and %s", w, other, h.ID)
			}
			apart[bare(w)] = h.ID
		}
	}
	for _, q := range Outside() {
		if owner[bare(q.Text)] != "" || apart[bare(q.Text)] != "" {
			t.Errorf("%q is outside and inside at once", q.Text)
		}
	}
}

func TestEntriesReadWell(t *testing.T) {
	bounds := map[string][2]int{"zh": {40, 200}, "en": {60, 420}}
	for _, e := range Entries() {
		n, b := utf8.RuneCountInString(e.Answer), bounds[e.Lang]
		if n < b[0] || n > b[1] {
			t.Errorf("%s: answer of %d characters", e.ID, n)
		}
		if len(e.Similar) < 3 {
			t.Errorf("%s: only %d other wordings", e.ID, len(e.Similar))
		}
		if chinese := strings.ContainsFunc(e.Question, func(r rune) bool { return unicode.Is(unicode.Han, r) }); e.Category == "" || chinese != (e.Lang == "zh") {
			t.Errorf("%s: category %q, language %q", e.ID, e.Category, e.Lang)
		}
		if strings.HasSuffix(e.ID, "-en") != (e.Lang == "en") {
			t.Errorf("%s: the id says another language than %s", e.ID, e.Lang)
		}
	}
}

func TestHeldOutWordingsCoverTheKnowledge(t *testing.T) {
	for _, e := range Entries() {
		if h := heldOut()[e.ID]; len(h.Usual) < 3 || len(h.Hard) < 3 || h.Lang != e.Lang {
			t.Errorf("%s: %d usual and %d hard wordings apart, want 3 of each", e.ID, len(h.Usual), len(h.Hard))
		}
	}
}

func TestOutsideQuestions(t *testing.T) {
	count, seen := map[string]int{}, map[string]bool{}
	for _, q := range Outside() {
		if seen[bare(q.Text)] && bare(q.Text) != "" {
			t.Errorf("%q comes twice", q.Text)
		}
		seen[bare(q.Text)] = true
		count[q.Lang]++
		if !slices.Contains([]string{"general", "other", "near", "noise", "gap"}, q.Kind) || (q.Kind == "gap") != (q.Topic != "") {
			t.Errorf("%q: kind %q, topic %q", q.Text, q.Kind, q.Topic)
		}
	}
	if count["zh"] < 100 || count["en"] < 50 {
		t.Errorf("outside questions: %v", count)
	}
}

var (
	numeral     = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	tenThousand = regexp.MustCompile(`([0-9]+) 万`)
)

// An English answer may say less than the Chinese one of the same topic, but no other number.
func TestLanguagesAgreeOnNumbers(t *testing.T) {
	for _, e := range Entries() {
		if e.Lang != "en" {
			continue
		}
		zh, ok := entry(strings.TrimSuffix(e.ID, "-en"), "zh")
		if !ok {
			t.Errorf("%s has no Chinese twin", e.ID)
			continue
		}
		said := numeral.FindAllString(tenThousand.ReplaceAllString(zh.Answer, "${1}0000"), -1)
		if strings.Contains(zh.Answer, "初一") {
			said = append(said, "1")
		}
		for _, n := range numeral.FindAllString(e.Answer, -1) {
			if !slices.Contains(said, n) {
				t.Errorf("%s says %s, its Chinese twin does not: %s", e.ID, n, zh.Answer)
			}
		}
	}
}

// The shop's terms, wherever an answer states them.
func TestFactsAreTheSameEverywhere(t *testing.T) {
	for _, fact := range []struct{ pattern, want string }{
		{`加长铜管 (\d+) 元`, "90"},
		{`移机 (\d+) 元`, "260"},
		{`挂机 (\d+) 元`, "99"},
		{`柜机 (\d+) 元`, "139"},
		{`(?:油烟机|深度清洗，) ?(\d+) 元`, "169"},
		{`免费(?:上门)?清洗 (\d+) 次`, "1"},
		{`满 (\d+) 元包邮`, "99"},
		{`上门费 (\d+) 元`, "50"},
		{`内胆(?:在)?保 (\d+) 年`, "8"},
		{`挂架 (\d+) 元`, "120"},
		{`(?:订单会为您保留|下单后请在) (\d+) 分钟`, "30"},
		{`请在签收后 (\d+) 小时内`, "48"},
		{`(\d+) 天无理由`, "7"},
		{`大件(?:每件)?(?:扣)? ?(\d+) 元(?:的往返|，从退款|，新货|$)`, "80"},
		{`微信和支付宝 (\d+–\d+) 个工作日`, "1–3"},
		{`人工客服每天 (\d+:\d+–\d+:\d+)`, "9:00–21:00"},
		{`体验店每天 (\d+:\d+–\d+:\d+)`, "10:00–21:30"},
		{`电话客服」.*每天 (\d+:\d+–\d+:\d+)`, "9:00–21:00"},
		{`师傅一般 (\d+) 小时内上门|师傅 (\d+) 小时内上门`, "48"},
		{`(\d+) 家体验店`, "12"},
		{`满 (\d+) 元升为银杉|满 (\d+) 元是银杉`, "3000"},
		{`满 (\d+) 元升为金杉|满 (\d+) 元是金杉`, "10000"},
	} {
		re, found := regexp.MustCompile(fact.pattern), 0
		for _, e := range Entries() {
			for _, m := range re.FindAllStringSubmatch(e.Answer, -1) {
				found++
				if got := strings.Join(m[1:], ""); got != fact.want {
					t.Errorf("%s: %q, want %s", e.ID, m[0], fact.want)
				}
			}
		}
		if found == 0 {
			t.Errorf("no answer states %s", fact.pattern)
		}
	}
}

func TestSiteIsComplete(t *testing.T) {
	for _, lang := range Languages {
		for _, id := range Suggested[lang] {
			if i, ok := entryIndex()[id]; !ok || Entries()[i].Lang != lang {
				t.Errorf("suggested %s is no %s entry", id, lang)
			}
		}
		if Name[lang] == "" || Welcome[lang] == "" || Notice[lang] == "" {
			t.Errorf("texts in %s are missing", lang)
		}
	}
	if Staff[0].Role != "owner" {
		t.Error("the first of the staff is the owner")
	}
	for _, p := range Staff {
		if !strings.HasSuffix(p.Email, "@example.test") || len(p.Password) < 12 {
			t.Errorf("%s: an address outside example.test or a short password", p.Email)
		}
	}
}
