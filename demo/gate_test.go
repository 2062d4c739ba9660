package demo

import (
	"slices"
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/compliance"
)

// What the demo says must leave by the gate as it was written: nothing masked for looking like a phone number, no word that
// the default list holds.
func TestNothingTheShopSaysIsStopped(t *testing.T) {
	words := compliance.DefaultWords()
	pass := func(where string, c frontdesk.Content) {
		t.Helper()
		if found := compliance.Detect(c); len(found) > 0 {
			t.Errorf("%s: looks personal: %+v", where, found)
		}
		c.Map(func(text string) string {
			for _, w := range words {
				if strings.Contains(strings.ToLower(text), w.Text) {
					t.Errorf("%s: %q is on the default list", where, w.Text)
				}
			}
			return text
		})
	}
	for _, e := range Entries() {
		pass(e.ID, frontdesk.TextContent(e.Answer))
		for _, w := range slices.Concat(e.Similar, []string{e.Question}) { // offered as suggestions
			pass(e.ID, frontdesk.TextContent(w))
		}
	}
	s := NewShop(Seed, testNow)
	for number := range s.byNumber {
		o, _ := s.Order(number)
		for _, lang := range Languages {
			card := Card(o, lang)
			pass(number, frontdesk.Content{Parts: []frontdesk.Part{{Kind: frontdesk.PartCard, Text: o.Summary(lang), Card: &card}}})
		}
	}
	for _, v := range s.Scripts(3, 1500) {
		for _, text := range v.Agent {
			pass("an agent", frontdesk.TextContent(text))
		}
	}
	for _, lang := range Languages {
		pass("welcome", frontdesk.TextContent(Welcome.In(lang)))
	}
}

// Customers do leave phone numbers, and the gate must see each.
func TestCustomersPhonesAreFound(t *testing.T) {
	s := NewShop(Seed, testNow)
	for _, c := range s.Customers {
		if found := compliance.Detect(frontdesk.TextContent("我电话是" + c.Phone + "，谢谢")); len(found) != 1 || found[0].Kind != "phone" {
			t.Errorf("%s: %+v", c.Phone, found)
		}
	}
}
