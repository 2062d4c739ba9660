// Package auth decides who a request is made by and what they may do.
//
// Staff sign in with an e-mail address and a password and hold a session; programs hold an API key; visitors hold a token
// that the server signs and does not store. Every right is one row of one table (permission.go) and is checked at one
// place, Allow. A tenant is never named by a request: it comes from the actor.
//
// Secrets are kept as hashes (passwords by argon2id, session tokens and keys by SHA-256, which suffices for 256 random
// bits), so that a copy of the database signs nobody in.
package auth
