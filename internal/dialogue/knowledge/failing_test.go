package knowledge_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// One bot's rows cannot be read. Its customers get what it knew last, the other bots' edits arrive, and it is not loaded
// again by everybody who asks.
func TestAReleaseThatCannotBeLoaded(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		ctx := t.Context()
		writer, here := knowledge.NewStore(db), knowledge.NewStore(db)
		here.PollEvery = 10 * time.Millisecond
		put := func(bot, answer string) {
			t.Helper()
			if _, err := writer.Put(ctx, "t", bot, faq(1, answer), ""); err != nil {
				t.Fatal(err)
			}
		}
		exec := func(queries ...string) {
			t.Helper()
			if err := db.Write(ctx, func(tx *sqldb.Tx) error {
				for _, q := range queries {
					if _, err := tx.Exec(q); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		says := func(bot, want string) bool {
			r, err := here.Latest(ctx, "t", bot)
			if err != nil {
				t.Fatal(err)
			}
			return known(r, 2)["f001"] == want
		}
		soon := func(what string, ok func() bool) {
			t.Helper()
			for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("waited in vain for %s", what)
				}
			}
		}
		put("bad", "旧")
		put("good", "旧")
		says("bad", "旧")
		says("good", "旧")
		running, stop := context.WithCancel(ctx)
		var group sync.WaitGroup
		group.Go(func() { here.Run(running) })
		defer group.Wait()
		defer stop()

		put("bad", "新")
		soon("the edit", func() bool { return says("bad", "新") })
		exec("INSERT INTO bot_entry SELECT tenant, bot, 'f002', 3, to_release, question, '[nonsense', negatives, answer, lang, category, valid_from, valid_to, hash FROM bot_entry WHERE bot = 'bad' AND from_release = 2",
			"UPDATE bot SET release = 3 WHERE tenant = 't' AND id = 'bad'")
		put("good", "新")
		soon("the other bot's edit", func() bool { return says("good", "新") })
		if !says("bad", "新") {
			t.Error("the bot forgot what it knew")
		}

		// A node that starts now has nothing to answer from, and asks the database once for all who ask it.
		fresh := knowledge.NewStore(db)
		_, first := fresh.Latest(ctx, "t", "bad")
		if first == nil || !strings.Contains(first.Error(), "t/bad") {
			t.Fatalf("the first to ask gets %v", first)
		}
		exec("UPDATE bot_entry SET wordings = '[]' WHERE bot = 'bad' AND id = 'f002'")
		if _, err := fresh.Latest(ctx, "t", "bad"); !errors.Is(err, first) {
			t.Errorf("the next is told at once what the first was: %v", err)
		}
		soon("the next try", func() bool { _, err := fresh.Latest(ctx, "t", "bad"); return err == nil })
		soon("the polling node's next try", func() bool {
			r, err := here.Latest(ctx, "t", "bad")
			return err == nil && r.Number == 3
		})
		if !says("bad", "新") {
			t.Error("mended, it knows something else")
		}
	})
}
