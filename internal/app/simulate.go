package app

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
)

// historyVisits is how many visits the demo's month of history has.
const historyVisits = 400

// clock is the product's clock; the demo's history moves it.
type clock struct{ at atomic.Int64 }

// Now is the moved time, or the real one.
func (c *clock) Now() time.Time {
	if us := c.at.Load(); us != 0 {
		return frontdesk.FromMicros(us)
	}
	return time.Now()
}

// move sets the clock; the zero time lets it run again.
func (c *clock) move(t time.Time) {
	if t.IsZero() {
		c.at.Store(0)
		return
	}
	c.at.Store(t.UnixMicro())
}

// visit is a simulated customer in the middle of a script.
type visit struct {
	script   demo.Script
	line     int
	due      time.Time
	who      auth.Visitor
	lastSeq  int64
	agentSaw bool
}

// visits is ordered by what is due next.
type visits []*visit

func (v visits) Len() int           { return len(v) }
func (v visits) Less(i, j int) bool { return v[i].due.Before(v[j].due) }
func (v visits) Swap(i, j int)      { v[i], v[j] = v[j], v[i] }
func (v *visits) Push(x any)        { *v = append(*v, x.(*visit)) }
func (v *visits) Pop() any {
	old := *v
	x := old[len(old)-1]
	*v = old[:len(old)-1]
	return x
}

// demoHistory lets a month of simulated customers talk to the shop through the real path on a moved clock, so that there
// are traces, events and outcomes to look at.
func (a *App) demoHistory(ctx context.Context) (err error) {
	now := time.Now()
	defer a.clock.move(time.Time{})
	shop := demo.NewShop(demo.Seed, now)
	shop.Clock = a.clock.Now
	scripts := append(shop.Scripts(demo.Seed, historyVisits), shop.Waiting(demo.Seed)...)
	a.clock.move(scripts[0].At)

	// Patience is counted in real time, so that of the history is short; everything else is as in service.
	deps := a.conv.Deps
	deps.Timing.Wait = 2 * time.Millisecond
	deps.Actions = map[string]map[string]conversation.Action{demo.Tenant: {dialogue.OrderLookup: &orderLookup{demoShop(a.clock.Now)}}}
	s := &simulation{app: a, conv: conversation.New(deps), visitors: map[string]auth.Visitor{}}
	if s.staff, err = a.colleagues(ctx); err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.conv.Run(running) }()
	err = s.run(ctx, scripts, now)
	stop()
	return cmp.Or(err, <-done)
}

// simulation plays scripts one step at a time.
type simulation struct {
	app      *App
	conv     *conversation.Service
	visitors map[string]auth.Visitor
	staff    []frontdesk.Actor // in the order of demo.Staff
	cases    int               // conversations attended to
}

func (s *simulation) run(ctx context.Context, scripts []demo.Script, until time.Time) error {
	var queue visits
	for _, script := range scripts {
		heap.Push(&queue, &visit{script: script, due: script.At})
	}
	site, err := s.app.sites.Get(ctx, demo.Tenant, demo.SiteID)
	if err != nil {
		return err
	}
	look := scripts[0].At // when the shop's people look at the queue next
	for queue.Len() > 0 {
		v := heap.Pop(&queue).(*visit)
		if v.due.After(until) {
			continue // still under way now: not history
		}
		for !look.After(v.due) && look.Before(until.Add(-untouched)) {
			if err := s.meanwhile(ctx, look); err != nil {
				return err
			}
			if look, err = s.shift(ctx, look, site); err != nil {
				return fmt.Errorf("shift at %s: %w", look.Format(time.DateTime), err)
			}
		}
		if err := s.meanwhile(ctx, v.due); err != nil {
			return err
		}
		if err := s.step(ctx, v, site); err != nil {
			return fmt.Errorf("visit of %s: %w", v.script.At.Format(time.DateTime), err)
		}
		if v.line < len(v.script.Lines) {
			v.due = v.due.Add(max(v.script.Lines[v.line].Wait, time.Millisecond))
			heap.Push(&queue, v)
		}
	}
	return nil
}

// meanwhile lets happen what fell due: conversations gone quiet, reminders.
func (s *simulation) meanwhile(ctx context.Context, at time.Time) error {
	s.app.clock.move(at)
	timers := s.conv.Timers()
	for {
		if n, err := s.app.db.SweepTimers(ctx, timers); err != nil || n == 0 {
			return err
		}
	}
}

