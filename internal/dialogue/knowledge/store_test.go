package knowledge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("KNOWLEDGE_TEST_IMPORT"); dir != "" {
		importUntilKilled(dir)
		return
	}
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}

func faq(i int, answer string) knowledge.Entry {
	return knowledge.Entry{ID: fmt.Sprintf("f%03d", i), Question: fmt.Sprintf("第%d个问题怎么办", i), Similar: []string{fmt.Sprintf("第%d个问题", i)}, Answer: answer, Category: "测试"}
}

func rowsOf(entries ...knowledge.Entry) *bytes.Buffer {
	var b bytes.Buffer
	if _, err := knowledge.Write(&b, knowledge.JSONL, seq(entries)); err != nil {
		panic(err)
	}
	return &b
}

// content is what a release holds, by the database: id -> answer.
func content(t *testing.T, s *knowledge.Store, number int64) map[string]string {
	t.Helper()
	got := map[string]string{}
	for e, err := range s.All(t.Context(), "t", "b", number) {
		if err != nil {
			t.Fatalf("All: %v", err)
		}
		got[e.ID] = e.Answer
	}
	return got
}

// known is what the index of a release finds by exact wording: id -> answer.
func known(r *knowledge.Release, upTo int) map[string]string {
	got := map[string]string{}
	for i := range upTo {
		if id, ok := r.Index.HasWording(fmt.Sprintf("第%d个问题怎么办", i)); ok {
			got[id] = answerOf(r, fmt.Sprintf("第%d个问题怎么办", i), id)
		}
	}
	return got
}

func answerOf(r *knowledge.Release, text, id string) string {
	for _, c := range r.Index.Search(knowledge.Query{Text: text, K: 10}).Candidates {
		if c.Entry.ID == id {
			return c.Entry.Answer
		}
	}
	return ""
}

func latest(t *testing.T, s *knowledge.Store) *knowledge.Release {
	t.Helper()
	r, err := s.Latest(t.Context(), "t", "b")
	if err != nil {
		t.Fatalf("Latest: %v", err)
	}
	return r
}

func TestAnEditIsANewReleaseAndOldOnesStay(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "s1", Tenant: "t"})
		s := knowledge.NewStore(db)
		if r := latest(t, s); r.Number != 0 || r.Index.Len() != 0 {
			t.Fatalf("a new bot has release %d with %d entries, want 0 and none", r.Number, r.Index.Len())
		}
		put := func(e knowledge.Entry, ifHash string) (knowledge.Stored, error) {
			return s.Put(ctx, "t", "b", e, ifHash)
		}

		one, err := put(faq(1, "甲"), "")
		if err != nil || one.Release != 1 || one.ChangedBy != "staff:s1" || one.ChangedAt == 0 {
			t.Fatalf("Put gave %+v, %v", one, err)
		}
		if again, err := put(faq(1, "甲"), ""); err != nil || again.Release != 1 {
			t.Errorf("putting the same again gave release %d, %v; want 1", again.Release, err)
		}
		if _, err := put(faq(2, "乙"), ""); err != nil {
			t.Fatal(err)
		}
		if _, err := put(faq(1, "丙"), "not its hash"); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("put over a hash it does not have: %v, want Conflict", err)
		}
		if got, err := put(faq(1, "丙"), one.Hash); err != nil || got.Release != 3 {
			t.Errorf("put over its hash gave release %d, %v; want 3", got.Release, err)
		}
		if err := s.Delete(ctx, "t", "b", "f002"); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(ctx, "t", "b", "f002"); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("second delete: %v, want NotFound", err)
		}

		fresh := knowledge.NewStore(db) // knows only the database
		for number, want := range []map[string]string{
			{}, {"f001": "甲"}, {"f001": "甲", "f002": "乙"}, {"f001": "丙", "f002": "乙"}, {"f001": "丙"},
		} {
			if number > 0 {
				if got := content(t, s, int64(number)); !cmp.Equal(got, want) {
					t.Errorf("release %d holds %v, want %v", number, got, want)
				}
			}
			for name, s := range map[string]*knowledge.Store{"the writing store": s, "a fresh store": fresh} {
				r, err := s.At(ctx, "t", "b", int64(number))
				if err != nil {
					t.Fatalf("At(%d): %v", number, err)
				}
				if got := known(r, 3); r.Number != int64(number) || r.Index.Len() != len(want) || !cmp.Equal(got, want) {
					t.Errorf("release %d of %s knows %v, want %v", number, name, got, want)
				}
			}
		}
		if _, err := s.At(ctx, "t", "b", 5); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("a release to come: %v, want NotFound", err)
		}
		if r := latest(t, s); r.Number != 4 {
			t.Errorf("the writing store is at release %d, want 4 at once", r.Number)
		}

		history, err := s.Releases(ctx, "t", "b", 0, 10)
		if err != nil || len(history) != 4 || history[0].Reason != "delete" || history[0].Removed != 1 || history[3].Added != 1 || history[1].Changed != 1 {
			t.Errorf("history %+v, %v", history, err)
		}
	})
}

