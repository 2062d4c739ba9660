package static

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func get(t *testing.T, h http.Handler, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestServesAnAppWithItsRoutes(t *testing.T) {
	script := strings.Repeat("console.log('hello');", 200)
	h, err := Handler(fstest.MapFS{
		"index.html":         {Data: []byte("<!doctype html>app")},
		"assets/app-1a2b.js": {Data: []byte(script)},
		".keep":              {Data: []byte("x")},
	}, Options{Name: "console", Index: "index.html", Fallback: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		status int
		kind   string
	}{
		{"/", 200, "text/html; charset=utf-8"},
		{"/desk/0190-abc", 200, "text/html; charset=utf-8"}, // a route of the app
		{"/assets/app-1a2b.js", 200, "text/javascript; charset=utf-8"},
		{"/assets/gone-9f.js", 404, ""}, // never HTML in place of a script
		{"/../../etc/passwd.txt", 404, ""},
		{"/.keep", 404, ""},
	} {
		res := get(t, h, c.path)
		if res.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", c.path, res.StatusCode, c.status)
		}
		if c.kind != "" && res.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s: %s, want %s", c.path, res.Header.Get("Content-Type"), c.kind)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: can be sniffed", c.path)
		}
	}

	res := get(t, h, "/")
	if res.Header.Get("Content-Security-Policy") != Policy || res.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("index headers: %v", res.Header)
	}
	if again := get(t, h, "/", "If-None-Match", res.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("known page sent again: %d", again.StatusCode)
	}

	res = get(t, h, "/assets/app-1a2b.js", "Accept-Encoding", "br, gzip")
	if !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("hashed name without a long life: %s", res.Header.Get("Cache-Control"))
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body(t, z) != script {
		t.Error("the compressed script is another script")
	}
}

func TestSaysHowToBuildWhatIsMissing(t *testing.T) {
	h, err := Handler(fstest.MapFS{".keep": {}}, Options{Name: "widget", Index: "widget.js", Embedded: true})
	if err != nil {
		t.Fatal(err)
	}
	res := get(t, h, "/")
	if text := body(t, res.Body); res.StatusCode != 404 || !strings.Contains(text, "make build") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
}

func TestRefusesToBeWrittenTo(t *testing.T) {
	h, err := Handler(fstest.MapFS{"a.html": {Data: []byte("a")}}, Options{Index: "a.html"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}
