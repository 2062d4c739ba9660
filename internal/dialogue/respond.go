package dialogue

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
	"frontdesk/internal/dialogue/semantic"
)

// OrderLookup is the action that looks up an order. Its input has "number", "language" and, once the customer has sent it,
// "proof": the last digits of the phone or the whole phone. Its output is an OrderResult.
const OrderLookup = "order.lookup"

// OrderResult is an order's card, or why it is not shown; the zero value says that there is no such order.
type OrderResult struct {
	frontdesk.Card
	Refused string `json:"refused,omitempty"`
}

// Why an order is not shown. RefusedProof and RefusedMismatch are said of orders that do not exist as well: who tries
// numbers learns nothing.
const (
	RefusedProof    = "proof"    // the asker is not known to own it and has to prove it
	RefusedMismatch = "mismatch" // the proof does not fit
	RefusedTries    = "tries"    // too many wrong ones
)

const (
	segmentsMax   = 8 // questions answered in one step; further ones wait for the next
	recentMax     = 3
	candidatesMax = 3 // kept in the trace and offered as suggestions
	shortWord     = 3 // bytes: "OK" does not turn a Chinese conversation English
	nudgeAfter    = 2 * time.Minute
)

// Respond decides one step. It reads nothing but its arguments and changes none of them; an error means the step could
// not be decided at all and the caller should fall to the next rung of the ladder.
func Respond(ctx context.Context, r Release, s State, in Input) (Outcome, error) {
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	st := &step{release: r, in: in, state: s, spoke: s.Language != ""}
	st.state.Recent = slices.Clone(s.Recent)
	st.out.Trace.Input = in.Kind
	if st.state.Language == "" {
		st.state.Language = in.Language
	}
	switch in.Kind {
	case InBurst:
		st.burst()
	case InResult:
		st.result()
	case InTimer:
		st.timer()
	case InHandBack:
		st.startOver()
		st.say(KindNotice, nil, st.text("hand_back"))
	default:
		return Outcome{}, fmt.Errorf("dialogue: unknown input %q", in.Kind)
	}
	st.out.State = st.state
	st.out.Trace.Language = st.state.Language
	st.out.Kind = KindNotice
	for _, k := range kindOrder {
		if slices.Contains(st.kinds, k) {
			st.out.Kind = k
			break
		}
	}
	return st.out, nil
}

// step is one Respond under way.
type step struct {
	release Release
	in      Input
	state   State
	spoke   bool // the customer's language is known from before
	out     Outcome
	kinds   []Kind
}

func (st *step) text(name string) string { return Text(name, st.state.Language) }

// say adds a reply of parts.
func (st *step) say(kind Kind, to []int64, text string, more ...frontdesk.Part) {
	st.kinds = append(st.kinds, kind)
	parts := append([]frontdesk.Part{{Kind: frontdesk.PartText, Text: text}}, more...)
	st.out.Replies = append(st.out.Replies, Reply{Content: frontdesk.Content{Parts: parts}, ReplyTo: to})
}

// segment is a run of messages that make one question.
type segment struct {
	seqs    []int64
	text    string
	picture bool
}

// burst answers the customer's messages, a reply for each question in them.
func (st *step) burst() {
	segments := st.segments()
	if len(segments) > segmentsMax {
		segments = segments[:segmentsMax]
	}
	last := segments[len(segments)-1]
	st.out.UpTo = last.seqs[len(last.seqs)-1]
	for i := 0; i < len(segments); i++ {
		// The same question asked twice in a row gets one answer.
		seg := segments[i]
		for i+1 < len(segments) && segments[i+1].text == seg.text && !segments[i+1].picture {
			seg.seqs = append(slices.Clone(seg.seqs), segments[i+1].seqs...)
			i++
		}
		st.answer(seg)
	}
}

