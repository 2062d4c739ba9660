package knowledge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"frontdesk"
)

// Format is a file format that entries are imported from and exported to.
type Format string

// The formats. An empty Format on import means: look at the bytes.
const (
	CSV   Format = "csv"
	XLSX  Format = "xlsx"
	JSONL Format = "jsonl"
)

// FormatOf tells the format from a file's name, "" if the name does not say.
func FormatOf(name string) Format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv", ".tsv", ".txt":
		return CSV
	case ".xlsx", ".xlsm":
		return XLSX
	case ".jsonl", ".ndjson":
		return JSONL
	}
	return ""
}

// What one file may hold.
const (
	MaxFileBytes = 64 << 20
	MaxRows      = 200_000
	maxRowBytes  = 1 << 20
	maxColumns   = 200
)

// Problem is one thing that is wrong with a file, for its author to mend. Row counts as the author sees it: the line of a JSON
// lines file, the row of a spreadsheet with the header as row 1.
type Problem struct {
	Row    int    `json:"row"`
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Row is one parsed row: a clean Entry, or what is wrong with it. A Notice is a problem that cost no row, such as a column
// nobody knows.
type Row struct {
	Number  int
	Entry   Entry
	Problem *Problem
	Notice  bool
}

// Parse reads entries from r and gives each row to yield in file order; good rows go on after bad ones, and memory stays
// bounded by one row (a workbook: by its unpacked size, which is limited). Dates without a zone are taken in zone, UTC if nil.
//
// It returns an error, of kind Invalid, only when the file as a whole cannot be read (wrong format, no usable header, too
// large), and yield's error as it is.
func Parse(r io.Reader, format Format, zone *time.Location, yield func(Row) error) error {
	return parse(r, format, zone, nil, yield)
}

func parse(r io.Reader, format Format, zone *time.Location, mapping Mapping, yield func(Row) error) error {
	if zone == nil {
		zone = time.UTC
	}
	if err := mapping.check(); err != nil {
		return err
	}
	_, err := (&parser{zone: zone, yield: yield, mapping: mapping}).read(r, format)
	return err
}

// read takes r apart and returns the format it had.
func (p *parser) read(r io.Reader, format Format) (Format, error) {
	limited := &limitReader{r: r, left: MaxFileBytes}
	br := bufio.NewReaderSize(limited, sniffBytes)
	head, err := br.Peek(8)
	if err != nil && !errors.Is(err, io.EOF) {
		return format, readError(err)
	}
	zipped, ole := bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0"))
	switch {
	case ole:
		return format, fileError("is an old or encrypted Excel file; save it as .xlsx without a password")
	case zipped && (format == XLSX || format == ""):
		return XLSX, p.xlsx(br)
	case zipped:
		return format, fileError("is a workbook or an archive, not %s", format)
	case format == XLSX:
		return format, fileError("is not an .xlsx workbook")
	case len(head) == 0:
		return format, fileError("is empty")
	}
	text := bufio.NewReaderSize(decodeText(br), sniffBytes)
	if format == "" {
		format = CSV
		if head, _ := text.Peek(256); bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) {
			format = JSONL
		}
	}
	switch format {
	case CSV:
		return format, p.csv(text)
	case JSONL:
		return format, p.jsonl(text)
	}
	return format, &frontdesk.Error{Kind: frontdesk.Invalid, Field: "format", Public: fmt.Sprintf("%q is not one of csv, xlsx, jsonl", format)}
}

// parser turns the raw rows of any format into Rows.
type parser struct {
	zone    *time.Location
	yield   func(Row) error
	rows    int
	mapping Mapping
	look    func(number int, cells []string) error // takes the rows of a table as they are, the header first; nil: they become entries
}

// raw is a row before cleaning: the texts of each field. Times are texts too.
type raw struct {
	entry    Entry
	from, to string
	dates    dateReader // nil: this format writes no dates as numbers
}

// dateReader reads a date that a format writes as a number; whole says that it is a day without a time.
type dateReader func(s string, zone *time.Location) (t time.Time, whole, ok bool)

