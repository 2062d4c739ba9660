package dialoguetest_test

import (
	"strings"
	"testing"
	"time"

	"frontdesk/internal/dialogue/dialoguetest"
	"frontdesk/internal/dialogue/knowledge"
)

var stage = dialoguetest.Stage{Language: "zh", Actions: []string{"order.lookup"}, Now: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
	Release: knowledge.Build([]knowledge.Entry{{ID: "return", Question: "怎么退货？", Answer: "七天内可以退货。", Lang: "zh"}})}

// A script that does not hold says where and what happened instead.
func TestScriptThatDoesNotHoldSaysWhere(t *testing.T) {
	for script, want := range map[string]string{
		"user: 怎么退货？\nbot: 七天\nexpect kind answer\nexpect entry return\nexpect no handoff\nexpect replies 1": "",
		"user: 转人工\nexpect handoff": "",
		"user: YS2026010203\nresult order.lookup {\"title\":\"x\"}\nexpect kind flow\nbot: x": "",
		"user: 怎么退货？\nuser: 怎么退货？\nexpect replies 1":                                          "",
		"\n# a remark\nuser: 怎么退货？\nbot: 三十天":                                                 "a.dialogue:4: the bot says \"七天内可以退货。",
		"user: 怎么退货？\nexpect kind abstain":                                                    `a.dialogue:2: kind is "answer", want "abstain"`,
		"user: 怎么退货？\nbot: 七天\nbot: 还有":                                                       "a.dialogue:3: the bot says no more",
		"user: 怎么退货？\nexpect handoff":                                                         "a.dialogue:2: no handoff",
		"user: 转人工\nexpect no handoff":                                                        "a.dialogue:2: a handoff: customer asked",
		"customer: hi":                                                                        `a.dialogue:1: "customer: hi" is no line of a dialogue`,
		"expect kind answer":                                                                  "a.dialogue:1: nothing has been said yet",
		"user: 你好\nexpect mood good":                                                          "a.dialogue:2: cannot expect",
		"desk asleep":                                                                         "a.dialogue:1: the desk is open or closed",
		"user: 你好\nresult order.lookup down":                                                  "a.dialogue:2: the bot has not called",
		"user: 你好\ntimer order_nudge":                                                         "a.dialogue:2: the bot has set no timer",
	} {
		err := dialoguetest.Play("a.dialogue", []byte(script), stage)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", script, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%q: %v, want %s", script, err, want)
		}
	}
}
