package compliance

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"pgregory.net/rapid"
)

var testKey = bytes.Repeat([]byte{7}, 32)

func openVault(t testing.TB, db *sqldb.DB) *Vault {
	t.Helper()
	v, err := OpenVault(t.Context(), db, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// say seals text as a message of the scope and returns what is stored.
func say(t testing.TB, v *Vault, s Scope, text string) string {
	t.Helper()
	var out frontdesk.Content
	err := v.db.Write(t.Context(), func(tx *sqldb.Tx) (err error) {
		c := frontdesk.TextContent(text)
		out, err = v.Seal(tx, s, c, Detect(c))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Text()
}

func TestVault(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		v := openVault(t, db)
		ann := Scope{Tenant: "t1", Person: "ann", Conversation: "c1"}

		t.Run("the same value has the same token in a conversation", func(t *testing.T) {
			for _, m := range [][2]string{
				{"打138 0013 8000", "打<phone:1>"},
				{"或者13900139000，13800138000也行", "或者<phone:2>，<phone:1>也行"},
				{"身份证11010519491231002x", "身份证<id_card:1>"},
				{"你好", "你好"},
			} {
				if got := say(t, v, ann, m[0]); got != m[1] {
					t.Errorf("%q is stored as %q, want %q", m[0], got, m[1])
				}
			}
			if got := say(t, v, Scope{"t1", "ann", "c2"}, "13900139000"); got != "<phone:1>" {
				t.Errorf("another conversation goes on counting: %q", got)
			}
		})

		t.Run("a token reveals its value", func(t *testing.T) {
			for token, want := range map[string]string{"<phone:1>": "13800138000", "<phone:2>": "13900139000", "<id_card:1>": "11010519491231002X"} {
				if got, err := v.Reveal(t.Context(), "t1", "c1", token); err != nil || got != want {
					t.Errorf("%s: got %q, %v", token, got, err)
				}
			}
			for _, where := range [][3]string{{"t1", "c1", "<phone:3>"}, {"t2", "c1", "<phone:1>"}, {"t1", "c3", "<phone:1>"}} {
				if _, err := v.Reveal(t.Context(), where[0], where[1], where[2]); frontdesk.KindOf(err) != frontdesk.NotFound {
					t.Errorf("%v: %v", where, err)
				}
			}
		})

		t.Run("people are found by a value without opening any", func(t *testing.T) {
			say(t, v, Scope{"t1", "bob", "c9"}, "13900139000")
			say(t, v, Scope{"t2", "eve", "c1"}, "13900139000")
			got, err := v.Find(t.Context(), "t1", KindPhone, "+86 139-0013-9000")
			if err != nil || !slices.Equal(got, []string{"ann", "bob"}) {
				t.Errorf("got %v, %v", got, err)
			}
			if got, err := v.Find(t.Context(), "t3", KindPhone, "13900139000"); err != nil || got != nil {
				t.Errorf("a tenant without keys: %v, %v", got, err)
			}
		})

		t.Run("a transaction that fails leaves no key behind", func(t *testing.T) {
			boom := errors.New("boom")
			cyn := Scope{"t1", "cyn", "c4"}
			err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
				c := frontdesk.TextContent("13700137000")
				if _, err := v.Seal(tx, cyn, c, Detect(c)); err != nil {
					return err
				}
				return boom
			})
			if !errors.Is(err, boom) {
				t.Fatal(err)
			}
			say(t, v, cyn, "13700137000")
			if got, err := openVault(t, db).Reveal(t.Context(), "t1", "c4", "<phone:1>"); err != nil || got != "13700137000" {
				t.Errorf("after a start: %q, %v", got, err)
			}
		})

		t.Run("shredding a person erases what was sealed for them, and nothing else", func(t *testing.T) {
			if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return v.ShredPerson(tx, "t1", "ann") }); err != nil {
				t.Fatal(err)
			}
			for _, where := range [][2]string{{"c1", "<phone:1>"}, {"c1", "<phone:2>"}, {"c2", "<phone:1>"}} {
				if got, err := v.Reveal(t.Context(), "t1", where[0], where[1]); frontdesk.KindOf(err) != frontdesk.NotFound {
					t.Errorf("%v: %q, %v", where, got, err)
				}
			}
			if got, _ := v.Find(t.Context(), "t1", KindPhone, "13900139000"); !slices.Equal(got, []string{"bob"}) {
				t.Errorf("found %v", got)
			}
			if got, err := v.Reveal(t.Context(), "t1", "c9", "<phone:1>"); err != nil || got != "13900139000" {
				t.Errorf("bob's: %q, %v", got, err)
			}
			if got := say(t, v, ann, "又是13800138000"); got != "又是<phone:3>" {
				t.Errorf("an erased token was given again: %q", got)
			}
			if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return v.ShredPerson(tx, "t1", "nobody") }); err != nil {
				t.Errorf("shredding someone unknown: %v", err)
			}
		})
	})
}

