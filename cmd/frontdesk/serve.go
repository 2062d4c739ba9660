package main

import (
	"context"
	"fmt"
	"log/slog"

	"frontdesk/demo"
	"frontdesk/internal/app"
	"frontdesk/internal/config"
)

// ServeCmd runs the server.
type ServeCmd struct {
	Settings
	Listen       string `placeholder:"ADDR" help:"Address of the web server, HOST:PORT."`
	Demo         bool   `help:"Load the demo company into the data folder if it is not there."`
	DemoTraffic  bool   `help:"Simulated customers of the demo company arrive while the server runs."`
	BenchEntries int    `hidden:"" help:"Synthetic knowledge entries beside the demo's."`
}

// Run serves until it is told to stop.
func (c *ServeCmd) Run(ctx context.Context, out *Output, g *Globals) error {
	var more []config.Flag
	if c.Listen != "" {
		more = append(more, config.Flag{Name: "--listen", Key: "listen", Value: c.Listen})
	}
	if c.Demo || c.DemoTraffic {
		more = append(more, config.Flag{Name: "--demo", Key: "demo.enabled", Value: "true"})
	}
	if c.DemoTraffic {
		more = append(more, config.Flag{Name: "--demo-traffic", Key: "demo.traffic", Value: "true"})
	}
	cfg, err := c.Load(g, more...)
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return err
	}
	opts := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(out.Stderr(), opts)
	if cfg.Log.Format == "json" {
		handler = slog.NewJSONHandler(out.Stderr(), opts)
	}
	return app.Run(ctx, app.Options{
		Config: cfg, Version: version, Log: slog.New(handler), BenchEntries: c.BenchEntries,
		Ready: func(addr string, fresh bool) {
			out.Progress("Frontdesk %s is ready at http://%s", version, addr)
			if fresh {
				out.Progress("  nobody can sign in yet: open it now, the first page creates the owner")
			}
			if !cfg.Demo.Enabled {
				return
			}
			out.Progress("  the demo shop, with its chat: http://%s/demo/", addr)
			out.Progress("  the desk:                     http://%s/", addr)
			for _, p := range demo.Staff {
				out.Progress("    %s", fmt.Sprintf("%-12s %-26s %s", p.Role, p.Email, p.Password))
			}
		},
	})
}
