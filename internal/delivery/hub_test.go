package delivery_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/bus"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}

const tenant = "acme"

var quiet = slog.New(slog.DiscardHandler)

// each runs a story on both databases and sees that no goroutine outlives it.
func each(t *testing.T, story func(t *testing.T, db *sqldb.DB)) {
	for _, name := range []string{"sqlite", "postgres"} {
		t.Run(name, func(t *testing.T) {
			var o sqldb.Options
			if name == "postgres" {
				o.URL = sqldbtest.PostgresURL(t)
			} else {
				o.Dir = t.TempDir()
			}
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, before) })
			db, err := sqldb.Open(t.Context(), o)
			must(t, err)
			t.Cleanup(func() { must(t, db.Close()) })
			story(t, db)
		})
	}
}

// talk is a service that takes messages and notifies as told. It works no turns off: what customers write is change enough.
func talk(t *testing.T, db *sqldb.DB, n conversation.Notifier) *conversation.Service {
	t.Helper()
	vault, err := compliance.OpenVault(t.Context(), db, bytes.Repeat([]byte{7}, 32))
	must(t, err)
	checker, err := compliance.NewChecker(t.Context(), db, quiet)
	must(t, err)
	return conversation.New(conversation.Deps{DB: db, Vault: vault, Checker: checker, Notify: n})
}

func open(t *testing.T, s *conversation.Service) conversation.Key {
	t.Helper()
	_, _, id, err := s.Open(t.Context(), tenant, "shop", "", "", "zh")
	must(t, err)
	return conversation.Key{Tenant: tenant, ID: id}
}

func says(t *testing.T, s *conversation.Service, key conversation.Key, clientID string) int64 {
	t.Helper()
	seq, err := s.Accept(t.Context(), conversation.Inbound{Tenant: tenant, Site: "shop", Conversation: key.ID, ClientID: clientID, Content: frontdesk.TextContent("hello " + clientID)})
	must(t, err)
	return seq
}

// inbox is what a watcher got.
type inbox struct {
	mu     sync.Mutex
	seqs   []int64
	texts  map[int64]string
	owners []conversation.Owner
	typing []string
}

func (i *inbox) watcher(key conversation.Key, a conversation.Audience) *delivery.Watcher {
	return &delivery.Watcher{Key: key, Audience: a,
		Changed: func(items []delivery.Item, _ int64) {
			i.mu.Lock()
			defer i.mu.Unlock()
			if i.texts == nil {
				i.texts = map[int64]string{}
			}
			for _, m := range items {
				i.seqs = append(i.seqs, m.Change)
				i.texts[m.Seq] = string(m.Frame())
			}
		},
		Owner:  func(o conversation.Owner) { i.mu.Lock(); i.owners = append(i.owners, o); i.mu.Unlock() },
		Typing: func(y delivery.Typing) { i.mu.Lock(); i.typing = append(i.typing, y.From); i.mu.Unlock() },
	}
}

func (i *inbox) got() []int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.seqs)
}

// has reports whether all changes from..to came.
func (i *inbox) has(from, to int64) bool {
	got := map[int64]bool{}
	for _, seq := range i.got() {
		got[seq] = true
	}
	for seq := from; seq <= to; seq++ {
		if !got[seq] {
			return false
		}
	}
	return true
}

// crossing passes news on late and in another order than it happened, as goroutines after a commit do.
type crossing struct {
	hub  *delivery.Hub
	mu   sync.Mutex
	held []conversation.Update
}

func (c *crossing) Notify(u conversation.Update) {
	c.mu.Lock()
	c.held = append(c.held, u)
	var out []conversation.Update
	if len(c.held) >= 5 {
		out, c.held = c.held, nil
	}
	c.mu.Unlock()
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for _, u := range out {
		c.hub.Notify(u)
	}
}

func (c *crossing) flush() {
	c.mu.Lock()
	out := c.held
	c.held = nil
	c.mu.Unlock()
	for _, u := range out {
		c.hub.Notify(u)
	}
}

