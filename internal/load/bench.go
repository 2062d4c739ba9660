package load

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"frontdesk"
)

// Common are the settings that all benches share.
type Common struct {
	Dir      string   // where the benches' folders are made; empty means the system's temporary folder
	URL      string   // postgres://... in which fresh databases may be made; empty means SQLite
	Wordings []string // what customers say
	Log      io.Writer
	Fleet    []string // arguments of this program that lead to ServeFleet
	Floor    []string // arguments of this program that lead to ServeFloor
}

func (c *Common) say(format string, args ...any) { fmt.Fprintf(c.Log, format+"\n", args...) }

// scratch is a folder, and on PostgreSQL a database, that lives as long as one bench.
type scratch struct {
	dir  string
	url  string
	drop func()
}

// fresh makes an empty place for a database.
func (c *Common) fresh(ctx context.Context, name string) (*scratch, error) {
	dir, err := os.MkdirTemp(c.Dir, "frontdesk-bench-"+name+"-")
	if err != nil {
		return nil, err
	}
	s := &scratch{dir: dir, drop: func() { os.RemoveAll(dir) }}
	if c.URL == "" {
		return s, nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		s.drop()
		return nil, frontdesk.InvalidField("--postgres", "not a postgres:// address")
	}
	admin, err := sql.Open("pgx", c.URL)
	if err != nil {
		s.drop()
		return nil, err
	}
	database := "frontdesk_bench_" + name + "_" + strings.ReplaceAll(frontdesk.NewID(), "-", "")
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+database); err != nil {
		admin.Close()
		s.drop()
		return nil, fmt.Errorf("make a database for the bench: %w", err)
	}
	u.Path = "/" + database
	s.url = u.String()
	s.drop = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if _, err := admin.ExecContext(ctx, "DROP DATABASE "+database+" WITH (FORCE)"); err != nil {
			c.say("drop %s: %v", database, err)
		}
		admin.Close()
		os.RemoveAll(dir)
	}
	return s, nil
}

// company is a fresh place with a server of the demo company on it.
type company struct {
	*scratch
	start  ServerOptions // to start it again
	server *Server
}

// company starts a server on a fresh place and waits until it is ready. The caller stops the server that is the last one, and
// drops the place.
func (c *Common) company(ctx context.Context, name string, entries int) (s *company, err error) {
	place, err := c.fresh(ctx, name)
	if err != nil {
		return nil, err
	}
	addr, err := FreeAddr()
	if err == nil {
		s = &company{scratch: place, start: ServerOptions{Dir: place.dir, URL: place.url, Listen: addr, Demo: true, Entries: entries}}
		s.server, err = StartServer(ctx, s.start)
	}
	if err != nil {
		place.drop()
		return nil, err
	}
	if err := s.server.Ready(ctx, 3*time.Minute); err != nil {
		err = s.server.blame(err)
		s.server.Stop()
		place.drop()
		return nil, err
	}
	return s, nil
}

// fleet starts a loader process with an empty fleet for a server.
func (c *Common) fleet(ctx context.Context, opt Options) (*Remote, error) {
	r, err := startRemote(ctx, "Fleet", c.Log, loaderEnv, c.Fleet...)
	if err != nil {
		return nil, err
	}
	if opt.Site == "" {
		opt.Site = "demo"
	}
	if err := r.Call(ctx, "Open", opt, nil); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

const calmSeconds = 30

// calm waits until the process has used next to no processor time for a second: what it had to do is done.
func (c *Common) calm(ctx context.Context, pid int) error {
	last, err := CPU(pid)
	if err != nil {
		return err
	}
	for range calmSeconds {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
		now, err := CPU(pid)
		if err != nil {
			return err
		}
		if now-last <= 5*tick {
			return nil
		}
		last = now
	}
	c.say("the server still works after %d s without messages: measured all the same", calmSeconds)
	return nil
}

// keepLog copies the server's log out of a folder that is about to go.
func keepLog(dir string) string {
	to := filepath.Join(os.TempDir(), "frontdesk-bench-server.log")
	b, err := os.ReadFile(filepath.Join(dir, "server.log"))
	if err != nil || os.WriteFile(to, b, 0o600) != nil {
		return filepath.Join(dir, "server.log")
	}
	return to
}
