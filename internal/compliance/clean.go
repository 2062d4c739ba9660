package compliance

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"frontdesk"
)

// The limits of what one message may hold, unless Limits says otherwise.
const (
	MaxChars = 4000 // characters of one text
	MaxParts = 20
	maxName  = 200 // characters of a file name, label or other short string
	maxItems = 50  // buttons, lines, fields or choices of one part
	maxMarks = 8   // combining marks on one character
)

// Limits bound one message. The zero value uses the constants above.
type Limits struct {
	Chars int // of one text; 0 is MaxChars
}

// Clean returns text fit to be stored and shown: line ends are \n, control characters, bidirectional overrides and
// invisible characters are gone (a joiner stays inside an emoji), space around it is trimmed. Broken UTF-8, a text over
// MaxChars characters and one without anything to see are refused with an Invalid error of the field "text".
func Clean(text string) (string, error) { return Limits{}.Clean(text) }

// Clean is the package's Clean with these limits.
func (l Limits) Clean(text string) (string, error) {
	return l.clean("text", text)
}

func (l Limits) clean(field, text string) (string, error) {
	most := l.Chars
	if most == 0 {
		most = MaxChars
	}
	if !utf8.ValidString(text) {
		return "", frontdesk.InvalidField(field, "is not valid UTF-8")
	}
	text = strings.TrimSpace(Printable(text))
	if n := utf8.RuneCountInString(text); n > most {
		return "", frontdesk.InvalidField(field, "has %d characters, at most %d are allowed", n, most)
	}
	if blank(text) {
		return "", frontdesk.InvalidField(field, "is empty")
	}
	return text, nil
}

// Content cleans all strings of a message from outside. Parts of unknown kind, too many parts and parts that show nothing
// are refused; the error names the field.
func (l Limits) Content(c frontdesk.Content) (frontdesk.Content, error) {
	if len(c.Parts) == 0 {
		return c, frontdesk.InvalidField("parts", "is empty")
	}
	if len(c.Parts) > MaxParts {
		return c, frontdesk.InvalidField("parts", "has %d parts, at most %d are allowed", len(c.Parts), MaxParts)
	}
	for _, p := range c.Parts {
		if err := shape(p); err != nil {
			return c, err
		}
	}
	var err error
	out := c.Map(func(s string) string {
		cleaned, e := l.clean("text", s)
		if e != nil && !(s == "" || utf8.ValidString(s) && blank(Printable(s))) && err == nil {
			err = e
		}
		return cleaned
	})
	if err != nil {
		return c, err
	}
	for _, p := range out.Parts {
		if p.Kind == frontdesk.PartText && p.Text == "" {
			return c, frontdesk.InvalidField("text", "is empty")
		}
	}
	return out, nil
}

// shape checks that a part has what its kind needs and no more than fits on a screen.
func shape(p frontdesk.Part) error {
	missing := false
	switch p.Kind {
	case frontdesk.PartText:
	case frontdesk.PartImage, frontdesk.PartFile:
		missing = p.Attachment == nil
	case frontdesk.PartCard:
		missing = p.Card == nil
	case frontdesk.PartButtons:
		missing = len(p.Buttons) == 0
	case frontdesk.PartForm:
		missing = p.Form == nil
	default:
		return frontdesk.InvalidField("parts.kind", "is not a known kind of part")
	}
	if missing {
		return frontdesk.InvalidField("parts."+string(p.Kind), "is missing")
	}
	if p.Attachment != nil && utf8.RuneCountInString(p.Attachment.Name) > maxName {
		return frontdesk.InvalidField("parts.attachment.name", "has more than %d characters", maxName)
	}
	n := len(p.Buttons)
	if p.Card != nil {
		n = max(n, len(p.Card.Lines))
	}
	if p.Form != nil {
		n = max(n, len(p.Form.Fields))
		for _, f := range p.Form.Fields {
			n = max(n, len(f.Choices))
		}
	}
	if n = max(n, len(p.Sources)); n > maxItems {
		return frontdesk.InvalidField("parts", "a part has %d items, at most %d are allowed", n, maxItems)
	}
	return nil
}

// Printable removes from valid UTF-8 what must not be stored or shown, as Clean does, without trimming or refusing. A text
// that has nothing of the kind is returned as it is.
func Printable(text string) string {
	at := firstOdd(text)
	if at == len(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	b.WriteString(text[:at])
	last, marks := rune(0), 0
	if at > 0 {
		last, _ = utf8.DecodeLastRuneInString(text[:at])
	}
	for i, r := range text[at:] {
		next := at + i + utf8.RuneLen(r)
		switch {
		case r == '\r':
			if strings.HasPrefix(text[next:], "\n") {
				continue
			}
			r = '\n'
		case r == 0x2028 || r == 0x2029 || r == '\v' || r == '\f' || r == 0x85:
			r = '\n'
		case r == 0x200D: // zero-width joiner: only between the pieces of an emoji
			after, _ := utf8.DecodeRuneInString(text[next:])
			if !pictograph(last) || !pictograph(after) {
				continue
			}
		case r >= 0xE0020 && r <= 0xE007F: // tags: only after the black flag, as in the flag of Scotland
			if last != 0x1F3F4 && !(last >= 0xE0020 && last <= 0xE007F) {
				continue
			}
		case r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0100 && r <= 0xE01EF: // one variation selector a character
			if selector(last) || last == 0 {
				continue
			}
		case removed(r):
			continue
		}
		if unicode.Is(unicode.Mn, r) && !selector(r) || unicode.Is(unicode.Me, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// firstOdd returns where Printable has to begin looking closely.
func firstOdd(text string) int {
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c >= ' ' && c < 0x7F || c == '\n' || c == '\t':
			i++
		case c >= 0xE3 && c <= 0xED && i+2 < len(text): // kana, Han, Hangul, most of the planes in use
			if c == 0xE3 && text[i+1] == 0x85 { // U+3140..317F has the Hangul filler
				return i
			}
			i += 3
		case c == 0xEF && i+2 < len(text) && text[i+1] == 0xBC: // full width
			i += 3
		default:
			return i
		}
	}
	return len(text)
}

// removed says of characters that nobody sees, that reorder what is seen, or that no text has.
func removed(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20, r >= 0x7F && r <= 0x9F: // control
		return true
	case r >= 0x200B && r <= 0x200F, r == 0x061C: // zero width, marks of direction
		return true
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069: // overrides, isolates
		return true
	case r >= 0x2060 && r <= 0x2065, r >= 0x206A && r <= 0x206F, r == 0xFEFF, r == 0x00AD, r == 0x034F, r == 0x180E:
		return true
	case r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r == 0x17B4, r == 0x17B5: // fillers
		return true
	case r >= 0xFFF0 && r <= 0xFFFB, r >= 0xE0000 && r <= 0xE0FFF, r >= 0x1D173 && r <= 0x1D17A:
		return true
	case r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF: // not characters
		return true
	}
	return false
}

func selector(r rune) bool { return r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF }

// pictograph reports whether a joiner beside r can be part of an emoji.
func pictograph(r rune) bool {
	return r == 0xFE0F || r >= 0x1F000 && r <= 0x1FAFF || r >= 0x2190 && r <= 0x2BFF || r == 0x20E3
}

// blank reports whether there is nothing to see: spaces, the empty braille pattern, lone marks.
func blank(text string) bool {
	for _, r := range text {
		if !unicode.IsSpace(r) && r != 0x2800 && !unicode.Is(unicode.Mn, r) && !selector(r) {
			return false
		}
	}
	return true
}
