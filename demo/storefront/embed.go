// Package storefront is the page of the demo company's shop. It is plain files without a build, and shows what a
// customer's page needs to carry the widget: one script tag.
package storefront

import (
	"embed"
	"io/fs"
	"net/http"

	"frontdesk/internal/static"
)

//go:embed site
var site embed.FS

// Handler serves the shop, e.g. at http.StripPrefix("/demo/", ..).
func Handler() (http.Handler, error) {
	files, err := fs.Sub(site, "site")
	if err != nil {
		return nil, err
	}
	return static.Handler(files, static.Options{Name: "demo shop", Index: "index.html"})
}
