package blob

import (
	"bytes"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/compliance"
)

// The types that a browser may show in place.
const (
	typePNG  = "image/png"
	typeJPEG = "image/jpeg"
	typeGIF  = "image/gif"
	typeWebP = "image/webp"
)

// inline reports whether a browser may show the type in place. SVG and HTML never: they carry scripts.
func inline(mediaType string) bool {
	switch mediaType {
	case typePNG, typeJPEG, typeGIF, typeWebP:
		return true
	}
	return false
}

// sniff returns the media type of bytes. What a browser could run or that is not known is application/octet-stream.
func sniff(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return typePNG
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return typeJPEG
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		return typeGIF
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return typeWebP
	}
	t, _, err := mime.ParseMediaType(http.DetectContentType(head))
	if err != nil {
		return "application/octet-stream"
	}
	switch t {
	case "application/pdf", "application/zip", "application/x-gzip", "audio/mpeg", "audio/wave", "video/mp4", "video/webm":
		return t
	case "text/plain":
		if !bytes.ContainsAny(head, "<") {
			return t
		}
	}
	return "application/octet-stream"
}

// ServeHeaders sets what must go with the bytes of an attachment: the type that was found, no guessing by the browser, no
// scripts, download instead of display for all but pictures. Use it on every answer that carries an attachment.
func ServeHeaders(h http.Header, a frontdesk.Attachment) {
	disposition, contentType := "attachment", "application/octet-stream"
	if inline(a.Type) {
		disposition, contentType = "inline", a.Type
	}
	name := cleanName(a.Name, a.Type)
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", disposition+`; filename="`+asciiName(name)+`"; filename*=UTF-8''`+strings.ReplaceAll(url.QueryEscape(name), "+", "%20"))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin") // a widget elsewhere fetches with its token (CORS) and is not held
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "private, max-age=3600, immutable")
	h.Set("ETag", `"`+a.SHA256+`"`)
}

// asciiName is the name for clients that know no other: everything else is a low line.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
}

// maxName is how many characters of a file name are kept, its ending included.
const maxName = 120

// cleanName makes a sender's file name harmless: no folders, no characters that turn it around or that a file system or a
// header takes for something else, no personal data (the name is
// stored outside the vault), no reserved or hidden names, for a picture the ending of its true type.
func cleanName(name, mediaType string) string {
	if !utf8.ValidString(name) {
		name = strings.ToValidUTF8(name, "_")
	}
	name = compliance.Redact(compliance.Printable(name)) // the stars become low lines below
	name = strings.ReplaceAll(name, `\`, "/")
	name = name[strings.LastIndexByte(name, '/')+1:]
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || strings.ContainsRune(`<>:"|?*/`, r) {
			return '_'
		}
		return r
	}, name)
	name = strings.Trim(name, ". \u3000\u00a0")
	ending := path.Ext(name)
	stem := strings.TrimRight(strings.TrimSuffix(name, ending), ". ")
	if utf8.RuneCountInString(ending) > 16 {
		stem, ending = name, ""
	}
	switch want := endings[mediaType]; {
	case len(want) == 0:
	case !contains(want, strings.ToLower(ending)):
		stem, ending = strings.TrimRight(stem, ". "), want[0]
	}
	switch strings.ToLower(stem) {
	case "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "lpt1", "lpt2", "lpt3":
		stem = "_" + stem
	case "":
		stem = "file"
		if inline(mediaType) {
			stem = "picture"
		}
	}
	if n := utf8.RuneCountInString(stem) + utf8.RuneCountInString(ending) - maxName; n > 0 {
		runes := []rune(stem)
		stem = strings.TrimRight(string(runes[:len(runes)-n]), ". ")
	}
	return stem + ending
}

// endings are those a picture's name may have; the first is given to a name that has none of them.
var endings = map[string][]string{
	typePNG: {".png"}, typeJPEG: {".jpg", ".jpeg"}, typeGIF: {".gif"}, typeWebP: {".webp"},
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
