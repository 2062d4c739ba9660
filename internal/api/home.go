package api

import (
	"context"
	"net/http"
	"time"

	"frontdesk"
	"frontdesk/internal/auth"
)

// Home is what the first page shows.
type Home struct {
	Now       HomeNow   `json:"now"`
	Today     HomeDay   `json:"today"`
	Yesterday HomeDay   `json:"yesterday"`
	Days      []HomeDay `json:"days" doc:"The last 30, the oldest first"`
	// The week's heat map: conversations opened in the last 30 days, by weekday (0 is Sunday) and hour of the day.
	Hours         [][]int64 `json:"hours" doc:"Conversations opened, by weekday (0 is Sunday) and hour"`
	FirstResponse float64   `json:"first_response_ms" doc:"Median time to the bot's reply in the last 30 days"`
	AsOf          int64     `json:"as_of" doc:"What happened until then is counted"`
}

// HomeNow is how things stand.
type HomeNow struct {
	WithBot     int   `json:"with_bot"`
	Waiting     int   `json:"waiting"`
	WithAgent   int   `json:"with_agent"`
	LongestWait int64 `json:"longest_wait_ms"`
}

// HomeDay is what happened on one day in the asked zone.
type HomeDay struct {
	Date          string `json:"date" doc:"YYYY-MM-DD"`
	Conversations int64  `json:"conversations"`
	Messages      int64  `json:"messages" doc:"Of customers"`
	Answered      int64  `json:"answered" doc:"Turns that gave an answer from knowledge"`
	Clarified     int64  `json:"clarified"`
	NotKnown      int64  `json:"not_known"`
	HandedOver    int64  `json:"handed_over"`
	Solved        int64  `json:"solved" doc:"Answers that customers called solved"`
	NotSolved     int64  `json:"not_solved"`
	Ended         Ended  `json:"ended" doc:"How the conversations that closed on this day ended, each kind apart"`
	// FirstResponse is read off a histogram, so it is right to its bucket only.
	FirstResponse float64 `json:"first_response_ms" doc:"Median time to the bot's reply; 0: there was none"`
}

// Ended is how closed conversations ended. The kinds are never added up to one rate of success.
type Ended struct {
	Closed     int64 `json:"closed"`
	Confirmed  int64 `json:"confirmed" doc:"The customer said it helped"`
	Assumed    int64 `json:"assumed" doc:"Answered, and nothing spoke against it"`
	HandedOver int64 `json:"handed_over"`
	Left       int64 `json:"left"`
	NotKnown   int64 `json:"not_known"`
}

// Unanswered is a question the bot could not answer.
type Unanswered struct {
	ID           string `json:"id"`
	Text         string `json:"text" doc:"Masked"`
	Language     string `json:"language"`
	Count        int64  `json:"count" doc:"How often it was asked like this"`
	Conversation string `json:"conversation" doc:"The last in which it was asked"`
	At           int64  `json:"at"`
	Status       string `json:"status" enum:"open,done,ignored"`
	Entry        string `json:"entry,omitempty" doc:"What answers it now"`
	Reason       string `json:"reason,omitempty" doc:"Why it was settled so"`
}

// Settlement is what was done about a question that nobody could answer.
type Settlement struct {
	Status string `json:"status" enum:"open,done,ignored" doc:"Done opens again when it is asked again; ignored does not"`
	Entry  string `json:"entry,omitempty" maxLength:"200" doc:"Done: the entry that answers it now"`
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"In your own words"`
}

// QuestionFilter says which unanswered questions.
type QuestionFilter struct {
	Status string `query:"status" enum:"open,done,ignored" default:"open"`
	Q      string `query:"q" maxLength:"200" doc:"In the question"`
	Sort   string `query:"sort" enum:"asked,latest" default:"asked" doc:"The most asked first, or the last asked"`
}

type unansweredInput struct {
	QuestionFilter
	Paging
}

type settleInput struct {
	ByID
	Body Settlement
}

type homeInput struct {
	Zone string `query:"zone" default:"Asia/Shanghai" maxLength:"60" doc:"IANA name: where days begin"`
}

func (s *server) homeRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/home", Name: "get-home", Need: auth.InsightRead, Group: "insight",
		Doc: "How things stand and what the days brought", DocZH: "首页数据"},
		func(ctx context.Context, in *homeInput) (*body[Home], error) {
			if s.Insight == nil {
				return nil, absent("figures")
			}
			zone, err := time.LoadLocation(in.Zone)
			if err != nil || in.Zone == "Local" {
				return nil, frontdesk.InvalidField("zone", "A zone is an IANA name such as Asia/Shanghai.")
			}
			h, err := s.Insight.Home(ctx, frontdesk.ActorFrom(ctx).Tenant, zone)
			if h.Days == nil {
				h.Days = []HomeDay{}
			}
			return &body[Home]{h}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/unanswered", Name: "list-unanswered", Need: auth.InsightRead, Group: "insight",
		Doc: "What customers asked and the bot did not know", DocZH: "未解答问题"},
		func(ctx context.Context, in *unansweredInput) (*body[Page[Unanswered]], error) {
			if s.Insight == nil {
				return nil, absent("figures")
			}
			items, next, err := s.Insight.Unanswered(ctx, frontdesk.ActorFrom(ctx).Tenant, in.QuestionFilter, in.Cursor, in.Limit)
			return page(items, next), err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/unanswered/{id}", Name: "settle-unanswered", Need: auth.KnowledgeWrite, Group: "insight",
		Doc: "Note what was done about a question: answered by an entry, ignored for a reason, open again", DocZH: "处理未解答问题"},
		func(ctx context.Context, in *settleInput) (*body[Unanswered], error) {
			if s.Insight == nil {
				return nil, absent("figures")
			}
			q, err := s.Insight.Settle(ctx, frontdesk.ActorFrom(ctx).Tenant, in.ID, in.Body)
			return &body[Unanswered]{q}, err
		})
}
