package load

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"time"
)

// Histogram counts durations in microseconds with an error below 1 %: a linear run of 128 buckets for each power of two,
// up to about two hours. The zero value is empty and ready. Not safe for concurrent use.
type Histogram struct {
	counts [buckets]uint32
	n      uint64
	max    int64
}

const (
	subBits = 7
	buckets = (34 - subBits) << subBits
)

// bucket returns the index for a value: values below 256 have a bucket each, then each doubling has 128.
func bucket(us int64) int {
	if us < 2<<subBits {
		return int(max(us, 0))
	}
	shift := bits.Len64(uint64(us)) - subBits - 1
	return min(shift<<subBits+int(us>>shift), buckets-1)
}

// upper returns the largest value that falls into bucket i.
func upper(i int) int64 {
	if i < 2<<subBits {
		return int64(i)
	}
	shift := i>>subBits - 1
	return int64(i-shift<<subBits+1)<<shift - 1
}

// Add counts one duration; negative ones count as zero.
func (h *Histogram) Add(d time.Duration) {
	us := d.Microseconds()
	h.counts[bucket(us)]++
	h.n++
	h.max = max(h.max, us)
}

// Merge adds the counts of o.
func (h *Histogram) Merge(o *Histogram) {
	for i, c := range o.counts {
		h.counts[i] += c
	}
	h.n += o.n
	h.max = max(h.max, o.max)
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.n }

// Quantile returns the duration that a share q of the durations does not exceed, 0 if there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	want, seen := uint64(q*float64(h.n)+0.5), uint64(0)
	want = min(max(want, 1), h.n)
	for i, c := range h.counts {
		if seen += uint64(c); seen >= want {
			return time.Duration(min(upper(i), h.max)) * time.Microsecond
		}
	}
	return time.Duration(h.max) * time.Microsecond
}

// Max returns the largest duration added, exactly.
func (h *Histogram) Max() time.Duration { return time.Duration(h.max) * time.Microsecond }

// Quantiles are the three figures every latency is reported by, in milliseconds.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// Quantiles returns the median, the 95th and the 99th percentile.
func (h *Histogram) Quantiles() Quantiles {
	return Quantiles{millis(h.Quantile(.5)), millis(h.Quantile(.95)), millis(h.Quantile(.99))}
}

// MedianMax are the two figures of rare events, in milliseconds.
type MedianMax struct {
	P50 float64 `json:"p50"`
	Max float64 `json:"max"`
}

// MedianMax returns the median and the exact largest duration.
func (h *Histogram) MedianMax() MedianMax {
	return MedianMax{millis(h.Quantile(.5)), millis(h.Max())}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// sparse is the form of a histogram between processes: bucket, count, bucket, count ...
type sparse struct {
	Max    int64    `json:"max"`
	Counts []uint32 `json:"counts"`
}

// MarshalJSON writes only the buckets that are not empty.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	s := sparse{Max: h.max}
	for i, c := range h.counts {
		if c > 0 {
			s.Counts = append(s.Counts, uint32(i), c)
		}
	}
	return json.Marshal(s)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var s sparse
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*h = Histogram{max: s.Max}
	for i := 0; i+1 < len(s.Counts); i += 2 {
		if s.Counts[i] >= buckets {
			return fmt.Errorf("histogram: bucket %d of %d", s.Counts[i], buckets)
		}
		h.counts[s.Counts[i]] += s.Counts[i+1]
		h.n += uint64(s.Counts[i+1])
	}
	return nil
}
