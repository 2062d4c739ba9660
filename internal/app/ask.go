package app

import (
	"context"
	"time"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
)

// Answer is what the ask command prints.
type Answer struct {
	Kind       string          `json:"kind"` // answer, clarify, flow, handoff, abstain
	Text       string          `json:"text"`
	Sources    []Source        `json:"sources"`
	Confidence float64         `json:"confidence"`
	Trace      *dialogue.Trace `json:"trace,omitempty"`
}

// Source is an entry an answer stands on.
type Source struct {
	ID    string  `json:"id"`
	Title string  `json:"title,omitempty"`
	Score float64 `json:"score"`
}

// Ask runs the live turn's step on a text and stores nothing.
func (a *App) Ask(ctx context.Context, tenant, bot, text, language string) (Answer, error) {
	text, err := compliance.Clean(text)
	if err != nil {
		return Answer{}, err
	}
	if bot == "" {
		bot = knowledge.DefaultBot
	}
	release, number, err := releases{a.store}.Latest(ctx, tenant, bot)
	if err != nil {
		return Answer{}, err
	}
	in := dialogue.Input{Kind: dialogue.InBurst, Now: time.Now(), Language: language, Owner: string(conversation.OwnerBot),
		Messages: []dialogue.Message{{Seq: 1, Content: frontdesk.TextContent(text)}},
		Desk:     dialogue.Desk{Open: true, Online: true}}
	if in.Language == "" {
		in.Language = "zh"
	}
	for name := range a.conv.Actions[tenant] {
		in.Actions = append(in.Actions, name)
	}
	out, err := dialogue.Respond(ctx, release, dialogue.State{}, in)
	if err != nil {
		return Answer{}, err
	}
	out.Trace.Release = number
	ans := Answer{Kind: string(out.Kind), Sources: []Source{}, Trace: &out.Trace}
	switch out.Kind {
	case dialogue.KindChitchat, dialogue.KindNotice: // said by the bot itself, with no source
		ans.Kind = string(dialogue.KindAnswer)
	}
	for _, r := range out.Replies {
		v, err := a.checker.Check(r.Content, compliance.Facts{Tenant: tenant, Origin: "bot", Language: out.State.Language})
		if err != nil {
			return Answer{}, err
		}
		out.Trace.Rules = append(out.Trace.Rules, v.Reasons()...)
		c := v.Content.Content()
		if !v.Content.OK() { // as in the live turn, a person answers then
			ans.Kind = string(dialogue.KindHandoff)
			c = frontdesk.TextContent(dialogue.Text("withheld", out.State.Language))
		}
		if ans.Text != "" {
			ans.Text += "\n"
		}
		ans.Text += c.Text()
		for _, p := range c.Parts {
			for _, s := range p.Sources {
				ans.Sources = append(ans.Sources, Source{ID: s.ID, Title: s.Title, Score: s.Score})
			}
		}
	}
	if len(ans.Sources) > 0 {
		ans.Confidence = ans.Sources[0].Score
	} else if len(out.Trace.Steps) > 0 && len(out.Trace.Steps[0].Candidates) > 0 {
		ans.Confidence = out.Trace.Steps[0].Candidates[0].Score
	} else if ans.Kind != string(dialogue.KindAbstain) {
		ans.Confidence = 1 // a rule decided
	}
	return ans, nil
}
