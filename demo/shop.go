package demo

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"frontdesk"
)

// Seed makes the shop that the demo shows.
const Seed = 1

// How much of a shop there is, and how far back its orders go.
const (
	customerCount = 200
	orderCount    = 600
	orderDays     = 60
	unpaidCount   = 6 // orders so fresh that nobody has paid for them yet
)

// Customer is someone who bought. The numbers begin with 1990000, so they look right and reach nobody.
type Customer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Phone    string `json:"phone"`
	Email    string `json:"email"`
	Language string `json:"language"`

	place place
}

// Status is how far an order has come.
type Status string

// The states of an order, in the order of an ordinary life.
const (
	Unpaid     Status = "unpaid"
	Preparing  Status = "preparing" // paid, not sent
	Shipping   Status = "shipping"
	Delivering Status = "delivering"
	Signed     Status = "signed"
	Cancelled  Status = "cancelled"
	Refunding  Status = "refunding"
	Refunded   Status = "refunded"
)

var statusLabels = map[Status]frontdesk.Localized{
	Unpaid:     {"zh": "待付款", "en": "Awaiting payment"},
	Preparing:  {"zh": "待发货", "en": "Preparing"},
	Shipping:   {"zh": "运输中", "en": "On its way"},
	Delivering: {"zh": "派送中", "en": "Out for delivery"},
	Signed:     {"zh": "已签收", "en": "Delivered"},
	Cancelled:  {"zh": "已取消", "en": "Cancelled"},
	Refunding:  {"zh": "退款中", "en": "Refund in progress"},
	Refunded:   {"zh": "已退款", "en": "Refunded"},
}

// Label is what customers read.
func (s Status) Label(language string) string { return statusLabels[s].In(language) }

// Item is a line of an order.
type Item struct {
	Product Product `json:"product"`
	Count   int     `json:"count"`
}

// Trace is one thing that happened to an order.
type Trace struct {
	At     time.Time           `json:"at"`
	Status Status              `json:"status"`
	Text   frontdesk.Localized `json:"text"`
}

// Order is an order as it stands at one moment: it shows nothing that happens later.
type Order struct {
	Number   string    `json:"number"`
	Customer Customer  `json:"customer"`
	Items    []Item    `json:"items"`
	Freight  int       `json:"freight"`
	Total    int       `json:"total"` // with freight
	Placed   time.Time `json:"placed"`
	Status   Status    `json:"status"`
	Traces   []Trace   `json:"traces"`            // newest first
	Expected time.Time `json:"expected,omitzero"` // set while it is being prepared or on its way

	seen time.Time // the moment the order was looked at
}

// Large reports whether the shop's own team brings the order into the home.
func (o Order) Large() bool { return o.Items[0].Product.Large }

// Shop is the demo company's order book. Every order carries its whole life, also the part that has not happened yet, so the
// book can be asked about any moment: a month of history sees each order as it stood then, and a running demo sees orders
// move. Safe for concurrent use once Clock is set.
type Shop struct {
	Products  []Product
	Customers []Customer
	Clock     func() time.Time // the moment Order, OrdersOf and LookupOrder speak of; NewShop lets it stand still at its now

	now      time.Time
	seed     uint64
	orders   []Order // whole lives, oldest first: Status is the last there will be
	byNumber map[string]int
	byPhone  map[string][]int
	wrong    failures // proofs of ownership that did not fit
}

// NewShop makes the order book of the 60 days before now. The same seed and now make the same shop; another now keeps order
// numbers, customers and goods and moves the dates.
func NewShop(seed uint64, now time.Time) *Shop {
	r := stream(seed, 0)
	now = now.In(Zone())
	s := &Shop{Products: products, Clock: func() time.Time { return now }, now: now, seed: seed,
		byNumber: map[string]int{}, byPhone: map[string][]int{}}
	for i := range customerCount {
		s.Customers = append(s.Customers, makeCustomer(r, i))
	}
	s.orders = make([]Order, orderCount)
	for i := range s.orders {
		s.orders[i] = makeOrder(stream(seed, uint64(i)+1), now, s.Customers[r.IntN(customerCount)], i < unpaidCount)
	}
	slices.SortStableFunc(s.orders, func(a, b Order) int { return a.Placed.Compare(b.Placed) })
	number := int64(2_600_000_000) + r.Int64N(1_000_000)
	for i := range s.orders {
		number += 1 + r.Int64N(500_000)
		o := &s.orders[i]
		o.Number = fmt.Sprintf("YS%010d", number)
		s.byNumber[o.Number] = i
		s.byPhone[o.Customer.Phone] = append(s.byPhone[o.Customer.Phone], i)
	}
	return s
}

func makeCustomer(r *rand.Rand, i int) Customer {
	c := Customer{ID: fmt.Sprintf("c%04d", i+1), Phone: fmt.Sprintf("1990000%04d", 1000+i*37), Language: "zh", place: places[r.IntN(len(places))]}
	if i%7 == 6 { // one in seven speaks English; 28 of 30 names are used, none twice
		n := i / 7
		c.Language, c.Name = "en", englishGive[n%len(englishGive)]+" "+englishLast[n/len(englishGive)]
	} else {
		n := i * 7 // 7 has no factor in common with 12 x 20: every name comes once
		c.Name = familyNames[n%len(familyNames)] + givenNames[(n/len(familyNames))%len(givenNames)]
	}
	c.Email = c.ID + "@example.test"
	return c
}

