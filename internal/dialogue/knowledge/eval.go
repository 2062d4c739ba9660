package knowledge

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"frontdesk"
)

// RetrieveReport is what `eval retrieve` prints. Shares are 0..1.
type RetrieveReport struct {
	N           int     `json:"n"`
	RecallAt1   float64 `json:"recall_at_1"` // this and the next two: over answerable queries
	RecallAt5   float64 `json:"recall_at_5"`
	MRR         float64 `json:"mrr"`
	AUROC       float64 `json:"auroc"` // of the probability, for: the first entry is right
	ECE         float64 `json:"ece"`   // of the same, in 10 bins of equal width
	Answered    float64 `json:"answered"`
	Precision   float64 `json:"answered_precision"`
	Abstained   float64 `json:"abstained_right"`          // unanswerable queries that were not answered
	AtPrecision float64 `json:"answered_at_precision_85"` // right answers over answerable, where 85 % of answers are right
	Clarified   float64 `json:"clarified"`                // queries asked back
	Build       float64 `json:"index_seconds"`
	P50         float64 `json:"us_per_query_p50"`
	P99         float64 `json:"us_per_query_p99"`
}

// Labelled is a query and the ids that answer it; none means that nothing does.
type Labelled struct {
	Text string
	Gold []string
}

// EvalRetrieve measures search on files: corpus holds import rows (JSON lines, CSV or XLSX by its name), queries is a TSV
// with the header "query gold_id", several ids split by a bar, none for an unanswerable query. A bad row is an error that
// names it: a measurement must not skip what it was given.
func EvalRetrieve(ctx context.Context, corpus, queries string) (RetrieveReport, error) {
	entries, err := readCorpus(corpus)
	if err != nil {
		return RetrieveReport{}, err
	}
	labelled, err := readLabelled(queries)
	if err != nil {
		return RetrieveReport{}, err
	}
	start := time.Now()
	ix := Build(entries)
	built := time.Since(start)
	r, err := Evaluate(ctx, ix, labelled)
	r.Build = built.Seconds()
	return r, err
}

// Evaluate measures search on an index.
func Evaluate(ctx context.Context, ix *Index, queries []Labelled) (RetrieveReport, error) {
	r := RetrieveReport{N: len(queries)}
	if len(queries) == 0 {
		return r, &frontdesk.Error{Kind: frontdesk.Invalid, Op: "evaluate retrieval", Public: "no queries"}
	}
	for _, q := range queries[:min(len(queries), 200)] { // warm up: the first searches allocate their scratch
		ix.Search(Query{Text: q.Text})
	}
	runtime.GC() // what building left is not the searches' to clear
	var judged []judgement
	var times []float64
	answerable, answered, right, abstained, clarified := 0, 0, 0, 0, 0
	var at1, at5, mrr float64
	for _, q := range queries {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		start := time.Now()
		got := ix.Search(Query{Text: q.Text, K: 10})
		times = append(times, float64(time.Since(start).Nanoseconds())/1e3)
		rank := slices.IndexFunc(got.Candidates, func(c Candidate) bool { return slices.Contains(q.Gold, c.Entry.ID) })
		judged = append(judged, judgement{got.Answerable, rank == 0})
		if got.Decision == Answer {
			answered++
			if rank == 0 {
				right++
			}
		}
		if got.Decision == Clarify {
			clarified++
		}
		if len(q.Gold) == 0 {
			if got.Decision != Answer {
				abstained++
			}
			continue
		}
		answerable++
		if rank == 0 {
			at1++
		}
		if rank >= 0 {
			if rank < 5 {
				at5++
			}
			mrr += 1 / float64(rank+1)
		}
	}
	n := float64(len(queries))
	r.RecallAt1, r.RecallAt5, r.MRR = share(at1, answerable), share(at5, answerable), share(mrr, answerable)
	r.AUROC, r.ECE = auroc(judged), calibrationError(judged)
	r.Answered, r.Clarified = float64(answered)/n, float64(clarified)/n
	r.Precision = share(float64(right), answered)
	r.Abstained = share(float64(abstained), len(queries)-answerable)
	r.AtPrecision = share(float64(rightAtPrecision(judged, .85)), answerable)
	slices.Sort(times)
	r.P50, r.P99 = quantile(times, .5), quantile(times, .99)
	return r, nil
}

