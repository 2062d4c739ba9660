package gateway

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
)

// session opens a conversation, or goes on with the one of a token or of a person the host site vouches for.
func (g *Gateway) session(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Site     string `json:"site"`
		Token    string `json:"token"`
		Identity string `json:"identity"`
		Language string `json:"language"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	site, err := g.Sites.ByKey(r.Context(), in.Site)
	if err != nil {
		if frontdesk.KindOf(err) == frontdesk.NotFound {
			return &frontdesk.Error{Kind: frontdesk.NotFound, Field: "site", Public: "There is no such site."}
		}
		return err
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if err := cors(w, r, site, origin); err != nil {
			return err
		}
	}
	language := site.Language(in.Language)
	v, err := g.resume(r.Context(), in.Token, site.Tenant, site.ID)
	if kind := frontdesk.KindOf(err); err != nil && in.Identity == "" && kind != frontdesk.Denied && kind != frontdesk.NotFound {
		return err // the conversation may well be there: a new one would hide it
	}
	if err != nil || in.Identity != "" {
		var who auth.Identity
		if in.Identity != "" {
			if who, err = g.Visitors.Identity(in.Identity, site.Secrets.List()...); err != nil {
				return err
			}
		}
		v = auth.Visitor{Tenant: site.Tenant, Site: site.ID}
		v.Visitor, v.Contact, v.Conversation, err = g.Conversations.Open(r.Context(), site.Tenant, site.ID, who.Subject, who.Name, language)
		if err != nil {
			return err
		}
	}
	token, expires := g.Visitors.Issue(v)
	now := time.Now()
	var opensAt int64 // when people are next at work, while they are not
	if at, ok := site.Hours.NextOpen(now, site.Location()); ok && at.After(now) {
		opensAt = at.UnixMicro()
	}
	reply(w, http.StatusOK, map[string]any{
		"token": token, "conversation": v.Conversation, "visitor": v.Visitor, "expires_at": expires.UnixMicro(), "now": now.UnixMicro(),
		"site": map[string]any{
			"name": site.Name.In(language, site.Languages...), "names": site.Name, "languages": site.Languages, "language": language,
			"colour": site.Settings.Colour, "logo": site.Settings.Logo, "texts": site.Settings.Texts,
			"open": site.Open(now), "opens_at": opensAt, "online": g.Conversations.StaffOnline(site.Tenant), "max_chars": g.Config.Limits.MessageChars,
		},
	})
	return nil
}

// resume accepts a token of the same site whose conversation is still there, and whose person was not erased.
func (g *Gateway) resume(ctx context.Context, token, tenant, site string) (auth.Visitor, error) {
	v, err := g.Visitors.Verify(token)
	if err != nil {
		return v, err
	}
	if v.Tenant != tenant || v.Site != site {
		return v, frontdesk.Errorf(frontdesk.Denied, "This token is of another site.")
	}
	c, err := g.Conversations.Get(ctx, v.Tenant, v.Conversation)
	if err == nil {
		_, err = g.Conversations.Contact(ctx, v.Tenant, c.Contact)
	}
	return v, err
}

func (g *Gateway) send(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	if err := g.allowMessage(v); err != nil {
		return err
	}
	var in incoming
	if err := decode(r, &in); err != nil {
		return err
	}
	seq, err := g.accept(r.Context(), v, in)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, map[string]int64{"seq": seq})
	return nil
}

const waitMax = 60 * time.Second

// poll returns what came after a number, waiting for it up to the time asked for.
func (g *Gateway) poll(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	after, err := number(r, "after")
	if err != nil {
		return err
	}
	wait, err := number(r, "wait")
	if err != nil {
		return err
	}
	key := conversation.Key{Tenant: v.Tenant, ID: v.Conversation}
	p, err := g.Hub.Changes(r.Context(), key, after, conversation.ForCustomer)
	if err != nil {
		return err
	}
	if len(p.Messages) == 0 && len(p.Changed) == 0 && wait > 0 {
		patience := min(time.Duration(wait)*time.Second, waitMax, time.Until(time.Unix(v.Expires, 0))) // no longer than the token is good
		if p, err = g.Hub.Await(r.Context(), key, conversation.ForCustomer, min(after, p.Seq), patience); err != nil {
			return err
		}
	}
	place := -1
	if p.Owner == conversation.OwnerQueue {
		if place, err = g.Conversations.QueuePlace(r.Context(), v.Tenant, v.Conversation); err != nil {
			return err
		}
	}
	out := map[string]any{"messages": p.Messages, "seq": p.Seq, "owner": p.Owner}
	if len(p.Changed) > 0 {
		out["changed"] = p.Changed
	}
	if place >= 0 {
		out["queue"] = g.place(r.Context(), v.Tenant, v.Site, place+1)
	}
	reply(w, http.StatusOK, out)
	return nil
}

func number(r *http.Request, name string) (int64, error) {
	s := r.URL.Query().Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, frontdesk.InvalidField(name, "This must be a whole number, 0 or more.")
	}
	return n, nil
}

func (g *Gateway) ticket(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, map[string]string{"ticket": g.Visitors.Ticket(v)})
	return nil
}

// human asks for a person, as the permanent button does: a message like any other, so that it is in the record.
func (g *Gateway) human(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	var in struct {
		ClientID string `json:"client_id"`
		Language string `json:"language"`
	}
	if r.ContentLength != 0 {
		if err := decode(r, &in); err != nil {
			return err
		}
	}
	if in.ClientID == "" {
		in.ClientID = frontdesk.NewID()
	}
	if err := g.allowMessage(v); err != nil {
		return err
	}
	if in.Language == "" {
		if c, err := g.Conversations.Get(r.Context(), v.Tenant, v.Conversation); err == nil {
			in.Language = c.Language
		}
	}
	seq, err := g.accept(r.Context(), v, incoming{ClientID: in.ClientID, Text: dialogue.Text("person", in.Language)})
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, map[string]int64{"seq": seq})
	return nil
}

type rating struct {
	Seq    int64  `json:"seq"`
	Solved bool   `json:"solved"`
	Reason string `json:"reason"`
}

func (g *Gateway) rate(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	var in rating
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := g.rateAnswer(r.Context(), v, in); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

const reasonMax = 500

func (g *Gateway) rateAnswer(ctx context.Context, v auth.Visitor, in rating) error {
	if err := g.allowMessage(v); err != nil {
		return err
	}
	if in.Reason != "" {
		reason, err := g.limits.Clean(in.Reason)
		if err != nil {
			return err
		}
		if len([]rune(reason)) > reasonMax {
			return frontdesk.InvalidField("reason", "A reason has at most %d characters.", reasonMax)
		}
		in.Reason = reason
	}
	return g.Conversations.Rate(ctx, v.Tenant, v.Conversation, in.Seq, in.Solved, in.Reason)
}

// attach stores a picture; a message then names it.
func (g *Gateway) attach(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	if err := g.allowMessage(v); err != nil {
		return err
	}
	body := http.MaxBytesReader(w, r.Body, int64(g.Config.Limits.UploadBytes))
	a, err := g.Blobs.Put(r.Context(), v.Tenant, v.Conversation, r.URL.Query().Get("name"), r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, a)
	return nil
}

func (g *Gateway) attachment(w http.ResponseWriter, r *http.Request) error {
	v, err := g.visitor(w, r)
	if err != nil {
		return err
	}
	_, owner, err := g.Blobs.Find(r.Context(), v.Tenant, r.PathValue("id"))
	if err != nil {
		return err
	}
	if owner != v.Conversation {
		return frontdesk.Errorf(frontdesk.NotFound, "There is no such attachment.")
	}
	return g.ServeBlob(w, r, v.Tenant, r.PathValue("id"))
}
