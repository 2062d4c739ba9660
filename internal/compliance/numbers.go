package compliance

import (
	"strings"
	"time"
	"unicode/utf8"
)

// numbers recognises phone, bank card and identity card: values that are a number of known length, written in ASCII, full
// width or Chinese digits, with separators between groups of digits.
//
// A value is always made of whole groups, so part of a longer number is never taken: order numbers, timestamps and amounts
// stay. A group that touches a letter belongs to a code or a model and stays as well. How the groups may be cut is limited
// (138 0013 8000 is a phone, three prices in a row are not).
type numbers struct{}

// fewest is the number of digits below which a text is not looked at again.
const fewest = 7

// digit is one digit of a text.
type digit struct {
	value      byte
	start, end int // bytes
}

// gap says what stands between a group and the one before.
type gap uint8

const (
	gapNone  gap = iota // nothing: the script of the digits changes, or the group is the first
	gapSpace            // only spaces or a line end
	gapMark             // dashes or dots, with spaces or without
)

// group is digits[from:to] of one script with nothing between them.
type group struct {
	from, to int
	before   gap
	bare     bool // before is marks only: the groups look like one word
	chinese  bool
}

// Recognise implements Recogniser.
func (numbers) Recognise(text string, spans []Span) []Span {
	if !manyDigits(text) {
		return spans
	}
	var digits [64]digit
	var groups [24]group
	r := run{text: text, digits: digits[:0], groups: groups[:0]}
	for i := 0; i < len(text); {
		if value, size, chinese := digitAt(text, i); size > 0 {
			if len(r.digits) > 0 {
				switch last := r.digits[len(r.digits)-1].end; {
				case last == i && chinese == r.groups[len(r.groups)-1].chinese:
					r.groups[len(r.groups)-1].to++
				default:
					before, bare := separator(text[last:i])
					r.groups = append(r.groups, group{from: len(r.digits), to: len(r.digits) + 1, before: before, bare: bare, chinese: chinese})
				}
			} else {
				r.groups = append(r.groups, group{to: 1, chinese: chinese})
			}
			r.digits = append(r.digits, digit{value, i, i + size})
			i += size
			continue
		}
		if n := separators(text[i:]); n > 0 && len(r.digits) > 0 && r.digits[len(r.digits)-1].end == i {
			i += n // the run goes on if a digit follows
			if _, size, _ := digitAt(text, i); size > 0 {
				continue
			}
		}
		spans = r.recognise(spans)
		r.digits, r.groups = r.digits[:0], r.groups[:0]
		if i < len(text) {
			i++
			for i < len(text) && !utf8.RuneStart(text[i]) {
				i++
			}
		}
	}
	return r.recognise(spans)
}

// leads marks the bytes that a digit can start with.
var leads = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for _, c := range "〇一七三九二五八六四幺零０" {
		t[string(c)[0]] = true
	}
	return t
}()

// manyDigits reports whether text has as many digits as the shortest value could have.
func manyDigits(text string) bool {
	n := 0
	for i := 0; i < len(text); i++ {
		if !leads[text[i]] {
			continue
		}
		if _, size, _ := digitAt(text, i); size > 0 {
			if n++; n >= fewest {
				return true
			}
			i += size - 1
		}
	}
	return false
}

// digitAt reads the digit at text[i:]; size is 0 if there is none.
func digitAt(text string, i int) (value byte, size int, chinese bool) {
	if i >= len(text) {
		return 0, 0, false
	}
	c := text[i]
	if c < utf8.RuneSelf {
		if c >= '0' && c <= '9' {
			return c, 1, false
		}
		return 0, 0, false
	}
	if !leads[c] || i+3 > len(text) {
		return 0, 0, false
	}
	if c == 0xEF && text[i+1] == 0xBC && text[i+2] >= 0x90 && text[i+2] <= 0x99 {
		return text[i+2] - 0x90 + '0', 3, false
	}
	switch text[i : i+3] {
	case "〇", "零":
		return '0', 3, true
	case "一", "幺":
		return '1', 3, true
	case "二":
		return '2', 3, true
	case "三":
		return '3', 3, true
	case "四":
		return '4', 3, true
	case "五":
		return '5', 3, true
	case "六":
		return '6', 3, true
	case "七":
		return '7', 3, true
	case "八":
		return '8', 3, true
	case "九":
		return '9', 3, true
	}
	return 0, 0, false
}

