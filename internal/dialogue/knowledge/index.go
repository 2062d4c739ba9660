package knowledge

import (
	"cmp"
	"math"
	"slices"

	"frontdesk/internal/dialogue/semantic"
)

// BM25's parameters. Wordings are short and of similar length, so length counts little.
const (
	bm25K1 = 1.2
	bm25B  = .4
)

// Index finds the entries that answer a question. It is immutable and safe for concurrent use; With makes a changed one
// that shares nearly everything. It holds the entries in blocks: a large one, and small ones with later changes that
// hide what they replace.
type Index struct {
	blocks []view
	live   int     // entries that can be found
	total  float64 // entries in all blocks, hidden ones included: what document frequencies refer to
	length float32 // mean length of a wording, fixed when the first block is built so that scores of blocks compare
}

// view is a block and what of it is hidden by later blocks or removal.
type view struct {
	*block
	dead  []uint64 // bit per entry; nil if none
	gone  int
	first int32 // number of this block's first entry within the index
}

func (v view) hidden(entry int32) bool {
	return v.dead != nil && v.dead[entry>>6]&(1<<(entry&63)) != 0
}

// block is a set of entries with postings. Wordings of an entry are neighbours, and an entry's answer is a wording of
// kind answer; negative wordings come last and have no postings.
type block struct {
	entries  []*Entry
	byID     map[string]int32
	exact    map[uint64]int32 // key of a wording -> entry; the first that has it
	firstOf  []int32          // entry -> its first wording; len(entries)+1
	wordings []wording
	owner    []int32          // wording -> entry: what the inner loops need of wordings
	terms    map[uint64]int32 // term -> row
	rows     []row
	postings []posting
	forward  []posting // per wording: its terms by row
	letters  []letter  // per wording: what appendLetters gives
	dated    bool      // some entry has validity dates: elsewhere a search need not fetch entries to look at them
}

type wording struct {
	entry    int32
	from, to int32 // forward[from:to]
	text     int32 // letters[text:text+size]
	size     int16
	which    int16 // 0 the question, n the n-th similar wording, whichAnswer, or whichNegative-n the n-th negative one
	lang     lang
	mood     mood
	key      uint64
}

// posting is a wording in a term's row, or a term of a wording in forward.
type posting struct {
	id     int32   // wording, or row
	weight float32 // BM25's share without idf
}

type row struct {
	from, to int32
	df       int32 // entries with the term
	class    class
	most     float32 // highest weight of its postings
	light    float32
	hash     uint64
}

const (
	whichAnswer   = -1
	whichNegative = -2
	maxLetters    = 64 // of a wording and of a query, compared letter by letter
)

type lang uint8

func langOf(text string) lang { return langNamed(semantic.Language(text)) }

func langNamed(tag string) lang {
	switch tag {
	case "zh":
		return 1
	case "en":
		return 2
	}
	return 0
}

// Build makes an index of entries. Of entries with the same ID the last counts.
func Build(entries []Entry) *Index {
	last := make(map[string]int, len(entries))
	for i, e := range entries {
		last[e.ID] = i
	}
	kept := make([]*Entry, 0, len(last))
	for i, e := range entries {
		if last[e.ID] == i {
			kept = append(kept, &e)
		}
	}
	ix := &Index{}
	if len(kept) > 0 {
		ix.blocks = []view{{block: newBlock(kept, &ix.length)}}
	}
	ix.count()
	return ix
}

// Len is the number of entries that can be found, whatever their validity dates.
func (ix *Index) Len() int { return ix.live }

func (ix *Index) count() {
	ix.live, ix.total = 0, 0
	for i := range ix.blocks {
		v := &ix.blocks[i]
		v.first = int32(ix.total)
		ix.live += len(v.entries) - v.gone
		ix.total += float64(len(v.entries))
	}
}

