// Package api is the product's HTTP API for staff and programs: everything under /v1 but the visitor's protocol, its
// description in OpenAPI 3.1 at /openapi.json and the page that shows it at /docs.
//
// Each route is declared once, with the permission it needs (route.go). What every request passes stands in guard.go: who
// it is from, whether they may, cross-site protection, limits, and POSTs done once by Idempotency-Key. A tenant is never
// read from a request; it is the actor's. Errors have one shape, and an Internal one shows its request id only.
package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/sqldb"
)

// Deps is what the API stands on. DB, Auth, Sites and Master are needed; the routes of another part that is nil answer
// that it is not available.
type Deps struct {
	DB     *sqldb.DB
	Auth   *auth.Service
	Sites  *channel.Sites
	Master []byte // the master key: answers kept for a repeated POST are sealed under it
	Log    *slog.Logger

	Conversations Conversations
	Knowledge     *knowledge.Store
	Answers       Answers
	Insight       Insight
	Webhooks      Webhooks
	Blobs         Blobs
	Vault         Vault
	Search        Searcher
	Contacts      Contacts
	Orders        Orders // may stay nil: no shop is connected
	Figures       Figures
	Rehearsals    Rehearsals
	States        States
	// Erase forgets a customer for good. The actor is in ctx; who is not of the tenant is NotFound.
	Erase func(ctx context.Context, tenant, contact string) error
	// Check says what the rules would do with a reply in a conversation. It sends nothing.
	Check func(ctx context.Context, of Conversation, text string) (CheckedReply, error)

	SignIns SignIns

	// ClientIP tells where a request is from; nil takes the connection's address. Behind a proxy it must trust only that
	// proxy's header, since sign-ins are throttled by it.
	ClientIP func(*http.Request) string
	// Secure marks the session cookie for https only, even where this server itself is spoken to in plain http.
	Secure bool
	// Version is the program's, shown in the description.
	Version string
}

// Conversations is what staff do with conversations. The actor is in ctx; what is not of the actor's tenant is NotFound.
type Conversations interface {
	List(ctx context.Context, f ConversationFilter) (items []Conversation, next string, err error)
	Get(ctx context.Context, id string) (Conversation, error)
	// Messages returns the messages changed after a number of the change sequence, waiting up to wait for one, and the
	// number to go on from.
	Messages(ctx context.Context, id string, after int64, wait time.Duration) (messages []Message, seq int64, err error)
	// Take gives it to the actor; from a colleague only if seize is set and the actor may.
	Take(ctx context.Context, id string, seize bool) (Conversation, error)
	Reply(ctx context.Context, id string, r Reply) (seq int64, err error)
	HandBack(ctx context.Context, id string) error
	Close(ctx context.Context, id string) error
	Revise(ctx context.Context, id string, seq int64, text string) error
	Recall(ctx context.Context, id string, seq int64) error
	Traces(ctx context.Context, id string, after int64, limit int) ([]Trace, error)
}

// Answers runs the bot's turn on a text that belongs to no conversation, and stores nothing.
type Answers interface {
	Ask(ctx context.Context, tenant, bot, text, language string) (Answer, error)
}

// Insight reads what the side streams have counted.
type Insight interface {
	Home(ctx context.Context, tenant string, zone *time.Location) (Home, error)
	Unanswered(ctx context.Context, tenant string, f QuestionFilter, cursor string, limit int) (items []Unanswered, next string, err error)
	Settle(ctx context.Context, tenant, id string, s Settlement) (Unanswered, error)
}

// Webhooks keeps where events are sent to. The actor is in ctx; what is not of the actor's tenant is NotFound.
type Webhooks interface {
	List(ctx context.Context, cursor string, limit int) (items []Webhook, next string, err error)
	Get(ctx context.Context, id string) (Webhook, error)
	Create(ctx context.Context, w Webhook) (made Webhook, secret string, err error)
	Update(ctx context.Context, w Webhook) (Webhook, error)
	Delete(ctx context.Context, id string) error
	Deliveries(ctx context.Context, id, cursor string, limit int) (items []Delivery, next string, err error)
	Replay(ctx context.Context, id, delivery string) error
	// Test sends an event that only says that it is one.
	Test(ctx context.Context, id string) error
	// Rotate gives a webhook a new signing secret; the former one signs as well until the time returned.
	Rotate(ctx context.Context, id string, keep time.Duration) (secret string, until int64, err error)
}

// Blobs holds attachments. What is not of the tenant is NotFound.
type Blobs interface {
	Put(ctx context.Context, tenant, name string, r io.Reader) (frontdesk.Attachment, error)
	Open(ctx context.Context, tenant, id string) (frontdesk.Attachment, io.ReadCloser, error)
}

