// Package gateway is the visitors' door: HTTP and WebSocket under /v1/visitor. It finds out who it is, limits how much,
// cleans what came and hands it to the conversation; it acknowledges only what is stored. Answers and changes come back
// through delivery. The sockets of staff, which only tell and take next to nothing, are kept here too.
// docs/protocol.md describes what is spoken here.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/config"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"
	"frontdesk/internal/sqldb"
)

// Blobs keeps attachments.
type Blobs interface {
	Put(ctx context.Context, tenant, conversation, name, declaredType string, r io.Reader) (frontdesk.Attachment, error)
	Find(ctx context.Context, tenant, id string) (a frontdesk.Attachment, conversation string, err error)
}

// Deps is what a Gateway works with. All are required but Desk: without it there are no sockets for staff.
type Deps struct {
	Conversations *conversation.Service
	Hub           *delivery.Hub
	Sites         *channel.Sites
	Visitors      *auth.Visitors
	Blobs         Blobs
	Desk          *Desk
	// Names is what customers may call a member of staff, by language; empty where that is not known.
	Names     func(ctx context.Context, tenant, staff string) map[string]string
	ServeBlob func(w http.ResponseWriter, r *http.Request, tenant, id string) error
	Config    config.Config
	Log       *slog.Logger
}

// Gateway serves visitors. Run must be running for its sockets to be kept alive.
type Gateway struct {
	Deps
	limits     compliance.Limits
	proxies    []netip.Prefix
	perIP      *limiter
	perPerson  *limiter
	perTenant  *limiter
	perTracked *limiter
	draining   atomic.Bool

	mu      sync.Mutex
	sockets map[*line]struct{}
	staff   map[*staffSocket]struct{}
	perAddr map[string]int
	opened  uint64
	queue   queue
	running sync.WaitGroup // sockets and what they do in the background

	Refused atomic.Int64 // messages refused by a limit
}

// New makes a gateway.
func New(d Deps) (*Gateway, error) {
	l := d.Config.Limits
	g := &Gateway{Deps: d, limits: compliance.Limits{Chars: l.MessageChars}, sockets: map[*line]struct{}{}, staff: map[*staffSocket]struct{}{},
		queue: queue{here: map[string]map[*socket]*waiting{}, paces: map[string][]pace{}}, perAddr: map[string]int{},
		perIP: newLimiter(l.IPRate, l.IPBurst), perPerson: newLimiter(l.VisitorRate, l.VisitorBurst), perTenant: newLimiter(l.TenantRate, l.TenantBurst),
		perTracked: newLimiter(trackRate, trackBurst)}
	for _, p := range d.Config.HTTP.TrustedProxies {
		prefix, err := netip.ParsePrefix(p)
		if err != nil {
			return nil, frontdesk.InvalidField("http.trusted_proxies", "%q is not a network such as 10.0.0.0/8", p)
		}
		g.proxies = append(g.proxies, prefix)
	}
	return g, nil
}

// Register adds the gateway's routes.
func (g *Gateway) Register(mux *http.ServeMux) {
	handle := func(pattern string, f func(w http.ResponseWriter, r *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := g.admit(w, r); err != nil {
				g.fail(w, r, err)
				return
			}
			if err := f(w, r); err != nil {
				g.fail(w, r, err)
			}
		})
	}
	if g.Desk != nil {
		mux.HandleFunc("GET /v1/staff/socket", func(w http.ResponseWriter, r *http.Request) {
			if err := g.staffSocket(w, r); err != nil {
				g.fail(w, r, err)
			}
		})
	}
	handle("POST /v1/visitor/session", g.session)
	handle("POST /v1/visitor/messages", g.send)
	handle("GET /v1/visitor/messages", g.poll)
	handle("GET /v1/visitor/history", g.history)
	handle("POST /v1/visitor/forms", g.submit)
	handle("POST /v1/visitor/satisfaction", g.satisfied)
	handle("POST /v1/visitor/events", g.track)
	handle("POST /v1/visitor/ticket", g.ticket)
	handle("GET /v1/visitor/socket", g.socket)
	handle("POST /v1/visitor/human", g.human)
	handle("POST /v1/visitor/ratings", g.rate)
	handle("POST /v1/visitor/attachments", g.attach)
	handle("GET /v1/visitor/attachments/{id}", g.attachment)
	mux.HandleFunc("OPTIONS /v1/visitor/", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "7200")
		h.Set("Vary", "Origin")
		w.WriteHeader(http.StatusNoContent)
	})
}

