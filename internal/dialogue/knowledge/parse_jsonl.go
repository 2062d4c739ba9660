package knowledge

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// jsonl reads one JSON object a line. Each line stands alone: a broken one is reported by its number and costs no other.
func (p *parser) jsonl(r *bufio.Reader) error {
	lines := &lineReader{r: r}
	known := map[string]string{} // key -> field; "" = unknown, and said so
	for number := 1; ; number++ {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return readError(err)
		}
		text := strings.TrimSpace(line.text)
		switch {
		case line.tooLong:
			err = p.bad(number, "", "is longer than 1 MB")
		case text == "":
			continue
		case !utf8.ValidString(text):
			err = p.bad(number, "", "is not valid UTF-8")
		case number == 1 && text[0] == '[':
			return fileError("is a JSON array; put each object on a line of its own")
		default:
			err = p.jsonLine(number, text, known)
		}
		if err != nil {
			return err
		}
	}
}

func (p *parser) jsonLine(number int, text string, known map[string]string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return p.bad(number, "", "is not a JSON object: "+jsonReason(err))
	}
	if object == nil {
		return p.bad(number, "", "is not a JSON object: null")
	}
	var in raw
	for _, key := range slices.SortedFunc(maps.Keys(object), exactNamesFirst) {
		field, seen := known[key]
		if !seen {
			field = columnNames[foldName(key)]
			if len(known) < maxColumns {
				known[key] = field
				if field == "" && key != "hash" {
					if err := p.notice(number, clip(key, 40), "is not a known key and was left out"); err != nil {
						return err
					}
				}
			}
		}
		if _, exact := object[field]; field == "" || exact && key != field {
			continue // {"question": .., "title": ..}: the exact name wins
		}
		value := object[key]
		var err error
		switch field {
		case "id":
			err = jsonText(value, &in.entry.ID)
		case "question":
			err = jsonText(value, &in.entry.Question)
		case "similar":
			err = jsonTexts(value, &in.entry.Similar)
		case "negative":
			err = jsonTexts(value, &in.entry.Negative)
		case "answer":
			err = jsonText(value, &in.entry.Answer)
		case "lang":
			err = jsonText(value, &in.entry.Lang)
		case "category":
			err = jsonText(value, &in.entry.Category)
		case "valid_from":
			err = jsonText(value, &in.from)
		case "valid_to":
			err = jsonText(value, &in.to)
		}
		if err != nil {
			return p.bad(number, field, err.Error())
		}
	}
	return p.row(number, in)
}

// exactNamesFirst puts fields' own names first and is otherwise alphabetical, so that a row reads the same each time.
func exactNamesFirst(a, b string) int {
	if x, y := slices.Contains(fields, a), slices.Contains(fields, b); x != y {
		if x {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// jsonText accepts a string, or a number as it is written.
func jsonText(value json.RawMessage, to *string) error {
	switch c := value[0]; {
	case c == '"':
		return json.Unmarshal(value, to)
	case c == '-' || c >= '0' && c <= '9':
		*to = string(value)
	case bytes.Equal(value, []byte("null")):
	default:
		return fmt.Errorf("is not a text: %s", clip(string(value), 40))
	}
	return nil
}

// jsonTexts accepts a list of texts, or one text with bars or line ends between wordings.
func jsonTexts(value json.RawMessage, to *[]string) error {
	if value[0] != '[' {
		var s string
		if err := jsonText(value, &s); err != nil {
			return err
		}
		*to = append(*to, splitWordings(s)...)
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(value, &list); err != nil {
		return err
	}
	if len(list) > 10*MaxWordings {
		return fmt.Errorf("has %d wordings, at most %d are allowed", len(list), MaxWordings)
	}
	for _, v := range list {
		var s string
		if err := jsonText(v, &s); err != nil {
			return err
		}
		*to = append(*to, s)
	}
	return nil
}

// jsonReason says what a JSON error means without Go's names for things.
func jsonReason(err error) string {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("%s (at byte %d)", e.Error(), e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "found " + e.Value
	}
	return err.Error()
}
