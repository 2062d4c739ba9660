package api

import (
	"context"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
)

// SignIns watches over what stands on a sign-in for longer than one request: the socket of a console, a long poll.
type SignIns interface {
	// Issue makes a ticket that opens one socket for a session.
	Issue(c auth.Credential) string
	// While returns a context that ends when the sign-in does, or when it may no longer do what is needed; the cause is the
	// Denied error. The caller calls done.
	While(ctx context.Context, c auth.Credential, need auth.Permission) (while context.Context, done func(), err error)
}

type staffTicket struct {
	Ticket string `json:"ticket" doc:"For GET /v1/staff/socket?ticket=T, within 30 seconds, once"`
}

func (s *server) liveRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/staff/ticket", Name: "open-staff-socket", Need: auth.ConversationLive, Group: "conversation",
		Doc: "A ticket that opens the console's socket; sessions only", DocZH: "获取工作台实时连接的票据（仅限登录会话）"},
		func(ctx context.Context, _ *struct{}) (*body[staffTicket], error) {
			if s.SignIns == nil {
				return nil, absent("sockets")
			}
			return &body[staffTicket]{staffTicket{s.SignIns.Issue(credential(ctx))}}, nil
		})
}

type credentialKey struct{}

// credential is the sign-in that the request came with.
func credential(ctx context.Context) auth.Credential {
	c, _ := ctx.Value(credentialKey{}).(auth.Credential)
	return c
}

// while runs what waits, for as long as the sign-in is good.
func (s *server) while(ctx context.Context, need auth.Permission, wait func(ctx context.Context) error) error {
	if s.SignIns == nil {
		return wait(ctx)
	}
	ctx, done, err := s.SignIns.While(ctx, credential(ctx), need)
	defer done()
	if err != nil {
		return err
	}
	err = wait(ctx)
	if cause := context.Cause(ctx); frontdesk.KindOf(cause) == frontdesk.Denied {
		return &ErrorAnswer{status: http.StatusUnauthorized, Fault: Fault{Kind: "denied", Message: "This sign-in has ended, or may not do this any more."}}
	}
	return err
}
