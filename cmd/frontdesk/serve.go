package main

// ServeCmd is the serve command.
type ServeCmd struct{ LaterCmd }
