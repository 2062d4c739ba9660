package knowledge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

var analyst = frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "s1", Tenant: "t"}

// working runs the imports of a store until the function it returns is called.
func working(t *testing.T, s *knowledge.Store) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.RunImports(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// ended waits until an import is over.
func ended(t *testing.T, s *knowledge.Store, id string) knowledge.Job {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		j, err := s.Job(t.Context(), "t", id)
		if err != nil {
			t.Fatal(err)
		}
		if j.Status != "waiting" && j.Status != "running" {
			return j
		}
		if time.Now().After(deadline) {
			t.Fatalf("import is still %+v", j)
		}
	}
}

func start(t *testing.T, s *knowledge.Store, o knowledge.JobOptions) knowledge.Job {
	t.Helper()
	j, err := s.StartImport(frontdesk.WithActor(t.Context(), analyst), "t", o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func listed(t *testing.T, s *knowledge.Store, f knowledge.Filter) []string {
	t.Helper()
	list, _, err := s.List(t.Context(), "t", "default", f)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range list {
		out = append(out, e.Question)
	}
	return out
}

func TestImportByMappingAndUndo(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := knowledge.NewStore(db)
		defer working(t, s)()
		ctx := frontdesk.WithActor(t.Context(), analyst)
		old, err := s.Put(ctx, "t", "default", knowledge.Entry{ID: "a", Question: "旧问题", Answer: "旧答案"}, "")
		if err != nil {
			t.Fatal(err)
		}
		file := []byte("编码,客户怎么问,另一种说法,我们怎么答,到期,备忘\na,新问题,又问,新答案,2030-01-31,x\nb,第二问,,第二答,,\nc,,,没有问题,,\n")
		mapping := knowledge.Mapping{"id": {"编码"}, "question": {"客户怎么问"}, "similar": {"另一种说法"}, "answer": {"我们怎么答"}, "valid_to": {"到期"}}
		dry := ended(t, s, start(t, s, knowledge.JobOptions{Name: "a.csv", File: file, Mapping: mapping, DryRun: true}).ID)
		if dry.Status != "done" || dry.Added != 1 || dry.Changed != 1 || dry.Failed != 1 || len(listed(t, s, knowledge.Filter{})) != 1 {
			t.Errorf("dry run: %+v", dry)
		}
		j := ended(t, s, start(t, s, knowledge.JobOptions{Name: "a.csv", File: file, Mapping: mapping, Zone: "Asia/Shanghai"}).ID)
		want := []knowledge.Problem{{Row: 4, Field: "question", Reason: "is empty"}}
		if j.Status != "done" || j.Read != 3 || j.Added != 1 || j.Changed != 1 || j.Failed != 1 || j.Total != 3 || j.Done != 3 || j.Actor != "staff:s1" || j.Release == 0 || cmp.Diff(want, j.Problems) != "" {
			t.Errorf("import: %+v", j)
		}
		a, err := s.Get(ctx, "t", "default", "a")
		if err != nil || a.Answer != "新答案" || a.ChangedBy != "staff:s1" || a.ValidTo != time.Date(2030, 1, 31, 16, 0, 0, 0, time.UTC).UnixMicro() { // the end of the day in Shanghai
			t.Errorf("entry after: %+v, %v", a, err)
		}
		if _, err := s.UndoImport(ctx, "t", dry.ID); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("undo of a dry run: %v", err)
		}
		if _, err := s.UndoImport(ctx, "other", j.ID); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("undo by another company: %v", err)
		}

		// Somebody edits b: then nothing is undone, and b is named with who and when.
		if _, err := s.Put(frontdesk.WithActor(ctx, frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "s2"}), "t", "default", knowledge.Entry{ID: "b", Question: "第二问", Answer: "改过"}, ""); err != nil {
			t.Fatal(err)
		}
		_, err = s.UndoImport(ctx, "t", j.ID)
		changed, ok := errors.AsType[*knowledge.ChangedError](err)
		if !ok || frontdesk.KindOf(err) != frontdesk.Conflict || len(changed.Entries) != 1 || changed.Entries[0].ID != "b" || changed.Entries[0].By != "staff:s2" || changed.Entries[0].At == 0 {
			t.Fatalf("undo over an edit: %v", err)
		}
		if a, _ := s.Get(ctx, "t", "default", "a"); a.Answer != "新答案" {
			t.Error("a refused undo changed something")
		}
		// The edit is taken back: the import can be undone, and exactly.
		if _, err := s.Put(ctx, "t", "default", knowledge.Entry{ID: "b", Question: "第二问", Answer: "第二答"}, ""); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(ctx, "t", "default", knowledge.Entry{ID: "z", Question: "无关的", Answer: "留下"}, ""); err != nil {
			t.Fatal(err)
		}
		if j, err = s.UndoImport(ctx, "t", j.ID); err != nil || j.Status != "undone" || j.UndoneAt == 0 {
			t.Fatalf("undo: %+v, %v", j, err)
		}
		if a, _ := s.Get(ctx, "t", "default", "a"); a.Hash != old.Hash {
			t.Errorf("a after undo: %+v", a)
		}
		if got := listed(t, s, knowledge.Filter{Sort: "question"}); !slices.Equal(got, []string{"无关的", "旧问题"}) {
			t.Errorf("left: %v", got)
		}
		if _, err := s.UndoImport(ctx, "t", j.ID); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("undo twice: %v", err)
		}
		list, err := s.Jobs(ctx, "t", "default", "", 10)
		if err != nil || len(list) != 2 || list[0].ID != j.ID {
			t.Errorf("list: %+v, %v", list, err)
		}
	})
}

