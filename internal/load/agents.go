package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// AgentsOptions say whose consoles there are, and of which customers.
type AgentsOptions struct {
	Addr     string
	Site     string
	Email    string // of an owner, who hires the agents
	Password string // the owner's, and every agent's
	Wordings []string
	Seed     uint64
}

// Agents are the consoles of a company, and its customers, in one process. Its methods are called one at a time, over RPC.
type Agents struct {
	opt       AgentsOptions
	rng       *rand.Rand
	agents    []*agent
	customers []*patron

	mu      sync.Mutex
	pending map[string]*change // by conversation
	reach   Histogram
}

// agent is one console.
type agent struct {
	index  int32
	view   string
	sign   string // header lines of the sign-in
	own    []*patron
	conn   *websocket.Conn
	frames atomic.Int64
}

// patron is a customer of the company.
type patron struct {
	token, conversation string
	said                int
	agent               *agent // who has taken the conversation
}

// change is a message that lists have not all shown yet.
type change struct {
	at   time.Time
	seen map[int32]struct{}
}

// ServeAgents is the body of the consoles' process.
func ServeAgents(in io.Reader, out io.WriteCloser) error {
	a := &Agents{}
	defer a.close()
	return serve(in, out, "Agents", a)
}

func (a *Agents) close() {
	for _, g := range a.agents {
		if g.conn != nil {
			g.conn.NetConn().Close()
		}
	}
}

// Open says who they are.
func (a *Agents) Open(opt AgentsOptions, _ *None) error {
	*a = Agents{opt: opt, rng: rand.New(rand.NewPCG(opt.Seed, 7)), pending: map[string]*change{}}
	return nil
}

