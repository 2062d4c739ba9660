package api

import (
	"context"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
)

type changeMeInput struct {
	Body struct {
		Name     *string              `json:"name,omitempty" minLength:"1" maxLength:"80"`
		Names    *frontdesk.Localized `json:"names,omitempty" doc:"What customers may call you instead, by their language; {}: your name"`
		Language *string              `json:"language,omitempty" enum:"zh,en," doc:"Of the console; empty: the browser's"`
		Theme    *string              `json:"theme,omitempty" enum:"light,dark,system,"`
		Zone     *string              `json:"zone,omitempty" maxLength:"60" doc:"IANA name; empty: the browser's"`
		Notify   *struct {
			Desktop *bool `json:"desktop,omitempty"`
			Sound   *bool `json:"sound,omitempty"`
			Title   *bool `json:"title,omitempty"`
			Waiting *bool `json:"waiting,omitempty"`
			Mine    *bool `json:"mine,omitempty"`
		} `json:"notify,omitempty"`
	}
	Request
}

func (s *server) profileRoutes() {
	handle(s, Route{Method: http.MethodPatch, Path: "/v1/me", Name: "change-me", Need: auth.Self, Group: "session", Limit: 16 << 10,
		Doc: "Change your names and how you like your screens; what is absent stays", DocZH: "修改个人资料与界面偏好"}, s.changeMe)
}

func (s *server) changeMe(ctx context.Context, in *changeMeInput) (*body[Me], error) {
	a, b := frontdesk.ActorFrom(ctx), in.Body
	change := auth.ProfileChange{Language: b.Language, Theme: b.Theme, Zone: b.Zone}
	if n := b.Notify; n != nil {
		change.Desktop, change.Sound, change.Title, change.Waiting, change.Mine = n.Desktop, n.Sound, n.Title, n.Waiting, n.Mine
	}
	// The screens first: they refuse what is wrong, and names that were changed already would look like a failure that was none.
	if _, err := s.Auth.ChangeProfile(ctx, a, change); err != nil {
		return nil, err
	}
	if b.Name != nil || b.Names != nil {
		if _, err := s.Auth.ChangeStaff(ctx, a, a.ID, auth.StaffChange{Name: b.Name, Shown: b.Names}); err != nil {
			return nil, err
		}
	}
	return s.whoAmI(ctx, in.token)
}

// whoAmI is who a session's token is for, with how they like their screens.
func (s *server) whoAmI(ctx context.Context, token string) (*body[Me], error) {
	m, _, err := s.Auth.Session(ctx, token)
	if err != nil {
		return nil, err
	}
	profile, err := s.Auth.Profile(ctx, m.Tenant, m.ID)
	if err != nil {
		return nil, err
	}
	out := me(m, token)
	out.Profile = profile
	return &body[Me]{out}, nil
}
