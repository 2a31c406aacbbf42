package fsm

import (
	"net/netip"
	"time"
)

// A Peer is a router that was heard.
type Peer struct {
	Addr     netip.Addr // invalid: nobody was heard yet
	Priority uint8
	At       Time
}

// A Status is what can be told of a router (M-62).
type Status struct {
	State    State
	Wanted   State // Master for a backup that only waits for its group
	Since    Time  // of the last transition
	Cause    Cause // of the last transition
	Up       Time  // since when it is not in Initialize; Never: it is
	Primary  netip.Addr
	Priority uint8 // effective
	Fault    bool  // the router's own, not its group's

	Interval time.Duration // own Advertisement_Interval
	Active   time.Duration // Active_Adver_Interval: the one in force
	Skew     time.Duration // Skew_Time, T-5
	Down     time.Duration // Active_Down_Interval, T-5
	Deadline Time          // of the down timer, the advert timer or the start delay

	Heard     Peer            // whoever was heard last, in any state
	NewMaster NewMasterReason // of the last reign

	Lesser  uint64 // adverts that S-24 and S-34 discarded (M-35)
	Ignored uint64 // adverts heard in Initialize (M-36)

	Repeated uint64 // adverts of version 2 that repeat one of version 3 (M-37)
}

// Status returns what can be told of a router now.
func (g *Group) Status(router int) Status {
	m := &g.members[router]
	s := Status{
		State: m.state, Wanted: m.state, Since: m.since, Cause: m.cause, Up: m.up,
		Primary: m.primary, Priority: m.priority(), Fault: m.verdict.Fault,
		Interval: m.config.Interval, Active: m.interval(), Skew: m.skew(), Down: m.down(),
		Deadline: m.timer, Heard: m.peer, NewMaster: m.newMaster,
		Lesser: m.lesser, Ignored: m.ignored, Repeated: m.repeated,
	}
	if m.state == Initialize {
		s.Up = Never
	}
	if m.wants {
		s.Wanted = Master
	}
	if m.state == Master {
		s.Active = m.config.Interval
	}
	return s
}

// Word returns what people call the state: MASTER, BACKUP, FAULT or INIT (G-1).
func (s Status) Word() string { return word(s.State, s.Cause) }
