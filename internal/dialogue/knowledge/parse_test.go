package knowledge_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
)

// parsed is all that Parse gave for one file.
type parsed struct {
	entries  []knowledge.Entry
	rows     []int // of the entries
	problems []knowledge.Problem
	notices  []knowledge.Problem
}

func parse(r io.Reader, format knowledge.Format) (parsed, error) {
	var p parsed
	err := knowledge.Parse(r, format, nil, func(row knowledge.Row) error {
		switch {
		case row.Notice:
			p.notices = append(p.notices, *row.Problem)
		case row.Problem != nil:
			p.problems = append(p.problems, *row.Problem)
		default:
			p.entries = append(p.entries, row.Entry)
			p.rows = append(p.rows, row.Number)
		}
		return nil
	})
	return p, err
}

func mustParse(t *testing.T, text string, format knowledge.Format) parsed {
	t.Helper()
	p, err := parse(strings.NewReader(text), format)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return p
}

func questions(p parsed) []string {
	var qs []string
	for _, e := range p.entries {
		qs = append(qs, e.Question)
	}
	return qs
}

func TestParseReadsAChineseTable(t *testing.T) {
	p := mustParse(t, "编号,问题,相似问,反例,答案,语言,分类,生效,失效\n"+
		"r1,怎么退货,如何退货|想退货；退货流程,怎么换货,七天内可以退。,中文,售后,2026-01-01,2026-01-31\n"+
		"r2,How do I return it?,\"send back\nreturn policy | rules\",,Within 7 days.,,,,\n", knowledge.CSV)
	want := []knowledge.Entry{{
		ID: "r1", Question: "怎么退货", Similar: []string{"如何退货", "想退货", "退货流程"}, Negative: []string{"怎么换货"},
		Answer: "七天内可以退。", Lang: "zh", Category: "售后",
		ValidFrom: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(),
		ValidTo:   time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), // the last day counts in full
	}, {
		ID: "r2", Question: "How do I return it?", Similar: []string{"send back", "return policy | rules"},
		Answer: "Within 7 days.", Lang: "en",
	}}
	if d := cmp.Diff(want, p.entries, cmpopts.IgnoreFields(knowledge.Entry{}, "Hash")); d != "" {
		t.Errorf("entries differ (-want +got):\n%s", d)
	}
	if len(p.problems)+len(p.notices) != 0 {
		t.Errorf("problems %v, notices %v; want none", p.problems, p.notices)
	}
}

