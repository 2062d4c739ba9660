package semantic

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Normalise returns text in the one form that everything else works on: compatible forms unified (full-width letters
// become plain ones), lower case, simplified characters, control, bidirectional and zero-width characters removed, white
// space reduced to single blanks and dropped between Chinese characters, and repetitions that only carry emphasis
// (啊啊啊, !!!, soooo) reduced. Digits are never reduced. Normalising twice changes nothing.
func Normalise(text string) string {
	if isNormal(text) {
		return text
	}
	var stack [256]byte
	return string(AppendNormal(stack[:0], text))
}

// AppendNormal appends Normalise(text) to dst.
func AppendNormal(dst []byte, text string) []byte {
	start := len(dst)
	plain := true
	for _, r := range text {
		if slowRune(r) {
			plain = false
			break
		}
	}
	if plain {
		dst = appendFolded(dst, text)
	} else {
		// Order matters for doing it all in one pass: removing a joiner or lowering a letter can make a sequence that
		// composes, and composing can make an upper-case letter.
		dst = appendFolded(dst, text)
		for range 4 {
			folded := norm.NFKC.Append(nil, dst[start:]...)
			next := appendFolded(nil, string(folded))
			if string(next) == string(dst[start:]) {
				break
			}
			dst = append(dst[:start], next...)
		}
	}
	return appendSqueezed(dst[:start], dst[start:])
}

// isNormal is a cheap test that most stored and many typed texts pass: nothing in it needs a change.
func isNormal(text string) bool {
	var last, before rune
	for i, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= 0x4E00 && r <= hanLast && simplified(r) == r:
			if r == last && r == before || last == ' ' && isHan(r) && isHan(before) {
				return false
			}
		case r >= '0' && r <= '9':
		case r == ' ':
			if last == ' ' || last == 0 || i == len(text)-1 {
				return false
			}
		case r > ' ' && r < 0x7F && (r < 'A' || r > 'Z'):
			if r == last {
				return false
			}
		default:
			return false
		}
		before, last = last, r
	}
	return true
}

// slowRune reports what needs the full Unicode algorithms. ASCII, Chinese and the usual full-width forms do not.
func slowRune(r rune) bool {
	switch {
	case r < 0x80, r >= 0x4E00 && r <= hanLast, r >= 0x3001 && r <= 0x3002, r >= 0x3008 && r <= 0x3011, r >= 0xFF01 && r <= 0xFF5E, r == 0x3000:
		return false
	}
	return true
}

// appendFolded maps character by character: case, width, simplified form, and removal of what cannot be seen.
func appendFolded(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c >= 'A' && c <= 'Z':
				c += 'a' - 'A'
			case c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f':
				c = ' '
			case c < ' ' || c == 0x7F:
				continue
			}
			dst = append(dst, c)
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		if r >= 0x4E00 && r <= hanLast {
			dst = utf8.AppendRune(dst, simplified(r))
			continue
		}
		switch {
		case r == utf8.RuneError: // also a bad byte
			continue
		case r >= 0xFF01 && r <= 0xFF5E:
			r -= 0xFEE0
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
		case unicode.IsSpace(r):
			r = ' '
		case invisible(r):
			continue
		default:
			r = simplified(unicode.ToLower(r))
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// invisible reports characters that change how text looks or is ordered but not what it says, and the two ligatures that
// stand for whole sentences of praise: 18 characters out of one would make a long text many times longer.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Variation_Selector, unicode.Noncharacter_Code_Point) ||
		r == 0x034F || r == 0x115F || r == 0x1160 || r == 0x17B4 || r == 0x17B5 || r == 0x3164 || r == 0xFFA0 || r == 0x2028 || r == 0x2029 || r == 0xFDFA || r == 0xFDFB
}

// appendSqueezed reduces blanks and repetitions. src may be the rest of dst's own array: it only ever shrinks.
func appendSqueezed(dst, src []byte) []byte {
	start := len(dst)
	var last rune // the last one kept
	run := 0      // how often it stood in a row
	blank := false
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == ' ' {
			blank = len(dst) > start
			i += n
			continue
		}
		if blank && !(isHan(last) && isHan(r)) {
			dst = append(dst, ' ')
			last, run = ' ', 1
		}
		blank = false
		if r == last {
			run++
		} else {
			last, run = r, 1
		}
		switch most := emphatic(r); {
		case run < most:
			dst = append(dst, src[i:i+n]...)
		case run == most: // take back all but one
			dst = dst[:len(dst)-n*(most-2)]
		}
		i += n
	}
	return dst
}

// emphatic is how many of the same character in a row are only emphasis, and at least 2.
func emphatic(r rune) int {
	switch {
	case unicode.IsMark(r), unicode.IsNumber(r):
		return 1 << 30
	case r < 0x80 && unicode.IsLetter(r):
		return 4 // aaa batteries, www
	case unicode.IsLetter(r):
		return 3 // 天天, 看看
	}
	return 2
}

// AppendKey appends the letters and digits of a normalised text: what two spellings of the same wording share.
func AppendKey(dst []byte, text string) []byte {
	for i, r := range text {
		if isHan(r) || isWordRune(r) || r >= 0x80 && unicode.IsSymbol(r) {
			dst = append(dst, text[i:i+utf8.RuneLen(r)]...)
		}
	}
	return dst
}
