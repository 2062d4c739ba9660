package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"time"
)

// The fleet and the bare writer run in processes of their own, so that their garbage collector and scheduler are not the
// server's. They are driven by JSON-RPC over standard input and output, and end when the input does.

type pipe struct {
	io.Reader
	io.WriteCloser
}

func serve(in io.Reader, out io.WriteCloser, name string, service any) error {
	s := rpc.NewServer()
	if err := s.RegisterName(name, service); err != nil {
		return err
	}
	s.ServeCodec(jsonrpc.NewServerCodec(pipe{in, out}))
	return nil
}

// ServeFleet is the body of the loader process.
func ServeFleet(in io.Reader, out io.WriteCloser) error {
	c := &FleetService{}
	defer func() {
		if c.fleet != nil {
			c.fleet.Close()
		}
	}()
	return serve(in, out, "Fleet", c)
}

// FleetService is a Fleet behind net/rpc; its methods are the fleet's, with times in seconds where they come from outside.
type FleetService struct{ fleet *Fleet }

// None is an empty argument or reply.
type None struct{}

// Drive is the argument of Run.
type Drive struct {
	Pace
	Drain float64
}

// Open makes the fleet, in place of an earlier one.
func (c *FleetService) Open(opt Options, _ *None) (err error) {
	if c.fleet != nil {
		c.fleet.Close()
	}
	c.fleet, err = NewFleet(opt)
	return err
}

// Grow is Fleet.Grow with two minutes of patience.
func (c *FleetService) Grow(n int, _ *None) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return c.fleet.Grow(ctx, n)
}

// Run is Fleet.Run.
func (c *FleetService) Run(d Drive, out *Tally) (err error) {
	*out, err = c.fleet.Run(context.Background(), d.Pace, seconds(d.Drain))
	return err
}

// Start is Fleet.Start.
func (c *FleetService) Start(p Pace, _ *None) error { return c.fleet.Start(p) }

// Stop is Fleet.Stop, then Fleet.Settle for at most the given seconds.
func (c *FleetService) Stop(drain float64, out *Tally) error {
	c.fleet.Stop()
	c.fleet.Settle(context.Background(), seconds(drain))
	*out = c.fleet.Tally()
	return nil
}

// Reset is Fleet.Reset.
func (c *FleetService) Reset(None, *None) error {
	c.fleet.Reset()
	return nil
}

// Verify is Fleet.Verify with five minutes of patience.
func (c *FleetService) Verify(_ None, out *Verdict) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	*out, err = c.fleet.Verify(ctx)
	return err
}

// Hold is Fleet.Hold.
func (c *FleetService) Hold(None, *None) error {
	c.fleet.Hold()
	return nil
}

// Gone is Fleet.Gone for at most the given seconds.
func (c *FleetService) Gone(patience float64, _ *None) error {
	ctx, cancel := context.WithTimeout(context.Background(), seconds(patience))
	defer cancel()
	return c.fleet.Gone(ctx)
}

// Restarted is Fleet.Restarted; the instant is in Unix nanoseconds of this machine's clock.
func (c *FleetService) Restarted(at int64, _ *None) error {
	c.fleet.Restarted(time.Now().Add(-time.Since(time.Unix(0, at)))) // with a monotonic reading
	return nil
}

// Awaited is the argument of Returned.
type Awaited struct {
	Patience float64
	Ack      bool
}

// Returned is Fleet.Returned.
func (c *FleetService) Returned(a Awaited, out *Return) error {
	*out = c.fleet.Returned(context.Background(), seconds(a.Patience), a.Ack)
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Remote is a service in another process of this program.
type Remote struct {
	name string
	cmd  *exec.Cmd
	rpc  *rpc.Client
}

// loaderEnv gives the loader one thread of Go code: a second would only spin on the processor that the server needs.
var loaderEnv = []string{"GOMAXPROCS=1", "GOGC=400"}

// startRemote starts this program with args, which must lead to ServeFleet or ServeFloor, as the named service.
func startRemote(ctx context.Context, name string, errs io.Writer, env []string, args ...string) (*Remote, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = errs
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s process: %w", name, err)
	}
	return &Remote{name, cmd, jsonrpc.NewClient(pipe{out, in})}, nil
}

// callMax is more than any method takes beside the time that its pace lasts.
const callMax = 6 * time.Minute

// Call runs one method and waits for it, at most callMax beyond the end of the pace that it is given, if any.
func (r *Remote) Call(ctx context.Context, method string, in, out any) error {
	if out == nil {
		out = new(None)
	}
	patience := callMax
	switch in := in.(type) {
	case Pace:
		patience += seconds(in.Seconds)
	case Drive:
		patience += seconds(in.Seconds + in.Drain)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the process gave no answer in %v", patience))
	defer cancel()
	call := r.rpc.Go(r.name+"."+method, in, out, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s %s: %w", r.name, method, context.Cause(ctx))
	case <-call.Done:
		if call.Error != nil {
			return fmt.Errorf("%s %s: %w", r.name, method, call.Error)
		}
		return nil
	}
}

// Close ends the process and waits for it.
func (r *Remote) Close() error {
	err := r.rpc.Close()
	timer := time.AfterFunc(10*time.Second, func() { r.cmd.Process.Kill() })
	defer timer.Stop()
	if werr := r.cmd.Wait(); err == nil {
		err = werr
	}
	if errors.Is(err, rpc.ErrShutdown) {
		err = nil
	}
	return err
}