// Watchers come in the middle of it all, from different numbers, while messages are committed from many sides and the news
// of them cross. None misses anything, and each has every number once and in order.
func TestWatchFromANumberMissesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		hub, err := delivery.New(nil, quiet)
		must(t, err)
		news := &crossing{hub: hub}
		s := talk(t, db, news)
		hub.SetLog(s)
		key := open(t, s)
		const writers, each = 8, 30
		boxes := make([]*inbox, 6)
		from := make([]int64, len(boxes))
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					seq := says(t, s, key, fmt.Sprintf("%d-%d", w, i))
					if b := int(seq) / 40; seq%40 == 1 && b < len(boxes) {
						boxes[b], from[b] = &inbox{}, max(seq-10, 0)
						if _, _, err := hub.Watch(t.Context(), boxes[b].watcher(key, conversation.ForCustomer), from[b]); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		news.flush()
		for b, box := range boxes {
			if box == nil {
				t.Fatalf("watcher %d never came", b)
			}
			until(t, "everything", func() bool { return box.has(from[b]+1, writers*each) })
			last := from[b]
			for _, seq := range box.got() {
				if seq != last+1 {
					t.Fatalf("watcher %d saw %d after %d", b, seq, last)
				}
				last = seq
			}
		}
		hub.Wait()
	})
}

// slow is a database that answers when it is let.
type slow struct {
	delivery.Log
	asked chan int64 // after which number
	let   chan struct{}
}

func (s slow) Changes(ctx context.Context, tenant, id string, after int64, limit int, a conversation.Audience) (conversation.Page, error) {
	if after > 0 {
		s.asked <- after
		<-s.let
	}
	return s.Log.Changes(ctx, tenant, id, after, limit, a)
}

// While the database takes its time over what is missing, nobody who brings news waits for it, and what they bring comes in its
// place: nothing is missed and nothing comes twice.
func TestCatchingUpHoldsNobodyUp(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		hub, err := delivery.New(nil, quiet)
		must(t, err)
		news := &kept{}
		s := talk(t, db, news)
		log := slow{Log: s, asked: make(chan int64, 100), let: make(chan struct{})}
		hub.SetLog(log)
		key := open(t, s)
		says(t, s, key, "1")
		var box inbox
		_, _, err = hub.Watch(t.Context(), box.watcher(key, conversation.ForCustomer), 0)
		must(t, err)
		for i := 2; i <= 6; i++ {
			says(t, s, key, fmt.Sprint(i))
		}
		lin := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "lin", Tenant: tenant, Name: "Lin"})
		_, err = s.Take(lin, tenant, key.ID, false)
		must(t, err)
		_, err = s.HandBack(lin, tenant, key.ID, false)
		must(t, err)
		told := news.all() // of the second message on: the first was there before the watcher
		told = told[1:]
		hub.Notify(told[2]) // of the fourth, so that two are missing
		if after := <-log.asked; after != 1 {
			t.Errorf("looked after %d", after)
		}
		for i, u := range told { // the database has not answered yet, and none of these waits for it
			if i != 2 {
				hub.Notify(u)
			}
		}
		if got := box.got(); !slices.Equal(got, []int64{1}) {
			t.Errorf("before the answer: %v", got)
		}
		close(log.let)
		hub.Wait()
		if got := box.got(); !slices.Equal(got, []int64{1, 2, 3, 4, 5, 6, 7}) {
			t.Errorf("came %v", got)
		}
		box.mu.Lock()
		defer box.mu.Unlock()
		if n := len(box.owners); n > 0 && box.owners[n-1] != conversation.OwnerBot {
			t.Errorf("owned by %v at last", box.owners)
		}
	})
}

// kept is news that nobody has been told yet.
type kept struct {
	mu   sync.Mutex
	list []conversation.Update
}

func (k *kept) Notify(u conversation.Update) { k.mu.Lock(); k.list = append(k.list, u); k.mu.Unlock() }
func (k *kept) all() []conversation.Update   { k.mu.Lock(); defer k.mu.Unlock(); return k.list }

