// Package static serves the front ends that are built into the program: from memory, compressed once, with headers that
// keep foreign script out. It never touches the disk, and it lists no folders. A front end that was not built yet is
// answered by a page that says how to build it, never by a bare 404.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// Policy is the content security policy of our own pages: everything from this host, nothing inline, no frames around.
const Policy = "default-src 'self'; img-src 'self' data: blob:; connect-src 'self'; script-src 'self'; style-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// Options says how a site is served.
type Options struct {
	Name     string // for the page shown when it was not built, e.g. "console"
	Index    string // served for the folder itself, e.g. "index.html"
	Fallback bool   // unknown paths without an extension get Index: the app has routes of its own
	Embedded bool   // other origins may load the files: the widget's script
}

type file struct {
	kind    string
	etag    string
	body    []byte
	gzipped []byte // nil where compressing does not pay
	forever bool   // the name holds a hash of the content
}

type site struct {
	Options
	files map[string]*file
}

// Handler reads all of fsys and serves it; request paths are relative to it, so mount it under http.StripPrefix.
// An error means that a file of the program itself could not be read.
func Handler(fsys fs.FS, o Options) (http.Handler, error) {
	s := &site{Options: o, files: map[string]*file{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		s.files[name] = newFile(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", o.Name, err)
	}
	return s, nil
}

func newFile(name string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{
		kind:    mime.TypeByExtension(path.Ext(name)),
		etag:    `"` + hex.EncodeToString(sum[:8]) + `"`,
		body:    body,
		forever: strings.HasPrefix(name, "assets/"), // vite's hashed names
	}
	switch path.Ext(name) { // the host's table of media types may lack or bend these
	case ".js":
		f.kind = "text/javascript; charset=utf-8"
	case ".css":
		f.kind = "text/css; charset=utf-8"
	case ".svg":
		f.kind = "image/svg+xml"
	case ".html":
		f.kind = "text/html; charset=utf-8"
	}
	if len(body) > 1024 {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a valid constant
		_, _ = w.Write(body)                                  // a bytes.Buffer takes all
		_ = w.Close()
		if b.Len() < len(body)*9/10 {
			f.gzipped = b.Bytes()
		}
	}
	return f
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD here", http.StatusMethodNotAllowed)
		return
	}
	f := s.find(strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/"))
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if f == nil {
		s.missing(w)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if s.Embedded {
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Cache-Control", "public, max-age=300")
	} else {
		h.Set("Content-Security-Policy", Policy)
		h.Set("Referrer-Policy", "same-origin")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.body
	if f.gzipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.gzipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the reader went away: nothing to do about it
	}
}

func (s *site) find(name string) *file {
	if name == "" {
		name = s.Index
	}
	if f := s.files[name]; f != nil {
		return f
	}
	if s.Fallback && path.Ext(name) == "" {
		return s.files[s.Index]
	}
	return nil
}

func (s *site) missing(w http.ResponseWriter) {
	if len(s.files) > 0 {
		http.Error(w, "no such page", http.StatusNotFound)
		return
	}
	http.Error(w, "The "+s.Name+" is not built into this program. Run `make build` (needs Node 20) and start it again.\n"+
		"这个程序里还没有构建前端，请运行 make build（需要 Node 20）后重新启动。", http.StatusNotFound)
}
