package main

import (
	"context"
	"os"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/load"
)

// BenchDeskCmd is bench desk.
type BenchDeskCmd struct {
	BenchPlace
	Agents        int     `default:"500" help:"Consoles to connect."`
	Conversations int     `default:"20000" help:"Open conversations."`
	Rate          float64 `default:"20" help:"Messages a second while changes are measured."`
	Seconds       float64 `default:"20" help:"How long changes are measured."`
}

// Run measures consoles. It fails when a list missed a change, with the figures printed.
func (c *BenchDeskCmd) Run(ctx context.Context, out *Output) error {
	switch {
	case c.Agents < 10 || c.Agents > 2000:
		return frontdesk.InvalidField("--agents", "must be 10 to 2000")
	case c.Conversations < 5*c.Agents || c.Conversations > 1_000_000:
		return frontdesk.InvalidField("--conversations", "must be five for each agent to 1000000")
	case c.Rate < 1 || c.Rate > 500:
		return frontdesk.InvalidField("--rate", "must be 1 to 500")
	case c.Seconds < 1 || c.Seconds > 600:
		return frontdesk.InvalidField("--seconds", "must be 1 to 600")
	}
	report, err := load.Desk(ctx, load.DeskOptions{Common: c.common(out, demoWordings()), Agents: c.Agents, Conversations: c.Conversations,
		Rate: c.Rate, Seconds: c.Seconds, Email: demo.Staff[0].Email, Password: demo.Staff[0].Password, Consoles: []string{"bench", "agents"}})
	if err != nil {
		return err
	}
	return safe(out, report, report.Missed)
}

// BenchAgentsCmd is the consoles' process.
type BenchAgentsCmd struct{}

// Run serves until standard input ends.
func (c *BenchAgentsCmd) Run() error { return load.ServeAgents(os.Stdin, os.Stdout) }
