package knowledge

import (
	"math/bits"

	"frontdesk/internal/dialogue/semantic"
)

// A text is compared by its terms: words, and for Chinese also the characters of longer words, so that 洗衣机 and 洗衣 or
// 退货 and 退 still meet. A term is the 64-bit hash of its text; among a million terms two share one with
// probability 3e-8, and then score a little too high.
type term struct {
	hash  uint64
	class class
	tf    uint8
	light float32 // how much of its idf it keeps: 1, less for words that carry the asking and not what is asked
	token int32   // the token it comes from
}

const termSeed = 0

type class uint8

const (
	classWord class = iota
	classGram       // two characters in a row within one word or over the border of two
	classChar       // a character of a longer word
	classes
)

// classWeight scales a class's share in BM25.
var classWeight = [classes]float32{1, .35, .3}

// analyser turns texts into terms. It is scratch memory: not for concurrent use, and results last until the next call.
type analyser struct {
	tokens []semantic.Token
	terms  []term
	length float32 // sum of class weights of the text's terms: BM25's document length
	slots  []slot  // finds a term by its hash, once a text has many
	round  uint32  // slots of other rounds are free
}

type slot struct {
	round uint32
	term  int32
}

const fewTerms = 24 // up to here a scan is faster than a table

// analyse reads a normalised text.
func (a *analyser) analyse(text string) []term { return a.read(text, true) }

// analyseWords leaves out the parts of words: enough for answers, which are long and found by their words.
func (a *analyser) analyseWords(text string) []term { return a.read(text, false) }

func (a *analyser) read(text string, parts bool) []term {
	a.tokens = semantic.AppendTokens(a.tokens[:0], text)
	a.terms = a.terms[:0]
	a.length = 0
	for i, t := range a.tokens {
		word := canonical(t.Text)
		light := weightOf(word)
		a.add(hashString(termSeed, word), classWord, light, i)
		if t.Kind != semantic.Han || !parts {
			continue
		}
		if t.End-t.Start > 3 {
			for p := t.Start; p < t.End; p += 3 {
				a.add(hashString(termSeed, text[p:p+3]), classChar, light*charLight(text[p:p+3]), i)
			}
		}
		if t.End-t.Start > 6 {
			for p := t.Start; p+6 <= t.End; p += 3 {
				a.add(hashString(termSeed, text[p:p+6]), classGram, light, i)
			}
		}
	}
	return a.terms
}

// add counts a term.
func (a *analyser) add(h uint64, c class, light float32, token int) {
	a.length += classWeight[c]
	if t := a.find(h); t != nil {
		if c < t.class {
			t.class, t.light, t.token = c, light, int32(token)
		}
		if t.tf < 255 {
			t.tf++
		}
		return
	}
	a.terms = append(a.terms, term{hash: h, class: c, tf: 1, light: light, token: int32(token)})
	switch n := len(a.terms); {
	case n == fewTerms+1 || n > fewTerms && 2*n > len(a.slots):
		a.tabulate()
	case n > fewTerms:
		a.place(n - 1)
	}
}

func (a *analyser) find(h uint64) *term {
	if len(a.terms) <= fewTerms {
		for i := range a.terms {
			if a.terms[i].hash == h {
				return &a.terms[i]
			}
		}
		return nil
	}
	mask := uint64(len(a.slots) - 1)
	for i := h & mask; a.slots[i].round == a.round; i = (i + 1) & mask {
		if t := &a.terms[a.slots[i].term]; t.hash == h {
			return t
		}
	}
	return nil
}

// tabulate puts all terms into the table, which is made large enough to stay half empty for a while.
func (a *analyser) tabulate() {
	if n := len(a.terms); 4*n > len(a.slots) {
		a.slots, a.round = make([]slot, 1<<bits.Len(uint(4*n))), 0
	}
	a.round++
	for i := range a.terms {
		a.place(i)
	}
}

func (a *analyser) place(term int) {
	mask := uint64(len(a.slots) - 1)
	i := a.terms[term].hash & mask
	for a.slots[i].round == a.round {
		i = (i + 1) & mask
	}
	a.slots[i] = slot{a.round, int32(term)}
}

// hashString is a fast hash of short texts with 64 good bits, the same in each process.
func hashString(seed uint64, s string) uint64 {
	const m1, m2 = 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	h := seed ^ m1 ^ uint64(len(s))
	for len(s) >= 8 {
		v := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		hi, lo := bits.Mul64(v^m2, h^m1)
		h = hi ^ lo
		s = s[8:]
	}
	var v uint64
	for i := range len(s) {
		v = v<<8 | uint64(s[i])
	}
	hi, lo := bits.Mul64(v^m1, h^m2)
	h = hi ^ lo
	hi, lo = bits.Mul64(h^m2, m1)
	return hi ^ lo
}
