package blob

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"frontdesk"
)

var testLimits = Limits{Bytes: 10 << 20, Side: 8000, Pixels: 40_000_000}

// gps stands for what a camera writes beside a picture.
const gps = "GPSLatitude 31.2304"

func drawing(w, h int) *image.Paletted {
	p := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.White, color.Black, color.RGBA{200, 30, 30, 255}})
	for i := range p.Pix {
		p.Pix[i] = uint8(i % 3)
	}
	return p
}

// encoded returns a picture of each kind with metadata and a script behind its end.
func encoded(t testing.TB, w, h int) map[string][]byte {
	t.Helper()
	var j, p, g bytes.Buffer
	for _, err := range []error{
		jpeg.Encode(&j, drawing(w, h), nil),
		png.Encode(&p, drawing(w, h)),
		gif.EncodeAll(&g, &gif.GIF{Image: []*image.Paletted{drawing(w, h), drawing(w, h)}, Delay: []int{5, 5}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	tail := []byte("<script>alert(1)</script>")
	exif := withGPS(1)
	jpg := slices.Concat(j.Bytes()[:2], exif, segment(0xfe, gps), segment(0xed, "Photoshop "+gps), j.Bytes()[2:], tail)
	pngBytes := slices.Concat(p.Bytes()[:33], chunk("tEXt", "Comment\x00"+gps), chunk("eXIf", gps), p.Bytes()[33:], tail)
	gifBytes := slices.Concat(g.Bytes()[:len(g.Bytes())-1], []byte("\x21\xfe"), []byte{byte(len(gps))}, []byte(gps), []byte{0, 0x3b}, tail)
	webp := riff("VP8X", "\x0c\x00\x00\x00"+le24(w-1)+le24(h-1), "VP8L", vp8l(w, h), "EXIF", gps, "XMP ", gps)
	return map[string][]byte{typeJPEG: jpg, typePNG: pngBytes, typeGIF: gifBytes, typeWebP: append(webp, tail...)}
}

func segment(marker byte, body string) []byte {
	s := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(body)+2))
	return append(s, body...)
}

// withGPS is an EXIF segment that says which way up the picture is, with a text behind it.
func withGPS(orientation byte) []byte {
	tiff := "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(orientation) + "\x00\x00\x00\x00\x00\x00"
	return segment(0xe1, "Exif\x00\x00"+tiff+gps)
}

func chunk(kind, body string) []byte {
	c := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	c = append(append(c, kind...), body...)
	return binary.BigEndian.AppendUint32(c, crc32.ChecksumIEEE(c[4:]))
}

func riff(kindsAndBodies ...string) []byte {
	out := []byte("RIFF\x00\x00\x00\x00WEBP")
	for i := 0; i < len(kindsAndBodies); i += 2 {
		body := kindsAndBodies[i+1]
		out = binary.LittleEndian.AppendUint32(append(out, kindsAndBodies[i]...), uint32(len(body)))
		if out = append(out, body...); len(body)%2 == 1 {
			out = append(out, 0)
		}
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

func vp8l(w, h int) string {
	return "\x2f" + string(binary.LittleEndian.AppendUint32(nil, uint32(w-1)|uint32(h-1)<<14)) + "pixels"
}

func le24(n int) string { return string([]byte{byte(n), byte(n >> 8), byte(n >> 16)}) }

func TestCleanPicture(t *testing.T) {
	for kind, raw := range encoded(t, 40, 30) {
		t.Run(kind, func(t *testing.T) {
			if got := sniff(raw); got != kind {
				t.Fatalf("sniffed as %s", got)
			}
			if !bytes.Contains(raw, []byte(gps)) {
				t.Fatal("the test picture has no metadata")
			}
			p, err := cleanPicture(kind, raw, testLimits)
			if err != nil {
				t.Fatal(err)
			}
			if p.width != 40 || p.height != 30 {
				t.Errorf("%d x %d", p.width, p.height)
			}
			for _, secret := range []string{"GPS", "31.2304", "script", "Photoshop"} {
				if bytes.Contains(p.data, []byte(secret)) {
					t.Errorf("%q stayed", secret)
				}
			}
			if again, err := cleanPicture(kind, p.data, testLimits); err != nil || !bytes.Equal(again.data, p.data) {
				t.Errorf("cleaning a clean picture changes it: %v", err)
			}
			if kind == typeWebP {
				return // the standard library cannot decode it
			}
			before, _, err := image.Decode(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			after, _, err := image.Decode(bytes.NewReader(p.data))
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []image.Point{{0, 0}, {39, 29}, {7, 3}} {
				if before.At(at.X, at.Y) != after.At(at.X, at.Y) {
					t.Errorf("the pixel at %v changed", at)
				}
			}
		})
	}
}

func TestAPhoneHeldUprightStaysUpright(t *testing.T) {
	var j bytes.Buffer
	if err := jpeg.Encode(&j, drawing(40, 30), nil); err != nil {
		t.Fatal(err)
	}
	raw := slices.Concat(j.Bytes()[:2], withGPS(6), j.Bytes()[2:])
	p, err := cleanPicture(typeJPEG, raw, testLimits)
	if err != nil {
		t.Fatal(err)
	}
	if orientation(p.data) != 6 || p.width != 30 || p.height != 40 {
		t.Errorf("orientation %d, %d x %d", orientation(p.data), p.width, p.height)
	}
	if bytes.Contains(p.data, []byte(gps)) {
		t.Error("the place stayed")
	}
}

func TestPicturesThatSwellAreRefused(t *testing.T) {
	ihdr := func(w, h uint32) []byte {
		body := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
		return slices.Concat([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", string(body)+"\x08\x02\x00\x00\x00"), chunk("IDAT", "x"), chunk("IEND", ""))
	}
	frames := strings.Repeat("\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00", maxFrames+1)
	for name, tt := range map[string]struct {
		kind string
		raw  []byte
		says string
	}{
		"too wide":                {typePNG, ihdr(8001, 1), "8000 a side"},
		"too many pixels":         {typePNG, ihdr(8000, 5001), "40000000"},
		"the largest":             {typePNG, ihdr(8000, 5000), ""},
		"two thousand million":    {typePNG, ihdr(1<<31-1, 1<<31-1), "broken"},
		"too many frames":         {typeGIF, []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00" + frames + ";"), "frames"},
		"webp too wide":           {typeWebP, riff("VP8L", vp8l(16000, 10)), "8000 a side"},
		"webp that lies":          {typeWebP, riff("VP8X", "\x00\x00\x00\x00"+le24(9)+le24(9), "VP8L", vp8l(9000, 9000)), "broken"},
		"gif frame beyond canvas": {typeGIF, []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x2c\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02\x44\x01\x00;"), "broken"},
	} {
		_, err := cleanPicture(tt.kind, tt.raw, testLimits)
		if tt.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if frontdesk.KindOf(err) != frontdesk.Invalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want a word of %q", name, err, tt.says)
		}
	}
}

func TestBrokenPicturesAreRefused(t *testing.T) {
	for kind, raw := range encoded(t, 8, 8) {
		p, err := cleanPicture(kind, raw, testLimits)
		if err != nil {
			t.Fatal(err)
		}
		for n := 12; n < len(p.data)-1; n++ {
			if cut, err := cleanPicture(kind, p.data[:n], testLimits); err == nil && kind != typeGIF {
				t.Errorf("%s cut after %d of %d bytes was taken as %d x %d", kind, n, len(p.data), cut.width, cut.height)
			}
		}
	}
}

func FuzzCleanPicture(f *testing.F) {
	for _, raw := range encoded(f, 8, 8) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		kind := sniff(raw)
		if !inline(kind) {
			return
		}
		p, err := cleanPicture(kind, raw, testLimits)
		if err != nil {
			return
		}
		if p.width < 1 || p.height < 1 || p.width > testLimits.Side || p.height > testLimits.Side || p.width*p.height > testLimits.Pixels {
			t.Fatalf("%d x %d was let through", p.width, p.height)
		}
		if len(p.data) > len(raw)+64 {
			t.Fatalf("%d bytes became %d", len(raw), len(p.data))
		}
		if got := sniff(p.data); got != kind {
			t.Fatalf("%s became %s", kind, got)
		}
		if again, err := cleanPicture(kind, p.data, testLimits); err != nil || !bytes.Equal(again.data, p.data) {
			t.Fatalf("cleaning again: %v", err)
		}
	})
}
