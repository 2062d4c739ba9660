package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
)

// What a customer does beside writing: reads on in the past, fills in a form, says how it was, moves about the host's pages.

const (
	historyDefault = 50
	historyMax     = 200
	valueMax       = 500 // characters of one answer in a form
	commentMax     = 500 // characters beside a satisfaction
	trackRate      = 0.5 // events a second and visitor: they are kept for as long as the log
	trackBurst     = 20
	trackFields    = 20
	trackChars     = 200
)

// history returns the messages before a number, the newest ones without one. A client that begins here goes on at seq.
func (g *Gateway) history(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	before, err := number(r, "before")
	if err != nil {
		return err
	}
	limit, err := number(r, "limit")
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = historyDefault
	}
	limit = min(limit, historyMax)
	// The sequence is read first: what is committed in between comes twice rather than never.
	c, err := g.Conversations.Get(r.Context(), v.Tenant, v.Conversation)
	if err != nil {
		return err
	}
	from := before
	if from == 0 {
		from = c.Seq + 1
	}
	messages, err := g.Conversations.History(r.Context(), v.Tenant, v.Conversation, from, int(limit)+1, conversation.ForCustomer)
	if err != nil {
		return err
	}
	g.Hub.Name(r.Context(), v.Tenant, messages)
	more := len(messages) > int(limit)
	if more {
		messages = messages[1:]
	}
	out := map[string]any{"messages": messages, "more": more, "seq": c.Seq, "owner": c.Owner}
	if before == 0 {
		if out["satisfaction"], err = g.Conversations.Satisfaction(r.Context(), v.Tenant, v.Conversation); err != nil {
			return err
		}
	}
	reply(w, http.StatusOK, out)
	return nil
}

