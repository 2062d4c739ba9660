package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/api"
	"frontdesk/internal/auth"
	"frontdesk/internal/blob"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/delivery"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/insight"
	"frontdesk/internal/webhook"
)

// What stands here turns one package's words into another's, so that neither has to import the other.

// releases gives the dialogue the newest release of a bot.
type releases struct{ store *knowledge.Store }

func (r releases) Latest(ctx context.Context, tenant, bot string) (dialogue.Release, int64, error) {
	release, err := r.store.Latest(ctx, tenant, bot)
	if err != nil {
		return nil, 0, err
	}
	return release.Index, release.Number, nil
}

// orderLookup is the demo company's one action.
type orderLookup struct{ shop func() *demo.Shop }

// Call looks an order up. It only reads, so a repeated key needs no care.
func (o *orderLookup) Call(ctx context.Context, _ string, who conversation.Asker, input map[string]string) (json.RawMessage, error) {
	answer, err := o.shop().LookupOrder(ctx, demo.Lookup{Number: input["number"], Proof: input["proof"],
		Asker: who.Contact, Customer: who.Verified[conversation.VerifiedExternal]})
	if err != nil {
		return nil, err
	}
	result := dialogue.OrderResult{Refused: refusals[answer.Refused]}
	if result.Refused == "" {
		result.Card = demo.Card(answer.Order, input["language"])
	}
	return json.Marshal(result)
}

var refusals = map[demo.Refusal]string{
	demo.Unproved: dialogue.RefusedProof, demo.Mismatched: dialogue.RefusedMismatch, demo.TooOften: dialogue.RefusedTries,
}

// desk is what staff do with conversations.
type desk struct {
	conv     *conversation.Service
	hub      *delivery.Hub
	names    *names
	blobs    *blob.Store
	presence *presence
}

// here notes that the actor is at work, if it is somebody whom a customer may wait for, and returns the actor.
func (d desk) here(ctx context.Context) frontdesk.Actor {
	actor := frontdesk.ActorFrom(ctx)
	if actor.Kind == frontdesk.ActorStaff && auth.Allow(actor, auth.ConversationHandle) == nil {
		d.presence.seen(actor.Tenant, actor.ID)
	}
	return actor
}

func (d desk) wire(ctx context.Context, c conversation.Summary) api.Conversation {
	return wireConversation(c, d.names.of(ctx, frontdesk.ActorFrom(ctx).Tenant, c.Agent).Name)
}

func (d desk) List(ctx context.Context, f api.ConversationFilter) ([]api.Conversation, string, error) {
	actor := d.here(ctx)
	filter := conversation.Filter{Owner: conversation.Owner(f.Owner), Agent: f.Agent, Site: f.Site, Language: f.Language, Cursor: f.Cursor, Limit: f.Limit}
	if f.Mine {
		filter.Agent = actor.ID
	}
	list, next, err := d.conv.List(ctx, actor.Tenant, filter)
	if err != nil {
		return nil, "", err
	}
	out := make([]api.Conversation, len(list))
	for i, c := range list {
		out[i] = d.wire(ctx, c)
	}
	return out, next, nil
}

func (d desk) Get(ctx context.Context, id string) (api.Conversation, error) {
	c, err := d.conv.Get(ctx, d.here(ctx).Tenant, id)
	if err != nil {
		return api.Conversation{}, err
	}
	return d.wire(ctx, c), nil
}