func TestParseNamesEachBadRowAndKeepsTheGood(t *testing.T) {
	long := strings.Repeat("长", knowledge.MaxQuestion+1)
	tests := []struct {
		name, text string
		format     knowledge.Format
		good       []string
		bad        []string // "row field part of the reason"
	}{
		{"csv: fields", "id,question,answer,lang,valid_from,valid_to\n1,一,a,,,\n2,,a,,,\n3,三,,,,\n4," + long + ",a,,,\n5,五,a,klingon,,\n6,六,a,,soon,\n7,七,a,,2026-02-01,2026-01-01\n8,八,a,,,\n",
			knowledge.CSV, []string{"一", "八"},
			[]string{"3 question is empty", "4 answer is empty", "5 question 4001 characters", "6 lang klingon", "7 valid_from soon", "8 valid_to not after"}},
		{"csv: too many cells", "question,answer\n一,a\n二,a,b\n三,a\n", knowledge.CSV, []string{"一", "三"}, []string{"3  more cells"}},
		{"csv: a quote never closed", "question,answer\n一,a\n二,\"a\n三,a\n四,a\n", knowledge.CSV, []string{"一", "三", "四"}, []string{"3  never closed"}},
		{"csv: a quote that meets another", "question,answer\n一,a\n二,\"a\n三,\"a\"\n四,a\n", knowledge.CSV, []string{"一", "三", "四"}, []string{"3  after a closing quote"}},
		{"csv: a quote that swallows a row", "question,answer\n一,a\n二,\"a\n三\",\"a\"\n四,a\n", knowledge.CSV, []string{"一", "三\"", "四"}, []string{"3  swallows"}},
		{"csv: text after a quote", "question,answer\n一,\"a\" b\n二,a\n", knowledge.CSV, []string{"二"}, []string{"2  after a closing quote"}},
		{"csv: quotes inside are text", "question,answer\n5\"屏幕怎么换,约 5\" 大\n", knowledge.CSV, []string{`5"屏幕怎么换`}, nil},
		{"csv: broken utf-8", "question,answer\n怎么退货呢请问一下,答案在这里\n怎么换\xe8\xb4,a\n好的,b\n", knowledge.CSV, []string{"怎么退货呢请问一下", "好的"}, []string{"3 question UTF-8"}},
		{"csv: empty rows count", "question,answer\n\n一,a\n,\n,b\n", knowledge.CSV, []string{"一"}, []string{"5 question empty"}},
		{"jsonl: a broken line", `{"question":"一","answer":"a"}` + "\n{broken\n\n" + `{"question":"二","answer":"a"}`, knowledge.JSONL, []string{"一", "二"}, []string{"2  not a JSON object"}},
		{"jsonl: wrong types", `{"question":["一"],"answer":"a"}` + "\n" + `{"question":"二","answer":"a","similar":[{}]}` + "\n[1]\nnull\n7\n" + `{"question":"三","answer":5}`,
			knowledge.JSONL, []string{"三"}, []string{"1 question not a text", "2 similar not a text", "3  array", "4  null", "5  number"}},
		{"jsonl: broken utf-8 and surrogates", "{\"question\":\"\xff\",\"answer\":\"a\"}\n" + `{"question":"\ud800","answer":"a"}` + "\n" + `{"question":"一","answer":"a"}`,
			knowledge.JSONL, []string{"一"}, []string{"1  UTF-8", "2 question U+FFFD"}},
		{"jsonl: a line of 2 MB", `{"question":"一","answer":"a"}` + "\n" + `{"question":"` + strings.Repeat("x", 2<<20) + `"}` + "\n" + `{"question":"二","answer":"a"}`,
			knowledge.JSONL, []string{"一", "二"}, []string{"2  1 MB"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustParse(t, tt.text, tt.format)
			if d := cmp.Diff(tt.good, questions(p)); d != "" {
				t.Errorf("good rows differ (-want +got):\n%s", d)
			}
			if len(p.problems) != len(tt.bad) {
				t.Fatalf("problems %v, want %q", p.problems, tt.bad)
			}
			for i, want := range tt.bad {
				got := p.problems[i]
				parts := strings.SplitN(want, " ", 3)
				if fmt.Sprint(got.Row) != parts[0] || got.Field != parts[1] || !strings.Contains(got.Reason, parts[2]) {
					t.Errorf("problem %+v, want row %s, field %q, reason with %q", got, parts[0], parts[1], parts[2])
				}
			}
		})
	}
}

func TestParseRefusesFilesItCannotRead(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		format knowledge.Format
		want   string
	}{
		"empty":              {"", knowledge.CSV, "empty"},
		"no answer column":   {"question,category\nq,c\n", knowledge.CSV, "no column for answer"},
		"two answer columns": {"question,answer,答案\nq,a,b\n", knowledge.CSV, "two columns for answer"},
		"a JSON array":       {`[{"question":"q"}]`, knowledge.JSONL, "JSON array"},
		"not a workbook":     {"question,answer\n", knowledge.XLSX, "not an .xlsx"},
		"a broken workbook":  {"PK\x03\x04 and so on", knowledge.XLSX, "not a readable workbook"},
		"a workbook as csv":  {"PK\x03\x04 and so on", knowledge.CSV, "not csv"},
		"old excel":          {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "", "old or encrypted"},
		"unknown format":     {"x", "docx", "not one of"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(strings.NewReader(tt.text), tt.format)
			if frontdesk.KindOf(err) != frontdesk.Invalid || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want an Invalid one with %q", err, tt.want)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		line := strings.Repeat("x", 1000) + ",a\n"
		_, err := parse(io.MultiReader(strings.NewReader("question,answer\n"), &endless{line, 0}), knowledge.CSV)
		if frontdesk.KindOf(err) != frontdesk.Invalid || !strings.Contains(err.Error(), "64 MB") {
			t.Errorf("error %v, want one that names the limit", err)
		}
	})
	t.Run("a reader that fails", func(t *testing.T) {
		cause := errors.New("connection lost")
		_, err := parse(io.MultiReader(strings.NewReader("question,answer\nq,a\n"), failing{cause}), knowledge.CSV)
		if !errors.Is(err, cause) || frontdesk.KindOf(err) != frontdesk.Internal {
			t.Errorf("error %v, want the reader's own", err)
		}
	})
}