// A watcher that goes and comes back with its last number has everything once.
func TestComingBackMissesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		hub, err := delivery.New(nil, quiet)
		must(t, err)
		s := talk(t, db, hub)
		hub.SetLog(s)
		key := open(t, s)
		var all []int64
		var last int64
		for round := range 5 {
			box := &inbox{}
			w := box.watcher(key, conversation.ForCustomer)
			if _, _, err := hub.Watch(t.Context(), w, last); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				last = says(t, s, key, fmt.Sprintf("on %d %d", round, i))
			}
			hub.Unwatch(w)
			hub.Unwatch(w)
			all = append(all, box.got()...)
			for i := range 4 {
				says(t, s, key, fmt.Sprintf("off %d %d", round, i))
			}
		}
		for i, seq := range all {
			if seq != int64(i+1) {
				t.Fatalf("saw %v", all)
			}
		}
		if hub.Watchers() != 0 {
			t.Errorf("%d watchers are left", hub.Watchers())
		}
	})
}

// A client that claims to have seen more than there is hears what comes next all the same, and spoils it for nobody.
func TestWatchBeyondTheEnd(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		hub, err := delivery.New(nil, quiet)
		must(t, err)
		s := talk(t, db, hub)
		hub.SetLog(s)
		key := open(t, s)
		says(t, s, key, "1")
		var honest, boaster inbox
		_, _, err = hub.Watch(t.Context(), honest.watcher(key, conversation.ForCustomer), 0)
		must(t, err)
		seq, _, err := hub.Watch(t.Context(), boaster.watcher(key, conversation.ForCustomer), 1_000_000)
		must(t, err)
		if seq != 1 {
			t.Errorf("the boaster is told to be at %d", seq)
		}
		says(t, s, key, "2")
		if !honest.has(1, 2) {
			t.Errorf("the honest watcher saw %v", honest.got())
		}
		if !boaster.has(2, 2) {
			t.Errorf("the boaster saw %v", boaster.got())
		}
	})
}

// cluster is a NATS server on TCP, as nodes share one.
func cluster(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	must(t, err)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS did not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

// nodes are two hubs of two processes: the first is told of commits, the second hears of them by the bus.
func nodes(t *testing.T, db *sqldb.DB, url string) (s *conversation.Service, first, second *delivery.Hub) {
	t.Helper()
	hubs := make([]*delivery.Hub, 2)
	for i := range hubs {
		b, err := bus.Open(url, quiet)
		must(t, err)
		t.Cleanup(b.Close)
		until(t, "the bus", b.Connected)
		hubs[i], err = delivery.New(b, quiet)
		must(t, err)
	}
	s = talk(t, db, hubs[0])
	hubs[0].SetLog(s)
	hubs[1].SetLog(s)
	return s, hubs[0], hubs[1]
}

func TestOtherNodesHearByTheBus(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		s, first, second := nodes(t, db, cluster(t).ClientURL())
		key := open(t, s)
		says(t, s, key, "0")
		var box inbox
		_, _, err := second.Watch(t.Context(), box.watcher(key, conversation.ForCustomer), 0)
		must(t, err)
		until(t, "a hint", func() bool { // the subscription needs a moment to reach the server
			says(t, s, key, frontdesk.NewID())
			return box.has(1, 2)
		})
		lin := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "lin", Tenant: tenant, Name: "Lin"})
		_, err = s.Take(lin, tenant, key.ID, false)
		must(t, err)
		first.Typing(key, delivery.Typing{From: "agent", On: true})
		until(t, "owner and typing", func() bool {
			box.mu.Lock()
			defer box.mu.Unlock()
			return slices.Equal(box.owners, []conversation.Owner{conversation.OwnerAgent}) && slices.Equal(box.typing, []string{"agent"})
		})
		note, err := s.Note(lin, tenant, key.ID, "n", frontdesk.TextContent("for staff only"))
		must(t, err)
		m, err := s.Reply(lin, tenant, key.ID, "r", frontdesk.TextContent("您好"))
		must(t, err)
		until(t, "the reply", func() bool { return box.has(m.Seq, m.Seq) })
		if box.has(note.Seq, note.Seq) {
			t.Error("a note came to the customer")
		}
		for _, text := range box.texts {
			if !strings.HasPrefix(text, `{"type":"message","message":{`) {
				t.Errorf("frame %s", text)
			}
		}
	})
}

