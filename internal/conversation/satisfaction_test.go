package conversation_test

import (
	"strings"
	"testing"

	"frontdesk"
	"frontdesk/internal/conversation"
)

// How it was belongs to the episode that ended; what is said last counts, and the next episode begins without.
func TestSatisfactionBelongsToTheEpisode(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		c := start(t, p, setup{}).customer()
		c.says("怎么退货？")
		c.hears(1)
		say := func(score int, comment string) error {
			return c.Satisfied(t.Context(), tenant, c.key.ID, "v", score, comment)
		}
		if err := say(5, ""); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("before the end: %v", err)
		}
		_, err := c.Close(staff(t, "lin"), tenant, c.key.ID, true)
		must(t, err)
		must(t, say(2, "请打 13800138000"))
		must(t, say(2, "请打 13800138000"))
		must(t, say(4, ""))
		score, err := c.Satisfaction(t.Context(), tenant, c.key.ID)
		must(t, err)
		told := 0
		for _, ev := range c.events() {
			if ev.Type == frontdesk.EvConversationRated {
				told++
				if strings.Contains(string(ev.Data), "13800138000") {
					t.Errorf("the log holds a phone number: %s", ev.Data)
				}
			}
		}
		if score != 4 || told != 2 {
			t.Errorf("kept %d, told %d times", score, told)
		}
		c.says("怎么开发票？")
		c.hears(2)
		if score, err = c.Satisfaction(t.Context(), tenant, c.key.ID); score != 0 || err != nil {
			t.Errorf("the next episode begins with %d, %v", score, err)
		}
		if err := c.Satisfied(t.Context(), "another", c.key.ID, "v", 5, ""); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("from another company: %v", err)
		}
		if err := c.Tracked(t.Context(), "another", c.key.ID, "v", conversation.Tracked{Name: "page.viewed"}); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("tracked from another company: %v", err)
		}
	})
}
