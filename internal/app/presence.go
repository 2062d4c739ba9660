package app

import (
	"encoding/json"
	"sync"
	"time"

	"frontdesk/internal/bus"
	"frontdesk/internal/conversation"
)

// presenceEvery is how often a member of staff who is at work is spoken of to other nodes.
const presenceEvery = 15 * time.Second

// presence lets every node know which staff are at work on any of them. It goes by hints: a lost one is made up for by the
// next.
type presence struct {
	bus  *bus.Bus
	conv *conversation.Service

	mu   sync.Mutex
	told map[string]time.Time
}

type staffSeen struct {
	Tenant string `json:"t"`
	Staff  string `json:"s"`
}

// seen notes a member of staff who is at work here.
func (p *presence) seen(tenant, staff string) {
	p.conv.StaffSeen(tenant, staff)
	if p.bus.Alone() || !p.due(tenant+"/"+staff, time.Now()) {
		return
	}
	if data, err := json.Marshal(staffSeen{tenant, staff}); err == nil {
		p.bus.Publish("staff.seen", data)
	}
}

func (p *presence) due(who string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.told[who]) < presenceEvery {
		return false
	}
	p.told[who] = now
	return true
}

// listen takes note of staff at work elsewhere.
func (p *presence) listen() error {
	return p.bus.Subscribe("staff.seen", func(_ string, data []byte) {
		var s staffSeen
		if json.Unmarshal(data, &s) == nil && s.Tenant != "" && s.Staff != "" {
			p.conv.StaffSeen(s.Tenant, s.Staff)
		}
	})
}
