package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
)

// ErrorAnswer is the one shape of all errors.
type ErrorAnswer struct {
	Fault Fault `json:"error"`

	status int
	retry  time.Duration
}

// Fault says what went wrong.
type Fault struct {
	Kind      string `json:"kind" enum:"internal,invalid,not_found,conflict,denied,limited,unavailable"`
	Message   string `json:"message"`
	Field     string `json:"field,omitempty" doc:"The field at fault, if one is"`
	RequestID string `json:"request_id" doc:"Names the request in the server's log"`
	// Changed and Entries say what others have changed meanwhile, where that is the fault.
	Changed *ChangedEntry  `json:"changed,omitempty" doc:"Of a conflict over one entry: who was faster, and when"`
	Entries []ChangedEntry `json:"entries,omitempty" doc:"Of a conflict over several; at most a hundred"`
}

// ChangedEntry is an entry that somebody has changed meanwhile.
type ChangedEntry struct {
	ID       string `json:"id"`
	Question string `json:"question"`
	By       string `json:"by" doc:"kind:id"`
	Name     string `json:"name,omitempty"`
	At       int64  `json:"at"`
	Version  int64  `json:"version"`
}

func (e *ErrorAnswer) Error() string { return e.Fault.Message }

// GetStatus is how huma learns the status.
func (e *ErrorAnswer) GetStatus() int { return e.status }

// GetHeaders is how huma learns Retry-After.
func (e *ErrorAnswer) GetHeaders() http.Header {
	h := http.Header{}
	if e.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retry.Seconds()))))
	}
	return h
}

// statuses is the one table from kinds to statuses.
var statuses = map[frontdesk.Kind]int{
	frontdesk.Internal: 500, frontdesk.Invalid: 422, frontdesk.NotFound: 404, frontdesk.Conflict: 409,
	frontdesk.Denied: 403, frontdesk.Limited: 429, frontdesk.Unavailable: 503,
}

// defaults are the texts of errors that bring none to show.
var defaults = map[frontdesk.Kind]string{
	frontdesk.Internal:    "Something went wrong here. The request id finds it in the log.",
	frontdesk.Invalid:     "The request is not valid.",
	frontdesk.NotFound:    "There is no such thing.",
	frontdesk.Conflict:    "It was changed meanwhile, or exists already.",
	frontdesk.Denied:      "You may not do that.",
	frontdesk.Limited:     "Too much at the moment; try again later.",
	frontdesk.Unavailable: "A needed part is not available at the moment; try again later.",
}

// answer turns any error into what the caller may see. An Internal one is logged here and shows nothing.
func (s *server) answer(ctx context.Context, err error) *ErrorAnswer {
	if a, ok := errors.AsType[*ErrorAnswer](err); ok {
		return a
	}
	e, ok := errors.AsType[*frontdesk.Error](err)
	fe, isField := errors.AsType[*knowledge.FieldError](err)
	switch {
	case ok:
	case isField:
		e = frontdesk.InvalidField(fe.Field, "%s", fe.Reason)
	case sqldb.IsFull(err):
		e = &frontdesk.Error{Kind: frontdesk.Unavailable, Public: "The disk is full; nothing can be changed until there is room.", RetryAfter: 30 * time.Second}
	case sqldb.IsDown(err):
		e = &frontdesk.Error{Kind: frontdesk.Unavailable, Err: err}
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		e = &frontdesk.Error{Kind: frontdesk.Unavailable}
	default:
		e = &frontdesk.Error{Kind: frontdesk.Internal}
	}
	a := &ErrorAnswer{status: statuses[e.Kind], retry: e.RetryAfter, Fault: Fault{Kind: e.Kind.String(), Message: e.Public, Field: e.Field, RequestID: requestID(ctx)}}
	if changed, ok := errors.AsType[*knowledge.ChangedError](err); ok {
		a.Fault.Entries = s.changedEntries(ctx, changed)
		if len(a.Fault.Entries) == 1 {
			a.Fault.Changed = &a.Fault.Entries[0]
		}
	}
	if e.Kind == frontdesk.Internal {
		a.Fault.Message, a.Fault.Field = "", ""
		s.Log.ErrorContext(ctx, "request failed", "request_id", requestID(ctx), "error", err)
	}
	if e.Kind == frontdesk.Unavailable && e.Err != nil {
		s.Log.ErrorContext(ctx, "request could not be served", "request_id", requestID(ctx), "error", err)
	}
	if e.Kind == frontdesk.Unavailable && a.retry == 0 {
		a.retry = 2 * time.Second
	}
	if a.Fault.Message == "" {
		a.Fault.Message = defaults[e.Kind]
	}
	return a
}