// segments cuts the burst after each message that stands on its own; fragments join what follows them.
func (st *step) segments() []segment {
	var out []segment
	var open []Message
	flush := func() {
		if len(open) == 0 {
			return
		}
		seg := segment{text: joined(open)}
		for _, m := range open {
			seg.seqs = append(seg.seqs, m.Seq)
			for _, p := range m.Content.Parts {
				seg.picture = seg.picture || p.Kind == frontdesk.PartImage || p.Kind == frontdesk.PartFile
			}
		}
		out = append(out, seg)
		open = nil
	}
	for _, m := range st.in.Messages {
		open = append(open, m)
		if Complete(st.release, st.state, open[len(open)-1:]) || Complete(st.release, st.state, open) {
			flush()
		}
	}
	flush()
	return out
}

// answer decides one question.
func (st *step) answer(seg segment) {
	if l := semantic.Language(spoken(seg.text)); l != "" && !(st.spoke && len(seg.text) <= shortWord) {
		st.state.Language = l
	}
	note := Step{Seqs: seg.seqs, Text: seg.text}
	defer func() {
		if n := len(st.kinds); n > 0 {
			note.Kind = st.kinds[n-1]
		}
		st.out.Trace.Steps = append(st.out.Trace.Steps, note)
	}()

	if number, proof := st.orderIn(seg.text); number != "" {
		note.Rule = "order number"
		st.lookUp(number, proof, seg.seqs)
		return
	}
	if name := rule(seg.text); name != "" {
		note.Rule = name
		st.smallTalk(name, seg)
		return
	}
	question := withoutGreeting(seg.text)
	if e, ok := st.release.Exact(question, st.in.Now.UnixMicro()); ok {
		note.Rule = RuleExact
		note.Candidates = []Candidate{{ID: e.ID, Question: e.Question, Wording: question, Score: exactScore}}
		st.remember(question)
		st.give(seg, question, e, exactScore)
		return
	}
	found := st.release.Search(knowledge.Query{Text: question, Lang: st.state.Language, Now: st.in.Now.UnixMicro(), Context: st.state.Recent})
	note.Threshold, note.Ask = found.Threshold, found.ClarifyThreshold
	for _, c := range found.Candidates[:min(len(found.Candidates), candidatesMax)] {
		note.Candidates = append(note.Candidates, Candidate{ID: c.Entry.ID, Question: c.Entry.Question, Wording: c.Wording,
			Score: c.Score, Vetoed: c.Vetoed, Features: c.Features})
	}
	st.remember(question)
	switch {
	case found.Decision == knowledge.Answer:
		best := found.Candidates[0]
		st.give(seg, question, best.Entry, best.Score)
	case isUpset(question):
		note.Rule = "upset"
		st.upset(seg)
	case found.Decision == knowledge.Clarify:
		var buttons []frontdesk.Button
		for _, c := range knowledge.Apart(found.Candidates, candidatesMax) {
			buttons = append(buttons, frontdesk.Button{Label: c.Entry.Question, Value: c.Entry.Question})
		}
		name := "clarify"
		if len(buttons) == 1 {
			name = "clarify_one"
		}
		st.say(KindClarify, seg.seqs, st.text(name), frontdesk.Part{Kind: frontdesk.PartButtons, Buttons: buttons})
	default:
		st.unknown(seg)
	}
}

// RuleExact is a step's rule when the question was an entry's own wording, letter for letter.
const RuleExact = "exact wording"

// exactScore is the probability that an entry answers its own wording: its author has said so.
const exactScore = 0.99

// give answers from an entry, with its source.
func (st *step) give(seg segment, question string, e *knowledge.Entry, score float64) {
	st.state.Missed = 0
	st.kinds = append(st.kinds, KindAnswer)
	st.out.Replies = append(st.out.Replies, Reply{ReplyTo: seg.seqs, Content: frontdesk.Content{Parts: []frontdesk.Part{{
		Kind: frontdesk.PartText, Text: e.Answer,
		Sources: []frontdesk.Source{{ID: e.ID, Title: e.Question, Score: score}},
	}}}})
	st.expectOrder(question)
}

// unknown says honestly that there is no answer.
func (st *step) unknown(seg segment) {
	if st.in.Owner == "queue" { // a person is coming; do not talk over them
		st.queued(seg.seqs)
		return
	}
	if seg.picture {
		st.say(KindNotice, seg.seqs, st.text("picture"), st.personButton())
		return
	}
	st.state.Missed++
	name := "abstain"
	if st.state.Missed > 1 {
		name = "abstain_again"
	}
	st.say(KindAbstain, seg.seqs, st.text(name), st.personButton())
}

