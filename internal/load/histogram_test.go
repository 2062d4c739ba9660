package load

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Every quantile is within one part in a hundred above the exact one, also after a trip through JSON and a merge.
func TestHistogramQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<32), 1, 300).Draw(t, "microseconds")
		var left, right Histogram
		for i, us := range values {
			h := &left
			if i%2 == 0 {
				h = &right
			}
			h.Add(time.Duration(us) * time.Microsecond)
		}
		text, err := json.Marshal(&right)
		if err != nil {
			t.Fatal(err)
		}
		var h Histogram
		if err := json.Unmarshal(text, &h); err != nil {
			t.Fatal(err)
		}
		h.Merge(&left)

		slices.Sort(values)
		for _, q := range []float64{0, .5, .95, .99, 1} {
			n := min(max(int(q*float64(len(values))+.5), 1), len(values))
			exact, got := values[n-1], h.Quantile(q).Microseconds()
			if got < exact || float64(got) > float64(exact)*1.01+1 {
				t.Fatalf("quantile %v of %d values is %d us, exactly %d", q, len(values), got, exact)
			}
		}
		if h.Count() != uint64(len(values)) || h.Max().Microseconds() != values[len(values)-1] {
			t.Fatalf("count %d max %v", h.Count(), h.Max())
		}
	})
}

func TestHistogramEmpty(t *testing.T) {
	var h Histogram
	if h.Quantile(.99) != 0 || h.MedianMax() != (MedianMax{}) {
		t.Error("an empty histogram has quantiles")
	}
}
