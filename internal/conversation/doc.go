// Package conversation keeps what was said, in order, and sees that each message of a customer is dealt with exactly once.
//
// Accept appends a message and, if nobody works on the conversation, claims the turn for this node, in one transaction;
// only after its commit is the customer acknowledged. A turn runs the dialogue's step on all unanswered messages and
// commits replies, state, trace, effects and events in one transaction that also releases the claim or takes the next
// turn. The claim (boot/epoch/turn) is a fence: every write of the turn is conditional on it, so a turn that was retaken
// by another node, or cut short by a person taking over, changes nothing. A claim whose node died is retaken: at start on
// SQLite, where the folder's lock proves every earlier boot dead, and by the sweeper on PostgreSQL, where nodes prove life
// by one heartbeat row on the database's clock.
//
// What a person can see leaves only as compliance.Checked.
package conversation