// The process ends in the middle of an import: the next one does it, once and whole.
func TestImportSurvivesARestart(t *testing.T) {
	const rows = 30_000
	var file bytes.Buffer
	file.WriteString("id,question,answer\n")
	for i := range rows {
		fmt.Fprintf(&file, "r%d,question number %d,answer %d\n", i, i, i)
	}
	dir := t.TempDir()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	s := knowledge.NewStore(db)
	j := start(t, s, knowledge.JobOptions{Name: "big.csv", File: file.Bytes()})
	stop := working(t, s)
	for { // until some of it is written
		var n int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM bot_entry").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	if db, err = sqldb.Open(t.Context(), sqldb.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s = knowledge.NewStore(db)
	if now, err := s.Job(t.Context(), "t", j.ID); err != nil || now.Status != "running" || len(listed(t, s, knowledge.Filter{})) != 0 {
		t.Fatalf("after the cut: %+v, %v; nothing of it may be seen", now, err)
	}
	defer working(t, s)()
	j = ended(t, s, j.ID)
	ids, err := s.IDs(t.Context(), "t", "default", knowledge.Filter{})
	if err != nil || j.Status != "done" || j.Added != rows || j.Skipped != 0 || len(ids) != rows {
		t.Errorf("%+v, %d entries, %v", j.Report, len(ids), err)
	}
	var left int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM knowledge_import_piece").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d pieces of the file are left, %v", left, err)
	}
	if list, err := s.Releases(t.Context(), "t", "default", 0, 10); err != nil || len(list) != 1 {
		t.Errorf("releases %+v, %v: want one", list, err)
	}
}