// separators returns the length in bytes of the up to three separators that text starts with. A closing bracket counts:
// (+86) 138...
func separators(text string) int {
	n := 0
	for range 3 {
		r, size := utf8.DecodeRuneInString(text[n:])
		if !isSpace(r) && !isMark(r) && r != ')' && r != '）' {
			break
		}
		n += size
	}
	return n
}

func separator(s string) (before gap, bare bool) {
	before, bare = gapSpace, true
	for _, r := range s {
		if isSpace(r) {
			bare = false
		} else {
			before = gapMark
		}
	}
	if s == "" {
		before = gapNone
	}
	return before, bare && before == gapMark
}

func isSpace(r rune) bool {
	switch r {
	case ' ', '\t', '\n', 0x00A0, 0x2002, 0x2003, 0x2009, 0x202F, 0x3000:
		return true
	}
	return false
}

func isMark(r rune) bool {
	switch r {
	case '.', '·', '・', '．':
		return true
	}
	return isDash(r)
}

func isDash(r rune) bool {
	switch r {
	case '-', '－', 0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212:
		return true
	}
	return false
}

// run is a stretch of groups with only separators between them.
type run struct {
	text   string
	digits []digit
	groups []group
}

func (r *run) recognise(spans []Span) []Span {
	if len(r.digits) < fewest {
		return spans
	}
	for i := 0; i < len(r.groups); {
		if span, n := r.valueAt(i); n > 0 {
			spans = append(spans, span)
			i += n
			continue
		}
		i++
	}
	return spans
}

// valueAt returns the value that starts with group i and of how many groups it is.
func (r *run) valueAt(i int) (Span, int) {
	if r.touchesWordBefore(i) {
		return Span{}, 0
	}
	if span, n := r.idCardAt(i); n > 0 {
		return span, n
	}
	if span, n := r.bankCardAt(i); n > 0 {
		return span, n
	}
	return r.phoneAt(i)
}

// span makes the value of groups i..i+n-1 without its first skip digits.
func (r *run) span(kind string, i, n, skip int) Span {
	from, to := r.groups[i].from, r.groups[i+n-1].to
	value := make([]byte, 0, 19)
	for _, d := range r.digits[from+skip : to] {
		value = append(value, d.value)
	}
	return Span{Kind: kind, Start: r.digits[from].start, End: r.digits[to-1].end, Value: string(value)}
}

// upTo returns how many groups from i on have exactly total digits together, 0 if no number of them has.
func (r *run) upTo(i, total int) int {
	if i >= len(r.groups) {
		return 0
	}
	from := r.groups[i].from
	for k := i; k < len(r.groups) && r.groups[k].to-from <= total; k++ {
		if r.groups[k].to-from == total {
			return k - i + 1
		}
	}
	return 0
}

// shaped reports whether groups i..i+n-1 are as long as lengths says, the first without its first skip digits.
func (r *run) shaped(i, n, skip int, lengths string) bool {
	if n != len(lengths) {
		return false
	}
	for k := range n {
		length := r.groups[i+k].to - r.groups[i+k].from
		if k == 0 {
			length -= skip
		}
		if length != int(lengths[k]) {
			return false
		}
	}
	return true
}

