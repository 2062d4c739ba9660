package knowledge

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"frontdesk/internal/dialogue/semantic"
)

//go:embed model.json
var modelFile []byte

// model ranks what was found and says how probable it is that the first is right. tools/calibrate makes it.
type model struct {
	rank               vector // of the features that compare the query with one entry
	units              []unit // a network of one layer over all features, for the first candidate
	bias               float32
	threshold, clarify float64
}

type unit struct {
	features     vector
	bias, weight float32
}

var trained = func() (m model) {
	var file struct {
		Rank   map[string]float32 `json:"rank"`
		Answer struct {
			Units []struct {
				Weight   float32            `json:"weight"`
				Features map[string]float32 `json:"features"`
			} `json:"units"`
			Bias float32 `json:"bias"`
		} `json:"answer"`
		Threshold float64 `json:"threshold"`
		Clarify   float64 `json:"clarify"`
	}
	if err := json.Unmarshal(modelFile, &file); err != nil {
		panic("knowledge: model.json: " + err.Error()) // a build mistake, found by any test
	}
	at := make(map[string]int, featureCount)
	for i, n := range featureNames {
		at[n] = i
	}
	fill := func(weights map[string]float32) (v vector, bias float32) {
		for n, w := range weights {
			i, ok := at[n]
			switch {
			case n == "bias":
				bias = w
			case !ok:
				panic(fmt.Sprintf("knowledge: model.json: no feature %q", n))
			default:
				v[i] = w
			}
		}
		return v, bias
	}
	m.rank, _ = fill(file.Rank)
	for _, u := range file.Answer.Units {
		v, bias := fill(u.Features)
		m.units = append(m.units, unit{v, bias, u.Weight})
	}
	m.bias, m.threshold, m.clarify = file.Answer.Bias, file.Threshold, file.Clarify
	return m
}()

// probability that the candidate with these features is right.
func (m *model) probability(f *vector) float64 {
	z := m.bias
	for i := range m.units {
		u := &m.units[i]
		z += u.weight * logistic(u.bias+dot(&u.features, f))
	}
	return float64(logistic(z))
}

func logistic(z float32) float32 { return float32(1 / (1 + math.Exp(-float64(z)))) }

// exactConfidence is the probability that an entry is right when the query is one of its wordings, word for word. No
// training set has such queries; the rest is mistakes in the knowledge. Entries that share the wording share it.
const exactConfidence = .98

// longWording is how many letters a wording has that is more a letter than a question. It holds many words by chance and is
// found by them where its entry's question would do better: both are compared.
const longWording = maxLetters / 2

// ranked is a hit with its rank score.
type ranked struct {
	hit
	score  float32
	vector int
	vetoed bool
}

// judge compares the hits closely, orders them and decides.
func (ix *Index) judge(s *scratch, normal string, k int) Result {
	r := Result{Decision: Abstain, Threshold: trained.threshold, ClarifyThreshold: trained.clarify}
	if len(s.hits) == 0 {
		return r
	}
	s.compare(ix, normal)
	if cap(s.vectors) < len(s.hits) {
		s.vectors = make([]vector, len(s.hits))
	}
	s.vectors = s.vectors[:len(s.hits)]
	s.ranked = s.ranked[:0]
	for i, h := range s.hits {
		v := &ix.blocks[h.view]
		w := &v.wordings[h.wording]
		if w.which == whichAnswer { // found by its answer alone: shown and compared by its question
			h.wording = v.firstOf[h.entry]
			w = &v.wordings[h.wording]
		}
		f := &s.vectors[i]
		score := s.rankScore(ix, v, w, h.score, f)
		if own := v.firstOf[h.entry]; int(w.size) >= longWording && h.wording != own {
			var g vector
			found := s.bm25(v, &v.wordings[own])
			if better := s.rankScore(ix, v, &v.wordings[own], found, &g); better > score {
				h.wording, h.score, w, score = own, found, &v.wordings[own], better
				*f = g
			}
		}
		s.ranked = append(s.ranked, ranked{h, score, i, ix.vetoes(s, v, w, score)})
	}
	slices.SortStableFunc(s.ranked, func(x, y ranked) int {
		if x.vetoed != y.vetoed { // never answered, so never in the way of what may be
			if x.vetoed {
				return 1
			}
			return -1
		}
		return cmp.Compare(y.score, x.score)
	})
	best := s.ranked[0]
	probability := s.confidence(best)
	rest := 0.0
	for _, c := range s.ranked[1:] {
		rest += math.Exp(float64(c.score - best.score))
	}
	r.Candidates = make([]Candidate, 0, min(k, len(s.ranked)))
	for i, c := range s.ranked[:min(k, len(s.ranked))] {
		v := &ix.blocks[c.view]
		e := v.entries[c.entry]
		p := probability
		if i > 0 { // what the first leaves, shared by rank, less what no entry has, and never more than the first
			p = min(p, (1-p)*math.Exp(float64(c.score-best.score))/max(rest, 1e-9)*math.Sqrt(p))
		}
		if c.vetoed {
			p = min(p, trained.clarify/2)
		}
		r.Candidates = append(r.Candidates, Candidate{Entry: e, Wording: wordingText(e, v.wordings[c.wording].which), Score: p,
			Features: Features(s.vectors[c.vector]), Vetoed: c.vetoed})
	}
	r.Answerable = r.Candidates[0].Score
	if !best.vetoed && r.Answerable >= r.ClarifyThreshold && r.Answerable < r.Threshold { // others may say the same
		for _, c := range r.Candidates[1:] {
			if !c.Vetoed && sameAnswer(c.Entry, r.Candidates[0].Entry) {
				r.Answerable += c.Score
			}
		}
	}
	switch {
	case best.vetoed:
	case r.Answerable >= r.Threshold:
		r.Decision = Answer
	case r.Answerable >= r.ClarifyThreshold:
		r.Decision = Clarify
	}
	return r
}