// each does something for each of n things, some at a time, and again what the server has put off.
func each(n, atOnce int, do func(i int) error) error {
	var group sync.WaitGroup
	var next atomic.Int64
	failed := make(chan error, atOnce)
	for range atOnce {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				err := do(i)
				for no, ok := errors.AsType[*refusal](err); ok; no, ok = errors.AsType[*refusal](err) {
					time.Sleep(max(no.after/4, 20*time.Millisecond))
					err = do(i)
				}
				if err != nil {
					failed <- err
					next.Store(int64(n))
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// Customers opens n conversations, each by a question.
func (a *Agents) Customers(n int, _ *None) error {
	a.customers = make([]*patron, n)
	return each(n, 32, func(i int) error {
		l, err := openLink(context.Background(), a.opt.Addr, int32(i))
		if err != nil {
			return err
		}
		defer l.Close()
		defer l.release()
		p := a.customers[i]
		if p == nil {
			p = &patron{}
			var s struct{ Token, Conversation string }
			if err := l.call("POST", "/v1/visitor/session", "", map[string]string{"site": a.opt.Site}, &s); err != nil {
				return err
			}
			p.token, p.conversation = s.Token, s.Conversation
			a.customers[i] = p
		}
		return a.write(l, p, a.opt.Wordings[i%len(a.opt.Wordings)])
	})
}

func (a *Agents) write(l *link, p *patron, text string) error {
	err := l.call("POST", "/v1/visitor/messages", p.token, map[string]string{"client_id": fmt.Sprint(p.said), "text": text}, &struct{}{})
	if err == nil {
		p.said++
	}
	return err
}

const firstAgent = 1 << 20 // agents' addresses are not customers'

// signIn opens a session and returns the header lines that prove it.
func (a *Agents) signIn(l *link, email string) (string, error) {
	var me struct{ CSRF string }
	if err := l.call("POST", "/v1/sessions", "", map[string]string{"email": email, "password": a.opt.Password}, &me); err != nil {
		return "", err
	}
	return fmt.Sprintf("Cookie: %s\r\nX-CSRF-Token: %s\r\n", l.cookie, me.CSRF), nil
}

// Hire makes n agents, who sign in and take some conversations each.
func (a *Agents) Hire(n int, _ *None) error {
	l, err := openLink(context.Background(), a.opt.Addr, firstAgent-16)
	if err != nil {
		return err
	}
	defer l.Close()
	owner, err := a.signIn(l, a.opt.Email)
	if err != nil {
		return err
	}
	for i := range n {
		view := "all"
		switch k := i % 10; {
		case k >= 6:
			view = "mine"
		case k >= 4:
			view = "bot"
		case k >= 1:
			view = "queue"
		}
		a.agents = append(a.agents, &agent{index: int32(i), view: view})
	}
	const share = 4 // conversations of one agent
	return each(n, 4, func(i int) error {
		g := a.agents[i]
		l, err := openLink(context.Background(), a.opt.Addr, firstAgent+16*g.index)
		if err != nil {
			return err
		}
		defer l.Close()
		email := fmt.Sprintf("agent%d@bench.example", i)
		if g.sign == "" {
			l.sign = owner
			in := map[string]any{"email": email, "name": fmt.Sprintf("Agent %d", i), "password": a.opt.Password, "roles": []string{"agent"}}
			if err := l.call("POST", "/v1/staff", "", in, &struct{}{}); err != nil && !strings.Contains(err.Error(), "status 409") {
				return err
			}
			l.sign = ""
			if g.sign, err = a.signIn(l, email); err != nil {
				return err
			}
		}
		l.sign = g.sign
		for k := i*share + len(g.own); k < min((i+1)*share, len(a.customers)); k++ {
			if err := l.call("POST", "/v1/conversations/"+a.customers[k].conversation+"/take", "", struct{}{}, &struct{}{}); err != nil {
				return err
			}
			a.customers[k].agent = g
			g.own = append(g.own, a.customers[k])
		}
		return nil
	})
}

// listOf is the address of what a view shows.
func listOf(view string) string {
	switch view {
	case "all":
		return "/v1/conversations?limit=50"
	case "mine":
		return "/v1/conversations?limit=50&mine=true"
	}
	return "/v1/conversations?limit=50&owner=" + view
}

// Connect opens the consoles, each with its list and one conversation, and returns how many there are.
func (a *Agents) Connect(_ None, connected *int) error {
	err := each(len(a.agents), 16, func(i int) error {
		g := a.agents[i]
		l, err := openLink(context.Background(), a.opt.Addr, firstAgent+16*g.index)
		if err != nil {
			return err
		}
		l.sign = g.sign
		var ticket struct{ Ticket string }
		var list struct{ Items []struct{ ID string } }
		err = l.call("POST", "/v1/staff/ticket", "", struct{}{}, &ticket)
		if err == nil {
			err = l.call("GET", listOf(g.view), "", nil, &list)
		}
		if err == nil {
			g.conn, err = l.upgrade(context.Background(), "/v1/staff/socket?ticket="+ticket.Ticket)
		}
		if err != nil {
			l.Close()
			return err
		}
		go g.read(a)
		ids := make([]string, len(list.Items))
		for k, c := range list.Items {
			ids[k] = c.ID
		}
		frames := []any{map[string]any{"type": "watch", "view": g.view, "ids": ids}}
		if len(g.own) > 0 {
			frames = append(frames, map[string]any{"type": "open", "conversation": g.own[0].conversation})
		}
		for _, f := range frames {
			if err := g.conn.WriteJSON(f); err != nil {
				return err
			}
		}
		return nil
	})
	*connected = len(a.agents)
	return err
}

var (
	listFrame = []byte(`{"type":"conversations"`)
	rowStart  = []byte(`{"id":"`)
)

const idLength = 36

// read books which changes came to this console's list, until the connection ends.
func (g *agent) read(a *Agents) {
	for {
		_, data, err := g.conn.ReadMessage()
		if err != nil {
			return
		}
		now := time.Now()
		g.frames.Add(1)
		if !bytes.HasPrefix(data, listFrame) {
			continue
		}
		for {
			i := bytes.Index(data, rowStart)
			if i < 0 || len(data) < i+len(rowStart)+idLength {
				break
			}
			data = data[i+len(rowStart):]
			a.mu.Lock()
			if c := a.pending[string(data[:idLength])]; c != nil {
				if _, again := c.seen[g.index]; !again {
					c.seen[g.index] = struct{}{}
					a.reach.Add(now.Sub(c.at))
				}
			}
			a.mu.Unlock()
		}
	}
}

// Lists opens lists, one after another at a pace, while the consoles are connected.
func (a *Agents) Lists(rounds int, out *Histogram) error {
	for range rounds {
		g := a.agents[a.rng.IntN(len(a.agents))]
		l, err := openLink(context.Background(), a.opt.Addr, firstAgent+16*g.index)
		if err != nil {
			return err
		}
		l.sign = g.sign
		began := time.Now()
		var list struct{ Items []struct{ ID string } }
		err = l.call("GET", listOf([]string{"all", "mine", "queue", "bot", "agent"}[a.rng.IntN(5)]), "", nil, &list)
		out.Add(time.Since(began))
		l.Close()
		if err != nil {
			return err
		}
		time.Sleep(25 * time.Millisecond)
	}
	return nil
}

// Changes are what Agents.Change did.
type Changes struct {
	Sent   int
	Missed int // screens that should have shown a change and did not, within five seconds
	Frames int64
	Reach  Histogram // from sending the message to each screen
}

// Change has customers write at a rate, half of them to agents whose own list is on their screen and half to the bot, and
// waits for the lists that show them.
func (a *Agents) Change(p Pace, out *Changes) error {
	var toAgents, toBot []*patron
	watch := map[string]int{}
	for _, g := range a.agents {
		watch[g.view]++
		out.Frames -= g.frames.Load()
	}
	for _, c := range a.customers {
		switch {
		case c.agent == nil:
			toBot = append(toBot, c)
		case c.agent.view == "mine":
			toAgents = append(toAgents, c)
		}
	}
	if len(toAgents) == 0 || len(toBot) == 0 {
		return errors.New("load: too few customers for their agents")
	}
	a.rng.Shuffle(len(toAgents), func(i, j int) { toAgents[i], toAgents[j] = toAgents[j], toAgents[i] })
	total := int(p.Rate * p.Seconds)
	var sending sync.WaitGroup
	failed := make(chan error, total)
	begin := time.Now()
	missing := func(c *patron, sent *change) int {
		if c.agent == nil {
			return watch["all"] + watch["bot"] - len(sent.seen)
		}
		return watch["all"] + 1 - len(sent.seen)
	}
	used := map[*patron]*change{}
	for i := range total {
		time.Sleep(time.Until(begin.Add(seconds(float64(i) / p.Rate))))
		c := toBot[(i*7919)%len(toBot)]
		if i%2 == 0 {
			c = toAgents[(i/2)%len(toAgents)]
		}
		if used[c] != nil {
			continue // shown already: it would not be told apart
		}
		sent := &change{at: time.Now(), seen: map[int32]struct{}{}}
		used[c] = sent
		a.mu.Lock()
		a.pending[c.conversation] = sent
		a.mu.Unlock()
		out.Sent++
		sending.Go(func() {
			l, err := openLink(context.Background(), a.opt.Addr, int32(i))
			if err == nil {
				err = a.write(l, c, a.opt.Wordings[i%len(a.opt.Wordings)])
				l.Close()
			}
			if err != nil {
				failed <- err
			}
		})
	}
	sending.Wait()
	deadline := time.Now().Add(5 * time.Second)
	for {
		a.mu.Lock()
		out.Missed = 0
		for c, sent := range used {
			out.Missed += max(0, missing(c, sent))
		}
		a.mu.Unlock()
		if out.Missed == 0 || time.Now().After(deadline) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	a.mu.Lock()
	out.Reach, a.reach = a.reach, Histogram{}
	a.pending = map[string]*change{}
	a.mu.Unlock()
	for _, g := range a.agents {
		out.Frames += g.frames.Load()
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// Idle keeps the consoles open for a time in which nothing happens but their pings.
func (a *Agents) Idle(length float64, _ *None) error {
	const pingEvery = 25.0 // seconds, as consoles do
	begin := time.Now()
	for k := 0; ; k++ {
		at := begin.Add(seconds(float64(k) * pingEvery / float64(len(a.agents))))
		if at.Sub(begin) > seconds(length) {
			return nil
		}
		time.Sleep(time.Until(at))
		if err := a.agents[k%len(a.agents)].conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)); err != nil {
			return err
		}
	}
}
