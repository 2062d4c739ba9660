package channel

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	sqldbtest.Stop()
	os.Exit(code)
}

var (
	master = []byte("a master key for tests, 32 bytes")
	owner  = frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "o1", Tenant: "t1"}
	rival  = frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "o2", Tenant: "t2"}
)

func open(t *testing.T, db *sqldb.DB) *Sites {
	t.Helper()
	s, err := NewSites(db, master)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shop(key string) Site {
	return Site{Key: key, Name: frontdesk.Localized{"zh": "示例电器", "en": "Sample Appliances"}, Bot: "default", Languages: []string{"zh", "en"},
		Zone: "Asia/Shanghai", Origins: []string{"https://shop.example.com"},
		Hours:    Hours{Week: Week{"mon": {{540, 720}, {810, 1080}}}, Special: []SpecialDay{{Date: "2026-10-01", Until: "2026-10-07"}}},
		Settings: Settings{Colour: "#1677ff", Texts: map[string]frontdesk.Localized{"greeting": {"zh": "您好"}}}}
}

func TestSiteIsKept(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		sites := open(t, db)
		made, err := sites.Create(ctx, owner, shop("demo"))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Sites{sites, open(t, db)} { // by this node and by one that starts later
			byKey, err := s.ByKey(ctx, "demo")
			if diff := cmp.Diff(made, byKey); err != nil || diff != "" {
				t.Errorf("by key: %v %s", err, diff)
			}
			byID, err := s.Get(ctx, "t1", made.ID)
			if diff := cmp.Diff(made, byID); err != nil || diff != "" {
				t.Errorf("by id: %v %s", err, diff)
			}
			if _, err := s.Get(ctx, "t2", made.ID); frontdesk.KindOf(err) != frontdesk.NotFound {
				t.Errorf("another tenant got the site: %v", err)
			}
		}
		if _, err := sites.Create(ctx, rival, shop("demo")); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("a key was given twice: %v", err)
		}
		if err := sites.Delete(ctx, rival, made.ID); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another tenant deleted the site: %v", err)
		}
		if _, err := sites.Rotate(ctx, rival, made.ID, false); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another tenant rotated the secret: %v", err)
		}
		foreign := made
		foreign.Name = frontdesk.Localized{"en": "taken over"}
		if _, err := sites.Update(ctx, rival, foreign, 0); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another tenant changed the site: %v", err)
		}
		if err := sites.Delete(ctx, owner, made.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := sites.ByKey(ctx, "demo"); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("a deleted site answers: %v", err)
		}
		if _, err := sites.Create(ctx, rival, shop("demo")); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("the key of a deleted site was given again: %v", err)
		}
	})
}

// TestChangeReachesOtherNodes changes a site on one node and looks on another.
func TestChangeReachesOtherNodes(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		here, there := open(t, db), open(t, db)
		if _, err := there.ByKey(ctx, "demo"); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Fatalf("before it exists: %v", err)
		}
		site, err := here.Create(ctx, owner, shop("demo"))
		if err != nil {
			t.Fatal(err)
		}
		within(t, time.Second, "the new site is seen", func() bool { _, err := there.ByKey(ctx, "demo"); return err == nil })
		site.Origins = []string{"https://new.example.com"}
		if site, err = here.Update(ctx, owner, site, site.UpdatedAt); err != nil {
			t.Fatal(err)
		}
		if got, err := here.ByKey(ctx, "demo"); err != nil || !got.AllowsOrigin("https://new.example.com") {
			t.Errorf("the node that made the change does not see it: %v, %v", got.Origins, err)
		}
		within(t, time.Second, "the new origin is seen", func() bool {
			got, err := there.Get(ctx, "t1", site.ID)
			return err == nil && got.AllowsOrigin("https://new.example.com") && !got.AllowsOrigin("https://shop.example.com")
		})
		if _, err := here.Update(ctx, owner, site, site.UpdatedAt-1); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("an edit of an old version: %v", err)
		}
	})
}

