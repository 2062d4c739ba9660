package api

import (
	"context"
	"encoding/json"
	"net/http"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/dialogue/knowledge"
)

// Rehearsals runs the bot's step again without saying anything to anybody. The actor is in ctx.
type Rehearsals interface {
	// Preview says which of the recent questions would be dealt with differently if entries were put and removed.
	Preview(ctx context.Context, tenant, bot string, put []knowledge.Entry, remove []string) (Preview, error)
	// Replay runs a turn again on what was recorded of it.
	Replay(ctx context.Context, conversation string, turn int64) (Replay, error)
}

// Preview says what a change of the knowledge would change.
type Preview struct {
	N       int            `json:"n" doc:"Different questions looked at, the last asked first; at most 500"`
	Since   int64          `json:"asked_since" doc:"When the oldest of them was asked; 0 if there are none"`
	Changed []PreviewShift `json:"changed" doc:"Those that would be dealt with differently; the most asked first, at most 200"`
	Shifted int            `json:"changed_total" doc:"How many those are in all"`
}

// PreviewShift is a question that would be dealt with differently.
type PreviewShift struct {
	Question string      `json:"question" doc:"Masked"`
	Asked    int         `json:"asked" doc:"How often it is among the questions looked at"`
	Before   PreviewSide `json:"before"`
	After    PreviewSide `json:"after"`
}

// PreviewSide is what becomes of a question.
type PreviewSide struct {
	Decision string  `json:"decision" enum:"answer,clarify,abstain,handoff,flow,chitchat,notice"`
	Entry    string  `json:"entry,omitempty" doc:"That answers, or is nearest"`
	Title    string  `json:"title,omitempty" doc:"Its question"`
	Score    float64 `json:"score" doc:"Probability that it is right"`
}

// Replay compares a turn with itself, run again.
type Replay struct {
	Same        bool               `json:"same" doc:"It came out as it did"`
	Exact       bool               `json:"exact" doc:"All that went in was recorded; else it was run on the nearest there is, and notes say what"`
	Differences []ReplayDifference `json:"differences"`
	Kind        string             `json:"kind" doc:"What the turn amounts to now"`
	Replies     []string           `json:"replies" doc:"What it says now"`
	Trace       json.RawMessage    `json:"trace"`
	Release     int64              `json:"release"`
	Notes       []ReplayNote       `json:"notes"`
}

// ReplayDifference is one thing that came out differently.
type ReplayDifference struct {
	Field  string `json:"field" doc:"kind, reply 1, candidate 2 .."`
	Before string `json:"before"`
	After  string `json:"after"`
}

// ReplayNote says why a replay is not exact.
type ReplayNote struct {
	Code string              `json:"code" enum:"not_recorded,changed_message,missing_message,unreadable"`
	Text frontdesk.Localized `json:"text"`
}

type previewInput struct {
	OfBot
	Body struct {
		ID     string      `json:"id,omitempty" maxLength:"100" doc:"The entry that is changed or taken away; absent: a new one"`
		Entry  *EntryInput `json:"entry,omitempty"`
		Delete bool        `json:"delete,omitempty"`
	}
}

type replayTraceInput struct {
	ByID
	Trace int64 `path:"trace" minimum:"1" doc:"The turn's number"`
}

func (s *server) rehearseRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/knowledge/preview", Name: "preview-knowledge", Need: auth.KnowledgeWrite, Group: "knowledge", Once: true,
		Doc: "What a change would change: recent real questions, before and after, by the function that answers live", DocZH: "预演：用最近真实问题对比修改前后"}, s.preview)
	handle(s, Route{Method: http.MethodPost, Path: "/v1/conversations/{id}/traces/{trace}/replay", Name: "replay-trace", Need: auth.TraceRead, Group: "conversation", Once: true,
		Doc: "Run a turn again on what was recorded of it, and say what came out differently; nothing is sent", DocZH: "重放一轮应答并比较差异（不会发送）"},
		func(ctx context.Context, in *replayTraceInput) (*body[Replay], error) {
			if s.Rehearsals == nil || s.Conversations == nil {
				return nil, absent("replays")
			}
			if _, err := s.Conversations.Get(ctx, in.ID); err != nil {
				return nil, err
			}
			r, err := s.Rehearsals.Replay(ctx, in.ID, in.Trace)
			if r.Differences == nil {
				r.Differences = []ReplayDifference{}
			}
			if r.Replies == nil {
				r.Replies = []string{}
			}
			if r.Notes == nil {
				r.Notes = []ReplayNote{}
			}
			return &body[Replay]{r}, err
		})
}

func (s *server) preview(ctx context.Context, in *previewInput) (*body[Preview], error) {
	if s.Rehearsals == nil || s.Knowledge == nil {
		return nil, absent("previews")
	}
	b := in.Body
	tenant := frontdesk.ActorFrom(ctx).Tenant
	var put []knowledge.Entry
	var remove []string
	switch {
	case b.Delete && (b.ID == "" || b.Entry != nil):
		return nil, frontdesk.InvalidField("delete", "A deletion names an entry by id and brings no draft.")
	case !b.Delete && b.Entry == nil:
		return nil, frontdesk.InvalidField("entry", "Bring a draft, or an id and delete.")
	case b.Delete:
		remove = append(remove, b.ID)
	default:
		e, err := b.Entry.entry(b.ID)
		if err == nil {
			e, err = e.Clean()
		}
		if err != nil {
			return nil, err
		}
		put = append(put, e)
	}
	if b.ID != "" {
		if _, err := s.Knowledge.Get(ctx, tenant, in.Bot, b.ID); err != nil {
			return nil, err
		}
	}
	p, err := s.Rehearsals.Preview(ctx, tenant, in.Bot, put, remove)
	if p.Changed == nil {
		p.Changed = []PreviewShift{}
	}
	return &body[Preview]{p}, err
}
