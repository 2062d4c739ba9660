package load

import (
	"context"
	"errors"
	"time"
)

// SocketsOptions are the settings of Sockets.
type SocketsOptions struct {
	Common
	Count int
}

// SocketsReport is the result of Sockets. Memory is resident set over resident set: everything a connected, silent
// customer costs, its conversation in caches included. Reconnecting counts from the start of the new process.
type SocketsReport struct {
	Connected        int     `json:"connected"`
	KBPerSocket      float64 `json:"kb_per_socket"`
	ReconnectSeconds float64 `json:"reconnect_seconds"`
}

// Sockets connects many silent customers, weighs them, and restarts the server under them in an orderly way.
func Sockets(ctx context.Context, opt SocketsOptions) (report SocketsReport, err error) {
	shop, err := opt.company(ctx, "sockets", 0)
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
	fleet, err := opt.fleet(ctx, Options{Addr: server.Addr, Wordings: opt.Wordings})
	if err != nil {
		return report, err
	}
	defer fleet.Close()

	// A few customers first: what the first one costs (pools, prepared statements) is not the price of a socket.
	few := min(100, opt.Count/10)
	if few > 0 {
		if err := fleet.Call(ctx, "Grow", few, nil); err != nil {
			return report, err
		}
	}
	before, err := opt.settledRSS(ctx, server)
	if err != nil {
		return report, err
	}
	opt.say("server: %.1f MB with %d customers", float64(before)/(1<<20), few)
	connecting := time.Now()
	if err := fleet.Call(ctx, "Grow", opt.Count, nil); err != nil {
		return report, err
	}
	report.Connected = opt.Count
	opt.say("%d customers connected in %.1f s", opt.Count, time.Since(connecting).Seconds())
	after, err := opt.settledRSS(ctx, server)
	if err != nil {
		return report, err
	}
	report.KBPerSocket = round(float64(after-before) / 1024 / float64(max(opt.Count-few, 1)))
	opt.say("server: %.1f MB, %.2f kB a socket", float64(after)/(1<<20), report.KBPerSocket)

	if err := fleet.Call(ctx, "Hold", None{}, nil); err != nil {
		return report, err
	}
	stopping := time.Now()
	if err := server.Stop(); err != nil {
		return report, err
	}
	opt.say("server stopped in %.2f s", time.Since(stopping).Seconds())
	if err := fleet.Call(ctx, "Gone", 30.0, nil); err != nil {
		return report, err
	}
	if server, err = StartServer(ctx, shop.start); err != nil {
		return report, err
	}
	if err := fleet.Call(ctx, "Restarted", server.Started.UnixNano(), nil); err != nil {
		return report, err
	}
	var back Return
	if err := fleet.Call(ctx, "Returned", Awaited{Patience: 120}, &back); err != nil {
		return report, err
	}
	if back.Joined == 0 {
		return report, errors.New("not all customers were back two minutes after the restart")
	}
	report.ReconnectSeconds = round(back.Joined.Seconds())
	return report, nil
}

// settledRSS asks for a garbage collection and waits until the resident memory has stopped falling: the runtime gives
// pages back to the system in the background.
func (c *Common) settledRSS(ctx context.Context, server *Server) (int64, error) {
	if err := c.calm(ctx, server.Pid); err != nil {
		return 0, err
	}
	for range 2 { // what a first collection only marks as unused, pools above all, a second one frees
		if err := server.Collect(ctx); err != nil {
			c.say("no collection on demand (%v): the figure includes garbage", err)
			break
		}
	}
	least, since := int64(1<<62), time.Now()
	for time.Since(since) < 4*time.Second {
		rss, err := RSS(server.Pid)
		if err != nil {
			return 0, err
		}
		if float64(rss) < .995*float64(least) {
			least, since = rss, time.Now()
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return least, nil
}
