package semantic

import (
	_ "embed"
	"strings"
)

// dict is made by tools/dict/make.py, which also describes its layout. It is read in place: a look-up is a few bytes of
// the program's own read-only memory, so there is nothing to load and nothing to share between goroutines.
//
//go:embed dict.bin
var dict string

const (
	dictMagic  = "FDDICT1\n"
	hanFirst   = 0x3400
	hanLast    = 0x9FFF
	hanCount   = hanLast - hanFirst + 1
	lengthsAt  = len(dictMagic) + 16
	formsAt    = lengthsAt + hanCount
	slotsAt    = formsAt + 2*hanCount
	wordLimit  = 8   // characters of the longest word
	unknownFee = 290 // cost of a character that is no word: above every word's
)

var slotMask = func() uint64 {
	n := uint64(word32(len(dictMagic)))
	if !strings.HasPrefix(dict, dictMagic) || n&(n-1) != 0 || uint64(len(dict)) != uint64(slotsAt)+4*n {
		panic("semantic: dict.bin is not what tools/dict makes") // a build mistake, found by any test
	}
	return n - 1
}()

// word32 reads a little-endian number of the dictionary.
func word32(at int) uint32 {
	d := dict[at : at+4]
	return uint32(d[0]) | uint32(d[1])<<8 | uint32(d[2])<<16 | uint32(d[3])<<24
}

// isHan reports characters that the segmenter handles. Rarer planes are single tokens like any other letter.
func isHan(r rune) bool { return r >= hanFirst && r <= hanLast && (r >= 0x4E00 || r < 0x4DC0) }

// simplified maps a traditional character to its simplified form, and leaves everything else.
func simplified(r rune) rune {
	if r < hanFirst || r > hanLast {
		return r
	}
	at := formsAt + 2*int(r-hanFirst)
	return rune(dict[at]) | rune(dict[at+1])<<8
}

// lengths has bit n set if some word of n+1 characters starts with r, which must be Han.
func lengths(r rune) uint8 { return dict[lengthsAt+int(r-hanFirst)] }

// extend adds a character to the hash of a word's beginning. tools/dict/make.py computes the same.
func extend(h uint64, r rune) uint64 {
	h = (h ^ uint64(r)) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// cost is the word's -log probability in 1/14 nat, or 0 if the dictionary lacks it.
func cost(h uint64) int32 {
	fingerprint := uint32(h & 0xFFFFFF)
	for i := (h >> 24) & slotMask; ; i = (i + 1) & slotMask {
		v := word32(slotsAt + 4*int(i))
		if v == 0 {
			return 0
		}
		if v>>8 == fingerprint {
			return int32(v & 0xFF)
		}
	}
}

// Rarity is the negative natural logarithm of a Chinese word's share of general text: about 4 for 的, 8 for 今天, 12 for
// 冰箱, and 20 for what the dictionary does not know as a word.
func Rarity(word string) float32 {
	var h uint64
	for _, r := range word {
		h = extend(h, r)
	}
	if c := cost(h); c > 0 {
		return float32(c) / 14
	}
	return 20
}
