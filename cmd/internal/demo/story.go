package main

import (
	"regexp"
	"strings"
)

// An event is a change of state that a daemon has logged.
type event struct {
	state  string // MASTER, BACKUP or FAULT
	reason string // in the daemon's words; may be empty
}

// entering is how regentd and keepalived log that a router changes its state.
var entering = regexp.MustCompile(`\([^)]+\) Entering (MASTER|BACKUP|FAULT) STATE(.*)`)

// parse reads a line of a daemon's log; false if it tells of nothing that the
// timeline shows. It is the only place that knows how a log line looks.
func parse(line string) (event, bool) {
	m := entering.FindStringSubmatch(line)
	if m == nil {
		return event{}, false
	}
	return event{state: m[1], reason: strings.Trim(m[2], " :()")}, true
}
