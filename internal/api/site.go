package api

import (
	"context"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/channel"
)

// SiteInput is what can be set of a site.
type SiteInput struct {
	Key       string              `json:"key" pattern:"^[a-z0-9][a-z0-9-]{1,62}$" doc:"Public and unique; what the page's script names"`
	Name      frontdesk.Localized `json:"name" doc:"By language"`
	Bot       string              `json:"bot,omitempty" default:"default" maxLength:"64"`
	Origins   []string            `json:"origins,omitempty" maxItems:"100" doc:"Pages that may embed the widget: https://shop.example.com or https://*.example.com"`
	Languages []string            `json:"languages" minItems:"1" maxItems:"20" doc:"The default first"`
	Zone      string              `json:"zone" maxLength:"60" doc:"IANA name"`
	Hours     channel.Hours       `json:"hours,omitzero"`
	Settings  channel.Settings    `json:"settings,omitzero"`
}

// Site is a place where customers write. Its identity secrets are never shown here.
type Site struct {
	ID string `json:"id"`
	SiteInput
	OpenNow   bool  `json:"open_now"`
	CreatedAt int64 `json:"created_at"`
	UpdatedAt int64 `json:"updated_at" doc:"Pass it as base of an update to be told of a change in between"`
}

func (s *server) showSite(v channel.Site) Site {
	in := SiteInput{v.Key, v.Name, v.Bot, v.Origins, v.Languages, v.Zone, v.Hours, v.Settings}
	if in.Origins == nil {
		in.Origins = []string{}
	}
	return Site{ID: v.ID, SiteInput: in, OpenNow: v.Open(s.DB.Now()), CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt}
}

func (in SiteInput) site(id string) channel.Site {
	return channel.Site{ID: id, Key: in.Key, Name: in.Name, Bot: in.Bot, Origins: in.Origins, Languages: in.Languages, Zone: in.Zone, Hours: in.Hours, Settings: in.Settings}
}

type createSiteInput struct{ Body SiteInput }

type updateSiteInput struct {
	ByID
	Base int64 `query:"base" minimum:"0" doc:"updated_at of what was edited; a Conflict if the site has changed since"`
	Body SiteInput
}

type rotateInput struct {
	ByID
	Body struct {
		Drop bool `json:"drop,omitempty" doc:"The secret in use leaked: it stops to verify at once"`
	}
}

// IdentitySecrets are what a host site signs identities with.
type IdentitySecrets struct {
	Current  string `json:"current"`
	Previous string `json:"previous,omitempty" doc:"Still verifies"`
}

func (s *server) siteRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/sites", Name: "list-sites", Need: auth.SiteRead, Group: "site",
		Doc: "The places where customers write", DocZH: "站点列表"},
		func(ctx context.Context, in *Paging) (*body[Page[Site]], error) {
			list, err := s.Sites.List(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Cursor, in.Limit+1)
			return pageByID(list, in.Limit, func(v channel.Site) string { return v.ID }, s.showSite), err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/sites", Name: "create-site", Need: auth.SiteWrite, Group: "site", Status: 201, Once: true,
		Doc: "Make a site", DocZH: "新建站点"},
		func(ctx context.Context, in *createSiteInput) (*body[Site], error) {
			v, err := s.Sites.Create(ctx, frontdesk.ActorFrom(ctx), in.Body.site(""))
			return &body[Site]{s.showSite(v)}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/sites/{id}", Name: "get-site", Need: auth.SiteRead, Group: "site",
		Doc: "One site", DocZH: "站点详情"},
		func(ctx context.Context, in *ByID) (*body[Site], error) {
			v, err := s.Sites.Get(ctx, frontdesk.ActorFrom(ctx).Tenant, in.ID)
			return &body[Site]{s.showSite(v)}, err
		})
	handle(s, Route{Method: http.MethodPut, Path: "/v1/sites/{id}", Name: "update-site", Need: auth.SiteWrite, Group: "site",
		Doc: "Replace a site's settings; every node follows within a second", DocZH: "更新站点设置，一秒内全节点生效"},
		func(ctx context.Context, in *updateSiteInput) (*body[Site], error) {
			v, err := s.Sites.Update(ctx, frontdesk.ActorFrom(ctx), in.Body.site(in.ID), in.Base)
			return &body[Site]{s.showSite(v)}, err
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/sites/{id}", Name: "delete-site", Need: auth.SiteWrite, Group: "site", Status: 204,
		Doc: "Take a site out of service; its conversations stay", DocZH: "停用站点，对话保留"},
		func(ctx context.Context, in *ByID) (*none, error) {
			return nil, s.Sites.Delete(ctx, frontdesk.ActorFrom(ctx), in.ID)
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/sites/{id}/secret", Name: "rotate-site-secret", Need: auth.SiteWrite, Group: "site", Once: true,
		Doc: "Give a site a new identity secret and show both", DocZH: "轮换站点身份签名密钥"},
		func(ctx context.Context, in *rotateInput) (*body[IdentitySecrets], error) {
			v, err := s.Sites.Rotate(ctx, frontdesk.ActorFrom(ctx), in.ID, in.Body.Drop)
			return &body[IdentitySecrets]{IdentitySecrets{v.Current, v.Previous}}, err
		})
}
