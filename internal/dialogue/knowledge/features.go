package knowledge

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"frontdesk/internal/dialogue/semantic"
)

// The features of a candidate. Each is 0..1 or nearly so. tools/calibrate learns the models' weights by these names.
const (
	fExact     = iota // the query is a wording of the entry
	fShare            // BM25 score over that of a wording which is the query
	fCoverage         // share of the query's information that the wording holds, light words counting little
	fBack             // share of the wording's information that the query holds, likewise
	fAllCover         // fCoverage with light words counting in full
	fAllBack          // fBack likewise
	fSoftCover        // fCoverage, where a missing word counts by its characters that are there
	fJaccard          // pairs of neighbouring letters in common
	fLetters          // letters in common (Dice)
	fOrder            // longest common subsequence of letters (Dice)
	fLength           // shorter over longer, in letters
	fUnmatched        // weight of the heaviest word that the wording lacks, on an absolute scale
	fExtra            // weight of the heaviest word that the query lacks
	fNegation         // one of both is negated
	fNumber           // the query names a number or code that the wording lacks
	fAsk              // both ask, and for different things: how against why
	fForeign          // the query's language is not the wording's
	fAnswer           // share of the query's information that only the answer's text holds
	fShort            // the query has one or two words
	fLittle           // how little the query says, 1 for light words only
	fLead             // rank score over that of the best other candidate, squashed to -1..1
	fRoom             // BM25 score of the best other candidate over this one's
	fAgainst          // how many of the found entries are about as near
	fSize             // logarithm of the number of entries
	featureCount
)

var featureNames = [featureCount]string{"exact", "bm25_share", "coverage", "back_coverage", "full_coverage", "full_back_coverage",
	"soft_coverage", "bigram_jaccard", "letter_dice", "order_dice", "length_ratio", "unmatched", "extra", "negation", "number",
	"other_ask", "foreign", "answer_only", "short", "little", "lead", "rival", "crowd"}

type vector [featureCount]float32

// Features are what a candidate's score was computed from. As JSON they are an object of those that are not zero, by name.
type Features vector

// Named are the features that are not zero, to four decimals.
func (f Features) Named() map[string]float64 {
	m := make(map[string]float64, featureCount)
	for i, x := range f {
		if x != 0 {
			m[featureNames[i]] = decimals(x)
		}
	}
	return m
}

func decimals(x float32) float64 { return math.Round(float64(x)*1e4) / 1e4 }

// MarshalJSON is by hand: each stored turn has the features of several candidates.
func (f Features) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, featureCount*24)
	b = append(b, '{')
	for i, x := range f {
		if x == 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), featureNames[i]...), `":`...)
		b = strconv.AppendFloat(b, decimals(x), 'f', -1, 64)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote. Features that are no more are passed over: a stored turn outlives a model.
func (f *Features) UnmarshalJSON(b []byte) error {
	var named map[string]float32
	if err := json.Unmarshal(b, &named); err != nil {
		return err
	}
	*f = Features{}
	for i, name := range featureNames {
		f[i] = named[name]
	}
	return nil
}

// compared is a query ready to be compared with wordings.
type compared struct {
	words   []queryTerm // classWord only
	letters []letter
	lang    lang
	key     uint64
	content float32 // sum of the words' light weights
	all     float32 // sum of their idf
	self    float32 // BM25 score of a wording that is the query
	mood    mood
	rows    []int32 // of words in the block below; -1 if it lacks one
	block   *block
}

func (s *scratch) compare(ix *Index, normal string) *compared {
	c := &s.c
	*c = compared{words: c.words[:0], letters: appendLetters(c.letters[:0], s.a.tokens), rows: c.rows[:0], lang: langOf(normal), key: wordingKey(normal)}
	if c.lang == 0 {
		c.lang = s.lang
	}
	if s.past > 0 {
		c.fade(s.a.tokens, s.past)
	}
	norm := float32(bm25K1 * (1 - bm25B))
	if ix.length > 0 {
		norm += bm25K1 * bm25B * s.a.length / ix.length
	}
	for _, t := range s.q {
		c.self += t.weight * (bm25K1 + 1) / (1 + norm)
		if t.class == classWord {
			c.words = append(c.words, t)
			c.content += t.light * t.idf
			c.all += t.idf
		}
	}
	c.mood = moodOf(s.a.tokens)
	return c
}

