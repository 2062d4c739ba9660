package blob

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	_ "image/gif"  // reads the bounds
	_ "image/jpeg" // reads the bounds
	_ "image/png"  // reads the bounds

	"frontdesk"
)

// picture is a picture as it is stored.
type picture struct {
	data          []byte
	width, height int // as it is shown
}

// maxFrames bounds an animation.
const maxFrames = 500

// cleanPicture checks a picture's bounds and copies what is needed to show it: no place, camera, time, comments, thumbnail,
// program, and nothing after the end. The pixels are not decoded, so a picture made to swell costs nothing here.
func cleanPicture(mediaType string, raw []byte, l Limits) (picture, error) {
	var p picture
	var frames int
	var err error
	switch mediaType {
	case typeJPEG:
		p.data, frames, err = cleanJPEG(raw)
	case typePNG:
		p.data, frames, err = cleanPNG(raw)
	case typeGIF:
		p.data, frames, err = cleanGIF(raw)
	case typeWebP:
		p, frames, err = cleanWebP(raw)
	}
	if err != nil {
		return p, err
	}
	if mediaType != typeWebP {
		config, _, err := image.DecodeConfig(bytes.NewReader(p.data))
		if err != nil {
			return p, errBroken
		}
		p.width, p.height = config.Width, config.Height
	}
	switch {
	case p.width < 1 || p.height < 1:
		return p, errBroken
	case p.width > l.Side || p.height > l.Side:
		return p, frontdesk.InvalidField("file", "is %d x %d pixels, at most %d a side are allowed", p.width, p.height, l.Side)
	case p.width*p.height > l.Pixels:
		return p, frontdesk.InvalidField("file", "has %d pixels, at most %d are allowed", p.width*p.height, l.Pixels)
	case frames > maxFrames || p.width*p.height*frames > 10*l.Pixels:
		return p, frontdesk.InvalidField("file", "has too many or too large frames")
	}
	if mediaType == typeJPEG && orientation(raw) >= 5 {
		p.width, p.height = p.height, p.width
	}
	return p, nil
}

var errBroken = frontdesk.InvalidField("file", "is a broken picture")

// cleanJPEG keeps the segments that make the picture, its colours (ICC, Adobe) and which way up it is.
func cleanJPEG(raw []byte) (out []byte, frames int, err error) {
	out = append(make([]byte, 0, len(raw)), 0xff, 0xd8)
	out = append(out, uprightSegment(orientation(raw))...)
	for at := 2; ; {
		for at < len(raw) && raw[at] == 0xff && at+1 < len(raw) && raw[at+1] == 0xff {
			at++ // fill bytes
		}
		if at+2 > len(raw) || raw[at] != 0xff {
			return nil, 0, errBroken
		}
		marker := raw[at+1]
		if marker == 0xd9 { // end of the picture
			if frames == 0 {
				return nil, 0, errBroken
			}
			return append(out, 0xff, 0xd9), frames, nil
		}
		if marker == 0xd8 || marker == 0x00 || marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 {
			return nil, 0, errBroken
		}
		if at+4 > len(raw) {
			return nil, 0, errBroken
		}
		end := at + 2 + int(binary.BigEndian.Uint16(raw[at+2:]))
		if end < at+4 || end > len(raw) {
			return nil, 0, errBroken
		}
		body := raw[at+4 : end]
		keep := true
		switch {
		case marker == 0xe0:
			keep = bytes.HasPrefix(body, []byte("JFIF\x00"))
			if keep && len(body) > 14 { // a thumbnail follows
				body = append(bytes.Clone(body[:12]), 0, 0)
				out = append(append(out, 0xff, 0xe0, 0, byte(len(body)+2)), body...)
				keep = false
			}
		case marker == 0xe2:
			keep = bytes.HasPrefix(body, []byte("ICC_PROFILE\x00"))
		case marker == 0xee:
			keep = bytes.HasPrefix(body, []byte("Adobe"))
		case marker >= 0xe1 && marker <= 0xef, marker == 0xfe, marker >= 0xf0 && marker <= 0xfd:
			keep = false
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			if frames++; frames > 1 {
				return nil, 0, errBroken
			}
		}
		if keep {
			out = append(out, raw[at:end]...)
		}
		at = end
		if marker == 0xda { // compressed data up to the next marker
			for at+1 < len(raw) && (raw[at] != 0xff || raw[at+1] == 0 || raw[at+1] >= 0xd0 && raw[at+1] <= 0xd7) {
				at++
			}
			out = append(out, raw[end:at]...)
		}
	}
}