func (d desk) Messages(ctx context.Context, id string, after int64, wait time.Duration) ([]api.Message, int64, error) {
	tenant := d.here(ctx).Tenant
	key := conversation.Key{Tenant: tenant, ID: id}
	p, err := d.hub.Changes(ctx, key, after, conversation.ForStaff)
	if err != nil {
		return nil, 0, err
	}
	if len(p.Messages) == 0 && len(p.Changed) == 0 && wait > 0 {
		if p, err = d.hub.Await(ctx, key, conversation.ForStaff, min(after, p.Seq), wait); err != nil {
			return nil, 0, err
		}
	}
	out := make([]api.Message, 0, len(p.Changed)+len(p.Messages))
	for _, list := range [][]conversation.Message{p.Changed, p.Messages} {
		for i := range list {
			out = append(out, wireMessage(&list[i]))
		}
	}
	// Whoever could answer has now seen it; an auditor or a program has not.
	if auth.Allow(frontdesk.ActorFrom(ctx), auth.ConversationHandle) == nil && frontdesk.ActorFrom(ctx).Kind == frontdesk.ActorStaff {
		if err := d.conv.Read(ctx, tenant, id, p.Seq); err != nil {
			return nil, 0, err
		}
	}
	return out, p.Seq, nil
}

// seize reports whether the actor may take over what a colleague has.
func seize(ctx context.Context) bool {
	return auth.Allow(frontdesk.ActorFrom(ctx), auth.ConversationSeize) == nil
}

func (d desk) Take(ctx context.Context, id string, wanted bool) (api.Conversation, error) {
	c, err := d.conv.Take(ctx, d.here(ctx).Tenant, id, wanted && seize(ctx))
	if err != nil {
		return api.Conversation{}, err
	}
	return d.wire(ctx, c), nil
}

func (d desk) Reply(ctx context.Context, id string, r api.Reply) (int64, error) {
	tenant := d.here(ctx).Tenant
	send := d.conv.Reply
	if r.Note {
		send = d.conv.Note
	}
	if err := d.attach(ctx, tenant, id, r.Content); err != nil {
		return 0, err
	}
	m, err := send(ctx, tenant, id, r.ClientID, r.Content)
	return m.Seq, err
}

// attach makes what staff uploaded an attachment of the conversation, so that its customer may see it and it is forgotten
// with it. One of another conversation does not exist here.
func (d desk) attach(ctx context.Context, tenant, conversation string, c frontdesk.Content) error {
	for i := range c.Parts {
		if c.Parts[i].Attachment == nil {
			continue
		}
		a, owner, err := d.blobs.Find(ctx, tenant, c.Parts[i].Attachment.ID)
		if err == nil && owner == staffUploads {
			a, err = d.blobs.Share(ctx, tenant, a.ID, conversation)
		} else if err == nil && owner != conversation {
			err = frontdesk.Errorf(frontdesk.NotFound, "There is no such attachment.")
		}
		if err != nil {
			return err
		}
		c.Parts[i].Attachment = &a
	}
	return nil
}

func (d desk) HandBack(ctx context.Context, id string) error {
	_, err := d.conv.HandBack(ctx, d.here(ctx).Tenant, id, seize(ctx))
	return err
}

func (d desk) Close(ctx context.Context, id string) error {
	_, err := d.conv.Close(ctx, d.here(ctx).Tenant, id, seize(ctx))
	return err
}

func (d desk) Revise(ctx context.Context, id string, seq int64, text string) error {
	_, err := d.conv.Revise(ctx, d.here(ctx).Tenant, id, seq, frontdesk.TextContent(text))
	return err
}

func (d desk) Recall(ctx context.Context, id string, seq int64) error {
	_, err := d.conv.Recall(ctx, d.here(ctx).Tenant, id, seq)
	return err
}

func (d desk) Traces(ctx context.Context, id string, after int64, limit int) ([]api.Trace, error) {
	rows, err := d.conv.Traces(ctx, d.here(ctx).Tenant, id, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]api.Trace, len(rows))
	for i, r := range rows {
		out[i] = api.Trace(r)
	}
	return out, nil
}

// figures reads the side streams' counts for the home page.
type figures struct {
	insight *insight.Insight
	conv    *conversation.Service
	store   *knowledge.Store
}

