package knowledge

import (
	"fmt"
	"strings"

	"golang.org/x/text/width"
)

// fields in the order of an exported table.
var fields = []string{"id", "question", "similar", "negative", "answer", "lang", "category", "valid_from", "valid_to"}

// columnNames maps what people head their columns with to fields. Names are compared after foldName.
var columnNames = map[string]string{}

func init() {
	for field, names := range map[string]string{
		"id":         "id entryid 编号 編號 知识编号 知识id 唯一标识",
		"question":   "question q title standardquestion 问题 問題 标准问 標準問 标准问题 標準問題 标准问法 主问题 问 标题 知识标题",
		"similar":    "similar similarquestion similarquestions variants wordings otherwordings alternatives 相似问 相似問 相似问法 相似问题 相似問題 其他问法 其他問法 其它问法 扩展问 扩展问法 同义问",
		"negative":   "negative negatives negativequestions counterexamples 反例 负例 負例 反例问法 排除问法 排除问",
		"answer":     "answer a reply response 答案 回答 回复 回覆 答 标准答案 标准回复 答复",
		"lang":       "lang language 语言 語言 语种 語種",
		"category":   "category topic group 分类 分類 类别 類別 类目 知识分类 目录",
		"valid_from": "validfrom from start startdate 生效 生效时间 生效時間 生效日期 开始 开始时间 开始日期",
		"valid_to":   "validto validuntil until to end enddate expires 失效 失效时间 失效時間 失效日期 结束 结束时间 结束日期 有效期至 到期",
	} {
		for name := range strings.FieldsSeq(names) {
			columnNames[name] = field
		}
	}
}

// foldName makes "Valid_From ", "ｖalid from" and "相似问 2" comparable: narrow, lower case, without spaces, marks and a
// closing number.
func foldName(s string) string {
	s = strings.ToLower(width.Narrow.String(s))
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t_-*:()（）\u00a0\u3000\ufeff", r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimRight(s, "0123456789")
}

// table reads rows of cells under a header row.
type table struct {
	*parser
	columns []string // the field of each column, "" = none
	dates   dateReader
	unquote func(string) string
}

// header takes the first row that is not empty. Questions and answers are needed, the rest is not.
func (t *table) header(number int, cells []string) error {
	if len(cells) > maxColumns {
		return fileError("has %d columns, at most %d are allowed", len(cells), maxColumns)
	}
	if t.look != nil {
		t.columns = make([]string, len(cells))
		return t.look(number, cells)
	}
	has := map[string]bool{}
	var unknown []string
	for _, c := range cells {
		field := t.mapping.field(c)
		if field == "" && len(t.mapping) == 0 && strings.TrimSpace(c) != "" {
			unknown = append(unknown, clip(strings.TrimSpace(c), 40))
		}
		if has[field] && field != "similar" && field != "negative" && field != "" {
			return fileError("has two columns for %s in its header, row %d", field, number)
		}
		has[field] = true
		t.columns = append(t.columns, field)
	}
	for _, need := range []string{"question", "answer"} {
		if !has[need] {
			return fileError("has no column for %s in its header, row %d; it has: %s", need, number, clip(strings.Join(cells, ", "), 200))
		}
	}
	for _, c := range unknown {
		if err := t.notice(number, c, "is not a known column and was left out"); err != nil {
			return err
		}
	}
	return nil
}

// cells takes one row below the header. Rows without any text are passed over.
func (t *table) cells(number int, cells []string) error {
	if t.look != nil {
		return t.look(number, cells)
	}
	in := raw{dates: t.dates}
	empty := true
	for i, c := range cells {
		if strings.TrimSpace(c) == "" {
			continue
		}
		empty = false
		if i >= len(t.columns) {
			return t.bad(number, "", fmt.Sprintf("has more cells than the header's %d", len(t.columns)))
		}
		if t.unquote != nil {
			c = t.unquote(c)
		}
		switch t.columns[i] {
		case "id":
			in.entry.ID = c
		case "question":
			in.entry.Question = c
		case "similar":
			in.entry.Similar = append(in.entry.Similar, splitWordings(c)...)
		case "negative":
			in.entry.Negative = append(in.entry.Negative, splitWordings(c)...)
		case "answer":
			in.entry.Answer = c
		case "lang":
			in.entry.Lang = c
		case "category":
			in.entry.Category = c
		case "valid_from":
			in.from = c
		case "valid_to":
			in.to = c
		}
	}
	if empty {
		return nil
	}
	return t.row(number, in)
}

// tableRow is the inverse of cells.
func tableRow(e *Entry) []string {
	return []string{e.ID, e.Question, joinWordings(e.Similar), joinWordings(e.Negative), e.Answer, e.Lang, e.Category,
		formatTime(e.ValidFrom), formatTime(e.ValidTo)}
}