func TestANewEntryNeedsANewQuestion(t *testing.T) {
	s := knowledge.NewStore(sqldbtest.SQLite(t))
	e := knowledge.Entry{Question: "怎么退货", Answer: "七天内。"}
	first, err := s.Put(t.Context(), "t", "b", e, "")
	if err != nil || first.ID == "" {
		t.Fatalf("Put gave %+v, %v", first, err)
	}
	e.Answer = "十五天内。"
	if _, err := s.Put(t.Context(), "t", "b", e, ""); frontdesk.KindOf(err) != frontdesk.Conflict {
		t.Errorf("a second entry of the same question: %v, want Conflict", err)
	}
	_, err = s.Put(t.Context(), "t", "b", knowledge.Entry{Question: "x"}, "")
	if e, ok := errors.AsType[*frontdesk.Error](err); !ok || e.Kind != frontdesk.Invalid || e.Field != "answer" {
		t.Errorf("an entry without an answer: %v, want Invalid with the field", err)
	}
}

func TestImportReportsEachRowAndIsOneRelease(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		s := knowledge.NewStore(db)
		run := func(text string, dry bool) knowledge.Report {
			t.Helper()
			r, err := s.Import(ctx, knowledge.ImportOptions{Tenant: "t", Bot: "b", Format: knowledge.JSONL, Reader: strings.NewReader(text), DryRun: dry})
			if err != nil {
				t.Fatalf("Import: %v", err)
			}
			if r.Read != r.Added+r.Changed+r.Skipped+r.Failed {
				t.Errorf("%+v does not add up", r)
			}
			return r
		}
		check := func(what string, got, want knowledge.Report) {
			t.Helper()
			if d := cmp.Diff(want, got, cmpopts.IgnoreFields(knowledge.Report{}, "Seconds"), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(knowledge.Problem{}, "Reason")); d != "" {
				t.Errorf("%s (-want +got):\n%s", what, d)
			}
		}
		file := rowsOf(faq(1, "甲"), faq(2, "乙")).String() +
			"{broken\n" +
			`{"id":"f001","question":"另一个","answer":"丁"}` + "\n" + // an id twice
			`{"id":"copy","question":"第2个问题怎么办","similar":["第2个问题"],"answer":"乙","category":"测试"}` + "\n" + // content twice
			`{"question":"没有编号","answer":"戊"}` + "\n" +
			`{"question":"没有编号","answer":"己"}` + "\n"
		want := knowledge.Report{Read: 7, Added: 3, Skipped: 1, Failed: 3, Problems: []knowledge.Problem{{Row: 3}, {Row: 4, Field: "id"}, {Row: 7, Field: "question"}}}
		check("dry run", run(file, true), want)
		if r := latest(t, s); r.Number != 0 || len(content(t, s, 0)) != 0 {
			t.Fatalf("a dry run made release %d", r.Number)
		}
		want.Release = 1
		check("import", run(file, false), want)
		if r := latest(t, s); r.Number != 1 || r.Index.Len() != 3 {
			t.Errorf("release %d with %d entries, want 1 with 3", r.Number, r.Index.Len())
		}

		want.Added, want.Skipped = 0, 4
		check("the same again", run(file, false), want)

		// A changed row, a new one, and content that moves to a new id within one file.
		second := rowsOf(
			knowledge.Entry{ID: "f009", Question: "第1个问题怎么办", Similar: []string{"第1个问题"}, Answer: "甲", Category: "测试"},
			faq(1, "甲甲"), faq(3, "庚"))
		check("an update", run(second.String(), false), knowledge.Report{Read: 3, Added: 2, Changed: 1, Release: 2})
		if got := content(t, s, 2); len(got) != 5 || got["f001"] != "甲甲" || got["f009"] != "甲" {
			t.Errorf("after the update: %v", got)
		}

		number, err := s.Rollback(ctx, "t", "b", 1)
		if err != nil || number != 3 {
			t.Fatalf("Rollback gave %d, %v", number, err)
		}
		if before, after := content(t, s, 1), content(t, s, 3); !cmp.Equal(before, after) {
			t.Errorf("rolled back to %v, want %v", after, before)
		}
		if r := latest(t, s); r.Number != 3 || r.Index.Len() != 3 {
			t.Errorf("release %d with %d entries after the rollback, want 3 with 3", r.Number, r.Index.Len())
		}
		history, _ := s.Releases(ctx, "t", "b", 0, 1)
		if d := cmp.Diff([]knowledge.Published{{Number: 3, Reason: "rollback", Source: 1, Changed: 1, Removed: 2}}, history, cmpopts.IgnoreFields(knowledge.Published{}, "At")); d != "" {
			t.Errorf("history (-want +got):\n%s", d)
		}

		events, _, err := db.Events(ctx, "", 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		if db.Dialect() == sqldb.SQLite { // on PostgreSQL positions wait for the sequencer
			var types []string
			for _, e := range events {
				types = append(types, e.Type)
			}
			one := []string{frontdesk.EvKnowledgeChanged, frontdesk.EvReleasePublished}
			if want := slices.Concat(one, one, one); !slices.Equal(types, want) {
				t.Errorf("events %v, want %v", types, want)
			}
		}
	})
}