// The cluster is gone. What hints would have told is found by looking.
func TestLostHintsAreHealedByPolling(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		nats := cluster(t)
		s, _, second := nodes(t, db, nats.ClientURL())
		key := open(t, s)
		says(t, s, key, "1")
		var box inbox
		_, _, err := second.Watch(t.Context(), box.watcher(key, conversation.ForCustomer), 0)
		must(t, err)
		nats.Shutdown()
		nats.WaitForShutdown()
		ctx, stop := context.WithCancel(t.Context())
		var polling sync.WaitGroup
		polling.Go(func() { second.Poll(ctx, s.Heads) })
		defer polling.Wait()
		defer stop()
		last := says(t, s, key, "2")
		last = max(last, says(t, s, key, "3"))
		until(t, "what nobody hinted at", func() bool { return box.has(1, last) })
		lin := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "lin", Tenant: tenant, Name: "Lin"})
		_, err = s.Take(lin, tenant, key.ID, false)
		must(t, err)
		until(t, "the new owner", func() bool {
			box.mu.Lock()
			defer box.mu.Unlock()
			return len(box.owners) == 1 && box.owners[0] == conversation.OwnerAgent
		})
	})
}

// A conversation whose first word comes while somebody already watches it on another node.
func TestFirstWordIsFoundByPolling(t *testing.T) {
	db := sqldbtest.SQLite(t)
	nats := cluster(t)
	s, _, second := nodes(t, db, nats.ClientURL())
	key := open(t, s)
	var box inbox
	_, _, err := second.Watch(t.Context(), box.watcher(key, conversation.ForCustomer), 0)
	must(t, err)
	nats.Shutdown()
	nats.WaitForShutdown()
	ctx, stop := context.WithCancel(t.Context())
	var polling sync.WaitGroup
	polling.Go(func() { second.Poll(ctx, s.Heads) })
	defer polling.Wait()
	defer stop()
	says(t, s, key, "1")
	until(t, "the first word", func() bool { return box.has(1, 1) })
}

// Await gives what is there at once, waits for what comes, and ends in time when nothing does.
func TestAwait(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		hub, err := delivery.New(nil, quiet)
		must(t, err)
		s := talk(t, db, hub)
		hub.SetLog(s)
		key := open(t, s)
		got := make(chan conversation.Page, 1)
		go func() {
			p, err := hub.Await(t.Context(), key, conversation.ForCustomer, 0, 10*time.Second)
			if err != nil {
				t.Error(err)
			}
			got <- p
		}()
		until(t, "somebody to wait", func() bool { return hub.Watchers() == 1 })
		says(t, s, key, "1")
		if p := <-got; len(p.Messages) != 1 || p.Seq != 1 {
			t.Errorf("waited for %+v", p)
		}
		p, err := hub.Await(t.Context(), key, conversation.ForCustomer, 1, 50*time.Millisecond)
		if err != nil || len(p.Messages) != 0 || p.Seq != 1 {
			t.Errorf("nothing came: %+v, %v", p, err)
		}
		if hub.Watchers() != 0 {
			t.Error("a watcher is left behind")
		}
	})
}

func TestWatchOfNoConversationFails(t *testing.T) {
	db := sqldbtest.SQLite(t)
	hub, err := delivery.New(nil, quiet)
	must(t, err)
	s := talk(t, db, hub)
	hub.SetLog(s)
	var box inbox
	if _, _, err := hub.Watch(t.Context(), box.watcher(conversation.Key{Tenant: tenant, ID: "none"}, conversation.ForCustomer), 0); frontdesk.KindOf(err) != frontdesk.NotFound {
		t.Errorf("got %v", err)
	}
	if hub.Watchers() != 0 {
		t.Error("a watcher is left behind")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

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
