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
	Lang    string   // of the answer wanted; "" takes the text's own
	Now     int64    // microseconds; 0 ignores validity dates
	K       int      // candidates wanted; 0 means 5
	Context []string // previous customer texts, newest last: they help only a question too short to stand alone
}

// Candidate is an entry that may answer, with the wording of it that is nearest.
type Candidate struct {
	Entry    *Entry
	Wording  string
	Score    float64            // calibrated probability that the entry is right
	Features map[string]float64 // what Score was computed from, for the trace
	Vetoed   bool               // a negative wording is nearer than any wording: never answered
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
	Answerable                  float64     // probability that the first candidate is right
	Threshold, ClarifyThreshold float64
}

const (
	defaultK   = 5
	maxK       = 100
	rerank     = 12   // entries that are looked at closely, at least
	findLight  = .2   // light words weigh this much more in finding than in judging: they order what is found
	queryTerms = 64   // terms of a query that count; the heaviest are taken
	queryBytes = 2048 // of a query that is read
)

// scratch is a search's memory, reused. scores and best are zero between searches.
type scratch struct {
	a       analyser
	q       []queryTerm
	scores  []float32 // per wording of the block
	touched []int32
	best    []float32 // per entry of the block
	which   []int32   // per entry: its best wording
	reached []int32
	heap    []float32
	hits    []hit
	c       compared
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
	text := cutText(q.Text)
	normal := semantic.Normalise(text)
	s.prepare(ix, normal)
	s.retrieve(ix, q.Now, max(k, rerank))
	return ix.inContext(s, q, normal, k, ix.judge(s, normal, k))
}

// cutText keeps the beginning of a very long question, whole characters only.
func cutText(text string) string {
	if len(text) <= queryBytes {
		return text
	}
	end := queryBytes
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
	s.best = grow(s.best, len(v.entries))
	s.which = grow(s.which, len(v.entries))
	s.touched, s.reached = s.touched[:0], s.reached[:0]

	floor := float32(0) // the k-th best score so far
	done := 0
	for ; done < len(s.q) && s.q[done].row >= 0; done++ {
		t := &s.q[done]
		list := v.postings[v.rows[t.row].from:v.rows[t.row].to]
		if len(list) > len(s.touched)/2 && len(s.touched) >= k {
			if floor = s.kth(v, now, k); floor > left {
				break
			}
		}
		for _, p := range list {
			if s.scores[p.id] == 0 {
				s.touched = append(s.touched, p.id)
			}
			s.scores[p.id] += t.weight * p.weight
		}
		left -= t.bound
	}
	rest := s.q[done:]
	for len(rest) > 0 && rest[len(rest)-1].row < 0 {
		rest = rest[:len(rest)-1]
	}
	if len(rest) > 0 {
		for _, w := range s.touched {
			if s.scores[w]+left < floor {
				continue
			}
			wd := &v.wordings[w]
			for _, p := range v.forward[wd.from:wd.to] {
				for i := range rest {
					if rest[i].row == p.id {
						s.scores[w] += rest[i].weight * p.weight
						break
					}
				}
			}
		}
	}
	floor = s.kth(v, now, k)
	start := len(s.hits)
	for _, e := range s.reached {
		if s.best[e] >= floor && s.best[e] > 0 {
			s.hits = append(s.hits, hit{number, e, s.which[e], s.best[e]})
		}
		s.best[e] = 0
	}
	for _, w := range s.touched {
		s.scores[w] = 0
	}
	own := s.hits[start:]
	slices.SortFunc(own, func(x, y hit) int {
		if c := cmp.Compare(y.score, x.score); c != 0 {
			return c
		}
		return cmp.Compare(x.entry, y.entry)
	})
	if len(own) > k {
		s.hits = s.hits[:start+k]
	}
}

// kth returns the k-th highest score of entries by their best wording, 0 while there are fewer, and leaves best, which
// and reached for the scores as they stand.
func (s *scratch) kth(v view, now int64, k int) float32 {
	for _, e := range s.reached {
		s.best[e] = 0
	}
	s.reached = s.reached[:0]
	for _, w := range s.touched {
		e := v.owner[w]
		score := s.scores[w]
		if s.best[e] == 0 {
			if v.hidden(e) || now > 0 && !v.entries[e].Valid(now) {
				continue
			}
			s.reached = append(s.reached, e)
		}
		if score > s.best[e] || score == s.best[e] && w < s.which[e] {
			s.best[e], s.which[e] = score, w
		}
	}
	if len(s.reached) < k {
		return 0
	}
	h := s.heap[:0]
	for _, e := range s.reached {
		if b := s.best[e]; len(h) < k {
			h = append(h, b)
			up(h)
		} else if b > h[0] {
			h[0] = b
			down(h)
		}
	}
	s.heap = h
	return h[0]
}

// up and down keep a heap with its lowest score first.
func up(h []float32) {
	for i := len(h) - 1; i > 0; {
		p := (i - 1) / 2
		if h[p] <= h[i] {
			return
		}
		h[p], h[i] = h[i], h[p]
		i = p
	}
}

func down(h []float32) {
	for i := 0; ; {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if c+1 < len(h) && h[c+1] < h[c] {
			c++
		}
		if h[i] <= h[c] {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}

// grow returns a slice of at least n zeros; what was in use before is zero already.
func grow[T int32 | float32](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n+n/4)
	}
	return s[:cap(s)]
}
