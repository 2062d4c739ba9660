// Package app puts the product together in the order of a message's path and runs it.
//
// A node starts in the order database, key, vault, knowledge, conversations, edges, and stops the other way round: first
// it tells clients to come back later, then it finishes the turns of those it has acknowledged, then it closes the
// database. Losing the process at any point loses nothing that was acknowledged.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"syscall"
	"time"

	"frontdesk"
	"frontdesk/console"
	"frontdesk/demo"
	"frontdesk/demo/storefront"
	"frontdesk/internal/api"
	"frontdesk/internal/auth"
	"frontdesk/internal/blob"
	"frontdesk/internal/bus"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/config"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/gateway"
	"frontdesk/internal/insight"
	"frontdesk/internal/netguard"
	"frontdesk/internal/ops"
	"frontdesk/internal/outbox"
	"frontdesk/internal/search"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/webhook"
	"frontdesk/widget"

	"golang.org/x/sync/errgroup"
)

// Options are what a node is started with.
type Options struct {
	Config  config.Config
	Version string
	Log     *slog.Logger
	// Ready is called once the node listens, with its address and whether it waits for the first page to make an owner.
	Ready func(addr string, fresh bool)
	// BenchEntries adds synthetic knowledge to the demo tenant, for the bench command.
	BenchEntries int
}

// App is a node's parts.
type App struct {
	Options
	clock    clock
	noSync   bool
	db       *sqldb.DB
	master   []byte
	bus      *bus.Bus
	vault    *compliance.Vault
	checker  *compliance.Checker
	store    *knowledge.Store
	sites    *channel.Sites
	staff    *auth.Service
	visitors *auth.Visitors
	blobs    *blob.Store
	hub      *delivery.Hub
	conv     *conversation.Service
	presence *presence
	names    *names
	live     *live
	tickets  *auth.Tickets
	rooms    *delivery.Rooms
	retainer *sqldb.Retainer
	insight  *insight.Insight
	search   *search.Search
	shop     func() *demo.Shop
	hooks    *webhook.Service
	outbox   *outbox.Worker
	gateway  *gateway.Gateway
	metrics  *ops.Metrics
	health   *ops.Health
	admin    *ops.Admin
}

// Run starts a node and serves until ctx ends. It refuses a folder that another process serves.
func Run(ctx context.Context, o Options) error {
	lock, err := ops.LockFolder(o.Config.Data)
	if err != nil {
		return err
	}
	defer lock.Release()
	// Listening early lets a probe see the process while a database is waited for; it is ready only later.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Config.Listen)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return frontdesk.InvalidField("listen", "another program listens at %s already; give another address, such as --listen 127.0.0.1:8090", o.Config.Listen)
		}
		return frontdesk.InvalidField("listen", "%v", err)
	}
	a := &App{Options: o, health: &ops.Health{}}
	door := &door{health: a.health}
	// Requests end with the edge: a long poll answers at once, and whatever else waits says so.
	requests, endRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer endRequests()
	server := &http.Server{Handler: door, BaseContext: func(net.Listener) context.Context { return requests }, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer server.Close()

	if o.Config.Demo.Enabled {
		if err := seedDemo(ctx, o); err != nil {
			return fmt.Errorf("load the demo company: %w", err)
		}
	}
	if err := a.open(ctx); err != nil {
		return err
	}
	defer a.close()
	if err := errors.Join(a.retain(ctx), a.erased(ctx)); err != nil {
		return err
	}
	handler, err := a.handler()
	if err != nil {
		return err
	}
	door.open(handler)
	if o.Ready != nil {
		fresh, err := a.staff.NeedsSetup(ctx)
		if err != nil {
			return err
		}
		o.Ready(listener.Addr().String(), fresh)
	}
	return a.serve(ctx, served, func(grace context.Context) error {
		endRequests()
		err := server.Shutdown(grace)
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil
		}
		err = errors.Join(err, server.Close())
		door.shut()
		a.gateway.Wait()
		return err
	})
}

