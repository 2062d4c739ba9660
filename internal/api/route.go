package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"frontdesk/internal/auth"
)

// Route is one row of the API's table: an address and what it takes to use it.
type Route struct {
	Method string
	Path   string
	Name   string          // operation id, unique
	Need   auth.Permission // what the actor must hold; Public routes need nothing
	Public bool
	Group  string // for the documentation page
	Doc    string // one line in English
	DocZH  string // and in Chinese
	Status int    // of success; 0 is 200
	Limit  int64  // bytes of body; 0 is 1 MiB
	Raw    []string
	Once   bool // an Idempotency-Key is honoured: all POSTs but those whose answer cannot be kept
}

const defaultLimit = 1 << 20

// handle registers a route. Its handler's errors become the one error shape.
func handle[I, O any](s *server, r Route, fn func(ctx context.Context, in *I) (*O, error)) {
	if r.Limit == 0 {
		r.Limit = defaultLimit
	}
	pattern := r.Method + " " + r.Path
	s.routes[pattern] = &r
	op := huma.Operation{
		Method: r.Method, Path: r.Path, OperationID: r.Name, Summary: r.Doc, Tags: []string{r.Group}, DefaultStatus: r.Status,
		MaxBodyBytes: r.Limit + 1,
		Errors:       []int{400, 401, 403, 404, 409, 413, 415, 422, 429, 503},
		Extensions:   map[string]any{"x-summary-zh": r.DocZH, "x-permission": string(r.Need)},
		Security:     []map[string][]string{{"session": {}}, {"key": {}}},
	}
	if r.Public {
		op.Security = []map[string][]string{}
	}
	if r.Need == auth.Self {
		op.Security = op.Security[:1]
	}
	if r.Once {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Idempotency-Key", In: "header", Description: "The same key with the same request gives the first answer again, for 24 hours.",
			Schema: &huma.Schema{Type: "string", MinLength: new(1), MaxLength: new(maxIdempotencyKey), Pattern: "^[\\x21-\\x7e]+$"}})
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, s.answer(ctx, err)
		}
		return out, nil
	})
}

// Routes lists what the API has, sorted by path and method.
func (s *server) Routes() []Route {
	out := make([]Route, 0, len(s.routes))
	for _, r := range s.routes {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Route) int {
		if a.Path != b.Path {
			if a.Path < b.Path {
				return -1
			}
			return 1
		}
		if a.Method < b.Method {
			return -1
		}
		return 1
	})
	return out
}

// guarded is the mux as huma sees it: every handler is wrapped by its route's guard.
type guarded struct{ s *server }

func (g guarded) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	route := g.s.routes[pattern]
	if route == nil {
		panic("api: " + pattern + " is registered without a route") // a route without a permission must not exist
	}
	g.s.mux.HandleFunc(pattern, g.s.guard(route, h))
}

func (g guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.s.mux.ServeHTTP(w, r) }

// Paging is how lists are asked for.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"500" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// Page is how lists are answered.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Cursor of the next page; absent on the last"`
}

// body is an answer with a JSON body.
type body[T any] struct{ Body T }

func page[T any](items []T, next string) *body[Page[T]] {
	if items == nil {
		items = []T{}
	}
	return &body[Page[T]]{Page[T]{Items: items, Next: next}}
}

// pageByID makes the page of a list that was read with one row more than the page holds, ordered by id, which is the cursor.
func pageByID[S, T any](rows []S, limit int, id func(S) string, show func(S) T) *body[Page[T]] {
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = id(rows[limit-1])
	}
	items := make([]T, 0, len(rows))
	for _, r := range rows {
		items = append(items, show(r))
	}
	return page(items, next)
}

// none is an answer without a body.
type none struct{}

// ByID is the input of a route about one thing.
type ByID struct {
	ID string `path:"id" maxLength:"100"`
}