// With returns an index in which changed entries replace those of the same ID or are added, and removed ones are gone.
// It costs time in proportion to the change; now and then small blocks are merged, and when changes have grown to a third
// of the whole, everything is rebuilt.
func (ix *Index) With(changed []Entry, removed []string) *Index {
	next := &Index{length: ix.length, blocks: slices.Clone(ix.blocks)}
	hide := func(id string) {
		for i := range next.blocks {
			v := &next.blocks[i]
			e, ok := v.byID[id]
			if !ok || v.hidden(e) {
				continue
			}
			if i >= len(ix.blocks) || v.gone == ix.blocks[i].gone { // still the old index's bits
				v.dead = append(make([]uint64, 0, (len(v.entries)+63)/64), v.dead...)
				v.dead = v.dead[:cap(v.dead)]
			}
			v.dead[e>>6] |= 1 << (e & 63)
			v.gone++
		}
	}
	last := make(map[string]int, len(changed))
	for i, e := range changed {
		last[e.ID] = i
	}
	for _, id := range removed {
		hide(id)
		delete(last, id)
	}
	var fresh []*Entry
	for i, e := range changed {
		if at, ok := last[e.ID]; ok && at == i {
			hide(e.ID)
			fresh = append(fresh, &e)
		}
	}
	// Merge like a log-structured tree: a block stays if it is at least three times all that came after it.
	keep := len(next.blocks)
	size := len(fresh)
	for keep > 0 && (len(fresh) > 0 || next.blocks[keep-1].gone*3 > len(next.blocks[keep-1].entries)) {
		v := next.blocks[keep-1]
		alive := len(v.entries) - v.gone
		if alive >= 3*size && v.gone*3 <= len(v.entries) {
			break
		}
		size += alive
		keep--
	}
	var merged []*Entry
	for _, v := range next.blocks[keep:] {
		for i, e := range v.entries {
			if !v.hidden(int32(i)) {
				merged = append(merged, e)
			}
		}
	}
	merged = append(merged, fresh...)
	next.blocks = next.blocks[:keep]
	if keep == 0 {
		next.length = 0
	}
	if len(merged) > 0 {
		next.blocks = append(next.blocks, view{block: newBlock(merged, &next.length)})
	}
	next.count()
	return next
}

// newBlock indexes entries. A mean length of 0 is set from these entries.
func newBlock(entries []*Entry, mean *float32) *block {
	b := &block{
		entries: entries,
		byID:    make(map[string]int32, len(entries)),
		exact:   make(map[uint64]int32, 3*len(entries)),
		terms:   make(map[uint64]int32, 2*len(entries)),
		firstOf: make([]int32, 0, len(entries)+1),
	}
	var a analyser
	var lengths []float32
	var sum float64
	var seen []int32 // row -> last entry counted
	addWording := func(e int32, which int16, text string) {
		text = semantic.Normalise(text)
		var terms []term
		if which == whichAnswer {
			terms = a.analyseWords(cutText(text, answerBytes))
		} else {
			terms = a.analyse(text)
		}
		w := wording{entry: e, from: int32(len(b.forward)), text: int32(len(b.letters)), which: which, lang: langOf(text), mood: moodOf(a.tokens), key: wordingKey(text)}
		b.letters = appendLetters(b.letters, a.tokens)
		w.size = int16(int32(len(b.letters)) - w.text)
		for _, t := range terms {
			r, ok := b.terms[t.hash]
			if !ok {
				r = int32(len(b.rows))
				b.terms[t.hash] = r
				b.rows = append(b.rows, row{hash: t.hash, class: t.class, light: t.light})
				seen = append(seen, -1)
			}
			b.rows[r].class = min(b.rows[r].class, t.class)
			if which > whichNegative {
				b.rows[r].to++ // a count for now
			}
			if seen[r] != e && which > whichNegative {
				seen[r] = e
				b.rows[r].df++
			}
			b.forward = append(b.forward, posting{r, float32(t.tf)})
		}
		w.to = int32(len(b.forward))
		b.wordings = append(b.wordings, w)
		b.owner = append(b.owner, e)
		lengths = append(lengths, a.length)
		if which >= 0 {
			sum += float64(a.length)
			if _, ok := b.exact[w.key]; !ok && w.key != 0 {
				b.exact[w.key] = e
			}
		}
	}
	for i, e := range entries {
		n := int32(i)
		b.byID[e.ID] = n
		b.dated = b.dated || e.ValidFrom != 0 || e.ValidTo != 0
		b.firstOf = append(b.firstOf, int32(len(b.wordings)))
		addWording(n, 0, e.Question)
		for j, s := range e.Similar {
			addWording(n, int16(min(j+1, math.MaxInt16)), s)
		}
		if e.Answer != "" {
			addWording(n, whichAnswer, e.Answer)
		}
		for j, s := range e.Negative {
			addWording(n, int16(max(whichNegative-j, math.MinInt16)), s)
		}
	}
	b.firstOf = append(b.firstOf, int32(len(b.wordings)))
	if *mean == 0 {
		*mean = float32(max(1, sum/float64(max(1, len(b.wordings)))))
	}
	b.fillPostings(lengths, *mean)
	return b
}

