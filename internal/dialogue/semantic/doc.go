// Package semantic turns what people type into tokens: one way of normalising, segmenting and stemming for questions,
// knowledge, intents and word lists, so that all of them agree on what is the same word.
//
// It never fails: any bytes are accepted, what is not text is dropped, and the work is linear in the input. Nothing is
// loaded at start; the dictionary (tools/dict) is embedded and used in place. All functions are safe for concurrent use.
package semantic
