package insight_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"frontdesk"
	"frontdesk/internal/insight"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}

type fields = map[string]any

func event(tenant, kind string, at time.Time, data fields) frontdesk.Event {
	b, err := json.Marshal(data)
	if err != nil {
		panic(err)
	}
	return frontdesk.Event{Tenant: tenant, Type: kind, At: at.UnixMicro(), Conversation: "c-" + tenant, Data: b}
}

func turn(at time.Time, kind, site, question string, first time.Duration) frontdesk.Event {
	return event("t", frontdesk.EvTurnCompleted, at, fields{"kind": kind, "site": site, "question": question, "lang": "zh", "first_response_us": first.Microseconds()})
}

// consume appends events to the log and runs the consumer until it has seen them all.
func consume(t testing.TB, db *sqldb.DB, in *insight.Insight, events ...frontdesk.Event) {
	t.Helper()
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		for _, ev := range events {
			tx.Append(ev)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { db.Sequence(ctx) })
	c := in.Consumer()
	c.Every = time.Millisecond
	wg.Go(func() { db.RunConsumer(ctx, c) })
	var want, got int64
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM event").Scan(&want); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); got < want; {
		db.QueryRow(t.Context(), "SELECT coalesce(max(pos), 0) FROM consumer").Scan(&got)
		if time.Now().After(deadline) {
			t.Fatalf("the consumer is at %d of %d", got, want)
		}
		time.Sleep(time.Millisecond) // the log is real
	}
}

func TestHomeCountsByDayHourAndSite(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		in := insight.New(db)
		zone := time.FixedZone("CST", 8*3600)
		y, m, d := time.Now().In(zone).Date()
		today := time.Date(y, m, d, 0, 30, 0, 0, zone) // half past midnight here, the day before in UTC
		yesterday := today.AddDate(0, 0, -1)
		long := today.AddDate(0, 0, -7)
		opened := func(at time.Time, site string) frontdesk.Event {
			return event("t", frontdesk.EvConversationOpened, at, fields{"site": site})
		}
		consume(t, db, in,
			opened(today, "web"), opened(today, "app"), opened(yesterday, "web"), opened(long, "web"), opened(today.AddDate(0, 0, -40), "web"),
			turn(today, "answer", "web", "怎么退货", 8*time.Millisecond), turn(today, "answer", "web", "多久到账", 0), turn(today, "clarify", "web", "安装", 0),
			turn(today, "flow", "web", "", 0), turn(today, "chitchat", "web", "", 0), turn(today, "abstain", "app", "量子纠缠", 40*time.Millisecond),
			event("t", frontdesk.EvConversationOwned, today, fields{"site": "web", "from": "bot", "to": "queue"}),
			event("t", frontdesk.EvConversationOwned, today, fields{"site": "web", "from": "queue", "to": "agent"}),
			event("t", frontdesk.EvConversationOwned, today, fields{"site": "web", "from": "agent", "to": "bot"}),
			event("t", frontdesk.EvAnswerRated, today, fields{"site": "web", "seq": 2, "solved": true}),
			event("t", frontdesk.EvAnswerRated, today, fields{"site": "web", "seq": 4, "solved": false}),
			event("t", frontdesk.EvAnswerRated, today, fields{"site": "web", "seq": 4, "solved": false, "before": -1, "reason": "x"}), // why, said afterwards
			event("t", frontdesk.EvConversationClosed, today, fields{"site": "web", "outcome": "confirmed", "turns": 5}),
			event("t", frontdesk.EvConversationClosed, today, fields{"site": "web", "outcome": "left"}),
			event("t", frontdesk.EvConversationClosed, today, fields{"site": "web", "outcome": "something new"}),
			event("other", frontdesk.EvConversationOpened, today, fields{"site": "web"}),
			event("t", frontdesk.EvMessageReceived, today, fields{"site": "web"}),
			frontdesk.Event{Tenant: "t", Type: frontdesk.EvTurnCompleted, At: today.UnixMicro(), Data: json.RawMessage(`{"kind":7}`)},
			// one turn, two questions
			event("t", frontdesk.EvTurnCompleted, today, fields{"kind": "answer", "turn": 9, "site": "web", "first_response_us": 60_000_000}),
			event("t", frontdesk.EvTurnCompleted, today, fields{"kind": "clarify", "turn": 9, "site": "web", "first_response_us": 60_000_000}),
		)
		home := func(site string) insight.Home {
			t.Helper()
			h, err := in.Home(t.Context(), "t", site, long, today, zone)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		h := home("")
		want := insight.Figures{Conversations: 2, Messages: 1, Turns: 7, Answered: 3, Clarified: 2, Guided: 1, Unknown: 1, HandedOver: 1, Solved: 1, Unsolved: 1,
			Closed: insight.Outcomes{Total: 3, Confirmed: 1, Left: 1}, First: insight.Waits{Count: 3, MeanMS: 20016, MedianMS: 55, MaxMS: 60_000}}
		if diff := cmp.Diff(want, h.Today); diff != "" {
			t.Errorf("today (-want +got):\n%s", diff)
		}
		if time.Since(time.UnixMicro(h.AsOf)) > time.Minute {
			t.Errorf("counted until %v, want now: nothing waits", time.UnixMicro(h.AsOf))
		}
		if h.Yesterday.Conversations != 1 || h.Total.Conversations != 4 {
			t.Errorf("yesterday %d, in all %d; want 1 and 4", h.Yesterday.Conversations, h.Total.Conversations)
		}
		if len(h.Days) != 8 || h.Days[0].Date != long.Format(time.DateOnly) || h.Days[0].Conversations != 1 || h.Days[1].Conversations != 0 || h.Days[7].Conversations != 2 {
			t.Errorf("days %+v", h.Days)
		}
		if got := h.Hours[today.Weekday()][0]; got != 3 { // the same weekday a week ago counts, too
			t.Errorf("%d conversations in the first hour of this weekday, want 3", got)
		}
		if h := home("app"); h.Today.Conversations != 1 || h.Today.Unknown != 1 || h.Today.Answered != 0 {
			t.Errorf("of one site: %+v", h.Today)
		}
		if _, err := in.Home(t.Context(), "t", "", today, long, zone); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("a stretch that ends before it begins: %v", err)
		}
		if h, err := in.Home(t.Context(), "nobody", "", long, today, nil); err != nil || h.Total != (insight.Figures{}) || len(h.Days) < 8 {
			t.Errorf("a tenant without events: %+v, %v", h, err)
		}
	})
}