// queued tells once that a person will see what is written.
func (st *step) queued(seqs []int64) {
	if st.state.Told {
		st.kinds = append(st.kinds, KindNotice)
		return
	}
	st.state.Told = true
	st.say(KindNotice, seqs, st.text("queue_told"))
}

func (st *step) personButton() frontdesk.Part {
	label := st.text("person")
	return frontdesk.Part{Kind: frontdesk.PartButtons, Buttons: []frontdesk.Button{{Label: label, Value: label}}}
}

func (st *step) smallTalk(name string, seg segment) {
	switch {
	case name == "person":
		st.person(seg.seqs, "")
	case name == "complaint":
		st.person(seg.seqs, st.text("sorry"))
	case name == "empty" && st.in.Owner == "queue":
		st.queued(seg.seqs)
	case name == "empty" && seg.picture:
		st.say(KindNotice, seg.seqs, st.text("picture"), st.personButton())
	case name == "empty":
		st.say(KindNotice, seg.seqs, st.text("empty"))
	case st.in.Owner == "queue":
		st.queued(seg.seqs)
	default:
		st.say(KindChitchat, seg.seqs, st.text(name))
	}
}

// person hands over, or takes a message where nobody is there to take over. Who complains is told sorry first.
func (st *step) person(seqs []int64, sorry string) {
	say := func(kind Kind, text string) { st.say(kind, seqs, joinSentences(sorry, text, st.state.Language)) }
	if st.in.Owner == "queue" {
		say(KindNotice, st.text("already_waiting"))
		return
	}
	st.out.Handoff = "customer asked"
	if sorry != "" {
		st.out.Handoff = "customer complained"
	}
	st.startOver()
	switch {
	case !st.in.Desk.Open && !st.in.Desk.NextOpen.IsZero():
		say(KindHandoff, fmt.Sprintf(st.text("handoff_until"), when(st.in.Desk.NextOpen, st.in.Now, st.state.Language)))
	case !st.in.Desk.Open:
		say(KindHandoff, st.text("handoff_closed"))
	case !st.in.Desk.Online:
		say(KindHandoff, st.text("handoff_nobody"))
	case sorry != "":
		say(KindHandoff, st.text("handoff_sorry"))
	default:
		say(KindHandoff, st.text("handoff"))
	}
}

// upset answers somebody who is angry and says no more: sorry, and a person is offered. To one whose last question was not
// answered, or who says it again, a person comes.
func (st *step) upset(seg segment) {
	if st.in.Owner == "queue" || st.state.Missed > 0 {
		st.person(seg.seqs, st.text("sorry"))
		return
	}
	st.state.Missed++
	st.say(KindNotice, seg.seqs, st.text("upset"), st.personButton())
}

// asksForOrder are questions whose answer is better with the customer's own order.
var asksForOrder = regexp.MustCompile(`(订单|物流|快递|包裹|货).{0,6}(到哪|在哪|哪了|查|进度|状态|没到|还没|没收到)|查.{0,4}(订单|物流|快递)|` +
	`(?i)\b(where|track|status)\b.*\b(order|package|parcel|delivery|shipment)\b`)

// goods are the words without one of which asksForOrder cannot match.
var goods = strings.Fields("订单 物流 快递 包裹 货 order package parcel delivery shipment")

// expectOrder offers to look the order up.
func (st *step) expectOrder(question string) {
	if st.state.Expect == "order_number" || st.in.Owner == "queue" || !slices.Contains(st.in.Actions, OrderLookup) {
		return
	}
	if !mentions(strings.ToLower(question), goods) || !asksForOrder.MatchString(question) {
		return
	}
	st.state.Expect = "order_number"
	last := &st.out.Replies[len(st.out.Replies)-1].Content
	last.Parts = append(last.Parts, frontdesk.Part{Kind: frontdesk.PartText, Text: st.text("ask_order")})
	st.out.Effects = append(st.out.Effects, Effect{ID: frontdesk.NewID(), Kind: EffectTimer, Name: "order_nudge", After: nudgeAfter})
}