// endless gives the same text over and over.
type endless struct {
	text string
	at   int
}

func (r *endless) Read(b []byte) (int, error) {
	n := copy(b, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A file of English with Chinese only at its end is the hard case: the encoding shows late.
func TestParseFindsTheEncoding(t *testing.T) {
	var b strings.Builder
	b.WriteString("question,answer,category\n")
	for i := range 3000 {
		fmt.Fprintf(&b, "How do I return article %d?,Within seven days of its arrival.,returns\n", i)
	}
	late := b.String() + "怎么退货,七天内可以退。,售后\n"
	early := "问题,答案\n怎么退货,七天内可以退。\n"
	utf16le, utf16be := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	for name, enc := range map[string]encoding.Encoding{
		"UTF-8": unicode.UTF8, "UTF-8 with a mark": unicode.UTF8BOM, "GB18030": simplifiedchinese.GB18030, "GBK": simplifiedchinese.GBK,
		"UTF-16 LE": utf16le, "UTF-16 BE": utf16be,
		"UTF-16 LE without a mark": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "UTF-16 BE without a mark": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	} {
		for when, text := range map[string]string{"early": early, "late": late} {
			t.Run(name+" "+when, func(t *testing.T) {
				raw, err := enc.NewEncoder().String(text)
				if err != nil {
					t.Fatal(err)
				}
				p := mustParse(t, raw, "")
				last := p.entries[len(p.entries)-1]
				if len(p.problems) != 0 || last.Question != "怎么退货" || last.Answer != "七天内可以退。" {
					t.Errorf("last entry %q -> %q, problems %v", last.Question, last.Answer, p.problems)
				}
			})
		}
	}
}

func TestParseReadsWorkbooksAsPeopleMakeThem(t *testing.T) {
	book := excelize.NewFile()
	book.NewSheet("问答")
	book.SetSheetRow("Sheet1", "A1", &[]any{"说明：请看第二页"})
	book.SetSheetRow("问答", "A2", &[]any{"编号", "标准问", "相似问1", "相似问2", "答案", "生效时间", "失效时间", "备注"})
	book.SetSheetRow("问答", "A3", &[]any{1001, "怎么开发票", "开票", "发票怎么弄", "在订单页申请。", time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC), "x"})
	book.SetSheetRow("问答", "A5", &[]any{1002, "", "", "", "没有问题的答案"})
	var buf bytes.Buffer
	if err := book.Write(&buf); err != nil {
		t.Fatal(err)
	}
	var got []knowledge.Row
	zone := time.FixedZone("CST", 8*3600)
	if err := knowledge.Parse(&buf, "", zone, func(r knowledge.Row) error { got = append(got, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || !got[0].Notice || got[0].Problem.Field != "备注" {
		t.Fatalf("rows %+v; want a notice of the unknown column, an entry, a problem", got)
	}
	want := knowledge.Entry{ID: "1001", Question: "怎么开发票", Similar: []string{"开票", "发票怎么弄"}, Answer: "在订单页申请。", Lang: "zh",
		ValidFrom: time.Date(2026, 3, 1, 8, 0, 0, 0, zone).UnixMicro(), ValidTo: time.Date(2026, 4, 1, 0, 0, 0, 0, zone).UnixMicro()}
	if d := cmp.Diff(want, got[1].Entry, cmpopts.IgnoreFields(knowledge.Entry{}, "Hash")); d != "" {
		t.Errorf("entry differs (-want +got):\n%s", d)
	}
	if p := got[2].Problem; p == nil || p.Row != 5 || p.Field != "question" {
		t.Errorf("problem %+v, want row 5, field question", p)
	}
}

// A zip bomb: 300 MB of spaces that pack into 300 kB.
func TestParseRefusesAZipBomb(t *testing.T) {
	bomb := workbookOf(t, 300<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := parse(bytes.NewReader(bomb), knowledge.XLSX)
	runtime.ReadMemStats(&after)
	if frontdesk.KindOf(err) != frontdesk.Invalid {
		t.Errorf("error %v, want Invalid", err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("refusing it took %d MB", grown>>20)
	}
}

func TestCSVExportDefusesFormulas(t *testing.T) {
	evil := []string{"=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1)", "＝1", "'=1", "harmless"}
	var entries []knowledge.Entry
	for i, a := range evil {
		entries = append(entries, clean(t, knowledge.Entry{ID: fmt.Sprint(i), Question: "q" + fmt.Sprint(i), Answer: a}))
	}
	var buf bytes.Buffer
	if _, err := knowledge.Write(&buf, knowledge.CSV, seq(entries)); err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(buf.String()), "\n")[1:] {
		cell := strings.Split(line, ",")[4]
		if i < len(evil)-1 && !strings.HasPrefix(strings.TrimPrefix(cell, `"`), "'") {
			t.Errorf("cell %q would be run as a formula", cell)
		}
	}
	p, err := parse(&buf, knowledge.CSV)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(entries, p.entries); d != "" {
		t.Errorf("not the same after the round trip (-want +got):\n%s", d)
	}
}

func TestExportImportsBackIdentically(t *testing.T) {
	word := rapid.OneOf(
		rapid.SampledFrom([]string{"退货", "怎么", "a|b", "；", "=1+1", "'=x", "'", `"`, `""`, ",", "\t", "\r\n", "\n", " ", "\u3000", "😀", "👨‍👩‍👧", "_x0041_", "_x005F_x0041_",
			"e\u0301", "\u202e", "\u200b", "﷐", "\ufffe", "\u2028", "null", "0", "1e5", "-5", "true", "#N/A", "<b>&amp;", "]]>", "\\", "sep=;", "\x00", "\x1f", "\U0010fffd"}),
		rapid.String(), rapid.StringN(0, 3, -1))
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 1, 5).Draw(t, "words"), "") })
	texts := rapid.SliceOfN(text, 0, 4)
	moment := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 253402300799999999), rapid.Int64Range(1_600_000_000_000_000, 1_900_000_000_000_000))
	entry := rapid.Custom(func(t *rapid.T) knowledge.Entry {
		e := knowledge.Entry{
			ID: rapid.OneOf(rapid.Just(""), text).Draw(t, "id"), Question: "问" + text.Draw(t, "question"), Similar: texts.Draw(t, "similar"), Negative: texts.Draw(t, "negative"),
			Answer: text.Draw(t, "answer") + "答", Lang: rapid.SampledFrom([]string{"", "zh", "en", "ja"}).Draw(t, "lang"), Category: text.Draw(t, "category"),
			ValidFrom: moment.Draw(t, "from"), ValidTo: moment.Draw(t, "to"),
		}
		if e.ValidTo != 0 && e.ValidTo <= e.ValidFrom {
			e.ValidFrom = 0
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		var entries []knowledge.Entry
		for i, e := range rapid.SliceOfN(entry, 1, 5).Draw(t, "entries") {
			e, err := e.Clean()
			if err != nil {
				t.Skip(err)
			}
			again, err := e.Clean()
			if d := cmp.Diff(e, again); err != nil || d != "" {
				t.Fatalf("cleaning entry %d twice changes it: %v\n%s", i, err, d)
			}
			entries = append(entries, e)
		}
		for _, f := range []knowledge.Format{knowledge.CSV, knowledge.XLSX, knowledge.JSONL} {
			var buf bytes.Buffer
			n, err := knowledge.Write(&buf, f, seq(entries))
			if err != nil || n != len(entries) {
				t.Fatalf("Write %s: %d of %d, %v", f, n, len(entries), err)
			}
			p, err := parse(&buf, f)
			if err != nil {
				t.Fatalf("Parse %s: %v", f, err)
			}
			if d := cmp.Diff(entries, p.entries); d != "" || len(p.problems)+len(p.notices) > 0 {
				t.Fatalf("%s: problems %v %v, not the same (-want +got):\n%s", f, p.problems, p.notices, d)
			}
		}
	})
}

