// Package compliance decides what may be stored and what may be said.
//
// On the way in, Clean refuses or repairs broken text, Detect finds personal data in a message and Vault.Seal replaces each
// value by a typed token such as <phone:1> before anything is stored. Across finds values that a customer split over the
// messages of one burst. On the way out, Checker.Check masks personal data and applies the tenant's words; what it lets
// through is a Checked value, which nothing else can make, and delivery accepts nothing else. When Check fails, nothing is sent.
//
// A sealed value can be opened only through the Vault: AES-256-GCM under a key of the person, which is wrapped by the tenant's
// key, which is wrapped by the master key. Destroying a person's key erases all that was sealed for them. The package never
// writes a value to a log or an error.
package compliance
