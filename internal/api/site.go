package api

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

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

type patchSiteInput struct {
	ByID
	Base int64 `query:"base" minimum:"0" doc:"updated_at of what was edited; a Conflict if the site has changed since"`
	Body struct {
		Name      *frontdesk.Localized `json:"name,omitempty"`
		Bot       *string              `json:"bot,omitempty" maxLength:"64"`
		Origins   *[]string            `json:"origins,omitempty" maxItems:"100"`
		Languages *[]string            `json:"languages,omitempty" minItems:"1" maxItems:"20"`
		Zone      *string              `json:"zone,omitempty" maxLength:"60"`
		Hours     *channel.Hours       `json:"hours,omitempty"`
		Settings  *struct {
			Colour *string                        `json:"colour,omitempty"`
			Logo   *string                        `json:"logo,omitempty" maxLength:"500"`
			Texts  map[string]frontdesk.Localized `json:"texts,omitempty" doc:"By name, such as greeting; those not named stay, an empty one goes"`
		} `json:"settings,omitempty"`
	}
}

// apply makes a site what the change says; what it does not name stays.
func (in *patchSiteInput) apply(v *channel.Site) {
	b := in.Body
	patch(&v.Name, b.Name)
	patch(&v.Bot, b.Bot)
	patch(&v.Origins, b.Origins)
	patch(&v.Languages, b.Languages)
	patch(&v.Zone, b.Zone)
	patch(&v.Hours, b.Hours)
	if b.Settings == nil {
		return
	}
	patch(&v.Settings.Colour, b.Settings.Colour)
	patch(&v.Settings.Logo, b.Settings.Logo)
	texts := maps.Clone(v.Settings.Texts) // the cache's is not ours to change
	if texts == nil {
		texts = map[string]frontdesk.Localized{}
	}
	for name, text := range b.Settings.Texts {
		if texts[name] = text; len(text) == 0 {
			delete(texts, name)
		}
	}
	v.Settings.Texts = texts
}

func patch[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

type logoInput struct {
	ByID
	Name    string `query:"name" maxLength:"200"`
	RawBody []byte `contentType:"application/octet-stream"`
}

type showLogoInput struct {
	Site string `path:"site" maxLength:"63" doc:"The site's public key"`
	Logo string `path:"logo" maxLength:"100"`
}

const (
	maxLogo  = 512 << 10
	logoPath = "/v1/logos/"
)

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
	handle(s, Route{Method: http.MethodPatch, Path: "/v1/sites/{id}", Name: "change-site", Need: auth.SiteWrite, Group: "site",
		Doc: "Change some of a site's settings; what is absent stays", DocZH: "修改站点的部分设置"},
		func(ctx context.Context, in *patchSiteInput) (*body[Site], error) {
			a := frontdesk.ActorFrom(ctx)
			v, err := s.Sites.Get(ctx, a.Tenant, in.ID)
			if err != nil {
				return nil, err
			}
			base := in.Base
			if base == 0 {
				base = v.UpdatedAt // what is not named must not go back to what it was
			}
			in.apply(&v)
			v, err = s.Sites.Update(ctx, a, v, base)
			return &body[Site]{s.showSite(v)}, err
		})
	handle(s, Route{Method: http.MethodPut, Path: "/v1/sites/{id}/logo", Name: "set-site-logo", Need: auth.SiteWrite, Group: "site", Limit: maxLogo,
		Doc: "Give a site a logo: a PNG, JPEG, WebP or GIF picture of at most 512 kB", DocZH: "上传站点标志"}, s.setLogo)
	handle(s, Route{Method: http.MethodGet, Path: logoPath + "{site}/{logo}", Name: "get-logo", Public: true, Group: "site",
		Doc: "A site's logo, for the pages it is embedded in", DocZH: "站点标志图片"}, s.showLogo)
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

// setLogo keeps a picture and makes it the site's logo.
func (s *server) setLogo(ctx context.Context, in *logoInput) (*body[Site], error) {
	if s.Blobs == nil {
		return nil, absent("attachments")
	}
	a := frontdesk.ActorFrom(ctx)
	v, err := s.Sites.Get(ctx, a.Tenant, in.ID)
	if err != nil {
		return nil, err
	}
	if len(in.RawBody) == 0 {
		return nil, frontdesk.InvalidField("body", "The file is empty.")
	}
	file, err := s.Blobs.Put(ctx, a.Tenant, in.Name, bytes.NewReader(in.RawBody))
	if err != nil {
		return nil, err
	}
	if !picture(file.Type) {
		return nil, frontdesk.InvalidField("body", "A logo is a PNG, JPEG, WebP or GIF picture.")
	}
	v.Settings.Logo = logoPath + v.Key + "/" + file.ID
	v, err = s.Sites.Update(ctx, a, v, v.UpdatedAt)
	return &body[Site]{s.showSite(v)}, err
}

// showLogo shows a picture to anybody, if it is the logo of a site. No other attachment can be had by it.
func (s *server) showLogo(ctx context.Context, in *showLogoInput) (*rawAnswer, error) {
	none := frontdesk.Errorf(frontdesk.NotFound, "There is no such logo.")
	v, err := s.Sites.ByKey(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	if s.Blobs == nil || in.Logo == "" || v.Settings.Logo != logoPath+v.Key+"/"+in.Logo {
		return nil, none
	}
	file, r, err := s.Blobs.Open(ctx, v.Tenant, in.Logo)
	if err != nil {
		return nil, err
	}
	if !picture(file.Type) {
		r.Close()
		return nil, none
	}
	return &rawAnswer{func(hc huma.Context) {
		defer r.Close()
		hc.SetHeader("Content-Type", file.Type)
		hc.SetHeader("Content-Length", strconv.FormatInt(file.Size, 10))
		hc.SetHeader("Content-Security-Policy", "default-src 'none'; sandbox")
		hc.SetHeader("Cross-Origin-Resource-Policy", "cross-origin") // it is shown in the host's pages
		hc.SetHeader("Cache-Control", "public, max-age=86400, immutable")
		hc.SetStatus(http.StatusOK)
		if _, err := io.Copy(hc.BodyWriter(), r); err != nil && ctx.Err() == nil {
			panic(http.ErrAbortHandler) // a picture that is not whole must not look whole
		}
	}}, nil
}