// row cleans one raw row and hands it on.
func (p *parser) row(number int, in raw) error {
	if p.rows++; p.rows > MaxRows {
		return fileError("has more than %d rows", MaxRows)
	}
	e := in.entry
	var err error
	if e.ValidFrom, err = p.time("valid_from", in.from, in.dates, false); err == nil {
		e.ValidTo, err = p.time("valid_to", in.to, in.dates, true)
	}
	if err == nil {
		e, err = e.Clean()
	}
	if fe, ok := errors.AsType[*FieldError](err); ok {
		return p.bad(number, fe.Field, fe.Reason)
	} else if err != nil {
		return err
	}
	return p.yield(Row{Number: number, Entry: e})
}

// bad reports a row that cannot be used.
func (p *parser) bad(number int, field, reason string) error {
	return p.yield(Row{Number: number, Problem: &Problem{number, field, reason}})
}

// notice reports something odd that costs no row.
func (p *parser) notice(number int, field, reason string) error {
	return p.yield(Row{Number: number, Problem: &Problem{number, field, reason}, Notice: true})
}

var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006-1-2 15:04:05", "2006-1-2 15:04", "2006/1/2 15:04:05", "2006/1/2 15:04", "2006年1月2日 15:04",
}

var dayLayouts = []string{"2006-1-2", "2006/1/2", "2006.1.2", "20060102", "2006年1月2日"}

// time reads a date or a moment. A day as the end of validity counts to its last moment, as its author means it.
func (p *parser) time(field, s string, dates dateReader, end bool) (int64, error) {
	s = strings.TrimSpace(s)
	if s == "" || s == "0" {
		return 0, nil
	}
	for _, l := range dayLayouts {
		if t, err := time.ParseInLocation(l, s, p.zone); err == nil {
			if end {
				t = t.AddDate(0, 0, 1)
			}
			return t.UnixMicro(), nil
		}
	}
	for _, l := range timeLayouts {
		if t, err := time.ParseInLocation(l, s, p.zone); err == nil {
			return t.UnixMicro(), nil
		}
	}
	if dates != nil {
		if t, whole, ok := dates(s, p.zone); ok {
			if end && whole {
				t = t.AddDate(0, 0, 1)
			}
			return t.UnixMicro(), nil
		}
	}
	if us, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) >= 15 { // as the API writes times
		return us, nil
	}
	return 0, fieldErrorf(field, "%q is not a date such as 2026-01-31 or 2026-01-31T18:00:00+08:00", clip(s, 40))
}

// formatTime is what time reads back exactly.
func formatTime(us int64) string {
	if us == 0 {
		return ""
	}
	return frontdesk.FromMicros(us).Format(time.RFC3339Nano)
}

// splitWordings takes a cell of several wordings apart: at line breaks if it has any, else at bars and semicolons.
func splitWordings(cell string) []string {
	if strings.ContainsAny(cell, "\n\r") {
		return strings.FieldsFunc(cell, func(r rune) bool { return r == '\n' || r == '\r' })
	}
	return strings.FieldsFunc(cell, func(r rune) bool { return r == '|' || r == '｜' || r == ';' || r == '；' })
}

// joinWordings is the inverse of splitWordings for clean wordings. A lone wording with a bar in it gets a line end, so that it
// is not split there.
func joinWordings(list []string) string {
	if len(list) == 1 && strings.ContainsAny(list[0], "|｜;；") {
		return list[0] + "\n"
	}
	return strings.Join(list, "\n")
}

// limitReader fails, and does not silently end, when the file is too large.
type limitReader struct {
	r    io.Reader
	left int64
}

func (l *limitReader) Read(b []byte) (int, error) {
	if l.left < 0 {
		return 0, fileError("is larger than %d MB", MaxFileBytes>>20)
	}
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}
	n, err := l.r.Read(b)
	l.left -= int64(n)
	if l.left < 0 {
		return n, fileError("is larger than %d MB", MaxFileBytes>>20)
	}
	return n, err
}

// fileError is a fault of the file as a whole.
func fileError(format string, args ...any) *frontdesk.Error {
	return frontdesk.InvalidField("file", format, args...)
}

// readError keeps a fileError and wraps any other failure to read.
func readError(err error) error {
	if frontdesk.KindOf(err) == frontdesk.Invalid {
		return err
	}
	return fmt.Errorf("read import file: %w", err)
}

// clip shortens s for a message.
func clip(s string, runes int) string {
	n := 0
	for i := range s {
		if n++; n > runes {
			return s[:i] + "…"
		}
	}
	return s
}
