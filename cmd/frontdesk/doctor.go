package main

// DoctorCmd is the doctor command.
type DoctorCmd struct{ LaterCmd }