// A file that takes the process with it is not begun for ever, and the next one is not held up by it.
func TestImportThatKillsEachTimeIsGivenUp(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := knowledge.NewStore(db)
		killer := start(t, s, knowledge.JobOptions{Name: "killer.csv", File: []byte("question,answer\na,b\n")})
		next := start(t, s, knowledge.JobOptions{Name: "next.csv", File: []byte("question,answer\nc,d\n")})
		err := db.Write(t.Context(), func(tx *sqldb.Tx) error { // as processes that died leave it
			_, err := tx.Exec("UPDATE knowledge_import SET status = 'running', claim = 'dead', tries = 10 WHERE id = $1", killer.ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer working(t, s)()
		if j := ended(t, s, killer.ID); j.Status != "failed" || !strings.Contains(j.Error, "cut off 10 times") {
			t.Errorf("%+v", j)
		}
		if j := ended(t, s, next.ID); j.Status != "done" || j.Added != 1 {
			t.Errorf("the next one: %+v", j)
		}
	})
}

func TestImportsThatCannotBe(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := knowledge.NewStore(db)
		defer working(t, s)()
		good := []byte("question,answer\na,b\n")
		for name, o := range map[string]knowledge.JobOptions{
			"file":    {},
			"zone":    {File: good, Zone: "Mars/Olympus"},
			"mapping": {File: good, Mapping: knowledge.Mapping{"colour": {"a"}}},
		} {
			_, err := s.StartImport(t.Context(), "t", o)
			if e, ok := errors.AsType[*frontdesk.Error](err); !ok || e.Kind != frontdesk.Invalid || e.Field != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, m := range []knowledge.Mapping{{"question": {"a"}}, {"question": {"a"}, "answer": {"a"}}, {"question": {"a", "b"}, "answer": {"c"}}} {
			if _, err := s.StartImport(t.Context(), "t", knowledge.JobOptions{File: good, Mapping: m}); frontdesk.KindOf(err) != frontdesk.Invalid {
				t.Errorf("mapping %v: %v", m, err)
			}
		}
		// What only reading finds is told by the job.
		for why, o := range map[string]knowledge.JobOptions{
			"no column for question": {File: good, Mapping: knowledge.Mapping{"question": {"Q"}, "answer": {"A"}}},
			"not an .xlsx workbook":  {File: []byte("PK"), Format: knowledge.XLSX},
		} {
			if j := ended(t, s, start(t, s, o).ID); j.Status != "failed" || !strings.Contains(j.Error, why) {
				t.Errorf("%s: %+v", why, j)
			}
		}
	})
}

