package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"frontdesk"
	"frontdesk/internal/auth"
)

// Answer is what the bot would say.
type Answer struct {
	Kind       string          `json:"kind" enum:"answer,clarify,flow,handoff,abstain"`
	Text       string          `json:"text"`
	Sources    []AnswerSource  `json:"sources"`
	Confidence float64         `json:"confidence"`
	Trace      json.RawMessage `json:"trace,omitempty"`
}

// AnswerSource is an entry that an answer stands on.
type AnswerSource struct {
	ID    string  `json:"id"`
	Title string  `json:"title,omitempty"`
	Score float64 `json:"score"`
}

type askInput struct {
	OfBot
	Body struct {
		Text     string `json:"text" minLength:"1" maxLength:"8000"`
		Language string `json:"language,omitempty" maxLength:"35"`
		Trace    bool   `json:"trace,omitempty" doc:"Say why, too"`
	}
}

func (s *server) askRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/ask", Name: "ask", Need: auth.BotAsk, Group: "bot", Once: true,
		Doc: "Ask the bot as a customer would; nothing is stored", DocZH: "向机器人提问（不留存）"},
		func(ctx context.Context, in *askInput) (*body[Answer], error) {
			if s.Answers == nil {
				return nil, absent("answers")
			}
			if strings.TrimSpace(in.Body.Text) == "" {
				return nil, frontdesk.InvalidField("text", "A question says something.")
			}
			a, err := s.Answers.Ask(ctx, frontdesk.ActorFrom(ctx).Tenant, in.Bot, in.Body.Text, in.Body.Language)
			if a.Sources == nil {
				a.Sources = []AnswerSource{}
			}
			if !in.Body.Trace {
				a.Trace = nil
			}
			return &body[Answer]{a}, err
		})
}
