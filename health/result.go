package health

import (
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An Outcome is the kind of a result.
type Outcome uint8

const (
	Unknown    Outcome = iota // nothing is known yet
	Good                      // exit status 0; the link is up; the address is there; Number processes run; the session is up
	Exited                    // script: ended with the exit status Code
	Signaled                  // script: ended by the signal Code
	TimedOut                  // script: still ran after Took, and was ended
	Unrunnable                // script: could not be started, because of Err
	Unwell                    // service: did not answer well, because of Err. BFD session: is down, because of it
	Assumed                   // script: has not run, and counts as failed (init_fail)
	Down                      // link: not IFF_UP
	NoCarrier                 // link: IFF_UP, but not IFF_RUNNING
	Absent                    // link: does not exist
	NoAddress                 // source: none that could be used
	Holds                     // file: Number is in it, or stands for it because of Err
	TooFew                    // process: Number run, fewer than Limit
	TooMany                   // process: Number run, more than Limit
)

// A Result is what one look at a check found.
type Result struct {
	Outcome Outcome
	Code    int           // Exited: the status, 1 to 255. Signaled: the signal's number
	Took    time.Duration // script: from its start to its end, or to the end of our patience
	Number  int           // what a file holds; how many processes run
	Limit   int           // of processes
	Err     error         // Unrunnable, Unwell, Holds: what is wrong
}

// up reports whether a check is up by this result alone.
func (r Result) up() bool {
	return r.Outcome == Good || r.Outcome == Holds && r.Number == 0
}

// says reports whether r and o say the same of what was looked at.
func (r Result) says(o Result) bool {
	return r.Outcome == o.Outcome && r.Code == o.Code && r.Number == o.Number && r.Limit == o.Limit &&
		(r.Err == nil) == (o.Err == nil) && (r.Outcome != Unwell || r.Err.Error() == o.Err.Error())
}

// String says what was found, without the name of the check.
func (r Result) String() string {
	switch r.Outcome {
	case Good:
		return "exit status 0"
	case Exited:
		return fmt.Sprintf("exit status %d", r.Code)
	case Signaled:
		if name := unix.SignalName(syscall.Signal(r.Code)); name != "" {
			return "ended by " + name
		}
		return fmt.Sprintf("ended by signal %d", r.Code)
	case TimedOut:
		return "timed out after " + round(r.Took).String()
	case Unrunnable, Unwell:
		return r.Err.Error()
	case Assumed:
		return "has not succeeded yet (init_fail)"
	case Down:
		return "is down"
	case NoCarrier:
		return "has no carrier"
	case Absent:
		return "does not exist"
	case NoAddress:
		return "missing"
	case Holds:
		if r.Err != nil {
			return fmt.Sprintf("counts as %d (%v)", r.Number, r.Err)
		}
		return fmt.Sprintf("holds %d", r.Number)
	case TooFew:
		return fmt.Sprintf("%d run, at least %d must", r.Number, r.Limit)
	case TooMany:
		return fmt.Sprintf("%d run, at most %d may", r.Number, r.Limit)
	}
	return "no result yet"
}

// round cuts digits that tell a reader nothing.
func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}
