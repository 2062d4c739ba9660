// Command calibrate learns internal/dialogue/knowledge/model.json: how to rank the entries that a search found, and how
// probable it is that the first one is right. See README.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"frontdesk/internal/dialogue/knowledge"
)

// network is the answer stage's model: the sum of its units' logistic values by weight, and a bias.
type network struct {
	Units []unit  `json:"units"`
	Bias  float64 `json:"bias"`
}

type unit struct {
	Weight   float64            `json:"weight"`
	Features map[string]float64 `json:"features"` // "bias" too
}

// ranking lists the features of one wording compared with the query; the others need all candidates.
var ranking = []string{"bm25_share", "coverage", "back_coverage", "full_coverage", "full_back_coverage", "soft_coverage",
	"bigram_jaccard", "letter_dice", "order_dice", "length_ratio", "unmatched", "extra", "negation", "number", "other_ask", "foreign", "answer_only"}

var answering = append(slices.Clone(ranking), "short", "little", "lead", "rival", "crowd")

// against lists the features that speak against a match. A feature that speaks for one may never count against it, nor
// the other way round, however the data would have it: that keeps the model sane on knowledge unlike its training's.
var against = map[string]bool{"unmatched": true, "extra": true, "negation": true, "number": true, "other_ask": true, "foreign": true,
	"short": true, "little": true, "rival": true, "crowd": true}

type file struct {
	Rank      map[string]float64 `json:"rank"`
	Answer    network            `json:"answer"`
	Threshold float64            `json:"threshold"`
	Clarify   float64            `json:"clarify"`
}

