package demo

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 20, 15, 30, 0, 0, time.FixedZone("CST", 8*3600))

func TestShopIsTheSameForTheSameSeed(t *testing.T) {
	a, b := NewShop(7, testNow), NewShop(7, testNow)
	if !reflect.DeepEqual(a.orders, b.orders) || !reflect.DeepEqual(a.Customers, b.Customers) {
		t.Fatal("two shops of one seed differ")
	}
	if c := NewShop(8, testNow); reflect.DeepEqual(a.orders, c.orders) {
		t.Fatal("another seed made the same shop")
	}
	later := NewShop(7, testNow.AddDate(0, 0, 3))
	for i := range a.orders {
		x, y := a.orders[i], later.orders[i]
		if x.Number != y.Number || x.Total != y.Total || x.Customer != y.Customer {
			t.Fatalf("order %d changed with the date: %s %s", i, x.Number, y.Number)
		}
	}
}

func TestShopHasWhatThePageSays(t *testing.T) {
	s := NewShop(Seed, testNow)
	if len(s.Products) != 40 || len(s.Customers) != 200 || len(s.orders) != 600 || len(s.byNumber) != 600 {
		t.Fatalf("%d products, %d customers, %d orders, %d numbers", len(s.Products), len(s.Customers), len(s.orders), len(s.byNumber))
	}
	names, phones := map[string]bool{}, map[string]bool{}
	for _, c := range s.Customers {
		if names[c.Name] || phones[c.Phone] || !strings.HasPrefix(c.Phone, "1990000") || len(c.Phone) != 11 {
			t.Errorf("customer %+v", c)
		}
		names[c.Name], phones[c.Phone] = true, true
	}
	for hour := range 24 { // whenever the demo is started, there is something of each state to look at
		s := NewShop(Seed, midnight(testNow).Add(time.Duration(hour)*time.Hour+10*time.Minute))
		statuses := map[Status]int{}
		for number := range s.byNumber {
			o, ok := s.Order(number)
			if !ok {
				t.Fatalf("order %s is not there now", number)
			}
			statuses[o.Status]++
		}
		for status := range statusLabels {
			if statuses[status] == 0 && (status != Delivering || hour == 10) { // nobody delivers at night
				t.Errorf("at %d h no order is %s", hour, status)
			}
		}
	}
}

// What traces tell must be what the knowledge promises: a customer compares the two.
func TestOrdersKeepTheShopsPromises(t *testing.T) {
	const day = 24 * time.Hour
	for _, o := range NewShop(Seed, testNow).orders {
		var paid, sent, signed time.Time
		for i, tr := range o.Traces {
			if i > 0 && tr.At.Before(o.Traces[i-1].At) {
				t.Fatalf("%s: %v is told before %v", o.Number, o.Traces[i-1], tr)
			}
			if tr.Text["zh"] == "" || tr.Text["en"] == "" {
				t.Fatalf("%s: a trace without text", o.Number)
			}
			switch {
			case tr.Status == Preparing:
				paid = tr.At
			case tr.Status == Shipping && sent.IsZero():
				sent = tr.At
			case tr.Status == Signed && signed.IsZero():
				signed = tr.At
			}
		}
		if paid.Sub(o.Placed) > 30*time.Minute {
			t.Errorf("%s: paid after 30 minutes", o.Number)
		}
		if !sent.IsZero() {
			limit := midnight(paid).Add(2 * day)
			if o.Large() {
				limit = paid.Add(48 * time.Hour)
			} else if paid.Hour() < 16 {
				limit = midnight(paid).Add(day)
			}
			if sent.After(limit) {
				t.Errorf("%s: paid %s, sent only %s", o.Number, paid, sent)
			}
		}
		if !signed.IsZero() {
			days, most := int(midnight(signed).Sub(midnight(sent))/day), 4
			if o.Large() {
				most = 5
			}
			if o.Customer.place.reach == remote {
				most = 10
			}
			if days < 1 || days > most {
				t.Errorf("%s: %d days on the way to %s", o.Number, days, o.Customer.place.en)
			}
		}
	}
}

func TestAnOrderShowsNothingOfItsFuture(t *testing.T) {
	s := NewShop(Seed, testNow)
	whole := s.orders[300]
	if _, ok := whole.at(whole.Placed.Add(-time.Second)); ok {
		t.Error("the order exists before it was placed")
	}
	for i, tr := range whole.Traces {
		s.Clock = func() time.Time { return tr.At }
		o, ok := s.Order(whole.Number)
		if !ok || len(o.Traces) < i+1 || o.Traces[0].At.After(tr.At) || o.Status != o.Traces[0].Status {
			t.Errorf("at trace %d: %+v", i, o)
		}
	}
}

func TestOrdersOfACustomer(t *testing.T) {
	s := NewShop(Seed, testNow)
	seen := 0
	for _, c := range s.Customers {
		last := testNow
		for _, o := range s.OrdersOf(c.Phone) {
			if o.Customer.ID != c.ID || o.Placed.After(last) {
				t.Errorf("%s: order %s of %s", c.ID, o.Number, o.Customer.ID)
			}
			last = o.Placed
			seen++
		}
	}
	if seen != orderCount {
		t.Errorf("%d orders by phone, %d in all", seen, orderCount)
	}
	if got := s.OrdersOf("19999999999"); got != nil {
		t.Errorf("a stranger has orders: %v", got)
	}
}

func TestFindNumber(t *testing.T) {
	for text, want := range map[string]string{
		"YS2600123456":        "YS2600123456",
		"我的订单ys2600123456到哪了": "YS2600123456",
		"订单号：ＹＳ２６００１２３４５６，帮查":         "YS2600123456",
		"order YS 2600123456, please": "YS2600123456",
		"ys-2600123456":               "YS2600123456",
		"YS26001234567":               "", // eleven digits are something else
		"YS260012345":                 "",
		"keys2600123456":              "",
		"2600123456":                  "",
		"":                            "",
	} {
		if got, ok := FindNumber(text); got != want || ok != (want != "") {
			t.Errorf("FindNumber(%q) = %q, %v; want %q", text, got, ok, want)
		}
	}
}

func TestCardSaysWhatMatters(t *testing.T) {
	s := NewShop(Seed, testNow)
	shown := map[Status]bool{}
	s.Clock = func() time.Time { return midnight(s.now).Add(10 * time.Hour) } // when deliveries are out
	for number := range s.byNumber {
		o, ok := s.Order(number)
		if !ok {
			continue
		}
		shown[o.Status] = true
		for _, lang := range Languages {
			c := Card(o, lang)
			if c.Type != "order" || !strings.Contains(c.Title, o.Number) || len(c.Lines) < 5 {
				t.Fatalf("%s %s: %+v", number, lang, c)
			}
			if c.Lines[0].Value != o.Status.Label(lang) || !strings.Contains(c.Lines[2].Value, "¥") {
				t.Errorf("%s %s: %+v", number, lang, c.Lines)
			}
			if (o.Status == Shipping || o.Status == Preparing) != (len(c.Lines) == 6) && o.Status != Delivering {
				t.Errorf("%s is %s with %d lines", number, o.Status, len(c.Lines))
			}
			if c.Action != nil {
				if e, ok := entry(o.next(s.Clock()), lang); !ok || e.Lang != lang || c.Action.Value != e.Question {
					t.Errorf("%s %s: action %+v", number, lang, c.Action)
				}
			}
		}
	}
	if len(shown) < len(statusLabels)-1 { // nothing waits for payment in the morning
		t.Errorf("cards of %d states seen", len(shown))
	}
}
