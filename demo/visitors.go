package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"frontdesk/internal/dialogue/knowledge"
)

// HistoryDays is how far back from the shop's now its simulated customers come.
const HistoryDays = 30

// Script is what one simulated customer says in one visit. The simulator sends each line when its think time is over and
// otherwise behaves like any browser.
type Script struct {
	At       time.Time // when the customer arrives
	Visitor  string    // the same for visits of the same person
	Customer *Customer // who it is, if they are signed in to the shop
	Lang     string
	Kind     string // plain, order, outside, human, complaint, fragments, greeting, rush: what the visit is about
	Lines    []Line
	Agent    []string // what an agent answers, in order, if the visit comes to one
	By       int      // which of Staff answers it
}

// Line is one thing a customer does. Exactly one of Text and Rate is set.
type Line struct {
	Wait  time.Duration // thinking and typing, after the answer to the line before; after the line before itself if Burst
	Burst bool          // sent without waiting for an answer: a person typing in pieces
	Text  string
	Entry string // the entry that answers it, "" if none does or it needs the line before
	Call  bool   // asks for a person: left out when one is there
	Rate  *Rating
}

// Rating says whether the visit solved the customer's problem.
type Rating struct {
	Solved bool
	Reason string
}

// hourly is how busy each hour of an ordinary day is; people shop at lunch and after dinner.
var hourly = [24]int{8, 4, 2, 1, 1, 2, 6, 16, 34, 62, 78, 74, 66, 58, 64, 66, 62, 56, 54, 66, 84, 80, 52, 22}

// daily is the same for the days of the week, from Sunday.
var daily = [7]int{122, 112, 98, 94, 96, 104, 126}

// Busyness says how much goes on at a moment compared with the average of a week, which is 1. Live traffic follows it.
func Busyness(at time.Time) float64 {
	at = at.In(Zone())
	return float64(hourly[at.Hour()]) * 24 / float64(sum(hourly[:])) * float64(daily[at.Weekday()]) * 7 / float64(sum(daily[:]))
}

// Scripts returns the visits of the HistoryDays before the shop's now, in order of arrival. On one day, nine days before now,
// parcels stick in a snowed-in hub and a rush asks about it. The same seed, n and shop give the same visits.
func (s *Shop) Scripts(seed int64, n int) []Script {
	w := writer{shop: s, r: stream(uint64(seed), s.seed<<32)}
	start := midnight(s.now).AddDate(0, 0, -HistoryDays)
	var days [HistoryDays]int
	for d := range days {
		days[d] = daily[start.AddDate(0, 0, d).Weekday()]
	}
	rush := n / 15
	out := make([]Script, 0, n)
	for i := range n {
		day, kind := HistoryDays-9, "rush"
		at := time.Duration(10*60+w.r.IntN(7*60)) * time.Minute
		if i >= rush {
			day, kind, at = pick(w.r, days[:]), "", daytime(w.r)
		}
		out = append(out, w.visit(start.AddDate(0, 0, day).Add(at), kind))
	}
	slices.SortStableFunc(out, func(a, b Script) int { return a.At.Compare(b.At) })
	return out
}

// Waiting returns the visits of the last minutes before the shop's now, of customers who have asked for a person and whom
// nobody has taken yet.
func (s *Shop) Waiting(seed int64) []Script {
	w := writer{shop: s, r: stream(uint64(seed), s.seed<<32+1)}
	var out []Script
	for i, before := range []time.Duration{9, 6, 4} {
		v := Script{At: s.now.Add(-before * time.Minute), Kind: "human", Lang: Languages[i%2], Visitor: fmt.Sprintf("anon-%08x", w.r.Uint32())}
		v.say(&w, choose(w.r, humanMatters[v.Lang]), "")
		v.call(&w)
		out = append(out, v)
	}
	return out
}

// kinds weighs what visits are about.
var kinds = []struct {
	name   string
	weight int
	write  func(*writer, *Script)
}{
	{"plain", 58, (*writer).plain},
	{"order", 11, (*writer).order},
	{"outside", 8, (*writer).outside},
	{"human", 7, (*writer).human},
	{"complaint", 5, (*writer).complaint},
	{"fragments", 8, (*writer).fragments},
	{"greeting", 3, (*writer).greeting},
}

// categories weighs what people ask about. A category that is not listed weighs 2.
var categories = map[string]int{
	"配送": 20, "退货": 14, "退款": 12, "安装": 10, "保修": 8, "发票": 7, "订单": 10, "支付": 5, "优惠券": 5, "洗衣机": 6, "空调": 6, "冰箱": 5, "换货": 4, "价保": 4,
	"Delivery": 20, "Returns": 14, "Refunds": 10, "Installation": 8, "Warranty": 8, "Invoices": 5, "Orders": 8, "Payment": 6, "Washing machine": 4, "Fridge": 4, "Air conditioner": 4,
}

