package insight

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Figure names what is counted, where a count can be opened.
type Figure string

// The figures. Ended ones are how closed episodes ended, each apart.
const (
	FigureOpened       Figure = "opened"
	FigureAnswered     Figure = "answered"
	FigureClarified    Figure = "clarified"
	FigureNotKnown     Figure = "not_known"
	FigureHandedOver   Figure = "handed_over"
	FigureSolved       Figure = "solved"
	FigureNotSolved    Figure = "not_solved"
	FigureClosed       Figure = "closed"
	FigureConfirmed    Figure = "confirmed"
	FigureAssumed      Figure = "assumed"
	FigureLeft         Figure = "left"
	FigureEndedHanded  Figure = "ended_handed_over"
	FigureEndedUnknown Figure = "ended_not_known"
)

// AllFigures lists them.
var AllFigures = []Figure{FigureOpened, FigureAnswered, FigureClarified, FigureNotKnown, FigureHandedOver, FigureSolved, FigureNotSolved,
	FigureClosed, FigureConfirmed, FigureAssumed, FigureLeft, FigureEndedHanded, FigureEndedUnknown}

var turnFigures = map[string]Figure{"answer": FigureAnswered, "clarify": FigureClarified, "abstain": FigureNotKnown}

var endFigures = map[string]Figure{"confirmed": FigureConfirmed, "assumed": FigureAssumed, "left": FigureLeft, "handed_over": FigureEndedHanded, "not_known": FigureEndedUnknown}

// keepFigures is how long a count can be opened.
const keepFigures = 100 * 24 * time.Hour

// hitDays is how far back Hits looks.
const hitDays = 30

// Drill is the side stream that remembers what was counted. It is one of its own, so that the figures themselves do not
// wait for it.
func (in *Insight) Drill() sqldb.Consumer {
	return sqldb.Consumer{Name: "insight.figures", Batch: 300, Every: 500 * time.Millisecond, Handle: handleDrill}
}

type entryDay struct {
	tenant, entry string
	day           int64
}

