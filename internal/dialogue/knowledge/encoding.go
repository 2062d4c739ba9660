package knowledge

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// sniffBytes is how much text decides about its encoding.
const sniffBytes = 64 << 10

// decodeText returns r's text as UTF-8, without a byte order mark. UTF-16 is known by its mark or by its zero bytes; GB18030
// by what follows the first byte that is not ASCII, however late that comes. Bytes that are broken in UTF-8 are kept as they
// are, so that the row they are in can be named; in other encodings they become U+FFFD.
func decodeText(r *bufio.Reader) io.Reader {
	head, _ := r.Peek(512)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = r.Discard(3) // it was peeked
		return r
	case bytes.HasPrefix(head, []byte("\xff\xfe")), looksUTF16(head, 1):
		return transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())
	case bytes.HasPrefix(head, []byte("\xfe\xff")), looksUTF16(head, 0):
		return transform.NewReader(r, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder())
	}
	return &lateDecoder{src: r}
}

// looksUTF16 reports whether zero bytes are where the high half of ASCII is in UTF-16: each file has ASCII, namely commas,
// line ends or braces, and no other text has zero bytes at all. Characters such as U+9000 have them on the other side.
func looksUTF16(head []byte, high int) bool {
	pairs, zeros, other := len(head)/2, 0, 0
	for i := 0; i+1 < len(head); i += 2 {
		if head[i+high] == 0 {
			zeros++
		}
		if head[i+1-high] == 0 {
			other++
		}
	}
	return zeros > 1 && zeros > other && zeros*20 >= pairs
}

// lateDecoder passes ASCII through until it meets another byte, and decides there between UTF-8 and GB18030.
type lateDecoder struct {
	src     *bufio.Reader
	decided io.Reader
}

func (d *lateDecoder) Read(b []byte) (int, error) {
	if d.decided != nil {
		return d.decided.Read(b)
	}
	window, err := d.src.Peek(1)
	if len(window) == 0 {
		return 0, err
	}
	window, _ = d.src.Peek(d.src.Buffered())
	if n := asciiPrefix(window); n > 0 {
		n = copy(b, window[:n])
		_, _ = d.src.Discard(n) // it was peeked
		return n, nil
	}
	window, _ = d.src.Peek(sniffBytes)
	d.decided = d.src
	if looksGB18030(window) {
		d.decided = transform.NewReader(d.src, gb18030())
	}
	return d.decided.Read(b)
}

func gb18030() *encoding.Decoder { return simplifiedchinese.GB18030.NewDecoder() }

func asciiPrefix(b []byte) int {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

// looksGB18030 reports whether text that is not ASCII reads better as GB18030 than as UTF-8. A few broken bytes do not make
// UTF-8 into GB18030: Chinese text in the wrong one of the two is broken nearly everywhere.
func looksGB18030(window []byte) bool {
	good, bad := 0, 0
	for i := 0; i < len(window); {
		if window[i] < utf8.RuneSelf {
			i++
			continue
		}
		if len(window)-i < utf8.UTFMax && !utf8.FullRune(window[i:]) {
			break // cut by the window's end
		}
		r, size := utf8.DecodeRune(window[i:])
		if r == utf8.RuneError && size == 1 {
			bad++
		} else {
			good++
		}
		i += size
	}
	if bad == 0 || good > bad {
		return false
	}
	text, _ := gb18030().Bytes(window)
	broken, wide := 0, 0
	for _, r := range string(text) {
		switch {
		case r == utf8.RuneError:
			broken++
		case r >= utf8.RuneSelf:
			wide++
		}
	}
	return wide > 4*broken // the window may cut the last character
}