// makeOrder lives one order through. All randomness comes from r, and times count back from now's midnight, so an order keeps
// its story when now moves.
func makeOrder(r *rand.Rand, now time.Time, c Customer, fresh bool) Order {
	o := Order{Customer: c, Items: makeItems(r)}
	goods := 0
	for _, it := range o.Items {
		goods += it.Product.Price * it.Count
	}
	if !o.Large() {
		if goods < 99 {
			o.Freight = 8
		}
		if c.place.reach == remote {
			o.Freight += 15
		}
	}
	o.Total = goods + o.Freight

	age, clock := 1+r.IntN(orderDays-1), daytime(r)
	back := time.Duration(2+r.IntN(24)) * time.Minute
	life := story(r)
	if fresh {
		o.Placed = now.Add(-back)
		o.log(o.Placed, Unpaid, "订单已提交，请在 30 分钟内付款", "Order placed, please pay within 30 minutes")
		o.log(o.Placed.Add(30*time.Minute), Cancelled, "超时未付款，订单已自动取消", "Not paid in time, cancelled automatically")
		return o
	}
	o.Placed = midnight(now).AddDate(0, 0, -age).Add(clock)
	life(r, &o)
	return o
}

// makeItems is one large appliance, or one to three small things: the two leave from different warehouses.
func makeItems(r *rand.Rand) []Item {
	first := products[r.IntN(len(products))]
	items := []Item{{first, 1}}
	if first.Large {
		return items
	}
	for range r.IntN(3) {
		p := products[r.IntN(len(products))]
		if p.Large {
			continue
		}
		if i := slices.IndexFunc(items, func(it Item) bool { return it.Product.SKU == p.SKU }); i >= 0 {
			items[i].Count++
			continue
		}
		items = append(items, Item{p, 1})
	}
	return items
}

// story picks what becomes of an order.
func story(r *rand.Rand) func(*rand.Rand, *Order) {
	switch n := r.IntN(100); {
	case n < 5:
		return neverPaid
	case n < 9:
		return cancelledEarly
	case n < 16:
		return sentBack
	case n < 18:
		return lostOnTheWay
	default:
		return delivered
	}
}

func neverPaid(_ *rand.Rand, o *Order) {
	o.log(o.Placed, Unpaid, "订单已提交，请在 30 分钟内付款", "Order placed, please pay within 30 minutes")
	o.log(o.Placed.Add(30*time.Minute), Cancelled, "超时未付款，订单已自动取消", "Not paid in time, cancelled automatically")
}

func cancelledEarly(r *rand.Rand, o *Order) {
	paid := o.pay(r)
	at := paid.Add(time.Duration(3+r.IntN(50)) * time.Minute)
	o.log(at, Refunding, "已取消订单，退款处理中", "Order cancelled, refund in progress")
	o.log(at.Add(time.Duration(1+r.IntN(22))*time.Hour), Refunded, "退款已原路退回", "Refunded the way it was paid")
}

func delivered(r *rand.Rand, o *Order) {
	signed := o.travel(r)
	if o.Items[0].Product.Install {
		fitted := midnight(signed).AddDate(0, 0, 1+r.IntN(3)).Add(10*time.Hour + time.Duration(r.IntN(400))*time.Minute)
		o.log(fitted, Signed, "安装完成", "Installed")
	}
}

// sentBack returns the goods unused, as entry return-policy asks: nothing is installed.
func sentBack(r *rand.Rand, o *Order) {
	signed := o.travel(r)
	asked := midnight(signed).AddDate(0, 0, 1+r.IntN(6)).Add(daytime(r))
	o.log(asked, Refunding, "已申请退货退款，等待审核", "Return requested, waiting for review")
	picked := midnight(asked).AddDate(0, 0, 1+r.IntN(2)).Add(daytime(r))
	o.log(picked, Refunding, "已上门取件，正在退回仓库", "Collected, on its way back to the warehouse")
	checked := midnight(picked).AddDate(0, 0, 3+r.IntN(2)).Add(11 * time.Hour)
	o.log(checked, Refunding, "仓库已验收，退款已发起", "Checked at the warehouse, refund started")
	o.log(checked.AddDate(0, 0, 1+r.IntN(2)), Refunded, "退款已原路退回", "Refunded the way it was paid")
}

// lostOnTheWay stops moving at a hub: the orders that customers are right to worry about.
func lostOnTheWay(r *rand.Rand, o *Order) {
	sent := o.send(r, o.pay(r))
	o.log(sent.Add(20*time.Hour), Shipping, "到达【中州演示转运中心】", "Arrived at the Zhongzhou demo hub")
	o.Expected = sent.AddDate(0, 0, 3)
}

