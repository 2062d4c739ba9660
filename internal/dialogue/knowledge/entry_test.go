package knowledge_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"frontdesk/internal/dialogue/knowledge"
)

func TestCleanPutsAnEntryInOrder(t *testing.T) {
	got := clean(t, knowledge.Entry{
		ID: " r1 ", Question: "\u200b怎么\n退货\u3000？", Similar: []string{"退货", " 退货 ", "", "怎么 退货 ？", "Cafe\u0301"},
		Answer: "第一步\r\n第二步\u202e\x00\t完", Lang: "简体中文", Category: "\ufeff售后",
	})
	want := knowledge.Entry{ID: "r1", Question: "怎么 退货 ？", Similar: []string{"退货", "Café"}, Answer: "第一步\n第二步 完", Lang: "zh", Category: "售后"}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(knowledge.Entry{}, "Hash")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestCleanGuessesTheLanguage(t *testing.T) {
	for text, want := range map[string]string{
		"怎么退货": "zh", "iPhone 15 Pro 的保修期": "zh", "How do I return it?": "en", "my 微信 app does not start any more today": "en", "???": "zh",
	} {
		if got := clean(t, knowledge.Entry{Question: text, Answer: "1"}).Lang; got != want {
			t.Errorf("%q is taken for %s, want %s", text, got, want)
		}
	}
}

func TestCleanSaysWhatIsWrong(t *testing.T) {
	ok := knowledge.Entry{Question: "问", Answer: "答"}
	many := make([]string, knowledge.MaxWordings+1)
	for i := range many {
		many[i] = fmt.Sprint("问法", i)
	}
	for name, tt := range map[string]struct {
		change func(*knowledge.Entry)
		field  string
	}{
		"no question":           {func(e *knowledge.Entry) { e.Question = " \u200b\n" }, "question"},
		"no answer":             {func(e *knowledge.Entry) { e.Answer = "" }, "answer"},
		"a long answer":         {func(e *knowledge.Entry) { e.Answer = strings.Repeat("答", knowledge.MaxAnswer+1) }, "answer"},
		"broken bytes":          {func(e *knowledge.Entry) { e.Answer = "\xff" }, "answer"},
		"text broken before":    {func(e *knowledge.Entry) { e.Category = "\ufffd" }, "category"},
		"many wordings":         {func(e *knowledge.Entry) { e.Similar = many }, "similar"},
		"wordings fill a cell":  {func(e *knowledge.Entry) { e.Negative = longTexts(9, 3900) }, "negative"},
		"a long id":             {func(e *knowledge.Entry) { e.ID = strings.Repeat("1", knowledge.MaxID+1) }, "id"},
		"no language":           {func(e *knowledge.Entry) { e.Lang = "四川话" }, "lang"},
		"ends before it begins": {func(e *knowledge.Entry) { e.ValidFrom, e.ValidTo = 2, 2 }, "valid_to"},
		"begins before 1970":    {func(e *knowledge.Entry) { e.ValidFrom = -1 }, "valid_from"},
		"ends after 9999":       {func(e *knowledge.Entry) { e.ValidTo = 1 << 62 }, "valid_to"},
	} {
		t.Run(name, func(t *testing.T) {
			e := ok
			tt.change(&e)
			_, err := e.Clean()
			if fe, ok := errors.AsType[*knowledge.FieldError](err); !ok || fe.Field != tt.field {
				t.Errorf("error %v, want one of field %s", err, tt.field)
			}
		})
	}
}

func longTexts(n, length int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i, strings.Repeat("长", length))
	}
	return list
}

func TestHashCoversAllButTheID(t *testing.T) {
	base := knowledge.Entry{ID: "1", Question: "问", Similar: []string{"a", "b"}, Negative: []string{"c"}, Answer: "答", Lang: "zh", Category: "k", ValidFrom: 5, ValidTo: 9}
	hash := clean(t, base).Hash
	if other := base; true {
		other.ID = "2"
		if clean(t, other).Hash != hash {
			t.Error("the id changes the hash")
		}
	}
	for name, change := range map[string]func(*knowledge.Entry){
		"question": func(e *knowledge.Entry) { e.Question = "问题" }, "a wording": func(e *knowledge.Entry) { e.Similar = []string{"a"} },
		"wordings run together": func(e *knowledge.Entry) { e.Similar = []string{"ab"} }, "a wording changes sides": func(e *knowledge.Entry) { e.Similar, e.Negative = []string{"a"}, []string{"b", "c"} },
		"answer": func(e *knowledge.Entry) { e.Answer = "答案" }, "language": func(e *knowledge.Entry) { e.Lang = "en" }, "category": func(e *knowledge.Entry) { e.Category = "" },
		"begin": func(e *knowledge.Entry) { e.ValidFrom = 6 }, "end": func(e *knowledge.Entry) { e.ValidTo = 0 },
	} {
		e := base
		change(&e)
		if clean(t, e).Hash == hash {
			t.Errorf("%s does not change the hash", name)
		}
	}
}

func TestValid(t *testing.T) {
	for _, tt := range []struct {
		from, to, now int64
		want          bool
	}{{0, 0, 5, true}, {5, 0, 5, true}, {6, 0, 5, false}, {0, 5, 5, false}, {0, 6, 5, true}} {
		e := knowledge.Entry{ValidFrom: tt.from, ValidTo: tt.to}
		if e.Valid(tt.now) != tt.want {
			t.Errorf("from %d to %d at %d: %v", tt.from, tt.to, tt.now, !tt.want)
		}
	}
}
