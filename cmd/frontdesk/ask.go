package main

import (
	"context"
	"errors"
	"log/slog"

	"frontdesk/internal/app"
	"frontdesk/internal/ops"
)

// AskCmd asks the bot one question by the live turn's step. It stores nothing.
type AskCmd struct {
	Settings
	Text     string `arg:"" help:"What a customer would write."`
	Tenant   string `placeholder:"ID" help:"Company that is asked; needed when there are several."`
	Bot      string `placeholder:"ID" help:"Bot that is asked (default: ${default_bot})."`
	Language string `name:"lang" placeholder:"TAG" help:"Language to assume where the text does not tell."`
	Trace    bool   `help:"Say how the answer came about."`
}

// Run asks the server that holds the folder; without one it opens the folder itself.
func (c *AskCmd) Run(ctx context.Context, out *Output, g *Globals) error {
	cfg, err := c.Load(g)
	if err != nil {
		return err
	}
	args := app.AskArgs{Tenant: c.Tenant, Bot: c.Bot, Text: c.Text, Language: c.Language}
	if err := mustHaveData(&cfg); err != nil {
		return err
	}
	var answer app.Answer
	lock, err := ops.LockFolder(cfg.Data)
	if held := new(ops.HeldError); errors.As(err, &held) {
		if err := ops.Call(ctx, cfg.Data, "ask", args, nil, &answer, func(line string) { out.Progress("%s", line) }); err != nil {
			return err
		}
	} else if err != nil {
		return err
	} else {
		defer lock.Release()
		a, err := app.Open(ctx, app.Options{Config: cfg, Version: version, Log: slog.New(slog.NewTextHandler(out.Stderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if err != nil {
			return err
		}
		defer a.Close()
		tenant, err := a.PickTenant(ctx, args.Tenant)
		if err != nil {
			return err
		}
		if answer, err = a.Ask(ctx, tenant, args.Bot, args.Text, args.Language); err != nil {
			return err
		}
	}
	if !c.Trace {
		answer.Trace = nil
	}
	return out.JSON(answer)
}
