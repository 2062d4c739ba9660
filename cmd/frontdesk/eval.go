package main

// EvalCmd measures answering against labelled files.
type EvalCmd struct {
	Intent  LaterCmd `cmd:"" help:"Intents (not part of this version)."`
	Match   LaterCmd `cmd:"" help:"Sentence pairs (not part of this version)."`
	Emotion LaterCmd `cmd:"" help:"Emotion (not part of this version)."`
	Tasks   LaterCmd `cmd:"" help:"Guided tasks (not part of this version)."`
}
