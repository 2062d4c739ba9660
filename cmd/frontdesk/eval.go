package main

import (
	"context"

	"frontdesk/internal/dialogue/knowledge"
)

// EvalCmd measures answering against labelled files.
type EvalCmd struct {
	Retrieve EvalRetrieveCmd `cmd:"" help:"Does the right entry come first, and is its probability honest?"`

	Intent  LaterCmd `cmd:"" help:"Intents (not part of this version)."`
	Match   LaterCmd `cmd:"" help:"Sentence pairs (not part of this version)."`
	Emotion LaterCmd `cmd:"" help:"Emotion (not part of this version)."`
	Tasks   LaterCmd `cmd:"" help:"Guided tasks (not part of this version)."`
}

// EvalRetrieveCmd is eval retrieve.
type EvalRetrieveCmd struct {
	Corpus  string `required:"" placeholder:"FILE" help:"Entries to search, as for import knowledge: JSON lines, CSV or XLSX."`
	Queries string `required:"" placeholder:"FILE" help:"TSV with the header: query, gold_id. Several ids are split by a bar; none means that nothing answers."`
}

// Run measures and prints the figures.
func (c *EvalRetrieveCmd) Run(ctx context.Context, out *Output) error {
	for flag, path := range map[string]string{"--corpus": c.Corpus, "--queries": c.Queries} {
		if err := mustRead(flag, path); err != nil {
			return err
		}
	}
	report, err := knowledge.EvalRetrieve(ctx, c.Corpus, c.Queries)
	if err != nil {
		return err
	}
	return out.JSON(report)
}
