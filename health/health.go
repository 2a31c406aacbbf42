// Package health turns what scripts, files, processes and links report into
// one verdict for each router.
package health

import (
	"time"
)

// A Kind says what a check looks at.
type Kind uint8

const (
	Script    Kind = iota // vrrp_script
	Interface             // a link that must be up (track_interface, and the router's own)
	Source                // a usable source address on a link
)

// A Check is what can be up or down, and how that is found out.
type Check struct {
	Kind Kind
	Name string // unique in its kind

	// For scripts.
	Command  []string      // argv; one word and Shell for a command line
	Interval time.Duration // start to start
	Timeout  time.Duration // 0: the interval
	Rise     int           // successes until it is up; at least 1
	Fall     int           // failures until it is down; at least 1
	InitFail bool          // starts as failed (init_fail)
	User     string        // who runs it; empty: the daemon's user
	Group    string
}

// A Track is one check that a router depends on, and how much it weighs.
type Track struct {
	Kind    Kind
	Name    string
	Weight  int  // -254 to 254; 0: down means FAULT
	Reverse bool // the contribution is turned round
}