// writer writes scripts from one stream of randomness.
type writer struct {
	shop *Shop
	r    *rand.Rand
}

func (w *writer) visit(at time.Time, kind string) Script {
	s := Script{At: at, Kind: kind, Lang: "zh"}
	if w.r.IntN(100) < 40 { // signed in, and so seen again
		c := &w.shop.Customers[w.r.IntN(len(w.shop.Customers))]
		s.Customer, s.Lang, s.Visitor = c, c.Language, c.ID
	} else {
		if w.r.IntN(100) < 15 {
			s.Lang = "en"
		}
		s.Visitor = fmt.Sprintf("anon-%08x", w.r.Uint32())
	}
	if kind == "rush" {
		w.rush(&s)
		return s
	}
	weights := make([]int, len(kinds))
	for i, k := range kinds {
		weights[i] = k.weight
	}
	k := kinds[pick(w.r, weights)]
	s.Kind = k.name
	if w.r.IntN(100) < 18 && k.name != "greeting" {
		s.say(w, choose(w.r, greetings[s.Lang]), "")
	}
	k.write(w, &s)
	return s
}

func (w *writer) plain(s *Script) {
	for range 1 + pick(w.r, []int{60, 28, 12}) {
		s.ask(w, w.topic(s.Lang))
	}
	w.close(s, 88)
}

func (w *writer) order(s *Script) {
	number, late := w.number(s)
	s.say(w, fmt.Sprintf(choose(w.r, orderAsks[s.Lang]), number), "")
	if o, ok := w.shop.byNumber[number]; ok { // who is not signed in as its owner is asked to prove it
		if owner := w.shop.orders[o].Customer; s.Customer == nil || s.Customer.ID != owner.ID {
			s.say(w, owner.Phone[len(owner.Phone)-4:], "")
		}
	}
	switch {
	case late:
		e, _ := entry("delivery-stuck", s.Lang)
		s.ask(w, e)
	case w.r.IntN(2) == 0:
		s.ask(w, w.topic(s.Lang))
	}
	w.close(s, 85)
}

// number picks an order that exists when the customer comes, their own if they are signed in and have one. Now and then a
// digit is wrong.
func (w *writer) number(s *Script) (number string, stuck bool) {
	var known []Order
	at := func(i int) {
		if o, ok := w.shop.orders[i].at(s.At); ok {
			known = append(known, o)
		}
	}
	if s.Customer != nil {
		for _, i := range w.shop.byPhone[s.Customer.Phone] {
			at(i)
		}
	}
	for try := 0; len(known) == 0 && try < 50; try++ {
		at(w.r.IntN(len(w.shop.orders)))
	}
	if len(known) == 0 || w.r.IntN(20) == 0 {
		return fmt.Sprintf("YS%010d", 1_000_000_000+w.r.Int64N(1_000_000_000)), false
	}
	o := known[len(known)-1-w.r.IntN(min(3, len(known)))]
	return o.Number, o.Status == Shipping && s.At.Sub(o.Traces[0].At) > 48*time.Hour
}

func (w *writer) outside(s *Script) {
	if w.r.IntN(3) > 0 {
		s.ask(w, w.topic(s.Lang))
	}
	// Gaps come in clusters, so that the list of open questions has something to group.
	for range 1 + w.r.IntN(2) {
		gap := w.r.IntN(100) < 70
		var from []string
		for _, q := range Outside() {
			if q.Lang == s.Lang && (q.Kind == "gap") == gap {
				from = append(from, q.Text)
			}
		}
		s.say(w, choose(w.r, from), "")
	}
	w.close(s, 35)
}

func (w *writer) human(s *Script) {
	if w.r.IntN(4) > 0 {
		s.ask(w, w.topic(s.Lang))
	}
	s.call(w)
	if w.r.IntN(3) == 0 {
		s.say(w, fmt.Sprintf(choose(w.r, phoneNotes[s.Lang]), w.phone(s)), "")
	} else {
		s.say(w, choose(w.r, humanMatters[s.Lang]), "")
	}
	s.Agent, s.By = agentTalk[s.Lang][w.r.IntN(len(agentTalk[s.Lang]))], brook
	w.close(s, 82)
}

func (w *writer) complaint(s *Script) {
	c := complaints[s.Lang][w.r.IntN(len(complaints[s.Lang]))]
	for i, text := range c {
		s.say(w, text, "")
		if i > 0 && w.r.IntN(2) == 0 {
			s.hurry(w)
		}
	}
	s.call(w)
	s.Agent, s.By = apologies[s.Lang][w.r.IntN(len(apologies[s.Lang]))], hazel
	w.close(s, 48)
}