func (f figures) Home(ctx context.Context, tenant string, zone *time.Location) (api.Home, error) {
	now := time.Now()
	h, err := f.insight.Home(ctx, tenant, "", now.AddDate(0, 0, -29), now, zone)
	if err != nil {
		return api.Home{}, err
	}
	state, err := f.conv.Now(ctx, tenant)
	if err != nil {
		return api.Home{}, err
	}
	day := func(date string, d insight.Figures) api.HomeDay {
		return api.HomeDay{Date: date, Conversations: d.Conversations, Messages: d.Messages, Answered: d.Answered, Clarified: d.Clarified,
			NotKnown: d.Unknown, HandedOver: d.HandedOver, Solved: d.Solved, NotSolved: d.Unsolved, FirstResponse: d.First.MedianMS,
			Ended: api.Ended{Closed: d.Closed.Total, Confirmed: d.Closed.Confirmed, Assumed: d.Closed.Assumed, HandedOver: d.Closed.HandedOver,
				Left: d.Closed.Left, NotKnown: d.Closed.Unknown}}
	}
	in := now.In(zone)
	out := api.Home{AsOf: h.AsOf, Today: day(in.Format(time.DateOnly), h.Today), Yesterday: day(in.AddDate(0, 0, -1).Format(time.DateOnly), h.Yesterday),
		Now: api.HomeNow{WithBot: state.Bot, Waiting: state.Queue, WithAgent: state.Agent}}
	if state.OldestQueued > 0 {
		out.Now.LongestWait = (now.UnixMicro() - state.OldestQueued) / 1000
	}
	out.FirstResponse = h.Total.First.MedianMS
	for _, hours := range h.Hours {
		out.Hours = append(out.Hours, hours[:])
	}
	for _, d := range h.Days {
		out.Days = append(out.Days, day(d.Date, d.Figures))
	}
	return out, nil
}

