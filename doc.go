// Package frontdesk holds the words that every part of the product shares: ids, message content, events, error kinds
// and what a context carries. It imports only the standard library and performs no I/O.
package frontdesk