// Whatever is put, deleted, imported and rolled back, each release ever made is the same by the database, by an index grown
// from edits and by one built anew.
func TestReleasesAreImmutable(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			tenant, ctx := fmt.Sprint("t", run), t.Context()
			s := knowledge.NewStore(db)
			s.MemoryBudget = rapid.SampledFrom([]int64{0, 60 << 10, 1 << 30}).Draw(rt, "budget")
			model := []map[string]string{{}}
			now := func() map[string]string {
				m := map[string]string{}
				for k, v := range model[len(model)-1] {
					m[k] = v
				}
				return m
			}
			entry := func() knowledge.Entry {
				return faq(rapid.IntRange(0, 9).Draw(rt, "entry"), rapid.SampledFrom([]string{"甲", "乙", "丙"}).Draw(rt, "answer"))
			}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				next := now()
				switch rapid.IntRange(0, 4).Draw(rt, "step") {
				case 0, 1:
					e := entry()
					if _, err := s.Put(ctx, tenant, "b", e, ""); err != nil {
						rt.Fatal(err)
					}
					next[e.ID] = e.Answer
				case 2:
					id := faq(rapid.IntRange(0, 9).Draw(rt, "deleted"), "").ID
					err := s.Delete(ctx, tenant, "b", id)
					if _, there := next[id]; there != (err == nil) {
						rt.Fatalf("delete %s: %v, there %v", id, err, there)
					}
					delete(next, id)
				case 3:
					list := []knowledge.Entry{}
					for range rapid.IntRange(0, 8).Draw(rt, "rows") {
						e := entry()
						if !slices.ContainsFunc(list, func(o knowledge.Entry) bool { return o.ID == e.ID }) {
							list = append(list, e)
							next[e.ID] = e.Answer
						}
					}
					if _, err := s.Import(ctx, knowledge.ImportOptions{Tenant: tenant, Bot: "b", Format: knowledge.JSONL, Reader: strings.NewReader(rowsOf(list...).String() + "\n")}); err != nil {
						rt.Fatal(err)
					}
				case 4:
					to := rapid.IntRange(0, len(model)-1).Draw(rt, "to")
					number, err := s.Rollback(ctx, tenant, "b", int64(to))
					if err != nil || number != int64(len(model)) {
						rt.Fatalf("rollback to %d gave %d, %v", to, number, err)
					}
					model = append(model, model[to])
					continue
				}
				if !cmp.Equal(next, now()) {
					model = append(model, next)
				}
			}
			fresh := knowledge.NewStore(db)
			for number, want := range model {
				for _, s := range []*knowledge.Store{s, fresh} {
					r, err := s.At(ctx, tenant, "b", int64(number))
					if err != nil {
						rt.Fatalf("At(%d) of %d: %v", number, len(model)-1, err)
					}
					if got := known(r, 10); !cmp.Equal(got, want) {
						rt.Fatalf("release %d knows %v, want %v", number, got, want)
					}
				}
				if number == 0 {
					continue
				}
				got := map[string]string{}
				for e, err := range s.All(ctx, tenant, "b", int64(number)) {
					if err != nil {
						rt.Fatal(err)
					}
					got[e.ID] = e.Answer
				}
				if !cmp.Equal(got, want) {
					rt.Fatalf("release %d holds %v, want %v", number, got, want)
				}
			}
		})
	})
}

