package conversation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"go.uber.org/goleak"
)

const (
	tenant = "acme"
	shop   = "shop" // the site
)

// What the company knows. Tests ask by these very wordings, so that an answer is certain.
var entries = []knowledge.Entry{
	{ID: "return", Question: "怎么退货？", Similar: []string{"我要退货", "退货流程是什么"}, Answer: "签收七天内可以申请退货。", Lang: "zh"},
	{ID: "freight", Question: "运费多少钱？", Similar: []string{"邮费怎么算", "包邮吗"}, Answer: "满 99 元包邮。", Lang: "zh"},
	{ID: "invoice", Question: "怎么开发票？", Similar: []string{"能开发票吗", "发票怎么申请"}, Answer: "下单时勾选电子发票。", Lang: "zh"},
	{ID: "track", Question: "我的订单到哪了？", Similar: []string{"查物流", "快递到哪了"}, Answer: "可以在订单页查看物流。", Lang: "zh"},
	{ID: "hours", Question: "What are your opening hours?", Similar: []string{"When are you open?", "opening times"}, Answer: "We are open from 9 to 18.", Lang: "en"},
}

// place is where a database is, so that a second process can be started on it.
type place struct{ dir, url string }

// each tells a story on SQLite and on PostgreSQL, and sees that no goroutine outlives it.
func each(t *testing.T, story func(t *testing.T, p place)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { story(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { story(t, onPostgres(t)) })
}

func onSQLite(t *testing.T) place {
	t.Helper()
	noLeaks(t)
	return place{dir: t.TempDir()}
}

func onPostgres(t *testing.T) place {
	t.Helper()
	url := sqldbtest.PostgresURL(t)
	noLeaks(t)
	return place{url: url}
}

func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// setup is what a node is started with beyond the usual.
type setup struct {
	timing   conversation.Timing
	now      func() time.Time
	actions  map[string]conversation.Action
	releases func(conversation.Releases) conversation.Releases
	maxTurns int
	asleep   bool // takes messages but works none off: a node that dies right after the acknowledgement
}

// node is one process of the company's: the path's real parts on a real database.
type node struct {
	*conversation.Service
	t     *testing.T
	db    *sqldb.DB
	vault *compliance.Vault
	sites *channel.Sites
	store *knowledge.Store
	heard *ear
	logs  *syncBuffer
	stop  func() // ends the process in good order; more than once does no harm
}

// start starts a node; the first one on a place makes the company.
func start(t *testing.T, p place, s setup) *node {
	t.Helper()
	ctx := t.Context()
	logs := &syncBuffer{}
	log := slog.New(slog.NewTextHandler(logs, nil))
	db, err := sqldb.Open(ctx, sqldb.Options{Dir: p.dir, URL: p.url, Now: s.now, Log: log})
	must(t, err)
	master := bytes.Repeat([]byte{7}, 32)
	n := &node{t: t, db: db, heard: &ear{}, logs: logs}
	n.vault, err = compliance.OpenVault(ctx, db, master)
	must(t, err)
	checker, err := compliance.NewChecker(ctx, db, log)
	must(t, err)
	n.sites, err = channel.NewSites(db, master)
	must(t, err)
	if _, err := n.sites.Get(ctx, tenant, shop); frontdesk.KindOf(err) == frontdesk.NotFound {
		_, err = n.sites.Create(ctx, frontdesk.Actor{Tenant: tenant, Kind: frontdesk.ActorSystem}, channel.Site{ID: shop, Key: "acme-shop",
			Name: frontdesk.Localized{"zh": "示例商城", "en": "Example shop"}, Bot: channel.DefaultBot, Languages: []string{"zh", "en"}, Zone: "Asia/Shanghai"})
		must(t, err)
	} else {
		must(t, err)
	}
	n.store = knowledge.NewStore(db)
	for _, e := range entries {
		_, err := n.store.Put(ctx, tenant, channel.DefaultBot, e, "")
		must(t, err)
	}
	var releases conversation.Releases = known{n.store}
	if s.releases != nil {
		releases = s.releases(releases)
	}
	if s.timing == (conversation.Timing{}) {
		s.timing = conversation.Timing{Wait: 100 * time.Millisecond, IdleClose: 30 * time.Minute, ActionTime: 2 * time.Second}
	}
	n.Service = conversation.New(conversation.Deps{DB: db, Vault: n.vault, Checker: checker, Releases: releases, Sites: n.sites, Notify: n.heard,
		Actions: map[string]map[string]conversation.Action{tenant: s.actions}, Log: log, Timing: s.timing, MaxTurns: s.maxTurns})
	n.run(s.asleep)
	t.Cleanup(n.stop)
	return n
}

func (n *node) run(asleep bool) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if !asleep {
		running.Go(func() {
			if err := n.Run(ctx); err != nil {
				n.t.Errorf("the node stopped: %v", err)
			}
		})
	}
	n.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := n.db.Close(); err != nil {
			n.t.Errorf("close database: %v", err)
		}
		if n.t.Failed() {
			n.t.Logf("log of the node:\n%s", n.logs)
		}
	})
}

// known is the company's knowledge as the path asks for it.
type known struct{ store *knowledge.Store }

func (k known) Latest(ctx context.Context, tenant, bot string) (dialogue.Release, int64, error) {
	r, err := k.store.Latest(ctx, tenant, bot)
	if err != nil {
		return nil, 0, err
	}
	return r.Index, r.Number, nil
}

// gate stops turns where they have read everything and decided nothing.
type gate struct {
	conversation.Releases
	mu     sync.Mutex
	closed chan struct{} // nil while open
	inside atomic.Int64
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = make(chan struct{})
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed != nil {
		close(g.closed)
		g.closed = nil
	}
}

