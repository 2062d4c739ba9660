package load

import "testing"

func common(t *testing.T) Common {
	return Common{Dir: t.TempDir(), Wordings: []string{"怎么退货"}, Log: t.Output(), Fleet: []string{"fleet"}, Floor: []string{"floor"}}
}

func TestPath(t *testing.T) {
	t.Parallel()
	r, err := Path(t.Context(), PathOptions{Common: common(t), Rate: 100, Seconds: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != 100 || r.Acked != 100 || r.Replied != 100 || r.Answered != 100 || r.Lost+r.Duplicated+r.Reordered != 0 {
		t.Errorf("report %+v", r)
	}
	if r.Floor.P99 <= 0 || r.Ack.P50 <= 0 || r.Reply.P99 < r.Reply.P50 {
		t.Errorf("report %+v", r)
	}
}

func TestSockets(t *testing.T) {
	t.Parallel()
	r, err := Sockets(t.Context(), SocketsOptions{Common: common(t), Count: 200})
	if err != nil {
		t.Fatal(err)
	}
	if r.Connected != 200 || r.KBPerSocket <= 0 || r.ReconnectSeconds <= 0 {
		t.Errorf("report %+v", r)
	}
}

func TestCrash(t *testing.T) {
	for _, c := range []struct {
		name     string
		careless string
		lost     bool
	}{{"a careful server loses nothing", "", false}, {"a careless one is found out", "1", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SHOP_CARELESS", c.careless)
			r, err := Crash(t.Context(), CrashOptions{Common: common(t), Kills: 3, Seed: 7})
			if err != nil {
				t.Fatal(err)
			}
			if r.Kills != 3 || r.Acked == 0 || r.FirstAck.Max <= 0 || r.FirstAck.Max < r.FirstAck.P50 {
				t.Errorf("report %+v", r)
			}
			if (r.Lost > 0) != c.lost || !c.lost && r.Duplicated+r.Reordered != 0 {
				t.Errorf("report %+v", r)
			}
		})
	}
}
