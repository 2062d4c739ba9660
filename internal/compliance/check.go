package compliance

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"frontdesk"
)

// The actions of a verdict, mildest first.
const (
	ActionPass  = "pass"
	ActionMask  = "mask"  // sent with the places of the hits made unreadable
	ActionBlock = "block" // not sent
)

// Who wrote a content, for Facts.
const (
	OriginBot    = "bot"
	OriginAgent  = "agent"
	OriginSystem = "system"
)

// Facts is what Check may know beside the content.
type Facts struct {
	Tenant   string
	Origin   string // bot, agent, system
	Site     string
	Language string
}

// Hit is one place where a rule fired.
type Hit struct {
	Rule       string // "personal:" and the kind, or "word:" and the word
	Action     string
	Reason     string // may be shown to staff
	Field      int    // as in Found
	Start, End int    // bytes in the field of the content that was checked
}

// Verdict is the outcome of a check. Content is set unless Action is block.
type Verdict struct {
	Action  string
	Content Checked
	Hits    []Hit
}

// Reasons lists what a block is for, each once.
func (v Verdict) Reasons() []string {
	var reasons []string
	for _, h := range v.Hits {
		if h.Action == ActionBlock && !slices.Contains(reasons, h.Reason) {
			reasons = append(reasons, h.Reason)
		}
	}
	return reasons
}

// Checked is content that has passed Check. Delivery and conversation accept nothing else for outgoing messages; there is
// no way to make one but Check. The zero Checked is nothing: OK is false.
type Checked struct {
	content frontdesk.Content
	ok      bool
}

// Content returns the content as it may be sent. The caller does not change it.
func (c Checked) Content() frontdesk.Content { return c.content }

// OK reports whether there is a checked content.
func (c Checked) OK() bool { return c.ok }

// MarshalJSON writes the content for the store. There is no UnmarshalJSON: bytes do not prove a check.
func (c Checked) MarshalJSON() ([]byte, error) { return json.Marshal(c.content) }

// Check decides what of an outgoing content may be sent. Personal data is masked (138****8000), the tenant's words are
// masked or block, links other than http, https and within the site are taken off sources. A token such as <phone:1> stays
// as it is. On an error nothing may be sent: the verdict is then empty.
func (k *Checker) Check(c frontdesk.Content, f Facts) (Verdict, error) {
	if len(c.Parts) == 0 {
		return Verdict{}, frontdesk.Errorf(frontdesk.Internal, "check: content is empty")
	}
	words, err := k.words(f.Tenant)
	if err != nil {
		return Verdict{}, err
	}
	var hits []Hit
	var marks []Found // what to mask, in order and without overlaps
	field, valid := 0, true
	visible(c, func(part int, text string) {
		valid = valid && utf8.ValidString(text)
		from := len(marks)
		for _, s := range spansOf(text) {
			hits = append(hits, Hit{Rule: "personal:" + s.Kind, Action: ActionMask, Reason: "personal data", Field: field, Start: s.Start, End: s.End})
			marks = append(marks, Found{Kind: s.Kind, Value: s.Value, Field: field, Start: s.Start, End: s.End})
		}
		for _, m := range words.match(text) {
			w := words.list[m.word]
			hits = append(hits, Hit{Rule: "word:" + w.Text, Action: w.Action, Reason: w.Reason, Field: field, Start: m.start, End: m.end})
			if found := (Found{Field: field, Start: m.start, End: m.end}); w.Action == ActionMask && !overlaps(marks[from:], found) {
				marks = append(marks, found)
			}
		}
		slices.SortFunc(marks[from:], func(a, b Found) int { return a.Start - b.Start })
		field++
	})
	if !valid {
		return Verdict{}, frontdesk.InvalidField("text", "is not valid UTF-8")
	}
	if slices.ContainsFunc(hits, func(h Hit) bool { return h.Action == ActionBlock }) {
		return Verdict{Action: ActionBlock, Hits: hits}, nil
	}
	v := Verdict{Action: ActionPass, Hits: hits}
	if len(marks) > 0 {
		v.Action = ActionMask
		c = maskAll(c, marks)
	}
	v.Content = Checked{content: safeLinks(c), ok: true}
	return v, nil
}

// maskAll replaces the marked places.
func maskAll(c frontdesk.Content, marks []Found) frontdesk.Content {
	texts := []string{}
	visible(c, func(_ int, text string) { texts = append(texts, text) })
	return replace(c, marks, func(i int) string {
		m := marks[i]
		if m.Kind != "" {
			return Mask(m.Kind, m.Value)
		}
		return strings.Repeat("＊", utf8.RuneCountInString(texts[m.Field][m.Start:m.End]))
	})
}

// Redact masks the personal data in a text that is stored outside a message, where no token can stand for it.
func Redact(text string) string {
	c := frontdesk.TextContent(text)
	found := Detect(c)
	if len(found) == 0 {
		return text
	}
	return replace(c, found, func(i int) string { return Mask(found[i].Kind, found[i].Value) }).Parts[0].Text
}

// Mask shows of a value only what its owner needs to recognise it: 138****8000, 6222********4123, 110***********002X.
func Mask(kind, value string) string {
	head, tail := 0, 0
	switch kind {
	case KindPhone:
		head, tail = 3, 4
	case KindBankCard:
		head, tail = 4, 4
	case KindIDCard:
		head, tail = 3, 4
	}
	if len(value) < head+tail {
		head, tail = 0, 0
	}
	return value[:head] + strings.Repeat("*", len(value)-head-tail) + value[len(value)-tail:]
}

// safeLinks returns c without source links that a browser would run or that leave the web: javascript:, data:, file:.
func safeLinks(c frontdesk.Content) frontdesk.Content {
	for i, p := range c.Parts {
		for j, s := range p.Sources {
			if s.URL == "" || safeLink(s.URL) {
				continue
			}
			c.Parts = slices.Clone(c.Parts)
			c.Parts[i].Sources = slices.Clone(c.Parts[i].Sources)
			c.Parts[i].Sources[j].URL = ""
			return safeLinks(c)
		}
	}
	return c
}

func safeLink(link string) bool {
	u, err := url.Parse(link)
	if err != nil || u.User != nil {
		return false
	}
	switch u.Scheme {
	case "http", "https":
		return u.Host != ""
	case "":
		return u.Host == "" && strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "/\\") // a browser reads /\ as //
	}
	return false
}
