package knowledge_test

import (
	"errors"
	"testing"

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestUndoRelease(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := knowledge.NewStore(db)
		ctx := frontdesk.WithActor(t.Context(), analyst)
		for _, q := range []string{"a", "b", "c"} {
			if _, err := s.Add(ctx, "t", "b", knowledge.Entry{ID: q, Question: "question " + q, Answer: "answer " + q, Lang: "en", Category: "old " + q}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Add(ctx, "t", "b", knowledge.Entry{ID: "a", Question: "another", Answer: "x"}); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Fatalf("an id that is there was added again: %v", err)
		}
		categories := func() map[string]int {
			t.Helper()
			got, err := s.Categories(ctx, "t", "b")
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		bulk := func(b knowledge.Bulk) int64 {
			t.Helper()
			r, err := s.Bulk(ctx, "t", "b", b)
			if err != nil {
				t.Fatal(err)
			}
			return r.Release
		}

		// Many categories become one, and are what they were again.
		one := bulk(knowledge.Bulk{IDs: []string{"a", "b"}, Action: knowledge.BulkCategory, Category: "new"})
		if got := categories(); got["new"] != 2 || got["old c"] != 1 {
			t.Fatalf("categories %v", got)
		}
		if _, err := s.UndoRelease(ctx, "t", "b", one); err != nil {
			t.Fatal(err)
		}
		if got := categories(); got["old a"] != 1 || got["old b"] != 1 || got["new"] != 0 {
			t.Fatalf("categories after undo %v", got)
		}

		// What was taken away comes back; what somebody put there since is not overwritten.
		gone := bulk(knowledge.Bulk{IDs: []string{"a", "c"}, Action: knowledge.BulkArchive})
		if _, err := s.UndoRelease(ctx, "t", "b", gone); err != nil {
			t.Fatal(err)
		}
		if e, err := s.Get(ctx, "t", "b", "c"); err != nil || e.Answer != "answer c" {
			t.Fatalf("%+v, %v", e, err)
		}
		gone = bulk(knowledge.Bulk{IDs: []string{"a", "c"}, Action: knowledge.BulkArchive})
		if _, err := s.Add(ctx, "t", "b", knowledge.Entry{ID: "c", Question: "question c", Answer: "a colleague's", Lang: "en"}); err != nil {
			t.Fatal(err)
		}
		_, err := s.UndoRelease(ctx, "t", "b", gone)
		if changed, ok := errors.AsType[*knowledge.ChangedError](err); !ok || len(changed.Entries) != 1 || changed.Entries[0].ID != "c" {
			t.Fatalf("undo over a colleague's entry gave %v", err)
		}
		if e, err := s.Get(ctx, "t", "b", "c"); err != nil || e.Answer != "a colleague's" {
			t.Fatalf("%+v, %v", e, err)
		}

		for tenant, release := range map[string]int64{"t": 9999, "somebody else": one} {
			if _, err := s.UndoRelease(ctx, tenant, "b", release); frontdesk.KindOf(err) != frontdesk.NotFound {
				t.Errorf("release %d of %s: %v", release, tenant, err)
			}
		}
	})
}