func (s *server) changedEntries(ctx context.Context, err *knowledge.ChangedError) []ChangedEntry {
	out := make([]ChangedEntry, len(err.Entries))
	names := map[string]string{}
	for i, c := range err.Entries {
		name, ok := names[c.By]
		if !ok {
			name = s.nameOf(ctx, c.By)
			names[c.By] = name
		}
		out[i] = ChangedEntry{c.ID, c.Question, c.By, name, c.At, c.Version}
	}
	return out
}

// fail answers with an error outside of huma.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.write(w, s.answer(r.Context(), err), r)
}

func (s *server) write(w http.ResponseWriter, a *ErrorAnswer, r *http.Request) {
	a.Fault.RequestID = requestID(r.Context())
	for k, v := range a.GetHeaders() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Type", "application/json")
	b, err := json.Marshal(a)
	if err != nil {
		panic(err) // a struct of strings
	}
	w.WriteHeader(a.status)
	w.Write(append(b, '\n'))
}

// Texts that are ours and so may be shown when huma reports a body that cannot be read.
var (
	errNotUTF8 = errors.New("The body is not UTF-8.")
	errZero    = errors.New("The body contains a zero character.")
)

// init gives huma's own errors our shape. Its values never go out: they repeat what was sent, passwords included.
func init() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return humaError(context.Background(), status, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return humaError(ctx.Context(), status, errs)
	}
}

func humaError(ctx context.Context, status int, errs []error) *ErrorAnswer {
	kind, message, field := frontdesk.Invalid, "", ""
	switch status {
	case http.StatusBadRequest:
		message = "The body is missing or cannot be read."
	case http.StatusRequestEntityTooLarge:
		message = "The body is too large."
	case http.StatusUnsupportedMediaType:
		message = "The body is sent as application/json."
	case http.StatusUnprocessableEntity:
		message = "The request does not fit what this address takes."
	default:
		kind, status = frontdesk.Internal, http.StatusInternalServerError
	}
	if d, ok := firstDetail(errs); ok && kind == frontdesk.Invalid {
		field = d.Location
		switch {
		case d.Message == errNotUTF8.Error() || d.Message == errZero.Error():
			message, field = d.Message, "body"
		case status == http.StatusUnprocessableEntity && d.Location != "":
			message = strings.ToUpper(d.Message[:min(1, len(d.Message))]) + d.Message[min(1, len(d.Message)):] + "."
		}
	}
	field = strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(field, "body."), "query."), "path."), "header.")
	if message == "" {
		message = defaults[kind]
	}
	return &ErrorAnswer{status: status, Fault: Fault{Kind: kind.String(), Message: message, Field: field, RequestID: requestID(ctx)}}
}

// firstDetail is the first error that names a place; messages of errors that do not are Go's own and are dropped.
func firstDetail(errs []error) (*huma.ErrorDetail, bool) {
	for _, err := range errs {
		d, ok := errors.AsType[*huma.ErrorDetail](err)
		if !ok || d == nil {
			continue
		}
		// Go's own decoding errors stand at "body" and speak of Go types.
		if strings.Contains(d.Message, "json:") || strings.Contains(d.Message, "Go ") {
			return &huma.ErrorDetail{Location: d.Location, Message: "this does not fit what is taken here"}, true
		}
		return d, true
	}
	return nil, false
}

// unmarshal is json.Unmarshal for text that every database takes.
func unmarshal(data []byte, v any) error {
	if !utf8.Valid(data) {
		return errNotUTF8
	}
	if hasZero(data) {
		return errZero
	}
	return json.Unmarshal(data, v)
}

// hasZero finds an escaped zero character: PostgreSQL's text cannot hold one.
func hasZero(data []byte) bool {
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte(`\u0000`))
		if i < 0 {
			return false
		}
		i += at
		slashes := 0
		for i-slashes > 0 && data[i-slashes-1] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return true
		}
		at = i + 1
	}
}
