package api

import (
	"context"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
)

// Key is an API key without its secret.
type Key struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Hint      string            `json:"hint" doc:"The last four characters"`
	Scopes    []auth.Permission `json:"scopes"`
	CreatedBy string            `json:"created_by"`
	CreatedAt int64             `json:"created_at"`
	ExpiresAt int64             `json:"expires_at,omitempty"`
	UsedAt    int64             `json:"used_at,omitempty" doc:"To the minute"`
	RevokedAt int64             `json:"revoked_at,omitempty"`
}

// MadeKey is a new key with its secret.
type MadeKey struct {
	Key
	Secret string `json:"secret" doc:"Shown this once"`
}

func showKey(k auth.Key) Key {
	return Key{k.ID, k.Name, k.Hint, k.Scopes, k.CreatedBy, k.CreatedAt, k.ExpiresAt, k.UsedAt, k.RevokedAt}
}

type keyInput struct {
	Body struct {
		Name      string            `json:"name" minLength:"1" maxLength:"80"`
		Scopes    []auth.Permission `json:"scopes" minItems:"1" maxItems:"30" uniqueItems:"true" doc:"Permissions of the key; none that you do not hold"`
		ExpiresAt int64             `json:"expires_at,omitempty" minimum:"0" doc:"0 or absent: never"`
	}
}

func (s *server) keyRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/keys", Name: "list-keys", Need: auth.KeyRead, Group: "key",
		Doc: "API keys, revoked ones included", DocZH: "API 密钥列表"},
		func(ctx context.Context, in *Paging) (*body[Page[Key]], error) {
			list, err := s.Auth.Keys(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Cursor, in.Limit+1)
			return pageByID(list, in.Limit, func(k auth.Key) string { return k.ID }, showKey), err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/keys", Name: "create-key", Need: auth.KeyWrite, Group: "key", Status: 201, Once: true,
		Doc: "Make a key; its secret is shown this once", DocZH: "新建密钥，密钥内容仅显示一次"},
		func(ctx context.Context, in *keyInput) (*body[MadeKey], error) {
			k, secret, err := s.Auth.MakeKey(ctx, frontdesk.ActorFrom(ctx), auth.NewKey{Name: in.Body.Name, Scopes: in.Body.Scopes, ExpiresAt: in.Body.ExpiresAt})
			return &body[MadeKey]{MadeKey{showKey(k), secret}}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/keys/{id}", Name: "get-key", Need: auth.KeyRead, Group: "key",
		Doc: "One key", DocZH: "密钥详情"},
		func(ctx context.Context, in *ByID) (*body[Key], error) {
			k, err := s.Auth.Key(ctx, frontdesk.ActorFrom(ctx).Tenant, in.ID)
			return &body[Key]{showKey(k)}, err
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/keys/{id}", Name: "revoke-key", Need: auth.KeyWrite, Group: "key", Status: 204,
		Doc: "Revoke a key at once", DocZH: "立即吊销密钥"},
		func(ctx context.Context, in *ByID) (*none, error) {
			return nil, s.Auth.RevokeKey(ctx, frontdesk.ActorFrom(ctx), in.ID)
		})
}
