package load

import (
	"context"
	"fmt"
	"sync"
)

// Verdict is what the comparison of memory and history found.
type Verdict struct {
	Conversations int      `json:"conversations"`
	Lost          int      `json:"lost"`        // acknowledged, and not there with that sequence
	Unanswered    int      `json:"unanswered"`  // acknowledged and there, and no reply names it
	Undelivered   int      `json:"undelivered"` // replied to in the history, but the socket never brought the reply
	Duplicated    int      `json:"duplicated"`  // a client id stored twice, or a message replied to twice
	Reordered     int      `json:"reordered"`   // a place where the order of sequences, client ids or replies turns back
	Examples      []string `json:"examples"`
}

const maxExamples = 5

func (d *Verdict) add(o Verdict) {
	d.Conversations += o.Conversations
	d.Lost += o.Lost
	d.Unanswered += o.Unanswered
	d.Undelivered += o.Undelivered
	d.Duplicated += o.Duplicated
	d.Reordered += o.Reordered
	for _, e := range o.Examples {
		if len(d.Examples) < maxExamples {
			d.Examples = append(d.Examples, e)
		}
	}
}

// compare holds what a customer remembers against what the history shows. A customer whom staff took over is owed no
// replies, and neither is a conversation whose replies nobody waited for: callers settle first.
func compare(memory []kept, history []stored, owedReplies bool) Verdict {
	var d Verdict
	note := func(n *int, format string, args ...any) {
		*n++
		if len(d.Examples) < maxExamples {
			d.Examples = append(d.Examples, fmt.Sprintf(format, args...))
		}
	}
	there := map[messageID]int64{}
	replies := map[int64]int64{} // message -> its reply
	var lastSeq, lastReplied int64
	var lastID messageID
	for _, m := range history {
		if m.Seq <= lastSeq {
			note(&d.Reordered, "seq %d follows seq %d", m.Seq, lastSeq)
		}
		lastSeq = m.Seq
		if m.From == fromCustomer {
			id, ok := parseID([]byte(m.ClientID))
			if !ok {
				continue // written by someone else
			}
			if first, twice := there[id]; twice {
				note(&d.Duplicated, "client id m%d is seq %d and seq %d", id, first, m.Seq)
				continue
			}
			if id < lastID {
				note(&d.Reordered, "m%d stored after m%d", id, lastID)
			}
			there[id], lastID = m.Seq, id
			continue
		}
		for i, to := range m.ReplyTo {
			if first, twice := replies[to]; twice {
				note(&d.Duplicated, "seq %d is answered by seq %d and seq %d", to, first, m.Seq)
				continue
			}
			replies[to] = m.Seq
			if to >= m.Seq {
				note(&d.Reordered, "seq %d answers the later seq %d", m.Seq, to)
			} else if i == 0 && to < lastReplied {
				note(&d.Reordered, "seq %d answers seq %d after seq %d was answered", m.Seq, to, lastReplied)
			}
			lastReplied = max(lastReplied, to)
		}
	}
	for _, k := range memory {
		seq, ok := there[k.id]
		switch _, answered := replies[int64(k.seq)]; {
		case !ok:
			note(&d.Lost, "m%d was acknowledged as seq %d and is gone", k.id, k.seq)
		case seq != int64(k.seq):
			note(&d.Lost, "m%d was acknowledged as seq %d and is seq %d", k.id, k.seq, seq)
		case k.replied && !answered:
			note(&d.Lost, "the reply to m%d (seq %d) was delivered and is gone", k.id, k.seq)
		case owedReplies && !answered:
			note(&d.Unanswered, "m%d (seq %d) has no reply", k.id, k.seq)
		case owedReplies && !k.replied:
			note(&d.Undelivered, "the reply to m%d (seq %d) is in the history and never came", k.id, k.seq)
		}
	}
	return d
}

// Verify reads every conversation back and compares. Nothing should be in flight.
func (f *Fleet) Verify(ctx context.Context) (Verdict, error) {
	f.mu.Lock()
	visitors := f.visitors
	f.mu.Unlock()

	var (
		total Verdict
		first error
		mu    sync.Mutex
		group sync.WaitGroup
		next  = make(chan *visitor)
	)
	for range 4 {
		group.Go(func() {
			for v := range next {
				history, err := v.history(ctx, f.opt.Addr)
				f.mu.Lock()
				memory, retired := v.kept, v.retired
				f.mu.Unlock()
				mu.Lock()
				if err != nil && first == nil {
					first = fmt.Errorf("read back conversation of customer %d: %w", v.index, err)
				}
				if err == nil {
					d := compare(memory, history, !retired)
					for i, e := range d.Examples {
						d.Examples[i] = fmt.Sprintf("customer %d: %s", v.index, e)
					}
					total.add(d)
					total.Conversations++
				}
				mu.Unlock()
			}
		})
	}
	for _, v := range visitors {
		f.mu.Lock()
		silent := len(v.kept) == 0
		f.mu.Unlock()
		if !silent {
			next <- v
		}
	}
	close(next)
	group.Wait()
	return total, first
}
