// Package health turns what scripts, services, files, processes, links and BFD
// sessions report into one verdict for each router.
//
// It has two halves. A [Board] is pure: it remembers the latest standing of
// every check and sums up what it means for each router; it belongs to the
// daemon's loop. A [Watcher] lives beside the loop: it runs scripts, asks
// services, follows files and processes and keeps BFD sessions, each in a
// goroutine of its own, and reports what it finds. Links and addresses are
// watched by the daemon itself, which posts them to the board like the rest.
package health

import (
	"time"

	"regent/health/bfd"
	"regent/health/probe"
)

// A Kind says what a check looks at.
type Kind uint8

const (
	Script    Kind = iota // vrrp_script, vrrp_check
	Interface             // a link that must be up (track_interface, and the router's own)
	Source                // a usable source address on a link
	File                  // the number in a file (track_file)
	Process               // running processes (vrrp_track_process)
	BFD                   // a session of bidirectional forwarding detection (track_bfd)
)

// A Check is what can be up or down, and how that is found out.
type Check struct {
	Kind Kind

	// Name is unique in its kind: that of the block, or of the link.
	// A Source is named by what it wants, such as "IPv4 address on eth0", so
	// that the reason of its absence reads "no IPv4 address on eth0".
	Name string

	// For scripts, and what takes their place.
	Probe    probe.Probe   // vrrp_check: asks a service itself; then there is no Command
	Command  []string      // argv
	Shell    bool          // Command is one word, a line for /bin/sh -c
	Interval time.Duration // from start to start; 0: one second
	Timeout  time.Duration // 0: the interval
	Rise     int           // successes until it is up; 0 means 1
	Fall     int           // failures until it is down; 0 means 1
	InitFail bool          // starts as failed (init_fail)
	User     string        // who runs it; empty: the daemon's user
	Group    string        // empty: the primary group of the user
	Groups   bool          // with the user's supplementary groups (set_supplementary_groups)
	Secure   bool          // refuse what Resolve calls Insecure (enable_script_security)

	File    FileCheck    // for files
	Process ProcessCheck // for processes
	BFD     bfd.Settings // for BFD sessions
}

// A Track is one check that a router depends on, and how much it weighs.
type Track struct {
	Kind    Kind
	Name    string
	Weight  int  // -254 to 254; 0: down means FAULT. A file's number is multiplied by it
	Reverse bool // the contribution is turned round
}

// A Report says what one look at a check found.
type Report struct {
	Kind   Kind
	Name   string
	Result Result

	// from is set by a Watcher. With it a board drops the last word of a
	// command that a reload has replaced meanwhile.
	from *Check
}
