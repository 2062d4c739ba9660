package insight_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/insight"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestFiguresOpenTheirConversations(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		in := insight.New(db)
		at := time.Now().Add(-time.Hour).Truncate(time.Minute)
		put := func(conversation, kind string, at time.Time, data fields) {
			t.Helper()
			ev := event("t", kind, at, data)
			ev.Conversation = conversation
			// Twice, as after a crash before the cursor moved.
			for range 2 {
				if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return in.Drill().Handle(tx, []frontdesk.Event{ev}) }); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range 5 {
			c := fmt.Sprintf("c%d", i)
			put(c, frontdesk.EvConversationOpened, at.Add(time.Duration(i)*time.Minute), fields{"site": "web"})
			put(c, frontdesk.EvConversationClosed, at.Add(time.Duration(10+i)*time.Minute), fields{"site": "web", "outcome": []string{"confirmed", "assumed", "left", "handed_over", "not_known"}[i]})
		}
		put("c1", frontdesk.EvTurnCompleted, at, fields{"site": "web", "kind": "answer", "entry": "e1", "seqs": []int{3}})
		put("c1", frontdesk.EvTurnCompleted, at.Add(time.Minute), fields{"site": "app", "kind": "answer", "entry": "e1", "seqs": []int{5}})
		put("c2", frontdesk.EvTurnCompleted, at.Add(30*time.Second), fields{"site": "web", "kind": "answer", "entry": "e2", "seqs": []int{3}})
		put("c3", frontdesk.EvTurnCompleted, at, fields{"site": "web", "kind": "abstain", "seqs": []int{4}})
		put("c3", frontdesk.EvConversationOwned, at, fields{"site": "web", "from": "bot", "to": "queue"})
		put("c4", frontdesk.EvConversationOwned, at, fields{"site": "web", "from": "queue", "to": "agent"})
		put("old", frontdesk.EvConversationOpened, at.AddDate(0, 0, -1), fields{"site": "web"})

		list := func(o insight.Opened) (ids []string) {
			t.Helper()
			if o.Limit == 0 {
				o.Limit = 10
			}
			for {
				page, next, err := in.Conversations(t.Context(), "t", o)
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, page...)
				if o.Cursor = next; next == "" {
					return ids
				}
			}
		}
		any := func(f insight.Figure) insight.Opened { return insight.Opened{Figure: f, Weekday: -1, Hour: -1} }
		for f, want := range map[insight.Figure][]string{
			insight.FigureOpened: {"c4", "c3", "c2", "c1", "c0", "old"}, insight.FigureAnswered: {"c1", "c2"}, insight.FigureNotKnown: {"c3"}, insight.FigureHandedOver: {"c3"},
			insight.FigureClosed: {"c4", "c3", "c2", "c1", "c0"}, insight.FigureConfirmed: {"c0"}, insight.FigureAssumed: {"c1"}, insight.FigureLeft: {"c2"},
			insight.FigureEndedHanded: {"c3"}, insight.FigureEndedUnknown: {"c4"}, insight.FigureSolved: nil,
		} {
			if got := list(any(f)); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", f, got, want)
			}
		}
		paged := any(insight.FigureOpened)
		paged.Limit = 2
		if got := list(paged); len(got) != 6 || slices.Compact(slices.Clone(got))[5] != "old" {
			t.Errorf("pages: %v", got)
		}
		today := any(insight.FigureOpened)
		today.From = at.UnixMicro()
		today.To = at.Add(2 * time.Minute).UnixMicro()
		if got := list(today); !slices.Equal(got, []string{"c1", "c0"}) {
			t.Errorf("a stretch of time: %v", got)
		}
		site := any(insight.FigureAnswered)
		site.Site = "app"
		if got := list(site); !slices.Equal(got, []string{"c1"}) {
			t.Errorf("one site: %v", got)
		}
		zone := time.FixedZone("", 8*3600)
		local := at.In(zone)
		hour := insight.Opened{Figure: insight.FigureHandedOver, Weekday: int(local.Weekday()), Hour: local.Hour(), Zone: zone}
		if got := list(hour); !slices.Equal(got, []string{"c3"}) {
			t.Errorf("the hour of the week: %v", got)
		}
		hour.Hour = (hour.Hour + 2) % 24
		if got := list(hour); len(got) != 0 {
			t.Errorf("another hour: %v", got)
		}
		if ids, _, err := in.Conversations(t.Context(), "other", any(insight.FigureOpened)); err != nil || len(ids) != 0 {
			t.Errorf("another company: %v, %v", ids, err)
		}
		if _, _, err := in.Conversations(t.Context(), "t", any("income")); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("no such figure: %v", err)
		}

		asked, err := in.RecentlyAsked(t.Context(), "t", 3)
		if err != nil || len(asked) != 3 || asked[0].Conversation != "c1" || asked[0].Seq != 5 || asked[1].Conversation != "c2" {
			t.Errorf("recently asked: %+v, %v", asked, err)
		}
		hits, err := in.Hits(t.Context(), "t", nil)
		if err != nil || hits["e1"] == 0 || hits["e2"] == 0 || len(hits) != 2 {
			t.Errorf("hits %v, %v", hits, err)
		}
		if hits, err = in.Hits(t.Context(), "t", []string{"e2", "e3"}); err != nil || len(hits) != 1 {
			t.Errorf("hits of some: %v, %v", hits, err)
		}
	})
}
