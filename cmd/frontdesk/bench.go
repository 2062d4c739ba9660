package main

// BenchCmd is the bench command.
type BenchCmd struct{ LaterCmd }
