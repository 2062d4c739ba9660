package main

// AskCmd is the ask command.
type AskCmd struct{ LaterCmd }
