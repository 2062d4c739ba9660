package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/sqldb"
)

// Conversation is a conversation in a list.
type Conversation struct {
	ID        string `json:"id"`
	Site      string `json:"site"`
	Contact   string `json:"contact"`
	Name      string `json:"name,omitempty" doc:"The contact's, if known"`
	Visitor   string `json:"visitor"`
	Language  string `json:"language"`
	Owner     string `json:"owner" enum:"bot,queue,agent,closed"`
	Agent     string `json:"agent,omitempty"`
	AgentName string `json:"agent_name,omitempty"`
	Epoch     int64  `json:"epoch" doc:"Counts changes of owner"`
	Seq       int64  `json:"seq" doc:"The last change"`
	Episode   int64  `json:"episode"`
	Preview   string `json:"preview" doc:"Masked beginning of the last message"`
	QueuedAt  int64  `json:"queued_at,omitempty"`
	OpenedAt  int64  `json:"opened_at"`
	UpdatedAt int64  `json:"updated_at"`
	AskedAt   int64  `json:"asked_at,omitempty" doc:"The customer's last message"`
	Unread    int    `json:"unread" doc:"1 if the customer wrote something staff have not seen"`
}

// Message is one message as it stands now.
type Message struct {
	Seq      int64            `json:"seq"`
	Change   int64            `json:"change" doc:"Its last change"`
	From     string           `json:"from" enum:"customer,bot,agent,system,note"`
	AuthorID string           `json:"author_id,omitempty"`
	Name     string           `json:"name,omitempty"`
	ClientID string           `json:"client_id,omitempty"`
	ReplyTo  []int64          `json:"reply_to,omitempty"`
	Text     string           `json:"text"`
	Parts    []frontdesk.Part `json:"parts,omitempty"`
	At       int64            `json:"at"`
	Revised  bool             `json:"revised,omitempty"`
	Recalled bool             `json:"recalled,omitempty"`
	Redacted bool             `json:"redacted,omitempty"`
	Solved   int              `json:"solved,omitempty" doc:"The customer's word on it: 1 solved, -1 not"`
	Episode  int64            `json:"episode,omitempty"`
}

// Messages are changes of a conversation.
type Messages struct {
	Messages []Message `json:"messages"`
	Seq      int64     `json:"seq" doc:"Pass it as after"`
}

// Trace says why a turn came out as it did.
type Trace struct {
	Turn    int64           `json:"turn"`
	At      int64           `json:"at"`
	Release int64           `json:"release"`
	Seqs    []int64         `json:"seqs" doc:"Messages it took"`
	Replies []int64         `json:"replies" doc:"Messages it made"`
	Body    json.RawMessage `json:"body" doc:"What went in and why it came out so"`
}

// ConversationFilter says which conversations to list.
type ConversationFilter struct {
	Owner string // empty: all
	Mine  bool   // those of the actor
	Agent string // those of a colleague
	Site  string
	// Language is a primary tag such as zh, and stands for all its regions.
	Language string
	Cursor   string
	Limit    int
}

// Reply is a message of an agent; a note is for staff only.
type Reply struct {
	ClientID string // the same one twice is the same message
	Content  frontdesk.Content
	Note     bool
}

type listConversationsInput struct {
	Owner string `query:"owner" enum:"bot,queue,agent,closed"`
	Mine  bool   `query:"mine" doc:"Only your own"`
	Agent string `query:"agent" maxLength:"100" doc:"Only those that this member of staff has"`
	Site  string `query:"site" maxLength:"100"`
	// Language is compared by its primary tag.
	Language string `query:"language" pattern:"^[a-z]{2,8}$" doc:"Primary tag such as zh: zh-CN is found by it"`
	FigureFilter
	Paging
}

type messagesInput struct {
	ByID
	After int64 `query:"after" minimum:"0"`
	Wait  int   `query:"wait" minimum:"0" maximum:"30" doc:"Seconds to wait for a change if there is none"`
}

