package app

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/api"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/dialogue"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/dialogue/semantic"
)

// rehearsals run the dialogue's step, the one of live turns, without saying anything to anybody.
type rehearsals struct{ app *App }

// What a preview looks at.
const (
	previewQuestions = 500
	previewAsked     = 3000 // messages, of which the different questions are taken
	previewShown     = 200
)

// question is what customers asked in the same words, but for width, case and spaces.
type question struct {
	text  string
	asked int
}

func (r rehearsals) Preview(ctx context.Context, tenant, bot string, put []knowledge.Entry, remove []string) (api.Preview, error) {
	out := api.Preview{Changed: []api.PreviewShift{}}
	release, err := r.app.store.Latest(ctx, tenant, bot)
	if err != nil {
		return out, err
	}
	questions, since, err := r.recent(ctx, tenant)
	if err != nil {
		return out, err
	}
	out.N, out.Since = len(questions), since
	before, after := release.Index, release.Index.With(put, remove)
	for _, q := range questions {
		was, err := r.side(ctx, tenant, before, q.text)
		if err != nil {
			return out, err
		}
		is, err := r.side(ctx, tenant, after, q.text)
		if err != nil {
			return out, err
		}
		edited := slices.ContainsFunc(put, func(e knowledge.Entry) bool {
			return e.ID == is.Entry && is.Decision == "answer" && answerChanged(before, e)
		})
		if was.Decision != is.Decision || was.Entry != is.Entry || edited {
			out.Shifted++
			out.Changed = append(out.Changed, api.PreviewShift{Question: q.text, Asked: q.asked, Before: was, After: is})
		}
	}
	slices.SortStableFunc(out.Changed, func(a, b api.PreviewShift) int { return b.Asked - a.Asked })
	out.Changed = out.Changed[:min(len(out.Changed), previewShown)]
	return out, nil
}

// answerChanged reports whether the draft would say something else than the entry it replaces.
func answerChanged(before *knowledge.Index, draft knowledge.Entry) bool {
	for e := range before.Entries() {
		if e.ID == draft.ID {
			return e.Answer != draft.Answer
		}
	}
	return false // a new entry shows as such
}

// recent are the last different questions of real customers, as they stand now: what was redacted since is.
func (r rehearsals) recent(ctx context.Context, tenant string) (list []question, since int64, err error) {
	asked, err := r.app.insight.RecentlyAsked(ctx, tenant, previewAsked)
	if err != nil {
		return nil, 0, err
	}
	refs := make([]conversation.Ref, len(asked))
	for i, a := range asked {
		refs[i] = conversation.Ref{Conversation: a.Conversation, Seq: a.Seq}
	}
	texts, err := r.app.conv.Texts(ctx, tenant, refs)
	if err != nil {
		return nil, 0, err
	}
	byRef := make(map[conversation.Ref]string, len(texts))
	for _, t := range texts {
		byRef[t.Ref] = t.Text
	}
	at := map[string]int{}
	for i, ref := range refs {
		text := strings.TrimSpace(byRef[ref])
		key := semantic.Normalise(text)
		if key == "" {
			continue
		}
		n, ok := at[key]
		if !ok {
			if len(list) == previewQuestions {
				continue // go on counting those there are
			}
			n, at[key] = len(list), len(list)
			list = append(list, question{text: text})
		}
		list[n].asked++
		since = asked[i].At
	}
	return list, since, nil
}

// side is what a bot with this knowledge makes of a question out of the blue.
func (r rehearsals) side(ctx context.Context, tenant string, index *knowledge.Index, text string) (api.PreviewSide, error) {
	in := dialogue.Input{Kind: dialogue.InBurst, Now: r.app.db.Now(), Language: "zh", Owner: string(conversation.OwnerBot),
		Messages: []dialogue.Message{{Seq: 1, Content: frontdesk.TextContent(text)}}, Desk: dialogue.Desk{Open: true, Online: true}}
	for name := range r.app.conv.Actions[tenant] {
		in.Actions = append(in.Actions, name)
	}
	out, err := dialogue.Respond(ctx, index, dialogue.State{}, in)
	if err != nil {
		return api.PreviewSide{}, err
	}
	side := api.PreviewSide{Decision: string(out.Kind)}
	if len(out.Trace.Steps) > 0 {
		step := out.Trace.Steps[0]
		side.Decision = string(step.Kind)
		if len(step.Candidates) > 0 {
			c := step.Candidates[0]
			side.Entry, side.Title, side.Score = c.ID, c.Question, c.Score
		}
	}
	return side, nil
}

var replayNotes = map[string]frontdesk.Localized{
	"not_recorded":    {"zh": "这一轮没有留下完整的现场记录，按当时的消息和知识版本重放。", "en": "What the turn stood on was not recorded in full; it is run on its messages and its release."},
	"changed_message": {"zh": "相关消息后来被修改、撤回或脱敏，按现在的内容重放。", "en": "A message has been changed, taken back or redacted since; it is run on what it says now."},
	"missing_message": {"zh": "相关消息已被删除。", "en": "A message is gone."},
	"unreadable":      {"zh": "这一轮的轨迹因脱敏或抹除已被清空，无法比较。", "en": "A redaction or an erasure has emptied this turn's trace; there is nothing to compare with."},
}

