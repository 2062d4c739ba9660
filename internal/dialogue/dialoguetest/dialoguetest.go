// Package dialoguetest plays golden dialogues: scripts that say what customers write and what must come of it. Analysts can
// write them. A script is lines of
//
//	# a remark
//	desk open, online          open or closed, online or nobody; at the beginning open, online
//	user: 怎么退货？            lines in a row are one burst
//	bot: 七天                   the next reply contains this; replies are named in order
//	expect kind answer         what the step amounts to: answer, clarify, abstain, flow, handoff, chitchat, notice
//	expect entry return-how    the step's next answer comes from this entry
//	expect handoff             the step hands over; "expect no handoff" that it does not
//	expect replies 2           how many replies the step made
//	expect language en         what the bot speaks from now on
//	result order.lookup {..}   an action comes back with JSON; "result order.lookup down" that it failed
//	timer order_nudge          a timer that the bot has set comes due
//	hand back                  a person gives the conversation back
//
// A line that does not hold is an error that names file and line and shows what the bot did instead.
package dialoguetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/dialogue"
)

// Stage is what the dialogues are played on.
type Stage struct {
	Release  dialogue.Release
	Language string   // of the site
	Actions  []string // that the bot may call
	Now      time.Time
}

// Run plays every *.dialogue file of a folder as a test of its own.
func Run(t *testing.T, files fs.FS, stage Stage) {
	t.Helper()
	names, err := fs.Glob(files, "*.dialogue")
	if err != nil || len(names) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(path.Base(name), ".dialogue"), func(t *testing.T) {
			script, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			if err := Play(name, script, stage); err != nil {
				t.Error(err)
			}
		})
	}
}

// Play plays one script. The first line that does not hold ends it.
func Play(name string, script []byte, stage Stage) error {
	p := &player{Stage: stage, owner: "bot", desk: dialogue.Desk{Open: true, Online: true}, timers: map[string]bool{}}
	lines := bufio.NewScanner(bytes.NewReader(script))
	n := 0
	for lines.Scan() {
		n++
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if err := p.line(line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", name, n, err)
	}
	if err := p.step(); err != nil {
		return fmt.Errorf("%s:%d: %w", name, n, err)
	}
	return nil
}

// player is a script under way.
type player struct {
	Stage
	desk   dialogue.Desk
	owner  string
	state  dialogue.State
	seq    int64
	burst  []dialogue.Message
	timers map[string]bool
	calls  []dialogue.Effect

	out     dialogue.Outcome
	played  bool
	reply   int // the next one that a bot: line names
	answers int // the next one that an expect entry line names
}

func (p *player) line(line string) error {
	if text, ok := strings.CutPrefix(line, "user:"); ok {
		p.seq++
		p.burst = append(p.burst, dialogue.Message{Seq: p.seq, Content: frontdesk.TextContent(strings.TrimSpace(text))})
		return nil
	}
	if err := p.step(); err != nil {
		return err
	}
	if text, ok := strings.CutPrefix(line, "bot:"); ok {
		return p.says(strings.TrimSpace(text))
	}
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "expect":
		return p.expect(rest)
	case "desk":
		return p.sets(rest)
	case "result":
		return p.result(rest)
	case "timer":
		if !p.timers[rest] {
			return fmt.Errorf("the bot has set no timer %q", rest)
		}
		delete(p.timers, rest)
		return p.respond(dialogue.Input{Kind: dialogue.InTimer, Timer: rest})
	case "hand":
		if rest == "back" {
			p.owner = "bot"
			return p.respond(dialogue.Input{Kind: dialogue.InHandBack})
		}
	}
	return fmt.Errorf("%q is no line of a dialogue: it begins with user:, bot:, expect, desk, result, timer or hand back", line)
}

// step lets the bot answer what the customer has written so far.
func (p *player) step() error {
	if len(p.burst) == 0 {
		return nil
	}
	burst := p.burst
	p.burst = nil
	var all dialogue.Outcome
	for len(burst) > 0 { // what a step left over waits for the next one, as in life
		if err := p.respond(dialogue.Input{Kind: dialogue.InBurst, Messages: burst}); err != nil {
			return err
		}
		if p.out.UpTo < burst[0].Seq {
			return fmt.Errorf("the step dealt with nothing: up to %d of %d", p.out.UpTo, burst[0].Seq)
		}
		if all.Kind == "" {
			all = p.out
		} else {
			all.Replies = append(all.Replies, p.out.Replies...)
		}
		i := slices.IndexFunc(burst, func(m dialogue.Message) bool { return m.Seq > p.out.UpTo })
		if i < 0 {
			break
		}
		burst = burst[i:]
	}
	all.State = p.out.State
	p.out = all
	return nil
}

