package demo

import (
	"context"
	"strings"
	"sync"
	"time"

	"frontdesk"
)

// Lookup is one question about an order.
type Lookup struct {
	Number   string // any text that holds an order number
	Asker    string // who asks, as failures are counted
	Customer string // the Subject that the shop's own sign-in vouches for, "" for a stranger
	Proof    string // the last four digits of the phone on the order, or all of them; "" if not given
}

// Answer is what a Lookup finds: an order, or why none is shown.
type Answer struct {
	Order   Order // the zero Order if it is not shown
	Refused Refusal
}

// Refusal says why an order is not shown.
type Refusal string

// The refusals. Whether there is an order of that number is told only to whoever proves to own it: someone who tries
// numbers learns nothing.
const (
	Unproved   Refusal = "proof"    // the asker is not known to own it: they may send a proof
	Mismatched Refusal = "mismatch" // the proof does not fit the number
	TooOften   Refusal = "tries"    // too many wrong proofs, of this asker or for this order
)

// How many wrong proofs are allowed. Four digits have 10,000 values: of one order a patient stranger with ever new names
// tries one in 500 a day.
const (
	askerTries  = 5
	askerWindow = time.Hour
	orderTries  = 20
	orderWindow = 24 * time.Hour
)

// Subject is how the shop names the customer to others, in its signature over who is signed in.
func (c Customer) Subject() string { return "customer:" + c.ID }

// LookupOrder shows an order to the customer who is signed in and owns it, and to whoever gives the last four digits of the
// phone it was ordered with, which are on the parcel and in every message about it. Nobody else learns whether there is
// such an order. Only a missing or malformed number is an error.
func (s *Shop) LookupOrder(ctx context.Context, q Lookup) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	number, ok := FindNumber(q.Number)
	if !ok {
		return Answer{}, frontdesk.InvalidField("number", "an order number is YS and ten digits")
	}
	o, found := s.Order(number)
	now := s.Clock()
	switch {
	case found && q.Customer != "" && q.Customer == o.Customer.Subject():
		return Answer{Order: o}, nil
	case q.Proof == "":
		return Answer{Refused: Unproved}, nil
	case s.wrong.many("asker "+q.Asker, askerTries, askerWindow, now) || s.wrong.many("order "+number, orderTries, orderWindow, now):
		return Answer{Refused: TooOften}, nil
	case found && proves(q.Proof, o.Customer.Phone):
		return Answer{Order: o}, nil
	}
	s.wrong.note("asker "+q.Asker, now)
	s.wrong.note("order "+number, now)
	return Answer{Refused: Mismatched}, nil
}

// proves reports whether proof is the last four digits of phone or all of it.
func proves(proof, phone string) bool {
	return proof == phone || len(proof) == 4 && strings.HasSuffix(phone, proof)
}

// failures remembers when each of a bounded number of keys failed. It is of this process: with several nodes a stranger has
// so many tries on each.
type failures struct {
	mu sync.Mutex
	at map[string][]time.Time
}

// failuresMost bounds the keys; past it what is out of date is forgotten first, then any half.
const failuresMost = 20_000

// many reports whether a key failed at least most times within the window before now.
func (f *failures) many(key string, most int, window time.Duration, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, t := range f.at[key] {
		if now.Sub(t) < window {
			n++
		}
	}
	return n >= most
}

func (f *failures) note(key string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = map[string][]time.Time{}
	}
	if len(f.at) >= failuresMost {
		f.forget(now)
	}
	if times := append(f.at[key], now); len(times) > orderTries {
		f.at[key] = times[1:]
	} else {
		f.at[key] = times
	}
}

// forget drops the keys that no window reaches back to, and any half of them if all are recent.
func (f *failures) forget(now time.Time) {
	for key, times := range f.at {
		if now.Sub(times[len(times)-1]) >= orderWindow {
			delete(f.at, key)
		}
	}
	for key := range f.at {
		if len(f.at) <= failuresMost/2 {
			return
		}
		delete(f.at, key)
	}
}