// step plays the next line and, where it ends in the queue while the desk is open, the agent.
func (s *simulation) step(ctx context.Context, v *visit, site channel.Site) (err error) {
	if v.who.Conversation == "" {
		if err := s.enter(ctx, v); err != nil {
			return err
		}
	}
	open := site.Open(v.due)
	if open {
		s.conv.StaffSeen(demo.Tenant, s.staff[0].ID)
	}
	line := v.script.Lines[v.line]
	v.line++
	defer func() {
		if err == nil && v.agentSaw && v.line == len(v.script.Lines) {
			err = s.part(ctx, v)
		}
	}()
	if line.Rate != nil {
		return s.rate(ctx, v, line.Rate)
	}
	if line.Call && v.agentSaw {
		return nil
	}
	text, err := compliance.Clean(line.Text)
	if err != nil {
		return err
	}
	v.lastSeq, err = s.conv.Accept(ctx, conversation.Inbound{Tenant: demo.Tenant, Site: demo.SiteID, Conversation: v.who.Conversation,
		Visitor: v.who.Visitor, ClientID: frontdesk.NewID(), Content: frontdesk.TextContent(text)})
	if err != nil {
		return err
	}
	if v.line < len(v.script.Lines) && v.script.Lines[v.line].Burst {
		return nil // the rest of it comes before the bot has looked
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	if open && !v.agentSaw && len(v.script.Agent) > 0 {
		return s.agent(ctx, v)
	}
	return nil
}

func (s *simulation) enter(ctx context.Context, v *visit) error {
	if who, ok := s.visitors[v.script.Visitor]; ok {
		v.who = who
		return nil
	}
	external, name := "", ""
	if c := v.script.Customer; c != nil {
		external, name = c.Subject(), c.Name
	}
	v.who = auth.Visitor{Tenant: demo.Tenant, Site: demo.SiteID}
	var err error
	v.who.Visitor, v.who.Contact, v.who.Conversation, err = s.conv.Open(ctx, demo.Tenant, demo.SiteID, external, name, v.script.Lang)
	s.visitors[v.script.Visitor] = v.who
	return err
}

// settle waits until nothing is under way on this node.
func (s *simulation) settle(ctx context.Context) error {
	deadline := time.Now().Add(30 * time.Second)
	for s.conv.Busy(ctx) {
		if time.Now().After(deadline) {
			return fmt.Errorf("turns do not end")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Microsecond):
		}
	}
	return nil
}

// agent takes the conversation if it waits, says what the script has for it, and closes.
func (s *simulation) agent(ctx context.Context, v *visit) error {
	c, err := s.conv.Get(ctx, demo.Tenant, v.who.Conversation)
	if err != nil || c.Owner != conversation.OwnerQueue {
		return err
	}
	v.agentSaw = true
	at := v.due.Add(40 * time.Second)
	s.app.clock.move(at)
	ctx = s.as(ctx, v.script.By)
	if _, err := s.conv.Take(ctx, demo.Tenant, c.ID, false); err != nil {
		return err
	}
	for _, text := range v.script.Agent {
		at = at.Add(35 * time.Second)
		s.app.clock.move(at)
		if _, err := s.conv.Reply(ctx, demo.Tenant, c.ID, "", frontdesk.TextContent(text)); err != nil {
			return err
		}
	}
	v.due = at // what the customer writes next comes after it
	return nil
}

// part ends a conversation that an agent still has when the customer has said all.
func (s *simulation) part(ctx context.Context, v *visit) error {
	c, err := s.conv.Get(ctx, demo.Tenant, v.who.Conversation)
	if err != nil || c.Owner != conversation.OwnerAgent {
		return err
	}
	s.app.clock.move(s.app.clock.Now().Add(20 * time.Second))
	_, err = s.conv.Close(s.as(ctx, v.script.By), demo.Tenant, c.ID, true)
	return err
}

// rate says whether the last answer helped.
func (s *simulation) rate(ctx context.Context, v *visit, r *demo.Rating) error {
	list, err := s.conv.History(ctx, demo.Tenant, v.who.Conversation, 1<<60, 10, conversation.ForCustomer)
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].From == conversation.ByBot || list[i].From == conversation.ByAgent {
			return s.conv.Rate(ctx, demo.Tenant, v.who.Conversation, list[i].Seq, r.Solved, r.Reason)
		}
	}
	return nil
}

// demoTraffic lets simulated customers come while the server runs, more of them when the shop is busy.
func (a *App) demoTraffic(ctx context.Context) error {
	const perHour = 120
	var under sync.WaitGroup // visits end with ctx, too
	defer under.Wait()
	for round := int64(1); ; round++ {
		shop := demo.NewShop(demo.Seed, time.Now())
		for _, script := range shop.Scripts(demo.Seed+round, 200) {
			pause := time.Duration(float64(time.Hour) / perHour / max(demo.Busyness(time.Now()), 0.2))
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			under.Go(func() { a.liveVisit(ctx, script) })
		}
	}
}

// liveVisit plays a script at its own pace, as one more customer.
func (a *App) liveVisit(ctx context.Context, script demo.Script) {
	s := &simulation{app: a, conv: a.conv, visitors: map[string]auth.Visitor{}}
	v := &visit{script: script}
	if err := s.enter(ctx, v); err != nil {
		a.Log.Warn("demo visit failed", "error", err)
		return
	}
	for _, line := range script.Lines {
		select {
		case <-ctx.Done():
			return
		case <-time.After(line.Wait):
		}
		var err error
		if line.Rate != nil {
			err = s.rate(ctx, v, line.Rate)
		} else if strings.TrimSpace(line.Text) != "" {
			_, err = a.conv.Accept(ctx, conversation.Inbound{Tenant: demo.Tenant, Site: demo.SiteID, Conversation: v.who.Conversation,
				Visitor: v.who.Visitor, ClientID: frontdesk.NewID(), Content: frontdesk.TextContent(line.Text)})
		}
		if err != nil && ctx.Err() == nil {
			a.Log.Warn("demo visit failed", "error", err)
			return
		}
	}
}
