package main

import (
	"context"
	"fmt"

	"frontdesk/internal/dialogue/knowledge"
)

// check measures the model in use on the half of the demo's kept-apart questions that nothing was learned from.
func check(demo string) error {
	w, err := asked(demo, 1)
	if err != nil {
		return err
	}
	ix := knowledge.Build(w.entries)
	w.kinds["all"] = w.queries
	for _, k := range sortedKeys(w.kinds) {
		r, err := knowledge.Evaluate(context.Background(), ix, w.kinds[k])
		if err != nil {
			return err
		}
		fmt.Printf("%-18s n %4d  first right %.3f  in five %.3f  answered %.3f  of those right %.3f  asked back %.3f  auroc %.3f  ece %.3f\n",
			k, r.N, r.RecallAt1, r.RecallAt5, r.Answered, r.Precision, r.Clarified, r.AUROC, r.ECE)
	}
	return nil
}
