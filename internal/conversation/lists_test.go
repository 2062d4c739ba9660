package conversation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
)

// A company with 20,000 open conversations and as many closed ones: each list is read by its own index, page by page, every
// conversation once.
func TestListsOfAVeryBusyCompany(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := start(t, p, setup{})
		const open = 20_000
		n.fill(open)
		for owner, want := range map[conversation.Owner]int{"": 2 * open, conversation.OwnerBot: open - 400, conversation.OwnerQueue: 200, conversation.OwnerAgent: 200, conversation.OwnerClosed: open} {
			seen := map[string]bool{}
			var slowest time.Duration
			for cursor := ""; ; {
				began := time.Now()
				list, next, err := n.List(t.Context(), tenant, conversation.Filter{Owner: owner, Cursor: cursor, Limit: 200})
				must(t, err)
				slowest = max(slowest, time.Since(began))
				for i, c := range list {
					if owner != "" && c.Owner != owner || seen[c.ID] {
						t.Fatalf("list of %q: %+v", owner, c)
					}
					if i > 0 && (owner == "" || owner == conversation.OwnerBot) && c.OpenedAt > list[i-1].OpenedAt {
						t.Fatalf("list of %q: opened %d after %d", owner, c.OpenedAt, list[i-1].OpenedAt)
					}
					seen[c.ID] = true
				}
				if cursor = next; next == "" {
					break
				}
			}
			if len(seen) != want {
				t.Errorf("list of %q has %d, want %d", owner, len(seen), want)
			}
			t.Logf("list of %q: %d, the slowest page %v", owner, len(seen), slowest)
		}
		if mine, _, err := n.List(t.Context(), tenant, conversation.Filter{Agent: "lin", Limit: 200}); err != nil || len(mine) != 200 {
			t.Errorf("lin has %d, %v", len(mine), err)
		}
		began := time.Now()
		standing, err := n.Now(t.Context(), tenant)
		must(t, err)
		t.Logf("counted in %v", time.Since(began))
		if standing != (conversation.Standing{Bot: open - 400, Queue: 200, Agent: 200, OldestQueued: 1}) {
			t.Errorf("standing %+v", standing)
		}
		if _, _, err := n.List(t.Context(), tenant, conversation.Filter{Owner: "nobody"}); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("an unknown owner: %v", err)
		}
		n.readsByIndex()
	})
}

// fill makes as many open conversations and as many closed ones behind the service's back; 200 of the open ones wait, 200
// are with lin.
func (n *node) fill(open int) {
	n.t.Helper()
	for from := 0; from < 2*open; from += 500 {
		var rows []string
		for i := from; i < from+500; i++ {
			owner, agent := "bot", ""
			switch {
			case i >= open:
				owner = "closed"
			case i < 200:
				owner = "queue"
			case i < 400:
				owner, agent = "agent", "lin"
			}
			rows = append(rows, fmt.Sprintf("('%s', '%08d', '%s', 'c', 'v', %d, %d, 1, 1, '%s', '%s', %d, %d)", tenant, i, shop, i, i, owner, agent, i+1, i/3))
		}
		n.exec("INSERT INTO conversation (tenant, id, site, contact, visitor, created_at, updated_at, seq, episode, owner, agent, queued_at, opened_at) VALUES " + strings.Join(rows, ", "))
	}
}

// readsByIndex sees that PostgreSQL too, with its statistics, reads the beginning of a list by an index.
func (n *node) readsByIndex() {
	n.t.Helper()
	if n.db.Dialect() != sqldb.Postgres {
		return
	}
	n.exec("ANALYZE conversation")
	for index, tail := range map[string]string{
		"conversation_opened": "episode > 0 ORDER BY opened_at DESC, id DESC LIMIT 51",
		"conversation_bot":    "owner = 'bot' AND (opened_at, id) < (3000, '00009000') ORDER BY opened_at DESC, id DESC LIMIT 51",
	} {
		rows, err := n.db.Query(n.t.Context(), "EXPLAIN SELECT preview FROM conversation WHERE tenant = $1 AND "+tail, tenant)
		must(n.t, err)
		var plan strings.Builder
		for rows.Next() {
			var line string
			must(n.t, rows.Scan(&line))
			plan.WriteString(line + "\n")
		}
		must(n.t, rows.Err())
		rows.Close()
		if !strings.Contains(plan.String(), index) || strings.Contains(plan.String(), "Seq Scan") {
			n.t.Errorf("%s is not used:\n%s", index, plan.String())
		}
	}
}

// Whoever watches from another node and misses the hint looks at the change sequence only: a change of the owner takes a
// number even where nothing is said.
func TestAnOwnersChangeTakesANumber(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		now := &clock{}
		n := start(t, p, setup{now: now.Now})
		c := n.customer()
		head := func() int64 {
			heads, err := n.Heads(t.Context(), []conversation.Key{c.key})
			must(t, err)
			return heads[c.key]
		}
		changed := func(what string, since int64, owner conversation.Owner) {
			t.Helper()
			page, err := n.Changes(t.Context(), tenant, c.key.ID, since, 100, conversation.ForCustomer)
			must(t, err)
			if head() <= since || page.Owner != owner || page.Seq != head() || len(page.Messages) > 0 {
				t.Errorf("%s: head %d after %d, page %+v", what, head(), since, page)
			}
		}
		c.says("转人工")
		c.hears(1)
		_, err := n.Take(staff(t, "lin"), tenant, c.key.ID, false)
		must(t, err)
		_, err = n.Reply(staff(t, "lin"), tenant, c.key.ID, "", frontdesk.TextContent("您好"))
		must(t, err)
		before := head()
		_, err = n.HandBack(staff(t, "lin"), tenant, c.key.ID, false)
		must(t, err)
		until(t, "the bot to have it", func() bool { return !n.Busy(t.Context()) })
		if head() <= before {
			t.Errorf("handed back without a number: %d", head())
		}

		before = head()
		now.forward(31 * time.Minute)
		_, err = n.db.SweepTimers(t.Context(), n.Timers())
		must(t, err)
		changed("closed by silence", before, conversation.OwnerClosed)
		c.says("怎么退货？")
		c.settled()
		c.answeredOnce()
	})
}