// startOver forgets what the bot was in the middle of.
func (st *step) startOver() {
	st.state.Missed, st.state.Expect, st.state.Order, st.state.Told = 0, "", "", false
}

// orderIn is the order that a text asks for, "" if none, and the proof of owning it that the text holds, if any. A proof
// that was asked for may come alone.
func (st *step) orderIn(text string) (number, proof string) {
	if !slices.Contains(st.in.Actions, OrderLookup) {
		return "", ""
	}
	number, _ = findOrder(text)
	proof = findProof(text)
	if number == "" && proof != "" && st.state.Expect == "order_proof" {
		number = st.state.Order
	}
	return number, proof
}

// lookUp asks for the order; the reply to seqs comes with the result.
func (st *step) lookUp(number, proof string, seqs []int64) {
	st.kinds = append(st.kinds, KindFlow)
	e := Effect{ID: frontdesk.NewID(), Kind: EffectAction, Name: OrderLookup, Input: map[string]string{"number": number, "language": st.state.Language}}
	if proof != "" {
		e.Input["proof"] = proof
	}
	st.out.Effects = append(st.out.Effects, e)
	if w := st.state.Waiting; w != nil { // one reply for both: the newer result stands for the older
		seqs = append(slices.Clone(w.Seqs), seqs...)
	}
	st.state.Waiting = &Waiting{Effect: e.ID, Name: e.Name, Seqs: seqs}
	st.state.Expect, st.state.Order = "", number
	st.state.Missed = 0
}

// result answers with what an action returned. A result nobody waits for any more changes nothing.
func (st *step) result() {
	st.out.Trace.Result = st.in.Result
	w := st.state.Waiting
	if w == nil || st.in.Result == nil || w.Effect != st.in.Result.Effect {
		return
	}
	st.state.Waiting = nil
	order := st.state.Order
	st.state.Order = ""
	var found OrderResult
	switch err := json.Unmarshal(st.in.Result.Output, &found); {
	case !st.in.Result.OK:
		st.say(KindFlow, w.Seqs, st.text("order_down"), st.personButton())
	case err == nil && found.Refused == RefusedProof:
		st.state.Expect, st.state.Order = "order_proof", order
		st.say(KindFlow, w.Seqs, st.text("order_proof"))
	case err == nil && found.Refused == RefusedMismatch:
		st.state.Expect, st.state.Order = "order_proof", order
		st.say(KindFlow, w.Seqs, st.text("order_mismatch"), st.personButton())
	case err == nil && found.Refused == RefusedTries:
		st.say(KindFlow, w.Seqs, st.text("order_tries"), st.personButton())
	case err != nil || found.Title == "":
		st.say(KindFlow, w.Seqs, st.text("order_none"), st.personButton())
	default:
		st.say(KindFlow, w.Seqs, st.text("order_found"), frontdesk.Part{Kind: frontdesk.PartCard, Card: &found.Card, Text: cardText(found.Card)})
	}
}

// cardText is a card for channels without cards.
func cardText(c frontdesk.Card) string {
	var b strings.Builder
	b.WriteString(c.Title)
	for _, l := range c.Lines {
		fmt.Fprintf(&b, "\n%s：%s", l.Label, l.Value)
	}
	return b.String()
}

// timer reminds of what the bot has asked for, once, if it is still open and nobody else took over.
func (st *step) timer() {
	if st.in.Timer == "order_nudge" && st.state.Expect == "order_number" && st.in.Owner == "bot" {
		st.say(KindFlow, nil, st.text("order_nudge"))
		st.state.Expect = ""
	}
}

// remember keeps the last questions for follow-ups.
func (st *step) remember(question string) {
	const keep = 200 // bytes of one question that matter to a follow-up
	if len(question) > keep {
		question = strings.ToValidUTF8(question[:keep], "")
	}
	st.state.Recent = append(st.state.Recent, question)
	if n := len(st.state.Recent); n > recentMax {
		st.state.Recent = st.state.Recent[n-recentMax:]
	}
}
