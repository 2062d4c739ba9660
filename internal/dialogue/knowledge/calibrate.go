package knowledge

import (
	"math"

	"frontdesk/internal/dialogue/semantic"
)

// The features of a candidate, in the order of the model's coefficients.
const (
	fExact     = iota // the query is a wording of the entry
	fShare            // BM25 score over the score of a wording with all the query's words
	fCoverage         // share of the query's information that the best wording holds
	fBack             // share of the best wording's information that the query holds
	fJaccard          // characters' bigrams in common
	fMargin           // score over the next entry's, relative
	fLength           // shorter over longer text, in characters
	fUnmatched        // heaviest query word that the wording lacks, over the heaviest of all
	fForeign          // the query's language is not the wording's
	fAnswer           // what the answer's text covers of what the wording lacks
	fShort            // the query has one or two words
	fLittle           // how little the query says at all, 1 for only light words
	features
)

var featureNames = [features]string{"exact", "bm25_share", "coverage", "back_coverage", "bigram_jaccard", "margin", "length_ratio",
	"unmatched_idf", "foreign", "answer_coverage", "short", "little"}

const (
	answerThreshold  = .5
	clarifyThreshold = .18
	mostSuggestions  = 3
)

// judge scores the hits and decides.
func (ix *Index) judge(s *scratch, q Query, normal string, k int) Result {
	r := Result{Decision: Abstain, Threshold: answerThreshold, ClarifyThreshold: clarifyThreshold}
	if len(s.hits) == 0 {
		return r
	}
	all := s.describe(ix, normal)
	for i, d := range all {
		v := ix.blocks[s.hits[i].view]
		c := Candidate{Entry: v.entries[s.hits[i].entry], Score: probability(&d), Features: make(map[string]float64, features)}
		c.Wording = wordingText(c.Entry, v.wordings[s.hits[i].wording].which)
		for f, x := range d {
			c.Features[featureNames[f]] = math.Round(float64(x)*1e4) / 1e4
		}
		r.Candidates = append(r.Candidates, c)
	}
	sortCandidates(r.Candidates)
	if len(r.Candidates) > k {
		r.Candidates = r.Candidates[:k]
	}
	r.Answerable = r.Candidates[0].Score
	switch {
	case r.Answerable >= answerThreshold && !r.Candidates[0].Vetoed:
		r.Decision = Answer
	case r.Answerable >= clarifyThreshold:
		r.Decision = Clarify
	}
	return r
}

func sortCandidates(cs []Candidate) {
	for i := 1; i < len(cs); i++ {
		for j := i; j > 0 && cs[j].Score > cs[j-1].Score; j-- {
			cs[j], cs[j-1] = cs[j-1], cs[j]
		}
	}
}

func wordingText(e *Entry, which int16) string {
	switch {
	case which < 0:
		return e.Answer
	case which == 0:
		return e.Question
	}
	return e.Similar[which-1]
}

// describe computes the features of each hit.
func (s *scratch) describe(ix *Index, normal string) [][features]float32 {
	out := make([][features]float32, len(s.hits))
	key := wordingKey(normal)
	queryLang := langOf(normal)
	mass, heaviest, full, words := float32(0), float32(0), float32(0), 0
	for _, t := range s.q {
		full += t.weight * (bm25K1 + 1) / (1 + bm25K1)
		if t.class == classWord {
			mass += t.light * t.idf
			heaviest = max(heaviest, t.light*t.idf)
			words++
		}
	}
	grams := bigrams(nil, normal)
	var other []uint32
	for i, h := range s.hits {
		v := ix.blocks[h.view]
		w := v.wordings[h.wording]
		f := &out[i]
		if e, ok := v.exact[key]; key != 0 && (ok && e == h.entry || w.key == key) {
			f[fExact] = 1
		}
		if full > 0 {
			f[fShare] = min(1.5, h.score/full)
		}
		covered, missing := float32(0), float32(0)
		own := v.forward[w.from:w.to]
		for _, t := range s.q {
			if t.class != classWord {
				continue
			}
			if r, ok := v.terms[t.hash]; ok && has(own, r) {
				covered += t.light * t.idf
			} else {
				missing = max(missing, t.light*t.idf)
			}
		}
		if mass > 0 {
			f[fCoverage] = covered / mass
			f[fUnmatched] = missing / heaviest
		}
		text := semantic.Normalise(wordingText(v.entries[h.entry], w.which))
		other = bigrams(other[:0], text)
		f[fJaccard] = jaccard(grams, other)
		a, b := float32(len(grams)+1), float32(len(other)+1)
		f[fLength] = min(a, b) / max(a, b)
		next := float32(0)
		if i == 0 && len(s.hits) > 1 {
			next = s.hits[1].score
		} else if i > 0 {
			next = s.hits[0].score
		}
		f[fMargin] = max(-1, (h.score-next)/max(h.score, 1e-6))
		if queryLang != 0 && w.lang != 0 && queryLang != w.lang {
			f[fForeign] = 1
		}
		if words <= 2 {
			f[fShort] = 1
		}
		if f[fExact] == 0 {
			f[fLittle] = max(0, 1-mass/2)
		}
	}
	return out
}

// has looks a row up in a wording's terms, which are sorted.
func has(own []posting, row int32) bool {
	lo, hi := 0, len(own)
	for lo < hi {
		m := (lo + hi) / 2
		if own[m].id < row {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo < len(own) && own[lo].id == row
}

// bigrams appends the pairs of neighbouring letters and digits.
func bigrams(dst []uint32, text string) []uint32 {
	var last rune
	for _, r := range text {
		if r == ' ' || r < '0' {
			continue
		}
		if last != 0 {
			dst = append(dst, uint32(last)*0x9E3779B1^uint32(r))
		}
		last = r
	}
	return dst
}

func jaccard(a, b []uint32) float32 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	both := 0
	for _, x := range a {
		for _, y := range b {
			if x == y {
				both++
				break
			}
		}
	}
	return float32(both) / float32(max(1, len(a)+len(b)-both))
}

var model = struct {
	bias float64
	w    [features]float64
}{-5, [features]float64{fExact: 6, fShare: 2, fCoverage: 4.5, fJaccard: 2.5, fMargin: 1, fUnmatched: -1, fLength: .5, fForeign: -3, fLittle: -8}}

func probability(d *[features]float32) float64 {
	z := model.bias
	for i, x := range d {
		z += model.w[i] * float64(x)
	}
	return 1 / (1 + math.Exp(-z))
}
