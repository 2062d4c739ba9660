package app

import (
	"context"
	"os"

	"frontdesk/internal/conversation"
	"frontdesk/internal/ops"
	"frontdesk/internal/outbox"
)

// AskArgs are the ask command's arguments on the admin socket.
type AskArgs struct {
	Tenant   string `json:"tenant"`
	Bot      string `json:"bot"`
	Text     string `json:"text"`
	Language string `json:"language"`
}

// measure connects the parts' counters to the metrics.
func (a *App) measure() {
	m := ops.NewMetrics(a.Version)
	a.metrics = m
	m.Database(a.db)
	s := a.conv.Stats()
	m.Count("frontdesk_messages_accepted_total", "Customer messages stored.", s.Accepted.Load)
	m.Count("frontdesk_messages_duplicate_total", "Customer messages sent again and stored once.", s.Duplicates.Load)
	m.Count("frontdesk_messages_refused_total", "Customer messages refused because too many turns were waiting.", s.Refused.Load)
	m.Count("frontdesk_messages_limited_total", "Customer messages refused by a rate.", a.gateway.Refused.Load)
	m.Count("frontdesk_turns_total", "Turns committed.", s.Turns.Load)
	m.Count("frontdesk_turns_lost_total", "Turns whose claim was taken over before they committed.", s.Lost.Load)
	m.Count("frontdesk_turns_failed_total", "Tries of a turn that failed and were tried again.", s.Failed.Load)
	m.Count("frontdesk_effects_total", "Calls of actions.", s.Effects.Load)
	m.Gauge("frontdesk_turns_pending", "Turns that wait or run.", func() float64 { return float64(a.conv.Pending()) })
	m.Gauge("frontdesk_sockets", "Open visitor sockets.", func() float64 { return float64(a.gateway.Sockets()) })
	m.Gauge("frontdesk_watchers", "Watchers of conversations.", func() float64 { return float64(a.hub.Watchers()) })
	m.Gauge("frontdesk_bus_connected", "1 when hints get through.", func() float64 {
		if a.bus.Connected() {
			return 1
		}
		return 0
	})
	m.CountBy("frontdesk_rungs_total", "Questions and handovers by the rung of the ladder that served them.", "rung", s.Rungs.Counts)
	a.conv.Meter = conversation.Meter{
		Ack:    m.Histogram("frontdesk_ack_seconds", "A customer's message from its arrival to its commit."),
		Turn:   m.Histogram("frontdesk_turn_seconds", "From the commit of a customer's message to that of the reply."),
		Action: m.Histogram("frontdesk_action_seconds", "Calls of actions."),
	}
	m.CountBy("frontdesk_removed_total", "Rows removed because they were too old.", "kind", a.retainer.Removed)
	m.GaugeBy("frontdesk_outbox_items", "Items on their way out.", "state", func(ctx context.Context) (map[string]int64, error) {
		b, err := outbox.Measure(ctx, a.db)
		return map[string]int64{"ready": b.Ready, "dead": b.Dead}, err
	})
}

// adminCommands adds what other commands ask of the process that holds the folder.
func (a *App) adminCommands() {
	a.admin = ops.NewAdmin(a.Log)
	a.admin.HandleBackup(ops.BackupOptions{Dir: a.Config.Data, DB: a.db, URL: string(a.Config.Database.URL), Key: a.master, Version: a.Version})
	a.admin.HandleHealth(a.health)
	a.admin.HandleImport(a.staff, a.store)
	a.admin.HandleDrain(a.health, func() {
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			if err := p.Signal(os.Interrupt); err != nil {
				a.Log.Error("stop signal failed", "error", err)
			}
		}
	})
	a.admin.Handle("ask", func(ctx context.Context, r ops.Request) (any, error) {
		var args AskArgs
		if err := r.Decode(&args); err != nil {
			return nil, err
		}
		tenant, err := ops.PickTenant(ctx, a.staff, args.Tenant)
		if err != nil {
			return nil, err
		}
		return a.Ask(ctx, tenant, args.Bot, args.Text, args.Language)
	})
}

// PickTenant is the tenant a command means; see ops.PickTenant.
func (a *App) PickTenant(ctx context.Context, name string) (string, error) {
	return ops.PickTenant(ctx, a.staff, name)
}
