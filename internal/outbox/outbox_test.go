package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// receiver is a sender that remembers what reached it and answers as told.
type receiver struct {
	mu     sync.Mutex
	got    []string
	answer func(it Item) Result
}

func (r *receiver) send(_ context.Context, it Item) Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, it.Target+" "+string(it.Payload))
	if r.answer == nil {
		return Result{Status: 200, Response: "thanks"}
	}
	return r.answer(it)
}

func (r *receiver) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	slices.Sort(got)
	return got
}

func worker(db *sqldb.DB, r *receiver, o Options) *Worker {
	return NewWorker(db, map[string]Sender{"test": r.send}, o)
}

func put(t *testing.T, db *sqldb.DB, tenant, target, payload string) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := Put(tx, Item{Tenant: tenant, Channel: "test", Target: target, Payload: []byte(payload), Key: target + payload})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func drain(t *testing.T, w *Worker, want int) {
	t.Helper()
	if n, err := w.Drain(t.Context()); err != nil || n != want {
		t.Fatalf("%d attempts, %v; want %d", n, err, want)
	}
}

// elapse makes everything that waits due, as if the longest pause had passed.
func elapse(t *testing.T, db *sqldb.DB) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec("UPDATE outbox SET due_at = 1, lease_until = 0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func only(t *testing.T, db *sqldb.DB, target string) Delivery {
	t.Helper()
	list, err := List(t.Context(), db, "t1", "test", target, "", 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d deliveries, %v", len(list), err)
	}
	return list[0]
}

func TestItemsArriveOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := &receiver{}
		w := worker(db, r, Options{})
		put(t, db, "t1", "a", "1")
		put(t, db, "t1", "a", "1") // known by its key
		put(t, db, "t1", "a", "2")
		put(t, db, "t2", "b", "1")
		boom := errors.New("boom")
		if err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			if _, err := Put(tx, Item{Tenant: "t1", Channel: "test", Target: "a", Payload: []byte("never"), Key: "never"}); err != nil {
				return err
			}
			return boom
		}); !errors.Is(err, boom) {
			t.Fatal(err)
		}
		drain(t, w, 3)
		if got := r.take(); !slices.Equal(got, []string{"a 1", "a 2", "b 1"}) {
			t.Errorf("got %q", got)
		}
		drain(t, w, 0)
		if list, err := List(t.Context(), db, "t1", "test", "a", "", 10); err != nil || len(list) != 2 || list[0].Status != StatusDone {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestFailuresComeAgainThenGiveUp(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := &receiver{answer: func(Item) Result {
			return Result{Status: 500, Response: "oops\x00\xff", Err: errors.New("answered 500")}
		}}
		w := worker(db, r, Options{MaxAttempts: 3})
		put(t, db, "t1", "a", `{"n":1}`)
		var last int64
		for n := 1; n <= 3; n++ {
			drain(t, w, 1)
			d := only(t, db, "a")
			if n < 3 {
				if pause := d.DueAt - db.Now().UnixMicro(); d.Status != StatusReady || d.DoneAt != 0 || d.Attempts != n || pause <= last {
					t.Fatalf("after %d: %+v, pause %d after %d", n, d, pause, last)
				} else {
					last = pause
				}
				drain(t, w, 0) // not before its time
			}
			elapse(t, db)
		}
		d := only(t, db, "a")
		if failing, err := Failing(t.Context(), db, "t1", "test"); err != nil || failing["a"] != 1 {
			t.Errorf("failing: %v, %v", failing, err)
		}
		if d.Status != StatusDead || d.LastError != "answered 500" || d.Code != 500 || d.DoneAt == 0 || string(d.Payload) != `{"n":1}` {
			t.Errorf("%+v", d)
		}
		drain(t, w, 0)
		_, attempts, err := Get(t.Context(), db, "t1", "test", d.ID)
		if err != nil || len(attempts) != 3 || attempts[2].Number != 3 || attempts[2].Status != 500 || attempts[2].Response != "oops\uFFFD" || attempts[2].Error != "answered 500" {
			t.Errorf("%+v, %v", attempts, err)
		}

		// Someone mends the receiver and has the item sent again.
		r.take()
		r.answer = nil
		if err := Replay(t.Context(), db, "t2", "test", d.ID); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another tenant's: %v", err)
		}
		if err := Replay(t.Context(), db, "t1", "test", d.ID); err != nil {
			t.Fatal(err)
		}
		if err := Replay(t.Context(), db, "t1", "test", d.ID); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("twice: %v", err)
		}
		drain(t, w, 1)
		if d := only(t, db, "a"); d.Status != StatusDone || d.Attempts != 1 || d.LastError != "" || d.Code != 200 || d.DoneAt == 0 {
			t.Errorf("after the replay: %+v", d)
		}
		if failing, err := Failing(t.Context(), db, "t1", "test"); err != nil || len(failing) != 0 {
			t.Errorf("failing after it arrived: %v, %v", failing, err)
		}
		if _, attempts, _ := Get(t.Context(), db, "t1", "test", d.ID); len(attempts) != 4 || attempts[3].Status != 200 {
			t.Errorf("%+v", attempts)
		}
		if _, _, err := Get(t.Context(), db, "t2", "test", d.ID); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another tenant's: %v", err)
		}
	})
}

