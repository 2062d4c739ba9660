package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ServerOptions say how a bench's own server is started.
type ServerOptions struct {
	Dir     string // data folder; also receives server.log
	Listen  string // host:port
	URL     string // database; empty means SQLite in Dir
	Demo    bool
	Entries int      // knowledge entries beside the demo's, from knowledge.Synthetic
	Prefix  []string // a program and its arguments that run the server, such as strace
	Env     []string
}

// Server is one server process.
type Server struct {
	Addr    string
	Started time.Time // just before the process was made
	Pid     int       // of the server itself, also under a prefix

	opt    ServerOptions
	cmd    *exec.Cmd
	exited chan struct{}
	err    error
}

// StartServer starts a server and returns at once; Ready waits for it.
func StartServer(ctx context.Context, opt ServerOptions) (*Server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := append([]string{}, opt.Prefix...)
	args = append(args, exe, "serve", "--data", opt.Dir, "--listen", opt.Listen)
	if opt.Demo {
		args = append(args, "--demo")
	}
	if opt.Entries > 0 {
		args = append(args, "--bench-entries", strconv.Itoa(opt.Entries))
	}
	log, err := os.OpenFile(filepath.Join(opt.Dir, "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &Server{Addr: opt.Listen, opt: opt, exited: make(chan struct{})}
	s.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Env = append(os.Environ(), opt.Env...)
	if opt.URL != "" {
		s.cmd.Env = append(s.cmd.Env, "FRONTDESK_DATABASE_URL="+opt.URL)
	}
	s.Started = time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	s.Pid = s.cmd.Process.Pid
	go func() {
		s.err = s.cmd.Wait()
		close(s.exited)
	}()
	if len(opt.Prefix) > 0 {
		for s.Pid, err = childOf(s.cmd.Process.Pid, exe); err != nil; s.Pid, err = childOf(s.cmd.Process.Pid, exe) {
			if time.Since(s.Started) > 10*time.Second {
				return nil, fmt.Errorf("start server under %s: %w", opt.Prefix[0], err)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return s, nil
}

// Ready waits until /readyz is 200.
func (s *Server) Ready(ctx context.Context, patience time.Duration) error {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	deadline := time.Now().Add(patience)
	for {
		resp, err := client.Get("http://" + s.Addr + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case <-s.exited:
			return errors.New("it was not ready yet")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("server not ready after %v: %s", patience, s.logTail())
		}
	}
	return nil
}

// childOf returns the child of a prefix program that runs exe. strace has others while it starts, to try what it can do.
func childOf(pid int, exe string) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	for f := range strings.FieldsSeq(string(b)) {
		child, err := strconv.Atoi(f)
		if err != nil {
			return 0, err
		}
		if of, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", child)); err == nil && of == exe {
			return child, nil
		}
	}
	return 0, fmt.Errorf("process %d has no child that runs %s", pid, exe)
}

// Kill is SIGKILL, and waits until the process is gone.
func (s *Server) Kill() {
	syscall.Kill(s.Pid, syscall.SIGKILL)
	<-s.exited // a prefix program ends with its child
}

// Stop is SIGTERM, and waits; a server that does not end in 30 s is killed and that is an error.
func (s *Server) Stop() error {
	syscall.Kill(s.Pid, syscall.SIGTERM)
	select {
	case <-s.exited:
		return nil
	case <-time.After(30 * time.Second):
		s.Kill()
		return errors.New("server did not stop in 30 s")
	}
}

// blame adds to an error what the server said last, if it has died: that is the likelier cause.
func (s *Server) blame(err error) error {
	select {
	case <-s.exited:
		return fmt.Errorf("the server has ended (%v): %s: %w", s.err, s.logTail(), err)
	default:
		return err
	}
}

// logTail is what the server said last, from a panic's message on if there was one. The whole log is kept.
func (s *Server) logTail() string {
	b, err := os.ReadFile(filepath.Join(s.opt.Dir, "server.log"))
	if err != nil {
		return err.Error()
	}
	tail := b[max(0, len(b)-500):]
	if i := bytes.Index(b, []byte("panic: ")); i >= 0 {
		tail = b[i:min(len(b), i+500)]
	}
	return string(bytes.TrimSpace(tail)) + " (log kept as " + keepLog(s.opt.Dir) + ")"
}

// FreeAddr returns an address of this machine on which nobody listens.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Profile fetches a processor profile of the server over its admin socket into file.
func (s *Server) Profile(ctx context.Context, file string, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d+30*time.Second)
	defer cancel()
	return s.debug(ctx, fmt.Sprintf("profile?seconds=%d", max(1, int(d.Seconds()))), file)
}

// Collect makes the server run its garbage collector, if its admin socket offers that.
func (s *Server) Collect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return s.debug(ctx, "heap?gc=1", os.DevNull)
}

func (s *Server) debug(ctx context.Context, what, file string) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", filepath.Join(s.opt.Dir, "admin.sock"))
		},
	}}
	req, err := http.NewRequestWithContext(ctx, "GET", "http://admin/debug/pprof/"+what, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("admin socket: %s: status %d", what, resp.StatusCode)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, resp.Body)
	return errors.Join(err, out.Close())
}
