package compliance

import (
	"slices"
	"strings"
	"unicode/utf8"

	"frontdesk"
)

// Across finds values that a customer split over two or three consecutive messages of a burst, oldest first. found[i]
// holds the pieces that are in burst[i]; the pieces of one value have the same Value, so that sealing each message puts the
// same token in place of each piece. Values that are whole in one message are Detect's. It returns nil when there is none.
//
// Only the end of one message and the start of the next count, so only the last and first visible strings are joined, and
// a message in the middle has to be of one string.
func Across(burst []frontdesk.Content) (found [][]Found) {
	for i := 0; i+1 < len(burst); i++ {
		for _, n := range [...]int{3, 2} { // the longer first: what it takes is not looked at again
			if i+n > len(burst) {
				continue
			}
			pieces := joined(burst[i : i+n])
			if len(pieces) == 0 {
				continue
			}
			if found == nil {
				found = make([][]Found, len(burst))
			}
			for _, p := range pieces {
				if !overlaps(found[i+p.message], p.Found) {
					found[i+p.message] = append(found[i+p.message], p.Found)
				}
			}
		}
	}
	for _, f := range found {
		slices.SortFunc(f, func(a, b Found) int {
			if a.Field != b.Field {
				return a.Field - b.Field
			}
			return a.Start - b.Start
		})
	}
	return found
}

// MayContinue reports whether a message could be the rest of a value that an earlier message began: whether it is worth
// looking for that one and giving both to Across.
func MayContinue(c frontdesk.Content) bool {
	_, ok := edgeOf(c, false, true)
	return ok
}

// piece is the part of a split value that is in one message.
type piece struct {
	Found
	message int
}

// joined returns the pieces of the first value that runs through all the messages.
func joined(messages []frontdesk.Content) []piece {
	texts := make([]edge, len(messages))
	for i, m := range messages {
		e, ok := edgeOf(m, i == 0, i == len(messages)-1)
		if !ok {
			return nil
		}
		texts[i] = e
	}
	// A boundary may be inside a group of digits (1380 / 0138000) or between two (138 / 0013 8000): try each reading.
	for reading := range 1 << (len(texts) - 1) {
		var all strings.Builder
		starts := make([]int, len(texts))
		for i, e := range texts {
			if i > 0 && reading>>(i-1)&1 == 1 {
				all.WriteByte(' ')
			}
			starts[i] = all.Len()
			all.WriteString(e.text)
		}
		for _, s := range spansOf(all.String()) {
			if pieces := cut(s, texts, starts); pieces != nil {
				return pieces
			}
		}
	}
	return nil
}

// cut divides a span of the joined texts among the messages; nil if it does not reach into each of them.
func cut(s Span, texts []edge, starts []int) []piece {
	pieces := make([]piece, len(texts))
	for i, e := range texts {
		from, to := max(s.Start, starts[i]), min(s.End, starts[i]+len(e.text))
		if from >= to {
			return nil
		}
		at := e.offset - starts[i]
		pieces[i] = piece{Found{Kind: s.Kind, Value: s.Value, Part: e.part, Field: e.field, Start: from + at, End: to + at}, i}
	}
	return pieces
}

// edge is the string of a message that touches its neighbour, without the outer part that no value can reach.
type edge struct {
	text        string
	part, field int
	offset      int // bytes of the string before text
}

// edgeBytes bounds how much of a string is joined: the longest value with separators fits several times.
const edgeBytes = 160

// edgeOf returns the last string of the first message, the first of the last, the only one of one in between; ok only if
// it has a digit at the edges that matter.
func edgeOf(c frontdesk.Content, first, last bool) (e edge, ok bool) {
	n := 0
	visible(c, func(part int, text string) {
		if n == 0 || first {
			e = edge{text: text, part: part, field: n}
		}
		n++
	})
	if n == 0 || n > 1 && !first && !last {
		return e, false
	}
	if !last {
		trimmed := strings.TrimRightFunc(e.text, between)
		if !endsWithDigit(trimmed) {
			return e, false
		}
		e.text = trimmed
	}
	if !first {
		trimmed := strings.TrimLeftFunc(e.text, between)
		if _, size, _ := digitAt(trimmed, 0); size == 0 && !strings.HasPrefix(trimmed, "X") && !strings.HasPrefix(trimmed, "x") {
			return e, false
		}
		e.offset, e.text = len(e.text)-len(trimmed), trimmed
	}
	switch {
	case len(e.text) <= edgeBytes:
	case first:
		at := len(e.text) - edgeBytes
		for !utf8.RuneStart(e.text[at]) {
			at++
		}
		e.offset, e.text = e.offset+at, e.text[at:]
	case last:
		at := edgeBytes
		for !utf8.RuneStart(e.text[at]) {
			at--
		}
		e.text = e.text[:at]
	default:
		return e, false // the one in between holds more than a piece of a value
	}
	return e, true
}

func between(r rune) bool { return isSpace(r) || isMark(r) }

func endsWithDigit(s string) bool {
	for size := 1; size <= 3 && size <= len(s); size += 2 {
		if _, n, _ := digitAt(s, len(s)-size); n == size {
			return true
		}
	}
	return false
}

func overlaps(found []Found, f Found) bool {
	return slices.ContainsFunc(found, func(g Found) bool { return f.Field == g.Field && f.Start < g.End && g.Start < f.End })
}