// admit bounds what one address may ask for, before anything is read.
func (g *Gateway) admit(w http.ResponseWriter, r *http.Request) error {
	if wait, ok := g.perIP.take(g.ClientIP(r)); !ok {
		return &frontdesk.Error{Kind: frontdesk.Limited, Public: "Too many requests from your network. Please wait a moment.", RetryAfter: wait}
	}
	if g.draining.Load() {
		return &frontdesk.Error{Kind: frontdesk.Unavailable, Public: "The server is restarting.", RetryAfter: time.Second}
	}
	if r.URL.Path != "/v1/visitor/attachments" { // files have a bound of their own
		r.Body = http.MaxBytesReader(w, r.Body, int64(g.Config.Limits.FrameBytes))
	}
	return nil
}

// ClientIP is the address a request came from; only a trusted proxy's word counts.
func (g *Gateway) ClientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if len(g.proxies) == 0 {
		return host
	}
	// From the right: each address that is a trusted proxy vouches for the one before it.
	hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		addr, err := netip.ParseAddr(host)
		if err != nil || !g.trusted(addr) {
			break
		}
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		host = hop.Unmap().String()
	}
	return host
}

func (g *Gateway) trusted(a netip.Addr) bool {
	for _, p := range g.proxies {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// visitor is who a request speaks for: a bearer token of ours, on a page that the site allows.
func (g *Gateway) visitor(w http.ResponseWriter, r *http.Request) (auth.Visitor, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return auth.Visitor{}, &frontdesk.Error{Kind: frontdesk.Denied, Field: "Authorization", Public: "A visitor's token is needed."}
	}
	v, err := g.Visitors.Verify(token)
	if frontdesk.KindOf(err) == frontdesk.Denied {
		return v, &frontdesk.Error{Kind: frontdesk.Denied, Field: "Authorization", Public: "This token is not valid, or not any more.", Err: err}
	} else if err != nil {
		return v, err
	}
	return v, g.allowOrigin(w, r, v.Tenant, v.Site)
}

// allowOrigin refuses pages that may not embed the site, and lets browsers on allowed ones read the answer.
func (g *Gateway) allowOrigin(w http.ResponseWriter, r *http.Request, tenant, site string) error {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil // not a browser, or the same origin
	}
	s, err := g.Sites.Get(r.Context(), tenant, site)
	if err != nil {
		return err
	}
	return cors(w, r, s, origin)
}

func cors(w http.ResponseWriter, r *http.Request, s channel.Site, origin string) error {
	if !s.AllowsRequest(r) {
		return &frontdesk.Error{Kind: frontdesk.Denied, Field: "Origin", Public: "This page may not use the chat."}
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "Retry-After")
	w.Header().Set("Vary", "Origin")
	return nil
}

// allowMessage bounds what one visitor and one tenant may send.
func (g *Gateway) allowMessage(v auth.Visitor) error {
	wait, ok := g.perPerson.take(v.Visitor)
	text := "You are sending messages too fast. Please wait a moment."
	if ok {
		wait, ok = g.perTenant.take(v.Tenant)
		text = "We are very busy at the moment. Please try again shortly."
	}
	if ok {
		return nil
	}
	g.Refused.Add(1)
	return &frontdesk.Error{Kind: frontdesk.Limited, Public: text, RetryAfter: wait}
}

// incoming is a message as clients send it.
type incoming struct {
	ClientID string           `json:"client_id"`
	Text     string           `json:"text"`
	Parts    []frontdesk.Part `json:"parts"`
}

const clientIDMax = 64

// accept cleans a message and stores it.
func (g *Gateway) accept(ctx context.Context, v auth.Visitor, in incoming) (int64, error) {
	c := frontdesk.Content{Parts: in.Parts}
	if len(in.Parts) == 0 {
		text, err := g.limits.Clean(in.Text)
		if err != nil {
			return 0, err
		}
		c = frontdesk.TextContent(text)
	} else {
		var err error
		if c, err = g.limits.Content(c); err != nil {
			return 0, err
		}
		if err := g.ownAttachments(ctx, v, c); err != nil {
			return 0, err
		}
	}
	return g.store(ctx, v, in.ClientID, c)
}

// store hands a clean message to the conversation.
func (g *Gateway) store(ctx context.Context, v auth.Visitor, clientID string, c frontdesk.Content) (int64, error) {
	if clientID == "" || len(clientID) > clientIDMax || strings.ContainsFunc(clientID, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return 0, frontdesk.InvalidField("client_id", "A client id has 1 to %d printable ASCII characters.", clientIDMax)
	}
	seq, err := g.Conversations.Accept(ctx, conversation.Inbound{Tenant: v.Tenant, Site: v.Site, Conversation: v.Conversation,
		Visitor: v.Visitor, ClientID: clientID, Content: c})
	if sqldb.IsFull(err) {
		return 0, &frontdesk.Error{Kind: frontdesk.Unavailable, Public: "We cannot take messages at the moment. Please try again later.", RetryAfter: 30 * time.Second, Err: err}
	}
	return seq, err
}

