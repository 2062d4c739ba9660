package compliance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// document is a JSON document with the strings that Detect and Seal work on: every string, name and number in it, each as
// a part of content, in the order of the walk.
type document struct {
	root    any
	content frontdesk.Content
	found   []Found
}

// parseDocument decodes one JSON document. An empty one has nothing to find.
func parseDocument(doc []byte) (document, error) {
	d := document{}
	if len(bytes.TrimSpace(doc)) == 0 {
		return d, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber() // 13800138000 must not become 1.3800138e+10
	if err := decoder.Decode(&d.root); err != nil {
		return d, frontdesk.Errorf(frontdesk.Invalid, "is not JSON: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return d, frontdesk.Errorf(frontdesk.Invalid, "is more than one JSON document")
	}
	walk(d.root, func(s string) string {
		d.content.Parts = append(d.content.Parts, frontdesk.Part{Kind: frontdesk.PartText, Text: s})
		return s
	})
	d.found = Detect(d.content)
	return d, nil
}

// walk returns v with f applied to each string, name and number, in a fixed order. A number that f changes becomes a string.
func walk(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		return f(v)
	case json.Number:
		if s := f(v.String()); s != v.String() {
			return s
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = walk(v[i], f)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out[f(k)] = walk(v[k], f)
		}
		return out
	}
	return v
}

// HoldsPersonal reports whether a JSON document holds personal data that SealJSON would replace.
func HoldsPersonal(doc []byte) (bool, error) {
	d, err := parseDocument(doc)
	return len(d.found) > 0, err
}

// SealJSON is Seal for a JSON document from another system: personal data in any string, name or number of it is replaced
// by a token. A document without any comes back as it is.
func (v *Vault) SealJSON(tx *sqldb.Tx, s Scope, doc []byte) ([]byte, error) {
	d, err := parseDocument(doc)
	if err != nil || len(d.found) == 0 {
		return doc, err
	}
	sealed, err := v.Seal(tx, s, d.content, d.found)
	if err != nil {
		return nil, err
	}
	next := -1
	return json.Marshal(walk(d.root, func(string) string {
		next++
		return sealed.Parts[next].Text
	}))
}

// tokens are what Token makes.
var tokens = regexp.MustCompile(`<([a-z_]+):\d{1,18}>`)

// RevealIn replaces the tokens of a conversation in a text by what show makes of the kind and value behind each. Tokens
// that stand for nothing, or for what was erased, stay. As with Reveal, the caller answers for who may see the result.
func (v *Vault) RevealIn(ctx context.Context, tenant, conversation, text string, show func(kind, value string) string) (string, error) {
	var failed error
	out := tokens.ReplaceAllStringFunc(text, func(token string) string {
		value, err := v.Reveal(ctx, tenant, conversation, token)
		switch {
		case frontdesk.KindOf(err) == frontdesk.NotFound:
			return token
		case err != nil:
			failed = err
			return token
		}
		return show(tokens.FindStringSubmatch(token)[1], value)
	})
	if failed != nil {
		return "", fmt.Errorf("reveal in a text: %w", failed)
	}
	return out, nil
}
