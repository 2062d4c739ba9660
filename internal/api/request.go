package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Request is embedded in the input of the few routes that need the HTTP request itself: its address, its cookie.
type Request struct {
	http  *http.Request
	token string // the session's
}

// RequestOnly is an input of nothing else.
type RequestOnly struct{ Request }

// Resolve is called by huma before the handler.
func (q *Request) Resolve(ctx huma.Context) []error {
	q.http, _ = humago.Unwrap(ctx)
	if c, err := q.http.Cookie(sessionCookie); err == nil {
		q.token = c.Value
	}
	return nil
}
