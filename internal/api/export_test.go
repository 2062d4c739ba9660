package api

// Bodies are valid bodies of the routes that take one, for the tests of a whole node.
var Bodies = bodies

// RawBody is shown to the tests that stand outside.
var RawBody = rawBody