// Vault opens sealed values.
type Vault interface {
	Reveal(ctx context.Context, tenant, conversation, token string) (string, error)
}

type server struct {
	Deps
	mux    *http.ServeMux
	api    huma.API
	routes map[string]*Route // by "METHOD /path"
	spec   []byte
	once   *idempotency
	rates  *rates
}

// New makes the handler of /v1 (without /v1/visitor), /openapi.json and /docs.
func New(d Deps) (http.Handler, error) {
	return newServer(d)
}

func newServer(d Deps) (*server, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.ClientIP == nil {
		d.ClientIP = connectionIP
	}
	if d.Version == "" {
		d.Version = "dev"
	}
	once, err := newIdempotency(d.DB, d.Master)
	if err != nil {
		return nil, err
	}
	s := &server{Deps: d, mux: http.NewServeMux(), routes: map[string]*Route{}, once: once, rates: newRates()}
	s.api = humago.New(guarded{s}, describe(d.Version))
	s.setupRoutes()
	s.sessionRoutes()
	s.profileRoutes()
	s.staffRoutes()
	s.roleRoutes()
	s.keyRoutes()
	s.siteRoutes()
	s.conversationRoutes()
	s.checkRoutes()
	s.liveRoutes()
	s.attachmentRoutes()
	s.contactRoutes()
	s.searchRoutes()
	s.knowledgeRoutes()
	s.bulkRoutes()
	s.undoRoutes()
	s.importRoutes()
	s.rehearseRoutes()
	s.stateRoutes()
	s.askRoutes()
	s.homeRoutes()
	s.webhookRoutes()
	s.eventRoutes()
	s.refine()
	if s.spec, err = json.Marshal(s.api.OpenAPI()); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	s.docsRoutes()
	return s, nil
}

// describe is the description's head. Nothing of huma's own pages is used: they fetch scripts from elsewhere.
func describe(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Frontdesk API", Version: version, Description: "Everything staff and programs can do. " +
				"Times are microseconds since 1970 in UTC. Lists come in pages: pass next as cursor. " +
				"A POST with an Idempotency-Key is done once however often it is sent."},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"session": {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "A member of staff's sign-in; requests that change something also send X-CSRF-Token."},
					"key":     {Type: "http", Scheme: "bearer", Description: "An API key: fdk_ and its secret."},
				},
			},
		},
		Formats:       map[string]huma.Format{"application/json": {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}, "json": {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}},
		DefaultFormat: "application/json",
	}
}

// ServeHTTP gives each request its id, its headers and a last line of defence.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()[:16]
	ctx := context.WithValue(r.Context(), requestIDKey{}, id)
	r = r.WithContext(ctx)
	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.fail(w, r, fmt.Errorf("panic: %v", p))
		}
	}()
	handler, pattern := s.mux.Handler(r)
	if pattern == "" {
		s.unknown(w, r, handler)
		return
	}
	s.mux.ServeHTTP(w, r)
}

type requestIDKey struct{}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// unknown answers for paths and methods that no route has, in the shape of all errors.
func (s *server) unknown(w http.ResponseWriter, r *http.Request, h http.Handler) {
	p := &probe{header: http.Header{}}
	h.ServeHTTP(p, r)
	if allow := p.header.Get("Allow"); p.status == http.StatusMethodNotAllowed {
		// ServeMux lists the methods of every pattern that fits; a path that is spelled out is not another's {id}.
		if exact := s.methods(r.URL.Path); exact != "" {
			allow = exact
		}
		w.Header().Set("Allow", allow)
		s.write(w, &ErrorAnswer{status: http.StatusMethodNotAllowed, Fault: Fault{Kind: "invalid", Message: "This address does not take " + cleanMethod(r.Method) + "."}}, r)
		return
	}
	s.fail(w, r, frontdesk.Errorf(frontdesk.NotFound, "There is nothing at this address."))
}

// methods lists what a path without parameters takes, empty if no route has it.
func (s *server) methods(path string) string {
	var out []string
	for _, m := range []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodPut} {
		if s.routes[m+" "+path] != nil {
			out = append(out, m)
			if m == http.MethodGet {
				out = append(out, http.MethodHead)
			}
		}
	}
	return strings.Join(out, ", ")
}

func cleanMethod(m string) string {
	for _, known := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if m == known {
			return m
		}
	}
	return "this method"
}

// probe learns what ServeMux would answer.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) WriteHeader(status int)      { p.status = status }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
