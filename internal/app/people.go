package app

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"frontdesk"
	"frontdesk/demo"
	"frontdesk/internal/api"
	"frontdesk/internal/channel"
	"frontdesk/internal/compliance"
	"frontdesk/internal/conversation"
	"frontdesk/internal/search"
	"frontdesk/internal/sqldb"
)

// searched is where the search reads what it has found.
type searched struct{ conv *conversation.Service }

func (s searched) Messages(ctx context.Context, tenant string, refs []search.Ref) ([]search.Message, error) {
	list, err := s.conv.Texts(ctx, tenant, textRefs(refs))
	return foundMessages(list), err
}

func (s searched) MessagesIn(tx *sqldb.Tx, tenant string, refs []search.Ref) ([]search.Message, error) {
	list, err := s.conv.TextsIn(tx, tenant, textRefs(refs))
	return foundMessages(list), err
}

func (s searched) Names(ctx context.Context, tenant string, ids []string) (map[string]string, error) {
	return s.conv.Names(ctx, tenant, ids)
}

func (s searched) NamesIn(tx *sqldb.Tx, tenant string, ids []string) (map[string]string, error) {
	return s.conv.NamesIn(tx, tenant, ids)
}

func textRefs(refs []search.Ref) []conversation.Ref {
	out := make([]conversation.Ref, len(refs))
	for i, r := range refs {
		out[i] = conversation.Ref(r)
	}
	return out
}

func foundMessages(list []conversation.Text) []search.Message {
	out := make([]search.Message, len(list))
	for i, t := range list {
		out[i] = search.Message{Ref: search.Ref(t.Ref), Text: t.Text, From: string(t.From), At: t.At}
	}
	return out
}

// people finds conversations and customers, and tells of customers.
type people struct {
	conv   *conversation.Service
	search *search.Search
	vault  *compliance.Vault
	sites  *channel.Sites
}

func (p people) Conversations(ctx context.Context, q string, limit int) ([]api.Found, bool, error) {
	tenant := frontdesk.ActorFrom(ctx).Tenant
	hits, complete, err := p.search.Messages(ctx, tenant, q, limit)
	if err != nil {
		return nil, false, err
	}
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.Conversation
	}
	list, err := p.conv.Summaries(ctx, tenant, ids)
	if err != nil {
		return nil, false, err
	}
	byID := make(map[string]conversation.Summary, len(list))
	for _, c := range list {
		byID[c.ID] = c
	}
	out := make([]api.Found, 0, len(hits))
	for _, h := range hits {
		if c, ok := byID[h.Conversation]; ok {
			out = append(out, api.Found{ID: c.ID, Seq: h.Seq, Contact: c.Contact, Name: c.Name, Owner: string(c.Owner), From: h.From, At: h.At, Snippet: h.Snippet, Marks: h.Marks})
		}
	}
	return out, complete, nil
}

func (people) Marks(q, text string) [][2]int { return search.Marks(q, text) }