func handleDrill(tx *sqldb.Tx, events []frontdesk.Event) error {
	answered := map[entryDay]int64{}
	tenants := map[string]bool{}
	for i := range events {
		ev := &events[i]
		var d struct {
			Site, Kind, From, To, Outcome, Entry string
			Solved                               bool
			Seq                                  int64
			Seqs                                 []int64
		}
		switch ev.Type {
		case frontdesk.EvConversationOpened, frontdesk.EvConversationOwned, frontdesk.EvConversationClosed, frontdesk.EvTurnCompleted, frontdesk.EvAnswerRated:
		default:
			continue
		}
		if json.Unmarshal(ev.Data, &d) != nil {
			continue // an event of a shape from the future must not stop the others
		}
		var is []Figure
		switch ev.Type {
		case frontdesk.EvConversationOpened:
			is = append(is, FigureOpened)
		case frontdesk.EvConversationOwned:
			if d.From == "bot" && (d.To == "queue" || d.To == "agent") {
				is = append(is, FigureHandedOver)
			}
		case frontdesk.EvConversationClosed:
			is = append(is, FigureClosed)
			if f, ok := endFigures[d.Outcome]; ok {
				is = append(is, f)
			}
		case frontdesk.EvAnswerRated:
			is = append(is, FigureNotSolved)
			if d.Solved {
				is[0] = FigureSolved
			}
		case frontdesk.EvTurnCompleted:
			if f, ok := turnFigures[d.Kind]; ok {
				is = append(is, f)
			}
			if len(d.Seqs) > 0 {
				d.Seq = d.Seqs[0]
			}
			if d.Kind == "answer" && d.Entry != "" {
				answered[entryDay{ev.Tenant, d.Entry, ev.At - ev.At%dayMicros}]++
			}
		}
		for _, f := range is {
			tenants[ev.Tenant] = true
			// The same row twice is the same moment of the same conversation: it opens the same.
			_, err := tx.Exec(`INSERT INTO insight_figure (tenant, figure, at, conversation, seq, site) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
				ev.Tenant, string(f), ev.At, ev.Conversation, d.Seq, d.Site)
			if err != nil {
				return fmt.Errorf("remember a figure: %w", err)
			}
		}
	}
	return writeHits(tx, answered, tenants)
}

const dayMicros = 24 * hourMicros

func writeHits(tx *sqldb.Tx, answered map[entryDay]int64, tenants map[string]bool) error {
	days := make([]entryDay, 0, len(answered))
	for k := range answered {
		days = append(days, k)
	}
	// In one order always: two transactions that meet must not wait for each other.
	slices.SortFunc(days, func(a, b entryDay) int {
		return cmp.Or(strings.Compare(a.tenant, b.tenant), strings.Compare(a.entry, b.entry), cmp.Compare(a.day, b.day))
	})
	for _, k := range days {
		_, err := tx.Exec(`INSERT INTO insight_entry (tenant, entry, day, answered) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant, entry, day) DO UPDATE SET answered = insight_entry.answered + excluded.answered`, k.tenant, k.entry, k.day, answered[k])
		if err != nil {
			return fmt.Errorf("count an entry's answers: %w", err)
		}
	}
	for t := range tenants { // a little at a time
		for _, f := range AllFigures {
			_, err := tx.Exec(`DELETE FROM insight_figure WHERE tenant = $1 AND figure = $2 AND at <
				(SELECT coalesce(max(at), 0) FROM (SELECT at FROM insight_figure WHERE tenant = $1 AND figure = $2 AND at < $3 ORDER BY at LIMIT 200) old)`,
				t, string(f), tx.Now()-keepFigures.Microseconds())
			if err != nil {
				return fmt.Errorf("forget figures: %w", err)
			}
		}
	}
	return nil
}

// Hits tells how many questions entries answered in the last 30 days; ids nil is all entries that did.
func (in *Insight) Hits(ctx context.Context, tenant string, ids []string) (map[string]int64, error) {
	from := in.db.Now().UnixMicro() - hitDays*dayMicros
	text, args := "SELECT entry, CAST(sum(answered) AS BIGINT) FROM insight_entry WHERE tenant = $1 AND day > $2", []any{tenant, from}
	if ids != nil {
		marks := []string{}
		for _, id := range ids {
			args = append(args, id)
			marks = append(marks, "$"+strconv.Itoa(len(args)))
		}
		if len(marks) == 0 {
			return map[string]int64{}, nil
		}
		text += " AND entry IN (" + strings.Join(marks, ", ") + ")"
	}
	rows, err := in.db.Query(ctx, text+" GROUP BY entry", args...)
	if err != nil {
		return nil, fmt.Errorf("read answers of entries: %w", err)
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var id string
		var n int64
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		out[id] = n
	}
	return out, rows.Err()
}

// Opened says which conversations of a figure to list.
type Opened struct {
	Figure   Figure
	From, To int64 // microseconds; From included, To not; To 0 is now
	Site     string
	Weekday  int // 0 is Sunday; -1: any
	Hour     int // -1: any
	Zone     *time.Location
	Cursor   string
	Limit    int
}

// Conversations lists the conversations that a figure counted, each once, the newest count first.
func (in *Insight) Conversations(ctx context.Context, tenant string, o Opened) (ids []string, next string, err error) {
	if !slices.Contains(AllFigures, o.Figure) {
		return nil, "", frontdesk.InvalidField("figure", "%q is not a figure", clip(string(o.Figure), 40))
	}
	if o.To == 0 {
		o.To = in.db.Now().UnixMicro() + 1
	}
	if o.From == 0 {
		o.From = max(0, o.To-keepFigures.Microseconds())
	}
	o.From = max(o.From, o.To-MaxHomeDays*dayMicros)
	ranges := o.ranges()
	if len(ranges) == 0 {
		return nil, "", nil
	}
	at, id := int64(math.MaxInt64), ""
	if o.Cursor != "" {
		if at, id, err = sqldb.ParseCursor(o.Cursor); err != nil {
			return nil, "", err
		}
	}
	// From the newest count backwards, until there are enough: to group them all would read every count of a month for each
	// page. Counts of earlier pages are passed over again, for who is on one of those is not on this one.
	seen := map[string]bool{}
	var last counted
	for _, r := range slices.Backward(ranges) {
		for from := (counted{at: r[1]}); ; {
			list, err := in.countedBefore(ctx, tenant, o, r[0], from)
			if err != nil {
				return nil, "", err
			}
			for _, c := range list {
				if seen[c.conversation] {
					continue
				}
				seen[c.conversation] = true
				if c.at > at || c.at == at && c.conversation >= id {
					continue
				}
				if len(ids) == o.Limit {
					return ids, sqldb.Cursor(last.at, last.conversation), nil
				}
				ids, last = append(ids, c.conversation), c
			}
			if len(list) < countedAtOnce {
				break
			}
			from = list[len(list)-1]
		}
	}
	return ids, "", nil
}

// counted is one thing that a figure counted.
type counted struct {
	at           int64
	conversation string
	seq          int64
}

const countedAtOnce = 500

// countedBefore reads what a figure counted since a time and before something else that it counted, the newest first.
func (in *Insight) countedBefore(ctx context.Context, tenant string, o Opened, since int64, before counted) ([]counted, error) {
	rows, err := in.db.Query(ctx, `SELECT at, conversation, seq FROM insight_figure
		WHERE tenant = $1 AND figure = $2 AND at >= $3 AND (at, conversation, seq) < ($4, $5, $6) AND ($7 = '' OR site = $7)
		ORDER BY at DESC, conversation DESC, seq DESC LIMIT $8`,
		tenant, string(o.Figure), since, before.at, before.conversation, before.seq, o.Site, int64(countedAtOnce))
	if err != nil {
		return nil, fmt.Errorf("open a figure: %w", err)
	}
	defer rows.Close()
	var out []counted
	for rows.Next() {
		var c counted
		if err := rows.Scan(&c.at, &c.conversation, &c.seq); err != nil {
			return nil, fmt.Errorf("open a figure: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// ranges are the stretches of time that are meant: all of From..To, or of its days the hour, in the zone.
func (o Opened) ranges() [][2]int64 {
	if o.Weekday < 0 && o.Hour < 0 {
		return [][2]int64{{o.From, o.To}}
	}
	zone := o.Zone
	if zone == nil {
		zone = time.UTC
	}
	var out [][2]int64
	// Hours are counted by full hours in UTC, as the figures are.
	for at := o.From - o.From%hourMicros; at < o.To; at += hourMicros {
		local := frontdesk.FromMicros(at).In(zone)
		if o.Weekday >= 0 && int(local.Weekday()) != o.Weekday || o.Hour >= 0 && local.Hour() != o.Hour {
			continue
		}
		from, to := max(at, o.From), min(at+hourMicros, o.To)
		if n := len(out); n > 0 && out[n-1][1] == from {
			out[n-1][1] = to
		} else {
			out = append(out, [2]int64{from, to})
		}
	}
	return out
}

// Asked is a question of a customer, by the message that asked it.
type Asked struct {
	Conversation string
	Seq          int64
	At           int64
}

// RecentlyAsked names the last questions that the bot answered, asked back about or did not know, the newest first.
func (in *Insight) RecentlyAsked(ctx context.Context, tenant string, limit int) ([]Asked, error) {
	// Each third has its index; sorting their ends is cheaper than sorting them all.
	third := func(f Figure) string {
		return "SELECT * FROM (SELECT conversation, seq, at FROM insight_figure WHERE tenant = $1 AND figure = '" + string(f) + "' AND seq > 0 ORDER BY at DESC LIMIT $2) " + string(f)
	}
	rows, err := in.db.Query(ctx, "SELECT conversation, seq, at FROM ("+third(FigureAnswered)+" UNION ALL "+third(FigureClarified)+" UNION ALL "+third(FigureNotKnown)+
		") asked ORDER BY at DESC LIMIT $2", tenant, int64(limit))
	if err != nil {
		return nil, fmt.Errorf("read recent questions: %w", err)
	}
	defer rows.Close()
	var out []Asked
	for rows.Next() {
		var a Asked
		if err := rows.Scan(&a.Conversation, &a.Seq, &a.At); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}
