// Package console carries the built console, the pages that staff work in.
package console

import (
	"embed"
	"io/fs"
	"net/http"

	"frontdesk/internal/static"
)

//go:embed all:dist
var dist embed.FS

// Handler serves the console at "/". Its routes belong to the app in the page, so mount the API's paths before it.
func Handler() (http.Handler, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return static.Handler(files, static.Options{Name: "console", Index: "index.html", Fallback: true})
}