// fragments puts one question in pieces sent a moment apart: they need one answer.
func (w *writer) fragments(s *Script) {
	e := w.topic(s.Lang)
	for i, piece := range cut(choose(w.r, leadIns[s.Lang]), e.Question) {
		s.say(w, piece, "")
		if i > 0 {
			s.hurry(w)
		}
	}
	s.Lines[len(s.Lines)-1].Entry = e.ID
	w.close(s, 85)
}

func (w *writer) greeting(s *Script) {
	s.say(w, choose(w.r, greetings[s.Lang]), "")
	if w.r.IntN(2) == 0 {
		s.ask(w, w.topic(s.Lang))
	}
}

func (w *writer) rush(s *Script) {
	s.say(w, choose(w.r, rushAsks[s.Lang]), "")
	if w.r.IntN(2) == 0 {
		e, _ := entry("delivery-stuck", s.Lang)
		s.ask(w, e)
	}
	if w.r.IntN(3) == 0 {
		s.call(w)
		s.Agent, s.By = apologies[s.Lang][0], hazel
	}
	w.close(s, 55)
}

// topic picks an entry the way people ask: some categories far more than others, and in a category the first most.
func (w *writer) topic(lang string) knowledge.Entry {
	t := topics()[lang]
	return t.entries[pick(w.r, t.weights)]
}

type weighed struct {
	entries []knowledge.Entry
	weights []int
}

var topics = sync.OnceValue(func() map[string]weighed {
	seen := map[string]int{}
	all := map[string]weighed{}
	for _, e := range Entries() {
		weight := categories[e.Category]
		if weight == 0 {
			weight = 2
		}
		seen[e.Category]++
		t := all[e.Lang]
		t.entries = append(t.entries, e)
		t.weights = append(t.weights, max(1, 60*weight/(seen[e.Category]+2)))
		all[e.Lang] = t
	}
	return all
})

// ask says one of an entry's own wordings or, as often, one kept apart; a few people put it in a way of their own.
func (s *Script) ask(w *writer, e knowledge.Entry) {
	words := append([]string{e.Question}, e.Similar...)
	switch apart := heldOut()[e.ID]; pick(w.r, []int{50, 38, 12}) {
	case 1:
		words = apart.Usual
	case 2:
		words = apart.Hard
	}
	s.say(w, choose(w.r, words), e.ID)
}

// say adds a line after a pause for reading the last answer and typing this one.
func (s *Script) say(w *writer, text, entry string) {
	read := time.Duration(2000+w.r.ExpFloat64()*9000) * time.Millisecond
	typing := time.Duration(utf8.RuneCountInString(text)*(90+w.r.IntN(160))) * time.Millisecond
	s.Lines = append(s.Lines, Line{Wait: min(read, time.Minute) + typing, Text: text, Entry: entry})
}

// call asks for a person.
func (s *Script) call(w *writer) {
	s.say(w, choose(w.r, humanAsks[s.Lang]), "")
	s.Lines[len(s.Lines)-1].Call = true
}

// hurry makes the last line part of a burst with the one before it.
func (s *Script) hurry(w *writer) {
	l := &s.Lines[len(s.Lines)-1]
	l.Burst, l.Wait = true, time.Duration(250+w.r.IntN(500))*time.Millisecond
}

// close thanks, perhaps, and rates, perhaps: solved with the given probability in percent.
func (w *writer) close(s *Script, solved int) {
	if w.r.IntN(100) < 30 {
		s.say(w, choose(w.r, thanks[s.Lang]), "")
	}
	if w.r.IntN(100) >= 34 {
		return
	}
	rate := Rating{Solved: w.r.IntN(100) < solved}
	if !rate.Solved && w.r.IntN(3) > 0 {
		rate.Reason = choose(w.r, reasons[s.Lang])
	}
	s.Lines = append(s.Lines, Line{Wait: time.Duration(3+w.r.IntN(25)) * time.Second, Rate: &rate})
}

func (w *writer) phone(s *Script) string {
	if s.Customer != nil {
		return s.Customer.Phone
	}
	return fmt.Sprintf("1990000%04d", w.r.IntN(10_000))
}

// cut breaks a question behind a lead-in and, if it has one, at its first comma.
func cut(leadIn, question string) []string {
	for _, sep := range []string{"，", ", "} {
		if a, b, ok := strings.Cut(question, sep); ok && b != "" {
			return []string{leadIn, a, b}
		}
	}
	return []string{leadIn, question}
}

// pick returns an index, as likely as its weight.
func pick(r *rand.Rand, weights []int) int {
	n := r.IntN(sum(weights))
	for i, w := range weights {
		if n -= w; n < 0 {
			return i
		}
	}
	return len(weights) - 1
}

func choose(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

func sum(ns []int) int {
	total := 0
	for _, n := range ns {
		total += n
	}
	return total
}
