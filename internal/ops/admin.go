package ops

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"frontdesk"
)

// Request is one call of an admin command.
type Request struct {
	Args     json.RawMessage                  // as the caller's args were encoded
	Body     io.Reader                        // what the caller streams, such as a file to import; never nil
	Progress func(format string, args ...any) // one line for the caller's stderr; safe for concurrent use
}

// Decode reads the arguments into v.
func (r Request) Decode(v any) error {
	if err := json.Unmarshal(r.Args, v); err != nil {
		return frontdesk.InvalidField("args", "%v", err)
	}
	return nil
}

// Handler does an admin command in the serving process. ctx ends when the caller goes away.
type Handler func(ctx context.Context, r Request) (result any, err error)

// Admin is the serving process's side of DIR/admin.sock: HTTP over a unix socket that only the owner of the folder can
// open, which is all its authorisation. It also has Go's profiles under /debug/pprof/.
type Admin struct {
	log       *slog.Logger
	mux       *http.ServeMux
	listening func() // called once the socket is there
}

// NewAdmin makes an admin server without commands.
func NewAdmin(log *slog.Logger) *Admin {
	a := &Admin{log: log, mux: http.NewServeMux(), listening: func() {}}
	a.mux.HandleFunc("/debug/pprof/", pprof.Index)
	a.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	a.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	a.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	a.mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	return a
}

// Handle adds a command. All commands are added before Run.
func (a *Admin) Handle(name string, h Handler) {
	a.mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
		reply := &replyWriter{log: a.log, enc: json.NewEncoder(w), flush: http.NewResponseController(w).Flush}
		// Progress is written while a body is still being read.
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			a.log.Warn("admin full duplex refused", "error", err)
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		args := r.URL.Query().Get("args")
		result, err := h(r.Context(), Request{Args: json.RawMessage(args), Body: r.Body, Progress: func(format string, args ...any) {
			reply.send(replyLine{Progress: fmt.Sprintf(format, args...)})
		}})
		if err != nil {
			a.log.Warn("admin command failed", "command", name, "error", err)
			reply.send(replyLine{Error: toWire(err)})
			return
		}
		encoded, err := json.Marshal(result)
		if err != nil {
			reply.send(replyLine{Error: toWire(fmt.Errorf("encode result of %s: %w", name, err))})
			return
		}
		reply.send(replyLine{Result: encoded})
	})
}

// Run listens on DIR/admin.sock until ctx ends, then lets running commands finish for a moment. The caller holds the
// folder's lock, so a socket file that is there is left over from a process that died.
func (a *Admin) Run(ctx context.Context, dir string) error {
	path := socketPath(dir)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the old admin socket: %w", err)
	}
	listener, err := listenUnix(path)
	if err != nil {
		return fmt.Errorf("listen on the admin socket: %w", err)
	}
	server := &http.Server{Handler: a.mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			server.Close()
		}
	}()
	a.listening()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin socket: %w", err)
	}
	<-stopped
	return nil
}

// socketPath is where the holder of a folder listens.
func socketPath(dir string) string { return filepath.Join(dir, "admin.sock") }

// addressMax is what fits into a unix address on Linux and BSD.
const addressMax = 100

// listenUnix listens on path. A path too long for a unix address is reached through an open folder instead.
func listenUnix(path string) (net.Listener, error) {
	short, done, err := shortPath(path)
	if err != nil {
		return nil, err
	}
	defer done()
	listener, err := net.Listen("unix", short)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// shortPath gives another name for path if it is too long for a socket, valid until done is called.
func shortPath(path string) (short string, done func(), err error) {
	if len(path) <= addressMax {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { dir.Close() }, nil
}

// Call runs a command in the process that holds dir and decodes what it returned into result. body may be nil. progress,
// if not nil, gets each line the command says meanwhile.
func Call(ctx context.Context, dir, command string, args any, body io.Reader, result any, progress func(string)) error {
	encoded, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("encode arguments of %s: %w", command, err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		short, done, err := shortPath(socketPath(dir))
		if err != nil {
			return nil, err
		}
		defer done()
		return new(net.Dialer).DialContext(ctx, "unix", short)
	}}
	defer transport.CloseIdleConnections()
	address := "http://frontdesk/" + command + "?args=" + url.QueryEscape(string(encoded))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if errors.Is(err, fs.ErrNotExist) { // the socket comes last at a start
		return &frontdesk.Error{Kind: frontdesk.Unavailable, Op: command, Public: "the server that holds " + dir + " is still starting; try again in a moment", Err: errStarting}
	}
	if err != nil {
		return &frontdesk.Error{Kind: frontdesk.Unavailable, Op: command, Public: "the server that holds " + dir + " does not answer on its admin socket", Err: err}
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return frontdesk.Errorf(frontdesk.Unavailable, "the server that holds %s does not know the command %s; is it an older version?", dir, command)
	}
	lines := json.NewDecoder(bufio.NewReader(response.Body))
	for {
		var line replyLine
		if err := lines.Decode(&line); err != nil {
			return fmt.Errorf("%s: the server ended before it answered: %w", command, err)
		}
		switch {
		case line.Error != nil:
			return line.Error.fromWire()
		case line.Result != nil:
			return json.Unmarshal(line.Result, result)
		case progress != nil:
			progress(line.Progress)
		}
	}
}

var errStarting = errors.New("no admin socket yet")

// replyLine is one line of an answer: progress any number of times, then a result or an error.
type replyLine struct {
	Progress string          `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    *wireError      `json:"error,omitempty"`
}

type replyWriter struct {
	log   *slog.Logger
	mu    sync.Mutex
	gone  bool
	enc   *json.Encoder
	flush func() error
}

// send writes a line. A caller who has gone is noticed by the command's context, not here.
func (w *replyWriter) send(line replyLine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := errors.Join(w.enc.Encode(line), w.flush()); err != nil && !w.gone {
		w.gone = true
		w.log.Debug("admin caller is gone", "error", err)
	}
}

// wireError carries an error through the socket with its kind, so that exit codes are the same on both ways.
type wireError struct {
	Kind    frontdesk.Kind `json:"kind"`
	Field   string         `json:"field,omitempty"`
	Message string         `json:"message"`
}

func toWire(err error) *wireError {
	if e := new(frontdesk.Error); errors.As(err, &e) && e.Public != "" {
		return &wireError{Kind: e.Kind, Field: e.Field, Message: e.Public}
	}
	return &wireError{Kind: frontdesk.KindOf(err), Message: err.Error()}
}

func (e *wireError) fromWire() error {
	return &frontdesk.Error{Kind: e.Kind, Field: e.Field, Public: e.Message}
}