// However the log is cut into batches, the figures are those of counting one by one.
func TestFiguresDoNotDependOnBatches(t *testing.T) {
	db := sqldbtest.SQLite(t)
	in := insight.New(db)
	run := 0
	at := time.Now()
	rapid.Check(t, func(rt *rapid.T) {
		run++
		tenant := fmt.Sprint("t", run)
		kinds := rapid.SliceOfN(rapid.SampledFrom([]string{"answer", "clarify", "abstain"}), 1, 40).Draw(rt, "kinds")
		want := insight.Figures{}
		var events []frontdesk.Event
		for i, k := range kinds {
			us := int64(rapid.IntRange(0, 3_000_000).Draw(rt, "first"))
			ev := event(tenant, frontdesk.EvTurnCompleted, at, fields{"kind": k, "site": fmt.Sprint(i % 2), "question": "问", "first_response_us": us})
			events = append(events, ev)
			want.Turns++
			switch k {
			case "answer":
				want.Answered++
			case "clarify":
				want.Clarified++
			case "abstain":
				want.Unknown++
			}
			if us > 0 {
				want.First.Count++
				want.First.MaxMS = max(want.First.MaxMS, float64(us)/1000)
			}
		}
		for len(events) > 0 {
			n := rapid.IntRange(1, len(events)).Draw(rt, "batch")
			if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return in.Consumer().Handle(tx, events[:n]) }); err != nil {
				rt.Fatal(err)
			}
			events = events[n:]
		}
		h, err := in.Home(t.Context(), tenant, "", at, at, nil)
		if err != nil {
			rt.Fatal(err)
		}
		if m := h.Total.First; m.Count > 0 && (m.MedianMS < 0 || m.MedianMS > m.MaxMS || m.MeanMS > m.MaxMS) {
			rt.Fatalf("waits %+v contradict themselves", m)
		}
		h.Total.First.MeanMS, h.Total.First.MedianMS = 0, 0
		if d := cmp.Diff(want, h.Total); d != "" {
			rt.Fatalf("(-want +got):\n%s", d)
		}
		items, _, err := in.Unanswered(t.Context(), tenant, insight.Filter{})
		if err != nil || (want.Unknown > 0) != (len(items) == 1) || len(items) == 1 && items[0].Asked != want.Unknown {
			rt.Fatalf("unanswered %+v, %v; want asked %d", items, err, want.Unknown)
		}
	})
}

