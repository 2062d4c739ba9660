package conversation

import (
	"sync/atomic"
	"time"

	"frontdesk/internal/channel"
	"frontdesk/internal/dialogue"
)

// Meter is told how long things took. Its functions are quick and safe for concurrent use; those that are nil are not told.
type Meter struct {
	Ack    func(time.Duration) // Accept: from the call to the commit, after which the customer is acknowledged
	Turn   func(time.Duration) // from the commit of a burst's first message to that of the reply, on the product's clock
	Action func(time.Duration) // one call of an action, failed ones included
}

func observe(f func(time.Duration), d time.Duration) {
	if f != nil {
		f(d)
	}
}

// Rungs counts on which rung of the ladder customers were served: by a search, by an entry's own wording, by being queued
// for a person, by taking a message because nobody is there.
type Rungs struct{ Retrieval, Exact, Queue, Message atomic.Int64 }

// Counts are the rungs by name.
func (r *Rungs) Counts() map[string]int64 {
	return map[string]int64{"retrieval": r.Retrieval.Load(), "exact": r.Exact.Load(), "queue": r.Queue.Load(), "message": r.Message.Load()}
}

// measure counts a committed turn.
func (s *Service) measure(t *turn, out *dialogue.Outcome, site channel.Site) {
	now := s.DB.Now()
	if t.askedAt > 0 && len(out.Replies) > 0 {
		observe(s.Meter.Turn, time.Duration(max(now.UnixMicro()-t.askedAt, 0))*time.Microsecond)
	}
	rungs := &s.stats.Rungs
	switch {
	case out.Handoff == "":
	case site.Open(now) && s.StaffOnline(t.key.Tenant):
		rungs.Queue.Add(1)
	default:
		rungs.Message.Add(1)
	}
	for _, step := range out.Trace.Steps {
		switch step.Rule {
		case dialogue.RuleExact:
			rungs.Exact.Add(1)
		case "":
			rungs.Retrieval.Add(1)
		}
	}
}