func TestConcurrentWritersEachMakeARelease(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		stores := []*knowledge.Store{knowledge.NewStore(db), knowledge.NewStore(db)} // two nodes
		var wg sync.WaitGroup
		fail := make(chan error, 100)
		for n, s := range stores {
			wg.Go(func() {
				var list []knowledge.Entry
				for i := range 400 {
					list = append(list, faq(100+i, fmt.Sprint("导入", n)))
				}
				_, err := s.Import(ctx, knowledge.ImportOptions{Tenant: "t", Bot: "b", Reader: rowsOf(list...)})
				fail <- err
			})
			for w := range 4 {
				wg.Go(func() {
					for i := range 5 {
						_, err := s.Put(ctx, "t", "b", faq(w*5+i, fmt.Sprint("编辑", n)), "")
						fail <- err
					}
				})
			}
		}
		wg.Wait()
		close(fail)
		for err := range fail {
			if err != nil {
				t.Error(err)
			}
		}
		for _, s := range stores {
			if err := s.Refresh(ctx, "t", "b"); err != nil {
				t.Fatal(err)
			}
			if r := latest(t, s); r.Number != 42 || r.Index.Len() != 420 {
				t.Errorf("release %d with %d entries, want 42 (40 edits, 2 imports) with 420", r.Number, r.Index.Len())
			}
		}
		history, err := stores[0].Releases(ctx, "t", "b", 0, 100)
		if err != nil || len(history) != 42 {
			t.Errorf("%d releases in the history, %v; want 42", len(history), err)
		}
	})
}

// Another node's edit is followed by polling alone, without any hint.
func TestRunFollowsOtherNodes(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		here, there := knowledge.NewStore(db), knowledge.NewStore(db)
		here.PollEvery = 10 * time.Millisecond
		latest(t, here)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- here.Run(ctx) }()
		if _, err := there.Put(t.Context(), "t", "b", faq(1, "甲"), ""); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(5 * time.Second)
		for latest(t, here).Number != 1 {
			if time.Now().After(deadline) {
				t.Fatal("the edit of another node never came")
			}
			time.Sleep(time.Millisecond) // the other node is real
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	})
}

func TestLatestNeverWaitsForALoad(t *testing.T) {
	db := sqldbtest.SQLite(t)
	s := knowledge.NewStore(db)
	if _, err := s.Put(t.Context(), "t", "b", faq(1, "甲"), ""); err != nil {
		t.Fatal(err)
	}
	latest(t, s)
	var list []knowledge.Entry
	for i := range 3000 {
		list = append(list, faq(i, "乙"))
	}
	longest := make(chan time.Duration)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		var most time.Duration
		for ctx.Err() == nil {
			at := time.Now()
			if _, err := s.Latest(context.Background(), "t", "b"); err != nil {
				t.Error(err)
			}
			most = max(most, time.Since(at))
		}
		longest <- most
	}()
	if _, err := s.Import(t.Context(), knowledge.ImportOptions{Tenant: "t", Bot: "b", Reader: rowsOf(list...)}); err != nil {
		t.Fatal(err)
	}
	stop()
	t.Logf("longest Latest beside an import: %v", <-longest)
	if r := latest(t, s); r.Number != 2 || r.Index.Len() != 3000 {
		t.Errorf("release %d with %d entries", r.Number, r.Index.Len())
	}
}