func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

func TestSecretsRotateAndStaySealed(t *testing.T) {
	db := sqldbtest.SQLite(t)
	ctx := t.Context()
	sites := open(t, db)
	site, err := sites.Create(ctx, owner, shop("demo"))
	if err != nil {
		t.Fatal(err)
	}
	first := site.Secrets.Current
	rotated, err := sites.Rotate(ctx, owner, site.ID, false)
	if err != nil || rotated.Previous != first || rotated.Current == first {
		t.Fatalf("rotation did not keep the previous secret: %v", err)
	}
	dropped, err := sites.Rotate(ctx, owner, site.ID, true)
	if err != nil || len(dropped.List()) != 1 {
		t.Fatalf("a leaked secret still verifies: %v", err)
	}
	var column []byte
	if err := db.QueryRow(ctx, `SELECT secret_current FROM site WHERE tenant = $1 AND id = $2`, "t1", site.ID).Scan(&column); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(column), dropped.Current) {
		t.Error("the secret stands in the database in clear")
	}
	other, err := NewSites(db, []byte("another master key for the tests"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ByKey(ctx, "demo"); err == nil {
		t.Error("the secret was opened with another master key")
	}
	if s := fmt.Sprintf("%v %+v %#v", rotated, rotated, rotated); strings.Contains(s, rotated.Current) {
		t.Error("formatting shows the secret")
	}
}

func TestCheckNamesTheField(t *testing.T) {
	for _, c := range []struct {
		field  string
		change func(*Site)
	}{
		{"key", func(s *Site) { s.Key = "Demo!" }},
		{"name", func(s *Site) { s.Name = nil }},
		{"name", func(s *Site) { s.Name = frontdesk.Localized{"zh": strings.Repeat("长", 81)} }},
		{"name", func(s *Site) { s.Name = frontdesk.Localized{"zh": "a\x00"} }},
		{"bot", func(s *Site) { s.Bot = "" }},
		{"origins", func(s *Site) { s.Origins = []string{"shop"} }},
		{"languages", func(s *Site) { s.Languages = []string{"Chinese"} }},
		{"zone", func(s *Site) { s.Zone = "Peking" }},
		{"zone", func(s *Site) { s.Zone = "../../etc/passwd" }},
		{"hours.week.mon", func(s *Site) { s.Hours.Week["mon"] = []Span{{600, 500}} }},
		{"settings.colour", func(s *Site) { s.Settings.Colour = "red;}" }},
		{"settings.logo", func(s *Site) { s.Settings.Logo = "javascript:alert(1)" }},
		{"settings.logo", func(s *Site) { s.Settings.Logo = "//evil.test/x.png" }},
	} {
		s := shop("demo")
		c.change(&s)
		if err := s.Check(); err == nil || !strings.HasPrefix(err.Error(), c.field+":") {
			t.Errorf("want a complaint about %s, got %v", c.field, err)
		}
	}
	if err := shop("demo").Check(); err != nil {
		t.Errorf("a good site: %v", err)
	}
}

// TestCacheIsBounded asks for more keys than the cache holds.
func TestCacheIsBounded(t *testing.T) {
	sites := open(t, sqldbtest.SQLite(t))
	for i := range maxCached {
		sites.cache[cacheKey{name: fmt.Sprint("x", i)}] = nil
	}
	sites.looked = time.Now().Add(time.Hour)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() { sites.ByKey(context.Background(), fmt.Sprint("unknown-", i)) })
	}
	wg.Wait()
	if n := len(sites.cache); n > maxCached {
		t.Errorf("%d entries are cached", n)
	}
}

func BenchmarkByKey(b *testing.B) {
	db := sqldbtest.SQLite(b)
	sites, err := NewSites(db, master)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := sites.Create(b.Context(), owner, shop("demo")); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sites.ByKey(b.Context(), "demo"); err != nil {
			b.Fatal(err)
		}
	}
}
