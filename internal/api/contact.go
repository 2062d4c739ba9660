package api

import (
	"context"
	"net/http"
	"strings"

	"frontdesk"
	"frontdesk/internal/auth"
)

// Contacts tells of the people who write. The actor is in ctx; what is not of the actor's tenant is NotFound.
type Contacts interface {
	Contact(ctx context.Context, id string) (ContactFacts, error)
	Known(ctx context.Context, cursor string, limit int) (items []Contact, next string, err error)
	Episodes(ctx context.Context, id, cursor string, limit int) (items []Episode, next string, err error)
}

// Orders is a shop's order book, as far as staff see it. A shop that does not know the person has no orders of theirs.
type Orders interface {
	// Orders lists a person's orders, the newest first, in a language; available is false if the company has no shop
	// connected.
	Orders(ctx context.Context, tenant, external, language string) (orders []Order, available bool, err error)
}

// Contact is a person, as far as is known.
type Contact struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	ExternalID    string   `json:"external_id,omitempty" doc:"As the host site named them in its signature"`
	Language      string   `json:"language"`
	Zone          string   `json:"zone" doc:"Of the site they wrote to last"`
	Site          string   `json:"site,omitempty"`
	FirstSeen     int64    `json:"first_seen"`
	LastSeen      int64    `json:"last_seen"`
	Conversations int64    `json:"conversations"`
	Matched       string   `json:"matched,omitempty" enum:"name,external_id,phone,id_card,bank_card" doc:"By what a search found them"`
	Marks         [][2]int `json:"marks,omitempty" doc:"Ranges [from, to) in the name, in characters"`
}

// ContactFacts is all that is known of a person.
type ContactFacts struct {
	Contact
	Keys     []SealedKey   `json:"keys" doc:"What they wrote and was sealed; reveal opens it"`
	Visitors []VisitorSeen `json:"visitors"`
}

// SealedKey is a sealed value of a person.
type SealedKey struct {
	Kind         string `json:"kind" doc:"phone, id_card, bank_card"`
	Token        string `json:"token" doc:"As it stands in the conversation: <phone:1>"`
	Conversation string `json:"conversation"`
	At           int64  `json:"at"`
}

// VisitorSeen is an identity of a person on one site.
type VisitorSeen struct {
	ID           string `json:"id"`
	Site         string `json:"site"`
	FirstSeen    int64  `json:"first_seen"`
	LastSeen     int64  `json:"last_seen"`
	Page         string `json:"page,omitempty" doc:"Where they were last, if the widget says"`
	Conversation string `json:"conversation,omitempty"`
}

// Episode is one visit of a person.
type Episode struct {
	Conversation string `json:"conversation"`
	Number       int64  `json:"number"`
	Site         string `json:"site"`
	OpenedAt     int64  `json:"opened_at"`
	ClosedAt     int64  `json:"closed_at,omitempty" doc:"Absent: it goes on"`
	Outcome      string `json:"outcome,omitempty" enum:"confirmed,assumed,handed_over,left,not_known"`
	HandedOver   bool   `json:"handed_over"`
	Rating       int    `json:"rating,omitempty"`
	RatingText   string `json:"rating_text,omitempty"`
	Messages     int64  `json:"messages"`
	Preview      string `json:"preview" doc:"Masked beginning of what the customer wrote first"`
}

// Order is an order of a connected shop, as staff see it.
type Order struct {
	Number   string            `json:"number"`
	Status   string            `json:"status" doc:"The shop's word for it"`
	Label    string            `json:"status_label" doc:"The same in the asked language"`
	Title    string            `json:"title"`
	PlacedAt int64             `json:"placed_at"`
	Total    int64             `json:"total" doc:"In the currency's smallest unit"`
	Currency string            `json:"currency"`
	Lines    []frontdesk.Field `json:"lines"`
	URL      string            `json:"url,omitempty"`
}

