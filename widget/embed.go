// Package widget carries the built chat widget, one script that a shop's page loads by one tag.
package widget

import (
	"embed"
	"io/fs"
	"net/http"

	"frontdesk/internal/static"
)

//go:embed all:dist
var dist embed.FS

// Handler serves the script at the path it is mounted on, e.g. http.StripPrefix("/widget.js", ..). Any origin may load it.
func Handler() (http.Handler, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, err
	}
	return static.Handler(files, static.Options{Name: "widget", Index: "widget.js", Embedded: true})
}