// The ways in which people cut numbers, as lengths of groups. Loose ones are taken only with dashes or dots: with spaces
// they are as often several numbers in a row.
var (
	phoneShapes = []string{"\x0b", "\x03\x04\x04", "\x03\x08", "\x07\x04", "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"}
	phoneLoose  = []string{"\x04\x04\x03", "\x04\x03\x04", "\x03\x03\x05", "\x05\x06", "\x06\x05", "\x03\x05\x03", "\x03\x04\x02\x02", "\x03\x02\x02\x02\x02"}
	idShapes    = []string{"\x12", "\x06\x08\x04", "\x06\x04\x04\x04", "\x06\x04\x02\x02\x04", "\x03\x03\x04\x04\x04", "\x04\x04\x04\x04\x02", "\x06\x0c", "\x0e\x04"}
	idShapesX   = []string{"\x11", "\x06\x08\x03", "\x06\x04\x04\x03", "\x06\x04\x02\x02\x03", "\x03\x03\x04\x04\x03", "\x04\x04\x04\x04\x01", "\x06\x0b", "\x0e\x03"}
)

// phoneAt finds a mobile number with or without the country's code.
func (r *run) phoneAt(i int) (Span, int) {
	if n := r.mobile(i, 0); n > 0 {
		return r.span(KindPhone, i, n, 0), n
	}
	for _, code := range [...]string{"86", "0086"} {
		if !r.startsWith(i, code) {
			continue
		}
		if r.groups[i].to-r.groups[i].from == len(code) { // the code is a group of its own
			if n := r.mobile(i+1, 0); n > 0 {
				return r.withPlus(r.span(KindPhone, i, n+1, len(code))), n + 1
			}
		} else if n := r.mobile(i, len(code)); n > 0 {
			return r.withPlus(r.span(KindPhone, i, n, len(code))), n
		}
	}
	return Span{}, 0
}

// mobile returns of how many groups the mobile number is that starts skip digits into group i.
func (r *run) mobile(i, skip int) int {
	n := r.upTo(i, 11+skip)
	if n == 0 || r.touchesWordAfter(i+n-1) {
		return 0
	}
	at := r.digits[r.groups[i].from+skip:]
	if at[0].value != '1' || at[1].value < '3' {
		return 0
	}
	strict, marks, spaces := false, true, true
	for _, s := range phoneShapes {
		strict = strict || r.shaped(i, n, skip, s)
	}
	for k := i + 1; k < i+n; k++ {
		marks = marks && r.groups[k].before == gapMark
		spaces = spaces && r.groups[k].before == gapSpace
	}
	if strict {
		if n == 1 && skip == 0 {
			return n
		}
		if n > 1 && n < 4 && spaces && looksLikeDate(at[3:11]) {
			return 0 // a price and a day: 199 2026 1122
		}
		if n > 1 && r.inCode(i, n) {
			return 0
		}
		return n
	}
	if marks && !r.inCode(i, n) {
		for _, s := range phoneLoose {
			if r.shaped(i, n, skip, s) {
				return n
			}
		}
	}
	return 0
}

// withPlus takes a plus sign before the country's code, and a bracket around the code, into the span.
func (r *run) withPlus(s Span) Span {
	for _, plus := range [...]string{"+", "＋"} {
		if strings.HasSuffix(r.text[:s.Start], plus) {
			s.Start -= len(plus)
			break
		}
	}
	if strings.ContainsAny(r.text[s.Start:s.End], ")）") {
		for _, open := range [...]string{"(", "（"} {
			if strings.HasSuffix(r.text[:s.Start], open) {
				s.Start -= len(open)
				break
			}
		}
	}
	return s
}

// bankCardAt finds a card number: the longest of 19 to 16 digits whose issuer and check digit are right.
func (r *run) bankCardAt(i int) (Span, int) {
	for total := 19; total >= 16; total-- {
		n := r.upTo(i, total)
		if n == 0 || !r.cardShaped(i, n) || r.touchesWordAfter(i+n-1) || n > 1 && r.inCode(i, n) {
			continue
		}
		d := r.digits[r.groups[i].from:r.groups[i+n-1].to]
		if issued(d) && luhn(d) && !r.labelledOrder(i) {
			return r.span(KindBankCard, i, n, 0), n
		}
	}
	return Span{}, 0
}

