package main

// RestoreCmd is the restore command.
type RestoreCmd struct{ LaterCmd }