func TestABrokenRowAmongTwentyThousandIsNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	file := twentyThousand()
	file.WriteString("{broken\n")
	p, err := parse(file, knowledge.JSONL)
	if err != nil || len(p.entries) != 20_000 {
		t.Fatalf("%d entries, %v", len(p.entries), err)
	}
	if len(p.problems) != 1 || p.problems[0].Row != 20_001 {
		t.Errorf("problems %v, want row 20001", p.problems)
	}
}

func BenchmarkParse20000(b *testing.B) {
	p, err := parse(twentyThousand(), knowledge.JSONL)
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range []knowledge.Format{knowledge.CSV, knowledge.XLSX, knowledge.JSONL} {
		b.Run(string(f), func(b *testing.B) {
			var file bytes.Buffer
			if _, err := knowledge.Write(&file, f, seq(p.entries)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(file.Len()))
			for b.Loop() {
				if _, err := parse(bytes.NewReader(file.Bytes()), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// twentyThousand is a JSON lines file of that many different entries.
func twentyThousand() *bytes.Buffer {
	rnd := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("退货 换货 发票 保修 安装 空调 冰箱 洗衣机 电视 会员 积分 分期 取消 订单 物流 地址 客服 门店 配件 滤芯 遥控器 怎么 如何 可以 多久 费用")
	var b bytes.Buffer
	say := func(n int) string {
		var s strings.Builder
		for range n {
			s.WriteString(words[rnd.IntN(len(words))])
		}
		return s.String()
	}
	for i := range 20_000 {
		fmt.Fprintf(&b, `{"id":"%d","question":"%s%d","similar":["%s"],"negative":[],"answer":"答:%s"}`+"\n", i, say(6), i, say(7), say(20))
	}
	return &b
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"question,answer\nq,a\n", "问题\t答案\n\"a\nb\"\tc\n", "sep=;\nquestion;answer\n\"\"\"x\";y", "{\"question\":\"q\",\"answer\":\"a\",\"similar\":\"x|y\",\"valid_from\":\"2026-01-01\"}\n{\n",
		"\ufeffquestion,answer,valid_to\nq,a,20260131\n", "\xff\xfeq\x00,\x00a\x00\n\x00", "question,answer\n\xce\xca,\xb4\xf0\n", "\"", "question,answer\n\"\n\"\"\"\n\",\n",
	} {
		f.Add([]byte(s))
	}
	var book bytes.Buffer
	if _, err := knowledge.Write(&book, knowledge.XLSX, seq([]knowledge.Entry{{ID: "1", Question: "问", Answer: "答"}})); err != nil {
		f.Fatal(err)
	}
	f.Add(book.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, format := range []knowledge.Format{"", knowledge.CSV, knowledge.JSONL, knowledge.XLSX} {
			last := 0
			err := knowledge.Parse(bytes.NewReader(file), format, nil, func(r knowledge.Row) error {
				if r.Number < last {
					t.Fatalf("row %d came after row %d", r.Number, last)
				}
				last = r.Number
				if r.Problem != nil {
					if r.Problem.Row != r.Number || r.Problem.Reason == "" {
						t.Fatalf("problem %+v of row %d", r.Problem, r.Number)
					}
					return nil
				}
				again, err := r.Entry.Clean()
				if err != nil || !cmp.Equal(again, r.Entry) {
					t.Fatalf("Parse gave an entry that is not clean: %v\n%s", err, cmp.Diff(r.Entry, again))
				}
				return nil
			})
			if err != nil && frontdesk.KindOf(err) != frontdesk.Invalid {
				t.Fatalf("error of kind %v: %v", frontdesk.KindOf(err), err)
			}
		}
	})
}

func clean(t testing.TB, e knowledge.Entry) knowledge.Entry {
	t.Helper()
	e, err := e.Clean()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func seq(entries []knowledge.Entry) iter.Seq2[knowledge.Entry, error] {
	return func(yield func(knowledge.Entry, error) bool) {
		for _, e := range slices.Clone(entries) {
			if !yield(e, nil) {
				return
			}
		}
	}
}