// cardShaped reports whether the groups are cut as card numbers are: not at all, by fours, or six and the rest.
func (r *run) cardShaped(i, n int) bool {
	first := r.groups[i].to - r.groups[i].from
	if n == 1 || n == 2 && (first == 6 || first == 8) {
		return true
	}
	for k := i; k < i+n; k++ {
		length := r.groups[k].to - r.groups[k].from
		if length != 4 && (k < i+n-1 || length > 4) {
			return false
		}
	}
	return true
}

// issued reports whether a number of this length can begin so.
func issued(d []digit) bool {
	p := 0
	for _, x := range d[:4] {
		p = p*10 + int(x.value-'0')
	}
	switch p2 := p / 100; {
	case p2 == 60, p2 == 62, p2 == 81, p2 == 90, p2 >= 94 && p2 <= 96, p2 == 98, p2 == 99: // UnionPay, older cards of Chinese banks
		return true
	case p2 >= 40 && p2 <= 49: // Visa
		return len(d) == 16 || len(d) == 19
	case p2 >= 51 && p2 <= 55 || p >= 2221 && p <= 2720: // Mastercard
		return len(d) == 16
	case p >= 3528 && p <= 3589, p2 == 65, p2 == 64, p2 >= 68 && p2 <= 69: // JCB, Discover, older Chinese debit cards
		return len(d) == 16 || len(d) >= 18
	case p2 == 50 || p2 >= 56 && p2 <= 58: // Maestro
		return true
	}
	return false
}

func luhn(d []digit) bool {
	sum := 0
	for i := range d {
		x := int(d[len(d)-1-i].value - '0')
		if i%2 == 1 {
			if x *= 2; x > 9 {
				x -= 9
			}
		}
		sum += x
	}
	return sum%10 == 0
}

// idCardAt finds an identity number; its last character may be an X.
func (r *run) idCardAt(i int) (Span, int) {
	if n := r.upTo(i, 18); n > 0 && !r.touchesWordAfter(i+n-1) && r.anyShape(i, n, idShapes) {
		d := r.digits[r.groups[i].from:]
		if citizen(d) && check(d) == d[17].value {
			return r.span(KindIDCard, i, n, 0), n
		}
	}
	if n := r.upTo(i, 17); n > 0 && r.anyShape(i, n, idShapesX) {
		d := r.digits[r.groups[i].from:]
		s := r.span(KindIDCard, i, n, 0)
		for _, x := range [...]string{"X", "x", "Ｘ", "ｘ", " X", " x", "-X", "-x"} {
			if rest, ok := strings.CutPrefix(r.text[s.End:], x); ok && !startsWithWord(rest) && citizen(d) && check(d) == 'X' {
				s.End += len(x)
				s.Value += "X"
				return s, n
			}
		}
	}
	return Span{}, 0
}

func (r *run) anyShape(i, n int, shapes []string) bool {
	for _, s := range shapes {
		if r.shaped(i, n, 0, s) {
			return true
		}
	}
	return false
}

// citizen reports whether the first 17 digits name a province and a day that exists, from 1900 to this year.
func citizen(d []digit) bool {
	num := func(from, to int) (n int) {
		for _, x := range d[from:to] {
			n = n*10 + int(x.value-'0')
		}
		return n
	}
	switch p := num(0, 2); {
	case p >= 11 && p <= 15, p >= 21 && p <= 23, p >= 31 && p <= 37, p >= 41 && p <= 46, p >= 50 && p <= 54, p >= 61 && p <= 65, p == 71, p >= 81 && p <= 83, p == 91:
	default:
		return false
	}
	return realDay(num(6, 10), num(10, 12), num(12, 14))
}

func realDay(year, month, day int) bool {
	if year < 1900 || year > 2099 || month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// check is the check character of GB 11643 over the first 17 digits.
func check(d []digit) byte {
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += w * int(d[i].value-'0')
	}
	return "10X98765432"[sum%11]
}

// looksLikeDate reports whether eight digits are a day of this or the last century.
func looksLikeDate(d []digit) bool {
	var n [8]int
	for i := range n {
		n[i] = int(d[i].value - '0')
	}
	year := n[0]*1000 + n[1]*100 + n[2]*10 + n[3]
	return year >= 1950 && year <= 2050 && realDay(year, n[4]*10+n[5], n[6]*10+n[7])
}

