package api

import (
	"context"
	"net/http"
	"time"

	"frontdesk/internal/auth"
)

// WebhookInput is what can be set of a webhook.
type WebhookInput struct {
	URL    string   `json:"url" minLength:"8" maxLength:"2000" doc:"https:// address that events are posted to"`
	Events []string `json:"events,omitempty" maxItems:"50" doc:"Event types; absent: all"`
	Active *bool    `json:"active,omitempty" doc:"Absent: true"`
	Name   string   `json:"name,omitempty" maxLength:"80"`
}

// Webhook is where events are sent to. Each request is signed with the webhook's secret.
type Webhook struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Active    bool     `json:"active"`
	Failing   int64    `json:"failing" doc:"Deliveries failed in a row"`
	CreatedAt int64    `json:"created_at"`
	UpdatedAt int64    `json:"updated_at"`
}

// MadeWebhook is a new webhook with its secret.
type MadeWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"Signs each request; shown this once"`
}

// Delivery is one event on its way to a webhook.
type Delivery struct {
	ID        string `json:"id"`
	Event     string `json:"event"`
	Type      string `json:"type"`
	Status    string `json:"status" enum:"waiting,done,failed"`
	Attempts  int    `json:"attempts"`
	Code      int    `json:"code,omitempty" doc:"HTTP status of the last attempt"`
	Error     string `json:"error,omitempty"`
	CreatedAt int64  `json:"created_at"`
	DueAt     int64  `json:"due_at,omitempty" doc:"Next attempt"`
	DoneAt    int64  `json:"done_at,omitempty"`
}

type createWebhookInput struct{ Body WebhookInput }

type updateWebhookInput struct {
	ByID
	Body WebhookInput
}

type rotateWebhookInput struct {
	ByID
	Body struct {
		Hours *int `json:"hours,omitempty" minimum:"0" maximum:"168" doc:"How long deliveries are signed with the former secret as well; absent: 24. 0: it leaked"`
	}
}

// RotatedSecret is a webhook's new signing secret.
type RotatedSecret struct {
	Secret        string `json:"secret" doc:"Signs each request; shown this once"`
	PreviousUntil int64  `json:"previous_until,omitempty" doc:"Until then, requests are signed with the former one as well"`
}

type deliveriesInput struct {
	ByID
	Paging
}

type replayInput struct {
	ByID
	Delivery string `path:"delivery" maxLength:"100"`
}

// webhook makes the thing; that its events are of the catalogue is in the schema (refine).
func (in WebhookInput) webhook(id string) Webhook {
	return Webhook{ID: id, Name: in.Name, URL: in.URL, Events: in.Events, Active: in.Active == nil || *in.Active}
}

func listed(w Webhook) Webhook {
	if w.Events == nil {
		w.Events = []string{}
	}
	return w
}

func (s *server) webhookRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/webhooks", Name: "list-webhooks", Need: auth.WebhookRead, Group: "webhook",
		Doc: "Where events are sent to", DocZH: "Webhook 列表"},
		func(ctx context.Context, in *Paging) (*body[Page[Webhook]], error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			items, next, err := s.Webhooks.List(ctx, in.Cursor, in.Limit)
			for i := range items {
				items[i] = listed(items[i])
			}
			return page(items, next), err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/webhooks", Name: "create-webhook", Need: auth.WebhookWrite, Group: "webhook", Status: 201, Once: true,
		Doc: "Send events to an address; the signing secret is shown this once", DocZH: "新建 Webhook，签名密钥仅显示一次"},
		func(ctx context.Context, in *createWebhookInput) (*body[MadeWebhook], error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			w, secret, err := s.Webhooks.Create(ctx, in.Body.webhook(""))
			return &body[MadeWebhook]{MadeWebhook{listed(w), secret}}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/webhooks/{id}", Name: "get-webhook", Need: auth.WebhookRead, Group: "webhook",
		Doc: "One webhook", DocZH: "Webhook 详情"},
		func(ctx context.Context, in *ByID) (*body[Webhook], error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			w, err := s.Webhooks.Get(ctx, in.ID)
			return &body[Webhook]{listed(w)}, err
		})
	handle(s, Route{Method: http.MethodPut, Path: "/v1/webhooks/{id}", Name: "update-webhook", Need: auth.WebhookWrite, Group: "webhook",
		Doc: "Replace a webhook's settings", DocZH: "更新 Webhook"},
		func(ctx context.Context, in *updateWebhookInput) (*body[Webhook], error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			w, err := s.Webhooks.Update(ctx, in.Body.webhook(in.ID))
			return &body[Webhook]{listed(w)}, err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/webhooks/{id}/secret", Name: "rotate-webhook-secret", Need: auth.WebhookWrite, Group: "webhook", Once: true,
		Doc: "Give a webhook a new signing secret; the former one signs as well for a while", DocZH: "轮换 Webhook 签名密钥，旧密钥在过渡期内并行签名"},
		func(ctx context.Context, in *rotateWebhookInput) (*body[RotatedSecret], error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			hours := 24
			if in.Body.Hours != nil {
				hours = *in.Body.Hours
			}
			secret, until, err := s.Webhooks.Rotate(ctx, in.ID, time.Duration(hours)*time.Hour)
			return &body[RotatedSecret]{RotatedSecret{secret, until}}, err
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/webhooks/{id}", Name: "delete-webhook", Need: auth.WebhookWrite, Group: "webhook", Status: 204,
		Doc: "Stop sending events to an address", DocZH: "删除 Webhook"},
		func(ctx context.Context, in *ByID) (*none, error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			return nil, s.Webhooks.Delete(ctx, in.ID)
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/webhooks/{id}/deliveries", Name: "list-deliveries", Need: auth.WebhookRead, Group: "webhook",
		Doc: "What was sent and what came back, the newest first", DocZH: "投递记录"},
		func(ctx context.Context, in *deliveriesInput) (*body[Page[Delivery]], error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			items, next, err := s.Webhooks.Deliveries(ctx, in.ID, in.Cursor, in.Limit)
			return page(items, next), err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/webhooks/{id}/test", Name: "test-webhook", Need: auth.WebhookWrite, Group: "webhook", Status: 202, Once: true,
		Doc: "Send an event of type webhook.test, signed as all are; what comes of it is in the deliveries", DocZH: "发送一个测试事件"},
		func(ctx context.Context, in *ByID) (*none, error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			return nil, s.Webhooks.Test(ctx, in.ID)
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/webhooks/{id}/deliveries/{delivery}/replay", Name: "replay-delivery", Need: auth.WebhookWrite, Group: "webhook", Status: 202, Once: true,
		Doc: "Send an event again", DocZH: "重新投递"},
		func(ctx context.Context, in *replayInput) (*none, error) {
			if s.Webhooks == nil {
				return nil, absent("webhooks")
			}
			return nil, s.Webhooks.Replay(ctx, in.ID, in.Delivery)
		})
}
