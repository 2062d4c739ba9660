package compliance

import (
	"cmp"
	"slices"

	"frontdesk"
)

// The kinds of personal data known so far. A kind is also the word in its token: <phone:1>.
const (
	KindPhone    = "phone"     // a mobile number of mainland China: 11 digits without the country's code
	KindBankCard = "bank_card" // 16 to 19 digits, issuer's range and check digit right
	KindIDCard   = "id_card"   // 18 characters, region, date and check digit right, X in upper case
)

// Span is a value found in one text, by byte offsets. Value is normalised: no separators, plain digits.
type Span struct {
	Kind       string
	Start, End int
	Value      string
}

// Recogniser finds the values of one or more kinds in a text. It appends what it finds to spans, in order and without
// overlap, and must not allocate when it finds nothing: it runs on every message. Offsets are on rune boundaries.
type Recogniser interface {
	Recognise(text string, spans []Span) []Span
}

// recognisers run in this order; of two findings that overlap the earlier in the text wins, then the longer, then the earlier here.
var recognisers = [...]Recogniser{numbers{}}

// Found is a value found in a message.
type Found struct {
	Kind  string
	Value string // normalised
	// Field says which visible string: the number of the call with which Content.Map visits it, from 0. Part is its part.
	Part, Field int
	Start, End  int // bytes in that string
}

// Detect returns the personal data in all visible strings of c, by field and then offset, without overlaps. It allocates
// nothing when it finds nothing.
func Detect(c frontdesk.Content) []Found {
	var found []Found
	field := 0
	visible(c, func(part int, text string) {
		for _, s := range spansOf(text) {
			found = append(found, Found{Kind: s.Kind, Value: s.Value, Part: part, Field: field, Start: s.Start, End: s.End})
		}
		field++
	})
	return found
}

// spansOf runs all recognisers over one text.
func spansOf(text string) []Span {
	var spans []Span
	for _, r := range recognisers {
		spans = r.Recognise(text, spans)
	}
	if len(spans) < 2 {
		return spans
	}
	slices.SortStableFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	kept := spans[:1]
	for _, s := range spans[1:] {
		if s.Start >= kept[len(kept)-1].End {
			kept = append(kept, s)
		}
	}
	return kept
}

// visible calls f for each string that Content.Map visits, in the same order, without copying the content. A test holds
// the two together.
func visible(c frontdesk.Content, f func(part int, text string)) {
	for i := range c.Parts {
		p := &c.Parts[i]
		if p.Text != "" {
			f(i, p.Text)
		}
		if p.Attachment != nil {
			f(i, p.Attachment.Name)
		}
		if p.Card != nil {
			f(i, p.Card.Title)
			for j := range p.Card.Lines {
				f(i, p.Card.Lines[j].Label)
				f(i, p.Card.Lines[j].Value)
			}
			if p.Card.Action != nil {
				f(i, p.Card.Action.Label)
				f(i, p.Card.Action.Value)
			}
		}
		for j := range p.Buttons {
			f(i, p.Buttons[j].Label)
			f(i, p.Buttons[j].Value)
		}
		if p.Form != nil {
			f(i, p.Form.Title)
			for j := range p.Form.Fields {
				f(i, p.Form.Fields[j].Label)
				for _, choice := range p.Form.Fields[j].Choices {
					f(i, choice)
				}
			}
		}
		for j := range p.Sources {
			f(i, p.Sources[j].Title)
		}
	}
}

// replace returns a copy of c in which each found value is replaced by what to says. found is as Detect or Across returns it.
func replace(c frontdesk.Content, found []Found, to func(i int) string) frontdesk.Content {
	field, next := -1, 0
	return c.Map(func(s string) string {
		field++
		if next == len(found) || found[next].Field != field {
			return s
		}
		out, at := make([]byte, 0, len(s)), 0
		for ; next < len(found) && found[next].Field == field; next++ {
			out = append(out, s[at:found[next].Start]...)
			out = append(out, to(next)...)
			at = found[next].End
		}
		return string(append(out, s[at:]...))
	})
}
