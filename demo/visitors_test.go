package demo

import (
	"reflect"
	"testing"
	"time"
)

func TestScriptsAreAMonthOfARealShop(t *testing.T) {
	s := NewShop(Seed, testNow)
	scripts := s.Scripts(3, 1500)
	if !reflect.DeepEqual(scripts, s.Scripts(3, 1500)) {
		t.Fatal("the same seed told another month")
	}
	if len(scripts) != 1500 {
		t.Fatalf("%d scripts", len(scripts))
	}
	kinds, langs, hours, days := map[string]int{}, map[string]int{}, map[int]int{}, map[string]int{}
	again := map[string]int{}
	last := testNow.AddDate(0, 0, -HistoryDays-1)
	for _, v := range scripts {
		if v.At.Before(last) || v.At.After(testNow) {
			t.Fatalf("%s comes at %s, after %s", v.Visitor, v.At, last)
		}
		last = v.At
		kinds[v.Kind]++
		langs[v.Lang]++
		hours[v.At.Hour()]++
		days[v.At.Format(time.DateOnly)]++
		again[v.Visitor]++
		asked := false
		for i, l := range v.Lines {
			if (l.Text == "") == (l.Rate == nil) || l.Wait <= 0 || (l.Burst && (i == 0 || l.Wait > 800*time.Millisecond)) {
				t.Errorf("%s line %d: %+v", v.Visitor, i, l)
			}
			if _, ok := entryIndex()[l.Entry]; l.Entry != "" && !ok {
				t.Errorf("%s expects unknown entry %s", v.Visitor, l.Entry)
			}
			asked = asked || l.Text != ""
		}
		if !asked {
			t.Errorf("%s came and said nothing", v.Visitor)
		}
		if n, ok := number(v); ok {
			s.Clock = func() time.Time { return v.At }
			if _, ok := s.Order(n); ok {
				kinds["order found"]++
			}
		}
	}
	for _, k := range []string{"plain", "order", "outside", "human", "complaint", "fragments", "greeting", "rush"} {
		if kinds[k] < 20 {
			t.Errorf("%d visits of kind %s", kinds[k], k)
		}
	}
	if kinds["order found"] < kinds["order"]*8/10 {
		t.Errorf("of %d look-ups only %d find an order that existed", kinds["order"], kinds["order found"])
	}
	if langs["en"] < 120 || langs["en"] > 400 {
		t.Errorf("%d English visits", langs["en"])
	}
	if hours[20] < 4*hours[7] || hours[3] > hours[12]/5 {
		t.Errorf("visits by hour: %v", hours)
	}
	rush := midnight(s.now).AddDate(0, 0, -9).Format(time.DateOnly)
	for day, n := range days {
		if day != rush && n >= days[rush] {
			t.Errorf("%s has %d visits, the day of the rush %d", day, n, days[rush])
		}
	}
	returning := 0
	for _, n := range again {
		if n > 1 {
			returning++
		}
	}
	if returning < 100 {
		t.Errorf("only %d visitors come back", returning)
	}
}

func number(v Script) (string, bool) {
	for _, l := range v.Lines {
		if n, ok := FindNumber(l.Text); ok {
			return n, true
		}
	}
	return "", false
}

func TestBusynessAveragesToOne(t *testing.T) {
	total, hours := 0.0, 0
	for at := testNow; at.Before(testNow.AddDate(0, 0, 7)); at = at.Add(time.Hour) {
		total += Busyness(at)
		hours++
	}
	if mean := total / float64(hours); mean < .999 || mean > 1.001 {
		t.Errorf("mean %f", mean)
	}
}
