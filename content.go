package frontdesk

import (
	"encoding/json"
	"log/slog"
	"strings"
	"unicode/utf8"
)

// PartKind names what a part of a message is.
type PartKind string

// The kinds of parts. A channel that cannot show one shows its Text.
const (
	PartText    PartKind = "text"
	PartImage   PartKind = "image"
	PartFile    PartKind = "file"
	PartCard    PartKind = "card"
	PartButtons PartKind = "buttons"
	PartForm    PartKind = "form"
)

// Content is what one message says: its parts in order. The zero value is empty and valid to append to.
type Content struct {
	Parts []Part `json:"parts"`
}

// Part is one piece of a message. Only the fields of its kind are set; Text is also the fallback for channels that
// cannot show the kind.
type Part struct {
	Kind       PartKind    `json:"kind"`
	Text       string      `json:"text,omitempty"`
	Attachment *Attachment `json:"attachment,omitempty"` // image, file
	Card       *Card       `json:"card,omitempty"`
	Buttons    []Button    `json:"buttons,omitempty"`
	Form       *Form       `json:"form,omitempty"`
	Sources    []Source    `json:"sources,omitempty"` // text: what the statement stands on
}

// Attachment points to a stored blob by its content.
type Attachment struct {
	ID     string `json:"id"`
	SHA256 string `json:"sha256"`
	Type   string `json:"type"` // media type found by looking at the bytes, never the sender's claim
	Size   int64  `json:"size"`
	Name   string `json:"name,omitempty"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
}

// Card is a titled block of facts, such as an order or a product.
type Card struct {
	Type   string  `json:"type"` // order, product, progress, disclosure, source
	Title  string  `json:"title"`
	Lines  []Field `json:"lines,omitempty"`
	Action *Button `json:"action,omitempty"`
}

// Field is a labelled value.
type Field struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Button is a suggestion the customer can choose; Value is what choosing it says.
type Button struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Form asks for labelled values in one go.
type Form struct {
	ID     string      `json:"id"`
	Title  string      `json:"title"`
	Fields []FormField `json:"fields"`
}

// FormField is one question of a form. Type is text, number, phone, email, date or choice.
type FormField struct {
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Type     string   `json:"type"`
	Required bool     `json:"required,omitempty"`
	Choices  []string `json:"choices,omitempty"`
}

// Source says where an answer comes from.
type Source struct {
	ID    string  `json:"id"` // the knowledge entry
	Title string  `json:"title"`
	Score float64 `json:"score"` // probability, 0..1, that the entry answers the question
	URL   string  `json:"url,omitempty"`
}

// TextContent is content of one text part.
func TextContent(text string) Content {
	return Content{Parts: []Part{{Kind: PartText, Text: text}}}
}

// Text joins the text of all parts by newlines: what a plain channel shows and what understanding reads.
func (c Content) Text() string {
	if len(c.Parts) == 1 {
		return c.Parts[0].Text
	}
	var b strings.Builder
	for _, p := range c.Parts {
		if p.Text == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// Map returns a deep copy with f applied to every string a person can see: texts, labels, titles, values and file names.
// It is how masking and checking reach all of a message; a new visible field must be added here.
func (c Content) Map(f func(string) string) Content {
	out := Content{Parts: make([]Part, len(c.Parts))}
	button := func(b Button) Button { return Button{Label: f(b.Label), Value: f(b.Value)} }
	for i, p := range c.Parts {
		if p.Text != "" {
			p.Text = f(p.Text)
		}
		if p.Attachment != nil {
			a := *p.Attachment
			a.Name = f(a.Name)
			p.Attachment = &a
		}
		if p.Card != nil {
			k := *p.Card
			k.Title = f(k.Title)
			k.Lines = make([]Field, len(p.Card.Lines))
			for j, l := range p.Card.Lines {
				k.Lines[j] = Field{Label: f(l.Label), Value: f(l.Value)}
			}
			if k.Action != nil {
				b := button(*k.Action)
				k.Action = &b
			}
			p.Card = &k
		}
		if p.Buttons != nil {
			bs := make([]Button, len(p.Buttons))
			for j, b := range p.Buttons {
				bs[j] = button(b)
			}
			p.Buttons = bs
		}
		if p.Form != nil {
			m := *p.Form
			m.Title = f(m.Title)
			m.Fields = make([]FormField, len(p.Form.Fields))
			for j, q := range p.Form.Fields {
				q.Label = f(q.Label)
				choices := make([]string, len(q.Choices))
				for k, ch := range q.Choices {
					choices[k] = f(ch)
				}
				if q.Choices != nil {
					q.Choices = choices
				}
				m.Fields[j] = q
			}
			p.Form = &m
		}
		if p.Sources != nil {
			ss := make([]Source, len(p.Sources))
			for j, s := range p.Sources {
				s.Title = f(s.Title)
				ss[j] = s
			}
			p.Sources = ss
		}
		out.Parts[i] = p
	}
	return out
}

// LogValue keeps customers' words out of logs: only the shape of the content is shown.
func (c Content) LogValue() slog.Value {
	n := 0
	for _, p := range c.Parts {
		n += utf8.RuneCountInString(p.Text)
	}
	return slog.GroupValue(slog.Int("parts", len(c.Parts)), slog.Int("chars", n))
}

// Localized is a text in several languages, keyed by BCP 47 primary tags such as "zh" and "en".
type Localized map[string]string

// In returns the text in language, else in the first of fallbacks that has one, else in Chinese, English, or any.
func (l Localized) In(language string, fallbacks ...string) string {
	if t := l[language]; t != "" {
		return t
	}
	for _, k := range append(fallbacks, "zh", "en") {
		if t := l[k]; t != "" {
			return t
		}
	}
	for _, t := range l {
		return t
	}
	return ""
}

// UnmarshalJSON accepts a plain string as the Chinese text beside the usual object.
func (l *Localized) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*l = Localized{"zh": s}
		return nil
	}
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*l = m
	return nil
}