func (g *gate) Latest(ctx context.Context, tenant, bot string) (dialogue.Release, int64, error) {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed != nil {
		g.inside.Add(1)
		<-closed
		g.inside.Add(-1)
	}
	return g.Releases.Latest(ctx, tenant, bot)
}

// through puts the gate before a node's knowledge.
func (g *gate) through(r conversation.Releases) conversation.Releases {
	g.Releases = r
	return g
}

// ear hears what is told to the watchers.
type ear struct {
	mu      sync.Mutex
	updates []conversation.Update
}

func (e *ear) Notify(u conversation.Update) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.updates = append(e.updates, u)
}

func (e *ear) all() []conversation.Update {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.updates)
}

// customer is somebody with a conversation.
type customer struct {
	*node
	visitor, contact string
	key              conversation.Key
}

func (n *node) customer() *customer {
	n.t.Helper()
	visitor, contact, id, err := n.Open(n.t.Context(), tenant, shop, "", "", "zh")
	must(n.t, err)
	return &customer{node: n, visitor: visitor, contact: contact, key: conversation.Key{Tenant: tenant, ID: id}}
}

// at is the same customer as another node sees them.
func (c *customer) at(n *node) *customer {
	return &customer{node: n, visitor: c.visitor, contact: c.contact, key: c.key}
}

func (c *customer) inbound(clientID, text string) conversation.Inbound {
	return conversation.Inbound{Tenant: tenant, Site: shop, Conversation: c.key.ID, Visitor: c.visitor, ClientID: clientID,
		Content: frontdesk.TextContent(text)}
}

// says sends a message and returns its number.
func (c *customer) says(text string) int64 {
	c.t.Helper()
	seq, err := c.Accept(c.t.Context(), c.inbound(frontdesk.NewID(), text))
	must(c.t, err)
	return seq
}

// messages is the conversation as staff see it.
func (c *customer) messages() []conversation.Message {
	c.t.Helper()
	p, err := c.Changes(c.t.Context(), tenant, c.key.ID, 0, 1000, conversation.ForStaff)
	must(c.t, err)
	return p.Messages
}

func (c *customer) by(from conversation.Author) (out []conversation.Message) {
	c.t.Helper()
	for _, m := range c.messages() {
		if m.From == from {
			out = append(out, m)
		}
	}
	return out
}

// hears waits until the bot has written n messages and nothing is left to do, and returns them.
func (c *customer) hears(n int) []conversation.Message {
	c.t.Helper()
	until(c.t, fmt.Sprintf("%d messages of the bot", n), func() bool { return len(c.by(conversation.ByBot)) >= n })
	c.settled()
	got := c.by(conversation.ByBot)
	if len(got) != n {
		c.t.Fatalf("the bot wrote %d messages, want %d:\n%s", len(got), n, c.transcript())
	}
	return got
}

// settled waits until nobody works on the conversation and everything in it has been dealt with.
func (c *customer) settled() {
	c.t.Helper()
	until(c.t, "the conversation to come to rest", func() bool {
		r := c.row()
		return r.claim == "" && r.asked <= r.done && !c.Busy(c.t.Context())
	})
}

// row is what the conversation's row says.
type row struct {
	owner, agent, claim, state, preview    string
	seq, asked, done, turn, episode, inbox int64
}

func (c *customer) row() (r row) {
	c.t.Helper()
	must(c.t, c.db.QueryRow(c.t.Context(), `SELECT owner, agent, claim, state, preview, seq, asked_seq, done_seq, turn, episode, inbox FROM conversation
		WHERE tenant = $1 AND id = $2`, tenant, c.key.ID).Scan(&r.owner, &r.agent, &r.claim, &r.state, &r.preview, &r.seq, &r.asked, &r.done, &r.turn, &r.episode, &r.inbox))
	return r
}

func (c *customer) transcript() string {
	var b bytes.Buffer
	for _, m := range c.messages() {
		fmt.Fprintf(&b, "%d %s -> %v: %q %s\n", m.Seq, m.From, m.ReplyTo, m.Text, m.State)
	}
	fmt.Fprintf(&b, "%+v", c.row())
	return b.String()
}

// exec changes the database behind the service's back.
func (n *node) exec(query string, args ...any) {
	n.t.Helper()
	must(n.t, n.db.Write(n.t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}))
}

// answeredOnce sees that each message of the customer's is named by exactly one reply.
func (c *customer) answeredOnce() {
	c.t.Helper()
	times := map[int64]int{}
	for _, m := range c.by(conversation.ByBot) {
		for _, seq := range m.ReplyTo {
			times[seq]++
		}
	}
	for _, m := range c.by(conversation.ByCustomer) {
		if times[m.Seq] != 1 {
			c.t.Errorf("message %d was answered %d times:\n%s", m.Seq, times[m.Seq], c.transcript())
		}
	}
}

// staff is a context in which a member of staff acts.
func staff(t *testing.T, id string) context.Context {
	return frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: id, Tenant: tenant, Name: "Ms " + id})
}

// clock is a clock that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// system is a system of the company's that the bot may call.
type system struct {
	mu    sync.Mutex
	keys  []string
	who   conversation.Asker // of the last call
	input map[string]string
	reply func(call int, key string) (json.RawMessage, error)
}

func (s *system) Call(_ context.Context, key string, who conversation.Asker, input map[string]string) (json.RawMessage, error) {
	s.mu.Lock()
	s.keys = append(s.keys, key)
	s.who, s.input = who, input
	n := len(s.keys)
	s.mu.Unlock()
	return s.reply(n, key)
}

func (s *system) calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until polls for a condition. The bound is for machines that are busy with other things.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