type replyInput struct {
	ByID
	Body struct {
		ClientID    string   `json:"client_id,omitempty" maxLength:"100" doc:"Your name for the message: the same one twice is the same message"`
		Text        string   `json:"text,omitempty" maxLength:"8000"`
		Attachments []string `json:"attachments,omitempty" maxItems:"10" doc:"Ids of uploaded attachments"`
	}
}

type noteInput struct {
	ByID
	Body struct {
		ClientID string `json:"client_id,omitempty" maxLength:"100"`
		Text     string `json:"text" minLength:"1" maxLength:"8000"`
	}
}

type sent struct {
	Seq int64 `json:"seq"`
}

// ByMessage names a message.
type ByMessage struct {
	ByID
	Seq int64 `path:"seq" minimum:"1"`
}

type reviseInput struct {
	ByMessage
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"8000"`
	}
}

type tracesInput struct {
	ByID
	After int64 `query:"after" minimum:"0" doc:"Turn of the last trace you have"`
	Limit int   `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

type takeInput struct {
	ByID
	Seize bool `query:"seize" doc:"Also from a colleague who has it by now; needs conversation.seize"`
}

type revealInput struct {
	ByID
	Body struct {
		Token  string `json:"token" pattern:"^<[a-z_]{1,20}:[0-9]{1,9}>$" doc:"As it stands in the message: <phone:1>"`
		Reason string `json:"reason" minLength:"5" maxLength:"500" doc:"Why; it is kept"`
	}
}

type revealed struct {
	Value string `json:"value"`
}

func (s *server) conversationRoutes() {
	s.readingRoutes()
	s.writingRoutes()
	s.movingRoutes()
}

// readingRoutes are what staff see of conversations.
func (s *server) readingRoutes() {
	handle(s, Route{Method: http.MethodGet, Path: "/v1/conversations", Name: "list-conversations", Need: auth.ConversationRead, Group: "conversation",
		Doc: "Conversations; of the queue the longest waiting first, of staff and closed ones the last changed first, else the last opened first", DocZH: "对话列表"},
		func(ctx context.Context, in *listConversationsInput) (*body[Page[Conversation]], error) {
			if s.Conversations == nil {
				return nil, absent("conversations")
			}
			if in.Figure != "" {
				return s.openFigure(ctx, in)
			}
			items, next, err := s.Conversations.List(ctx, ConversationFilter{Owner: in.Owner, Mine: in.Mine, Agent: in.Agent, Site: in.Site, Language: in.Language, Cursor: in.Cursor, Limit: in.Limit})
			return page(items, next), err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/conversations/{id}", Name: "get-conversation", Need: auth.ConversationRead, Group: "conversation",
		Doc: "One conversation", DocZH: "对话详情"},
		func(ctx context.Context, in *ByID) (*body[Conversation], error) {
			if s.Conversations == nil {
				return nil, absent("conversations")
			}
			c, err := s.Conversations.Get(ctx, in.ID)
			return &body[Conversation]{c}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/conversations/{id}/messages", Name: "list-messages", Need: auth.ConversationRead, Group: "conversation",
		Doc: "Messages that changed after a number, notes included; waits for one if asked to", DocZH: "读取消息变更，支持长轮询"},
		func(ctx context.Context, in *messagesInput) (*body[Messages], error) {
			if s.Conversations == nil {
				return nil, absent("conversations")
			}
			var list []Message
			var seq int64
			read := func(ctx context.Context) (err error) {
				list, seq, err = s.Conversations.Messages(ctx, in.ID, in.After, time.Duration(in.Wait)*time.Second)
				return err
			}
			var err error
			if in.Wait > 0 {
				err = s.while(ctx, auth.ConversationRead, read)
			} else {
				err = read(ctx)
			}
			if list == nil {
				list = []Message{}
			}
			return &body[Messages]{Messages{list, seq}}, err
		})
	handle(s, Route{Method: http.MethodGet, Path: "/v1/conversations/{id}/traces", Name: "list-traces", Need: auth.TraceRead, Group: "conversation",
		Doc: "Why the bot said what it said, turn by turn", DocZH: "机器人决策轨迹"},
		func(ctx context.Context, in *tracesInput) (*body[Page[Trace]], error) {
			if s.Conversations == nil {
				return nil, absent("conversations")
			}
			if _, err := s.Conversations.Get(ctx, in.ID); err != nil {
				return nil, err // no conversation is not a conversation without traces
			}
			items, err := s.Conversations.Traces(ctx, in.ID, in.After, in.Limit)
			return page(items, ""), err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/conversations/{id}/reveal", Name: "reveal", Need: auth.SealedReveal, Group: "conversation",
		Doc: "See a value that was sealed; who, what and why is kept", DocZH: "查看脱敏原值（需理由，留痕）"}, s.reveal)
}

// writingRoutes are what staff say in them.
func (s *server) writingRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/conversations/{id}/messages", Name: "reply", Need: auth.ConversationHandle, Group: "conversation", Once: true,
		Doc: "Write to the customer; the conversation must be yours", DocZH: "回复客户（须先接入）"},
		func(ctx context.Context, in *replyInput) (*body[sent], error) {
			content, err := s.content(ctx, in.Body.Text, in.Body.Attachments)
			if err != nil {
				return nil, err
			}
			return s.say(ctx, in.ID, Reply{ClientID: in.Body.ClientID, Content: content})
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/conversations/{id}/notes", Name: "note", Need: auth.ConversationHandle, Group: "conversation", Once: true,
		Doc: "Leave a note that only staff see", DocZH: "添加内部备注"},
		func(ctx context.Context, in *noteInput) (*body[sent], error) {
			content, err := s.content(ctx, in.Body.Text, nil)
			if err != nil {
				return nil, err
			}
			return s.say(ctx, in.ID, Reply{ClientID: in.Body.ClientID, Content: content, Note: true})
		})
	handle(s, Route{Method: http.MethodPut, Path: "/v1/conversations/{id}/messages/{seq}", Name: "revise-message", Need: auth.ConversationHandle, Group: "conversation", Status: 204,
		Doc: "Change what you wrote; the customer sees that it was changed", DocZH: "修改已发消息"},
		func(ctx context.Context, in *reviseInput) (*none, error) {
			if s.Conversations == nil {
				return nil, absent("conversations")
			}
			if strings.TrimSpace(in.Body.Text) == "" {
				return nil, frontdesk.InvalidField("text", "A message says something.")
			}
			return nil, s.Conversations.Revise(ctx, in.ID, in.Seq, in.Body.Text)
		})
	handle(s, Route{Method: http.MethodDelete, Path: "/v1/conversations/{id}/messages/{seq}", Name: "recall-message", Need: auth.ConversationHandle, Group: "conversation", Status: 204,
		Doc: "Take back what you wrote", DocZH: "撤回已发消息"},
		func(ctx context.Context, in *ByMessage) (*none, error) {
			if s.Conversations == nil {
				return nil, absent("conversations")
			}
			return nil, s.Conversations.Recall(ctx, in.ID, in.Seq)
		})
}

