package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"frontdesk"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"
	"frontdesk/internal/sqldb"
)

// floor is the database as the feed reads it.
type floor struct {
	*sqldb.Tail
	conv *conversation.Service
	fail chan error // what the next readings come to
}

func (f floor) Rows(ctx context.Context, tenant string, ids []string) ([]delivery.Row, error) {
	select {
	case err := <-f.fail:
		return nil, err
	default:
	}
	list, err := f.conv.Summaries(ctx, tenant, ids)
	var out []delivery.Row
	for _, c := range list {
		body, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		out = append(out, delivery.Row{ID: c.ID, Site: c.Site, Owner: string(c.Owner), Agent: c.Agent, UpdatedAt: c.UpdatedAt, QueuedAt: c.QueuedAt, JSON: body})
	}
	return out, err
}

func (f floor) Open(ctx context.Context, tenant string) ([]delivery.Open, error) {
	list, err := f.conv.OpenNow(ctx, tenant)
	var out []delivery.Open
	for _, o := range list {
		out = append(out, delivery.Open{Owner: string(o.Owner), Agent: o.Agent, Site: o.Site, Count: o.Count})
	}
	return out, err
}

func (f floor) Since(ctx context.Context, tenant string, pos int64) ([]string, int64, bool, error) {
	return f.conv.ChangedSince(ctx, tenant, pos, 100)
}

// wall is a screen and what it was sent.
type wall struct {
	*delivery.Screen
	mu     sync.Mutex
	frames [][]byte
}

func newWall(staff string) *wall {
	w := &wall{}
	w.Screen = &delivery.Screen{Tenant: tenant, Staff: staff, Send: func(f []byte) { w.mu.Lock(); w.frames = append(w.frames, f); w.mu.Unlock() }}
	return w
}

// of are the frames with something in them.
func (w *wall) of(part string) (out [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.frames {
		if strings.Contains(string(f), part) {
			out = append(out, f)
		}
	}
	return out
}

// fed is a feed that is told by hand what changed, and a number of conversations in the queue of a company.
func fed(t *testing.T, db *sqldb.DB, n int) (f *delivery.Feed, s *conversation.Service, desk floor, ids []string) {
	t.Helper()
	hub, err := delivery.New(nil, quiet)
	must(t, err)
	s = talk(t, db, hub)
	hub.SetLog(s)
	for range n {
		key := open(t, s)
		says(t, s, key, "1")
		ids = append(ids, key.ID)
	}
	desk = floor{db.NewTail(), s, make(chan error, 9)}
	return delivery.NewFeed(desk, quiet), s, desk, ids
}

func enter(t *testing.T, f *delivery.Feed, walls ...*wall) {
	t.Helper()
	for _, w := range walls {
		must(t, f.Enter(t.Context(), w.Screen, 0))
		t.Cleanup(func() { f.Exit(w.Screen) })
	}
}

func run(t *testing.T, f *delivery.Feed) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { f.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
}

func changes(ids []string, pos int64) (out []delivery.Change) {
	for _, id := range ids {
		out = append(out, delivery.Change{Pos: pos, Tenant: tenant, Conversation: id, Asked: true})
	}
	return out
}

// However many changes come at once, a screen gets one frame, the same for all who look at the list. A row that it shows is in it
// even where there are more than a frame takes.
func TestManyChangesAreOneFrame(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		f, _, _, ids := fed(t, db, 70)
		one, same, showing, elsewhere := newWall("a"), newWall("b"), newWall("c"), newWall("d")
		enter(t, f, one, same, showing, elsewhere)
		for _, w := range []*wall{one, same} {
			must(t, f.Watch(t.Context(), w.Screen, delivery.View{Name: "bot"}, nil))
		}
		oldest := ids[0] // the list has the newest first: these ten are not among the first fifty
		must(t, f.Watch(t.Context(), showing.Screen, delivery.View{Name: "bot"}, []string{oldest}))
		must(t, f.Watch(t.Context(), elsewhere.Screen, delivery.View{Name: "bot", Site: "another"}, nil))
		for range 3 {
			f.Changed(changes(ids, 1000), 1000)
		}
		run(t, f)
		until(t, "the frames", func() bool {
			return len(one.of(`"items"`)) == 1 && len(same.of(`"items"`)) == 1 && len(showing.of(`"items"`)) == 1
		})
		a, b, c := one.of(`"items"`)[0], same.of(`"items"`)[0], showing.of(`"items"`)[0]
		if &a[0] != &b[0] {
			t.Error("two screens of one list were sent two frames")
		}
		var got struct {
			Items  []struct{ ID string }
			More   bool
			Cursor int64
		}
		must(t, json.Unmarshal(a, &got))
		if len(got.Items) != 50 || !got.More || got.Cursor != 1000 {
			t.Errorf("%d items, more %v, cursor %d", len(got.Items), got.More, got.Cursor)
		}
		if strings.Contains(string(a), oldest) || !strings.Contains(string(c), oldest) {
			t.Error("the row on the screen is not in its frame")
		}
		until(t, "the counts", func() bool { return len(one.of(`"counts":{"mine":0,"queue":0,"bot":70,"all":70}`)) > 0 })
		if n := len(elsewhere.of(`"items"`)); n > 0 {
			t.Errorf("the list of another site was told of %d frames", n)
		}
	})
}