// look finds the words' rows in a block, once for candidates of the same one.
func (c *compared) look(b *block) {
	if c.block == b {
		return
	}
	c.block, c.rows = b, c.rows[:0]
	for i := range c.words {
		r, ok := b.terms[c.words[i].hash]
		if !ok {
			r = -1
		}
		c.rows = append(c.rows, r)
	}
}

// fade makes the letters before past count as little as their words do.
func (c *compared) fade(tokens []semantic.Token, past int) {
	for n, t := range tokens {
		if t.Start >= past {
			before := len(appendLetters(nil, tokens[:n]))
			for i := range c.letters[:min(before, len(c.letters))] {
				c.letters[i].weight *= pastShare
			}
			return
		}
	}
}

// describe compares the query with a wording of v and fills the features that need no other candidate.
func (s *scratch) describe(ix *Index, v *view, w *wording, score float32, f *vector) {
	c := &s.c
	c.look(v.block)
	*f = vector{}
	own := v.forward[w.from:w.to]
	letters := v.letters[w.text : w.text+int32(w.size)]
	if c.key != 0 && c.key == w.key {
		f[fExact] = 1
	}
	if c.self > 0 {
		f[fShare] = min(1.2, score/c.self)
	}
	var covered, allCovered, soft, missing, matchedOwn, matchedOwnAll float32
	number := false
	s.matched = s.matched[:0]
	for i := range c.words {
		t := &c.words[i]
		if r := c.rows[i]; r >= 0 && has(own, r) {
			covered += t.light * t.idf
			allCovered += t.idf
			s.matched = append(s.matched, r)
			continue
		}
		token := &s.a.tokens[t.token]
		missing = max(missing, t.light*t.idf)
		if token.Kind == semantic.Han {
			n, there := 0, 0
			for _, r := range token.Text {
				n++
				if holds(letters, r) {
					there++
				}
			}
			soft += t.light * t.idf * float32(there) / float32(n)
		}
		number = number || token.Kind == semantic.Number || token.Kind == semantic.Code
	}
	mine, mineAll, extra := float32(0), float32(0), float32(0)
	for _, p := range own {
		row := &v.rows[p.id]
		if row.class != classWord {
			continue
		}
		idf := ix.rowIDF(row)
		mine += row.light * idf
		mineAll += idf
		if slices.Contains(s.matched, p.id) {
			matchedOwn += row.light * idf
			matchedOwnAll += idf
		} else {
			extra = max(extra, row.light*idf)
		}
	}
	f[fCoverage] = ratio(covered, c.content)
	f[fSoftCover] = ratio(covered+.6*soft, c.content)
	f[fAllCover] = ratio(allCovered, c.all)
	f[fBack] = ratio(matchedOwn, mine)
	f[fAllBack] = ratio(matchedOwnAll, mineAll)
	unknown := ix.idf(0)
	f[fUnmatched] = missing / unknown
	f[fExtra] = extra / unknown
	f[fJaccard] = pairs(c.letters, letters)
	f[fLetters] = dice(c.letters, letters)
	f[fOrder] = order(c.letters, letters)
	f[fLength] = ratio(float32(min(len(c.letters), len(letters))), float32(max(len(c.letters), len(letters))))
	f[fNegation] = flag((w.mood^c.mood)&negated != 0)
	asks, others := c.mood&^negated, w.mood&^negated
	f[fAsk] = flag(asks != 0 && others != 0 && asks&others == 0)
	f[fNumber] = flag(number)
	f[fForeign] = flag(c.lang != 0 && w.lang != 0 && c.lang != w.lang)
	f[fShort] = flag(len(c.words) <= 2)
	if f[fExact] == 0 {
		f[fLittle] = max(0, 1-c.content/3)
	}
}