// movingRoutes change who has them.
func (s *server) movingRoutes() {
	handle(s, Route{Method: http.MethodPost, Path: "/v1/conversations/{id}/take", Name: "take", Need: auth.ConversationHandle, Group: "conversation", Once: true,
		Doc: "Take a conversation over from the queue or the bot, or with seize from a colleague; two who take at once do not both get it", DocZH: "接入对话（seize：从同事手中接管）"},
		func(ctx context.Context, in *takeInput) (*body[Conversation], error) {
			if err := s.mayMove(ctx, in.ID); err != nil {
				return nil, err
			}
			c, err := s.Conversations.Take(ctx, in.ID, in.Seize)
			return &body[Conversation]{c}, err
		})
	handle(s, Route{Method: http.MethodPost, Path: "/v1/conversations/{id}/hand-back", Name: "hand-back", Need: auth.ConversationHandle, Group: "conversation", Once: true,
		Doc: "Give a conversation back to the bot", DocZH: "交还机器人"},
		s.move(func(ctx context.Context, id string) error { return s.Conversations.HandBack(ctx, id) }))
	handle(s, Route{Method: http.MethodPost, Path: "/v1/conversations/{id}/close", Name: "close", Need: auth.ConversationHandle, Group: "conversation", Once: true,
		Doc: "Close a conversation; a new message opens it again", DocZH: "结束对话"},
		s.move(func(ctx context.Context, id string) error { return s.Conversations.Close(ctx, id) }))
}

