package semantic

import (
	"unicode"
	"unicode/utf8"
)

// Kind says what a token is.
type Kind uint8

// The kinds of tokens.
const (
	Word     Kind = iota // a word of a language that puts blanks between words; Text is its stem
	Han                  // a Chinese word or a single character
	Number               // digits
	Code                 // letters and digits mixed or joined, such as xqg100-14388; its parts follow as tokens of their own
	Personal             // a sealed personal value such as <phone:1>; Text is <phone>
	Symbol               // an emoji or another sign that stands for something
)

// Token is one unit of a text. Text is what is compared; Start and End are the byte offsets of its source in the
// normalised text. Tokens of a code's parts lie within it and have Part set.
type Token struct {
	Text       string
	Start, End int
	Kind       Kind
	Part       bool
}

// Tokenise returns the tokens of text, normalising it first.
func Tokenise(text string) []Token { return AppendTokens(nil, Normalise(text)) }

// AppendTokens appends the tokens of a text that is already normalised. It allocates nothing but dst's growth: the
// texts of tokens are parts of text or constants. Punctuation and blanks make no tokens.
func AppendTokens(dst []Token, text string) []Token {
	var seg segmenter
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case isHan(r):
			end := i + n
			for end < len(text) {
				r, n := utf8.DecodeRuneInString(text[end:])
				if !isHan(r) {
					break
				}
				end += n
			}
			seg.run(text, i, end, func(a, b int) {
				dst = append(dst, Token{Text: text[a:b], Start: a, End: b, Kind: Han})
			})
			i = end
		case isWordRune(r):
			i, dst = appendWord(dst, text, i)
		case r == '<':
			if name, end := sealed(text, i); end > 0 {
				dst = append(dst, Token{Text: name, Start: i, End: end, Kind: Personal})
				i = end
			} else {
				i += n
			}
		case r >= 0x80 && unicode.IsSymbol(r):
			dst = append(dst, Token{Text: text[i : i+n], Start: i, End: i + n, Kind: Symbol})
			i += n
		default:
			i += n
		}
	}
	return dst
}

// isWordRune reports letters that are not Han, marks and digits: what a word, number or code is made of.
func isWordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z'
	}
	return !isHan(r) && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r))
}

// unspaced reports letters of scripts without blanks between words; each is a token of its own.
func unspaced(r rune) bool {
	return r >= 0x0E00 && unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Hiragana, unicode.Katakana, unicode.Han, unicode.Tibetan)
}

// appendWord reads the word, number or code at i and returns the offset behind it.
func appendWord(dst []Token, text string, i int) (int, []Token) {
	start, letters, digits := i, 0, 0
	pieces, pieceAt := 1, i // pieces are runs of letters or of digits
	wasDigit := false
	var joiner rune
scan:
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case isWordRune(r):
			digit := unicode.IsNumber(r)
			if unspaced(r) {
				if i == start {
					return i + n, append(dst, Token{Text: text[i : i+n], Start: i, End: i + n, Kind: Word})
				}
				break scan
			}
			if i > start && i == pieceAt || i > start && digit != wasDigit && !unicode.IsMark(r) {
				pieces++
			}
			if digit {
				digits++
			} else if !unicode.IsMark(r) {
				letters++
			}
			if !unicode.IsMark(r) {
				wasDigit = digit
			}
			i += n
			continue
		case r == '-' || r == '_' || r == '.' || r == '/' || r == '\'':
			// A joiner belongs to the word if a letter or digit follows: xqg100-14388, 3.5, wi-fi, don't.
			next, _ := utf8.DecodeRuneInString(text[i+n:])
			if !isWordRune(next) || unspaced(next) {
				break scan
			}
			joiner = r
			i += n
			pieceAt = i
			continue
		}
		break
	}
	whole := text[start:i]
	switch {
	case digits == 0 && joiner == 0:
		return i, append(dst, Token{Text: Stem(whole), Start: start, End: i, Kind: Word})
	case letters == 0 && pieces == 1:
		return i, append(dst, Token{Text: whole, Start: start, End: i, Kind: Number})
	case digits == 0 && joiner == '\'':
		return i, append(dst, Token{Text: Stem(whole), Start: start, End: i, Kind: Word})
	}
	if i-start <= 64 { // a longer one is no code that anybody would ask for
		kind := Code
		if letters == 0 {
			kind = Number
		}
		dst = append(dst, Token{Text: whole, Start: start, End: i, Kind: kind})
	}
	return i, appendParts(dst, text, start, i, i-start <= 64)
}

// appendParts appends the runs of letters and of digits within text[start:end].
func appendParts(dst []Token, text string, start, end int, part bool) []Token {
	at, kind := -1, Word
	flush := func(to int) {
		if at >= 0 {
			t := text[at:to]
			if kind == Word {
				t = Stem(t)
			}
			dst = append(dst, Token{Text: t, Start: at, End: to, Kind: kind, Part: part})
		}
		at = -1
	}
	for i := start; i < end; {
		r, n := utf8.DecodeRuneInString(text[i:])
		k := Word
		if unicode.IsNumber(r) {
			k = Number
		}
		switch {
		case !isWordRune(r):
			flush(i)
		case at < 0:
			at, kind = i, k
		case k != kind && !unicode.IsMark(r):
			flush(i)
			at, kind = i, k
		}
		i += n
	}
	flush(end)
	return dst
}

// sealed reads a token of the vault such as <phone:1> at text[i:] and returns its kind's name as <phone>, and the offset
// behind it, or 0 if there is none.
func sealed(text string, i int) (string, int) {
	const longest = 40
	colon := 0
	for j := i + 1; j < len(text) && j < i+longest; j++ {
		c := text[j]
		switch {
		case c >= 'a' && c <= 'z' || c == '_':
			if colon > 0 {
				return "", 0
			}
		case c == ':' && colon == 0 && j > i+1:
			colon = j
		case c >= '0' && c <= '9' && colon > 0:
		case c == '>' && colon > 0 && j > colon+1:
			return personal(text[i+1 : colon]), j + 1
		default:
			return "", 0
		}
	}
	return "", 0
}

// personal names the kinds that the vault knows without allocating.
func personal(kind string) string {
	switch kind {
	case "phone":
		return "<phone>"
	case "bank_card":
		return "<bank_card>"
	case "id_card":
		return "<id_card>"
	case "email":
		return "<email>"
	case "name":
		return "<name>"
	case "address":
		return "<address>"
	}
	return "<" + kind + ">"
}