// importUntilKilled is the child of TestAKilledImportLeavesNothing.
func importUntilKilled(dir string) {
	db, err := sqldb.Open(context.Background(), sqldb.Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	var list []knowledge.Entry
	for i := range 2000 {
		list = append(list, faq(i, "导入"))
	}
	_, err = knowledge.NewStore(db).Import(context.Background(), knowledge.ImportOptions{Tenant: "t", Bot: "b", Reader: rowsOf(list...), Progress: func(done int) {
		if done > 500 {
			fmt.Println("half way")
			select {} // until killed
		}
	}})
	fmt.Println("not killed:", err)
}

func TestAKilledImportLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	open := func() (*sqldb.DB, *knowledge.Store) {
		db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return db, knowledge.NewStore(db)
	}
	db, s := open()
	if _, err := s.Put(t.Context(), "t", "b", faq(1, "甲"), ""); err != nil {
		t.Fatal(err)
	}
	db.Close()

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "KNOWLEDGE_TEST_IMPORT="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, _ := out.Read(line)
	child.Process.Kill()
	child.Wait()
	if got := strings.TrimSpace(string(line[:n])); got != "half way" {
		t.Fatalf("the child said %q", got)
	}

	db, s = open()
	defer db.Close()
	want := map[string]string{"f001": "甲"}
	if got := content(t, s, 0); !cmp.Equal(got, want) || latest(t, s).Index.Len() != 1 {
		t.Errorf("after the kill the release holds %v, want %v", got, want)
	}
	if items, _, err := s.List(t.Context(), "t", "b", knowledge.Filter{}); err != nil || len(items) != 1 {
		t.Errorf("listed %d entries, %v; want 1", len(items), err)
	}
	if _, err := s.Put(t.Context(), "t", "b", faq(2, "乙"), ""); err != nil {
		t.Fatalf("an edit after the kill: %v", err)
	}
	want["f002"] = "乙"
	if got := content(t, s, 0); !cmp.Equal(got, want) {
		t.Errorf("after an edit the release holds %v, want %v", got, want)
	}
	var rows int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM bot_entry").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d rows are left, %v; want 2", rows, err)
	}
}

func TestAFailingImportLeavesNothing(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := knowledge.NewStore(db)
		var list []knowledge.Entry
		for i := range 1000 {
			list = append(list, faq(i, "导入"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.Import(ctx, knowledge.ImportOptions{Tenant: "t", Bot: "b", Reader: rowsOf(list...), Progress: func(done int) {
			if done > 300 {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("Import: %v, want it cancelled", err)
		}
		var rows int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM bot_entry").Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%d rows are left, %v; want none", rows, err)
		}
		if _, err := s.Put(t.Context(), "t", "b", faq(1, "甲"), ""); err != nil {
			t.Errorf("an edit after it: %v", err)
		}
	})
}

// A node that is paused in the middle of an import wakes up after another has taken the bot over: it must find out, and what
// it wrote must be gone.
func TestAPausedImportLosesTheBot(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		paused, other := knowledge.NewStore(db), knowledge.NewStore(db)
		var list []knowledge.Entry
		for i := range 600 {
			list = append(list, faq(i, "导入"))
		}
		if _, err := other.Put(t.Context(), "t", "b", faq(1, "甲"), ""); err != nil {
			t.Fatal(err)
		}
		pauses := 0
		_, err := paused.Import(t.Context(), knowledge.ImportOptions{Tenant: "t", Bot: "b", Reader: rowsOf(list...), Progress: func(int) {
			if pauses++; pauses > 1 {
				return
			}
			err := db.Write(t.Context(), func(tx *sqldb.Tx) error { // as if its time had passed
				_, err := tx.Exec("UPDATE bot SET writer_until = 1")
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if _, err := other.Put(t.Context(), "t", "b", faq(1, "乙"), ""); err != nil {
				t.Errorf("an edit meanwhile: %v", err)
			}
		}})
		if frontdesk.KindOf(err) != frontdesk.Unavailable || pauses != 1 {
			t.Errorf("the import that woke up: %v after %d pieces, want Unavailable after 1", err, pauses)
		}
		want := map[string]string{"f001": "乙"}
		if got := content(t, other, 0); !cmp.Equal(got, want) {
			t.Errorf("the release holds %v, want %v", got, want)
		}
		var rows int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM bot_entry").Scan(&rows); err != nil || rows != 2 {
			t.Errorf("%d rows are left, %v; want the two states of the edited entry", rows, err)
		}
	})
}

func TestListSearchesFiltersAndPages(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		s := knowledge.NewStore(db)
		list := []knowledge.Entry{
			{ID: "a", Question: "怎么退货", Similar: []string{"想退Phone"}, Answer: "七天内。", Category: "售后"},
			{ID: "b", Question: "How do I return it?", Answer: "Within 100% of 7_days!", Category: "售后"},
			{ID: "c", Question: "发票怎么开", Answer: "在订单页。", Category: "发票"},
		}
		if _, err := s.Import(ctx, knowledge.ImportOptions{Tenant: "t", Bot: "b", Reader: rowsOf(list...)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(ctx, "t", "b", knowledge.Entry{ID: "c", Question: "发票怎么开", Answer: "在我的订单页。", Category: "发票"}, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(ctx, "other", "b", list[0], ""); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			f    knowledge.Filter
			want string
		}{
			{"all, the last changed first", knowledge.Filter{}, "c b a"},
			{"text in a question", knowledge.Filter{Text: "退货"}, "a"},
			{"text in another wording, any case", knowledge.Filter{Text: "退pHONE"}, "a"},
			{"text in an answer", knowledge.Filter{Text: " 订单 "}, "c"},
			{"pattern signs are text", knowledge.Filter{Text: "%"}, "b"},
			{"pattern signs are text 2", knowledge.Filter{Text: "7_d"}, "b"},
			{"pattern signs are text 3", knowledge.Filter{Text: "_"}, "b"},
			{"a wild quote", knowledge.Filter{Text: "' OR 1=1 --"}, ""},
			{"category", knowledge.Filter{Category: "售后"}, "b a"},
			{"language", knowledge.Filter{Lang: "en"}, "b"},
			{"pages of one", knowledge.Filter{Limit: 1}, "c b a"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				var got []string
				for {
					items, next, err := s.List(ctx, "t", "b", tt.f)
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range items {
						got = append(got, e.ID)
					}
					if tt.f.Cursor = next; next == "" {
						break
					}
				}
				if strings.Join(got, " ") != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			})
		}
		if _, _, err := s.List(ctx, "t", "b", knowledge.Filter{Cursor: "???"}); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("a made-up cursor: %v, want Invalid", err)
		}
		if got, err := s.Categories(ctx, "t", "b"); err != nil || !cmp.Equal(got, map[string]int{"售后": 2, "发票": 1}) {
			t.Errorf("categories %v, %v", got, err)
		}
		if e, err := s.Get(ctx, "t", "b", "c"); err != nil || e.Answer != "在我的订单页。" || e.Release != 2 {
			t.Errorf("Get gave %+v, %v", e, err)
		}
		if _, err := s.Get(ctx, "t", "b", "x"); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("Get of nothing: %v", err)
		}
	})
}