// Open connects to everything a node works on, without serving. Close it with Close.
func Open(ctx context.Context, o Options) (*App, error) {
	a := &App{Options: o, health: &ops.Health{}}
	return a, a.open(ctx)
}

// Close lets go of what Open holds.
func (a *App) Close() { a.close() }

func (a *App) open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	c := a.Config
	if a.db, err = a.database(ctx); err != nil {
		return err
	}
	if a.master, err = compliance.LoadMasterKey(ctx, a.db, c.Data, string(c.MasterKey)); err != nil {
		return err
	}
	if a.vault, err = compliance.OpenVault(ctx, a.db, a.master); err != nil {
		return err
	}
	if a.checker, err = compliance.NewChecker(ctx, a.db, a.Log); err != nil {
		return err
	}
	if a.bus, err = bus.Open(string(c.NATS.URL), a.Log); err != nil {
		return err
	}
	if a.sites, err = channel.NewSites(a.db, a.master); err != nil {
		return err
	}
	if a.staff, err = auth.NewService(a.db, a.Log); err != nil {
		return err
	}
	if a.visitors, err = auth.NewVisitors(a.master); err != nil {
		return err
	}
	a.store = knowledge.NewStore(a.db)
	a.store.Log = a.Log
	if a.blobs, err = blob.New(a.db, c.Data, blob.Limits{Bytes: int64(c.Limits.UploadBytes)}); err != nil {
		return err
	}
	if a.hub, err = delivery.New(a.bus, a.Log); err != nil {
		return err
	}
	a.shop = demoShop(a.db.Now)
	a.conv = conversation.New(conversation.Deps{
		DB: a.db, Vault: a.vault, Checker: a.checker, Releases: releases{a.store}, Sites: a.sites, Notify: a.hub, Log: a.Log, Attachments: a.blobs,
		Actions:  map[string]map[string]conversation.Action{demo.Tenant: {dialogue.OrderLookup: &orderLookup{a.shop}}},
		Timing:   conversation.Timing{Wait: c.Turn.Wait, IdleClose: c.Conv.IdleClose, ActionTime: conversation.DefaultTiming.ActionTime},
		MaxTurns: c.Limits.QueueDepth,
	})
	a.names = &names{staff: a.staff}
	a.hub.SetLog(a.conv)
	a.hub.SetNames(a.names.fill)
	a.insight = insight.New(a.db)
	a.search = search.New(a.db, searched{a.conv})
	policy, err := netguard.ParsePolicy(c.Outbound.Allow)
	if err != nil {
		return err
	}
	a.hooks = webhook.New(a.db, a.vault, policy)
	a.outbox = outbox.NewWorker(a.db, map[string]outbox.Sender{webhook.Channel: a.hooks.Send}, outbox.Options{Log: a.Log})
	a.presence = &presence{bus: a.bus, conv: a.conv, told: map[string]time.Time{}}
	sockets, err := a.openLive()
	if err != nil {
		return err
	}
	a.gateway, err = gateway.New(gateway.Deps{Conversations: a.conv, Hub: a.hub, Sites: a.sites, Visitors: a.visitors, Blobs: a.blobs,
		ServeBlob: a.serveBlob, Desk: sockets, Names: a.names.shown, Config: c, Log: a.Log})
	if err != nil {
		return err
	}
	return a.hints()
}

