package load

import (
	"context"
	"fmt"
	"time"
)

// DeskOptions are the settings of Desk.
type DeskOptions struct {
	Common
	Agents        int
	Conversations int
	Rate          float64 // messages a second while changes are measured
	Seconds       float64
	Email         string // of an owner of the demo company
	Password      string
	Consoles      []string // arguments of this program that lead to ServeAgents
}

// DeskReport is the result of Desk. Changes count from a customer's sending of a message to each list that shows it, so the
// path of the message is in them. Idle is all of the server's processor time while nobody writes, the pings of the consoles
// included. Memory is resident set over resident set.
type DeskReport struct {
	Agents        int       `json:"agents"`
	Conversations int       `json:"conversations"`
	List          Quantiles `json:"list_ms"`
	Change        Quantiles `json:"change_ms"`
	Changes       int       `json:"changes"`
	Missed        int       `json:"missed"`
	IdleCPU       float64   `json:"idle_cpu_percent"`
	IdleWithout   float64   `json:"idle_without_percent"` // the same with no console connected
	KBPerAgent    float64   `json:"kb_per_agent"`
}

const (
	listRounds  = 400
	idleSeconds = 30.0
)

// Desk opens many consoles on many open conversations, and measures lists, news and idleness.
func Desk(ctx context.Context, opt DeskOptions) (report DeskReport, err error) {
	shop, err := opt.company(ctx, "desk", 0)
	if err != nil {
		return report, err
	}
	defer shop.drop()
	server := shop.server
	defer func() {
		if err != nil {
			err = server.blame(err)
		}
		server.Stop()
	}()
	desk, err := startRemote(ctx, "Agents", opt.Log, loaderEnv, opt.Consoles...)
	if err != nil {
		return report, err
	}
	defer desk.Close()
	report.Conversations = opt.Conversations
	step := func(what, method string, in, out any) {
		if err != nil {
			return
		}
		began := time.Now()
		if err = desk.Call(ctx, method, in, out); err == nil {
			opt.say("%s in %.1f s", what, time.Since(began).Seconds())
		}
	}
	step("ready", "Open", AgentsOptions{Addr: server.Addr, Site: "demo", Email: opt.Email, Password: opt.Password, Wordings: opt.Wordings, Seed: 1}, nil)
	step(fmt.Sprintf("%d conversations opened", opt.Conversations), "Customers", opt.Conversations, nil)
	step(fmt.Sprintf("%d agents hired", opt.Agents), "Hire", opt.Agents, nil)
	if err != nil {
		return report, err
	}
	before, err := opt.settledRSS(ctx, server)
	if err != nil {
		return report, err
	}
	report.IdleWithout, err = idleCPU(server.Pid, func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(seconds(idleSeconds)):
			return nil
		}
	})
	step("consoles connected", "Connect", None{}, &report.Agents)
	if err != nil {
		return report, err
	}
	after, err := opt.settledRSS(ctx, server)
	if err != nil {
		return report, err
	}
	report.KBPerAgent = round(float64(after-before) / 1024 / float64(opt.Agents))

	report.IdleCPU, err = idleCPU(server.Pid, func() error { return desk.Call(ctx, "Idle", idleSeconds, nil) })

	var lists Histogram
	step("lists opened", "Lists", listRounds, &lists)
	report.List = lists.Quantiles()
	var changes Changes
	step("changes shown", "Change", Pace{Rate: opt.Rate, Seconds: opt.Seconds}, &changes)
	report.Change, report.Changes, report.Missed = changes.Reach.Quantiles(), changes.Sent, changes.Missed
	opt.say("%d frames to consoles for %d changes", changes.Frames, changes.Sent)
	return report, err
}

// idleCPU is the share of one processor, in percent, that a process uses while something lasts.
func idleCPU(pid int, wait func() error) (float64, error) {
	before, err := CPU(pid)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := wait(); err != nil {
		return 0, err
	}
	length := time.Since(began)
	after, err := CPU(pid)
	return round(100 * (after - before).Seconds() / length.Seconds()), err
}
