package knowledge

import (
	"io"
	"slices"
	"strings"
	"time"

	"frontdesk"
)

// Mapping names, for each field of an entry, the columns of a table that hold it, as their headers stand in the file.
// Columns that are not named are left out. Without any, the headers themselves tell.
type Mapping map[string][]string

// check refuses what no table could satisfy.
func (m Mapping) check() error {
	columns := map[string]bool{}
	for field, names := range m {
		if !slices.Contains(fields, field) {
			return frontdesk.InvalidField("mapping", "%q is not a field; the fields are %s", clip(field, 40), strings.Join(fields, ", "))
		}
		if len(names) > 1 && field != "similar" && field != "negative" {
			return frontdesk.InvalidField("mapping", "only similar and negative may come from several columns, %s has %d", field, len(names))
		}
		for _, name := range names {
			if columns[name] {
				return frontdesk.InvalidField("mapping", "the column %q is named twice", clip(name, 40))
			}
			columns[name] = true
		}
	}
	if len(m) > 0 && (len(m["question"]) == 0 || len(m["answer"]) == 0) {
		return frontdesk.InvalidField("mapping", "question and answer each need a column")
	}
	return nil
}

// field is what a column holds, "" if nothing.
func (m Mapping) field(header string) string {
	if len(m) == 0 {
		return columnNames[foldName(header)]
	}
	header = strings.TrimSpace(header)
	for field, names := range m {
		for _, name := range names {
			if strings.TrimSpace(name) == header {
				return field
			}
		}
	}
	return ""
}

// Column is a column of a table that may be imported.
type Column struct {
	Name     string   `json:"name"`
	Guess    string   `json:"guess" doc:"The field it seems to hold; empty: none"`
	Examples []string `json:"examples" doc:"Its first values that are not empty"`
}

// Columns is a first look at a file.
type Columns struct {
	Format  Format     `json:"format" enum:"csv,xlsx,jsonl"`
	Columns []Column   `json:"columns"`
	Rows    [][]string `json:"rows" doc:"The first ones"`
	Count   int        `json:"row_count" doc:"Below the header; empty ones are not counted"`
}

// What a look shows.
const (
	lookRows     = 10
	lookExamples = 3
	lookChars    = 200
)

// Look reads a table's header and first rows, and guesses which column holds which field. Of a workbook it looks at the
// first sheet that has anything. A file of JSON lines has fixed names, so its fields are its columns.
func Look(r io.Reader, format Format) (Columns, error) {
	out := Columns{Columns: []Column{}, Rows: [][]string{}}
	p := &parser{zone: time.UTC}
	p.look = func(_ int, cells []string) error {
		for i, c := range cells {
			cells[i] = clip(strings.TrimSpace(c), lookChars)
		}
		if len(out.Columns) == 0 {
			guessed := map[string]bool{}
			for _, c := range cells {
				guess := columnNames[foldName(c)]
				if guessed[guess] && guess != "similar" && guess != "negative" {
					guess = ""
				}
				guessed[guess] = true
				out.Columns = append(out.Columns, Column{c, guess, []string{}})
			}
			return nil
		}
		if !slices.ContainsFunc(cells, func(c string) bool { return c != "" }) {
			return nil
		}
		if out.Count++; out.Count > MaxRows {
			return fileError("has more than %d rows", MaxRows)
		}
		out.show(cells)
		return nil
	}
	p.yield = func(row Row) error { // a broken row of a table, or a row of JSON lines
		if row.Notice {
			return nil
		}
		if out.Count++; row.Problem == nil && len(out.Rows) < lookRows {
			if len(out.Columns) == 0 {
				for _, f := range fields {
					out.Columns = append(out.Columns, Column{f, f, []string{}})
				}
			}
			cells := tableRow(&row.Entry)
			for i, c := range cells {
				cells[i] = clip(c, lookChars)
			}
			out.show(cells)
		}
		return nil
	}
	var err error
	out.Format, err = p.read(r, format)
	if err == nil && len(out.Columns) == 0 {
		if out.Count > 0 {
			return out, fileError("has no row that can be read")
		}
		return out, fileError("is empty")
	}
	return out, err
}

func (c *Columns) show(cells []string) {
	if len(c.Rows) < lookRows {
		c.Rows = append(c.Rows, cells)
	}
	for i, cell := range cells[:min(len(cells), len(c.Columns))] {
		if column := &c.Columns[i]; cell != "" && len(column.Examples) < lookExamples {
			column.Examples = append(column.Examples, cell)
		}
	}
}