func TestExportGivesBackWhatWasImported(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := knowledge.NewStore(db)
		var list []knowledge.Entry
		for i := range 1234 { // more than two pages
			list = append(list, clean(t, faq(i, "甲")))
		}
		if _, err := s.Import(t.Context(), knowledge.ImportOptions{Tenant: "t", Bot: "b", Reader: rowsOf(list...)}); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(list, func(a, b knowledge.Entry) int { return strings.Compare(a.ID, b.ID) })
		for _, f := range []knowledge.Format{knowledge.CSV, knowledge.XLSX, knowledge.JSONL} {
			var b bytes.Buffer
			n, err := s.Export(t.Context(), "t", "b", 0, f, &b)
			if err != nil || n != len(list) {
				t.Fatalf("exported %d as %s, %v", n, f, err)
			}
			p, err := parse(&b, "")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(list, p.entries); d != "" {
				t.Errorf("%s (-want +got):\n%s", f, d)
			}
		}
	})
}

func TestReportSpeaksTheContract(t *testing.T) {
	b, err := json.Marshal(knowledge.Report{Problems: []knowledge.Problem{{Row: 20001, Field: "", Reason: "is not a JSON object"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"read":0,"added":0,"changed":0,"skipped":0,"failed":0,"seconds":0,"release":0,"problems":[{"row":20001,"field":"","reason":"is not a JSON object"}]}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func BenchmarkImport20000(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *sqldb.DB{"sqlite": sqldbtest.SQLite, "postgres": sqldbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			s := knowledge.NewStore(open(b))
			file := twentyThousand().Bytes()
			run := 0
			for b.Loop() {
				run++
				r, err := s.Import(b.Context(), knowledge.ImportOptions{Tenant: fmt.Sprint("t", run), Bot: "b", Reader: bytes.NewReader(file)})
				if err != nil || r.Added != 20_000 {
					b.Fatalf("%+v, %v", r, err)
				}
			}
		})
	}
}
