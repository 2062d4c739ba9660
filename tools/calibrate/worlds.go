package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"frontdesk/internal/dialogue/knowledge"
)

// world is a knowledge base and questions to it, made from a training set. Queries without gold have no answer in it.
type world struct {
	name    string
	entries []knowledge.Entry
	queries []knowledge.Labelled
	weight  float64
	kinds   map[string][]knowledge.Labelled // queries again, by kind, where there are kinds
}

// worlds makes knowledge bases of many sizes and fields: the model must not learn one company's.
func worlds(eval, demo string, without []string) ([]world, error) {
	r := rand.New(rand.NewPCG(20, 26))
	use := func(name string) bool { return !slices.Contains(without, name) }
	var out []world
	var outside []string // questions that no knowledge base here answers, filled from the sets of other fields
	intents := map[string]map[string][]string{}
	for name, path := range map[string]string{"clinc150": "clinc150_train", "banking77": "banking77_train", "hwu64": "hwu64_train",
		"smp2019": "smp2019_zh_train", "fewjoint": "fewjoint_zh_train", "dialogflow": "dialogflow_zh_small-talk"} {
		if !use(name) {
			continue
		}
		rows, err := table(filepath.Join(eval, "intent", path+".tsv"))
		if err != nil {
			return nil, err
		}
		intents[name] = map[string][]string{}
		for _, row := range rows {
			intents[name][row["label"]] = append(intents[name][row["label"]], row["text"])
		}
	}
	if use("clinc150") {
		rows, err := table(filepath.Join(eval, "intent", "clinc150_oos_train.tsv"))
		if err != nil {
			return nil, err
		}
		for range 5 {
			for _, row := range rows {
				outside = append(outside, row["text"])
			}
		}
	}
	for _, name := range sortedKeys(intents) {
		if name == "banking77" { // a shop is asked such things
			continue
		}
		for _, label := range sortedKeys(intents[name]) {
			outside = append(outside, pick(r, intents[name][label], 8)...)
		}
	}
	for _, name := range sortedKeys(intents) {
		for range 3 {
			w := intentWorld(r, name, intents[name])
			w.weight = .2
			if name == "banking77" {
				w.queries = append(w.queries, unanswerable(pick(r, outside, len(w.queries)/4))...)
			}
			out = append(out, w)
		}
	}
	for _, name := range []string{"atec", "ccks", "stsb"} {
		if !use(name) {
			continue
		}
		file := map[string]string{"atec": "atec_train", "ccks": "ccks_train", "stsb": "stsb_zh_train"}[name]
		rows, err := table(filepath.Join(eval, "match", file+".tsv"))
		if err != nil {
			return nil, err
		}
		clusters := paraphrases(rows)
		for _, size := range []int{60, 250, 250, 250, 800} {
			w := clusterWorld(r, name, clusters, size)
			w.queries = append(w.queries, unanswerable(pick(r, outside, len(w.queries)/3))...)
			w.weight = .5
			out = append(out, w)
		}
	}
	if use("demo") {
		for _, lang := range []string{"zh", "en", "zh,en"} {
			for range 6 {
				w, err := demoWorld(r, demo, lang)
				if err != nil {
					return nil, err
				}
				w.queries = append(w.queries, unanswerable(pick(r, outside, len(w.queries)/3))...)
				w.weight = .6
				out = append(out, w)
			}
		}
		w, err := asked(demo, 0)
		if err != nil {
			return nil, err
		}
		w.weight = 9
		out = append(out, w)
	}
	return out, nil
}

// asked is the demo's whole knowledge, asked with the wordings and outside questions that are kept apart from it: those
// on even lines of their files (half 0) are learned from, those on odd lines (half 1) only measured with.
func asked(dir string, half int) (world, error) {
	w := world{name: "demo asked"}
	for _, lang := range []string{"zh", "en"} {
		entries, err := demoEntries(dir, lang)
		if err != nil {
			return w, err
		}
		w.entries = append(w.entries, entries...)
	}
	wordings, err := lines[struct {
		ID    string   `json:"id"`
		Usual []string `json:"usual"`
		Hard  []string `json:"hard"`
	}](filepath.Join(dir, "wordings.jsonl"))
	if err != nil {
		return w, err
	}
	outside, err := lines[struct {
		Text string `json:"text"`
		Kind string `json:"kind"`
	}](filepath.Join(dir, "outside.jsonl"))
	if err != nil {
		return w, err
	}
	w.kinds = map[string][]knowledge.Labelled{}
	add := func(kind, text string, gold ...string) {
		q := knowledge.Labelled{Text: text, Gold: gold}
		w.queries = append(w.queries, q)
		w.kinds[kind] = append(w.kinds[kind], q)
	}
	for i, x := range wordings {
		if i%2 != half {
			continue
		}
		for _, t := range x.Usual {
			add("inside, usual", t, x.ID)
		}
		for _, t := range x.Hard {
			add("inside, hard", t, x.ID)
		}
	}
	for i, x := range outside {
		if i%2 == half {
			add("outside, "+x.Kind, x.Text)
		}
	}
	return w, nil
}

