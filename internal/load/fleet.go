package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// gap is the least time between two messages of one customer: people do not type faster.
const gap = time.Second

// Options say whom the fleet talks to and what about.
type Options struct {
	Addr     string   // host:port of the server
	Site     string   // site key
	Wordings []string // what customers say; each arrival draws one
	Seed     uint64
}

// Fleet is a number of customers on one server. One whose socket breaks is counted as dropped and comes back: who waits
// for all of them waits for a moment, not for ever. All methods are safe for concurrent use, but only one Run or Start may
// be in progress. Close ends its goroutines.
type Fleet struct {
	opt   Options
	texts [][]byte // wordings as JSON strings
	ctx   context.Context
	stop  context.CancelFunc
	group sync.WaitGroup
	dials chan struct{} // bounds connections being made

	pacing sync.WaitGroup // the background pacer of Start
	halt   context.CancelFunc

	mu       sync.Mutex // guards everything below and the visitors' bookkeeping: held for well under a microsecond each
	rng      *rand.Rand
	visitors []*visitor
	idle     ring
	wheel    wheel
	tally    Tally
	online   int
	inFlight int
	gate     chan struct{} // closed while customers may connect
	held     bool          // the gate is shut
	returns  int           // counts calls of Hold and Restarted, so that a late probe opens nothing
	restart  restart
	lastErr  error
}

// visitor is one customer. Its goroutine owns the connection for reading; a writer holds writing.
type visitor struct {
	index   int32
	token   string       // owned by the visitor's goroutine until Close
	seen    atomic.Int64 // highest sequence delivered by the socket: where a resume starts
	writing sync.Mutex

	// guarded by Fleet.mu
	conn     *websocket.Conn // nil while away
	ready    bool
	retired  bool // handed over to staff: the bot owes it nothing any more
	parked   bool // in the idle ring or on the wheel
	next     messageID
	pending  []pending
	early    []int64 // sequences whose reply overtook their acknowledgement
	kept     []kept
	lastSent time.Time
}

// pending is a message that is not yet both acknowledged and replied to.
type pending struct {
	id   messageID
	text int32
	seq  int64 // 0 until acknowledged
	kept int32 // index in visitor.kept once acknowledged
	owed bool  // acknowledged before a kill, and its reply still due after it
	due  time.Time
}

// kept is what a customer remembers of an acknowledged message until the conversation is read back.
type kept struct {
	id      messageID
	seq     int32
	replied bool
}

// restart measures one return of the server.
type restart struct {
	at       time.Time // when the new process was started; zero outside of restarts
	firstAck time.Duration
	owed     int
	replies  []time.Duration
	joined   time.Duration // when the last customer was back
}

// Tally counts what happened since the last Reset.
type Tally struct {
	Sent        int       `json:"sent"`
	Acked       int       `json:"acked"`
	Replied     int       `json:"replied"`
	Answered    int       `json:"answered"`
	Refused     int       `json:"refused"`
	Hinted      int       `json:"hinted"`      // refusals that said when to come back
	Unsent      int       `json:"unsent"`      // arrivals that found no free customer
	Dropped     int       `json:"dropped"`     // sockets that broke
	Retired     int       `json:"retired"`     // conversations that staff took over
	Backlog     int       `json:"backlog"`     // most arrivals that ever waited for a free customer
	Seconds     float64   `json:"seconds"`     // of pacing, without the drain
	CPU         float64   `json:"cpu"`         // processor seconds of this process
	LastRefusal string    `json:"lastrefusal"` // kind of the last error frame
	Ack         Histogram `json:"ack"`
	Reply       Histogram `json:"reply"`
	Late        Histogram `json:"late"` // how late the loader itself was in sending
}

// NewFleet returns a fleet without customers.
func NewFleet(opt Options) (*Fleet, error) {
	if len(opt.Wordings) == 0 {
		return nil, errors.New("load: no wordings to say")
	}
	ctx, stop := context.WithCancel(context.Background())
	f := &Fleet{
		opt:   opt,
		ctx:   ctx,
		stop:  stop,
		dials: make(chan struct{}, 64),
		rng:   rand.New(rand.NewPCG(opt.Seed, 0x9e3779b97f4a7c15)),
		gate:  make(chan struct{}),
	}
	close(f.gate)
	f.wheel.reset(time.Now())
	for _, w := range opt.Wordings {
		quoted, err := json.Marshal(w)
		if err != nil {
			return nil, err
		}
		f.texts = append(f.texts, quoted)
	}
	return f, nil
}

// Close ends all customers and waits for their goroutines.
func (f *Fleet) Close() {
	f.Stop()
	f.stop()
	f.mu.Lock()
	for _, v := range f.visitors {
		if v.conn != nil {
			v.conn.NetConn().Close()
		}
	}
	f.mu.Unlock()
	f.group.Wait()
}