func (p *player) respond(in dialogue.Input) error {
	in.Now, in.Language, in.Owner, in.Desk, in.Actions = p.Now, p.Language, p.owner, p.desk, p.Actions
	out, err := dialogue.Respond(context.Background(), p.Release, p.state, in)
	if err != nil {
		return err
	}
	p.out, p.state, p.played, p.reply, p.answers = out, out.State, true, 0, 0
	if out.Handoff != "" {
		p.owner = "queue"
	}
	for _, e := range out.Effects {
		if e.Kind == dialogue.EffectTimer {
			p.timers[e.Name] = true
		} else {
			p.calls = append(p.calls, e)
		}
	}
	return nil
}

func (p *player) says(want string) error {
	if p.reply >= len(p.out.Replies) {
		return fmt.Errorf("the bot says no more, want %q. %s", want, p.shown())
	}
	got := visible(p.out.Replies[p.reply].Content)
	if p.reply++; !strings.Contains(got, want) {
		return fmt.Errorf("the bot says %q, want %q in it. %s", got, want, p.shown())
	}
	return nil
}

func (p *player) expect(what string) error {
	if !p.played {
		return fmt.Errorf("nothing has been said yet")
	}
	word, want, _ := strings.Cut(what, " ")
	var got string
	switch word {
	case "kind":
		got = string(p.out.Kind)
	case "entry":
		got = p.entry()
	case "replies":
		got = strconv.Itoa(len(p.out.Replies))
	case "language":
		got = p.out.State.Language
	case "handoff":
		if p.out.Handoff == "" {
			return fmt.Errorf("no handoff. %s", p.shown())
		}
		return nil
	case "no":
		if want == "handoff" && p.out.Handoff != "" {
			return fmt.Errorf("a handoff: %s. %s", p.out.Handoff, p.shown())
		}
		if want == "handoff" {
			return nil
		}
		fallthrough
	default:
		return fmt.Errorf("cannot expect %q: kind, entry, replies, language, handoff or no handoff", what)
	}
	if got != strings.TrimSpace(want) {
		return fmt.Errorf("%s is %q, want %q. %s", word, got, want, p.shown())
	}
	return nil
}

// entry is the source of the step's next answer.
func (p *player) entry() string {
	for p.answers < len(p.out.Replies) {
		parts := p.out.Replies[p.answers].Content.Parts
		p.answers++
		if len(parts) > 0 && len(parts[0].Sources) > 0 {
			return parts[0].Sources[0].ID
		}
	}
	return ""
}

func (p *player) sets(what string) error {
	for word := range strings.SplitSeq(what, ",") {
		switch strings.TrimSpace(word) {
		case "open":
			p.desk.Open = true
		case "closed":
			p.desk.Open = false
		case "online":
			p.desk.Online = true
		case "nobody":
			p.desk.Online = false
		default:
			return fmt.Errorf("the desk is open or closed, online or nobody; not %q", word)
		}
	}
	return nil
}

func (p *player) result(what string) error {
	name, output, _ := strings.Cut(what, " ")
	i := slices.IndexFunc(p.calls, func(e dialogue.Effect) bool { return e.Name == name })
	if i < 0 {
		return fmt.Errorf("the bot has not called %q. %s", name, p.shown())
	}
	r := &dialogue.Result{Effect: p.calls[i].ID, Name: name}
	p.calls = slices.Delete(p.calls, i, i+1)
	if output = strings.TrimSpace(output); output != "down" {
		if !json.Valid([]byte(output)) {
			return fmt.Errorf("the result %q is neither JSON nor down", output)
		}
		r.OK, r.Output = true, json.RawMessage(output)
	}
	return p.respond(dialogue.Input{Kind: dialogue.InResult, Result: r})
}

// shown is what the bot did, for an error.
func (p *player) shown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "The step was %s", p.out.Kind)
	for _, r := range p.out.Replies {
		fmt.Fprintf(&b, "\n\tbot: %s", visible(r.Content))
	}
	for _, s := range p.out.Trace.Steps {
		for _, c := range s.Candidates {
			fmt.Fprintf(&b, "\n\tconsidered %s (%.2f) %s", c.ID, c.Score, c.Question)
		}
	}
	return b.String()
}

// visible is all that a customer can see of a reply.
func visible(c frontdesk.Content) string {
	var all []string
	c.Map(func(s string) string {
		all = append(all, s)
		return s
	})
	return strings.Join(all, " | ")
}
