package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func open(t *testing.T, db *sqldb.DB) *Store {
	t.Helper()
	s, err := New(db, t.TempDir(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *Store) files(t *testing.T) (stored, half int) {
	t.Helper()
	count := func(folder string) (n int) {
		err := filepath.WalkDir(filepath.Join(s.dir, folder), func(_ string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				n++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return count(Folder), count(incoming)
}

func TestStore(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := open(t, db)
		raw := encoded(t, 40, 30)[typePNG]
		put := func(tenant, conversation, name string) frontdesk.Attachment {
			t.Helper()
			a, err := s.Put(t.Context(), tenant, conversation, name, "image/png", bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		a := put("t1", "c1", "漏水.png")
		if a.Type != typePNG || a.Width != 40 || a.Height != 30 || a.Name != "漏水.png" || a.Size == 0 || a.Size >= int64(len(raw)) {
			t.Errorf("%+v", a)
		}
		f, err := s.Open(t.Context(), "t1", a.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || int64(len(got)) != a.Size || bytes.Contains(got, []byte(gps)) {
			t.Errorf("read %d bytes of %d, %v", len(got), a.Size, err)
		}
		if f.Conversation != "c1" || f.Attachment != a {
			t.Errorf("%+v, want %+v", f, a)
		}
		if _, err := s.Open(t.Context(), "t2", a.ID); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another tenant: %v", err)
		}

		// The same bytes lie there once, and go when the last row is gone.
		b := put("t2", "c1", "x.png")
		if stored, half := s.files(t); stored != 1 || half != 0 {
			t.Errorf("%d files and %d half done", stored, half)
		}
		forget := func(tenant string) {
			t.Helper()
			if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return s.Forget(tx, tenant, "c1") }); err != nil {
				t.Fatal(err)
			}
		}
		forget("t1")
		if n, err := s.Sweep(t.Context(), -time.Hour); err != nil || n != 0 {
			t.Errorf("swept %d, %v while t2 has it", n, err)
		}
		if f, err = s.Open(t.Context(), "t2", b.ID); err != nil {
			t.Fatal(err)
		}
		f.Close()
		forget("t2")
		if n, err := s.Sweep(t.Context(), time.Hour); err != nil || n != 0 {
			t.Errorf("swept %d fresh files, %v", n, err)
		}
		if n, err := s.Sweep(t.Context(), -time.Hour); err != nil || n != 1 {
			t.Errorf("swept %d, %v", n, err)
		}
		if _, err := s.Open(t.Context(), "t2", b.ID); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("after forgetting: %v", err)
		}
	})
}

func TestShare(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s := open(t, db)
		up, err := s.Put(t.Context(), "t1", "staff", "manual.pdf", "", strings.NewReader("%PDF-1.7 ..."))
		if err != nil {
			t.Fatal(err)
		}
		sent, err := s.Share(t.Context(), "t1", up.ID, "c1")
		if err != nil {
			t.Fatal(err)
		}
		if sent.ID == up.ID || sent.SHA256 != up.SHA256 || sent.Name != up.Name || sent.Type != up.Type || sent.Size != up.Size {
			t.Errorf("%+v of %+v", sent, up)
		}
		if got, conversation, err := s.Find(t.Context(), "t1", sent.ID); err != nil || conversation != "c1" || got != sent {
			t.Errorf("%+v in %s, %v", got, conversation, err)
		}
		if _, err := s.Share(t.Context(), "t2", up.ID, "c1"); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another tenant's: %v", err)
		}
	})
}

