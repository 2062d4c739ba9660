package api

import (
	"context"
	"net/http"
	"strings"

	"frontdesk"
	"frontdesk/internal/auth"
)

// Me is who is signed in.
type Me struct {
	ID          string              `json:"id"`
	Tenant      string              `json:"tenant"`
	Name        string              `json:"name"`
	Email       string              `json:"email"`
	Names       frontdesk.Localized `json:"names" doc:"What customers may call them instead, by their language"`
	Roles       []string            `json:"roles"`
	Profile     auth.Profile        `json:"profile" doc:"How they like their screens"`
	Permissions []auth.Permission   `json:"permissions"`
	CSRF        string              `json:"csrf" doc:"For the header X-CSRF-Token of every request that changes something"`
}

func me(m auth.Staff, token string) Me {
	names := m.Shown
	if names == nil {
		names = frontdesk.Localized{}
	}
	return Me{ID: m.ID, Tenant: m.Tenant, Name: m.Name, Names: names, Email: m.Email, Roles: m.Roles, Permissions: auth.Held(m.Actor()), CSRF: auth.CSRF(token)}
}

type signInInput struct {
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"256"`
	}
	Request
}

type signedIn struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Me
}

// Session is one sign-in.
type Session struct {
	ID        string `json:"id"`
	IP        string `json:"ip"`
	Browser   string `json:"browser"`
	Current   bool   `json:"current" doc:"The one that asks"`
	CreatedAt int64  `json:"created_at"`
	SeenAt    int64  `json:"seen_at"`
	ExpiresAt int64  `json:"expires_at"`
}

type passwordInput struct {
	Body struct {
		Current  string `json:"current" maxLength:"256"`
		Password string `json:"password" minLength:"10" maxLength:"256"`
	}
	Request
}

func (s *server) sessionRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/sessions", Name: "sign-in", Public: true, Group: "session", Limit: 4096,
		Doc: "Sign in: sets the session cookie", DocZH: "登录"}, s.signIn)
	handle(s, Route{Method: http.MethodGet, Path: "/v1/sessions", Name: "list-sessions", Need: auth.Self, Group: "session",
		Doc: "Your open sessions", DocZH: "我的会话列表"},
		func(ctx context.Context, in *RequestOnly) (*body[Page[Session]], error) {
			a := frontdesk.ActorFrom(ctx)
			_, current, err := s.Auth.Session(ctx, in.token)
			if err != nil {
				return nil, err
			}
			list, err := s.Auth.Sessions(ctx, a.Tenant, a.ID)
			items := make([]Session, 0, len(list))
			for _, v := range list {
				items = append(items, Session{v.ID, v.IP, v.Browser, v.ID == current.ID, v.CreatedAt, v.SeenAt, v.ExpiresAt})
			}
			return page(items, ""), err
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/sessions/{id}", Name: "sign-out", Need: auth.Self, Group: "session", Status: 204,
		Doc: "End one of your sessions; current is the one that asks", DocZH: "退出会话（current 为当前会话）"}, s.signOut)
	handle(s, Route{Method: http.MethodGet, Path: "/v1/me", Name: "get-me", Need: auth.Self, Group: "session",
		Doc: "Who is signed in and what they may do", DocZH: "当前登录人与权限"},
		func(ctx context.Context, in *RequestOnly) (*body[Me], error) {
			return s.whoAmI(ctx, in.token)
		})
	handle(s, Route{Method: http.MethodPut, Path: "/v1/me/password", Name: "change-own-password", Need: auth.Self, Group: "session", Status: 204, Limit: 4096,
		Doc: "Change your password; your other sessions end", DocZH: "修改自己的密码，其他会话随之失效"},
		func(ctx context.Context, in *passwordInput) (*none, error) {
			_, current, err := s.Auth.Session(ctx, in.token)
			if err != nil {
				return nil, err
			}
			return nil, s.Auth.ChangeOwnPassword(ctx, frontdesk.ActorFrom(ctx), in.Body.Current, in.Body.Password, current.ID, s.ClientIP(in.http))
		})
}

func (s *server) signIn(ctx context.Context, in *signInInput) (*signedIn, error) {
	m, _, token, err := s.Auth.SignIn(ctx, auth.Attempt{Email: in.Body.Email, Password: in.Body.Password,
		IP: s.ClientIP(in.http), Browser: in.http.UserAgent()})
	if frontdesk.KindOf(err) == frontdesk.Denied {
		return nil, &ErrorAnswer{status: http.StatusUnauthorized, Fault: Fault{Kind: "denied", Message: "The address or the password is wrong.", RequestID: requestID(ctx)}}
	}
	if err != nil {
		return nil, err
	}
	out := &signedIn{SetCookie: s.cookie(in.http, token, int(auth.SessionTTL.Seconds())), Body: me(m, token)}
	out.Body.Profile, err = s.Auth.Profile(ctx, m.Tenant, m.ID)
	return out, err
}

type signOutInput struct {
	ByID
	Request
}

type signedOut struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

func (s *server) signOut(ctx context.Context, in *signOutInput) (*signedOut, error) {
	a := frontdesk.ActorFrom(ctx)
	_, current, err := s.Auth.Session(ctx, in.token)
	if err != nil {
		return nil, err
	}
	out := &signedOut{}
	if in.ID == "current" || in.ID == current.ID {
		in.ID = current.ID
		out.SetCookie = append(out.SetCookie, s.cookie(in.http, "", -1))
	}
	return out, s.Auth.SignOut(ctx, a.Tenant, a.ID, in.ID)
}

func (s *server) cookie(r *http.Request, token string, age int) http.Cookie {
	// Behind a proxy that ends TLS the browser's own word on its page is the best there is; guard has compared its host.
	secure := s.Secure || r.TLS != nil || strings.HasPrefix(r.Header.Get("Origin"), "https://")
	return http.Cookie{Name: sessionCookie, Value: token, Path: "/", MaxAge: age, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
}