// onlyInAnswer is the share of the query's information that the wording lacks and the entry's answer holds. An answer has
// many words: it counts as far as the wording matches too.
func (s *scratch) onlyInAnswer(v *view, w *wording, covered float32) float32 {
	c := &s.c
	c.look(v.block)
	end := v.firstOf[w.entry+1]
	for a := v.firstOf[w.entry]; a < end; a++ {
		answer := &v.wordings[a]
		if answer.which != whichAnswer {
			continue
		}
		sum := float32(0)
		for i := range c.words {
			t := &c.words[i]
			if r := c.rows[i]; r >= 0 && has(v.forward[answer.from:answer.to], r) && !has(v.forward[w.from:w.to], r) {
				sum += t.light * t.idf
			}
		}
		return ratio(sum, c.content) * covered
	}
	return 0
}

func ratio(a, b float32) float32 {
	if b <= 0 {
		return 0
	}
	return a / b
}

func flag(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// has looks a row up in a wording's terms, which are sorted.
func has(own []posting, row int32) bool {
	if len(own) > 24 {
		_, ok := slices.BinarySearchFunc(own, row, func(p posting, r int32) int { return int(p.id) - int(r) })
		return ok
	}
	for i := range own {
		if own[i].id >= row {
			return own[i].id == row
		}
	}
	return false
}

// letter is what texts are compared by one after the other: a Chinese character, or a word of another script, for whose
// letters say nothing alone. Its weight is less for light words.
type letter struct {
	r      rune
	weight float32
}

const leastLetter = .2 // weight of a letter of a word that says nothing

// appendLetters appends the letters of a text, as many as are compared.
func appendLetters(dst []letter, tokens []semantic.Token) []letter {
	n := 0
	for i := range tokens {
		t := &tokens[i]
		if t.Part {
			continue
		}
		word := canonical(t.Text)
		weight := leastLetter + (1-leastLetter)*weightOf(word)
		if t.Kind != semantic.Han {
			if n++; n > maxLetters {
				return dst
			}
			dst = append(dst, letter{rune(hashString(termSeed, word)&0x3FFFFFFF | 0x40000000), weight}) // no character
			continue
		}
		for _, r := range t.Text {
			if n++; n > maxLetters {
				return dst
			}
			dst = append(dst, letter{r, weight})
		}
	}
	return dst
}

func holds(letters []letter, r rune) bool {
	for i := range letters {
		if letters[i].r == r {
			return true
		}
	}
	return false
}

// pairs is the share of weight that neighbouring pairs in common have of all pairs.
func pairs(a, b []letter) float32 {
	var both, all float32
	for i := 1; i < len(a); i++ {
		w := a[i-1].weight + a[i].weight
		all += w
		for j := 1; j < len(b); j++ {
			if a[i-1].r == b[j-1].r && a[i].r == b[j].r {
				both += w
				break
			}
		}
	}
	for j := 1; j < len(b); j++ {
		all += b[j-1].weight + b[j].weight
	}
	return min(1, ratio(both, all-both))
}

// dice is the share of weight that letters in common have, whatever their order.
func dice(a, b []letter) float32 {
	var both, all float32
	for i := range a {
		all += a[i].weight
		if holds(b, a[i].r) {
			both += a[i].weight
		}
	}
	for i := range b {
		all += b[i].weight
		if holds(a, b[i].r) {
			both += b[i].weight
		}
	}
	return ratio(both, all)
}

// order is the weight of the longest common subsequence as a Dice share.
func order(a, b []letter) float32 {
	var row [maxLetters + 1]float32
	var all float32
	for i := range a {
		all += a[i].weight
	}
	for j := range b {
		all += b[j].weight
		before := float32(0) // row[i-1] of the line above
		for i := range a {
			above := row[i+1]
			switch {
			case a[i].r == b[j].r:
				row[i+1] = before + a[i].weight
			case row[i] > above:
				row[i+1] = row[i]
			}
			before = above
		}
	}
	return min(1, ratio(2*row[len(a)], all))
}