func TestPutRefuses(t *testing.T) {
	s := open(t, sqldbtest.SQLite(t))
	svg := `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`
	for name, tt := range map[string]struct{ declared, body, says string }{
		"empty":             {"image/png", "", "empty"},
		"too large":         {"", strings.Repeat("x", 10<<20+1), "10485760"},
		"SVG as a picture":  {"image/svg+xml", svg, "PNG, JPEG"},
		"HTML as a picture": {"image/png", "<html><script>alert(1)</script>", "PNG, JPEG"},
		"a broken picture":  {"image/png", "\x89PNG\r\n\x1a\nnonsense", "broken"},
	} {
		_, err := s.Put(t.Context(), "t1", "c1", "x.png", tt.declared, strings.NewReader(tt.body))
		e, ok := errors.AsType[*frontdesk.Error](err)
		if !ok || e.Kind != frontdesk.Invalid || e.Field != "file" || !strings.Contains(e.Public, tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Put(ctx, "t1", "c1", "x", "", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if stored, half := s.files(t); stored != 0 || half != 0 {
		t.Errorf("left %d files and %d half done", stored, half)
	}
}

func TestHalfDoneUploadsAreSwept(t *testing.T) {
	s := open(t, sqldbtest.SQLite(t))
	if err := os.WriteFile(filepath.Join(s.dir, incoming, "up-1"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Sweep(t.Context(), -time.Hour); err != nil || n != 1 {
		t.Errorf("swept %d, %v", n, err)
	}
}

func TestServeHeaders(t *testing.T) {
	s := open(t, sqldbtest.SQLite(t))
	for name, tt := range map[string]struct {
		file, body        string
		kind, disposition string
	}{
		"png":                         {"a.png", string(encoded(t, 4, 4)[typePNG]), typePNG, "inline"},
		"gif":                         {"a.gif", string(encoded(t, 4, 4)[typeGIF]), typeGIF, "inline"},
		"SVG":                         {"a.svg", `<?xml version="1.0"?><svg onload="alert(1)"/>`, "application/octet-stream", "attachment"},
		"bare SVG":                    {"a.svg", `<svg onload="alert(1)"/>`, "application/octet-stream", "attachment"},
		"HTML":                        {"a.html", `<!doctype html><script>alert(1)</script>`, "application/octet-stream", "attachment"},
		"text":                        {"a.txt", "hello", "application/octet-stream", "attachment"},
		"PDF":                         {"a.pdf", "%PDF-1.7 ...", "application/octet-stream", "attachment"},
		"HTML under a picture's name": {"a.png", "hello<script>alert(1)</script>", "application/octet-stream", "attachment"},
	} {
		a, err := s.Put(t.Context(), "t1", "c1", tt.file, "", strings.NewReader(tt.body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h := http.Header{}
		ServeHeaders(h, a)
		if got := h.Get("Content-Type"); got != tt.kind {
			t.Errorf("%s: type %s", name, got)
		}
		if got := h.Get("Content-Disposition"); !strings.HasPrefix(got, tt.disposition+";") {
			t.Errorf("%s: %s", name, got)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %v", name, h)
		}
	}
	// A row that says HTML, whoever wrote it, is not served as such.
	h := http.Header{}
	ServeHeaders(h, frontdesk.Attachment{Type: "text/html", Name: "x\r\nSet-Cookie: a=b\".html"})
	if got := h.Get("Content-Disposition"); h.Get("Content-Type") != "application/octet-stream" || strings.ContainsAny(got, "\r\n") || strings.Count(got, `"`) != 2 {
		t.Errorf("%v", h)
	}
}

func TestCleanName(t *testing.T) {
	for _, tt := range []struct{ name, kind, want string }{
		{"发票.pdf", "application/pdf", "发票.pdf"},
		{"../../etc/passwd", "", "passwd"},
		{`..\..\windows\system32\cmd.exe`, "", "cmd.exe"},
		{"/", "", "file"},
		{"", typePNG, "picture.png"},
		{"..", "", "file"},
		{".htaccess", "", "htaccess"},
		{"a\x00b\nc.txt", "", "ab_c.txt"},
		{"photo\u202egnp.exe", "", "photognp.exe"},
		{"我的13800138000.png", typePNG, "我的138____8000.png"},
		{"11010519491231002X.jpg", typeJPEG, "110___________002X.jpg"},
		{"shot.png.exe", typePNG, "shot.png.png"},
		{"shot.JPEG", typeJPEG, "shot.JPEG"},
		{"shot", typeWebP, "shot.webp"},
		{`a<b>"c|d?.txt`, "", "a_b__c_d_.txt"},
		{"NUL.txt", "", "_NUL.txt"},
		{"x.txt...", "", "x.txt"},
		{strings.Repeat("长", 300) + ".pdf", "", strings.Repeat("长", maxName-4) + ".pdf"},
		{"bad\xff.txt", "", "bad_.txt"},
	} {
		if got := cleanName(tt.name, tt.kind); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	f.Add("../a.png")
	f.Add("a\x00\u202e.exe")
	f.Fuzz(func(t *testing.T, name string) {
		for _, kind := range []string{"", typePNG} {
			got := cleanName(name, kind)
			if got == "" || !utf8.ValidString(got) || strings.ContainsAny(got, "/\\\x00\r\n\"") || strings.HasPrefix(got, ".") || utf8.RuneCountInString(got) > maxName {
				t.Fatalf("%q: %q", name, got)
			}
		}
	})
}