// rankScore fills the features that need no other candidate and returns what the candidate is ordered by.
func (s *scratch) rankScore(ix *Index, v *view, w *wording, found float32, f *vector) float32 {
	s.describe(ix, v, w, found, f)
	if f[fAllCover] < 1 { // else the answer has nothing to add
		f[fAnswer] = s.onlyInAnswer(v, w, f[fSoftCover])
	}
	return dot(&trained.rank, f) + 100*f[fExact]
}

// confidence fills the features of the best candidate that need the others, and returns the probability that it is right.
func (s *scratch) confidence(best ranked) float64 {
	f := &s.vectors[best.vector]
	if f[fExact] == 1 {
		owners := 0.0 // usually one
		for _, c := range s.ranked {
			if !c.vetoed {
				owners += float64(s.vectors[c.vector][fExact])
			}
		}
		return exactConfidence / max(1, owners)
	}
	lead := float32(3)
	f[fRoom], f[fAgainst] = 0, 0
	for _, c := range s.ranked[1:] {
		if c.vetoed {
			continue
		}
		lead = min(lead, best.score-c.score)
		f[fRoom] = max(f[fRoom], min(1.5, c.hit.score/max(best.hit.score, 1e-6)))
		if c.score > best.score-1 {
			f[fAgainst] += .1
		}
	}
	f[fLead] = float32(math.Tanh(float64(lead) / 2))
	return trained.probability(f)
}

// vetoes reports whether a negative wording of the entry is nearer to the query than the entry's own.
func (ix *Index) vetoes(s *scratch, v *view, w *wording, score float32) bool {
	end := v.firstOf[w.entry+1]
	for n := end - 1; n >= v.firstOf[w.entry] && v.wordings[n].which <= whichNegative; n-- {
		no := &v.wordings[n]
		var f vector
		s.describe(ix, v, no, s.bm25(v, no), &f)
		if dot(&trained.rank, &f)+100*f[fExact] > score {
			return true
		}
	}
	return false
}

// bm25 scores one wording.
func (s *scratch) bm25(v *view, w *wording) float32 {
	sum := float32(0)
	for i := range s.q {
		if r, ok := v.terms[s.q[i].hash]; ok {
			for _, p := range v.forward[w.from:w.to] {
				if p.id == r {
					sum += s.q[i].weight * p.weight
				}
			}
		}
	}
	return sum
}

func dot(w, f *vector) float32 {
	sum := float32(0)
	for i := range w {
		sum += w[i] * f[i]
	}
	return sum
}

func wordingText(e *Entry, which int16) string {
	if which <= 0 {
		return e.Question
	}
	return e.Similar[which-1]
}

// elliptic reports a question that leans on the one before: 那冰箱呢, and the fridge? It must name something that the
// knowledge knows, or thanks and greetings would be answered with the last answer.
func elliptic(s *scratch, normal string) bool {
	words, known := 0, 0
	for _, t := range s.q {
		if t.class == classWord && t.light > .5 {
			words++
			if t.known {
				known++
			}
		}
	}
	leans := strings.HasPrefix(normal, "那") || strings.HasSuffix(normal, "呢") || strings.HasSuffix(normal, "呢?") || strings.HasPrefix(normal, "and ") || strings.HasPrefix(normal, "what about")
	return known > 0 && (words == 1 || words == 2 && leans)
}

// inContext searches again with the previous question's words before the query's, if the query alone is too little and
// got no answer. What that finds counts only if it is clearly better.
func (ix *Index) inContext(s *scratch, q Query, normal string, k int, alone Result) Result {
	if len(q.Context) == 0 || alone.Decision == Answer || !elliptic(s, normal) {
		return alone
	}
	before := semantic.Normalise(cutText(q.Context[len(q.Context)-1], queryBytes))
	if before == "" {
		return alone
	}
	joined := before + "\n" + normal // a line end, for a blank may be dropped
	s.past = len(before)
	s.prepare(ix, joined)
	s.retrieve(ix, q.Now, max(k, rerank))
	if r := ix.judge(s, joined, k); r.Answerable*.9 > alone.Answerable {
		return r
	}
	return alone
}
