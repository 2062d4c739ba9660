package semantic

import "unicode/utf8"

// window is how many characters are segmented at once. A longer run of Chinese is cut at a word boundary found near the
// end of the window, so that memory is constant and time linear whatever is typed.
const window = 128

// segmenter finds the most probable words of a run of Chinese characters. Its zero value is ready; it lives on the stack.
type segmenter struct {
	runes [window]rune
	at    [window + 1]int32 // byte offset of each character
	best  [window + 1]int32 // lowest cost of the text before each character
	from  [window + 1]uint8 // where the last word of that cheapest path starts
	cuts  [window + 1]uint8
}

// run calls word(start, end) with the byte offsets of each word of text[start:end], which must be Han only, in order.
func (s *segmenter) run(text string, start, end int, word func(start, end int)) {
	for start < end {
		n, i := 0, start
		for n < window && i < end {
			r, size := utf8.DecodeRuneInString(text[i:])
			s.runes[n], s.at[n] = r, int32(i)
			n++
			i += size
		}
		s.at[n] = int32(i)
		s.solve(n)
		cuts := 0
		for p := n; p > 0; p = int(s.from[p]) {
			s.cuts[cuts] = uint8(p)
			cuts++
		}
		// The last word of a full window may go on behind it: leave it to the next window.
		last := 0
		if i < end && cuts > 1 {
			last = 1
		}
		p := 0
		for c := cuts - 1; c >= last; c-- {
			q := int(s.cuts[c])
			word(int(s.at[p]), int(s.at[q]))
			p = q
		}
		start = int(s.at[p])
	}
}

// solve fills best and from for the first n characters.
func (s *segmenter) solve(n int) {
	for i := 1; i <= n; i++ {
		s.best[i] = 1 << 30
	}
	s.best[0] = 0
	for i := range n {
		base := s.best[i]
		mask := lengths(s.runes[i])
		h := extend(0, s.runes[i])
		fee := int32(unknownFee)
		if mask&1 != 0 {
			if c := cost(h); c > 0 {
				fee = c
			}
		}
		if c := base + fee; c < s.best[i+1] {
			s.best[i+1], s.from[i+1] = c, uint8(i)
		}
		for j := i + 1; j < n && mask>>uint(j-i) != 0; j++ {
			h = extend(h, s.runes[j])
			if mask>>uint(j-i)&1 == 0 {
				continue
			}
			if c := cost(h); c > 0 && base+c < s.best[j+1] {
				s.best[j+1], s.from[j+1] = base+c, uint8(i)
			}
		}
	}
}
