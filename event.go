package frontdesk

import "encoding/json"

// Event is one fact in the event log. It carries ids and masked text only.
type Event struct {
	Pos          int64           `json:"pos"` // dense position, given after commit; 0 until then
	ID           string          `json:"id"`
	Tenant       string          `json:"tenant"`
	Type         string          `json:"type"`
	Version      int             `json:"version"`
	At           int64           `json:"at"` // microseconds, UTC
	Conversation string          `json:"conversation,omitempty"`
	Subject      string          `json:"subject,omitempty"` // id of what it is about, if not the conversation
	Actor        string          `json:"actor,omitempty"`   // kind:id
	Data         json.RawMessage `json:"data,omitempty"`
}

// The event types. docs/events.md describes each; a change of shape is a new version.
const (
	EvConversationOpened = "conversation.opened"
	EvConversationOwned  = "conversation.owned" // bot, queue, agent: ownership changed
	EvConversationClosed = "conversation.closed"
	EvConversationRated  = "conversation.rated"
	EvConversationRead   = "conversation.read" // staff have seen what the customer wrote last
	EvMessageReceived    = "message.received"
	EvMessageSent        = "message.sent"
	EvMessageChanged     = "message.changed" // revised, recalled or redacted
	EvTurnCompleted      = "turn.completed"
	EvAnswerRated        = "answer.rated"
	EvEffectRequested    = "effect.requested"
	EvEffectDone         = "effect.done"
	EvKnowledgeChanged   = "knowledge.changed"
	EvReleasePublished   = "release.published"
	EvVisitorIdentified  = "visitor.identified"
	EvVisitorTracked     = "visitor.tracked" // what the visitor did on the host's pages
	EvStaffSignedIn      = "staff.signed_in"
	EvStaffSignedOut     = "staff.signed_out"
	EvStaffSignInFailed  = "staff.sign_in_failed"
	EvConfigChanged      = "config.changed" // site, staff, key, webhook: subject says which
	EvSealedRevealed     = "sealed.revealed"
	EvPersonErased       = "person.erased"
)

// EventTypes is the catalogue, in the order of docs/events.md.
var EventTypes = []string{
	EvConversationOpened, EvConversationOwned, EvConversationClosed, EvConversationRated, EvConversationRead,
	EvMessageReceived, EvMessageSent, EvMessageChanged, EvTurnCompleted, EvAnswerRated,
	EvEffectRequested, EvEffectDone, EvKnowledgeChanged, EvReleasePublished, EvVisitorIdentified, EvVisitorTracked,
	EvStaffSignedIn, EvStaffSignedOut, EvStaffSignInFailed, EvConfigChanged, EvSealedRevealed, EvPersonErased,
}