func TestUnansweredQuestionsAreGroupedAndSettled(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		in := insight.New(db)
		at := time.Now().Add(-time.Hour)
		asks := func(texts ...string) {
			t.Helper()
			var events []frontdesk.Event
			for _, s := range texts {
				at = at.Add(time.Second)
				events = append(events, turn(at, "abstain", "web", s, 0))
			}
			consume(t, db, in, events...)
		}
		list := func(f insight.Filter) (got []string) {
			t.Helper()
			for {
				items, next, err := in.Unanswered(t.Context(), "t", f)
				if err != nil {
					t.Fatal(err)
				}
				for _, q := range items {
					got = append(got, fmt.Sprintf("%s x%d", q.Question, q.Asked))
				}
				if f.Cursor = next; next == "" {
					return got
				}
			}
		}
		expect := func(what string, got []string, want ...string) {
			t.Helper()
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", what, d)
			}
		}
		asks("能開電動車嗎？", "讲个笑话", "  能开电动车吗 ", "Ｗｈｏ ｗｏｎ?", "who won", "<phone:1>是谁的号码", "<phone:22>是谁的号码", "", " \n")
		asks("能开电动车吗！！")
		expect("most asked first", list(insight.Filter{}), "能开电动车吗！！ x3", "who won x2", "<phone:22>是谁的号码 x2", "讲个笑话 x1")
		expect("pages", list(insight.Filter{Limit: 1, Latest: true}), "能开电动车吗！！ x3", "<phone:22>是谁的号码 x2", "who won x2", "讲个笑话 x1")
		expect("search", list(insight.Filter{Text: "WHO"}), "who won x2")

		items, _, _ := in.Unanswered(t.Context(), "t", insight.Filter{Limit: 1})
		car := items[0]
		if car.Conversation != "c-t" || car.Site != "web" || car.Lang != "zh" || car.FirstAt >= car.LastAt {
			t.Errorf("question %+v", car)
		}
		ctx := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "s1"})
		if q, err := in.Settle(ctx, "t", car.ID, insight.Settlement{Status: insight.Done, Entry: "e1"}); err != nil || q.Status != insight.Done || q.Entry != "e1" || q.StatusBy != "staff:s1" {
			t.Errorf("Settle gave %+v, %v", q, err)
		}
		joke, _, _ := in.Unanswered(t.Context(), "t", insight.Filter{Text: "笑话"})
		if q, err := in.Settle(ctx, "t", joke[0].ID, insight.Settlement{Status: insight.Ignored, Reason: "no joke"}); err != nil || q.Reason != "no joke" {
			t.Errorf("Settle gave %+v, %v", q, err)
		}
		expect("after settling", list(insight.Filter{}), "who won x2", "<phone:22>是谁的号码 x2")
		expect("done", list(insight.Filter{Status: insight.Done}), "能开电动车吗！！ x3")

		at = time.Now().Add(time.Second)
		asks("能开电动车吗", "讲个笑话")
		expect("what was done opens again, what is ignored does not", list(insight.Filter{}), "能开电动车吗 x4", "who won x2", "<phone:22>是谁的号码 x2")

		if _, err := in.Settle(ctx, "other", car.ID, insight.Settlement{Status: insight.Done}); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another tenant's question: %v, want NotFound", err)
		}
		if _, err := in.Settle(ctx, "t", car.ID, insight.Settlement{Status: "gone"}); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("a status there is not: %v, want Invalid", err)
		}
		if _, err := in.Settle(ctx, "t", car.ID, insight.Settlement{Status: insight.Ignored, Entry: "e1"}); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("ignored, and answered: %v, want Invalid", err)
		}
		if q, err := in.Settle(ctx, "t", joke[0].ID, insight.Settlement{Status: insight.Open, Reason: "x"}); err != nil || q.Reason != "" || q.Status != insight.Open {
			t.Errorf("opened again: %+v, %v", q, err)
		}
	})
}

// What only an erased person asked is gone; what others asked as well stays, and does not lead to their conversation.
func TestQuestionsOfAnErasedPersonAreForgotten(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		in := insight.New(db)
		at := time.Now()
		asks := func(conversation, text string) frontdesk.Event {
			ev := turn(at, "abstain", "web", text, 0)
			ev.Conversation = conversation
			return ev
		}
		erased := event("t", frontdesk.EvPersonErased, at, fields{"conversations": []string{"anns"}})
		consume(t, db, in, asks("bobs", "能开电动车吗"), asks("anns", "能开电动车吗"), asks("anns", "欧阳静静的单子"))
		consume(t, db, in, asks("anns", "同一批里的问题"), erased)
		items, _, err := in.Unanswered(t.Context(), "t", insight.Filter{})
		if err != nil || len(items) != 1 || items[0].Question != "能开电动车吗" || items[0].Asked != 2 || items[0].Conversation != "" {
			t.Errorf("left are %+v, %v", items, err)
		}
	})
}

func TestQuestionsAskedOnceAreForgotten(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		in := insight.New(db)
		long, now := time.Now().AddDate(0, 0, -100), time.Now()
		consume(t, db, in, turn(long, "abstain", "web", "一次", 0), turn(long, "abstain", "web", "两次", 0), turn(long, "abstain", "web", "两次", 0))
		consume(t, db, in, turn(now, "abstain", "web", "刚才", 0))
		items, _, err := in.Unanswered(t.Context(), "t", insight.Filter{Latest: true})
		if err != nil || len(items) != 2 || items[0].Question != "刚才" || items[1].Question != "两次" {
			t.Errorf("left are %+v, %v; want 刚才 and 两次", items, err)
		}
	})
}

// What insight costs beside the path: events of a thousand turns in one batch.
func BenchmarkHandle(b *testing.B) {
	db := sqldbtest.SQLite(b)
	in := insight.New(db)
	at := time.Now()
	var events []frontdesk.Event
	for i := range 1000 {
		events = append(events,
			event("t", frontdesk.EvMessageReceived, at, fields{"site": "web", "seq": i}),
			turn(at, []string{"answer", "answer", "answer", "clarify", "abstain"}[i%5], "web", fmt.Sprint("问题", i%50), time.Millisecond))
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := db.Write(b.Context(), func(tx *sqldb.Tx) error { return in.Consumer().Handle(tx, events) }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "us/turn")
}
