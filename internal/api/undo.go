package api

import (
	"context"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
)

type undoReleaseInput struct {
	OfBot
	Release int64 `path:"release" minimum:"0" maximum:"1000000000000"`
}

func (s *server) undoRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/knowledge/releases/{release}/undo", Name: "undo-release", Need: auth.KnowledgeWrite, Group: "knowledge", Once: true,
		Doc: "Take back what one release changed, and nothing that others changed since; refused, with their names, if they changed the same", DocZH: "撤销某次发布的改动，不影响其后的修改"},
		func(ctx context.Context, in *undoReleaseInput) (*body[releaseNumber], error) {
			if s.Knowledge == nil {
				return nil, absent("knowledge")
			}
			n, err := s.Knowledge.UndoRelease(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, in.Release)
			return &body[releaseNumber]{releaseNumber{n}}, err
		})
}
