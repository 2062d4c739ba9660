package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"frontdesk"

	"github.com/gorilla/websocket"
)

const (
	pingEvery  = 45 * time.Second
	pingRounds = 9                 // each socket is looked at once a pingEvery
	silenceMax = 110 * time.Second // two pings unanswered
	writeMax   = 10 * time.Second
	acceptMax  = 15 * time.Second // storing one message
	errorsMax  = 20               // bad frames before the socket is closed
	frameRate  = 20.0             // frames of any kind a second
	frameBurst = 60.0
	floodMax   = 50              // frames beyond that before the socket is closed
	readBytes  = 128             // each socket keeps these; what is longer is read past them
	writeBytes = 512             // shared
	queueBytes = 8 << 20         // waiting for a slow reader before it is dropped, beside the number of frames
	stopSpread = 3 * time.Second // at a stop, sockets are told to come back within this
)

var upgrader = websocket.Upgrader{
	ReadBufferSize: readBytes, WriteBufferSize: writeBytes, WriteBufferPool: &sync.Pool{},
	HandshakeTimeout: 5 * time.Second,
	CheckOrigin:      func(*http.Request) bool { return true }, // checked before
}

// line is the connection under a socket, a visitor's or a member of staff's. Reading has a goroutine; writing has one only
// while there is something to write, so that an idle socket costs as little as it can.
type line struct {
	g      *Gateway
	conn   *websocket.Conn
	addr   string // what the limit is of: an address, or a session
	most   int    // open at once from addr; 0 is any number
	errors int
	frames bucket // what it may still send
	flood  int    // frames beyond that
	slot   uint64 // which round of the keep-alive looks at it

	mu      sync.Mutex
	queue   [][]byte
	queued  int // bytes in queue
	writing bool
	closed  bool
	ended   bool  // nothing is queued any more, what is queued goes out
	heard   int64 // nanoseconds, when something last came
}

// upgrade makes the request a socket. It is false when the upgrader has refused and answered.
func (l *line) upgrade(w http.ResponseWriter, r *http.Request) (bool, error) {
	if err := l.g.join(l); err != nil {
		return false, err
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		l.g.leave(l)
		return false, nil
	}
	conn.SetReadLimit(int64(l.g.Config.Limits.FrameBytes))
	l.g.mu.Lock()
	l.conn = conn
	l.g.mu.Unlock()
	return true, nil
}

func (g *Gateway) join(s *line) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.Config.Limits
	if len(g.sockets) >= l.Sockets || s.most > 0 && g.perAddr[s.addr] >= s.most {
		return &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many connections. Please try again shortly.", RetryAfter: 2 * time.Second}
	}
	s.heard = time.Now().UnixNano()
	g.opened++
	s.slot = g.opened % pingRounds
	g.sockets[s] = struct{}{}
	g.perAddr[s.addr]++
	return nil
}

func (g *Gateway) leave(s *line) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.sockets[s]; !ok {
		return
	}
	delete(g.sockets, s)
	if g.perAddr[s.addr]--; g.perAddr[s.addr] == 0 {
		delete(g.perAddr, s.addr)
	}
}

// Sockets is how many connections are open.
func (g *Gateway) Sockets() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.sockets)
}

// read hands each frame to handle until the connection ends. handle has told the client of its error already.
func (l *line) read(handle func(data []byte) error) {
	l.conn.SetPongHandler(func(string) error { l.hear(); return nil })
	answer := l.conn.PingHandler()
	l.conn.SetPingHandler(func(data string) error {
		l.hear()
		if _, ok := l.take(time.Now()); ok {
			return answer(data)
		}
		if l.flood > floodMax {
			return errFlood
		}
		return nil
	})
	for {
		kind, data, err := l.conn.ReadMessage()
		if err != nil {
			if errors.Is(err, websocket.ErrReadLimit) {
				_ = l.fail(frontdesk.InvalidField("frame", "A frame has at most %d bytes.", l.g.Config.Limits.FrameBytes), "", "")
			}
			return
		}
		l.hear()
		if wait, ok := l.take(time.Now()); !ok {
			if l.flood > floodMax {
				l.shut(websocket.ClosePolicyViolation, "too many frames")
				return
			}
			_ = l.fail(&frontdesk.Error{Kind: frontdesk.Limited, Public: "You are sending too fast. Please wait a moment.", RetryAfter: wait}, "client_id", clientIDOf(data))
			continue
		}
		switch {
		case kind != websocket.TextMessage:
			err = l.fail(frontdesk.InvalidField("frame", "Frames are JSON text."), "", "")
		case !utf8.Valid(data): // the decoder would silently replace it
			err = l.fail(frontdesk.InvalidField("frame", "The frame is not valid UTF-8."), "", "")
		default:
			err = handle(data)
		}
		if err == nil {
			continue
		}
		if l.errors++; l.errors > errorsMax && frontdesk.KindOf(err) == frontdesk.Invalid {
			l.shut(websocket.ClosePolicyViolation, "too many bad frames")
			return
		}
	}
}

var errFlood = errors.New("too many frames")

