package knowledge

import (
	"testing"

	"frontdesk/internal/dialogue/semantic"
)

// Every wording belongs to one entry, and asked again as it is gets that entry's answer.
func TestSyntheticIsAnswerable(t *testing.T) {
	n := 6000
	entries := Synthetic(n, 1)
	owner := map[uint64]string{}
	double := 0
	for _, e := range entries {
		for _, w := range append([]string{e.Question}, e.Similar...) {
			key := wordingKey(semantic.Normalise(w))
			if id, ok := owner[key]; ok && id != e.ID {
				double++
			}
			owner[key] = e.ID
		}
	}
	if double*1000 > n {
		t.Errorf("%d wordings stand in two entries", double)
	}
	ix := Build(entries)
	answered, right, asked := 0, 0, 0
	for i := 0; i < n; i += 7 {
		e := entries[i]
		r := ix.Search(Query{Text: append([]string{e.Question}, e.Similar...)[i/7%4]})
		asked++
		if r.Decision == Answer {
			answered++
			if first(r) == e.ID {
				right++
			}
		}
	}
	if answered*10 < asked*9 || right*100 < answered*98 {
		t.Errorf("of %d asked %d answered, %d right", asked, answered, right)
	}
}

func BenchmarkSearch(b *testing.B) {
	entries := Synthetic(20000, 1)
	ix := Build(entries)
	texts, _ := Questions(entries, 4096, 2)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ix.Search(Query{Text: texts[i%len(texts)]})
	}
}
