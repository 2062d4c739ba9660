// Package bus carries hints between nodes: somebody committed events, a conversation changed, a customer is typing, staff
// are at work. It is core NATS, in this process by default and a cluster by URL. Hints may be lost, doubled or late;
// nobody may depend on one for anything but speed. Losing the cluster costs latency, never data.
package bus

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Bus is a connection. Its methods are safe for concurrent use.
type Bus struct {
	conn   *nats.Conn
	server *server.Server // in-process only
}

// Open connects to url, or starts a server inside this process when url is empty. A cluster that cannot be reached at the
// start is tried again in the background: service does not wait for it.
func Open(url string, log *slog.Logger) (*Bus, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	opts := []nats.Option{
		nats.Name("frontdesk"), nats.NoEcho(), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 250*time.Millisecond),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // none when we close it ourselves
				log.Warn("bus disconnected", "error", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { log.Info("bus connected again") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("bus error", "error", err) }),
	}
	b := &Bus{}
	if url == "" {
		s, err := server.NewServer(&server.Options{DontListen: true, NoLog: true, NoSigs: true})
		if err != nil {
			return nil, fmt.Errorf("start bus: %w", err)
		}
		s.Start()
		if !s.ReadyForConnections(5 * time.Second) {
			s.Shutdown()
			return nil, fmt.Errorf("start bus: not ready within 5 s")
		}
		b.server = s
		opts = append(opts, nats.InProcessServer(s))
	} else {
		opts = append(opts, nats.RetryOnFailedConnect(true))
	}
	conn, err := nats.Connect(url, opts...)
	if err != nil {
		if b.server != nil {
			b.server.Shutdown()
		}
		return nil, fmt.Errorf("connect bus: %w", err)
	}
	b.conn = conn
	return b, nil
}

// Alone reports that no other node can be listening: the bus is inside this process.
func (b *Bus) Alone() bool { return b.server != nil }

// Connected reports whether hints get through at the moment.
func (b *Bus) Connected() bool { return b.conn.IsConnected() }

// Publish sends a hint to the other nodes; the publisher's own subscriptions do not get it. It never blocks on the network.
func (b *Bus) Publish(subject string, data []byte) {
	// An error means closed or a full reconnect buffer: the hint is lost, which is allowed.
	if err := b.conn.Publish(subject, data); err != nil {
		return
	}
}

// Subscribe calls f for each hint on a subject ("conversation.*"), one at a time. f must not block for long.
func (b *Bus) Subscribe(subject string, f func(subject string, data []byte)) error {
	_, err := b.conn.Subscribe(subject, func(m *nats.Msg) { f(m.Subject, m.Data) })
	if err != nil {
		return fmt.Errorf("subscribe %s: %w", subject, err)
	}
	return nil
}

// Close ends the connection and the server inside.
func (b *Bus) Close() {
	b.conn.Close()
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}