// Contacts finds customers: by a sealed value, by the host's id, by name, in this order. All fit into one page.
func (p people) Contacts(ctx context.Context, q, cursor string, limit int) ([]api.Contact, string, error) {
	if cursor != "" {
		return nil, "", frontdesk.InvalidField("cursor", "This is not a cursor of this list.")
	}
	tenant := frontdesk.ActorFrom(ctx).Tenant
	matched, err := p.vault.FindAny(ctx, tenant, q)
	if err != nil {
		return nil, "", err
	}
	var ids []string
	for id := range matched {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if id, err := p.conv.ContactOf(ctx, tenant, strings.TrimSpace(q)); err != nil {
		return nil, "", err
	} else if id != "" && matched[id] == "" {
		ids, matched[id] = append(ids, id), "external_id"
	}
	marks := map[string][][2]int{}
	named, _, err := p.search.Contacts(ctx, tenant, q, limit)
	if err != nil {
		return nil, "", err
	}
	for _, h := range named {
		if marks[h.Contact] = h.Marks; matched[h.Contact] == "" {
			ids, matched[h.Contact] = append(ids, h.Contact), "name"
		}
	}
	list, err := p.conv.Contacts(ctx, tenant, ids[:min(len(ids), limit)])
	if err != nil {
		return nil, "", err
	}
	out := make([]api.Contact, len(list))
	for i, c := range list {
		out[i] = p.wire(ctx, tenant, c)
		out[i].Matched, out[i].Marks = matched[c.ID], marks[c.ID]
	}
	return out, "", nil
}

func (p people) wire(ctx context.Context, tenant string, c conversation.Contact) api.Contact {
	out := api.Contact{ID: c.ID, Name: c.Name, ExternalID: c.ExternalID, Language: c.Language, Site: c.Site, FirstSeen: c.FirstSeen, LastSeen: c.LastSeen, Conversations: c.Conversations}
	if site, err := p.sites.Get(ctx, tenant, c.Site); err == nil { // else taken out of service: nobody knows the zone
		out.Zone, out.Language = site.Zone, cmp.Or(c.Language, site.Language(""))
	}
	return out
}

func (p people) Known(ctx context.Context, cursor string, limit int) ([]api.Contact, string, error) {
	tenant := frontdesk.ActorFrom(ctx).Tenant
	list, err := p.conv.KnownContacts(ctx, tenant, cursor, limit+1)
	if err != nil {
		return nil, "", err
	}
	next := ""
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	out := make([]api.Contact, len(list))
	for i, c := range list {
		out[i] = p.wire(ctx, tenant, c)
	}
	return out, next, nil
}

func (p people) Contact(ctx context.Context, id string) (api.ContactFacts, error) {
	tenant := frontdesk.ActorFrom(ctx).Tenant
	c, err := p.conv.Contact(ctx, tenant, id)
	if err != nil {
		return api.ContactFacts{}, err
	}
	out := api.ContactFacts{Contact: p.wire(ctx, tenant, c)}
	sealed, err := p.vault.OfPerson(ctx, tenant, id)
	if err != nil {
		return out, err
	}
	for _, s := range sealed {
		out.Keys = append(out.Keys, api.SealedKey(s))
	}
	visitors, err := p.conv.Visitors(ctx, tenant, id)
	for _, v := range visitors {
		out.Visitors = append(out.Visitors, api.VisitorSeen{ID: v.ID, Site: v.Site, FirstSeen: v.FirstSeen, LastSeen: v.LastSeen, Conversation: v.Conversation})
	}
	return out, err
}

func (p people) Episodes(ctx context.Context, id, cursor string, limit int) ([]api.Episode, string, error) {
	list, next, err := p.conv.Episodes(ctx, frontdesk.ActorFrom(ctx).Tenant, id, cursor, limit)
	out := make([]api.Episode, len(list))
	for i, e := range list {
		out[i] = api.Episode(e)
	}
	return out, next, err
}

// shopOrders are the orders of the demo company's shop, the only one there is so far.
type shopOrders struct{ shop func() *demo.Shop }

// demoShop makes the shop when it is first asked for: its order book takes a moment and is of use to the demo company only.
func demoShop(now func() time.Time) func() *demo.Shop {
	return sync.OnceValue(func() *demo.Shop {
		shop := demo.NewShop(demo.Seed, now())
		shop.Clock = now
		return shop
	})
}

func (s shopOrders) Orders(_ context.Context, tenant, external, language string) ([]api.Order, bool, error) {
	if tenant != demo.Tenant {
		return nil, false, nil
	}
	shop := s.shop()
	out := []api.Order{}
	for _, c := range shop.Customers {
		if external == "" || c.Subject() != external {
			continue
		}
		for _, o := range shop.OrdersOf(c.Phone) {
			card := demo.Card(o, language)
			out = append(out, api.Order{Number: o.Number, Status: string(o.Status), Label: o.Status.Label(language), Title: card.Title,
				PlacedAt: o.Placed.UnixMicro(), Total: int64(o.Total) * 100, Currency: "CNY", Lines: card.Lines})
		}
	}
	return out, true, nil
}
