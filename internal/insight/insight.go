// Package insight builds what staff look at from the event log: the home page's figures by tenant, site and hour, and the
// questions that nobody could answer. It knows nothing but events, so the path of messages does not know it; its figures lag
// behind by about half a second and count each event once.
package insight

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Insight keeps and reads the read models. Its Consumer must run for them to move.
type Insight struct {
	db *sqldb.DB
}

// New makes an Insight over the database.
func New(db *sqldb.DB) *Insight { return &Insight{db} }

const consumerName = "insight"

// Consumer is the side stream that feeds the read models. It runs beside the path on the same machine, so it reads the log
// in large bites and writes one row for each (tenant, site, hour) that a bite touches.
func (in *Insight) Consumer() sqldb.Consumer {
	return sqldb.Consumer{Name: consumerName, Batch: 2000, Every: 500 * time.Millisecond, Handle: handle}
}

func handle(tx *sqldb.Tx, events []frontdesk.Event) error {
	b := batch{hours: map[hourKey]*counts{}, asked: map[askedKey]*asked{}, erased: map[erasedTalk]bool{}, turns: map[turnKey]bool{}}
	for i := range events {
		b.add(&events[i])
	}
	return b.write(tx)
}

// The figures of an hour, in the order of their columns. All are sums but the last.
const (
	conversations = iota
	messages
	turns
	answered
	clarified
	guided
	unknown
	handedOver
	solved
	unsolved
	closed
	endConfirmed
	endAssumed
	endHanded
	endLeft
	endUnknown
	firstCount
	firstSum
	firstBuckets // the first of them
	firstMax     = firstBuckets + 8
	figures      = firstMax + 1
)

var columns = [figures]string{
	"conversations", "messages", "turns", "answered", "clarified", "guided", "unknown", "handed_over", "solved", "unsolved",
	"closed", "end_confirmed", "end_assumed", "end_handed", "end_left", "end_unknown",
	"first_count", "first_sum_us", "first_10ms", "first_100ms", "first_1s", "first_5s", "first_30s", "first_2m", "first_10m", "first_longer",
	"first_max_us",
}

// firstBounds are the upper ends of the buckets but the last.
var firstBounds = [...]int64{10_000, 100_000, 1_000_000, 5_000_000, 30_000_000, 120_000_000, 600_000_000}

type counts [figures]int64

func (c *counts) add(o *counts) {
	for i := range firstMax {
		c[i] += o[i]
	}
	c[firstMax] = max(c[firstMax], o[firstMax])
}

// first counts a first response that took us microseconds.
func (c *counts) first(us int64) {
	bucket, _ := slices.BinarySearch(firstBounds[:], us)
	c[firstCount]++
	c[firstSum] += us
	c[firstBuckets+bucket]++
	c[firstMax] = max(c[firstMax], us)
}

type hourKey struct {
	tenant, site string
	hour         int64
}

type batch struct {
	hours  map[hourKey]*counts
	asked  map[askedKey]*asked
	seen   int64 // time of the newest event
	erased map[erasedTalk]bool
	turns  map[turnKey]bool // already counted: a turn that answers several questions has an event for each
}

type turnKey struct {
	tenant, conversation string
	turn                 int64
}

// data holds the fields of all events that count here.
type data struct {
	Site          string `json:"site"`
	Kind          string `json:"kind"`
	Turn          int64  `json:"turn"`
	Question      string `json:"question"`
	Lang          string `json:"lang"`
	FirstResponse int64  `json:"first_response_us"`
	From          string `json:"from"`
	To            string `json:"to"`
	Outcome       string `json:"outcome"`
	Solved        bool   `json:"solved"`
	Before        int    `json:"before"` // what the customer had said of the answer

	Conversations []string `json:"conversations"` // person.erased
}

// outcomes are the columns of an episode's outcomes.
var outcomes = map[string]int{
	"confirmed": endConfirmed, "assumed": endAssumed, "handed_over": endHanded, "left": endLeft, "not_known": endUnknown,
}

