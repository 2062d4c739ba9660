package api

import (
	"context"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
)

// States says how the installation is, in words. The actor is in ctx.
type States interface {
	State(ctx context.Context, tenant string) (State, error)
}

// State is how the installation is.
type State struct {
	Level string      `json:"level" enum:"ok,degraded,down" doc:"Of the worst part"`
	AsOf  int64       `json:"as_of"`
	Parts []StatePart `json:"parts" doc:"The worst first"`
}

// StatePart is how one part is, and what it means for people.
type StatePart struct {
	Part  string              `json:"part" enum:"database,figures,search,webhooks,imports,staff,knowledge"`
	Level string              `json:"level" enum:"ok,degraded,down"`
	Since int64               `json:"since,omitempty" doc:"If known"`
	Title frontdesk.Localized `json:"title"`
	Text  frontdesk.Localized `json:"text" doc:"What it means, and what to do"`
}

func (s *server) stateRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/state", Name: "get-state", Need: auth.Self, Group: "insight",
		Doc: "What is degraded and why, in words", DocZH: "系统状态（文字说明）"},
		func(ctx context.Context, _ *struct{}) (*body[State], error) {
			if s.States == nil {
				return nil, absent("the system's state")
			}
			state, err := s.States.State(ctx, frontdesk.ActorFrom(ctx).Tenant)
			if state.Parts == nil {
				state.Parts = []StatePart{}
			}
			return &body[State]{state}, err
		})
}
