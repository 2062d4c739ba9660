package search

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// BenchReport is what `bench search` prints.
type BenchReport struct {
	Messages int          `json:"messages"`
	Queries  []BenchQuery `json:"queries"`
	P50      float64      `json:"p50_ms"` // of all queries
	P95      float64      `json:"p95_ms"`
	P99      float64      `json:"p99_ms"`
	Max      float64      `json:"max_ms"`
	IndexMB  float64      `json:"index_mb"`
	IndexUS  float64      `json:"index_us_per_message"`
	Database string       `json:"database"`
}

// BenchQuery is one kind of query.
type BenchQuery struct {
	Kind     string  `json:"kind"`
	Query    string  `json:"query"` // one of them
	Hits     int     `json:"hits"`  // of that one, at most as many as a screen shows
	Complete bool    `json:"complete"`
	P50      float64 `json:"p50_ms"`
	P95      float64 `json:"p95_ms"`
	P99      float64 `json:"p99_ms"`
}

// madeUp is a source of messages that are made up from their number, so that a bench needs no table for them. What reading
// them costs in the product, some tens of rows by their keys, is not in the figures.
type madeUp struct{ wordings []string }

const benchThread = 8 // messages a conversation

func (m madeUp) text(n int64) string {
	r := rand.New(rand.NewPCG(uint64(n), 9))
	text := m.wordings[r.IntN(len(m.wordings))]
	switch {
	case n%5 == 0:
		text += fmt.Sprintf("，订单号 FD%010d", n*7919%10_000_000_000)
	case n%11 == 0:
		text += "，型号是 " + string(rune('A'+r.IntN(26))) + " 款"
	case n%10_007 == 0:
		text = "我家的鸸鹋" + text
	case n%3 == 0:
		text = "你好，" + text + "，谢谢"
	}
	return text
}

func (m madeUp) messages(refs []Ref) []Message {
	out := make([]Message, len(refs))
	for i, r := range refs {
		thread, _ := strconv.ParseInt(r.Conversation[1:], 10, 64) // of the bench's own making
		n := thread*benchThread + r.Seq - 1
		out[i] = Message{Ref: r, Text: m.text(n), From: "customer", At: n}
	}
	return out
}

func (m madeUp) MessagesIn(_ *sqldb.Tx, _ string, refs []Ref) ([]Message, error) {
	return m.messages(refs), nil
}

func (m madeUp) Messages(_ context.Context, _ string, refs []Ref) ([]Message, error) {
	return m.messages(refs), nil
}

func (madeUp) NamesIn(*sqldb.Tx, string, []string) (map[string]string, error) { return nil, nil }

func (madeUp) Names(context.Context, string, []string) (map[string]string, error) { return nil, nil }

// Bench fills an empty database with an index of n messages, as the consumer would, and measures searches of each kind,
// rounds of each. progress is told the messages done.
func Bench(ctx context.Context, db *sqldb.DB, wordings []string, n, rounds int, progress func(done int)) (BenchReport, error) {
	s := New(db, madeUp{wordings})
	report := BenchReport{Messages: n, Database: string(db.Dialect()), Queries: []BenchQuery{}}
	empty, err := indexBytes(ctx, db)
	if err != nil {
		return report, err
	}
	const tenant = "bench"
	batch := s.Consumer().Batch
	var spent time.Duration
	events := make([]frontdesk.Event, 0, batch)
	for i := range n {
		events = append(events, frontdesk.Event{Tenant: tenant, Type: frontdesk.EvMessageReceived, Conversation: fmt.Sprintf("c%033d", i/benchThread),
			Data: fmt.Appendf(nil, `{"seq":%d}`, i%benchThread+1)})
		if len(events) == batch || i == n-1 {
			started := time.Now()
			if err := db.Write(ctx, func(tx *sqldb.Tx) error { return s.handle(tx, events) }); err != nil {
				return report, err
			}
			spent += time.Since(started)
			events = events[:0]
			if progress != nil && (i+1)%50_000 < batch {
				progress(i + 1)
			}
		}
	}
	report.IndexUS = float64(spent.Microseconds()) / float64(n)
	if db.Dialect() == sqldb.Postgres { // what autovacuum would have done by now
		if _, err := db.Reader().ExecContext(ctx, "VACUUM ANALYZE search_row"); err != nil {
			return report, err
		}
	}
	full, err := indexBytes(ctx, db)
	if err != nil {
		return report, err
	}
	report.IndexMB = float64(full-empty) / (1 << 20)
	err = s.measure(ctx, tenant, n, rounds, &report)
	return report, err
}

func (s *Search) measure(ctx context.Context, tenant string, n, rounds int, report *BenchReport) error {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) func() string { return func() string { return list[r.IntN(len(list))] } }
	order := func() string {
		i := int64(r.IntN(max(1, n/5))) * 5
		return fmt.Sprintf("FD%010d", i*7919%10_000_000_000)
	}
	kinds := []struct {
		kind string
		make func() string
	}{
		{"one character, common", pick("退", "款", "我", "的", "货")},
		{"one character, rare", pick("鸸", "鹋")},
		{"two characters, common", pick("退款", "怎么", "订单", "多久", "谢谢")},
		{"two characters, rare", pick("鸸鹋")},
		{"one letter", pick("A", "K", "z", "Q")},
		{"code", order},
		{"beginning of a code", func() string { return order()[:8] }},
		{"sentence", func() string { return s.source.(madeUp).wordings[r.IntN(len(s.source.(madeUp).wordings))] }},
		{"two common words", pick("退款 谢谢", "怎么 订单", "你好 多久", "订单号 退货")},
		{"two common words that never meet", pick("谢谢 订单号", "你好 型号是", "型号是 订单号")},
		{"word of letters", pick("order", "refund", "delivery", "how")},
		{"not there", pick("鼹鼠", "xylophone", "龘", "量子色动力学")},
	}
	var all []float64
	for _, k := range kinds {
		var times []float64
		q := BenchQuery{Kind: k.kind}
		for i := range rounds + 3 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			text := k.make()
			started := time.Now()
			hits, complete, err := s.Messages(ctx, tenant, text, 8)
			if err != nil {
				return err
			}
			if i < 3 { // the first ones prepare statements and read pages
				continue
			}
			times = append(times, float64(time.Since(started).Microseconds())/1000)
			q.Query, q.Hits, q.Complete = text, len(hits), complete
		}
		all = append(all, times...)
		q.P50, q.P95, q.P99 = quantiles(times)
		report.Queries = append(report.Queries, q)
	}
	report.P50, report.P95, report.P99 = quantiles(all)
	report.Max = slices.Max(all)
	return nil
}

func quantiles(ms []float64) (p50, p95, p99 float64) {
	slices.Sort(ms)
	at := func(q float64) float64 { return ms[min(len(ms)-1, int(q*float64(len(ms))))] }
	return at(.5), at(.95), at(.99)
}

// indexBytes is what the index takes on disk; on SQLite, what the file does, in which nothing else grows meanwhile.
func indexBytes(ctx context.Context, db *sqldb.DB) (n int64, err error) {
	text := "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
	if db.Dialect() == sqldb.Postgres {
		var sizes []string
		for _, t := range []string{"search_space", "search_thread", "search_row"} {
			sizes = append(sizes, "pg_total_relation_size('"+t+"')")
		}
		text = "SELECT " + strings.Join(sizes, " + ")
	}
	err = db.QueryRow(ctx, text).Scan(&n)
	return n, err
}
