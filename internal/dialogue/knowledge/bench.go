package knowledge

import (
	"cmp"
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// BenchReport is what `bench retrieve` prints: the speed of whole searches, decision included, on one goroutine.
type BenchReport struct {
	PerS     float64 `json:"per_s"`
	P50      float64 `json:"us_p50"`
	P99      float64 `json:"us_p99"`
	Entries  int     `json:"entries"`
	Wordings int     `json:"wordings"`
	Recall   float64 `json:"recall_at_10_of_exact"` // entries of the exhaustive search's best ten that the pruned search has
	Build    float64 `json:"index_seconds"`
	With     float64 `json:"change_ms"` // to publish one changed entry, median
	Queries  int     `json:"queries"`
}

// BenchRetrieve measures search over n synthetic entries with queries of the given seed: a third of them wordings as they
// are, the others as customers change them. queries 0 means 5,000.
func BenchRetrieve(ctx context.Context, n, queries int, seed int64) (BenchReport, error) {
	if queries <= 0 {
		queries = 5000
	}
	entries := Synthetic(n, seed)
	start := time.Now()
	ix := Build(entries)
	r := BenchReport{Entries: ix.Len(), Build: time.Since(start).Seconds(), Queries: queries}
	for _, e := range entries {
		r.Wordings += 1 + len(e.Similar)
	}
	texts, _ := Questions(entries, queries, seed)
	for _, t := range texts[:min(len(texts), 500)] {
		ix.Search(Query{Text: t})
	}
	runtime.GC() // what building left is not the searches' to clear
	times := make([]float64, 0, len(texts))
	start = time.Now()
	for _, t := range texts {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		before := time.Now()
		ix.Search(Query{Text: t})
		times = append(times, float64(time.Since(before).Nanoseconds())/1e3)
	}
	r.PerS = float64(len(texts)) / time.Since(start).Seconds()
	slices.Sort(times)
	r.P50, r.P99 = quantile(times, .5), quantile(times, .99)
	r.Recall = ix.recallOfExact(texts[:min(len(texts), 1000)])
	r.With = changeTime(ix, entries)
	return r, nil
}

// Questions returns texts that customers might type to find entries: wordings as they are, and with politeness, a
// dropped character; and the ids of the entries they were made from.
func Questions(entries []Entry, n int, seed int64) (texts, ids []string) {
	r := rand.New(rand.NewPCG(uint64(seed), 77))
	texts, ids = make([]string, n), make([]string, n)
	for i := range texts {
		e := entries[r.IntN(len(entries))]
		w := e.Question
		if j := r.IntN(len(e.Similar) + 1); j > 0 {
			w = e.Similar[j-1]
		}
		if i%3 > 0 {
			w = askedAnew(r, w, e.Lang)
		}
		texts[i], ids[i] = w, e.ID
	}
	return texts, ids
}

func askedAnew(r *rand.Rand, w, lang string) string {
	before, after := []string{"请问", "你好，", "麻烦问下", "我想知道"}, []string{"？", "呢", "，急", "谢谢"}
	if lang == "en" {
		before, after = []string{"hi, ", "please tell me, ", "excuse me ", "hello "}, []string{"?", " please", " thanks", "!!"}
	}
	switch r.IntN(3) {
	case 0:
		return before[r.IntN(len(before))] + w
	case 1:
		return w + after[r.IntN(len(after))]
	}
	runes := []rune(w)
	at := r.IntN(len(runes))
	return string(slices.Delete(runes, at, at+1))
}

// recallOfExact is the share of the exhaustive search's ten best scores that the pruned search has too.
func (ix *Index) recallOfExact(texts []string) float64 {
	var s scratch
	found, all := 0, 0
	for _, t := range texts {
		s.prepare(ix, t)
		s.retrieve(ix, 0, 10)
		best := s.exhaustive(ix, 10)
		all += len(best)
		for i := range best {
			// Compared by score: among entries of one score, either choice is right.
			if i < len(s.hits) && s.hits[i].score >= best[i]*(1-1e-5) {
				found++
			}
		}
	}
	return share(float64(found), all)
}

// exhaustive scores every wording for what prepare left, and returns the k highest scores of entries.
func (s *scratch) exhaustive(ix *Index, k int) []float32 {
	var all []float32
	for _, v := range ix.blocks {
		best := make([]float32, len(v.entries))
		for _, t := range s.q {
			if r, ok := v.terms[t.hash]; ok {
				s.scores = grow(s.scores, len(v.wordings))
				for _, p := range v.postings[v.rows[r].from:v.rows[r].to] {
					s.scores[p.id] += t.weight * p.weight
				}
			}
		}
		if len(s.scores) == 0 {
			continue
		}
		for w, e := range v.owner {
			if !v.hidden(e) {
				best[e] = max(best[e], s.scores[w])
			}
			s.scores[w] = 0
		}
		all = append(all, best...)
	}
	slices.SortFunc(all, func(x, y float32) int { return cmp.Compare(y, x) })
	n := 0
	for n < len(all) && n < k && all[n] > 0 {
		n++
	}
	return all[:n]
}

func changeTime(ix *Index, entries []Entry) float64 {
	var times []float64
	for i := range 21 {
		e := entries[i*len(entries)/21]
		e.Question += "？"
		start := time.Now()
		ix = ix.With([]Entry{e}, nil)
		times = append(times, float64(time.Since(start).Nanoseconds())/1e6)
	}
	slices.Sort(times)
	return quantile(times, .5)
}