func TestSealFromManyPlacesAtOnce(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		v := openVault(t, db)
		s := Scope{"t1", "ann", "c1"}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := range 3 {
					c := frontdesk.TextContent(fmt.Sprintf("1380013800%d", (i+j)%8))
					err := db.Write(context.Background(), func(tx *sqldb.Tx) error {
						_, err := v.Seal(tx, s, c, Detect(c))
						return err
					})
					if err != nil {
						t.Errorf("seal: %v", err)
					}
				}
			})
		}
		wg.Wait()
		values := map[string]bool{}
		for n := range 8 {
			got, err := v.Reveal(t.Context(), "t1", "c1", Token(KindPhone, int64(n+1)))
			if err != nil {
				t.Error(err)
			}
			values[got] = true
		}
		if len(values) != 8 {
			t.Errorf("eight values have %d tokens", len(values))
		}
	})
}

func TestSealedRowsAreBoundToTheirPlace(t *testing.T) {
	db := sqldbtest.SQLite(t)
	v := openVault(t, db)
	say(t, v, Scope{"t1", "ann", "c1"}, "13800138000 11010519491231002X")
	say(t, v, Scope{"t1", "bob", "c2"}, "13900139000")
	exec := func(query string, args ...any) {
		t.Helper()
		if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { _, err := tx.Exec(query, args...); return err }); err != nil {
			t.Fatal(err)
		}
	}
	// Someone who can write to the database moves a sealed value, then a key, to a person of their own.
	exec("UPDATE sealed SET person = 'bob' WHERE person = 'ann'")
	if got, err := v.Reveal(t.Context(), "t1", "c1", "<phone:1>"); err == nil {
		t.Errorf("opened under another person: %q", got)
	}
	exec("UPDATE vault_person_key SET wrapped = (SELECT wrapped FROM vault_person_key WHERE person = 'ann') WHERE person = 'bob'")
	if got, err := v.Reveal(t.Context(), "t1", "c1", "<phone:1>"); err == nil {
		t.Errorf("opened under a moved key: %q", got)
	}
	exec("UPDATE sealed SET person = 'ann', kind = 'phone' WHERE token = '<id_card:1>'")
	if got, err := v.Reveal(t.Context(), "t1", "c1", "<id_card:1>"); err == nil {
		t.Errorf("opened as another kind: %q", got)
	}
}

func TestNothingOnDiskInClear(t *testing.T) {
	dir := t.TempDir()
	db, err := sqldb.Open(t.Context(), sqldb.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	v := openVault(t, db)
	say(t, v, Scope{"t1", "ann", "c1"}, "13800138000 11010519491231002X 6222020200112230004")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"13800138000", "11010519491231002X", "6222020200112230004"} {
			if bytes.Contains(b, []byte(value)) {
				t.Errorf("%s is in %s", value, filepath.Base(f))
			}
		}
		for _, key := range v.keys.byKey {
			if k, ok := key.Value.(cacheEntry).key.(tenantKey); ok && bytes.Contains(b, k.index) {
				t.Errorf("a key is in %s", filepath.Base(f))
			}
		}
	}
}

