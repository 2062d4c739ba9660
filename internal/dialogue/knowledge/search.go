package knowledge

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"frontdesk/internal/dialogue/semantic"
)

// Query is a question to an index.
type Query struct {
	Text    string
	Lang    string   // of the conversation; it decides for texts that show none, such as a product code
	Now     int64    // microseconds; 0 ignores validity dates
	K       int      // candidates wanted; 0 means 5
	Context []string // previous customer texts, newest last: they help only a question too short to stand alone
}

// Candidate is an entry that may answer, with the wording of it that is nearest.
type Candidate struct {
	Entry    *Entry
	Wording  string
	Score    float64  // calibrated probability that the entry is right
	Features Features // what Score was computed from, for the trace
	Vetoed   bool     // a negative wording is nearer than any wording: never answered
}

// Decision is what to do with a Result.
type Decision string

// The decisions.
const (
	Answer  Decision = "answer"  // say the first candidate's answer
	Clarify Decision = "clarify" // ask which of the first (at most three) candidates is meant
	Abstain Decision = "abstain" // nothing here answers it
)

// Result is what a search found. Threshold and ClarifyThreshold are what the first candidate's Score was compared with.
type Result struct {
	Decision                    Decision
	Candidates                  []Candidate // best first
	Answerable                  float64     // probability that the first candidate's answer is right, whichever entry has it
	Threshold, ClarifyThreshold float64
}

const (
	defaultK   = 5
	maxK       = 100
	rerank     = 12   // entries that are looked at closely, at least
	pastShare  = .35  // what the words of an earlier question weigh beside those of this one
	findLight  = .2   // light words weigh this much more in finding than in judging: they order what is found
	queryTerms = 64   // terms of a query that count; the heaviest are taken
	queryBytes = 2048 // of a query that is read
)

// scratch is a search's memory, reused. scores are zero between searches.
type scratch struct {
	a       analyser
	q       []queryTerm
	scores  []float32 // per wording of the block
	touched []int32
	top     []hit // the block's best entries, best first
	hits    []hit
	c       compared
	lang    lang
	past    int // where the query itself begins behind an earlier question
	matched []int32
	vectors []vector
	ranked  []ranked
}

type queryTerm struct {
	term
	idf    float32
	weight float32 // what BM25 multiplies a posting's weight by
	known  bool
	row    int32 // in the block at hand; -1 if it lacks the term
	bound  float32
}

// hit is an entry reached by BM25.
type hit struct {
	view    int32
	entry   int32
	wording int32
	score   float32
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

// Search finds the entries nearest to the query and says whether the first is good enough to answer.
func (ix *Index) Search(q Query) Result {
	s := scratchPool.Get().(*scratch)
	defer scratchPool.Put(s)
	k := min(max(q.K, 0), maxK)
	if k == 0 {
		k = defaultK
	}
	text := cutText(q.Text, queryBytes)
	normal := semantic.Normalise(text)
	s.past, s.lang = 0, langNamed(q.Lang)
	s.prepare(ix, normal)
	s.retrieve(ix, q.Now, max(k, rerank))
	return ix.inContext(s, q, normal, k, ix.judge(s, normal, k))
}

// cutText keeps the beginning of a long text, whole characters only.
func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	end := most
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end]
}

// prepare analyses the query and weighs its terms by the whole index.
func (s *scratch) prepare(ix *Index, normal string) {
	s.q = s.q[:0]
	whole := int32(-1) // the last token that the index knows as a word: its characters would add little and cost much
	for _, t := range s.a.analyse(normal) {
		if t.class != classWord && t.token == whole {
			continue
		}
		df := ix.df(t.hash)
		if t.class == classWord && df > 0 {
			whole = t.token
		}
		idf := ix.idf(df)
		if s.a.tokens[t.token].Start < s.past {
			idf *= pastShare
		}
		if df == 0 {
			t.light = min(t.light, rarity(s.a.tokens[t.token]))
		}
		weight := classWeight[t.class] * min(1, t.light+findLight) * idf
		s.q = append(s.q, queryTerm{term: t, idf: idf, weight: weight, known: df > 0})
	}
	if len(s.q) > queryTerms {
		slices.SortStableFunc(s.q, func(x, y queryTerm) int { return cmp.Compare(y.weight, x.weight) })
		s.q = s.q[:queryTerms]
	}
}

// df is the number of entries with a term, hidden ones included.
func (ix *Index) df(hash uint64) float64 {
	df := int32(0)
	for i := range ix.blocks {
		if r, ok := ix.blocks[i].terms[hash]; ok {
			df += ix.blocks[i].rows[r].df
		}
	}
	return float64(df)
}

func (ix *Index) idf(df float64) float32 {
	return logOf(1 + (ix.total-df+.5)/(df+.5))
}

// rowIDF is the idf of a block's term in the whole index.
func (ix *Index) rowIDF(r *row) float32 {
	if len(ix.blocks) == 1 {
		return ix.idf(float64(r.df))
	}
	return ix.idf(ix.df(r.hash))
}

func logOf(x float64) float32 { return float32(math.Log(x)) }