// What has left a list is told to those who have it, also where it came by a frame and nobody said that it is shown.
func TestWhatLeavesAListIsTold(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		f, s, _, ids := fed(t, db, 2)
		w, mine := newWall("lin"), newWall("lin")
		enter(t, f, w, mine)
		must(t, f.Watch(t.Context(), w.Screen, delivery.View{Name: "bot"}, ids[1:]))
		must(t, f.Watch(t.Context(), mine.Screen, delivery.View{Name: "mine"}, nil))
		run(t, f)
		f.Changed(changes(ids[:1], 10), 10)
		until(t, "it on the list", func() bool { return len(w.of(ids[0])) == 1 })
		lin := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "lin", Tenant: tenant, Name: "Lin"})
		for i, id := range ids {
			_, err := s.Take(lin, tenant, id, false)
			must(t, err)
			f.Changed([]delivery.Change{{Pos: 11, Tenant: tenant, Conversation: id, From: "bot", To: "agent", Actor: "staff:lin"}}, int64(11+i))
		}
		until(t, "both gone", func() bool {
			var left []string
			for _, frame := range w.of(`"gone":["`) { // one frame or two
				var f struct{ Gone []string }
				must(t, json.Unmarshal(frame, &f))
				left = append(left, f.Gone...)
			}
			slices.Sort(left)
			return slices.Equal(left, slices.Sorted(slices.Values(ids)))
		})
		until(t, "both in one's own", func() bool { return len(mine.of(ids[0])) == 1 && len(mine.of(ids[1])) == 1 })
		if n := mine.of(`"notice"`); len(n) > 0 {
			t.Errorf("one's own doing is news: %s", n)
		}
	})
}

// A frame that was on its way when its screen had to go brings the screen back to no list and no conversation: nobody would
// take it away again.
func TestScreenThatHasLeftStaysAway(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		f, _, _, ids := fed(t, db, 1)
		gone, stays := newWall("a"), newWall("b")
		enter(t, f, gone, stays)
		must(t, f.Watch(t.Context(), stays.Screen, delivery.View{Name: "bot"}, nil))
		f.Exit(gone.Screen)
		had := len(gone.of(""))
		must(t, f.Watch(t.Context(), gone.Screen, delivery.View{Name: "bot"}, ids))
		if there, err := f.Open(t.Context(), gone.Screen, ids[0]); err != nil || there {
			t.Errorf("opened after it had left: %v, %v", there, err)
		}
		f.Exit(gone.Screen)
		run(t, f)
		f.Changed(changes(ids, 5), 5)
		until(t, "the other one's frame", func() bool { return len(stays.of(ids[0])) == 1 })
		if got := gone.of(""); len(got) != had {
			t.Errorf("told after it had left: %s", got[had:])
		}
	})
}

// Where the database fails, changes wait; nothing is told as seen before it was.
func TestChangesOutliveAFailingDatabase(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		f, _, desk, ids := fed(t, db, 3)
		w := newWall("lin")
		enter(t, f, w)
		must(t, f.Watch(t.Context(), w.Screen, delivery.View{Name: "all"}, nil))
		desk.fail <- errors.New("the disk is gone")
		f.Changed(changes(ids[:2], 20), 20)
		run(t, f)
		until(t, "the first reading", func() bool { return len(desk.fail) == 0 })
		f.Changed(changes(ids[2:], 21), 21)
		until(t, "all three", func() bool {
			seen := ""
			for _, frame := range w.of(`"items"`) {
				seen += string(frame)
			}
			return !slices.ContainsFunc(ids, func(id string) bool { return !strings.Contains(seen, id) })
		})
		if f.Pos() != 21 && len(w.of(`"cursor":21`)) == 0 {
			t.Errorf("the feed stands at %d", f.Pos())
		}
	})
}

// More than can be kept: every screen is told to load its list, and what is open on it is told all the same.
func TestTooManyChangesAskToLoadAnew(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		f, _, _, ids := fed(t, db, 1)
		w := newWall("lin")
		enter(t, f, w)
		must(t, f.Watch(t.Context(), w.Screen, delivery.View{Name: "all"}, nil))
		there, err := f.Open(t.Context(), w.Screen, ids[0])
		if must(t, err); !there {
			t.Fatal("the conversation is not there")
		}
		var many []string
		for i := range 6000 {
			many = append(many, fmt.Sprint("made up ", i))
		}
		f.Changed(changes(many, 30), 30)
		run(t, f)
		until(t, "the word to load anew", func() bool { return len(w.of(`{"type":"reset","cursor":30}`)) == 1 })
		until(t, "the open conversation", func() bool { return len(w.of(`"state"`)) == 2 })
		if there, err := f.Open(t.Context(), w.Screen, "none"); err != nil || there {
			t.Errorf("a conversation that is not: %v, %v", there, err)
		}
	})
}
