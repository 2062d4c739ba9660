package gateway

import (
	"hash/maphash"
	"sync"
	"time"
)

// limiter is a token bucket for each name. It holds at most limiterMax names: a bucket that is full again says nothing
// and is dropped; when none is, all are, which errs on the side of service.
type limiter struct {
	rate   float64 // tokens a second; 0 lets everything through
	burst  float64
	seed   maphash.Seed
	shards [16]struct {
		sync.Mutex
		buckets map[string]bucket
	}
}

type bucket struct {
	tokens float64
	at     time.Time
}

const limiterMax = 400_000

func newLimiter(rate float64, burst int) *limiter {
	l := &limiter{rate: rate, burst: float64(max(burst, 1)), seed: maphash.MakeSeed()}
	for i := range l.shards {
		l.shards[i].buckets = map[string]bucket{}
	}
	return l
}

// take takes a token of a name's, or says how long until there is one.
func (l *limiter) take(name string) (wait time.Duration, ok bool) {
	if l.rate <= 0 {
		return 0, true
	}
	now := time.Now()
	s := &l.shards[maphash.String(l.seed, name)%uint64(len(l.shards))]
	s.Lock()
	defer s.Unlock()
	b, known := s.buckets[name]
	if !known {
		if len(s.buckets) >= limiterMax/len(l.shards) {
			l.sweep(s.buckets, now)
		}
		b = bucket{tokens: l.burst, at: now}
	}
	b.tokens = min(l.burst, b.tokens+now.Sub(b.at).Seconds()*l.rate)
	b.at = now
	if b.tokens >= 1 {
		b.tokens--
		s.buckets[name] = b
		return 0, true
	}
	s.buckets[name] = b
	return time.Duration((1 - b.tokens) / l.rate * float64(time.Second)), false
}

func (l *limiter) sweep(buckets map[string]bucket, now time.Time) {
	for name, b := range buckets {
		if b.tokens+now.Sub(b.at).Seconds()*l.rate >= l.burst {
			delete(buckets, name)
		}
	}
	if len(buckets) >= limiterMax/len(l.shards) {
		clear(buckets)
	}
}