func TestLookAtColumns(t *testing.T) {
	c, err := knowledge.Look(strings.NewReader("编号;标准问;相似问1;相似问2;答案;备注\n1;怎么退货;;退货流程;七天内;甲\n;;;;;\n2;运费;谁出;;我们;乙\n"), "")
	want := knowledge.Columns{Format: knowledge.CSV, Count: 2,
		Columns: []knowledge.Column{{"编号", "id", []string{"1", "2"}}, {"标准问", "question", []string{"怎么退货", "运费"}}, {"相似问1", "similar", []string{"谁出"}},
			{"相似问2", "similar", []string{"退货流程"}}, {"答案", "answer", []string{"七天内", "我们"}}, {"备注", "", []string{"甲", "乙"}}},
		Rows: [][]string{{"1", "怎么退货", "", "退货流程", "七天内", "甲"}, {"2", "运费", "谁出", "", "我们", "乙"}}}
	if diff := cmp.Diff(want, c); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	c, err = knowledge.Look(strings.NewReader(`{"question":"a","answer":"b"}`+"\n"), "")
	if err != nil || c.Format != knowledge.JSONL || c.Count != 1 || len(c.Rows) != 1 || c.Columns[1].Guess != "question" || c.Columns[1].Examples[0] != "a" {
		t.Errorf("JSON lines: %+v, %v", c, err)
	}
	for _, text := range []string{"", "\n\n", "\xd0\xcf\x11\xe0abcd"} {
		if _, err := knowledge.Look(strings.NewReader(text), ""); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestBulk(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := knowledge.NewStore(db)
		ctx := frontdesk.WithActor(t.Context(), analyst)
		for i := range 60 {
			e := knowledge.Entry{ID: fmt.Sprintf("e%02d", i), Question: fmt.Sprintf("question %02d", i), Answer: "answer", Lang: "en", Category: []string{"one", "two", "three"}[i%3]}
			if _, err := s.Put(ctx, "t", "default", e, ""); err != nil {
				t.Fatal(err)
			}
		}
		do := func(b knowledge.Bulk) knowledge.BulkReport {
			t.Helper()
			r, err := s.Bulk(ctx, "t", "default", b)
			if err != nil {
				t.Fatalf("%+v: %v", b, err)
			}
			return r
		}
		count := func(f knowledge.Filter) int { ids, _ := s.IDs(ctx, "t", "default", f); return len(ids) }

		if r := do(knowledge.Bulk{Filter: knowledge.Filter{Category: "one"}, Action: knowledge.BulkArchive, DryRun: true}); r.Matched != 20 || r.Changed != 20 || count(knowledge.Filter{}) != 60 {
			t.Errorf("dry run: %+v", r)
		}
		if r := do(knowledge.Bulk{Filter: knowledge.Filter{Category: "one"}, Action: knowledge.BulkArchive}); r.Changed != 20 || r.Release != 61 || count(knowledge.Filter{}) != 40 || count(knowledge.Filter{Archived: true}) != 20 {
			t.Errorf("archive: %+v", r)
		}
		release, _ := s.Latest(ctx, "t", "default")
		if release.Index.Len() != 40 {
			t.Errorf("%d entries answer", release.Index.Len())
		}
		list, _, err := s.List(ctx, "t", "default", knowledge.Filter{Archived: true, Text: "question 03"})
		if err != nil || len(list) != 1 || list[0].ChangedBy != "staff:s1" || list[0].Answer != "answer" {
			t.Errorf("archived: %+v, %v", list, err)
		}
		if r := do(knowledge.Bulk{IDs: []string{"e03", "e06", "e03", "nobody", "e01"}, Action: knowledge.BulkRestore}); r.Changed != 2 || len(r.Problems) != 2 || count(knowledge.Filter{}) != 42 || count(knowledge.Filter{Archived: true}) != 18 {
			t.Errorf("restore: %+v", r)
		}
		if r := do(knowledge.Bulk{IDs: []string{"e03", "e01"}, Action: knowledge.BulkCategory, Category: "two"}); r.Changed != 1 || r.Skipped != 1 {
			t.Errorf("category: %+v", r)
		}
		over := time.Now().Add(-time.Hour).UnixMicro()
		if r := do(knowledge.Bulk{Filter: knowledge.Filter{Category: "three"}, Action: knowledge.BulkValidity, ValidTo: over}); r.Changed != 20 || count(knowledge.Filter{Validity: knowledge.ValidOver}) != 20 || count(knowledge.Filter{Validity: knowledge.ValidNow}) != 22 {
			t.Errorf("validity: %+v", r)
		}
		if r := do(knowledge.Bulk{IDs: []string{"e02"}, Action: knowledge.BulkValidity, ValidFrom: 10, ValidTo: 5}); r.Changed != 0 || len(r.Problems) != 1 || r.Problems[0].Field != "valid_to" {
			t.Errorf("validity that ends before it begins: %+v", r)
		}
		if r := do(knowledge.Bulk{IDs: []string{}, Action: knowledge.BulkArchive}); r.Matched != 0 || r.Changed != 0 {
			t.Errorf("no entries: %+v", r)
		}
		if r, err := s.Bulk(ctx, "other", "default", knowledge.Bulk{IDs: []string{"e02"}, Action: knowledge.BulkArchive}); err != nil || r.Changed != 0 {
			t.Errorf("another company's entries: %+v, %v", r, err)
		}
		for order := range map[string]int{"changed": 0, "-changed": 0, "question": 0, "category": 0, "valid_to": 0} {
			var paged []string
			f := knowledge.Filter{Sort: order, Limit: 7}
			for {
				list, next, err := s.List(ctx, "t", "default", f)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range list {
					paged = append(paged, e.ID)
				}
				if f.Cursor = next; next == "" {
					break
				}
			}
			whole, _, _ := s.List(ctx, "t", "default", knowledge.Filter{Sort: order, Limit: 200})
			var all []string
			for _, e := range whole {
				all = append(all, e.ID)
			}
			if len(all) != 42 || !slices.Equal(all, paged) {
				t.Errorf("%s: pages %v, whole %v", order, paged, all)
			}
		}
	})
}
