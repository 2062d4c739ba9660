package load

import "testing"

// A conversation of two messages and their replies, then everything that may go wrong with it.
func TestCompare(t *testing.T) {
	memory := []kept{{1, 1, true}, {2, 3, true}}
	m1 := stored{Seq: 1, From: "customer", ClientID: "m1"}
	r1 := stored{Seq: 2, From: "bot", ReplyTo: []int64{1}}
	m2 := stored{Seq: 3, From: "customer", ClientID: "m2"}
	r2 := stored{Seq: 4, From: "bot", ReplyTo: []int64{3}}
	for _, c := range []struct {
		name    string
		memory  []kept
		history []stored
		want    Verdict
	}{
		{"as told", memory, []stored{m1, r1, m2, r2}, Verdict{}},
		{"gaps are staff notes", memory, []stored{m1, r1, m2, {Seq: 9, From: "bot", ReplyTo: []int64{3}}}, Verdict{}},
		{"one reply to both", memory, []stored{m1, {Seq: 3, From: "customer", ClientID: "m2"}, {Seq: 4, From: "bot", ReplyTo: []int64{1, 3}}}, Verdict{}},
		{"never acknowledged, yet stored", memory, []stored{m1, r1, m2, r2, {Seq: 5, From: "customer", ClientID: "m3"}}, Verdict{}},
		{"message gone", memory, []stored{m1, r1}, Verdict{Lost: 1}},
		{"message at another place", memory, []stored{m1, r1, {Seq: 4, From: "customer", ClientID: "m2"}, {Seq: 5, From: "bot", ReplyTo: []int64{4}}}, Verdict{Lost: 1}},
		{"delivered reply gone", memory, []stored{m1, r1, m2}, Verdict{Lost: 1}},
		{"never answered", []kept{{1, 1, true}, {2, 3, false}}, []stored{m1, r1, m2}, Verdict{Unanswered: 1}},
		{"answer not pushed", []kept{{1, 1, true}, {2, 3, false}}, []stored{m1, r1, m2, r2}, Verdict{Undelivered: 1}},
		{"stored twice", memory, []stored{m1, r1, m2, r2, {Seq: 5, From: "customer", ClientID: "m2"}}, Verdict{Duplicated: 1}},
		{"answered twice", memory, []stored{m1, r1, m2, r2, {Seq: 5, From: "bot", ReplyTo: []int64{3}}}, Verdict{Duplicated: 1}},
		{"pages overlap", memory, []stored{m1, r1, r1, m2, r2}, Verdict{Reordered: 1, Duplicated: 1}},
		{"stored in another order", []kept{{1, 3, true}, {2, 1, true}}, []stored{
			{Seq: 1, From: "customer", ClientID: "m2"}, {Seq: 2, From: "bot", ReplyTo: []int64{1}},
			{Seq: 3, From: "customer", ClientID: "m1"}, {Seq: 4, From: "bot", ReplyTo: []int64{3}}}, Verdict{Reordered: 1}},
		{"answered in another order", memory, []stored{m1, {Seq: 3, From: "customer", ClientID: "m2"},
			{Seq: 4, From: "bot", ReplyTo: []int64{3}}, {Seq: 5, From: "bot", ReplyTo: []int64{1}}}, Verdict{Reordered: 1}},
		{"answered before it was asked", memory, []stored{m1, {Seq: 2, From: "bot", ReplyTo: []int64{1, 3}}, m2}, Verdict{Reordered: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := compare(c.memory, c.history, true)
			if len(got.Examples) != got.Lost+got.Unanswered+got.Undelivered+got.Duplicated+got.Reordered {
				t.Errorf("examples: %q", got.Examples)
			}
			got.Examples = nil
			if got.Lost != c.want.Lost || got.Unanswered != c.want.Unanswered || got.Undelivered != c.want.Undelivered ||
				got.Duplicated != c.want.Duplicated || got.Reordered != c.want.Reordered {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// Whom staff took over is owed no reply by the bot.
func TestCompareHandedOver(t *testing.T) {
	history := []stored{{Seq: 1, From: "customer", ClientID: "m1"}}
	if d := compare([]kept{{1, 1, false}}, history, false); d.Unanswered != 0 || d.Lost != 0 {
		t.Errorf("got %+v", d)
	}
}
