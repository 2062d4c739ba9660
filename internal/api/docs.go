package api

import (
	"embed"
	"net/http"
	"regexp"

	"github.com/danielgtaylor/huma/v2"

	"frontdesk"
)

//go:embed docs
var docFiles embed.FS

// docsRoutes serves the description and the page that shows it. Both are public: they tell what is in the program's source.
func (s *server) docsRoutes() {
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(s.spec)
	})
	for path, file := range map[string]struct{ name, kind string }{
		"GET /docs":          {"docs/index.html", "text/html; charset=utf-8"},
		"GET /docs/docs.css": {"docs/docs.css", "text/css; charset=utf-8"},
		"GET /docs/docs.js":  {"docs/docs.js", "text/javascript; charset=utf-8"},
	} {
		s.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			b, err := docFiles.ReadFile(file.name)
			if err != nil {
				s.fail(w, r, err)
				return
			}
			w.Header().Set("Content-Type", file.kind)
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			w.Header().Set("Cache-Control", "no-cache")
			w.Write(b)
		})
	}
}

// refine adds to the description what Go's types cannot say, and so makes huma check it.
func (s *server) refine() {
	shift := &huma.Schema{Type: huma.TypeString, Pattern: `^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`, PatternDescription: "a shift HH:MM-HH:MM", Examples: []any{"09:00-18:00"}}
	shift.PrecomputeMessages()
	shifts := &huma.Schema{Type: huma.TypeArray, Items: shift, MaxItems: new(12)}
	shifts.PrecomputeMessages()
	for name, schema := range s.api.OpenAPI().Components.Schemas.Map() {
		switch name {
		case "Hours":
			week := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Description: "Shifts of each day of the week; a day left out is closed",
				Properties: map[string]*huma.Schema{"mon": shifts, "tue": shifts, "wed": shifts, "thu": shifts, "fri": shifts, "sat": shifts, "sun": shifts}}
			week.PrecomputeMessages()
			schema.Properties["week"] = week
		case "WebhookInput":
			types := make([]any, len(frontdesk.EventTypes))
			for i, t := range frontdesk.EventTypes {
				types[i] = t
			}
			schema.Properties["events"].Items.Enum = types
			schema.Properties["events"].Items.PrecomputeMessages()
		case "SiteInput", "Site":
			schema.Properties["name"].MinProperties = new(1)
			schema.Properties["name"].PrecomputeMessages()
		case "SpecialDay":
			schema.Properties["spans"] = shifts
			for _, field := range []string{"date", "until"} {
				schema.Properties[field].Pattern = datePattern
				schema.Properties[field].PrecomputeMessages()
			}
		}
		schema.PrecomputeMessages()
	}
}

const datePattern = `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`

var _ = regexp.MustCompile(datePattern) // a wrong pattern stops the program at once