// ownAttachments keeps what customers may send, replaces what the client says of its attachments by what the store knows,
// and refuses others'.
func (g *Gateway) ownAttachments(ctx context.Context, v auth.Visitor, c frontdesk.Content) error {
	for i := range c.Parts {
		p := &c.Parts[i]
		switch p.Kind {
		case frontdesk.PartText: // cards, buttons and sources are the bot's to show
			*p = frontdesk.Part{Kind: p.Kind, Text: p.Text}
		case frontdesk.PartImage, frontdesk.PartFile:
			if p.Attachment == nil {
				return frontdesk.InvalidField("parts", "A picture part needs its attachment.")
			}
			a, conversation, err := g.Blobs.Find(ctx, v.Tenant, p.Attachment.ID)
			if err != nil && frontdesk.KindOf(err) != frontdesk.NotFound {
				return err
			}
			if err != nil || conversation != v.Conversation {
				return frontdesk.InvalidField("parts", "There is no such attachment.")
			}
			*p = frontdesk.Part{Kind: p.Kind, Text: p.Text, Attachment: &a}
		default:
			return frontdesk.InvalidField("parts", "Customers send text and pictures.")
		}
	}
	return nil
}

// statusOf is the one table of kinds and statuses.
func statusOf(k frontdesk.Kind) int {
	switch k {
	case frontdesk.Invalid:
		return http.StatusBadRequest
	case frontdesk.NotFound:
		return http.StatusNotFound
	case frontdesk.Conflict:
		return http.StatusConflict
	case frontdesk.Denied:
		return http.StatusForbidden
	case frontdesk.Limited:
		return http.StatusTooManyRequests
	case frontdesk.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// problem is what a client is told of a failure.
type problem struct {
	Kind      string `json:"kind"`
	Message   string `json:"message"`
	Field     string `json:"field,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// explain turns an error into what may be shown, and logs what may not.
func (g *Gateway) explain(err error, op string) (problem, frontdesk.Kind, time.Duration) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		err = frontdesk.InvalidField("body", "The request is larger than %d bytes.", tooLarge.Limit)
	}
	e, ok := errors.AsType[*frontdesk.Error](err)
	if !ok {
		e = &frontdesk.Error{Kind: frontdesk.Internal, Err: err}
		if sqldb.IsDown(err) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			e.Kind, e.RetryAfter = frontdesk.Unavailable, time.Second
		}
	}
	p := problem{Kind: e.Kind.String(), Message: e.Public, Field: e.Field}
	if p.Message == "" {
		p.Message = "Something went wrong on our side."
	}
	if e.Kind == frontdesk.Internal || e.Kind == frontdesk.Unavailable && e.Err != nil {
		p.RequestID = frontdesk.NewID()
		g.Log.Error("request failed", "op", op, "request_id", p.RequestID, "error", err)
	}
	wait := e.RetryAfter
	if e.Kind == frontdesk.Limited || e.Kind == frontdesk.Unavailable {
		wait = max(wait, time.Second)
		wait += time.Duration(rand.Int64N(int64(wait)/2 + 1)) // spread those who come back
	}
	return p, e.Kind, wait
}

func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, err error) {
	p, kind, wait := g.explain(err, r.Pattern)
	status := statusOf(kind)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	if kind == frontdesk.Denied && strings.EqualFold(p.Field, "Authorization") || kind == frontdesk.Denied && r.Header.Get("Authorization") != "" && p.Field == "token" {
		status = http.StatusUnauthorized
	}
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	reply(w, status, map[string]problem{"error": p})
}

func reply(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":{"kind":"internal","message":"Something went wrong on our side."}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body) // a client that went away is no failure of ours
}

// decode reads a JSON body. Broken UTF-8 is refused here: the decoder would silently replace it.
func decode(r *http.Request, v any) error {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return frontdesk.InvalidField("body", "The body could not be read.")
	}
	if !utf8.Valid(data) {
		return frontdesk.InvalidField("body", "The body is not valid UTF-8.")
	}
	if err := json.Unmarshal(data, v); err != nil {
		var field *json.UnmarshalTypeError
		if errors.As(err, &field) {
			return frontdesk.InvalidField(field.Field, "This must be a %s.", field.Type)
		}
		return frontdesk.InvalidField("body", "The body is not one valid JSON value.")
	}
	return nil
}
