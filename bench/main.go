// Command bench compares the search over knowledge with that of bleve, a full-text library, over the same entries with
// the same questions in the same run. It lives in a module of its own so that the product does not depend on its peers.
//
//	cd bench && go run . [-entries 20000] [-queries 2000] [-seed 1]
//
// Both search questions and similar wordings and return ten entries; ours also computes probabilities and decides. One
// goroutine each, turn about in batches, so that a busy machine is unfair to both alike.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"frontdesk/internal/dialogue/knowledge"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/lang/cjk"
)

func main() {
	n := flag.Int("entries", 20_000, "entries")
	queries := flag.Int("queries", 2_000, "queries")
	seed := flag.Int64("seed", 1, "of entries and queries")
	flag.Parse()
	if err := run(*n, *queries, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// side is one of the two, with what it took.
type side struct {
	search func(text string) (string, error)
	times  []time.Duration
	right  int
}

type figures struct {
	Name  string  `json:"name"`
	PerS  float64 `json:"per_s"`
	P50   float64 `json:"us_p50"`
	P99   float64 `json:"us_p99"`
	First float64 `json:"first_right"` // the entry that the question was made from comes first
	Build float64 `json:"build_seconds"`
}

func run(n, queries int, seed int64) error {
	entries := knowledge.Synthetic(n, seed)
	texts, from := knowledge.Questions(entries, queries, seed)
	start := time.Now()
	ix := knowledge.Build(entries)
	oursBuilt := time.Since(start)
	start = time.Now()
	peer, err := newBleve(entries)
	if err != nil {
		return err
	}
	defer peer.Close()
	peerBuilt := time.Since(start)

	ours := side{search: func(text string) (string, error) {
		r := ix.Search(knowledge.Query{Text: text, K: 10})
		if len(r.Candidates) == 0 {
			return "", nil
		}
		return r.Candidates[0].Entry.ID, nil
	}}
	theirs := side{search: func(text string) (string, error) {
		q := bleve.NewMatchQuery(text)
		q.SetField("text")
		r, err := peer.Search(bleve.NewSearchRequestOptions(q, 10, 0, false))
		if err != nil || len(r.Hits) == 0 {
			return "", err
		}
		return r.Hits[0].ID, nil
	}}
	const batch = 100
	for i := 0; i < len(texts); i += batch {
		end := min(i+batch, len(texts))
		for _, s := range []*side{&ours, &theirs} {
			for j, t := range texts[i:end] {
				start := time.Now()
				id, err := s.search(t)
				if err != nil {
					return fmt.Errorf("search %q: %w", t, err)
				}
				s.times = append(s.times, time.Since(start))
				if id == from[i+j] {
					s.right++
				}
			}
		}
	}
	a, b := ours.figures("frontdesk", oursBuilt), theirs.figures("bleve cjk", peerBuilt)
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"entries": n, "queries": queries, "sides": []figures{a, b}, "times_faster": a.PerS / b.PerS})
}

func (s *side) figures(name string, built time.Duration) figures {
	sum := time.Duration(0)
	for _, t := range s.times {
		sum += t
	}
	slices.Sort(s.times)
	us := func(q float64) float64 {
		return float64(s.times[min(len(s.times)-1, int(q*float64(len(s.times))))].Nanoseconds()) / 1e3
	}
	n := float64(len(s.times))
	return figures{Name: name, PerS: n / sum.Seconds(), P50: us(.5), P99: us(.99), First: float64(s.right) / n, Build: built.Seconds()}
}

// newBleve indexes the wordings of each entry as one document, in memory, with the analyzer for Chinese.
func newBleve(entries []knowledge.Entry) (bleve.Index, error) {
	text := bleve.NewTextFieldMapping()
	text.Analyzer = cjk.AnalyzerName
	text.Store = false
	mapping := bleve.NewIndexMapping()
	mapping.DefaultMapping.AddFieldMappingsAt("text", text)
	ix, err := bleve.NewMemOnly(mapping)
	if err != nil {
		return nil, err
	}
	batch := ix.NewBatch()
	for i, e := range entries {
		if err := batch.Index(e.ID, map[string]any{"text": append([]string{e.Question}, e.Similar...)}); err != nil {
			return nil, err
		}
		if batch.Size() >= 1000 || i == len(entries)-1 {
			if err := ix.Batch(batch); err != nil {
				return nil, err
			}
			batch.Reset()
		}
	}
	return ix, nil
}
