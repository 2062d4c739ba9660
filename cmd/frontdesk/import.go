package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/ops"
)

// ImportCmd imports.
type ImportCmd struct {
	Knowledge ImportKnowledgeCmd `cmd:"" help:"Questions and answers from CSV, XLSX or JSON lines."`
}

// ImportKnowledgeCmd is import knowledge.
type ImportKnowledgeCmd struct {
	Settings
	File   string `arg:"" help:"File to import."`
	Format string `placeholder:"FORMAT" help:"csv, xlsx or jsonl; otherwise the file's name tells, or its bytes."`
	Tenant string `placeholder:"ID" help:"Company the knowledge is for; needed when there are several."`
	Bot    string `placeholder:"ID" help:"Bot that learns it (default: ${default_bot})."`
	DryRun bool   `help:"Say what would happen and change nothing."`
}

// Run lets the server that holds the folder import, so that its answers know the new entries at once; without one it opens
// the folder itself. Bad rows are in the report and do not make the command fail, unless no row was good.
func (c *ImportKnowledgeCmd) Run(ctx context.Context, out *Output, g *Globals) error {
	cfg, err := c.Load(g)
	if err != nil {
		return err
	}
	args := ops.ImportArgs{Tenant: c.Tenant, Bot: c.Bot, Format: knowledge.Format(c.Format), DryRun: c.DryRun}
	switch args.Format {
	case "":
		args.Format = knowledge.FormatOf(c.File)
	case knowledge.CSV, knowledge.XLSX, knowledge.JSONL:
	default:
		return frontdesk.InvalidField("--format", "must be csv, xlsx or jsonl, not %q", c.Format)
	}
	file, err := os.Open(c.File)
	if err != nil {
		return frontdesk.InvalidField("FILE", "%v", err)
	}
	defer file.Close()

	report, err := c.importFile(ctx, out, cfg.Data, args, file, func() (knowledge.Report, error) {
		db, err := openDatabase(ctx, &cfg, out)
		if err != nil {
			return knowledge.Report{}, err
		}
		defer db.Close()
		staff, err := auth.NewService(db, nil)
		if err != nil {
			return knowledge.Report{}, err
		}
		return ops.ImportKnowledge(ctx, staff, knowledge.NewStore(db), args, file, out.Progress)
	})
	if err != nil {
		return err
	}
	if err := out.JSON(importResult{report, c.DryRun}); err != nil {
		return err
	}
	if report.Failed > 0 && report.Failed == report.Read {
		return errReported
	}
	return nil
}

// importFile runs here if nobody holds the folder, else it asks the holder.
func (c *ImportKnowledgeCmd) importFile(ctx context.Context, out *Output, dir string, args ops.ImportArgs, file *os.File, here func() (knowledge.Report, error)) (knowledge.Report, error) {
	lock, err := ops.LockFolder(dir)
	if held := new(ops.HeldError); errors.As(err, &held) {
		var report knowledge.Report
		err := ops.Call(ctx, dir, "import", args, file, &report, func(line string) { out.Progress("%s", line) })
		return report, err
	}
	if err != nil {
		return knowledge.Report{}, err
	}
	defer lock.Release()
	return here()
}

type importResult struct {
	knowledge.Report
	dry bool
}

// Text is the counts and a line a problem.
func (r importResult) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d rows read: %d added, %d changed, %d skipped, %d failed, in %.2f s (release %d)\n",
		r.Read, r.Added, r.Changed, r.Skipped, r.Failed, r.Seconds, r.Release)
	if r.dry {
		b.WriteString("This was a dry run: nothing was changed.\n")
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "row %d: %s\n", p.Row, strings.TrimLeft(p.Field+" "+p.Reason, " "))
	}
	if more := r.Failed - len(r.Problems); more > 0 {
		fmt.Fprintf(&b, "and %d more rows\n", more)
	}
	return b.String()
}