// database opens the database. PostgreSQL that is not there yet is waited for; a refusal that waiting will not mend is not.
func (a *App) database(ctx context.Context) (*sqldb.DB, error) {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		db, err := sqldb.Open(ctx, sqldb.Options{Dir: a.Config.Data, URL: string(a.Config.Database.URL), Log: a.Log, Now: a.clock.Now, NoSync: a.noSync})
		if err == nil || frontdesk.KindOf(err) != frontdesk.Unavailable {
			return db, err
		}
		a.Log.Warn("database not reachable, waiting", "pause", pause, "error", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// hints connects the bus to those who only go faster by it.
func (a *App) hints() error {
	if a.bus.Alone() {
		return nil
	}
	err := a.bus.Subscribe("events.committed", func(string, []byte) { a.db.Wake() })
	return errors.Join(err, a.presence.listen())
}

// erased sees before anything is served that nobody who was erased has come back with an older database.
func (a *App) erased(ctx context.Context) error {
	n, err := ops.KeepLedger(ctx, a.db, a.Config.Data)
	if n > 0 {
		a.Log.Warn("people in the ledger of erasures were in the database, and are erased again", "count", n)
	}
	return errors.Join(err, a.conv.FinishErasures(ctx))
}

// erase forgets a customer. The ledger on the disk is brought up to date at once: what the database knows of it is of no use
// once an older one is put in its place.
func (a *App) erase(ctx context.Context, tenant, contact string) error {
	if err := a.conv.Erase(ctx, tenant, contact); err != nil {
		return err
	}
	_, err := ops.KeepLedger(ctx, a.db, a.Config.Data)
	return err
}

// retain says what is removed when it is too old.
func (a *App) retain(ctx context.Context) (err error) {
	keep := a.Config.Retention
	a.retainer, err = a.db.Retain(ctx, []sqldb.Retention{
		{Kind: "events", Keep: keep.Events, Remove: a.db.ForgetEvents},
		{Kind: "traces", Keep: keep.Traces, Remove: conversation.ForgetTraces},
		{Kind: "effects", Keep: keep.Effects, Remove: conversation.ForgetEffects},
		{Kind: "deliveries", Keep: keep.Deliveries, Remove: outbox.Forget},
		{Kind: "answers", Keep: keep.Answers, Remove: api.ForgetAnswers},
		{Kind: "nodes", Keep: keep.Nodes, Remove: a.conv.ForgetNodes},
	})
	return err
}

// tellOthers passes on that events were committed here, at most every few milliseconds.
func (a *App) tellOthers(ctx context.Context) error {
	if a.bus.Alone() {
		<-ctx.Done()
		return nil
	}
	committed := a.db.Committed()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-committed:
			committed = a.db.Committed() // before the pause: what comes in it is told after it
			a.bus.Publish("events.committed", nil)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// serve runs the node. The order of the stop is the reverse of what depends on what: edges, then turns, then the rest.
// leave ends all requests and returns when none is served any more; the context is how long it may be patient.
func (a *App) serve(ctx context.Context, served <-chan error, leave func(grace context.Context) error) error {
	edge, stopEdge := context.WithCancel(ctx)
	defer stopEdge()
	turns, stopTurns := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTurns()
	side, stopSide := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSide()

	var edges, path, sides errgroup.Group
	fail := func(name string, f func() error) func() error {
		return func() error {
			if err := f(); err != nil {
				stopEdge() // one part's end is the node's
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		}
	}
	path.Go(fail("conversations", func() error { return a.conv.Run(turns) }))
	sides.Go(fail("timers", func() error { return a.db.RunTimers(side, a.retainer.Timers(a.conv.Timers())) }))
	sides.Go(fail("event sequence", func() error { return a.db.Sequence(side) }))
	sides.Go(fail("knowledge", func() error { return a.store.Run(side) }))
	sides.Go(fail("imports", func() error { return a.store.RunImports(side) }))
	sides.Go(fail("rules", func() error { return a.checker.Run(side) }))
	sides.Go(fail("figures", func() error { return a.db.RunConsumer(side, a.insight.Consumer()) }))
	sides.Go(fail("counted conversations", func() error { return a.db.RunConsumer(side, a.insight.Drill()) }))
	sides.Go(fail("search", func() error { return a.db.RunConsumer(side, a.search.Consumer()) }))
	sides.Go(fail("webhooks", func() error { return a.db.RunConsumer(side, a.hooks.Consumer()) }))
	sides.Go(fail("outbox", func() error { return a.outbox.Run(side) }))
	sides.Go(fail("attachments", func() error { return a.blobs.Run(side, a.Log) }))
	sides.Go(fail("hints", func() error { return a.tellOthers(side) }))
	sides.Go(fail("changes", func() error { return a.hub.Poll(side, a.conv.Heads) }))
	sides.Go(fail("event log", func() error { return a.live.run(side) }))
	sides.Go(fail("staff's lists", func() error { return a.live.feed.Run(side) }))
	sides.Go(fail("staff's presence", func() error { return a.rooms.Run(side) }))
	edges.Go(fail("sockets", func() error { return a.gateway.Run(edge) }))
	edges.Go(fail("admin socket", func() error { return a.admin.Run(edge, a.Config.Data) }))
	if a.Config.Demo.Traffic {
		edges.Go(fail("demo traffic", func() error { return a.demoTraffic(edge) }))
	}
	// What was only needed to start is given back to the machine.
	debug.FreeOSMemory()

	var first error
	select {
	case <-edge.Done():
	case err := <-served:
		first = fmt.Errorf("web server: %w", err)
	}
	a.Log.Info("stopping")
	a.health.Drain()
	a.gateway.Drain()
	stopEdge()
	errs := []error{first, edges.Wait()}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.Config.HTTP.Drain)
	defer cancel()
	errs = append(errs, leave(grace))
	stopTurns()
	errs = append(errs, path.Wait())
	stopSide()
	errs = append(errs, sides.Wait())
	a.hub.Wait()
	return errors.Join(errs...)
}

func (a *App) close() {
	if a.bus != nil {
		a.bus.Close()
	}
	if a.db != nil {
		if err := a.db.Close(); err != nil {
			a.Log.Error("closing the database failed", "error", err)
		}
	}
}

// handler is everything that is served, by path.
func (a *App) handler() (http.Handler, error) {
	a.measure()
	a.adminCommands()
	a.health.Add("database", ops.DatabaseWritable(a.db))
	a.health.Add("disk", ops.DiskHasRoom(a.Config.Data))
	a.health.Add("master_key", ops.MasterKeyKept(a.Config.Data, string(a.Config.MasterKey), a.master))
	a.health.Add("sweeper", ops.TimersFire(a.db))
	a.health.Add("consumers", ops.ConsumersMove(a.db))
	a.health.AddSoft("bus", ops.Connected(a.bus.Connected))

	who := people{a.conv, a.search, a.vault, a.sites}
	rest, err := api.New(api.Deps{
		DB: a.db, Auth: a.staff, Sites: a.sites, Master: a.master, Log: a.Log, Conversations: desk{a.conv, a.hub, a.names, a.blobs, a.presence}, SignIns: tickets{a},
		Knowledge: a.store, Answers: answers{a}, Insight: figures{a.insight, a.conv, a.store}, Webhooks: hooks{a.hooks}, Blobs: files{a.blobs}, Vault: a.vault, Check: a.checkReply,
		Search: who, Contacts: who, Orders: shopOrders{a.shop}, Figures: opened{a.insight}, Rehearsals: rehearsals{a}, States: states{a}, Erase: a.erase,
		ClientIP: a.gateway.ClientIP, Version: a.Version,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	a.gateway.Register(mux)
	mux.Handle("/v1/", rest)
	mux.Handle("/openapi.json", rest)
	mux.Handle("/docs", rest)
	mux.Handle("/docs/", rest)
	mux.HandleFunc("GET /healthz", a.health.Live)
	mux.Handle("GET /readyz", a.health)
	if a.Config.HTTP.Metrics {
		mux.Handle("GET /metrics", a.metrics.Handler())
	}
	for path, site := range map[string]func() (http.Handler, error){"/widget.js": widget.Handler, "/": console.Handler} {
		h, err := site()
		if err != nil {
			return nil, err
		}
		mux.Handle(path, h)
	}
	if a.Config.Demo.Enabled {
		shop, err := storefront.Handler()
		if err != nil {
			return nil, err
		}
		mux.Handle("GET /demo/", http.StripPrefix("/demo", shop))
	}
	return a.metrics.Timed(mux), nil
}
