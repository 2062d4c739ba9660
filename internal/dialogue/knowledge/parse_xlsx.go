package knowledge

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

// A workbook is a zip archive, which can be small and unpack to anything. Above unzipSheetBytes a sheet is read from a
// temporary file.
const (
	unzipBytes      = 256 << 20
	unzipSheetBytes = 16 << 20
)

// xlsx reads the first sheet that has a usable header, the first sheet if none has.
func (p *parser) xlsx(r io.Reader) (err error) {
	// The library is not hardened against workbooks made to break it.
	defer func() {
		if v := recover(); v != nil {
			err = fileError("is not a readable workbook: %s", clip(fmt.Sprint(v), 100))
		}
	}()
	book, err := excelize.OpenReader(r, excelize.Options{UnzipSizeLimit: unzipBytes, UnzipXMLSizeLimit: unzipSheetBytes, RawCellValue: true})
	if err != nil {
		if e := readError(err); !strings.HasPrefix(e.Error(), "read import file") {
			return e
		}
		return fileError("is not a readable workbook: %s", clip(err.Error(), 200))
	}
	defer book.Close()

	var first error
	for _, sheet := range book.GetSheetList() {
		t := &table{parser: p, dates: excelDate(book)}
		err := t.sheet(book, sheet)
		if err == nil || t.columns != nil || !errors.As(err, new(noHeader)) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		return fileError("is a workbook without sheets")
	}
	return errors.Unwrap(first)
}

// noHeader marks that a sheet is not one of entries.
type noHeader struct{ error }

func (e noHeader) Unwrap() error { return e.error }

func (t *table) sheet(book *excelize.File, sheet string) error {
	rows, err := book.Rows(sheet)
	if err != nil {
		return noHeader{fileError("has a sheet %q that cannot be read: %s", sheet, clip(err.Error(), 200))}
	}
	defer rows.Close()
	for number := 1; rows.Next(); number++ {
		if number > excelize.TotalRows {
			return fileError("has more than %d rows in sheet %q", excelize.TotalRows, sheet)
		}
		cells, err := rows.Columns()
		if err != nil {
			return fileError("cannot be read at row %d of sheet %q: %s", number, sheet, clip(err.Error(), 200))
		}
		for len(cells) > 0 && strings.TrimSpace(cells[len(cells)-1]) == "" {
			cells = cells[:len(cells)-1] // formatted but empty
		}
		if len(cells) > maxColumns {
			return fileError("has a cell in column %d of row %d, at most %d columns are allowed", len(cells), number, maxColumns)
		}
		switch {
		case len(cells) == 0:
			continue
		case t.columns == nil:
			columns := *t
			if err := (&columns).header(number, cells); err != nil {
				return noHeader{err}
			}
			*t = columns
		default:
			if err := t.cells(number, cells); err != nil {
				return err
			}
		}
	}
	if err := rows.Error(); err != nil {
		return fileError("cannot be read to its end in sheet %q: %s", sheet, clip(err.Error(), 200))
	}
	if t.columns == nil {
		return noHeader{fileError("has no header row in sheet %q", sheet)}
	}
	return nil
}

// excelDate reads dates as workbooks keep them: days since 1900 (or 1904) on the clock of whoever typed them.
func excelDate(book *excelize.File) dateReader {
	props, err := book.GetWorkbookProps()
	since1904 := err == nil && props.Date1904 != nil && *props.Date1904
	return func(s string, zone *time.Location) (time.Time, bool, bool) {
		days, err := strconv.ParseFloat(s, 64)
		if err != nil || days < 20_000 || days > 2_958_466 { // later than 1954, to 9999
			return time.Time{}, false, false
		}
		t, err := excelize.ExcelDateToTime(days, since1904)
		if err != nil {
			return time.Time{}, false, false
		}
		t = t.Round(time.Second)
		t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
		return t, days == math.Trunc(days), true
	}
}
