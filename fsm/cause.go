package fsm

import (
	"net/netip"
	"strconv"
	"time"
)

// A Reason is why a state changed.
type Reason uint8

const (
	NoReason       Reason = iota
	Startup               // the router started, as Backup
	OwnerStartup          // the router started as the owner
	MasterTimeout         // no advert for the down interval: MasterSilent
	MasterResigned        // an advert with priority 0, then the skew
	LesserMaster          // the master's priority is below ours: pre-emption
	HigherPriority        // an advert with a higher priority
	HigherAddress         // an advert of equal priority from a greater address
	Faulted               // health says that the router cannot take part
	Recovered             // health says that it can again
	Shutdown              // the router was stopped
	GroupFollowed         // another router of the sync group decided
	Stalled               // the router was held up for so long that another may be master
	HoldEnded             // pre-emption that the preempt delay had held back
	MasterFound           // a router that joined masters is under another one: see Regroup
)

// A Cause explains a transition or a contest.
type Cause struct {
	Reason       Reason
	Peer         netip.Addr    // who was heard last, if anybody
	PeerPriority uint8         // its priority
	Priority     uint8         // the own effective priority
	Silence      time.Duration // since the peer was heard, or since the router began to listen; Stalled: its own
	Member       int           // GroupFollowed: index of the router that decided
	Because      Reason        // GroupFollowed: why it did; peer and priorities are that router's
}

// own returns the reason behind a decision of the group.
func (c Cause) own() Reason {
	if c.Reason == GroupFollowed {
		return c.Because
	}
	return c.Reason
}

// String explains the cause in one clause without a subject of its own, such
// as "no advert from 192.0.2.2 (priority 100) for 3.609s".
func (c Cause) String() string {
	if c.Reason == GroupFollowed {
		c.Reason = c.Because
		return "the sync group follows one of its members: " + c.String()
	}
	peer, silence := c.Peer.String(), c.Silence.Round(time.Millisecond).String()
	theirs, ours := strconv.Itoa(int(c.PeerPriority)), strconv.Itoa(int(c.Priority))
	switch c.Reason {
	case Startup:
		return "started"
	case OwnerStartup:
		return "started as the owner of the addresses"
	case MasterTimeout:
		if !c.Peer.IsValid() {
			return "no advert from anybody for " + silence
		}
		return "no advert from " + peer + " (priority " + theirs + ") for " + silence
	case MasterResigned:
		return peer + " resigned"
	case LesserMaster:
		if c.PeerPriority == c.Priority {
			return peer + " has the same priority " + theirs + " and a lower address"
		}
		return peer + " has the lower priority " + theirs + " (ours is " + ours + ")"
	case HoldEnded:
		return peer + " has the lower priority " + theirs + " (ours is " + ours + ") and the preempt delay is over"
	case Stalled:
		return "sent no advert for " + silence + ", so that another router may have taken over"
	case MasterFound:
		return peer + " (priority " + theirs + ") is master"
	case HigherPriority:
		return peer + " has the higher priority " + theirs + " (ours is " + ours + ")"
	case HigherAddress:
		return peer + " has the same priority " + theirs + " and a higher address"
	case Faulted:
		return "not fit to take part"
	case Recovered:
		return "fit to take part again"
	case Shutdown:
		return "stopped"
	}
	return "no reason yet"
}

// Event names the cause as the last-event of RFC 8347 does (M-63).
func (c Cause) Event() string { return c.own().String() }

// String returns the identity of RFC 8347 that comes nearest (M-63). Faults are
// told apart by who found them, not here: they count as a shutdown and a
// startup, which is how S-42 treats them.
func (r Reason) String() string {
	switch r {
	case Startup, Recovered:
		return "startup"
	case OwnerStartup:
		return "owner-preempt"
	case MasterTimeout, MasterResigned:
		return "master-timeout"
	case LesserMaster:
		return "lower-priority-master"
	case HoldEnded:
		return "preempt-hold-timeout"
	case HigherPriority, HigherAddress, MasterFound:
		return "higher-priority-backup"
	case Faulted, Shutdown:
		return "shutdown"
	}
	return "none"
}

// A NewMasterReason is why a router became master (RFC 6527, RFC 8347, M-64).
type NewMasterReason uint8

const (
	NotMaster  NewMasterReason = iota // it never did
	ByPriority                        // its priority: the owner's, or after a resignation
	Preempted                         // a lesser master was heard last
	NoResponse                        // silence
)

// NewMaster returns the reason for which this cause makes a master.
func (c Cause) NewMaster() NewMasterReason {
	switch c.own() {
	case OwnerStartup, MasterResigned:
		return ByPriority
	case LesserMaster, HoldEnded:
		return Preempted
	case MasterTimeout:
		return NoResponse
	}
	return NotMaster
}

// String returns the name of RFC 8347.
func (r NewMasterReason) String() string {
	return [...]string{"not-master", "priority", "preempted", "no-response"}[r]
}

// String returns what people call the state, as far as it says it alone: an
// Initialize that is a fault is told by Word (G-1).
func (s State) String() string {
	return [...]string{"INIT", "BACKUP", "MASTER"}[s]
}

// word tells the fault from the mere beginning.
func word(s State, why Cause) string {
	if s == Initialize && why.own() == Faulted {
		return "FAULT"
	}
	return s.String()
}

// Word returns what people call the state that an Enter leads to: MASTER,
// BACKUP, FAULT or INIT (G-1).
func (a Action) Word() string { return word(a.To, a.Cause) }

// String names the verb as the conversations of the tests do.
func (v Verb) String() string {
	return [...]string{"advertise", "acquire", "release", "announce", "enter", "wake", "contest", "one version"}[v]
}
