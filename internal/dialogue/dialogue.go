// Package dialogue decides what the bot says. Respond is a pure step: everything it depends on, the clock and the
// release included, goes in, and everything it wants comes out as an Outcome that the caller commits. Effects (calling an
// action, setting a timer) are asked for in the Outcome and come back later as the Input of another step. The same
// function serves live chat, the ask command and the hit test.
package dialogue

import (
	"encoding/json"
	"time"

	"frontdesk"
	"frontdesk/internal/dialogue/knowledge"
)

// InputKind says what sets off a step.
type InputKind string

// What sets off a step.
const (
	InBurst    InputKind = "burst"     // the customer wrote, perhaps several messages
	InResult   InputKind = "result"    // an effect came back
	InTimer    InputKind = "timer"     // a timer the dialogue had set
	InHandBack InputKind = "hand_back" // a person gave the conversation back to the bot
)

// Message is one message of the customer.
type Message struct {
	Seq     int64             `json:"seq"`
	Content frontdesk.Content `json:"content"`
}

// Result is what an effect returned.
type Result struct {
	Effect string          `json:"effect"` // its id
	Name   string          `json:"name"`
	OK     bool            `json:"ok"`
	Output json.RawMessage `json:"output,omitempty"`
}

// Input is what a step works on.
type Input struct {
	Kind     InputKind
	Messages []Message // InBurst, oldest first
	Result   *Result   // InResult
	Timer    string    // InTimer: its name
	Now      time.Time
	Language string // the site's default
	Owner    string // who owns the conversation: bot or queue
	Desk     Desk
	Actions  []string // the actions this bot may call
}

// Desk is what the dialogue knows of the people behind it.
type Desk struct {
	Open     bool      // within business hours
	Online   bool      // somebody is there
	NextOpen time.Time // in the site's zone; zero if unknown
}

// State is what a conversation's bot remembers between steps. It is stored as JSON with each step.
type State struct {
	Language string   `json:"language,omitempty"`
	Recent   []string `json:"recent,omitempty"` // the customer's last questions, newest last
	Missed   int      `json:"missed,omitempty"` // questions in a row that were not answered
	Expect   string   `json:"expect,omitempty"` // what the bot has asked for: order_number, order_proof
	Order    string   `json:"order,omitempty"`  // order_proof: the order that is to be shown
	Waiting  *Waiting `json:"waiting,omitempty"`
	Told     bool     `json:"told,omitempty"` // in the queue: was told that a person will see this
}

// Waiting is an effect that has not come back yet.
type Waiting struct {
	Effect string  `json:"effect"`
	Name   string  `json:"name"`
	Seqs   []int64 `json:"seqs"` // the messages whose reply it holds up
}

// Kind is what an outcome amounts to.
type Kind string

// The kinds of outcomes; of several in one step the first in this order names it.
const (
	KindHandoff  Kind = "handoff"
	KindFlow     Kind = "flow"
	KindAnswer   Kind = "answer"
	KindClarify  Kind = "clarify"
	KindAbstain  Kind = "abstain"
	KindChitchat Kind = "chitchat"
	KindNotice   Kind = "notice"
)

var kindOrder = []Kind{KindHandoff, KindFlow, KindAnswer, KindClarify, KindAbstain, KindChitchat, KindNotice}

// Reply is one message the bot wants to send. It has not been checked yet.
type Reply struct {
	Content frontdesk.Content `json:"content"`
	ReplyTo []int64           `json:"reply_to,omitempty"`
}

// Effect is something the step wants done outside.
type Effect struct {
	ID    string            `json:"id"` // also the idempotency key
	Kind  string            `json:"kind"`
	Name  string            `json:"name"`
	Input map[string]string `json:"input,omitempty"`
	After time.Duration     `json:"after,omitempty"` // timers
}

// The kinds of effects.
const (
	EffectAction = "action"
	EffectTimer  = "timer"
)

// Outcome is what a step wants. UpTo is the last message it dealt with; later ones wait for the next step.
type Outcome struct {
	Kind    Kind
	Replies []Reply
	State   State
	Effects []Effect
	Handoff string // reason, when the conversation goes to the queue
	UpTo    int64
	Trace   Trace
}

// Trace explains a step to people.
type Trace struct {
	Input    InputKind `json:"input"`
	Language string    `json:"language"`
	Release  int64     `json:"release"`
	Steps    []Step    `json:"steps,omitempty"`
	Rules    []string  `json:"rules,omitempty"` // what the check on the way out did
	Result   *Result   `json:"result,omitempty"`
	Given    *Given    `json:"given,omitempty"` // what else went in, for a replay
	Micros   struct {
		Waited  int64 `json:"waited"`  // between the last message and the step
		Decided int64 `json:"decided"` // the step itself
	} `json:"micros"`
}

// Given is what a step stood on besides the messages, the release and the result of an effect: with them it comes out the
// same again.
type Given struct {
	State    State     `json:"state"`
	Now      time.Time `json:"now"`
	Zone     string    `json:"zone"` // of Now: its name is in what is said of hours, and JSON keeps only the offset
	Language string    `json:"language"`
	Owner    string    `json:"owner"`
	Desk     Desk      `json:"desk"`
	Actions  []string  `json:"actions,omitempty"`
	Timer    string    `json:"timer,omitempty"`
}

// Step is one question and how it was decided.
type Step struct {
	Seqs       []int64     `json:"seqs,omitempty"`
	Text       string      `json:"text"`
	Kind       Kind        `json:"kind"`
	Rule       string      `json:"rule,omitempty"` // a rule that decided without a search
	Threshold  float64     `json:"threshold,omitempty"`
	Ask        float64     `json:"ask_threshold,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
}

// Candidate is an entry that was considered.
type Candidate struct {
	ID       string             `json:"id"`
	Question string             `json:"question"`
	Wording  string             `json:"wording,omitempty"`
	Score    float64            `json:"score"`
	Vetoed   bool               `json:"vetoed,omitempty"`
	Features knowledge.Features `json:"features,omitzero"`
}

// Release is what the bot knows at one time: an immutable version of its knowledge.
type Release interface {
	Search(q knowledge.Query) knowledge.Result
	// Exact is the ladder's rung of exact questions: it needs no search.
	Exact(text string, now int64) (*knowledge.Entry, bool)
}