func (o *Order) pay(r *rand.Rand) time.Time {
	o.log(o.Placed, Unpaid, "订单已提交，请在 30 分钟内付款", "Order placed, please pay within 30 minutes")
	paid := o.Placed.Add(time.Duration(20+r.IntN(600)) * time.Second)
	o.log(paid, Preparing, "已付款，仓库备货中", "Paid, being prepared at the warehouse")
	return paid
}

// send keeps the promise of the entry dispatch-time: small things the same day if paid before 16:00, else the next; large ones
// within 48 hours.
func (o *Order) send(r *rand.Rand, paid time.Time) time.Time {
	var sent time.Time
	switch {
	case o.Large():
		sent = paid.Add(time.Duration(14+r.IntN(33)) * time.Hour)
	case paid.Hour() < 16:
		sent = midnight(paid).Add(17*time.Hour + time.Duration(r.IntN(240))*time.Minute)
	default:
		sent = midnight(paid).AddDate(0, 0, 1).Add(10*time.Hour + time.Duration(r.IntN(600))*time.Minute)
	}
	o.log(sent, Shipping, "【华东演示仓】已出库", "Left the East China demo warehouse")
	return sent
}

// travel brings the order home within the days that the entry delivery-time promises, and returns when it was signed for.
func (o *Order) travel(r *rand.Rand) time.Time {
	sent := o.send(r, o.pay(r))
	where := o.Customer.place
	var days int
	switch {
	case where.reach == remote:
		days = 7 + r.IntN(4)
	case o.Large():
		days = 3 + r.IntN(3)
	case where.reach == near:
		days = 1 + r.IntN(2)
	default:
		days = 2 + r.IntN(3)
	}
	home := midnight(sent).AddDate(0, 0, days)
	o.Expected = home.Add(18 * time.Hour)
	if days > 1 {
		hub := sent.Add(home.Sub(sent) * 2 / 3)
		o.log(hub, Shipping, "到达【"+where.zh+"演示转运中心】", "Arrived at the "+where.en+" demo hub")
	}
	out := home.Add(8*time.Hour + time.Duration(r.IntN(90))*time.Minute)
	signed := out.Add(time.Hour + time.Duration(r.IntN(420))*time.Minute)
	if o.Large() {
		o.log(out, Delivering, "送装师傅正在上门", "The delivery team is on its way to you")
		o.log(signed, Signed, "已送货到家并签收", "Brought into your home and signed for")
		return signed
	}
	by := [][2]string{{"本人", "yourself"}, {"驿站代收", "the pick-up point"}, {"前台代收", "the front desk"}}[r.IntN(3)]
	o.log(out, Delivering, "【"+where.zh+"】派送中", "Out for delivery in "+where.en)
	o.log(signed, Signed, "已签收，签收人："+by[0], "Signed for by "+by[1])
	return signed
}

func (o *Order) log(at time.Time, s Status, zh, en string) {
	o.Traces = append(o.Traces, Trace{at, s, frontdesk.Localized{"zh": zh, "en": en}})
	o.Status = s
}

// at cuts the order's life at a moment. Not yet placed orders do not exist.
func (o Order) at(now time.Time) (Order, bool) {
	n, _ := slices.BinarySearchFunc(o.Traces, now, func(t Trace, now time.Time) int { return cmp.Or(t.At.Compare(now), -1) })
	if n == 0 {
		return Order{}, false
	}
	o.seen = now
	o.Traces = slices.Clone(o.Traces[:n])
	slices.Reverse(o.Traces)
	o.Status = o.Traces[0].Status
	if o.Status != Preparing && o.Status != Shipping && o.Status != Delivering {
		o.Expected = time.Time{}
	}
	return o, true
}

// Order returns the order of that number as it stands at Clock. The number may be written loosely, as in FindNumber.
func (s *Shop) Order(number string) (Order, bool) {
	n, ok := FindNumber(number)
	if !ok {
		return Order{}, false
	}
	i, ok := s.byNumber[n]
	if !ok {
		return Order{}, false
	}
	return s.orders[i].at(s.Clock())
}

// OrdersOf returns a customer's orders as they stand at Clock, newest first.
func (s *Shop) OrdersOf(phone string) []Order {
	var out []Order
	for _, i := range slices.Backward(s.byPhone[phone]) {
		if o, ok := s.orders[i].at(s.Clock()); ok {
			out = append(out, o)
		}
	}
	return out
}

var numberText = regexp.MustCompile(`(?i)(?:^|[^0-9a-z])ys[\s:：#-]{0,3}([0-9]{10})(?:[^0-9]|$)`)

// FindNumber finds the first order number in a text and returns it as the shop writes it: YS and ten digits. It reads full-width
// and small letters, and a gap after YS.
func FindNumber(text string) (string, bool) {
	text = strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			return r - '！' + '!'
		}
		return r
	}, text)
	m := numberText.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return "YS" + m[1], true
}

// stream is one of many independent streams of repeatable randomness.
func stream(seed, number uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, number))
}

func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
}

// daytime is a time of day at which people shop: mostly noon to late evening.
func daytime(r *rand.Rand) time.Duration {
	return time.Duration(pick(r, hourly[:]))*time.Hour + time.Duration(r.IntN(3600))*time.Second
}