func TestPermanentRefusalIsDeadAtOnce(t *testing.T) {
	db := sqldbtest.SQLite(t)
	w := worker(db, &receiver{answer: func(Item) Result { return Result{Status: 410, Err: errors.New("gone"), Permanent: true} }}, Options{})
	put(t, db, "t1", "a", "1")
	drain(t, w, 1)
	if d := only(t, db, "a"); d.Status != StatusDead {
		t.Errorf("%+v", d)
	}
	put(t, db, "t1", "b", "1")
	drain(t, NewWorker(db, nil, Options{}), 1)
	if d := only(t, db, "b"); d.Status != StatusReady || d.LastError == "" {
		t.Errorf("without a sender: %+v", d)
	}
}

func TestATargetThatIsDownHoldsItsOwnItemsOnly(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := &receiver{answer: func(it Item) Result {
			if it.Target == "down" {
				return Result{Err: errors.New("no answer"), Down: true}
			}
			return Result{Status: 200}
		}}
		w := worker(db, r, Options{PerTarget: 1})
		for n := range 5 {
			put(t, db, "t1", "down", fmt.Sprint(n))
			put(t, db, "t1", "up", fmt.Sprint(n))
			put(t, db, "t2", "down", fmt.Sprint(n)) // another tenant's target of the same name
		}
		drain(t, w, 7)
		if got := r.take(); !slices.Equal(got, []string{"down 0", "down 0", "up 0", "up 1", "up 2", "up 3", "up 4"}) {
			t.Errorf("got %q", got)
		}
		b, err := Measure(t.Context(), db)
		if err != nil || b.Ready != 10 || b.Dead != 0 || b.Oldest != 0 {
			t.Errorf("%+v, %v", b, err)
		}
	})
}

func TestASlowTargetTakesTwoPlaces(t *testing.T) {
	db := sqldbtest.SQLite(t)
	release, arrived := make(chan struct{}), make(chan string, 100)
	w := NewWorker(db, map[string]Sender{"test": func(_ context.Context, it Item) Result {
		arrived <- it.Target
		if it.Target == "slow" {
			<-release
		}
		return Result{Status: 200}
	}}, Options{Slots: 4})
	for n := range 10 {
		put(t, db, "t1", "slow", fmt.Sprint(n))
	}
	for n := range 10 {
		put(t, db, "t1", "fast", fmt.Sprint(n))
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	count := map[string]int{}
	for count["fast"] < 10 {
		count[<-arrived]++
	}
	if count["slow"] > 2 {
		t.Errorf("the slow target had %d places", count["slow"])
	}
	close(release)
	for count["slow"] < 10 {
		count[<-arrived]++
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAStopGivesTheItemBack(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		started := make(chan struct{})
		w := NewWorker(db, map[string]Sender{"test": func(ctx context.Context, it Item) Result {
			close(started)
			<-ctx.Done()
			return Result{Err: ctx.Err(), Down: true}
		}}, Options{})
		put(t, db, "t1", "a", "1")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		<-started
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if d := only(t, db, "a"); d.Status != StatusReady || d.Attempts != 0 {
			t.Errorf("%+v", d)
		}
		r := &receiver{}
		drain(t, worker(db, r, Options{}), 1) // the next process sends it at once
	})
}

func TestACrashSendsAgainAfterTheLease(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		dead, r := worker(db, &receiver{}, Options{}), &receiver{}
		put(t, db, "t1", "a", "1")
		d := only(t, db, "a")
		claimed, err := dead.claimItems(t.Context(), []Item{{Tenant: "t1", ID: d.ID, Channel: "test", Target: "a"}})
		if err != nil || len(claimed) != 1 {
			t.Fatal(claimed, err)
		}
		alive := worker(db, r, Options{})
		alive.claim = "another process"
		drain(t, alive, 0)
		elapse(t, db)
		drain(t, alive, 1)
		// The first one wakes and reports; its claim is gone, and its word no longer counts.
		if err := dead.record(t.Context(), claimed[0], Result{Err: errors.New("late")}, time.Second, false); err != nil {
			t.Fatal(err)
		}
		if d := only(t, db, "a"); d.Status != StatusDone {
			t.Errorf("%+v", d)
		}
	})
}

