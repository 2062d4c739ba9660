package api

import (
	"context"
	"net/http"
	"strconv"

	"frontdesk"
	"frontdesk/internal/auth"
)

type eventsInput struct {
	After int64 `query:"after" minimum:"0" doc:"Position of the last event you have; next of the page before"`
	Limit int   `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// EventPage is a piece of the event log. Next is always there: the log has no end.
type EventPage struct {
	Items []frontdesk.Event `json:"items"`
	Next  string            `json:"next" doc:"Pass it as after, now or later"`
}

func (s *server) eventRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/events", Name: "list-events", Need: auth.EventRead, Group: "event",
		Doc: "The event log in order, from a position on; it carries ids and masked text only", DocZH: "按位置顺序读取事件日志"},
		func(ctx context.Context, in *eventsInput) (*body[EventPage], error) {
			items, next, err := s.DB.Events(ctx, frontdesk.ActorFrom(ctx).Tenant, in.After, in.Limit)
			if items == nil {
				items = []frontdesk.Event{}
			}
			return &body[EventPage]{EventPage{items, strconv.FormatInt(next, 10)}}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/events/types", Name: "list-event-types", Need: auth.EventRead, Group: "event",
		Doc: "The catalogue of event types", DocZH: "事件类型目录"},
		func(context.Context, *none) (*body[Page[string]], error) {
			return page(frontdesk.EventTypes, ""), nil
		})
}