func (r *run) startsWith(i int, code string) bool {
	g := r.groups[i]
	if g.to-g.from < len(code) {
		return false
	}
	for k := range len(code) {
		if r.digits[g.from+k].value != code[k] {
			return false
		}
	}
	return true
}

// labels are words that people write against a phone number without a space.
var labels = [...]string{"tel", "phone", "mobile", "cell", "call", "number", "wechat", "weixin", "vx", "wx", "qq", "whatsapp", "www", "http", "https"}

// touchesWordBefore reports whether a letter stands directly before group i, or a decimal point after a zero.
func (r *run) touchesWordBefore(i int) bool {
	g := r.groups[i]
	if i > 0 {
		before := r.groups[i-1]
		return g.bare && before.to-before.from == 1 && r.digits[before.from].value == '0' && r.text[r.digits[before.from].end:r.digits[g.from].start] == "."
	}
	text := r.text[:r.digits[g.from].start]
	if !endsWithWord(text) {
		return false
	}
	at := len(text)
	for at > 0 && isLetter(text[at-1]) {
		at--
	}
	return !isLabel(text[at:])
}

// touchesWordAfter reports whether a letter stands directly after group i.
func (r *run) touchesWordAfter(i int) bool {
	text := r.text[r.digits[r.groups[i].to-1].end:]
	if !startsWithWord(text) {
		return false
	}
	n := 0
	for n < len(text) && isLetter(text[n]) {
		n++
	}
	return !isLabel(text[:n])
}

// inCode reports whether the groups hang by a dash on a word: XQG138-0013-8000, 138-0013-8000-WDX.
func (r *run) inCode(i, n int) bool {
	first, last := i, i+n-1
	for first > 0 && r.groups[first].bare {
		first--
	}
	for last+1 < len(r.groups) && r.groups[last+1].bare {
		last++
	}
	before, after := r.text[:r.digits[r.groups[first].from].start], r.text[r.digits[r.groups[last].to-1].end:]
	if c, size := utf8.DecodeLastRuneInString(before); isDash(c) {
		before = before[:len(before)-size]
	}
	if c, size := utf8.DecodeRuneInString(after); isDash(c) {
		after = after[size:]
	}
	return endsWithWord(before) && !endsWithLabel(before) || startsWithWord(after)
}

// orderWords name numbers that are not cards, right before the number.
var orderWords = [...]string{"订单", "订单号", "单号", "订单编号", "运单号", "快递单号", "编号", "流水号", "序列号", "order", "order no", "order number", "tracking", "tracking number", "serial", "sn"}

// labelledOrder reports whether the word before group i says that it is no card: one number of ten has a right check digit by chance.
func (r *run) labelledOrder(i int) bool {
	text := r.text[:r.digits[r.groups[i].from].start]
	if len(text) > 48 {
		text = text[len(text)-48:]
	}
	text = strings.TrimRight(text, " \t\n:：#.是为")
	for _, w := range orderWords {
		if len(text) >= len(w) && strings.EqualFold(text[len(text)-len(w):], w) {
			return true
		}
	}
	return false
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// endsWithWord and startsWithWord look for a letter of ASCII or full width, or a low line.
func endsWithWord(s string) bool {
	c, _ := utf8.DecodeLastRuneInString(s)
	return isWordRune(c)
}

func startsWithWord(s string) bool {
	c, _ := utf8.DecodeRuneInString(s)
	return isWordRune(c)
}

func isWordRune(c rune) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 'Ａ' && c <= 'Ｚ' || c >= 'ａ' && c <= 'ｚ'
}

func isLabel(word string) bool {
	for _, l := range labels {
		if strings.EqualFold(word, l) {
			return true
		}
	}
	return false
}

func endsWithLabel(s string) bool {
	for _, l := range labels {
		if len(s) >= len(l) && strings.EqualFold(s[len(s)-len(l):], l) {
			return true
		}
	}
	return false
}