func absent(what string) error {
	return frontdesk.Errorf(frontdesk.Unavailable, "This node does not serve %s.", what)
}

func (s *server) say(ctx context.Context, id string, r Reply) (*body[sent], error) {
	if s.Conversations == nil {
		return nil, absent("conversations")
	}
	seq, err := s.Conversations.Reply(ctx, id, r)
	return &body[sent]{sent{seq}}, err
}

// move makes the handler of a change of owner, which answers with the conversation as it is then.
func (s *server) move(do func(ctx context.Context, id string) error) func(context.Context, *ByID) (*body[Conversation], error) {
	return func(ctx context.Context, in *ByID) (*body[Conversation], error) {
		if err := s.mayMove(ctx, in.ID); err != nil {
			return nil, err
		}
		if err := do(ctx, in.ID); err != nil {
			return nil, err
		}
		c, err := s.Conversations.Get(ctx, in.ID)
		return &body[Conversation]{c}, err
	}
}

// mayMove lets an agent change the owner of what is nobody's or their own; a colleague's takes more.
func (s *server) mayMove(ctx context.Context, id string) error {
	if s.Conversations == nil {
		return absent("conversations")
	}
	c, err := s.Conversations.Get(ctx, id)
	if err != nil {
		return err
	}
	if a := frontdesk.ActorFrom(ctx); c.Owner == "agent" && c.Agent != a.ID && auth.Allow(a, auth.ConversationSeize) != nil {
		return frontdesk.Errorf(frontdesk.Denied, "A colleague has this conversation; a supervisor can take it over.")
	}
	return nil
}

// content makes what an agent wrote; attachments are looked up, never believed.
func (s *server) content(ctx context.Context, text string, attachments []string) (frontdesk.Content, error) {
	var c frontdesk.Content
	if strings.TrimSpace(text) != "" {
		c = frontdesk.TextContent(text)
	}
	for _, id := range attachments {
		if s.Blobs == nil {
			return c, absent("attachments")
		}
		a, r, err := s.Blobs.Open(ctx, frontdesk.ActorFrom(ctx).Tenant, id)
		if err != nil {
			return c, err
		}
		r.Close()
		kind := frontdesk.PartFile
		if picture(a.Type) {
			kind = frontdesk.PartImage
		}
		c.Parts = append(c.Parts, frontdesk.Part{Kind: kind, Attachment: &a})
	}
	if len(c.Parts) == 0 {
		return c, frontdesk.InvalidField("text", "A message says something.")
	}
	return c, nil
}

var revealKind = regexp.MustCompile(`^<([a-z_]+):`)

// reveal opens a sealed value and shows it only once its opening is in the log.
func (s *server) reveal(ctx context.Context, in *revealInput) (*body[revealed], error) {
	if s.Vault == nil || s.Conversations == nil {
		return nil, absent("sealed values")
	}
	if _, err := s.Conversations.Get(ctx, in.ID); err != nil {
		return nil, err
	}
	a := frontdesk.ActorFrom(ctx)
	value, err := s.Vault.Reveal(ctx, a.Tenant, in.ID, in.Body.Token)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(map[string]string{"token": in.Body.Token, "kind": revealKind.FindStringSubmatch(in.Body.Token)[1], "reason": in.Body.Reason})
	if err != nil {
		return nil, err
	}
	err = s.DB.Write(ctx, func(tx *sqldb.Tx) error {
		tx.Append(frontdesk.Event{Tenant: a.Tenant, Type: frontdesk.EvSealedRevealed, Conversation: in.ID, Subject: in.Body.Token,
			Actor: string(a.Kind) + ":" + a.ID, Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("log the reveal: %w", err)
	}
	return &body[revealed]{revealed{value}}, nil
}
