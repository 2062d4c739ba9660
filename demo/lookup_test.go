package demo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"frontdesk"
)

func TestAnOrderIsShownToItsOwnerOnly(t *testing.T) {
	s := NewShop(Seed, testNow)
	o := s.orders[400]
	last4 := o.Customer.Phone[7:]
	other := s.Customers[0]
	if other.ID == o.Customer.ID {
		other = s.Customers[1]
	}
	for name, c := range map[string]struct {
		q    Lookup
		want Refusal
	}{
		"signed in, own order":           {Lookup{Number: "where is " + strings.ToLower(o.Number) + "?", Customer: o.Customer.Subject()}, ""},
		"stranger with the last four":    {Lookup{Number: o.Number, Proof: last4}, ""},
		"stranger with the whole phone":  {Lookup{Number: o.Number, Proof: o.Customer.Phone}, ""},
		"another customer, last four":    {Lookup{Number: o.Number, Customer: other.Subject(), Proof: last4}, ""},
		"stranger":                       {Lookup{Number: o.Number}, Unproved},
		"another customer":               {Lookup{Number: o.Number, Customer: other.Subject()}, Unproved},
		"no such order":                  {Lookup{Number: "YS0000000001"}, Unproved},
		"wrong digits":                   {Lookup{Number: o.Number, Proof: "0000"}, Mismatched},
		"fewer digits":                   {Lookup{Number: o.Number, Proof: last4[1:]}, Mismatched},
		"another phone of the same end":  {Lookup{Number: o.Number, Proof: "1380000" + last4}, Mismatched},
		"no such order, with digits":     {Lookup{Number: "YS0000000001", Proof: last4}, Mismatched},
		"no such order, another's proof": {Lookup{Number: "YS0000000001", Customer: other.Subject(), Proof: last4}, Mismatched},
	} {
		c.q.Asker = name
		got, err := s.LookupOrder(t.Context(), c.q)
		if err != nil || got.Refused != c.want || (got.Order.Number == o.Number) != (c.want == "") {
			t.Errorf("%s: refused %q, shown %q, %v; want %q", name, got.Refused, got.Order.Number, err, c.want)
		}
	}
	if _, err := s.LookupOrder(t.Context(), Lookup{Number: "my order"}); frontdesk.KindOf(err) != frontdesk.Invalid {
		t.Errorf("no number: %v", err)
	}
}

// Whoever tries numbers or digits is stopped, by who they are and by what they try; an owner who is signed in never is.
func TestWrongProofsAreLimited(t *testing.T) {
	s := NewShop(Seed, testNow)
	now := testNow
	s.Clock = func() time.Time { return now }
	look := func(asker, number, proof string) Refusal {
		t.Helper()
		got, err := s.LookupOrder(t.Context(), Lookup{Number: number, Asker: asker, Proof: proof})
		if err != nil {
			t.Fatal(err)
		}
		return got.Refused
	}
	o, o2 := s.orders[400], s.orders[401]
	for i := range askerTries { // any mix of numbers and digits
		if got := look("eve", fmt.Sprintf("YS%010d", i), "1234"); got != Mismatched {
			t.Fatalf("try %d: %q", i, got)
		}
	}
	if got := look("eve", o.Number, o.Customer.Phone[7:]); got != TooOften {
		t.Errorf("after %d wrong ones, a right one gives %q", askerTries, got)
	}
	if got := look("bob", o.Number, o.Customer.Phone[7:]); got != "" {
		t.Errorf("somebody else pays for it: %q", got)
	}
	now = now.Add(askerWindow)
	if got := look("eve", o.Number, o.Customer.Phone[7:]); got != "" {
		t.Errorf("an hour later: %q", got)
	}
	// Ever new names on one order.
	for i := range orderTries {
		if got := look(fmt.Sprint("name", i), o2.Number, "0000"); got != Mismatched {
			t.Fatalf("name %d: %q", i, got)
		}
	}
	if got := look("fresh", o2.Number, o2.Customer.Phone[7:]); got != TooOften {
		t.Errorf("the order after %d wrong proofs: %q", orderTries, got)
	}
	if got, err := s.LookupOrder(t.Context(), Lookup{Number: o2.Number, Asker: "fresh", Customer: o2.Customer.Subject()}); err != nil || got.Refused != "" {
		t.Errorf("its owner is shut out: %+v, %v", got, err)
	}
	now = now.Add(orderWindow)
	if got := look("fresh", o2.Number, o2.Customer.Phone[7:]); got != "" {
		t.Errorf("a day later: %q", got)
	}
}

func TestFailuresAreBounded(t *testing.T) {
	var f failures
	for i := range failuresMost + 10 {
		f.note(fmt.Sprint(i), testNow)
	}
	if len(f.at) > failuresMost {
		t.Errorf("%d keys are held", len(f.at))
	}
	if f.note("last", testNow); !f.many("last", 1, time.Hour, testNow) {
		t.Error("the newest was forgotten")
	}
}
