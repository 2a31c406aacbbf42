package health

import (
	"fmt"
	"strings"
)

// A Reason is what one check means for one router, and why. It explains a
// change of priority or of state.
type Reason struct {
	Track  Track  // the check, and how it weighs for this router
	Result Result // what decided how the check stands
	Up     bool   // how it stands
	Of     int    // script: how many results like this one, in a row, decided it

	Delta int  // what it adds to the priority
	Fault bool // it keeps the router in FAULT
	Wait  bool // it has no result yet, and the router cannot do without
}

// Bad reports whether something is wrong with what was looked at: it is not as it
// should be, or it could not be looked at.
func (r Reason) Bad() bool {
	return r.Result.Err != nil || !r.Up && r.Track.Kind != File && r.Result.Outcome != Unknown
}

// String tells the whole reason:
//
//	chk_haproxy failed 2 of 2: exit status 1, weight -4
//	interface eth0 has no carrier
//	no IPv4 address on eth0
func (r Reason) String() string {
	var s strings.Builder
	s.WriteString(r.what())
	if r.Track.Weight != 0 {
		fmt.Fprintf(&s, ", weight %d", r.Track.Weight)
	}
	if r.Track.Reverse {
		if r.Track.Weight == 0 {
			s.WriteByte(',')
		}
		s.WriteString(" reverse")
	}
	return s.String()
}

// what says how the check stands, without its weight.
func (r Reason) what() string {
	name := r.Track.Name
	switch r.Track.Kind {
	case Interface:
		name = "interface " + name
		if r.Up {
			return name + " is up"
		}
	case Source:
		if r.Up {
			return name + " found"
		}
		if r.Result.Outcome == NoAddress {
			return "no " + name
		}
	case File:
		name = "file " + name
	case Process:
		name = "process " + name
		switch {
		case r.Up:
			return fmt.Sprintf("%s: %d run", name, r.Result.Number)
		case r.Result.Outcome != Unknown:
			return fmt.Sprintf("%s: %v", name, r.Result)
		}
	case BFD:
		name = "BFD session " + name
		switch {
		case r.Up:
			return name + " is up"
		case r.Result.Outcome == Unwell:
			return fmt.Sprintf("%s is down: %v", name, r.Result)
		}
	case Script:
		switch {
		case r.Up:
			return name + " succeeded" + r.times()
		case r.Result.Outcome != Unknown && r.Result.Outcome != Assumed:
			return fmt.Sprintf("%s failed%s: %v", name, r.times(), r.Result)
		}
	}
	if r.Result.Outcome == Unknown {
		return name + " has no result yet"
	}
	return name + " " + r.Result.String()
}

func (r Reason) times() string {
	if r.Of < 2 {
		return ""
	}
	return fmt.Sprintf(" %d of %[1]d", r.Of)
}
