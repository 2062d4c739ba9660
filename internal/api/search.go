package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"frontdesk"
	"frontdesk/internal/auth"
	"frontdesk/internal/dialogue/knowledge"
)

// Searcher finds what the actor of ctx may read. Texts are masked; a whole phone number finds its
// customer without anything being opened.
type Searcher interface {
	Conversations(ctx context.Context, q string, limit int) (found []Found, complete bool, err error)
	Contacts(ctx context.Context, q, cursor string, limit int) (found []Contact, next string, err error)
	// Marks says where the words of q stand in a text, in characters.
	Marks(q, text string) [][2]int
}

// Found is a conversation with the newest message that has what was looked for.
type Found struct {
	ID      string   `json:"id"`
	Seq     int64    `json:"seq" doc:"The message"`
	Contact string   `json:"contact"`
	Name    string   `json:"name,omitempty" doc:"The contact's, if known"`
	Owner   string   `json:"owner" enum:"bot,queue,agent,closed"`
	From    string   `json:"from" enum:"customer,bot,agent,system,note"`
	At      int64    `json:"at"`
	Snippet string   `json:"snippet" doc:"Of the message, masked, on one line"`
	Marks   [][2]int `json:"marks" doc:"Ranges [from, to) in the snippet, in characters"`
}

// FoundEntry is an entry of the knowledge.
type FoundEntry struct {
	ID       string   `json:"id"`
	Bot      string   `json:"bot"`
	Question string   `json:"question"`
	Category string   `json:"category"`
	Lang     string   `json:"lang"`
	Marks    [][2]int `json:"marks" doc:"Ranges [from, to) in the question, in characters"`
}

// SearchResult is what was found, of each kind the best first.
type SearchResult struct {
	Conversations []Found      `json:"conversations" doc:"The newest message first"`
	Contacts      []Contact    `json:"contacts"`
	Entries       []FoundEntry `json:"entries"`
	Complete      bool         `json:"complete" doc:"False: there is more than is shown"`
	Took          float64      `json:"took_ms"`
}

type searchInput struct {
	OfBot
	Q     string   `query:"q" required:"true" minLength:"1" maxLength:"200"`
	Limit int      `query:"limit" minimum:"1" maximum:"50" default:"8" doc:"Of each kind"`
	Kinds []string `query:"kinds" maxItems:"3" enum:"conversations,contacts,entries" doc:"Absent: all that you may read"`
}

func (s *server) searchRoutes() {
	// Every role may read knowledge, so everybody may search; what else is searched depends on what they may read.
	handle(s, Route{Method: http.MethodGet, Path: "/v1/search", Name: "search", Need: auth.KnowledgeRead, Group: "search",
		Doc: "Conversations by what was written, customers by name, phone number or the host's id, knowledge", DocZH: "全局搜索：会话内容、客户、知识"}, s.search)
}

func (s *server) search(ctx context.Context, in *searchInput) (*body[SearchResult], error) {
	started := time.Now()
	q := strings.TrimSpace(in.Q)
	if q == "" {
		return nil, frontdesk.InvalidField("q", "Say what to look for.")
	}
	out := SearchResult{Conversations: []Found{}, Contacts: []Contact{}, Entries: []FoundEntry{}, Complete: true}
	a := frontdesk.ActorFrom(ctx)
	wanted := func(kind string, need auth.Permission) bool {
		return (len(in.Kinds) == 0 || slices.Contains(in.Kinds, kind)) && auth.Allow(a, need) == nil
	}
	if s.Search != nil && wanted("conversations", auth.ConversationRead) {
		found, complete, err := s.Search.Conversations(ctx, q, in.Limit)
		if err != nil {
			return nil, err
		}
		out.Conversations, out.Complete = append(out.Conversations, found...), complete
	}
	if s.Search != nil && wanted("contacts", auth.ConversationRead) {
		found, next, err := s.Search.Contacts(ctx, q, "", in.Limit)
		if err != nil {
			return nil, err
		}
		out.Contacts, out.Complete = append(out.Contacts, found...), out.Complete && next == ""
	}
	if s.Knowledge != nil && wanted("entries", auth.KnowledgeRead) {
		found, more, err := s.searchEntries(ctx, a.Tenant, in.Bot, q, in.Limit)
		if err != nil {
			return nil, err
		}
		out.Entries, out.Complete = found, out.Complete && !more
	}
	out.Took = float64(time.Since(started).Microseconds()) / 1000
	return &body[SearchResult]{out}, nil
}

// searchEntries looks through the newest release, which is in memory: first entries whose wordings have the words, then
// those that a customer's question would find.
func (s *server) searchEntries(ctx context.Context, tenant, bot, q string, limit int) (found []FoundEntry, more bool, err error) {
	release, err := s.Knowledge.Latest(ctx, tenant, bot)
	if err != nil {
		return nil, false, err
	}
	found = []FoundEntry{}
	seen := map[string]bool{}
	add := func(e *knowledge.Entry) {
		if seen[e.ID] {
			return
		}
		seen[e.ID] = true
		if len(found) == limit {
			more = true
			return
		}
		marks := [][2]int{}
		if s.Search != nil {
			marks = s.Search.Marks(q, e.Question)
		}
		found = append(found, FoundEntry{e.ID, bot, e.Question, e.Category, e.Lang, marks})
	}
	for e := range release.Index.Containing(q) {
		if add(e); more {
			return found, true, nil
		}
	}
	if len([]rune(q)) > 1 {
		for _, c := range release.Index.Search(knowledge.Query{Text: q, K: limit}).Candidates {
			if c.Score >= .1 {
				add(c.Entry)
			}
		}
	}
	return found, more, nil
}