// orientation reads which way up a JPEG is from its EXIF, 1 (upright) if it does not say.
func orientation(raw []byte) int {
	for at := 2; at+4 <= len(raw) && raw[at] == 0xff && raw[at+1] != 0xda; {
		end := at + 2 + int(binary.BigEndian.Uint16(raw[at+2:]))
		if end < at+4 || end > len(raw) {
			return 1
		}
		if tiff, ok := bytes.CutPrefix(raw[at+4:end], []byte("Exif\x00\x00")); ok && raw[at+1] == 0xe1 {
			return tiffOrientation(tiff)
		}
		at = end
	}
	return 1
}

func tiffOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	n := uint64(order.Uint16(b[at:]))
	for i := range n {
		e := at + 2 + 12*i
		if e+12 > uint64(len(b)) {
			return 1
		}
		if order.Uint16(b[e:]) == 0x0112 {
			if v := int(order.Uint16(b[e+8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
	}
	return 1
}

// uprightSegment is an EXIF of one entry, the orientation; nothing for an upright picture.
func uprightSegment(orientation int) []byte {
	if orientation == 1 {
		return nil
	}
	s := []byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00")
	s[29] = byte(orientation)
	return s
}

// cleanPNG keeps the chunks that make the picture, its colours and its animation.
func cleanPNG(raw []byte) (out []byte, frames int, err error) {
	out = append(make([]byte, 0, len(raw)), raw[:8]...)
	for at := 8; ; {
		if at+12 > len(raw) {
			return nil, 0, errBroken
		}
		size := uint64(binary.BigEndian.Uint32(raw[at:]))
		if size > uint64(len(raw)-at-12) {
			return nil, 0, errBroken
		}
		end := at + 12 + int(size)
		if crc32.ChecksumIEEE(raw[at+4:end-4]) != binary.BigEndian.Uint32(raw[end-4:]) {
			return nil, 0, errBroken
		}
		kind := string(raw[at+4 : at+8])
		if (kind == "IHDR") != (at == 8) {
			return nil, 0, errBroken
		}
		switch kind {
		case "fcTL":
			frames++
			out = append(out, raw[at:end]...)
		case "IHDR", "PLTE", "IDAT", "tRNS", "gAMA", "cHRM", "sRGB", "iCCP", "cICP", "sBIT", "bKGD", "pHYs", "acTL", "fdAT":
			out = append(out, raw[at:end]...)
		case "IEND":
			return append(out, raw[at:end]...), max(frames, 1), nil
		}
		at = end
	}
}

// cleanGIF keeps the frames, how they follow each other and how often.
func cleanGIF(raw []byte) (out []byte, frames int, err error) {
	table := func(flags byte) int { // bytes of the colour table that flags announce
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	if len(raw) < 13 {
		return nil, 0, errBroken
	}
	at := 13 + table(raw[10])
	if at > len(raw) {
		return nil, 0, errBroken
	}
	width, height := int(binary.LittleEndian.Uint16(raw[6:])), int(binary.LittleEndian.Uint16(raw[8:]))
	out = append(make([]byte, 0, len(raw)), raw[:at]...)
	blocks := func(at int) int { // the end of the sub-blocks that start at at, -1 if they are cut off
		for at < len(raw) && raw[at] != 0 {
			at += 1 + int(raw[at])
		}
		if at >= len(raw) {
			return -1
		}
		return at + 1
	}
	for at < len(raw) {
		end, keep := -1, false
		switch raw[at] {
		case 0x3b:
			if frames == 0 {
				return nil, 0, errBroken
			}
			return append(out, 0x3b), frames, nil
		case 0x2c:
			if at+10 > len(raw) {
				return nil, 0, errBroken
			}
			right := int(binary.LittleEndian.Uint16(raw[at+1:])) + int(binary.LittleEndian.Uint16(raw[at+5:]))
			bottom := int(binary.LittleEndian.Uint16(raw[at+3:])) + int(binary.LittleEndian.Uint16(raw[at+7:]))
			if right > width || bottom > height {
				return nil, 0, errBroken // decoders would grow the canvas
			}
			frames, keep = frames+1, true
			end = blocks(at + 10 + table(raw[at+9]) + 1)
		case 0x21:
			if at+3 > len(raw) {
				return nil, 0, errBroken
			}
			rest := raw[at+3:]
			keep = raw[at+1] == 0xf9 || raw[at+1] == 0xff && (bytes.HasPrefix(rest, []byte("NETSCAPE2.0")) || bytes.HasPrefix(rest, []byte("ANIMEXTS1.0")))
			end = blocks(at + 2)
		}
		if end < 0 {
			return nil, 0, errBroken
		}
		if keep {
			out = append(out, raw[at:end]...)
		}
		at = end
	}
	if frames == 0 {
		return nil, 0, errBroken
	}
	return append(out, 0x3b), frames, nil // some programs forget the end
}

// cleanWebP keeps the picture, transparency, colours and animation, and reads the bounds.
func cleanWebP(raw []byte) (p picture, frames int, err error) {
	if len(raw) < 20 {
		return p, 0, errBroken
	}
	size := uint64(binary.LittleEndian.Uint32(raw[4:])) + 8
	if size > uint64(len(raw)) || size < 20 {
		return p, 0, errBroken
	}
	raw = raw[:size]
	out := append(make([]byte, 0, len(raw)), raw[:12]...)
	for at := 12; at < len(raw); {
		if at+8 > len(raw) {
			return p, 0, errBroken
		}
		n := uint64(binary.LittleEndian.Uint32(raw[at+4:]))
		if n > uint64(len(raw)-at-8) {
			return p, 0, errBroken
		}
		body := raw[at+8 : at+8+int(n)]
		end := min(at+8+int(n+n&1), len(raw))
		switch kind := string(raw[at : at+4]); kind {
		case "VP8X":
			if len(body) < 10 || at != 12 {
				return p, 0, errBroken
			}
			p.width, p.height = 1+uint24(body[4:]), 1+uint24(body[7:])
			out = append(out, raw[at:end]...)
			out[20] &^= 0x08 | 0x04 // says no more that there are EXIF and XMP
		case "VP8 ", "VP8L":
			w, h, ok := bitstreamSize(kind, body)
			if !ok || p.width != 0 && (w != p.width || h != p.height) {
				return p, 0, errBroken
			}
			p.width, p.height = w, h
			frames++
			out = append(out, raw[at:end]...)
		case "ANMF":
			if len(body) < 24 || p.width == 0 {
				return p, 0, errBroken
			}
			w, h := 1+uint24(body[6:]), 1+uint24(body[9:])
			if 2*uint24(body)+w > p.width || 2*uint24(body[3:])+h > p.height || !frameFits(body[16:], w, h) {
				return p, 0, errBroken
			}
			frames++
			out = append(out, raw[at:end]...)
		case "ALPH", "ICCP", "ANIM":
			out = append(out, raw[at:end]...)
		}
		at = end
	}
	if frames == 0 {
		return p, 0, errBroken
	}
	if len(out)%2 == 1 {
		out = append(out, 0)
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	p.data = out
	return p, frames, nil
}

// frameFits reports whether the picture in an animation's frame is as large as the frame says.
func frameFits(b []byte, width, height int) bool {
	for len(b) >= 8 {
		n := uint64(binary.LittleEndian.Uint32(b[4:]))
		if n > uint64(len(b)-8) {
			return false
		}
		if kind := string(b[:4]); kind == "VP8 " || kind == "VP8L" {
			w, h, ok := bitstreamSize(kind, b[8:8+n])
			return ok && w == width && h == height
		}
		b = b[min(8+n+n&1, uint64(len(b))):]
	}
	return false
}

func bitstreamSize(kind string, b []byte) (width, height int, ok bool) {
	if kind == "VP8L" {
		if len(b) < 5 || b[0] != 0x2f {
			return 0, 0, false
		}
		bits := binary.LittleEndian.Uint32(b[1:])
		return 1 + int(bits&0x3fff), 1 + int(bits>>14&0x3fff), true
	}
	if len(b) < 10 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return 0, 0, false
	}
	return int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff), true
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }
