package knowledge

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
)

// What a trace stores by hand is what the names say.
func TestFeaturesAsJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var f Features
		for i := range f {
			if r.IntN(2) == 0 {
				f[i] = (r.Float32() - .3) * float32(r.IntN(3))
			}
		}
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]float64
		if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, f.Named()) {
			t.Fatalf("%s, want %v: %v", b, f.Named(), err)
		}
	}
}