func demoEntries(dir, lang string) ([]knowledge.Entry, error) {
	f, err := os.Open(filepath.Join(dir, "knowledge."+lang+".jsonl"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []knowledge.Entry
	err = knowledge.Parse(f, knowledge.JSONL, nil, func(row knowledge.Row) error {
		if row.Problem == nil {
			out = append(out, row.Entry)
		}
		return nil
	})
	return out, err
}

// intentWorld makes entries of some intents, a few wordings each, and asks with their other wordings and with the
// wordings of the intents that were left out.
func intentWorld(r *rand.Rand, name string, intents map[string][]string) world {
	w := world{name: name}
	for _, label := range sortedKeys(intents) {
		texts := pick(r, intents[label], 1<<30)
		if r.IntN(10) < 3 {
			w.queries = append(w.queries, unanswerable(texts[:min(6, len(texts))])...)
			continue
		}
		n := 3 + r.IntN(8)
		if len(texts) < n+2 {
			continue
		}
		w.entries = append(w.entries, knowledge.Entry{ID: label, Question: texts[0], Similar: texts[1:n]})
		for _, t := range texts[n:min(len(texts), n+6)] {
			w.queries = append(w.queries, knowledge.Labelled{Text: t, Gold: []string{label}})
		}
	}
	return w
}

// clusterWorld makes entries of groups of paraphrases and asks with one wording of each, and of groups left out.
func clusterWorld(r *rand.Rand, name string, clusters [][]string, size int) world {
	w := world{name: name}
	chosen := pick(r, clusters, size*3/2)
	for i, c := range chosen {
		c = pick(r, c, 6)
		id := fmt.Sprint(i)
		if i%3 == 0 { // left out, unless something nearly the same stays
			if !near(c[0], chosen) {
				w.queries = append(w.queries, unanswerable(c[:1])...)
			}
			continue
		}
		w.entries = append(w.entries, knowledge.Entry{ID: id, Question: c[1], Similar: c[2:]})
		w.queries = append(w.queries, knowledge.Labelled{Text: c[0], Gold: []string{id}})
	}
	return w
}

// demoWorld leaves one wording of each entry out and asks with it; of a quarter of the entries all are left out.
func demoWorld(r *rand.Rand, dir, langs string) (world, error) {
	w := world{name: "demo " + langs}
	for lang := range strings.SplitSeq(langs, ",") {
		entries, err := demoEntries(dir, lang)
		if err != nil {
			return w, err
		}
		for _, e := range entries {
			all := pick(r, append([]string{e.Question}, e.Similar...), 1<<30)
			if r.IntN(4) == 0 {
				w.queries = append(w.queries, unanswerable(all[:min(2, len(all))])...)
				continue
			}
			if len(all) > 1 {
				e.Question, e.Similar = all[1], all[2:]
				w.queries = append(w.queries, knowledge.Labelled{Text: all[0], Gold: []string{e.ID}})
			}
			w.entries = append(w.entries, e)
		}
	}
	return w, nil
}

// paraphrases joins texts that were labelled as the same question.
func paraphrases(rows []map[string]string) [][]string {
	parent := map[string]string{}
	var root func(t string) string
	root = func(t string) string {
		if p, ok := parent[t]; ok && p != t {
			parent[t] = root(p)
			return parent[t]
		}
		parent[t] = t
		return t
	}
	for _, row := range rows {
		if row["label"] == "1" || row["label"] == "5" {
			if a, b := root(row["s1"]), root(row["s2"]); a != b {
				parent[a] = b
			}
		}
	}
	groups := map[string][]string{}
	for _, t := range sortedKeys(parent) {
		groups[root(t)] = append(groups[root(t)], t)
	}
	var out [][]string
	for _, t := range sortedKeys(groups) {
		if n := len(groups[t]); n >= 2 && n <= 30 {
			out = append(out, groups[t])
		}
	}
	return out
}

// near reports whether a text of another group shares half of its pairs of characters with t: the label cannot be
// trusted that they ask for different things.
func near(t string, groups [][]string) bool {
	mine := grams(t)
	for _, g := range groups {
		if slices.Contains(g, t) {
			continue
		}
		for _, u := range g {
			both, other := 0, grams(u)
			for x := range other {
				if mine[x] {
					both++
				}
			}
			if 2*both >= len(mine)+len(other)-both {
				return true
			}
		}
	}
	return false
}

func grams(t string) map[string]bool {
	r, m := []rune(t), map[string]bool{}
	for i := 1; i < len(r); i++ {
		m[string(r[i-1:i+1])] = true
	}
	return m
}

func unanswerable(texts []string) []knowledge.Labelled {
	var out []knowledge.Labelled
	for _, t := range texts {
		out = append(out, knowledge.Labelled{Text: t})
	}
	return out
}

// pick takes up to n at random.
func pick[T any](r *rand.Rand, from []T, n int) []T {
	out := slices.Clone(from)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(n, len(out))]
}

func sortedKeys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// table reads a TSV file with a header.
func table(path string) ([]map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	var head []string
	var out []map[string]string
	for in.Scan() {
		cells := strings.Split(strings.TrimRight(in.Text(), "\r"), "\t")
		if head == nil {
			head = cells
			continue
		}
		row := map[string]string{}
		for i, h := range head {
			if i < len(cells) {
				row[h] = cells[i]
			}
		}
		out = append(out, row)
	}
	return out, in.Err()
}

// lines reads a file of JSON objects.
func lines[T any](path string) ([]T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []T
	for d := json.NewDecoder(f); d.More(); {
		var v T
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		out = append(out, v)
	}
	return out, nil
}
