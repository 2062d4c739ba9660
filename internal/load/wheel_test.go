package load

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Nobody is woken early, nobody later than the tick after their time, and nobody is forgotten, in any order of calls.
func TestWheel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(1_700_000_000, 0)
		now := start
		var w wheel
		w.reset(start)
		due := map[int32]time.Time{}
		var out ring
		next := int32(0)
		step := func(d time.Duration) {
			now = now.Add(d)
			w.advance(now, &out)
			for i, ok := out.pop(); ok; i, ok = out.pop() {
				at, known := due[i]
				if !known || now.Before(at) {
					t.Fatalf("%d woken at %v, due %v", i, now.Sub(start), at.Sub(start))
				}
				delete(due, i)
			}
			for i, at := range due {
				if now.Sub(at) > 2*wheelTick {
					t.Fatalf("%d still asleep at %v, due %v", i, now.Sub(start), at.Sub(start))
				}
			}
		}
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			for range rapid.IntRange(0, 3).Draw(t, "added") {
				at := now.Add(time.Duration(rapid.Int64Range(-int64(time.Second), int64(9*time.Second)).Draw(t, "in")))
				w.add(next, at)
				due[next] = at
				if at.Before(now) {
					due[next] = now
				}
				next++
			}
			step(time.Duration(rapid.Int64Range(0, int64(3*time.Second)).Draw(t, "step")))
		}
		step(10 * time.Second)
		if len(due) > 0 {
			t.Fatalf("%d never woken", len(due))
		}
	})
}

func TestRing(t *testing.T) {
	var r ring
	var got []int32
	for i := range int32(1000) {
		r.push(i)
		if i%3 == 0 {
			v, _ := r.pop()
			got = append(got, v)
		}
	}
	for v, ok := r.pop(); ok; v, ok = r.pop() {
		got = append(got, v)
	}
	if len(got) != 1000 || !slices.IsSorted(got) {
		t.Errorf("%d out, sorted %v", len(got), slices.IsSorted(got))
	}
}
