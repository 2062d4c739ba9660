package knowledge

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/xuri/excelize/v2"

	"frontdesk"
)

// Write writes entries to w in a format; Parse reads the same entries back. CSV starts with a byte order mark, which
// spreadsheets need to see that it is UTF-8, and cells that a spreadsheet would run as a formula begin with an apostrophe.
// It stops at the first error that entries gives.
func Write(w io.Writer, format Format, entries iter.Seq2[Entry, error]) (n int, err error) {
	bw := bufio.NewWriter(w)
	switch format {
	case CSV:
		n, err = writeCSV(bw, entries)
	case XLSX:
		n, err = writeXLSX(bw, entries)
	case JSONL:
		n, err = writeJSONL(bw, entries)
	default:
		return 0, frontdesk.InvalidField("format", "%q is not one of csv, xlsx, jsonl", format)
	}
	if err == nil {
		err = bw.Flush()
	}
	if err != nil {
		return n, fmt.Errorf("write entries as %s: %w", format, err)
	}
	return n, nil
}

func writeCSV(w *bufio.Writer, entries iter.Seq2[Entry, error]) (n int, err error) {
	if _, err := w.WriteString("\ufeff"); err != nil {
		return 0, err
	}
	cw := csv.NewWriter(w)
	if err := cw.Write(fields); err != nil {
		return 0, err
	}
	for e, err := range entries {
		if err != nil {
			return n, err
		}
		row := tableRow(&e)
		for i, c := range row {
			row[i] = defuseFormula(c)
		}
		if err := cw.Write(row); err != nil {
			return n, err
		}
		n++
	}
	cw.Flush()
	return n, cw.Error()
}

// writeXLSX keeps formula-like text as it is: the cells are typed as text, and a workbook's text is never run.
func writeXLSX(w io.Writer, entries iter.Seq2[Entry, error]) (n int, err error) {
	book := excelize.NewFile()
	defer book.Close()
	const sheet = "Sheet1"
	sw, err := book.NewStreamWriter(sheet)
	if err != nil {
		return 0, err
	}
	wrap, err := book.NewStyle(&excelize.Style{Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}, NumFmt: 49})
	if err != nil {
		return 0, err
	}
	if err := sw.SetColWidth(2, 5, 40); err != nil {
		return 0, err
	}
	if err := sw.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return 0, err
	}
	row := make([]any, len(fields))
	put := func(number int, cells []string) error {
		for i, c := range cells {
			row[i] = excelize.Cell{StyleID: wrap, Value: c}
		}
		return sw.SetRow(fmt.Sprintf("A%d", number), row)
	}
	if err := put(1, fields); err != nil {
		return 0, err
	}
	for e, err := range entries {
		if err != nil {
			return n, err
		}
		if err := put(n+2, tableRow(&e)); err != nil {
			return n, err
		}
		n++
	}
	if err := sw.Flush(); err != nil {
		return n, err
	}
	return n, book.Write(w)
}

// jsonRow is a line of a JSON lines file.
type jsonRow struct {
	ID        string   `json:"id"`
	Question  string   `json:"question"`
	Similar   []string `json:"similar"`
	Negative  []string `json:"negative"`
	Answer    string   `json:"answer"`
	Lang      string   `json:"lang"`
	Category  string   `json:"category"`
	ValidFrom string   `json:"valid_from,omitempty"`
	ValidTo   string   `json:"valid_to,omitempty"`
}

func writeJSONL(w *bufio.Writer, entries iter.Seq2[Entry, error]) (n int, err error) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for e, err := range entries {
		if err != nil {
			return n, err
		}
		row := jsonRow{e.ID, e.Question, orEmpty(e.Similar), orEmpty(e.Negative), e.Answer, e.Lang, e.Category,
			formatTime(e.ValidFrom), formatTime(e.ValidTo)}
		if err := enc.Encode(row); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func orEmpty(l []string) []string {
	if l == nil {
		return []string{}
	}
	return l
}
