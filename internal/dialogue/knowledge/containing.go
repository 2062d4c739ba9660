package knowledge

import (
	"iter"
	"strings"

	"frontdesk/internal/dialogue/semantic"
)

// Containing yields the entries that have text in the id, the question, another wording or the answer, those with it in
// the question first. It looks through all entries, a few milliseconds for 20,000, and is for people, not for customers.
func (ix *Index) Containing(text string) iter.Seq[*Entry] {
	want := semantic.Normalise(text)
	return func(yield func(*Entry) bool) {
		if ix == nil || want == "" {
			return
		}
		has := func(s string) bool { return strings.Contains(semantic.Normalise(s), want) }
		question := func(e *Entry) bool { return has(e.Question) || strings.EqualFold(e.ID, strings.TrimSpace(text)) }
		rest := func(e *Entry) bool {
			if question(e) {
				return false // came first
			}
			for _, s := range e.Similar {
				if has(s) {
					return true
				}
			}
			return has(e.Answer)
		}
		for _, wanted := range []func(*Entry) bool{question, rest} {
			for e := range ix.Entries() {
				if wanted(e) && !yield(e) {
					return
				}
			}
		}
	}
}

// Entries yields all entries, whatever their validity dates, in no order that means anything.
func (ix *Index) Entries() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		if ix == nil {
			return
		}
		for i := range ix.blocks {
			v := &ix.blocks[i]
			for e := range v.entries {
				if !v.hidden(int32(e)) && !yield(v.entries[e]) {
					return
				}
			}
		}
	}
}
