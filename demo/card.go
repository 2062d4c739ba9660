package demo

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"frontdesk"
)

var cardLabels = map[string]frontdesk.Localized{
	"title":    {"zh": "订单 %s", "en": "Order %s"},
	"status":   {"zh": "状态", "en": "Status"},
	"goods":    {"zh": "商品", "en": "Items"},
	"total":    {"zh": "实付", "en": "Total"},
	"due":      {"zh": "应付", "en": "To pay"},
	"amount":   {"zh": "金额", "en": "Amount"},
	"placed":   {"zh": "下单时间", "en": "Ordered"},
	"latest":   {"zh": "最新进度", "en": "Latest"},
	"expected": {"zh": "预计送达", "en": "Expected"},
}

// summaries say where an order stands, in one sentence; %s is the newest trace, or the day of signing.
var summaries = map[Status]frontdesk.Localized{
	Unpaid:     {"zh": "这笔订单还没付款，请在下单后 30 分钟内完成，超时会自动取消。", "en": "This order is not paid yet. Please pay within 30 minutes of ordering, or it is cancelled automatically."},
	Preparing:  {"zh": "已经收到您的付款，仓库正在备货。", "en": "Your payment has arrived and the warehouse is preparing the order."},
	Shipping:   {"zh": "货已经在路上了。最新进度：%s。", "en": "It is on its way. Latest: %s."},
	Delivering: {"zh": "今天就会送到，请留意电话。", "en": "It is out for delivery today. Please keep your phone at hand."},
	Signed:     {"zh": "这笔订单已在 %s 签收。", "en": "This order was delivered on %s."},
	Cancelled:  {"zh": "这笔订单已经取消，没有扣款。", "en": "This order was cancelled and nothing was charged."},
	Refunding:  {"zh": "退款正在处理。最新进度：%s。", "en": "Your refund is in progress. Latest: %s."},
	Refunded:   {"zh": "退款已经原路退回，请留意到账通知。", "en": "The refund has gone back the way you paid."},
}

// next is the question that is natural to ask about the order now: the topic of an entry, "" if there is none.
func (o Order) next(now time.Time) string {
	switch o.Status {
	case Unpaid:
		return "pay-fail"
	case Preparing:
		return "delivery-address-change"
	case Shipping:
		return "delivery-stuck"
	case Refunding:
		return "refund-time"
	case Refunded:
		return "refund-where"
	case Signed:
		signed := o.signed()
		switch {
		case o.Items[0].Product.Install && o.Traces[0].At.Equal(signed):
			return "install-appoint"
		case now.Before(midnight(signed).AddDate(0, 0, 8)):
			return "return-how"
		}
		return "repair-how"
	}
	return ""
}

// signed is when the goods were handed over, zero if they were not.
func (o Order) signed() time.Time {
	for _, t := range slices.Backward(o.Traces) {
		if t.Status == Signed {
			return t.At
		}
	}
	return time.Time{}
}

// Summary says in a sentence how the order stands.
func (o Order) Summary(lang string) string {
	text := summaries[o.Status].In(lang)
	switch o.Status {
	case Signed:
		return fmt.Sprintf(text, shortDate(o.signed(), lang))
	case Shipping, Refunding:
		return fmt.Sprintf(text, o.Traces[0].Text.In(lang))
	}
	return text
}

// Card shows an order: its state, goods, money, newest trace and, while it travels, the day it is expected. Its action asks
// what is natural to ask next at the time of the view. It holds no name, phone or address.
func Card(o Order, lang string) frontdesk.Card {
	label := func(k string) string { return cardLabels[k].In(lang) }
	goods := make([]string, len(o.Items))
	for i, it := range o.Items {
		goods[i] = it.Product.Name.In(lang)
		if it.Count > 1 {
			goods[i] += fmt.Sprintf(" × %d", it.Count)
		}
	}
	separator, money := "、", "total"
	if lang == "en" {
		separator = ", "
	}
	switch o.Status {
	case Unpaid:
		money = "due"
	case Cancelled:
		money = "amount"
	}
	card := frontdesk.Card{
		Type:  "order",
		Title: fmt.Sprintf(label("title"), o.Number),
		Lines: []frontdesk.Field{
			{Label: label("status"), Value: o.Status.Label(lang)},
			{Label: label("goods"), Value: strings.Join(goods, separator)},
			{Label: label(money), Value: yuan(o.Total)},
			{Label: label("placed"), Value: o.Placed.Format("2006-01-02 15:04")},
			{Label: label("latest"), Value: o.Traces[0].At.Format("01-02 15:04") + " " + o.Traces[0].Text.In(lang)},
		},
	}
	if !o.Expected.IsZero() {
		card.Lines = append(card.Lines, frontdesk.Field{Label: label("expected"), Value: shortDate(o.Expected, lang)})
	}
	if e, ok := entry(o.next(o.seen), lang); ok {
		card.Action = &frontdesk.Button{Label: e.Question, Value: e.Question}
	}
	return card
}

// yuan writes an amount as ¥1,234.
func yuan(n int) string {
	if n < 1000 {
		return fmt.Sprintf("¥%d", n)
	}
	return fmt.Sprintf("¥%d,%03d", n/1000, n%1000)
}

func shortDate(t time.Time, lang string) string {
	if lang == "en" {
		return t.Format("2 January")
	}
	return t.Format("1 月 2 日")
}