// answerBytes is how much of an answer is indexed: what it is about stands at its beginning.
const answerBytes = 6000

// answerShare is how much the words of an answer count against those of a wording.
const answerShare = .3

func (b *block) fillPostings(lengths []float32, mean float32) {
	at := int32(0)
	for r := range b.rows {
		n := b.rows[r].to
		b.rows[r].from, b.rows[r].to = at, at
		at += n
	}
	b.postings = make([]posting, at)
	for i := range b.wordings {
		w := &b.wordings[i]
		norm := bm25K1 * (1 - bm25B + bm25B*lengths[i]/mean)
		own := b.forward[w.from:w.to]
		for j := range own {
			tf := own[j].weight
			weight := tf * (bm25K1 + 1) / (tf + norm)
			if w.which == whichAnswer {
				weight *= answerShare
			}
			own[j].weight = weight
			if w.which <= whichNegative { // only compared with, never found by
				continue
			}
			r := &b.rows[own[j].id]
			b.postings[r.to] = posting{int32(i), weight}
			r.to++
			r.most = max(r.most, weight)
		}
		slices.SortFunc(own, func(x, y posting) int { return cmp.Compare(x.id, y.id) })
	}
}

// wordingKey identifies a wording by its letters and digits, so that blanks and punctuation make no difference; 0 if it
// has none. text is normalised.
func wordingKey(text string) uint64 {
	var buf [256]byte
	k := semantic.AppendKey(buf[:0], text)
	if len(k) == 0 {
		return 0
	}
	return hashString(7, string(k))
}

// Exact returns the entry one of whose wordings is text, whatever blanks, punctuation, case and width, if it is valid at
// now (microseconds; 0 ignores validity dates). It costs a look-up where Search costs a search.
func (ix *Index) Exact(text string, now int64) (*Entry, bool) {
	key := wordingKey(semantic.Normalise(text))
	if key == 0 {
		return nil, false
	}
	for i := len(ix.blocks) - 1; i >= 0; i-- {
		v := ix.blocks[i]
		if e, ok := v.exact[key]; ok && !v.hidden(e) && (now == 0 || v.entries[e].Valid(now)) {
			return v.entries[e], true
		}
	}
	return nil, false
}

// HasWording reports the entry one of whose wordings is text, whatever blanks, punctuation, case and width. Validity
// dates are not looked at.
func (ix *Index) HasWording(text string) (entryID string, ok bool) {
	key := wordingKey(semantic.Normalise(text))
	if key == 0 {
		return "", false
	}
	for i := len(ix.blocks) - 1; i >= 0; i-- {
		v := ix.blocks[i]
		if e, ok := v.exact[key]; ok && !v.hidden(e) {
			return v.entries[e].ID, true
		}
	}
	return "", false
}
