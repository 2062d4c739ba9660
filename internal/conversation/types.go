package conversation

import (
	"context"
	"time"

	"frontdesk"
	"frontdesk/internal/channel"
	"frontdesk/internal/dialogue"
)

// Owner says who answers the customer.
type Owner string

// Who can own a conversation.
const (
	OwnerBot    Owner = "bot"
	OwnerQueue  Owner = "queue"
	OwnerAgent  Owner = "agent"
	OwnerClosed Owner = "closed"
)

// Author says who wrote a message.
type Author string

// Who can write. Notes are for staff only.
const (
	ByCustomer Author = "customer"
	ByBot      Author = "bot"
	ByAgent    Author = "agent"
	BySystem   Author = "system"
	ByNote     Author = "note"
)

// Message is one message as it stands now.
type Message struct {
	Seq      int64  `json:"seq"`
	From     Author `json:"from"`
	AuthorID string `json:"-"` // staff's ids are not for customers
	Name     string `json:"-"` // of the member of staff, for staff; whoever delivers fills in both names
	// AuthorName is what customers may call the agent, by language.
	AuthorName map[string]string `json:"author_name,omitempty"`
	ClientID   string            `json:"client_id,omitempty"`
	ReplyTo    []int64           `json:"reply_to,omitempty"`
	Text       string            `json:"text"`
	Content    frontdesk.Content `json:"-"`
	Parts      []frontdesk.Part  `json:"parts,omitempty"`
	At         int64             `json:"at"`
	Change     int64             `json:"change"`
	State      string            `json:"state,omitempty"` // revised, recalled, redacted
	Solved     int               `json:"solved,omitempty"`
	Episode    int64             `json:"episode,omitempty"`
}

// Key names a conversation.
type Key struct{ Tenant, ID string }

// Update is what one commit changed in a conversation: the changes From..To of its sequence. Messages holds their
// contents where the committer had them at hand, else the receiver reads them.
type Update struct {
	Key      Key
	From, To int64
	Owner    Owner // set when the ownership may have changed
	Messages []Message
}

// Notifier is told of every commit, after it. It must not block.
type Notifier interface {
	Notify(u Update)
}

// Inbound is a message from a channel, cleaned.
type Inbound struct {
	Tenant, Site, Conversation, Visitor string
	ClientID                            string // chosen by the client; the same one twice is the same message
	Content                             frontdesk.Content
}

// Summary is a conversation in a list.
type Summary struct {
	ID        string `json:"id"`
	Site      string `json:"site"`
	Contact   string `json:"contact"`
	Name      string `json:"name"` // of the contact, empty if unknown
	Visitor   string `json:"visitor"`
	Language  string `json:"language"`
	Owner     Owner  `json:"owner"`
	Agent     string `json:"agent,omitempty"`
	Epoch     int64  `json:"epoch"`
	Seq       int64  `json:"seq"`
	Episode   int64  `json:"episode"`
	Preview   string `json:"preview"`
	QueuedAt  int64  `json:"queued_at,omitempty"`
	OpenedAt  int64  `json:"opened_at"`
	UpdatedAt int64  `json:"updated_at"`
	AskedAt   int64  `json:"asked_at,omitempty"` // the customer's last message
	Unread    bool   `json:"unread"`             // the customer wrote something staff have not seen
}

// Releases gives the bot's knowledge.
type Releases interface {
	Latest(ctx context.Context, tenant, bot string) (dialogue.Release, int64, error)
}

// Sites gives a site's settings.
type Sites interface {
	Get(ctx context.Context, tenant, id string) (channel.Site, error)
}

// Timing is the patience of the path.
type Timing struct {
	Wait       time.Duration // for the rest of a burst
	IdleClose  time.Duration // a bot's conversation closes after so long without a word
	ActionTime time.Duration // one call of an action
}

// DefaultTiming is what a new installation uses.
var DefaultTiming = Timing{Wait: 800 * time.Millisecond, IdleClose: 30 * time.Minute, ActionTime: 8 * time.Second}
