package knowledge

import (
	"bufio"
	"errors"
	"io"
	"strings"
)

// csv reads comma, semicolon or tab separated values. It is a reader of our own because the rows after a broken quote must
// not be lost: a row whose quote never closes, or closes in the middle of a text, is reported, and reading goes on at the
// line after its first.
func (p *parser) csv(r *bufio.Reader) error {
	lines := &lineReader{r: r}
	t := &table{parser: p, unquote: restoreFormula}
	comma := byte(0)
	for number := 1; ; number++ {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return readError(err)
		}
		if line.tooLong {
			if err := p.bad(number, "", "is longer than 1 MB"); err != nil {
				return err
			}
			continue
		}
		if comma == 0 {
			if rest, ok := strings.CutPrefix(line.text, "sep="); ok && len(rest) == 1 {
				comma = rest[0]
				continue
			}
			if strings.TrimSpace(line.text) == "" {
				continue
			}
			comma = guessComma(line.text)
		}
		cells, problem, err := lines.record(line.text, comma, len(t.columns))
		if err != nil {
			return readError(err)
		}
		switch {
		case problem != "" && t.columns == nil:
			return fileError("has a broken header: row %d %s", number, problem)
		case problem != "":
			err = p.bad(number, "", problem)
		case t.columns == nil:
			err = t.header(number, cells)
		default:
			err = t.cells(number, cells)
		}
		if err != nil {
			return err
		}
	}
	if t.columns == nil {
		return fileError("has no header row")
	}
	return nil
}

// guessComma takes the separator that the header has most of.
func guessComma(header string) byte {
	best := byte(',')
	for _, c := range []byte{'\t', ';'} {
		if strings.Count(header, string(c)) > strings.Count(header, string(best)) {
			best = c
		}
	}
	return best
}

// lineReader reads lines of bounded length, and can take lines back.
type lineReader struct {
	r    *bufio.Reader
	back []textLine // to be read again, in order
}

type textLine struct {
	text    string // without its end
	tooLong bool
}

// next returns the next line; io.EOF after the last.
func (l *lineReader) next() (textLine, error) {
	if len(l.back) > 0 {
		line := l.back[0]
		l.back = l.back[1:]
		return line, nil
	}
	var buf []byte
	line := textLine{}
	for {
		chunk, err := l.r.ReadSlice('\n')
		if !line.tooLong {
			buf = append(buf, chunk...)
			line.tooLong = len(buf) > maxRowBytes
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(buf) == 0:
			return line, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return line, err
		}
		if line.tooLong {
			return line, nil
		}
		line.text = strings.TrimSuffix(strings.TrimSuffix(string(buf), "\n"), "\r")
		return line, nil
	}
}

// record splits the row that begins with first, reading more lines while a quote is open. A problem costs the first line
// only: the others go back, for they are likely rows of their own. At most columns cells are believed of a row of several lines.
func (l *lineReader) record(first string, comma byte, columns int) (cells []string, problem string, err error) {
	s := cellSplitter{comma: comma}
	problem = s.feed(first)
	var more []textLine
	size := len(first)
	for problem == "" && s.open {
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			problem = "opens a quote that is never closed"
			break
		} else if err != nil {
			return nil, "", err
		}
		more = append(more, line)
		if size += len(line.text); size > maxRowBytes || line.tooLong {
			problem = "opens a quote that is not closed within 1 MB"
			break
		}
		problem = s.feed(line.text)
	}
	if problem == "" && len(more) > 0 && columns > 0 && len(s.cells) > columns {
		problem = "has a quote that swallows the rows after it"
	}
	if problem != "" {
		l.back = append(more, l.back...)
		return nil, problem, nil
	}
	return s.cells, "", nil
}

// cellSplitter takes the lines of one row apart. A quote in the middle of an unquoted cell is text, as in spreadsheets.
type cellSplitter struct {
	comma byte
	cells []string
	cell  strings.Builder // the quoted cell that is open
	open  bool
}

// feed takes one more line and says what is wrong with it, "" if nothing is.
func (s *cellSplitter) feed(line string) (problem string) {
	if s.open {
		s.cell.WriteByte('\n')
	}
	for {
		if !s.open {
			if !strings.HasPrefix(line, `"`) {
				i := strings.IndexByte(line, s.comma)
				if i < 0 {
					s.cells = append(s.cells, line)
					return ""
				}
				s.cells = append(s.cells, line[:i])
				line = line[i+1:]
				continue
			}
			s.open = true
			line = line[1:]
		}
		i := strings.IndexByte(line, '"')
		if i < 0 {
			s.cell.WriteString(line)
			return ""
		}
		s.cell.WriteString(line[:i])
		line = line[i+1:]
		switch {
		case strings.HasPrefix(line, `"`):
			s.cell.WriteByte('"')
			line = line[1:]
		case line == "" || line[0] == s.comma:
			s.cells = append(s.cells, s.cell.String())
			s.cell.Reset()
			s.open = false
			if line == "" {
				return ""
			}
			line = line[1:]
		default:
			return "has text after a closing quote; a quote inside a cell is written twice"
		}
	}
}

// Spreadsheets run a cell as a formula if it begins with one of these, the wide forms in some locales.
const formulaStarts = "=+-@＝＋－＠\t\r"

// defuseFormula makes a cell that a spreadsheet would run into text, by an apostrophe. restoreFormula is its inverse.
func defuseFormula(cell string) string {
	if startsFormula(cell) {
		return "'" + cell
	}
	return cell
}

func restoreFormula(cell string) string {
	if strings.HasPrefix(cell, "'") && startsFormula(cell) {
		return cell[1:]
	}
	return cell
}

// startsFormula looks behind apostrophes, so that a text that has one of its own survives the round trip.
func startsFormula(cell string) bool {
	rest := strings.TrimLeft(cell, "'")
	for _, r := range rest {
		return strings.ContainsRune(formulaStarts, r)
	}
	return false
}
