package load

import "time"

// ring is a FIFO queue of visitor indexes.
type ring struct {
	items []int32
	head  int
	n     int
}

func (r *ring) push(i int32) {
	if r.n == len(r.items) {
		grown := make([]int32, max(64, 2*len(r.items)))
		for k := range r.n {
			grown[k] = r.items[(r.head+k)%len(r.items)]
		}
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.n)%len(r.items)] = i
	r.n++
}

func (r *ring) pop() (int32, bool) {
	if r.n == 0 {
		return 0, false
	}
	i := r.items[r.head]
	r.head = (r.head + 1) % len(r.items)
	r.n--
	return i, true
}

const (
	wheelTick  = 5 * time.Millisecond
	wheelSlots = 2048 // 10 s; a longer rest is cut to that
)

// wheel wakes visitors in batches: one timer for all of them instead of one each.
type wheel struct {
	slots [wheelSlots][]int32
	start time.Time
	tick  int64 // slots up to here have been emptied
}

func (w *wheel) reset(now time.Time) { *w = wheel{start: now} }

// add wakes visitor i at the first tick that is not before at.
func (w *wheel) add(i int32, at time.Time) {
	t := int64((at.Sub(w.start) + wheelTick - 1) / wheelTick)
	t = min(max(t, w.tick+1), w.tick+wheelSlots-1)
	w.slots[t%wheelSlots] = append(w.slots[t%wheelSlots], i)
}

// advance moves everybody whose time has come to out.
func (w *wheel) advance(now time.Time, out *ring) {
	for until := int64(now.Sub(w.start) / wheelTick); w.tick < until; {
		w.tick++
		slot := &w.slots[w.tick%wheelSlots]
		for _, i := range *slot {
			out.push(i)
		}
		*slot = (*slot)[:0]
	}
}
