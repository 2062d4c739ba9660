// Package knowledge holds what bots know: entries of a question, its other wordings and an answer. It reads them from files,
// keeps them in the database as numbered releases, and finds the entry that answers a question.
//
// Three parts, each usable alone. Parse and Write turn files into entries and back: every bad row is named, no good row is
// lost, and what was written reads back the same. Store keeps entries; each change is a new release, seen whole or not at
// all, on this node at once and on others within half a second. Index finds: immutable, safe for concurrent use, without
// I/O, and its scores are probabilities of being right.
package knowledge
