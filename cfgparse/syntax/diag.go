package syntax

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Severity says what a diagnostic does to the daemon.
type Severity uint8

const (
	Note    Severity = iota // good to know
	Warning                 // the daemon runs, but not as the text seems to say
	Error                   // the daemon refuses to run
)

var severityNames = [...]string{"note", "warning", "error"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText makes a Severity readable in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Class is what keepalived would call a problem; its exit status under -t
// follows from the classes alone.
type Class uint8

const (
	Advice           Class = iota // keepalived has no such message
	FileNotFound                  // a file or include that is not there
	BadInterface                  // an interface that is not there
	CannotRun                     // a piece that cannot work and is left out
	UnknownKeyword                // a word that is no keyword here
	Braces                        // missing, surplus or unexpected braces
	Quotes                        // an unmatched quote
	MissingParameter              // a keyword without its argument: keepalived stops reading
	Number                        // not a number, or out of its range
	General                       // everything else that is wrong
	Doubtful                      // accepted, but probably not meant
	Deprecated                    // accepted, but old
	Security                      // scripts that others might change
	Unreadable                    // the configuration, or an include that must exist, cannot be read
)

var classNames = [...]string{
	"advice", "file-not-found", "bad-interface", "cannot-run", "unknown-keyword", "braces", "quotes",
	"missing-parameter", "number", "general", "doubtful", "deprecated", "security", "unreadable",
}

func (c Class) String() string { return classNames[c] }

// MarshalText makes a Class readable in JSON.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Diagnostic is one thing to say about a configuration.
type Diagnostic struct {
	Pos      Pos
	Severity Severity
	Class    Class
	Message  string // what is wrong
	Expected string // what would have been right, if that can be said
	Suggest  string // the word that was probably meant
	Effect   string // what happens because of it
	Absent   bool   // so a script does not run that somebody counts on
}

// Error is the diagnostic in one line, with its place.
func (d Diagnostic) Error() string {
	s := d.Message
	if d.Suggest != "" {
		s += fmt.Sprintf(" (did you mean %q?)", d.Suggest)
	}
	if d.Pos.String() == "" {
		return s
	}
	return d.Pos.String() + ": " + s
}

// Diagnostics are all that there is to say about a configuration, in the
// order of its text as far as possible.
type Diagnostics []Diagnostic

// Fatal reports whether the daemon must refuse to run.
func (ds Diagnostics) Fatal() bool {
	for _, d := range ds {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Worst is the highest severity; Note if there is nothing.
func (ds Diagnostics) Worst() Severity {
	worst := Note
	for _, d := range ds {
		worst = max(worst, d.Severity)
	}
	return worst
}

// Exit statuses of keepalived.
const (
	ExitOK            = 0
	ExitConfiguration = 2
	ExitCannotRun     = 4
	ExitComplaints    = 5
	ExitSecurity      = 6
	ExitUnreadable    = 6
)

// ExitCode is the exit status of a configuration test (-t), as keepalived's,
// but without its faults: a file that cannot be read is a failure, and a
// complaint about script security hides no other.
func (ds Diagnostics) ExitCode() int {
	var seen [Unreadable + 1]bool
	worst := Advice
	for _, d := range ds {
		if d.Class != Security {
			worst = max(worst, d.Class)
		}
		seen[d.Class] = true
	}
	switch {
	case seen[Unreadable]:
		return ExitUnreadable
	case seen[MissingParameter]:
		return ExitConfiguration
	case worst > CannotRun:
		return ExitComplaints
	case ds.Fatal():
		return ExitComplaints
	case worst > Advice:
		return ExitCannotRun
	case seen[Security]:
		return ExitSecurity
	}
	return ExitOK
}

// RunStatus is the exit status of a daemon that must not run with this
// configuration, and ExitOK if it may.
func (ds Diagnostics) RunStatus() int {
	if !ds.Fatal() {
		return ExitOK
	}
	for _, d := range ds {
		if d.Severity == Error && d.Class == Unreadable {
			return ExitUnreadable
		}
	}
	return ExitConfiguration
}

// maxDiagnostics bounds what one configuration can make us say.
const maxDiagnostics = 2000

// A Report collects diagnostics while a configuration is read.
type Report struct {
	list    Diagnostics
	dropped int
}

// Add appends a diagnostic. Errors are never dropped.
func (r *Report) Add(d Diagnostic) {
	if len(r.list) >= maxDiagnostics && d.Severity != Error || len(r.list) >= 2*maxDiagnostics {
		r.dropped++
		return
	}
	r.list = append(r.list, d)
}

// Full reports whether no more than errors are taken: it is not worth working
// on what a warning might say.
func (r *Report) Full() bool { return len(r.list) >= maxDiagnostics }

// Warn adds a warning.
func (r *Report) Warn(p Pos, c Class, format string, args ...any) {
	r.Add(Diagnostic{Pos: p, Severity: Warning, Class: c, Message: fmt.Sprintf(format, args...)})
}

// Fail adds an error.
func (r *Report) Fail(p Pos, c Class, format string, args ...any) {
	r.Add(Diagnostic{Pos: p, Severity: Error, Class: c, Message: fmt.Sprintf(format, args...)})
}

// Diagnostics returns all that was added, in the order of the text.
func (r *Report) Diagnostics() Diagnostics {
	slices.SortStableFunc(r.list, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Pos.seq(), b.Pos.seq()), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	if r.dropped > 0 {
		return append(r.list, Diagnostic{Severity: Warning, Class: General,
			Pos: r.list[len(r.list)-1].Pos, Message: fmt.Sprintf("%d more problems are not shown", r.dropped)})
	}
	return r.list
}

// seq orders places by when they were read; no place comes last.
func (p Pos) seq() int {
	if p.origin == nil {
		return math.MaxInt
	}
	return p.origin.seq
}