// Grow adds customers until there are n, and returns when all are connected and told that they are ready.
func (f *Fleet) Grow(ctx context.Context, n int) error {
	f.mu.Lock()
	for len(f.visitors) < n {
		v := &visitor{index: int32(len(f.visitors))}
		f.visitors = append(f.visitors, v)
		f.group.Go(func() { f.live(v) })
	}
	f.mu.Unlock()
	return f.await(ctx, "customers to connect", func() bool { return f.online == len(f.visitors) })
}

// await polls until ok, called with the lock held, is true; at the end of ctx it says who and what was missing.
func (f *Fleet) await(ctx context.Context, what string, ok func() bool) error {
	for {
		f.mu.Lock()
		done, online, all, flying, last := ok(), f.online, len(f.visitors), f.inFlight, f.lastErr
		f.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("load: waiting for %s: %d of %d customers online, %d messages in flight, last error: %v", what, online, all, flying, last)
		case <-f.ctx.Done():
			return context.Canceled
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// live is the life of one customer: connect, read until the socket breaks, come back.
func (f *Fleet) live(v *visitor) {
	for {
		conn := f.connect(v)
		if conn == nil {
			return
		}
		f.mu.Lock()
		v.conn = conn
		var again []pending
		for i := range v.pending {
			if v.pending[i].seq == 0 {
				again = append(again, v.pending[i])
			}
		}
		closing := f.ctx.Err() != nil
		f.mu.Unlock()
		if closing {
			conn.NetConn().Close()
			return
		}
		for _, p := range again { // same client id: the server must give the first answer again
			f.write(v, conn, p.id, p.text)
		}
		wait, err := f.read(v, conn)
		conn.NetConn().Close()

		f.mu.Lock()
		v.conn = nil
		if v.ready {
			v.ready = false
			f.online--
		}
		if f.ctx.Err() == nil {
			f.tally.Dropped++
			f.lastErr = err
		}
		f.mu.Unlock()
		if !f.sleep(wait) {
			return
		}
	}
}

// connect dials until it works, only while the gate is open; nil when the fleet closes.
func (f *Fleet) connect(v *visitor) *websocket.Conn {
	for {
		f.mu.Lock()
		gate := f.gate
		f.mu.Unlock()
		select {
		case <-gate:
		case <-f.ctx.Done():
			return nil
		}
		select {
		case f.dials <- struct{}{}:
		case <-f.ctx.Done():
			return nil
		}
		conn, err := v.join(f.ctx, f.opt.Addr, f.opt.Site)
		<-f.dials
		if err == nil {
			return conn
		}
		f.mu.Lock()
		f.lastErr = err
		f.mu.Unlock()
		wait := 10*time.Millisecond + rand.N(20*time.Millisecond)
		if no, ok := errors.AsType[*refusal](err); ok {
			wait = max(wait, no.after/2+rand.N(no.after/2+1))
		}
		if !f.sleep(wait) {
			return nil
		}
	}
}

// sleep waits; false means that the fleet is closing.
func (f *Fleet) sleep(d time.Duration) bool {
	select {
	case <-f.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

var readBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// read handles frames until the socket breaks; wait is how long the server asked to stay away.
func (f *Fleet) read(v *visitor, conn *websocket.Conn) (wait time.Duration, err error) {
	var fr frame
	for {
		_, r, err := conn.NextReader() // blocks without a buffer: idle customers stay small
		if err != nil {
			return wait, err
		}
		buf := readBuffers.Get().(*[]byte)
		*buf, err = readAll((*buf)[:0], r)
		if err == nil {
			err = scanFrame(*buf, &fr)
		}
		if err == nil {
			if fr.kind == frameReconnect {
				wait = time.Duration(fr.after) * time.Millisecond
			} else {
				f.handle(v, &fr, time.Now())
			}
		}
		fr.clientID, fr.owner, fr.errKind = nil, nil, nil // they alias buf
		readBuffers.Put(buf)
		if err != nil {
			return wait, err
		}
	}
}

func readAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// handle books one frame.
func (f *Fleet) handle(v *visitor, fr *frame, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch fr.kind {
	case frameReady:
		if !v.ready {
			v.ready = true
			f.online++
			if !f.restart.at.IsZero() && f.online == len(f.visitors) {
				f.restart.joined = now.Sub(f.restart.at)
			}
			f.park(v, now, 0)
		}
		f.owner(v, fr.owner)
	case frameState:
		f.owner(v, fr.owner)
	case frameAck:
		id, ok := parseID(fr.clientID)
		if !ok {
			return
		}
		f.acked(v, id, fr.seq, now)
	case frameMessage:
		v.seen.Store(max(v.seen.Load(), fr.seq))
		for _, seq := range fr.replyTo {
			f.replied(v, seq, fr.sources, now)
		}
	case frameError:
		if id, ok := parseID(fr.clientID); ok {
			f.refused(v, id, fr, now)
		}
	}
}

// owner retires a customer whom the bot no longer serves.
func (f *Fleet) owner(v *visitor, owner []byte) {
	if len(owner) == 0 || v.retired || string(owner) == "bot" || string(owner) == "closed" {
		return
	}
	v.retired = true
	f.tally.Retired++
	for _, p := range v.pending {
		if p.owed {
			f.restart.owed--
		}
	}
	f.inFlight -= len(v.pending)
	v.pending, v.early = nil, nil
}

func (f *Fleet) acked(v *visitor, id messageID, seq int64, now time.Time) {
	for i := range v.pending {
		p := &v.pending[i]
		if p.id != id || p.seq != 0 {
			continue
		}
		p.seq = seq
		p.kept = int32(len(v.kept))
		v.kept = append(v.kept, kept{id: id, seq: int32(seq)})
		f.tally.Acked++
		f.tally.Ack.Add(now.Sub(p.due))
		if !f.restart.at.IsZero() && f.restart.firstAck == 0 {
			f.restart.firstAck = now.Sub(f.restart.at)
		}
		for j, e := range v.early {
			if e == seq {
				v.early = append(v.early[:j], v.early[j+1:]...)
				f.replied(v, seq, false, now)
				break
			}
		}
		return
	}
}

func (f *Fleet) replied(v *visitor, seq int64, sources bool, now time.Time) {
	unacked := false
	for i := range v.pending {
		p := &v.pending[i]
		if p.seq == 0 {
			unacked = true
		}
		if p.seq != seq {
			continue
		}
		v.kept[p.kept].replied = true
		f.tally.Replied++
		if sources {
			f.tally.Answered++
		}
		f.tally.Reply.Add(now.Sub(p.due))
		if p.owed {
			f.restart.owed--
			f.restart.replies = append(f.restart.replies, now.Sub(f.restart.at))
		}
		f.finish(v, i, now, 0)
		return
	}
	if n := len(v.kept); n > 0 && int64(v.kept[n-1].seq) >= seq {
		return // a revision of a reply that came before
	}
	if unacked {
		if sources {
			f.tally.Answered++ // counted here: the acknowledgement that follows does not know
		}
		v.early = append(v.early, seq)
	}
}

func (f *Fleet) refused(v *visitor, id messageID, fr *frame, now time.Time) {
	for i := range v.pending {
		if v.pending[i].id != id || v.pending[i].seq != 0 {
			continue
		}
		f.tally.Refused++
		f.tally.LastRefusal = string(fr.errKind)
		if fr.retryAfter > 0 {
			f.tally.Hinted++
		}
		f.finish(v, i, now, time.Duration(fr.retryAfter)*time.Millisecond)
		return
	}
}

// finish removes a pending message and frees the customer when it was the last.
func (f *Fleet) finish(v *visitor, i int, now time.Time, rest time.Duration) {
	v.pending = append(v.pending[:i], v.pending[i+1:]...)
	f.inFlight--
	if len(v.pending) == 0 {
		v.early = v.early[:0]
		f.park(v, now, rest)
	}
}

// park makes a customer available again, now or when it has rested.
func (f *Fleet) park(v *visitor, now time.Time, rest time.Duration) {
	if v.parked || v.retired || !v.ready || len(v.pending) > 0 {
		return
	}
	v.parked = true
	until := v.lastSent.Add(gap)
	if t := now.Add(rest); rest > 0 && t.After(until) {
		until = t
	}
	if until.After(now) {
		f.wheel.add(v.index, until)
	} else {
		f.idle.push(v.index)
	}
}

// take returns a free customer, or nil.
func (f *Fleet) take(now time.Time) *visitor {
	f.wheel.advance(now, &f.idle)
	for {
		i, ok := f.idle.pop()
		if !ok {
			return nil
		}
		v := f.visitors[i]
		v.parked = false
		if v.ready && v.conn != nil && !v.retired && len(v.pending) == 0 {
			return v
		}
	}
}

// writeMax bounds the sending of one message: the pacer sends for all customers, and one whose server has stopped reading
// must not stop the others.
const writeMax = 5 * time.Second

// write sends one message; an error shows in the reader too, which deals with it.
func (f *Fleet) write(v *visitor, conn *websocket.Conn, id messageID, text int32) {
	buf := readBuffers.Get().(*[]byte)
	*buf = appendSend((*buf)[:0], id, f.texts[text])
	v.writing.Lock()
	conn.SetWriteDeadline(time.Now().Add(writeMax))
	if conn.WriteMessage(websocket.TextMessage, *buf) != nil {
		conn.NetConn().Close() // also where the server is silent and the reader would see nothing
	}
	v.writing.Unlock()
	readBuffers.Put(buf)
}

// errRefused says that nobody listens, which no other source address would change.
var errRefused error = syscall.ECONNREFUSED

// probe returns when the server's port accepts connections.
func (f *Fleet) probe() {
	for f.ctx.Err() == nil {
		conn, err := net.DialTimeout("tcp", f.opt.Addr, time.Second)
		if err == nil {
			conn.Close()
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}
