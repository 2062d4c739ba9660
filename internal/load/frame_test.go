package load

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestScanFrame(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     frame
	}{
		{"ack", `{"type":"ack","client_id":"m12","seq":7}`, frame{kind: frameAck, clientID: []byte("m12"), seq: 7}},
		{"keys in another order and spaces", "{ \"seq\" : 7 ,\n\t\"client_id\":\"m12\",\"type\":\"ack\" }", frame{kind: frameAck, clientID: []byte("m12"), seq: 7}},
		{"answer", `{"type":"message","message":{"seq":8,"from":"bot","reply_to":[6,7],"text":"请在\"订单\"里\\申请","parts":[{"kind":"text","text":"a","sources":[{"id":"k1","title":"退货","score":0.93}]}],"at":1763800000000000}}`,
			frame{kind: frameMessage, seq: 8, replyTo: []int64{6, 7}, sources: true}},
		{"reply without sources", `{"type":"message","message":{"seq":8,"from":"bot","reply_to":[7],"parts":[{"kind":"buttons","buttons":[{"label":"]","value":"}"}],"sources":[]}]}}`,
			frame{kind: frameMessage, seq: 8, replyTo: []int64{7}}},
		{"own message", `{"type":"message","message":{"seq":7,"from":"customer","client_id":"m12","reply_to":null,"revised":false}}`,
			frame{kind: frameMessage, seq: 7, from: fromCustomer, clientID: []byte("m12")}},
		{"error", `{"type":"error","kind":"limited","message":"慢一点","client_id":"m12","retry_after_ms":1500}`,
			frame{kind: frameError, errKind: []byte("limited"), clientID: []byte("m12"), retryAfter: 1500}},
		{"reconnect", `{"type":"reconnect","after_ms":250.5}`, frame{kind: frameReconnect, after: 250}},
		{"state", `{"type":"state","owner":"queue","queue":{"position":3}}`, frame{kind: frameState, owner: []byte("queue")}},
		{"unknown", `{"type":"typing","from":"agent","deep":[[{"a":[1,-2.5e3,true,null,"]"]}]]}`, frame{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got frame
			if err := scanFrame([]byte(c.in), &got); err != nil {
				t.Fatal(err)
			}
			same := got.kind == c.want.kind && string(got.clientID) == string(c.want.clientID) && got.seq == c.want.seq &&
				got.from == c.want.from && slices.Equal(got.replyTo, c.want.replyTo) && got.sources == c.want.sources &&
				string(got.owner) == string(c.want.owner) && string(got.errKind) == string(c.want.errKind) &&
				got.retryAfter == c.want.retryAfter && got.after == c.want.after
			if !same {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	for _, broken := range []string{"", "{", `{"type"`, `{"type":"ack`, `{"seq":}`, `[1]`, `{"message":{"reply_to":[1}}`} {
		if scanFrame([]byte(broken), new(frame)) == nil {
			t.Errorf("%q was taken for a frame", broken)
		}
	}
}

// Whatever encoding/json accepts as an acknowledgement is read the same by hand; nothing hangs or panics.
func FuzzScanFrame(f *testing.F) {
	f.Add([]byte(`{"type":"ack","client_id":"m12","seq":7}`))
	f.Add([]byte(`{"type":"message","message":{"seq":8,"reply_to":[6,7],"parts":[{"sources":[{}]}]}}`))
	f.Add([]byte(`{"a":{"b":[{"c":"\\\""}]},"seq":-3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got frame
		err := scanFrame(b, &got)
		keys := map[string]json.RawMessage{}
		if json.Unmarshal(b, &keys) != nil || string(b) == "null" {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		var seq int32
		raw, ok := keys["seq"]
		if len(keys) == 1 && ok && json.Unmarshal(raw, &seq) == nil && string(raw) != "null" && got.seq != int64(seq) {
			t.Fatalf("%q: seq %d, want %d", b, got.seq, seq)
		}
	})
}

func TestMessageID(t *testing.T) {
	for _, id := range []messageID{1, 42, 999_999_999} {
		got, ok := parseID(id.append(nil))
		if !ok || got != id {
			t.Errorf("%d came back as %d, %v", id, got, ok)
		}
	}
	for _, foreign := range []string{"", "m", "x1", "m1a", "m12345678901"} {
		if _, ok := parseID([]byte(foreign)); ok {
			t.Errorf("%q was taken for an id of the fleet", foreign)
		}
	}
}

func BenchmarkScanFrame(b *testing.B) {
	in := []byte(`{"type":"message","message":{"seq":8,"from":"bot","reply_to":[7],"text":"请在订单详情里点申请退货，选好原因后等快递上门。","parts":[{"kind":"text","text":"请在订单详情里点申请退货，选好原因后等快递上门。","sources":[{"id":"k1","title":"怎么退货","score":0.93}]}],"at":1763800000000000}}`)
	var f frame
	b.ReportAllocs()
	for b.Loop() {
		scanFrame(in, &f)
	}
}
