package api

import (
	"context"
	"time"

	"frontdesk"
)

// Figures opens what the home page counts.
type Figures interface {
	// Opened lists the ids of the conversations a figure counted, the newest count first.
	Opened(ctx context.Context, tenant string, f FigureFilter, cursor string, limit int) (ids []string, next string, err error)
	// Hits tells how many questions entries answered in 30 days; ids nil is all that did.
	Hits(ctx context.Context, tenant string, ids []string) (map[string]int64, error)
}

// FigureFilter says which figure to open.
type FigureFilter struct {
	Figure  string `query:"figure" enum:"opened,answered,clarified,not_known,handed_over,solved,not_solved,closed,confirmed,assumed,left,ended_handed_over,ended_not_known" doc:"The conversations that a figure counted, the newest count first; kept for 100 days"`
	From    int64  `query:"from" minimum:"0" doc:"With figure: microseconds, included"`
	To      int64  `query:"to" minimum:"0" doc:"With figure: microseconds, not included; absent: now"`
	Weekday int    `query:"weekday" minimum:"-1" maximum:"6" default:"-1" doc:"With figure: 0 is Sunday"`
	Hour    int    `query:"hour" minimum:"-1" maximum:"23" default:"-1" doc:"With figure: of the day"`
	Zone    string `query:"zone" maxLength:"60" default:"UTC" doc:"With weekday or hour: IANA name"`
	OfSite  string `json:"-"`
}

// Location is the filter's zone.
func (f FigureFilter) Location() (*time.Location, error) {
	zone, err := time.LoadLocation(f.Zone)
	if err != nil || f.Zone == "Local" {
		return nil, frontdesk.InvalidField("zone", "A zone is an IANA name such as Asia/Shanghai.")
	}
	return zone, nil
}

func (s *server) openFigure(ctx context.Context, in *listConversationsInput) (*body[Page[Conversation]], error) {
	if s.Figures == nil {
		return nil, absent("figures")
	}
	if in.Owner != "" || in.Mine {
		return nil, frontdesk.InvalidField("figure", "A figure is not filtered by owner: it counts what happened, not how things stand.")
	}
	f := in.FigureFilter
	f.OfSite = in.Site
	if f.To != 0 && f.To <= f.From {
		return nil, frontdesk.InvalidField("to", "It is not after from.")
	}
	if _, err := f.Location(); err != nil {
		return nil, err
	}
	ids, next, err := s.Figures.Opened(ctx, frontdesk.ActorFrom(ctx).Tenant, f, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	items := make([]Conversation, 0, len(ids))
	for _, id := range ids {
		c, err := s.Conversations.Get(ctx, id)
		if frontdesk.KindOf(err) == frontdesk.NotFound {
			continue // erased since it was counted
		}
		if err != nil {
			return nil, err
		}
		items = append(items, c)
	}
	return page(items, next), nil
}
