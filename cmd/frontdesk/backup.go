package main

// BackupCmd is the backup command.
type BackupCmd struct{ LaterCmd }
