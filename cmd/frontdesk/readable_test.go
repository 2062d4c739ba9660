package main

import "testing"

// What people read on a terminal: no digit beyond use, no line that ends in a space.
func TestReadable(t *testing.T) {
	type source struct {
		ID    string  `json:"id"`
		Score float64 `json:"score"`
	}
	got, err := readable(struct {
		Text    string   `json:"text"`
		Sources []source `json:"sources"`
		Words   []string `json:"words"`
		None    []string `json:"none"`
		Gone    *int     `json:"gone"`
		Bytes   int      `json:"bytes"`
		Rate    float64  `json:"rate"`
	}{"七天内可以退货。", []source{{"a", 0.9798243641853333}, {"b", 0.00001234567}}, []string{"x", "y"}, []string{}, nil, 5252183, 1234.56789})
	if err != nil {
		t.Fatal(err)
	}
	want := `text: 七天内可以退货。
sources:
  - id: a
    score: 0.9798
  - id: b
    score: 1.235e-05
words:
  - x
  - y
none: none
gone: -
bytes: 5252183
rate: 1234.568
`
	if got != want {
		t.Errorf("readable gives\n%s\nwant\n%s", got, want)
	}
}
