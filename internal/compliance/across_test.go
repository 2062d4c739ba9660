package compliance

import (
	"slices"
	"strings"
	"testing"

	"frontdesk"
)

func TestAcross(t *testing.T) {
	tests := []struct{ burst, want string }{ // messages split by a bar
		{"我的号码是138|0013 8000", "我的号码是[13800138000]|[13800138000]"},
		{"1380|0138000谢谢", "[13800138000]|[13800138000]谢谢"},
		{"138|0013|8000", "[13800138000]|[13800138000]|[13800138000]"},
		{"你好|电话 138-|0013|8000。|在吗", "你好|电话 [13800138000]-|[13800138000]|[13800138000]。|在吗"},
		{"１３８|００１３８０００", "[13800138000]|[13800138000]"},
		{"卡号6222 0202|0011 2230 004", "卡号[6222020200112230004]|[6222020200112230004]"},
		{"11010519491231|002X", "[11010519491231002X]|[11010519491231002X]"},
		{"11010519491231002|X", "[11010519491231002X]|[11010519491231002X]"},
		{"138 |  0013 8000", "[13800138000] |  [13800138000]"},

		{"13800138000|13900139000", ""}, // whole in one message: Detect's
		{"我买了13|8001件", ""},
		{"138元|00138000", ""},
		{"型号XQG138|00138000", ""},
		{"你好|在吗", ""},
		{"138|在吗|00138000", ""},
		{"138|00138000X", ""},
		{"<phone:1>|00138000", ""},
	}
	for _, tt := range tests {
		if tt.want == "" {
			tt.want = tt.burst
		}
		var burst []frontdesk.Content
		for _, s := range strings.Split(tt.burst, "|") {
			burst = append(burst, frontdesk.TextContent(s))
		}
		found := Across(burst)
		if (found == nil) != (tt.want == tt.burst) {
			t.Errorf("%q: found %v", tt.burst, found)
		}
		var got []string
		for i, c := range burst {
			if found != nil {
				c = replace(c, found[i], func(k int) string { return "[" + found[i][k].Value + "]" })
			}
			got = append(got, c.Text())
		}
		if s := strings.Join(got, "|"); s != tt.want {
			t.Errorf("%q: got %q, want %q", tt.burst, s, tt.want)
		}
	}
}

func TestAcrossFindsEachSplitOfAPhone(t *testing.T) {
	const phone = "13800138000"
	for i := 1; i < len(phone); i++ {
		for j := i; j < len(phone); j++ {
			burst := []frontdesk.Content{frontdesk.TextContent("电话" + phone[:i]), frontdesk.TextContent(phone[i:j]), frontdesk.TextContent(phone[j:])}
			if i == j {
				burst = slices.Delete(burst, 1, 2)
			}
			found := Across(burst)
			if found == nil {
				t.Errorf("split at %d and %d: not found", i, j)
				continue
			}
			for k := range burst {
				if len(found[k]) != 1 || found[k][0].Value != phone {
					t.Errorf("split at %d and %d: message %d: %+v", i, j, k, found[k])
				}
			}
		}
	}
}

func TestMayContinue(t *testing.T) {
	for text, want := range map[string]bool{"0013 8000": true, "0": true, "-8000谢谢": true, " 八千": true, "X": true, "谢谢8000": false, "": false, "你好": false} {
		if got := MayContinue(frontdesk.TextContent(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