// submit takes the values of a form that stands in an earlier message. What is stored is a message of the customer's that
// says them in words, so that it is sealed, understood and shown like everything else they say.
func (g *Gateway) submit(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	if err := g.allowMessage(v); err != nil {
		return err
	}
	var in struct {
		ClientID string            `json:"client_id"`
		Seq      int64             `json:"seq"`
		Values   map[string]string `json:"values"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	form, err := g.formAt(r.Context(), v.Tenant, v.Conversation, in.Seq)
	if err != nil {
		return err
	}
	c, err := g.Conversations.Get(r.Context(), v.Tenant, v.Conversation)
	if err != nil {
		return err
	}
	colon := ": "
	if c.Language == "zh" {
		colon = "："
	}
	var lines []string
	for _, f := range form.Fields {
		value, err := g.answerTo(f, in.Values[f.Name])
		if err != nil {
			return err
		}
		if value != "" {
			lines = append(lines, f.Label+colon+value)
		}
	}
	if len(lines) == 0 {
		return frontdesk.InvalidField("values", "Nothing was filled in.")
	}
	content, err := g.limits.Content(frontdesk.Content{Parts: []frontdesk.Part{{Kind: frontdesk.PartForm, Text: strings.Join(lines, "\n"),
		Form: &frontdesk.Form{ID: form.ID, Title: form.Title, Fields: []frontdesk.FormField{}}}}})
	if err != nil {
		return err
	}
	seq, err := g.store(r.Context(), v, in.ClientID, content)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, map[string]int64{"seq": seq})
	return nil
}

// formAt finds the form in a message that the customer was sent.
func (g *Gateway) formAt(ctx context.Context, tenant, id string, seq int64) (*frontdesk.Form, error) {
	found, err := g.Conversations.History(ctx, tenant, id, seq+1, 1, conversation.ForCustomer)
	if err != nil {
		return nil, err
	}
	for _, m := range found {
		if m.Seq != seq || m.From == conversation.ByCustomer {
			break
		}
		for _, p := range m.Parts {
			if p.Kind == frontdesk.PartForm && p.Form != nil {
				return p.Form, nil
			}
		}
	}
	return nil, frontdesk.InvalidField("seq", "There is no form in this message.")
}

var (
	phoneText  = regexp.MustCompile(`^\+?[0-9][0-9 ()-]{4,24}$`)
	numberText = regexp.MustCompile(`^[+-]?[0-9]{1,15}(\.[0-9]{1,6})?$`)
)

// answerTo checks one value by the type of its field and returns it as it is to be read. An error names the field by its
// name in the form.
func (g *Gateway) answerTo(f frontdesk.FormField, value string) (string, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		if f.Required {
			return "", frontdesk.InvalidField(f.Name, "%s is needed.", f.Label)
		}
		return "", nil
	}
	value, err := g.limits.Clean(value)
	if err != nil {
		return "", frontdesk.InvalidField(f.Name, "%s cannot be read.", f.Label)
	}
	ok := true
	switch f.Type {
	case "number":
		ok = numberText.MatchString(value)
	case "phone":
		ok = phoneText.MatchString(value)
	case "email":
		a, err := mail.ParseAddress(value)
		ok = err == nil && a.Address == value
	case "date":
		_, err := time.Parse(time.DateOnly, value)
		ok = err == nil
	case "choice":
		ok = slices.Contains(f.Choices, value)
	}
	if !ok || utf8.RuneCountInString(value) > valueMax {
		return "", frontdesk.InvalidField(f.Name, "%s is not right.", f.Label)
	}
	return value, nil
}

// satisfied takes how the customer found the conversation that has just ended; saying it again replaces it.
func (g *Gateway) satisfied(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	if err := g.allowMessage(v); err != nil {
		return err
	}
	var in struct {
		Score   int    `json:"score"`
		Comment string `json:"comment"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.Comment != "" {
		if in.Comment, err = g.limits.Clean(in.Comment); err != nil {
			return err
		}
		if utf8.RuneCountInString(in.Comment) > commentMax {
			return frontdesk.InvalidField("comment", "A comment has at most %d characters.", commentMax)
		}
	}
	if err := g.Conversations.Satisfied(r.Context(), v.Tenant, v.Conversation, v.Visitor, in.Score, in.Comment); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var eventName = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,63}$`)

// track notes what the visitor does on the host's pages: a page opened, a thing put into the cart. Personal data is masked,
// addresses lose their query, where hosts keep secrets.
func (g *Gateway) track(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	if wait, ok := g.perTracked.take(v.Visitor); !ok {
		return &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many events from this page.", RetryAfter: wait}
	}
	var in struct {
		Name  string                     `json:"name"`
		URL   string                     `json:"url"`
		Title string                     `json:"title"`
		Data  map[string]json.RawMessage `json:"data"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	if !eventName.MatchString(in.Name) {
		return frontdesk.InvalidField("name", "An event's name has 1 to 64 small letters, digits, dots, hyphens and underscores.")
	}
	if len(in.Data) > trackFields {
		return frontdesk.InvalidField("data", "An event has at most %d fields.", trackFields)
	}
	data := make(map[string]string, len(in.Data))
	for key, raw := range in.Data {
		value, ok := scalar(raw)
		if !ok || !eventName.MatchString(strings.ToLower(key)) {
			return frontdesk.InvalidField("data", "The fields of an event are short names with texts, numbers or yes and no.")
		}
		data[key] = masked(value)
	}
	err = g.Conversations.Tracked(r.Context(), v.Tenant, v.Conversation, v.Visitor, conversation.Tracked{
		Name: in.Name, Page: masked(pageOf(in.URL)), Title: masked(in.Title), Data: data})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// scalar is the text of a JSON string, number or boolean.
func scalar(raw json.RawMessage) (string, bool) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return string(raw), true
	}
	return "", false
}

// masked is a text as it may stand in the event log: short, printable, without personal data.
func masked(text string) string {
	text = strings.TrimSpace(compliance.Redact(compliance.Printable(strings.ToValidUTF8(text, ""))))
	if r := []rune(text); len(r) > trackChars {
		text = string(r[:trackChars])
	}
	return text
}

// pageOf is a page's address without query, fragment and credentials, its path as people read it: what is written in escapes
// must not pass the masking.
func pageOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.Path
}
