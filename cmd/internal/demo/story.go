package main

import (
	"regexp"
	"strings"
)

// An event is what the timeline shows of a daemon's log.
type event struct {
	state  string // MASTER, BACKUP or FAULT, if that changed
	detail string // in the daemon's words
}

// How daemons log what the timeline shows. Nothing else knows how a log line looks.
var (
	entering = regexp.MustCompile(`\([^)]+\) Entering (MASTER|BACKUP|FAULT) STATE(.*)`) // regentd, keepalived
	priority = regexp.MustCompile(`\([^)]+\) Changing effective priority`)
	leftover = regexp.MustCompile(`removing an address that a predecessor left behind`)
	pair     = regexp.MustCompile(`(\w+)=("[^"]*"|\S+)`) // key=value, as regentd ends its lines
)

// parse reads a line of a daemon's log; false if the timeline does not show it.
func parse(line string) (event, bool) {
	fields := make(map[string]string)
	for _, m := range pair.FindAllStringSubmatch(line, -1) {
		fields[m[1]] = strings.Trim(m[2], `"`)
	}
	switch m := entering.FindStringSubmatch(line); {
	case m != nil && fields["reason"] != "":
		return event{m[1], fields["reason"]}, true
	case m != nil:
		return event{m[1], strings.Trim(m[2], " :()")}, true
	case priority.MatchString(line):
		return event{"", "priority " + fields["from"] + " -> " + fields["to"] + ": " + fields["reason"]}, true
	case leftover.MatchString(line):
		return event{"", fields["address"] + " was left behind by the killed one, and is removed"}, true
	}
	return event{}, false
}