func (f figures) Unanswered(ctx context.Context, tenant string, q api.QuestionFilter, cursor string, limit int) ([]api.Unanswered, string, error) {
	list, next, err := f.insight.Unanswered(ctx, tenant, insight.Filter{Status: insight.Status(q.Status), Text: q.Q, Latest: q.Sort == "latest", Cursor: cursor, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	out := make([]api.Unanswered, len(list))
	for i, q := range list {
		out[i] = wireQuestion(q)
	}
	return out, next, nil
}

func wireQuestion(q insight.Question) api.Unanswered {
	return api.Unanswered{ID: q.ID, Text: q.Question, Language: q.Lang, Count: q.Asked, Conversation: q.Conversation, At: q.LastAt,
		Status: string(q.Status), Entry: q.Entry, Reason: q.Reason}
}

// Settle notes what was done about a question; an entry that is named must be there.
func (f figures) Settle(ctx context.Context, tenant, id string, s api.Settlement) (api.Unanswered, error) {
	if s.Entry != "" {
		_, err := f.store.Get(ctx, tenant, knowledge.DefaultBot, s.Entry)
		if frontdesk.KindOf(err) == frontdesk.NotFound {
			return api.Unanswered{}, frontdesk.InvalidField("entry", "There is no such entry.")
		} else if err != nil {
			return api.Unanswered{}, err
		}
	}
	q, err := f.insight.Settle(ctx, tenant, id, insight.Settlement{Status: insight.Status(s.Status), Entry: s.Entry, Reason: compliance.Redact(s.Reason)})
	return wireQuestion(q), err
}

// hooks keeps webhooks for the API.
type hooks struct{ service *webhook.Service }

func wireHook(w webhook.Webhook) api.Webhook {
	return api.Webhook{ID: w.ID, URL: w.URL, Events: w.Types, Active: w.Active, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt}
}

func (h hooks) List(ctx context.Context, _ string, _ int) ([]api.Webhook, string, error) {
	list, err := h.service.List(ctx, frontdesk.ActorFrom(ctx).Tenant)
	out := make([]api.Webhook, len(list))
	for i, w := range list {
		out[i] = wireHook(w)
	}
	return out, "", err
}

func (h hooks) Get(ctx context.Context, id string) (api.Webhook, error) {
	w, err := h.service.Get(ctx, frontdesk.ActorFrom(ctx).Tenant, id)
	return wireHook(w), err
}

func (h hooks) Create(ctx context.Context, w api.Webhook) (api.Webhook, string, error) {
	made, secret, err := h.service.Create(ctx, frontdesk.ActorFrom(ctx).Tenant, w.URL, w.Events)
	return wireHook(made), secret, err
}

func (h hooks) Update(ctx context.Context, w api.Webhook) (api.Webhook, error) {
	changed, err := h.service.Update(ctx, frontdesk.ActorFrom(ctx).Tenant, w.ID, w.URL, w.Events, w.Active)
	return wireHook(changed), err
}

func (h hooks) Delete(ctx context.Context, id string) error {
	return h.service.Delete(ctx, frontdesk.ActorFrom(ctx).Tenant, id)
}

func (h hooks) Test(ctx context.Context, id string) error {
	return h.service.Test(ctx, frontdesk.ActorFrom(ctx).Tenant, id)
}

func (h hooks) Deliveries(ctx context.Context, id, cursor string, limit int) ([]api.Delivery, string, error) {
	list, err := h.service.Deliveries(ctx, frontdesk.ActorFrom(ctx).Tenant, id, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	out := make([]api.Delivery, len(list))
	for i, d := range list {
		var event struct{ ID, Type string }
		if err := json.Unmarshal(d.Payload, &event); err != nil {
			event.Type = "?"
		}
		out[i] = api.Delivery{ID: d.ID, Event: event.ID, Type: event.Type, Attempts: d.Attempts, Error: d.LastError, CreatedAt: d.CreatedAt}
		switch d.Status {
		case "done":
			out[i].Status = "done"
		case "dead":
			out[i].Status = "failed"
		default:
			out[i].Status, out[i].DueAt = "waiting", d.DueAt
		}
	}
	next := ""
	if len(list) == limit {
		next = list[len(list)-1].ID
	}
	return out, next, nil
}

func (h hooks) Replay(ctx context.Context, _, delivery string) error {
	return h.service.Replay(ctx, frontdesk.ActorFrom(ctx).Tenant, delivery)
}

// Rotate gives a webhook a new signing secret.
func (h hooks) Rotate(ctx context.Context, id string, keep time.Duration) (string, int64, error) {
	return h.service.Rotate(ctx, frontdesk.ActorFrom(ctx).Tenant, id, keep)
}

// files keeps the attachments of staff.
type files struct{ store *blob.Store }

// staffUploads is the conversation of what staff have uploaded and not sent yet.
const staffUploads = "staff"

func (f files) Put(ctx context.Context, tenant, name string, r io.Reader) (frontdesk.Attachment, error) {
	return f.store.Put(ctx, tenant, staffUploads, name, "", r)
}

func (f files) Open(ctx context.Context, tenant, id string) (frontdesk.Attachment, io.ReadCloser, error) {
	file, err := f.store.Open(ctx, tenant, id)
	if err != nil {
		return frontdesk.Attachment{}, nil, err
	}
	return file.Attachment, file.File, nil
}

// serveBlob sends an attachment to a visitor, who may see it.
func (a *App) serveBlob(w http.ResponseWriter, r *http.Request, tenant, id string) error {
	f, err := a.blobs.Open(r.Context(), tenant, id)
	if err != nil {
		return err
	}
	defer f.Close()
	blob.ServeHeaders(w.Header(), f.Attachment)
	http.ServeContent(w, r, "", frontdesk.FromMicros(f.CreatedAt), f.File)
	return nil
}

// answers runs the bot's turn on a text of nobody's.
type answers struct{ app *App }

func (x answers) Ask(ctx context.Context, tenant, bot, text, language string) (api.Answer, error) {
	a, err := x.app.Ask(ctx, tenant, bot, text, language)
	if err != nil {
		return api.Answer{}, err
	}
	out := api.Answer{Kind: a.Kind, Text: a.Text, Sources: []api.AnswerSource{}, Confidence: a.Confidence}
	for _, s := range a.Sources {
		out.Sources = append(out.Sources, api.AnswerSource(s))
	}
	if out.Trace, err = json.Marshal(a.Trace); err != nil {
		return out, err
	}
	return out, nil
}
