package api

import (
	"context"
	"net/http"
	"strings"

	"frontdesk"
	"frontdesk/internal/auth"
)

// CheckedReply says what would become of a reply on its way out.
type CheckedReply struct {
	Action string     `json:"action" enum:"pass,mask,block" doc:"What would be done with it"`
	Hits   []CheckHit `json:"hits"`
}

// CheckHit is one place where a rule fired.
type CheckHit struct {
	Rule   string `json:"rule" doc:"personal: and the kind, or word: and the word"`
	Action string `json:"action" enum:"mask,block"`
	Reason string `json:"reason" doc:"The company's own, if it gave one"`
	Start  int    `json:"start" doc:"In characters"`
	End    int    `json:"end"`
}

type checkInput struct {
	ByID
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"8000"`
	}
}

func (s *server) checkRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/conversations/{id}/check", Name: "check-reply", Need: auth.ConversationHandle, Group: "conversation",
		Doc: "What the rules would do with a reply, without sending it", DocZH: "发送前审核：看规则会如何处理这条回复（不发送）"}, s.checkReply)
}

func (s *server) checkReply(ctx context.Context, in *checkInput) (*body[CheckedReply], error) {
	if s.Check == nil || s.Conversations == nil {
		return nil, absent("checks")
	}
	text := in.Body.Text
	if strings.TrimSpace(text) == "" {
		return nil, frontdesk.InvalidField("text", "A message says something.")
	}
	c, err := s.Conversations.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	checked, err := s.Check(ctx, c, text)
	if checked.Hits == nil {
		checked.Hits = []CheckHit{}
	}
	return &body[CheckedReply]{checked}, err
}