// take counts a frame, or says how long until there may be another.
func (l *line) take(now time.Time) (wait time.Duration, ok bool) {
	b := &l.frames
	if b.at.IsZero() {
		b.tokens = frameBurst
	} else {
		b.tokens = min(frameBurst, b.tokens+now.Sub(b.at).Seconds()*frameRate)
	}
	b.at = now
	if b.tokens == frameBurst {
		l.flood = 0
	}
	if b.tokens < 1 {
		l.flood++
		return time.Duration((1 - b.tokens) / frameRate * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

func (l *line) hear() {
	l.mu.Lock()
	l.heard = time.Now().UnixNano()
	l.mu.Unlock()
}

// fail tells the client what went wrong and returns the error. name and id say what it is about, if that is known.
func (l *line) fail(err error, name, id string) error {
	p, _, wait := l.g.explain(err, "socket")
	out := map[string]any{"type": "error", "kind": p.Kind, "message": p.Message}
	if p.Field != "" {
		out["field"] = p.Field
	}
	if id != "" {
		out[name] = id
	}
	if wait > 0 {
		out["retry_after_ms"] = wait.Milliseconds()
	}
	if b, err := json.Marshal(out); err == nil {
		l.send(b)
	}
	return err
}

// send queues a frame, which nobody changes any more. A reader so slow that its queue is full is dropped: it resumes from
// its last number.
func (l *line) send(frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.ended {
		return
	}
	if len(l.queue) >= l.g.Config.Limits.SocketQueue || len(l.queue) > 0 && l.queued+len(frame) > queueBytes {
		l.closed = true
		l.queue = nil
		go l.conn.Close() // the reading side ends on it and cleans up
		return
	}
	l.queue = append(l.queue, frame)
	l.queued += len(frame)
	if !l.writing {
		l.writing = true
		go l.write()
	}
}

func (l *line) write() {
	for {
		l.mu.Lock()
		batch := l.queue
		l.queue, l.queued = nil, 0
		if len(batch) == 0 || l.closed {
			l.writing = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.conn.SetWriteDeadline(time.Now().Add(writeMax))
		for _, frame := range batch {
			if err := l.conn.WriteMessage(websocket.TextMessage, frame); err != nil {
				l.mu.Lock()
				l.closed, l.writing = true, false
				l.mu.Unlock()
				l.conn.Close()
				return
			}
		}
	}
}

// finish sends a last frame in place of what is queued, as far as the reader takes it within a moment, and ends the
// connection for a reason.
func (l *line) finish(frame []byte, code int, why string) {
	l.mu.Lock()
	l.queue, l.queued = nil, 0
	l.mu.Unlock()
	l.send(frame)
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	for range 50 {
		l.mu.Lock()
		busy := l.writing
		l.mu.Unlock()
		if !busy {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.shut(code, why)
}

// shut says why before closing.
func (l *line) shut(code int, why string) {
	l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(time.Second))
	l.conn.Close()
}

func (l *line) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.conn.Close()
	l.g.leave(l)
}

// Run keeps sockets alive and drops dead ones, until ctx ends. Then it tells clients when to come back, spread out so
// that they do not all come at once, and closes.
func (g *Gateway) Run(ctx context.Context) error {
	g.running.Go(func() { g.tellPlaces(ctx) })
	tick := time.NewTicker(pingEvery / pingRounds)
	defer tick.Stop()
	for round := uint64(0); ; round++ {
		select {
		case <-ctx.Done():
			g.stop()
			return nil
		case <-tick.C:
		}
		now := time.Now()
		g.atWork()
		for _, s := range g.all() {
			if s.slot != round%pingRounds {
				continue
			}
			s.mu.Lock()
			silent := now.Sub(time.Unix(0, s.heard))
			s.mu.Unlock()
			if silent > silenceMax {
				s.conn.Close()
			} else if silent > pingEvery/2 {
				// Control frames may be written beside others. A full connection fails within the deadline.
				if err := s.conn.WriteControl(websocket.PingMessage, nil, now.Add(time.Second)); err != nil {
					s.conn.Close()
				}
			}
		}
	}
}

func (g *Gateway) all() []*line {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make([]*line, 0, len(g.sockets))
	for s := range g.sockets {
		if s.conn != nil { // else it is still being upgraded
			out = append(out, s)
		}
	}
	return out
}

// Drain refuses new requests from now on.
func (g *Gateway) Drain() { g.draining.Store(true) }

func (g *Gateway) stop() {
	g.Drain()
	for _, s := range g.all() {
		wait := 200*time.Millisecond + time.Duration(rand.Int64N(int64(stopSpread)))
		s.send([]byte(`{"type":"reconnect","after_ms":` + strconv.FormatInt(wait.Milliseconds(), 10) + `}`))
	}
	for range 50 { // the writers need a moment; none may hold up the stop
		busy := false
		for _, s := range g.all() {
			s.mu.Lock()
			busy = busy || s.writing
			s.mu.Unlock()
		}
		if !busy {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, s := range g.all() {
		s.shut(websocket.CloseServiceRestart, "restarting")
	}
}