func TestTwoNodesSendEachItemOnce(t *testing.T) {
	db := sqldbtest.Postgres(t)
	r := &receiver{}
	for n := range 40 {
		put(t, db, "t1", fmt.Sprint("target", n%5), fmt.Sprint(n))
	}
	var nodes sync.WaitGroup
	for n := range 3 {
		w := worker(db, r, Options{})
		w.claim = fmt.Sprint("node", n)
		nodes.Go(func() {
			if _, err := w.Drain(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	nodes.Wait()
	drain(t, worker(db, r, Options{}), 0)
	got := r.take()
	if len(got) != 40 || len(slices.Compact(got)) != 40 {
		t.Errorf("%d sent", len(got))
	}
}

func TestForgetAndDrop(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		w := worker(db, &receiver{}, Options{})
		for n := range 3 {
			put(t, db, "t1", "a", fmt.Sprint(n))
		}
		drain(t, w, 3)
		put(t, db, "t1", "a", "waits")
		forget := func(before time.Time, limit int) (n int64) {
			t.Helper()
			if err := db.Write(t.Context(), func(tx *sqldb.Tx) (err error) {
				n, err = Forget(tx, before.UnixMicro(), limit)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := forget(time.Now().Add(-time.Hour), 10); n != 0 {
			t.Errorf("forgot %d fresh items", n)
		}
		if n := forget(time.Now().Add(time.Hour), 2); n != 2 {
			t.Errorf("forgot %d, want the bite of 2", n)
		}
		if n := forget(time.Now().Add(time.Hour), 10); n != 1 {
			t.Errorf("forgot %d, want the one that was left", n)
		}
		only(t, db, "a")
		if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return Drop(tx, "t1", "test", "a") }); err != nil {
			t.Fatal(err)
		}
		var left int
		if err := db.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM outbox_attempt)").Scan(&left); err != nil || left != 0 {
			t.Errorf("%d rows left, %v", left, err)
		}
	})
}

func TestListPages(t *testing.T) {
	db := sqldbtest.SQLite(t)
	for n := range 5 {
		put(t, db, "t1", "a", fmt.Sprint(n))
	}
	var got []string
	before := ""
	for {
		page, err := List(t.Context(), db, "t1", "test", "a", before, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, d := range page {
			got = append(got, string(d.Payload))
		}
		before = page[len(page)-1].ID
	}
	if !slices.Equal(got, []string{"4", "3", "2", "1", "0"}) {
		t.Errorf("got %q", got)
	}
}

func TestPauseGrowsScattersAndListens(t *testing.T) {
	w := NewWorker(sqldbtest.SQLite(t), nil, Options{})
	for attempts, want := range map[int]time.Duration{1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 11: time.Hour, 1000: time.Hour} {
		for range 50 {
			if p := w.pause(attempts, 0); p < want*3/4 || p > want*5/4 {
				t.Errorf("after %d: %s", attempts, p)
			}
		}
	}
	if p := w.pause(1, 2*time.Minute); p != 2*time.Minute {
		t.Errorf("asked for 2 min: %s", p)
	}
	if p := w.pause(1, 48*time.Hour); p != time.Hour {
		t.Errorf("asked for two days: %s", p)
	}
}