func share(part float64, of int) float64 {
	if of == 0 {
		return 0
	}
	return part / float64(of)
}

// quantile of sorted values.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// judgement is a probability and whether it came true.
type judgement struct {
	p     float64
	right bool
}

// auroc is the probability that a right one has a higher score than a wrong one; ties count half.
func auroc(all []judgement) float64 {
	s := slices.Clone(all)
	slices.SortFunc(s, func(a, b judgement) int { return cmp.Compare(a.p, b.p) })
	good, bad, sum := 0, 0, 0.0
	for i := 0; i < len(s); {
		j, g, b := i, 0, 0
		for ; j < len(s) && s[j].p == s[i].p; j++ {
			if s[j].right {
				g++
			} else {
				b++
			}
		}
		sum += float64(g) * (float64(bad) + float64(b)/2)
		good, bad, i = good+g, bad+b, j
	}
	return share(sum, good*bad)
}

// calibrationError is the expected calibration error: how far, in the mean, a stated probability is from the share that
// comes true, in ten bins of equal width.
func calibrationError(all []judgement) float64 {
	var n, p, right [10]float64
	for _, j := range all {
		b := min(9, int(j.p*10))
		n[b]++
		p[b] += j.p
		if j.right {
			right[b]++
		}
	}
	sum := 0.0
	for b := range n {
		sum += math.Abs(p[b] - right[b])
	}
	return share(sum, len(all))
}

// rightAtPrecision is the most right answers any threshold gives while that share of all it answers is right.
func rightAtPrecision(all []judgement, precision float64) int {
	s := slices.Clone(all)
	slices.SortFunc(s, func(a, b judgement) int { return cmp.Compare(b.p, a.p) })
	best, right := 0, 0
	for i, j := range s {
		if j.right {
			right++
		}
		last := i+1 == len(s) || s[i+1].p != j.p
		if last && float64(right) >= precision*float64(i+1) {
			best = right
		}
	}
	return best
}

func readCorpus(path string) ([]Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileProblem("read corpus", path, 0, err.Error())
	}
	defer f.Close()
	var entries []Entry
	err = Parse(f, FormatOf(path), nil, func(row Row) error {
		if row.Notice {
			return nil
		}
		if row.Problem != nil {
			return fileProblem("read corpus", path, row.Number, row.Problem.Field+": "+row.Problem.Reason)
		}
		entries = append(entries, row.Entry)
		return nil
	})
	return entries, err
}

func readLabelled(path string) ([]Labelled, error) {
	const op = "read queries"
	f, err := os.Open(path)
	if err != nil {
		return nil, fileProblem(op, path, 0, err.Error())
	}
	defer f.Close()
	in := bufio.NewReader(f)
	var out []Labelled
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if line == "" && err == io.EOF {
			return out, nil
		}
		if err != nil && err != io.EOF {
			return nil, fileProblem(op, path, n, err.Error())
		}
		line = strings.TrimRight(line, "\r\n")
		text, gold, ok := strings.Cut(line, "\t")
		switch {
		case n == 1:
			if strings.TrimPrefix(text, "\ufeff") != "query" || gold != "gold_id" {
				return nil, fileProblem(op, path, n, `the header must be "query<tab>gold_id"`)
			}
			continue
		case line == "":
			continue
		case !ok || strings.Contains(gold, "\t"):
			return nil, fileProblem(op, path, n, "two columns expected: query and gold_id")
		}
		q := Labelled{Text: text}
		for id := range strings.SplitSeq(gold, "|") {
			if id = strings.TrimSpace(id); id != "" {
				q.Gold = append(q.Gold, id)
			}
		}
		out = append(out, q)
	}
}

func fileProblem(op, path string, row int, reason string) error {
	where := path
	if row > 0 {
		where = fmt.Sprintf("%s row %d", path, row)
	}
	return &frontdesk.Error{Kind: frontdesk.Invalid, Op: op, Public: where + ": " + reason}
}
