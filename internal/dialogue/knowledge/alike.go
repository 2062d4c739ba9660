package knowledge

import (
	"unicode/utf8"

	"frontdesk/internal/dialogue/semantic"
)

// Apart leaves of candidates, best first, at most n that a customer can tell apart, no vetoed one among them. Two with the
// same title look the same to who has to choose, and two with nearly the same answer are the same.
func Apart(candidates []Candidate, n int) []Candidate {
	var out []Candidate
next:
	for _, c := range candidates {
		if c.Vetoed {
			continue
		}
		for i := range out {
			if sameText(c.Entry.Question, out[i].Entry.Question) || sameAnswer(c.Entry, out[i].Entry) {
				continue next
			}
		}
		if out = append(out, c); len(out) == n {
			break
		}
	}
	return out
}

// sameText reports texts of the same letters and digits.
func sameText(a, b string) bool {
	key := wordingKey(semantic.Normalise(a))
	return key != 0 && key == wordingKey(semantic.Normalise(b))
}

// nearly is the share of pairs of letters that nearly the same answers have in common: of a longer one, all but a phrase.
// A date or a number of its own is more than that in a short answer.
const nearly = .95

// sameAnswer reports answers that say the same in nearly the same words.
func sameAnswer(a, b *Entry) bool {
	if a.Answer == b.Answer {
		return a.Answer != ""
	}
	short, long := len(a.Answer), len(b.Answer)
	if short > long {
		short, long = long, short
	}
	if float64(short) < nearly*float64(long) {
		return false
	}
	mine := letterPairs(a.Answer)
	both, all := 0, 0
	for p, n := range letterPairs(b.Answer) {
		both += min(n, mine[p])
		all += n
	}
	for _, n := range mine {
		all += n
	}
	return float64(2*both) > nearly*float64(all)
}

// letterPairs counts the pairs of neighbouring letters of a text.
func letterPairs(text string) map[[2]rune]int {
	text = string(semantic.AppendKey(nil, semantic.Normalise(text)))
	pairs := make(map[[2]rune]int, utf8.RuneCountInString(text))
	last := rune(0)
	for _, r := range text {
		pairs[[2]rune{last, r}]++
		last = r
	}
	return pairs
}