func (r rehearsals) Replay(ctx context.Context, id string, turn int64) (api.Replay, error) {
	tenant := frontdesk.ActorFrom(ctx).Tenant
	was, err := r.app.conv.Recorded(ctx, tenant, id, turn)
	if err != nil {
		return api.Replay{}, err
	}
	out := api.Replay{Release: was.Release}
	note := func(code string) { out.Notes = append(out.Notes, api.ReplayNote{Code: code, Text: replayNotes[code]}) }
	if was.Empty {
		note("unreadable")
		return out, nil
	}
	if was.Missing {
		note("missing_message")
	}
	if was.Changed {
		note("changed_message")
	}
	state, in := dialogue.State{}, dialogue.Input{Kind: was.Trace.Input, Messages: was.Messages, Result: was.Trace.Result,
		Now: frontdesk.FromMicros(was.At), Language: was.Trace.Language, Owner: string(conversation.OwnerBot), Desk: dialogue.Desk{Open: true, Online: true}}
	bot := knowledge.DefaultBot
	if site, err := r.app.sites.Get(ctx, tenant, was.Site); err == nil {
		bot = site.Bot
	}
	if g := was.Trace.Given; g != nil {
		state, in.Now, in.Language, in.Owner, in.Desk, in.Actions, in.Timer = g.State, g.Now, g.Language, g.Owner, g.Desk, g.Actions, g.Timer
		if zone, err := time.LoadLocation(g.Zone); err == nil {
			in.Now = in.Now.In(zone)
			if !in.Desk.NextOpen.IsZero() {
				in.Desk.NextOpen = in.Desk.NextOpen.In(zone)
			}
		}
	} else {
		note("not_recorded")
	}
	if in.Kind == dialogue.InBurst && len(in.Messages) == 0 {
		note("missing_message")
		return out, nil
	}
	release, err := r.app.store.At(ctx, tenant, bot, was.Release)
	if err != nil {
		return out, err
	}
	now, err := dialogue.Respond(ctx, release.Index, state, in)
	if err != nil {
		return out, fmt.Errorf("replay turn %d: %w", turn, err)
	}
	if in.Kind == dialogue.InResult {
		for i := range now.Replies {
			if now.Replies[i].Content, err = r.app.conv.Shown(ctx, conversation.Key{Tenant: tenant, ID: id}, now.Replies[i].Content); err != nil {
				return out, err
			}
		}
	}
	out.Kind = string(now.Kind)
	if out.Replies, err = r.checked(&now, tenant, was.Site); err != nil {
		return out, err
	}
	now.Trace.Release, now.Trace.Given, now.Trace.Micros = was.Release, was.Trace.Given, was.Trace.Micros
	out.Differences = differences(was, now, out.Replies)
	out.Exact, out.Same = len(out.Notes) == 0, len(out.Differences) == 0
	out.Trace, err = json.Marshal(now.Trace)
	return out, err
}

// checked passes replies through what every reply passes, with the rules of today.
func (r rehearsals) checked(out *dialogue.Outcome, tenant, site string) ([]string, error) {
	var texts []string
	for _, reply := range out.Replies {
		v, err := r.app.checker.Check(reply.Content, compliance.Facts{Tenant: tenant, Origin: "bot", Site: site, Language: out.State.Language})
		if err != nil {
			return nil, err
		}
		out.Trace.Rules = append(out.Trace.Rules, v.Reasons()...)
		text := v.Content.Content().Text()
		if !v.Content.OK() {
			text = dialogue.Text("withheld", out.State.Language)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// differences names what came out differently, in the order a person reads a trace.
func differences(was conversation.Recorded, now dialogue.Outcome, replies []string) []api.ReplayDifference {
	out := []api.ReplayDifference{}
	add := func(field, before, after string) {
		if before != after {
			out = append(out, api.ReplayDifference{Field: field, Before: before, After: after})
		}
	}
	for i := range max(len(was.Trace.Steps), len(now.Trace.Steps)) {
		var a, b dialogue.Step
		if i < len(was.Trace.Steps) {
			a = was.Trace.Steps[i]
		}
		if i < len(now.Trace.Steps) {
			b = now.Trace.Steps[i]
		}
		name := fmt.Sprintf("question %d: ", i+1)
		add(name+"text", a.Text, b.Text)
		add(name+"decision", string(a.Kind), string(b.Kind))
		add(name+"rule", a.Rule, b.Rule)
		for j := range max(len(a.Candidates), len(b.Candidates)) {
			var c, d dialogue.Candidate
			if j < len(a.Candidates) {
				c = a.Candidates[j]
			}
			if j < len(b.Candidates) {
				d = b.Candidates[j]
			}
			candidate := fmt.Sprintf("%scandidate %d", name, j+1)
			add(candidate, cmp.Or(c.Question, c.ID), cmp.Or(d.Question, d.ID))
			if math.Abs(c.Score-d.Score) > 1e-6 {
				add(candidate+": score", fmt.Sprintf("%.4f", c.Score), fmt.Sprintf("%.4f", d.Score))
			}
		}
	}
	add("rules", strings.Join(was.Trace.Rules, ", "), strings.Join(now.Trace.Rules, ", "))
	for i := range max(len(was.Replies), len(replies)) {
		var a, b string
		if i < len(was.Replies) {
			a = was.Replies[i].Text
		}
		if i < len(replies) {
			b = replies[i]
		}
		add(fmt.Sprintf("reply %d", i+1), a, b)
	}
	return out
}
