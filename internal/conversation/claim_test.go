package conversation_test

import (
	"slices"
	"testing"
	"time"

	"frontdesk/internal/conversation"
)

// The process dies right after it acknowledged. The next one on the folder finds the claim, knows its holder dead by the
// folder's lock, and answers.
func TestClaimsOfADeadProcessAreRetakenAtStart(t *testing.T) {
	p := onSQLite(t)
	dead := start(t, p, setup{asleep: true})
	first, second := dead.customer(), dead.customer()
	first.says("怎么退货？")
	first.says("运费多少钱？")
	second.says("怎么开发票？")
	if r := first.row(); r.claim == "" || r.done != 0 {
		t.Fatalf("acknowledged without a claim: %+v", r)
	}
	dead.stop()

	next := start(t, p, setup{})
	first, second = first.at(next), second.at(next)
	first.hears(2)
	first.answeredOnce()
	second.hears(1)
	second.answeredOnce()
}

// On PostgreSQL several nodes share the database. One whose heart stops beating has lost its claims to the others.
func TestClaimsWithoutAHeartbeatAreRetaken(t *testing.T) {
	p := onPostgres(t)
	dead := start(t, p, setup{asleep: true})
	alive := start(t, p, setup{})
	c := dead.customer()
	// The dead one's last beat was a moment ago.
	dead.exec("INSERT INTO node (boot, address, beat_at) VALUES ($1, '', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)", dead.db.Boot())
	c.says("怎么退货？")
	mine := c.row().claim

	// While its proof of life is fresh nobody touches its turns.
	beats := alive.Stats().Turns.Load()
	until(t, "the living node to look twice", func() bool {
		var at int64
		must(t, alive.db.QueryRow(t.Context(), "SELECT count(*) FROM node WHERE boot = $1 AND beat_at > (SELECT beat_at FROM node WHERE boot = $2) + 600000",
			alive.db.Boot(), dead.db.Boot()).Scan(&at))
		return at == 1
	})
	if got := c.row().claim; got != mine || alive.Stats().Turns.Load() != beats {
		t.Fatalf("a living node's claim %s went to %s", mine, got)
	}

	dead.exec("UPDATE node SET beat_at = beat_at - 60000000 WHERE boot = $1", dead.db.Boot())
	c = c.at(alive)
	c.hears(1)
	c.answeredOnce()
}

// A node stops for longer than its heart may stand still (a paused virtual machine), its turn is retaken and answered, and
// then it wakes in mid-turn. What it meant to say comes to nothing.
func TestPausedNodeThatWakesChangesNothing(t *testing.T) {
	p := onPostgres(t)
	g := &gate{}
	paused := start(t, p, setup{releases: g.through})
	other := start(t, p, setup{})
	c := paused.customer()
	g.close()
	c.says("怎么退货？")
	until(t, "the turn to begin", func() bool { return g.inside.Load() == 1 })

	elsewhere := c.at(other)
	until(t, "the other node to answer", func() bool {
		other.exec("UPDATE node SET beat_at = 0 WHERE boot = $1", paused.db.Boot()) // its heart stands still
		return len(elsewhere.by(conversation.ByBot)) == 1
	})
	elsewhere.settled()
	before := elsewhere.messages()

	g.open()
	until(t, "the paused node to lose its turn", func() bool { return paused.Stats().Lost.Load() == 1 && paused.Pending() == 0 })
	if after := elsewhere.messages(); len(after) != len(before) {
		t.Errorf("the paused node spoke after its turn was lost:\n%s", elsewhere.transcript())
	}
	traces, err := other.Traces(t.Context(), tenant, c.key.ID, 0, 10)
	must(t, err)
	if len(traces) != 1 {
		t.Errorf("%d traces for one turn", len(traces))
	}
	c.answeredOnce()

	// Both go on as if nothing had been.
	c.says("运费多少钱？")
	c.hears(2)
	elsewhere.says("怎么开发票？")
	elsewhere.hears(3)
	c.answeredOnce()
}

// The same fence holds wherever the claim went.
func TestTurnWhoseClaimIsGoneChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		g := &gate{}
		n := start(t, p, setup{releases: g.through})
		c := n.customer()
		g.close()
		c.says("转人工")
		until(t, "the turn to begin", func() bool { return g.inside.Load() == 1 })
		n.exec("UPDATE conversation SET claim = 'another-node/1/1' WHERE tenant = $1 AND id = $2", tenant, c.key.ID)
		before := c.row()
		g.open()
		until(t, "the turn to be lost", func() bool { return n.Stats().Lost.Load() == 1 && n.Pending() == 0 })
		if after := c.row(); after != before {
			t.Errorf("the lost turn changed %+v\ninto %+v", before, after)
		}
		if n := len(c.by(conversation.ByBot)); n != 0 {
			t.Error("the lost turn spoke")
		}
		for _, table := range []string{"trace", "effect"} {
			var rows int
			must(t, n.db.QueryRow(t.Context(), "SELECT count(*) FROM "+table+" WHERE conversation = $1", c.key.ID).Scan(&rows))
			if rows != 0 {
				t.Errorf("the lost turn left %d rows in %s", rows, table)
			}
		}
	})
}

// A good stop finishes the turns of those it acknowledged; what waits for the rest of a burst is left to the next start.
func TestStopAndStartLoseNothing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		n := start(t, p, setup{timing: conversation.Timing{Wait: 400 * time.Millisecond, IdleClose: time.Hour, ActionTime: time.Second}})
		asked, begun := n.customer(), n.customer()
		asked.says("怎么退货？")
		begun.says("那个电饭煲")
		n.stop()

		next := start(t, p, setup{})
		next.exec("UPDATE node SET beat_at = 0 WHERE boot <> $1", next.db.Boot())
		asked, begun = asked.at(next), begun.at(next)
		asked.hears(1)
		begun.hears(1)
		asked.answeredOnce()
		begun.answeredOnce()
	})
}

// Numbers that watchers hear of are those in the database, each once.
func TestWatchersAreToldOfEachCommit(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		for i, e := range entries {
			c.says(e.Question)
			c.hears(i + 1)
		}
		var heard []int64
		for _, u := range c.heard.all() {
			for seq := u.From; seq <= u.To; seq++ {
				heard = append(heard, seq)
			}
			for _, m := range u.Messages {
				if m.Change < u.From || m.Change > u.To {
					t.Errorf("update %d..%d carries change %d", u.From, u.To, m.Change)
				}
			}
		}
		slices.Sort(heard)
		for i, seq := range heard {
			if seq != int64(i+1) {
				t.Fatalf("heard of %v", heard)
			}
		}
		if len(heard) != len(c.messages()) {
			t.Errorf("heard of %d changes, there are %d messages", len(heard), len(c.messages()))
		}
	})
}