func main() {
	eval := flag.String("eval", "../shared/eval", "folder with the public training sets")
	demo := flag.String("demo", "demo", "folder with the demo company's knowledge")
	out := flag.String("model", "internal/dialogue/knowledge/model.json", "the model, read and written")
	without := flag.String("without", "", "training sets to leave out, by commas: atec, ccks, stsb, clinc150, banking77, hwu64, smp2019, fewjoint, dialogflow, demo")
	flag.Parse()
	if err := run(flag.Arg(0), *eval, *demo, *out, strings.Split(*without, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

func run(stage, eval, demo, path string, without []string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var m file
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if stage == "check" {
		return check(demo)
	}
	all, err := worlds(eval, demo, without)
	if err != nil {
		return err
	}
	switch stage {
	case "rank":
		m.Rank = learnRank(all)
	case "answer":
		m.Answer = learnAnswer(all)
	default:
		return fmt.Errorf("unknown stage %q: rank, answer or check", stage)
	}
	raw, err = json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o644)
}

// example is one query: candidates' features, and which are right.
type example struct {
	x      [][]float64
	right  []bool
	weight float64
	asked  bool // by the demo's kept-apart questions
}

func examples(w world, names []string, k int) []example {
	ix := knowledge.Build(w.entries)
	var out []example
	for _, q := range w.queries {
		r := ix.Search(knowledge.Query{Text: q.Text, K: k})
		e := example{weight: w.weight / float64(len(w.queries)), asked: w.kinds != nil}
		for _, c := range r.Candidates {
			x, features := make([]float64, len(names)), c.Features.Named()
			for i, n := range names {
				x[i] = features[n]
			}
			e.x = append(e.x, x)
			e.right = append(e.right, slices.Contains(q.Gold, c.Entry.ID))
		}
		if len(e.x) > 0 {
			out = append(out, e)
		}
	}
	return out
}

// learnRank maximises the probability of the right candidates under a softmax over all that were found.
func learnRank(all []world) map[string]float64 {
	var data []example
	for _, w := range all {
		if w.kinds != nil {
			w.weight = rankAsked
		}
		for _, e := range examples(w, ranking, 12) {
			if slices.Contains(e.right, true) && slices.Contains(e.right, false) {
				for _, x := range e.x {
					for i, n := range ranking {
						if against[n] {
							x[i] = -x[i]
						}
					}
				}
				data = append(data, e)
			}
		}
	}
	most := make([]float64, len(ranking))
	for i, n := range ranking {
		if most[i] = math.Inf(1); n == "answer_only" {
			most[i] = mostAnswer
		}
	}
	before, after := 0.0, 0.0
	w := descend(make([]float64, len(ranking)), make([]float64, len(ranking)), most, func(w, grad []float64) float64 {
		loss, total := 0.0, 0.0
		before, after = 0, 0
		for _, e := range data {
			p, sum, good := make([]float64, len(e.x)), 0.0, 0.0
			high := math.Inf(-1)
			for i, x := range e.x {
				p[i] = inner(w, x)
				high = max(high, p[i])
			}
			for i := range p {
				p[i] = math.Exp(p[i] - high)
				sum += p[i]
				if e.right[i] {
					good += p[i]
				}
			}
			total += e.weight
			loss -= e.weight * math.Log(good/sum)
			best := 0
			for i := range p {
				if p[i] > p[best] {
					best = i
				}
				g := p[i] / sum
				if e.right[i] {
					g -= p[i] / good
				}
				for j, x := range e.x[i] {
					grad[j] += e.weight * g * x
				}
			}
			if e.right[0] {
				before += e.weight
			}
			if e.right[best] {
				after += e.weight
			}
		}
		before, after = before/total, after/total
		return scale(grad, loss, total)
	})
	fmt.Fprintf(os.Stderr, "rank: %d queries; first right %.4f, with the model in use %.4f\n", len(data), after, before)
	for i, n := range ranking {
		if against[n] {
			w[i] = -w[i]
		}
	}
	return named(ranking, w)
}

// mostAnswer bounds what the answer's text counts in ranking: long answers hold many words.
const mostAnswer = 3

// rankAsked is the weight of the demo's kept-apart questions in ranking. They should decide how sure an answer is, for
// they are like what customers ask; what makes two texts alike is better learned from more fields.
const rankAsked = 1.5

// hidden is how many units the network of the answer stage has.
const hidden = 8

// learnAnswer fits the probability that the first candidate is right: a network of one layer whose units rise with every
// feature that speaks for a match and fall with every other, and so does their sum. It can say "only if both" where a
// linear model cannot, and stays monotone.
func learnAnswer(all []world) network {
	n := len(answering) + 1 // the last is the bias
	sign := make([]float64, n)
	for i := range sign {
		sign[i] = 1
		if i < len(answering) && against[answering[i]] {
			sign[i] = -1
		}
	}
	var data []example
	for _, w := range all {
		for _, e := range examples(w, append(slices.Clone(answering), "bias"), 1) {
			e.x[0][n-1] = 1
			for i := range sign {
				e.x[0][i] *= sign[i]
			}
			data = append(data, e)
		}
	}
	r := rand.New(rand.NewPCG(8, 8))
	size := hidden*n + hidden + 1
	start, least := make([]float64, size), make([]float64, size)
	for i := range start {
		start[i] = r.Float64()
		if i == size-1 || i < hidden*n && i%n == n-1 {
			least[i], start[i] = math.Inf(-1), -1-2*r.Float64()
		}
	}
	h, dh := make([]float64, hidden), make([]float64, hidden)
	w := descend(start, least, nil, func(w, grad []float64) float64 {
		loss, total := 0.0, 0.0
		out := w[hidden*n:]
		for _, e := range data {
			x, y, z := e.x[0], 0.0, out[hidden]
			if e.right[0] {
				y = 1
			}
			for j := range h {
				h[j] = 1 / (1 + math.Exp(-inner(w[j*n:(j+1)*n], x)))
				z += out[j] * h[j]
			}
			p := 1 / (1 + math.Exp(-z))
			loss -= e.weight * math.Log(max(1e-12, 1-math.Abs(y-p)))
			total += e.weight
			g := e.weight * (p - y)
			grad[size-1] += g
			for j := range h {
				grad[hidden*n+j] += g * h[j]
				dh[j] = g * out[j] * h[j] * (1 - h[j])
				for i, v := range x {
					grad[j*n+i] += dh[j] * v
				}
			}
		}
		return scale(grad, loss, total)
	})
	out := w[hidden*n:]
	slope, shift := sharpen(data, func(x []float64) float64 {
		z := out[hidden]
		for j := range hidden {
			z += out[j] / (1 + math.Exp(-inner(w[j*n:(j+1)*n], x)))
		}
		return z
	})
	for j := range out {
		out[j] *= slope
	}
	out[hidden] += shift
	fmt.Fprintf(os.Stderr, "answer: %d queries, sharpened %.2f %+.2f\n", len(data), slope, shift)
	var m network
	for j := range hidden {
		row := slices.Clone(w[j*n : (j+1)*n])
		for i := range row {
			row[i] *= sign[i]
		}
		m.Units = append(m.Units, unit{Weight: round(w[hidden*n+j]), Features: named(append(slices.Clone(answering), "bias"), row)})
	}
	m.Bias = round(w[size-1])
	return m
}

// sharpen fits a slope and a shift for the network's sum on the demo's kept-apart questions alone. The other worlds teach
// what matters, but paraphrases in them that nobody labelled make every right answer look doubtful.
func sharpen(data []example, sum func(x []float64) float64) (slope, shift float64) {
	var z, y []float64
	for _, e := range data {
		if e.asked {
			z = append(z, sum(e.x[0]))
			y = append(y, 0)
			if e.right[0] {
				y[len(y)-1] = 1
			}
		}
	}
	if len(z) == 0 {
		return 1, 0
	}
	w := descend([]float64{1, 0}, []float64{.1, math.Inf(-1)}, nil, func(w, grad []float64) float64 {
		loss := 0.0
		for i := range z {
			p := 1 / (1 + math.Exp(-w[0]*z[i]-w[1]))
			loss -= math.Log(max(1e-12, 1-math.Abs(y[i]-p)))
			grad[0] += (p - y[i]) * z[i]
			grad[1] += p - y[i]
		}
		return scale(grad, loss, float64(len(z)))
	})
	return w[0], w[1]
}

func scale(grad []float64, loss, total float64) float64 {
	for j := range grad {
		grad[j] /= total
	}
	return loss / total
}

// descend minimises f from start with Adam and a little weight decay, keeping each weight between its least and most;
// no most means no bound.
func descend(start, least, most []float64, f func(w, grad []float64) float64) []float64 {
	const steps, decay = 1200, 2e-5
	n := len(start)
	w, m, v := slices.Clone(start), make([]float64, n), make([]float64, n)
	for t := 1; t <= steps; t++ {
		grad := make([]float64, n)
		loss := f(w, grad)
		rate := .1 * (1 - float64(t)/(steps+1))
		for j := range w {
			g := grad[j] + decay*w[j]
			m[j] = .9*m[j] + .1*g
			v[j] = .999*v[j] + .001*g*g
			w[j] -= rate * (m[j] / (1 - math.Pow(.9, float64(t)))) / (math.Sqrt(v[j]/(1-math.Pow(.999, float64(t)))) + 1e-9)
			w[j] = max(w[j], least[j])
			if most != nil {
				w[j] = min(w[j], most[j])
			}
		}
		if t%400 == 0 {
			fmt.Fprintf(os.Stderr, "step %d loss %.5f\n", t, loss)
		}
	}
	return w
}

func inner(a, b []float64) float64 {
	s := 0.0
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func named(names []string, w []float64) map[string]float64 {
	m := map[string]float64{}
	for i, n := range names {
		m[n] = round(w[i])
	}
	return m
}

func round(x float64) float64 { return math.Round(x*1e3) / 1e3 }
