package sqldb

import (
	"slices"
	"sync"
	"time"

	"frontdesk"
)

// recentMin is how many of the newest events are at least kept in memory; at most twice as many are.
const recentMin = 4096

// recentIdle is after how much quiet they are let go: whoever reads the log has them by then.
const recentIdle = 2 * time.Second

// recent is the end of the log, in memory. Each consumer reads every event, and on a busy node all of them read the same
// few thousand: only one that is far behind asks the database. It is kept on SQLite, where all events are this process's
// own and have their positions when they are committed.
type recent struct {
	mu     sync.RWMutex
	events []frontdesk.Event // their positions are without gaps; what stands in the array never changes
	idle   *time.Timer
}

// add appends what was just committed.
func (r *recent) add(events []frontdesk.Event) {
	if len(events) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events)+len(events) > 2*recentMin {
		r.events = slices.Clone(r.events[max(0, len(r.events)-recentMin):])
	}
	r.events = append(r.events, events...)
	if r.idle == nil {
		r.idle = time.AfterFunc(recentIdle, r.clear)
	} else {
		r.idle.Reset(recentIdle)
	}
}

// clear forgets all: events were rewritten or removed, or it has been quiet.
func (r *recent) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = nil
}

// after returns up to limit events after a position, if all that come after it are kept.
func (r *recent) after(pos int64, limit int) (events []frontdesk.Event, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.events) == 0 || pos+1 < r.events[0].Pos {
		return nil, false
	}
	from := min(pos+1-r.events[0].Pos, int64(len(r.events)))
	return append(events, r.events[from:min(from+int64(limit), int64(len(r.events)))]...), true
}