// retrieve leaves in s.hits the k entries of highest BM25 score, best first, by their best wording.
//
// Terms are taken in order of what they can add at most. Once k entries have more than all terms left can give together,
// no new entry can come in: the lists of the common terms that are left, which are the long ones, are not read; the few
// wordings that may still win get their score from their own terms. The result is that of scoring everything.
func (s *scratch) retrieve(ix *Index, now int64, k int) {
	s.hits = s.hits[:0]
	for v := range ix.blocks {
		s.retrieveBlock(ix.blocks[v], int32(v), now, k)
	}
	if len(ix.blocks) > 1 {
		slices.SortStableFunc(s.hits, func(x, y hit) int { return cmp.Compare(y.score, x.score) })
		if len(s.hits) > k {
			s.hits = s.hits[:k]
		}
	}
}

func (s *scratch) retrieveBlock(v view, number int32, now int64, k int) {
	left := float32(0)
	for i := range s.q {
		t := &s.q[i]
		t.row, t.bound = -1, 0
		if r, ok := v.terms[t.hash]; ok {
			t.row = r
			t.bound = t.weight * v.rows[r].most
			left += t.bound
		}
	}
	if left == 0 {
		return
	}
	slices.SortFunc(s.q, func(x, y queryTerm) int { return cmp.Compare(y.bound, x.bound) })
	s.scores = grow(s.scores, len(v.wordings))
	s.touched = s.touched[:0]

	closed := false    // nothing new can come in: touched holds all that may still win
	last := 0          // the last term that the block has
	unread := int32(0) // postings from the next list on
	for last < len(s.q) && s.q[last].row >= 0 {
		unread += v.rows[s.q[last].row].to - v.rows[s.q[last].row].from
		last++
	}
	next := 0
	for ; next < last; next++ {
		t := &s.q[next]
		list := v.postings[v.rows[t.row].from:v.rows[t.row].to]
		if len(list) > len(s.touched)/2 && len(s.touched) >= k {
			if floor := s.pick(v, number, now, k); floor > left {
				closed = true
				s.drop(floor - left)
				if len(s.touched)*lookupCost < int(unread) {
					break
				}
			}
		}
		if closed {
			for _, p := range list {
				if s.scores[p.id] != 0 {
					s.scores[p.id] += t.weight * p.weight
				}
			}
		} else {
			for _, p := range list {
				if s.scores[p.id] == 0 {
					s.touched = append(s.touched, p.id)
				}
				s.scores[p.id] += t.weight * p.weight
			}
		}
		left -= t.bound
		unread -= int32(len(list))
	}
	if next < last {
		s.complete(v, s.q[next:last], left)
	}
	s.pick(v, number, now, k)
	s.hits = append(s.hits, s.top...)
	for _, w := range s.touched {
		s.scores[w] = 0
	}
}

// lookupCost is how many postings can be read in the time that a wording's own terms are fetched: memory is read in order
// or at random.
const lookupCost = 150

// complete adds to the wordings that may still win what the rest of the terms, which give at most left, are worth in them.
// The leaders of the last pick come first: their whole scores are a higher floor, and most others cannot reach it.
func (s *scratch) complete(v view, rest []queryTerm, left float32) {
	wanted := uint64(0) // a bit for each row of rest, by its last digits: most of a wording's terms are not among them
	for i := range rest {
		wanted |= 1 << (rest[i].row & 63)
	}
	whole := func(w int32) float32 {
		wd := &v.wordings[w]
		score := s.scores[w]
		for _, p := range v.forward[wd.from:wd.to] {
			if wanted&(1<<(p.id&63)) == 0 {
				continue
			}
			for i := range rest {
				if rest[i].row == p.id {
					score += rest[i].weight * p.weight
					break
				}
			}
		}
		return score
	}
	floor := float32(math.MaxFloat32)
	for i := range s.top {
		floor = min(floor, whole(s.top[i].wording))
	}
	floor *= 1 - 1e-5 // left is a sum in another order: who ties with the last leader is still in
	for _, w := range s.touched {
		if s.scores[w]+left >= floor {
			s.scores[w] = whole(w)
		}
	}
}

// drop forgets the wordings that score less than least.
func (s *scratch) drop(least float32) {
	kept := s.touched[:0]
	for _, w := range s.touched {
		if s.scores[w] >= least {
			kept = append(kept, w)
		} else {
			s.scores[w] = 0
		}
	}
	s.touched = kept
}

// pick leaves the k entries of the highest scores in s.top, best first, and returns the k-th score, 0 while there are
// fewer. Nearly all wordings are below it and cost one comparison.
func (s *scratch) pick(v view, number int32, now int64, k int) float32 {
	s.top = s.top[:0]
	floor := float32(0)
	for _, w := range s.touched {
		score := s.scores[w]
		if score <= floor {
			continue
		}
		e := v.owner[w]
		if v.hidden(e) || v.dated && now > 0 && !v.entries[e].Valid(now) {
			continue
		}
		at := len(s.top)
		for i := range s.top {
			if s.top[i].entry == e {
				at = i
				break
			}
		}
		switch {
		case at < len(s.top):
			if s.top[at].score >= score {
				continue
			}
		case at == k:
			at--
		default:
			s.top = append(s.top, hit{})
		}
		for ; at > 0 && s.top[at-1].score < score; at-- {
			s.top[at] = s.top[at-1]
		}
		s.top[at] = hit{number, e, w, score}
		if len(s.top) == k {
			floor = s.top[k-1].score
		}
	}
	return floor
}

// grow returns a slice of at least n zeros; what was in use before is zero already.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n+n/4)
	}
	return s[:cap(s)]
}