// OrdersOf are a person's orders.
type OrdersOf struct {
	Orders    []Order `json:"orders" doc:"The newest first"`
	Available bool    `json:"available" doc:"False: the company has no shop connected"`
}

type listContactsInput struct {
	Q string `query:"q" maxLength:"200" doc:"Name, the host's id, a whole phone number; absent: everybody a host site vouched for, the newest first"`
	Paging
}

type episodesInput struct {
	ByID
	Paging
}

type ordersInput struct {
	ByID
	Language string `query:"language" enum:"zh,en" default:"zh"`
}

func (s *server) contactRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/contacts", Name: "list-contacts", Need: auth.ConversationRead, Group: "contact",
		Doc: "The people who write, by name, phone number or the host's id", DocZH: "客户列表与查找"},
		func(ctx context.Context, in *listContactsInput) (*body[Page[Contact]], error) {
			if s.Contacts == nil || s.Search == nil {
				return nil, absent("customers")
			}
			if q := strings.TrimSpace(in.Q); q != "" {
				items, next, err := s.Search.Contacts(ctx, q, in.Cursor, in.Limit)
				return page(items, next), err
			}
			items, next, err := s.Contacts.Known(ctx, in.Cursor, in.Limit)
			return page(items, next), err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/contacts/{id}", Name: "get-contact", Need: auth.ConversationRead, Group: "contact",
		Doc: "What is known of a person; sealed values stay sealed", DocZH: "客户资料（敏感信息保持密封）"},
		func(ctx context.Context, in *ByID) (*body[ContactFacts], error) {
			if s.Contacts == nil {
				return nil, absent("customers")
			}
			c, err := s.Contacts.Contact(ctx, in.ID)
			if c.Keys == nil {
				c.Keys = []SealedKey{}
			}
			if c.Visitors == nil {
				c.Visitors = []VisitorSeen{}
			}
			return &body[ContactFacts]{c}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/contacts/{id}/episodes", Name: "list-contact-episodes", Need: auth.ConversationRead, Group: "contact",
		Doc: "A person's visits with how they ended, the newest first", DocZH: "客户历次来访与结果"},
		func(ctx context.Context, in *episodesInput) (*body[Page[Episode]], error) {
			if s.Contacts == nil {
				return nil, absent("customers")
			}
			if _, err := s.Contacts.Contact(ctx, in.ID); err != nil {
				return nil, err // nobody is not somebody without visits
			}
			items, next, err := s.Contacts.Episodes(ctx, in.ID, in.Cursor, in.Limit)
			return page(items, next), err
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/contacts/{id}", Name: "erase-contact", Need: auth.PersonErase, Group: "contact", Status: 204,
		Doc: "Forget a person for good: what was sealed at once, what was said within moments. It cannot be taken back", DocZH: "永久删除客户资料（不可恢复）"},
		func(ctx context.Context, in *ByID) (*none, error) {
			if s.Erase == nil {
				return nil, absent("customers")
			}
			return nil, s.Erase(ctx, frontdesk.ActorFrom(ctx).Tenant, in.ID)
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/contacts/{id}/orders", Name: "list-contact-orders", Need: auth.ConversationRead, Group: "contact",
		Doc: "A person's orders in the connected shop", DocZH: "客户在已接入商城的订单"},
		func(ctx context.Context, in *ordersInput) (*body[OrdersOf], error) {
			if s.Contacts == nil {
				return nil, absent("customers")
			}
			c, err := s.Contacts.Contact(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			out := OrdersOf{Orders: []Order{}}
			if s.Orders != nil {
				found, available, err := s.Orders.Orders(ctx, frontdesk.ActorFrom(ctx).Tenant, c.ExternalID, in.Language)
				if err != nil {
					return nil, err
				}
				out.Orders, out.Available = append(out.Orders, found...), available
			}
			return &body[OrdersOf]{out}, nil
		})
}
