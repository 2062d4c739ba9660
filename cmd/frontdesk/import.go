package main

// ImportCmd is the import command.
type ImportCmd struct{ LaterCmd }