func TestSecrets(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		v := openVault(t, db)
		var sealed []byte
		err := db.Write(t.Context(), func(tx *sqldb.Tx) (err error) {
			sealed, err = v.SealSecret(tx, "t1", "webhook w1", []byte("hush"))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.OpenSecret(t.Context(), "t1", "webhook w1", sealed); err != nil || string(got) != "hush" {
			t.Errorf("got %q, %v", got, err)
		}
		if got, err := v.OpenSecret(t.Context(), "t1", "webhook w2", sealed); err == nil {
			t.Errorf("opened in another place: %q", got)
		}
	})
}

func TestMasterKey(t *testing.T) {
	ctx := t.Context()
	start := func(dir, env string) error {
		db, err := sqldb.Open(ctx, sqldb.Options{Dir: dir})
		if err != nil {
			return err
		}
		defer db.Close()
		key, err := LoadMasterKey(ctx, db, dir, env)
		if err != nil {
			return err
		}
		_, err = OpenVault(ctx, db, key)
		return err
	}
	wantRefusal := func(t *testing.T, err error, words ...string) {
		t.Helper()
		if frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Fatalf("want a refusal, got %v", err)
		}
		for _, w := range words {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not say %q", err, w)
			}
		}
	}
	dir := t.TempDir()
	file := filepath.Join(dir, MasterKeyFile)

	if err := start(dir, ""); err != nil {
		t.Fatalf("first start: %v", err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v, %v", info, err)
	}
	if err := start(dir, ""); err != nil {
		t.Fatalf("second start: %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}

	t.Run("others can read it", func(t *testing.T) {
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, start(dir, ""), "chmod 600")
	})
	t.Run("missing", func(t *testing.T) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, start(dir, ""), "missing", MasterKeyEnv)
		if _, err := os.Stat(file); err == nil {
			t.Error("a new key was written over existing data")
		}
	})
	t.Run("from the environment", func(t *testing.T) {
		for _, env := range []string{hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key)} {
			if err := start(dir, env); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("wrong", func(t *testing.T) {
		wantRefusal(t, start(dir, hex.EncodeToString(testKey)), "wrong master key")
	})
	t.Run("malformed", func(t *testing.T) {
		err := start(dir, "hunter2")
		wantRefusal(t, err, MasterKeyEnv, "32 bytes")
		if strings.Contains(err.Error(), "hunter2") {
			t.Error("the error repeats the key")
		}
		if err := os.WriteFile(file, []byte("short\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, start(dir, ""), MasterKeyFile)
	})
}

func TestKeyCacheIsBounded(t *testing.T) {
	c := newKeyCache(3)
	unwrapped := 0
	get := func(name string) {
		got, err := cached(c, name, []byte(name), func() (string, error) { unwrapped++; return name, nil })
		if err != nil || got != name {
			t.Fatalf("%s: %s, %v", name, got, err)
		}
	}
	for _, name := range []string{"a", "b", "c", "a", "d", "a", "c"} { // d takes the place of b
		get(name)
	}
	if unwrapped != 4 || len(c.byKey) != 3 || c.order.Len() != 3 {
		t.Errorf("%d unwrapped, %d and %d held", unwrapped, len(c.byKey), c.order.Len())
	}
	get("b")
	if unwrapped != 5 {
		t.Error("b was still held")
	}
}

func TestBindingTellsListsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[0-9:a]{0,3}`), 0, 4)
		a, b := words.Draw(t, "a"), words.Draw(t, "b")
		if (binding(a...) == binding(b...)) != slices.Equal(a, b) {
			t.Fatalf("%q and %q are bound alike", a, b)
		}
	})
}
