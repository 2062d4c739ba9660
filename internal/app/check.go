package app

import (
	"context"
	"unicode/utf8"

	"frontdesk"
	"frontdesk/internal/api"
	"frontdesk/internal/compliance"
)

// checkReply says what the rules would do with an agent's words, without sending them.
func (a *App) checkReply(ctx context.Context, of api.Conversation, text string) (api.CheckedReply, error) {
	v, err := a.checker.Check(frontdesk.TextContent(text), compliance.Facts{
		Tenant: frontdesk.ActorFrom(ctx).Tenant, Origin: compliance.OriginAgent, Site: of.Site, Language: of.Language})
	out := api.CheckedReply{Action: v.Action}
	for _, h := range v.Hits {
		out.Hits = append(out.Hits, api.CheckHit{Rule: h.Rule, Action: h.Action, Reason: h.Reason,
			Start: utf8.RuneCountInString(text[:h.Start]), End: utf8.RuneCountInString(text[:h.End])})
	}
	return out, err
}
