package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"frontdesk/internal/dialogue/knowledge"
)

// check measures the model in use on the wordings and outside questions that the demo keeps apart from its knowledge:
// nothing was learned from them.
func check(demo string, m file) error {
	var entries []knowledge.Entry
	for _, lang := range []string{"zh", "en"} {
		f, err := os.Open(filepath.Join(demo, "knowledge."+lang+".jsonl"))
		if err != nil {
			return err
		}
		err = knowledge.Parse(f, knowledge.JSONL, nil, func(row knowledge.Row) error {
			if row.Problem == nil {
				entries = append(entries, row.Entry)
			}
			return nil
		})
		f.Close()
		if err != nil {
			return err
		}
	}
	wordings, err := lines[struct {
		ID       string   `json:"id"`
		Wordings []string `json:"wordings"`
	}](filepath.Join(demo, "wordings.jsonl"))
	if err != nil {
		return err
	}
	outside, err := lines[struct {
		Text string `json:"text"`
		Kind string `json:"kind"`
	}](filepath.Join(demo, "outside.jsonl"))
	if err != nil {
		return err
	}
	var inside, all []knowledge.Labelled
	for _, w := range wordings {
		for _, t := range w.Wordings {
			inside = append(inside, knowledge.Labelled{Text: t, Gold: []string{w.ID}})
		}
	}
	kinds := map[string][]knowledge.Labelled{}
	for _, o := range outside {
		kinds[o.Kind] = append(kinds[o.Kind], knowledge.Labelled{Text: o.Text})
		all = append(all, knowledge.Labelled{Text: o.Text})
	}
	ix := knowledge.Build(entries)
	kinds["inside"], kinds["all"] = inside, append(all, inside...)
	for _, k := range sortedKeys(kinds) {
		r, err := knowledge.Evaluate(context.Background(), ix, kinds[k])
		if err != nil {
			return err
		}
		b, _ := json.Marshal(r)
		fmt.Println(k, string(b))
	}
	return nil
}
