// Package load measures a server from outside, as its customers meet it, and tries to make it lose something.
//
// A Fleet is many simulated customers on WebSockets in one process. Its contract:
//
//   - Arrivals are open loop: message i of a run is due at start + i/rate whatever the server does, and every latency counts
//     from that instant. A server that stalls is charged for the messages that had to wait, not only for the one it held.
//   - Nothing is believed: after a run the conversations are read back and compared by client id, sequence and reply_to.
//   - It shares the machine with what it measures, so the hot loop parses and builds frames by hand and allocates little.
//
// Path, Sockets and Crash are the benches built on it. Each starts the server as a process of its own from the same
// program, and the fleet in another, driven over the pipe of its standard input and output (Remote).
package load
