package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"frontdesk/internal/dialogue/semantic"
)

// What a text may cost: a message has at most 4,000 characters by the product's limits, and a query 200.
const (
	maxTokens      = 4000
	maxQueryRunes  = 200
	maxQueryTokens = 24 // more say nothing new: what is found is compared with the whole query anyway
	minPrefix      = 3  // letters of a last word that is taken as the beginning of one
)

// folded is a text as it is compared: runes in one form of width, case and script, each with its place in the original.
type folded struct {
	runes []rune
	at    []int // place in the original, in runes
	total int   // runes of the original
}

// fold leaves out what nobody can see, and makes a masked value such as <phone:1> a gap: nobody is found by "phone".
func fold(text string) folded {
	f := folded{}
	i := 0
	for len(text) > 0 {
		if n := masked(text); n > 0 {
			f.runes, f.at = append(f.runes, ' '), append(f.at, i)
			i += utf8.RuneCountInString(text[:n])
			text = text[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			f.runes, f.at = append(f.runes, r), append(f.at, i)
		case r < utf8.RuneSelf:
			f.runes, f.at = append(f.runes, unicode.ToLower(r)), append(f.at, i)
		case unicode.IsSpace(r):
			f.runes, f.at = append(f.runes, ' '), append(f.at, i)
		default:
			for _, r := range semantic.Normalise(text[:n]) {
				f.runes, f.at = append(f.runes, r), append(f.at, i)
			}
		}
		i++
		text = text[n:]
	}
	f.total = i
	return f
}

// masked is the length of the masked value that text begins with, 0 if it does not.
func masked(text string) int {
	if text[0] != '<' {
		return 0
	}
	end := strings.IndexByte(text[:min(len(text), 32)], '>')
	if end < 0 {
		return 0
	}
	kind, number, ok := strings.Cut(text[1:end], ":")
	if !ok || kind == "" || number == "" || strings.Trim(number, "0123456789") != "" || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return 0
	}
	return end + 1
}

// class says how a character makes tokens.
type class byte

const (
	gap    class = iota // parts tokens
	letter              // of a script that parts words
	digit
	packed // of a script that does not: each character and each pair is a token
)

func classOf(r rune) class {
	switch {
	case r >= 'a' && r <= 'z':
		return letter
	case r >= '0' && r <= '9':
		return digit
	case r < utf8.RuneSelf:
		return gap
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) || r == '々' || r == 'ー':
		return packed
	case unicode.IsLetter(r) || unicode.IsMark(r):
		return letter
	case unicode.IsDigit(r):
		return digit
	}
	return gap
}

// tokens lists what a text is found by, each once.
func tokens(text string) []string {
	f := fold(text)
	seen := map[string]bool{}
	var out []string
	add := func(t []rune) {
		if s := string(t); !seen[s] && len(out) < maxTokens && len(s) <= maxTokenBytes {
			seen[s] = true
			out = append(out, s)
		}
	}
	runs(f.runes, func(run []rune, c class) {
		if c == packed {
			for i := range run {
				add(run[i : i+1])
				if i+1 < len(run) {
					add(run[i : i+2])
				}
			}
			return
		}
		add(run)
		for part := range parts(run) { // iphone15 is also found by iphone and by 15
			add(part)
		}
	})
	return out
}

// maxTokenBytes bounds one word: longer ones are not words, and PostgreSQL takes no lexeme over 2 kB.
const maxTokenBytes = 200

// runs calls f with each stretch of one script's characters. Letters and digits stay together.
func runs(runes []rune, f func(run []rune, c class)) {
	from, at := 0, gap
	kind := func(c class) class {
		if c == digit {
			return letter
		}
		return c
	}
	for i, r := range runes {
		if c := kind(classOf(r)); c != at {
			if at != gap {
				f(runes[from:i], at)
			}
			from, at = i, c
		}
	}
	if at != gap {
		f(runes[from:], at)
	}
}

// parts yields the stretches of letters and of digits of a word that has both.
func parts(word []rune) func(yield func([]rune) bool) {
	return func(yield func([]rune) bool) {
		from := 0
		for i := 1; i <= len(word); i++ {
			if i == len(word) || classOf(word[i]) != classOf(word[i-1]) {
				if i-from < len(word) && !yield(word[from:i]) {
					return
				}
				from = i
			}
		}
	}
}

// query is what somebody looks for.
type query struct {
	tokens []string
	prefix string   // beginning of a word, "" if there is none
	words  [][]rune // what was typed between blanks: each must stand in what is found
}

// parse reads what somebody typed; ok is false if there is nothing in it to look for.
func parse(text string) (q query, ok bool) {
	if n := []rune(text); len(n) > maxQueryRunes {
		text = string(n[:maxQueryRunes])
	}
	f := fold(text)
	open := len(f.runes) > 0 && classOf(f.runes[len(f.runes)-1]) != gap // the last word may go on
	for word := range strings.FieldsSeq(string(f.runes)) {
		if w := []rune(strings.TrimFunc(word, func(r rune) bool { return classOf(r) == gap })); len(w) > 0 {
			q.words = append(q.words, w)
		}
	}
	seen := map[string]bool{}
	runs(f.runes, func(run []rune, c class) {
		if c != packed {
			if len(string(run)) <= maxTokenBytes {
				seen[string(run)] = true
				q.tokens = append(q.tokens, string(run))
			}
			return
		}
		if len(run) == 1 {
			q.tokens = append(q.tokens, string(run))
		}
		for i := range len(run) - 1 {
			if t := string(run[i : i+2]); !seen[t] {
				seen[t] = true
				q.tokens = append(q.tokens, t)
			}
		}
	})
	if n := len(q.tokens); n > 0 && open {
		if last := []rune(q.tokens[n-1]); len(last) >= minPrefix && classOf(last[0]) != packed {
			q.prefix, q.tokens = q.tokens[n-1], q.tokens[:n-1]
		}
	}
	q.tokens = q.tokens[:min(len(q.tokens), maxQueryTokens)]
	return q, len(q.tokens) > 0 || q.prefix != ""
}

// match looks for all words of the query in a text and says where they stand, in runes of the text; nil if one does not.
func (q query) match(f folded) [][2]int {
	var marks [][2]int
	for n, w := range q.words {
		found := false
		for i := 0; i+len(w) <= len(f.runes); i++ {
			if !stands(f.runes, w, i, q.prefix != "" && n == len(q.words)-1) {
				continue
			}
			found = true
			end := f.total
			if j := i + len(w); j < len(f.runes) {
				end = f.at[j]
			}
			if marks = append(marks, [2]int{f.at[i], end}); len(marks) >= maxMarks {
				break
			}
			i += len(w) - 1
		}
		if !found {
			return nil
		}
	}
	return marks
}

const maxMarks = 20

// stands reports whether word stands at i, and not as a piece of a longer word unless it may be the beginning of one.
func stands(text, word []rune, i int, begins bool) bool {
	for j, r := range word {
		if text[i+j] != r {
			return false
		}
	}
	inWord := func(a, b rune) bool {
		c := classOf(a)
		return c == classOf(b) && (c == letter || c == digit)
	}
	end := i + len(word)
	return (i == 0 || !inWord(text[i-1], word[0])) && (begins || end == len(text) || !inWord(text[end], word[len(word)-1]))
}