func (b *batch) add(ev *frontdesk.Event) {
	b.seen = max(b.seen, ev.At)
	switch ev.Type {
	case frontdesk.EvMessageReceived, frontdesk.EvConversationOpened, frontdesk.EvConversationOwned, frontdesk.EvConversationClosed, frontdesk.EvTurnCompleted, frontdesk.EvAnswerRated, frontdesk.EvPersonErased:
	default:
		return
	}
	var d data
	if err := json.Unmarshal(ev.Data, &d); err != nil {
		return // an event of a shape from the future must not stop all figures
	}
	if ev.Type == frontdesk.EvPersonErased {
		for _, c := range d.Conversations {
			b.erase(erasedTalk{ev.Tenant, c})
		}
		return
	}
	key := hourKey{ev.Tenant, d.Site, ev.At - ev.At%hourMicros}
	c := b.hours[key]
	if c == nil {
		c = &counts{}
		b.hours[key] = c
	}
	switch ev.Type {
	case frontdesk.EvMessageReceived:
		c[messages]++
	case frontdesk.EvConversationOpened:
		c[conversations]++
	case frontdesk.EvConversationOwned:
		if d.From == "bot" && (d.To == "queue" || d.To == "agent") {
			c[handedOver]++
		}
	case frontdesk.EvConversationClosed:
		c[closed]++
		if column, ok := outcomes[d.Outcome]; ok {
			c[column]++
		}
	case frontdesk.EvAnswerRated:
		switch {
		case d.Solved && d.Before > 0 || !d.Solved && d.Before < 0: // only the reason came after it
		case d.Solved:
			c[solved]++
		default:
			c[unsolved]++
		}
	case frontdesk.EvTurnCompleted:
		if k := (turnKey{ev.Tenant, ev.Conversation, d.Turn}); d.Turn == 0 || !b.turns[k] {
			b.turns[k] = true
			c[turns]++
			if d.FirstResponse > 0 {
				c.first(d.FirstResponse)
			}
		}
		switch d.Kind {
		case "answer":
			c[answered]++
		case "clarify":
			c[clarified]++
		case "flow":
			c[guided]++
		case "abstain":
			c[unknown]++
			b.ask(ev, &d)
		}
	}
}

const hourMicros = int64(time.Hour / time.Microsecond)

var upsertHour = func() string {
	var set []string
	for _, c := range columns[:firstMax] {
		set = append(set, fmt.Sprintf("%s = insight_hour.%s + excluded.%s", c, c, c))
	}
	return "INSERT INTO insight_hour (tenant, site, hour, " + strings.Join(columns[:], ", ") + ") VALUES " + sqldb.Placeholders(1, 3+figures) +
		" ON CONFLICT (tenant, hour, site) DO UPDATE SET " + strings.Join(set, ", ") +
		", first_max_us = CASE WHEN excluded.first_max_us > insight_hour.first_max_us THEN excluded.first_max_us ELSE insight_hour.first_max_us END"
}()

func (b *batch) write(tx *sqldb.Tx) error {
	if _, err := tx.Exec(`INSERT INTO insight_seen (id, at) VALUES (1, $1)
		ON CONFLICT (id) DO UPDATE SET at = CASE WHEN excluded.at > insight_seen.at THEN excluded.at ELSE insight_seen.at END`, b.seen); err != nil {
		return fmt.Errorf("note how far: %w", err)
	}
	for k, c := range b.hours {
		args := []any{k.tenant, k.site, k.hour}
		for _, n := range c {
			args = append(args, n)
		}
		if _, err := tx.Exec(upsertHour, args...); err != nil {
			return fmt.Errorf("count an hour: %w", err)
		}
	}
	tenants := map[string]bool{}
	// In one order always: two transactions that meet must not wait for each other.
	for _, k := range slices.SortedFunc(maps.Keys(b.asked), func(a, b askedKey) int {
		return cmp.Or(strings.Compare(a.tenant, b.tenant), strings.Compare(a.id, b.id))
	}) {
		if err := b.asked[k].write(tx, k); err != nil {
			return fmt.Errorf("record an unanswered question: %w", err)
		}
		tenants[k.tenant] = true
	}
	for talk := range b.erased {
		if err := talk.forget(tx); err != nil {
			return fmt.Errorf("forget an erased person's questions: %w", err)
		}
	}
	for t := range tenants {
		if err := forget(tx, t, b.seen); err != nil {
			return fmt.Errorf("forget unanswered questions: %w", err)
		}
	}
	return nil
}
