// Package fsm decides what a group of virtual routers does.
//
// It is a pure function of events and time: it owns no clock, socket,
// goroutine or log. It is told what happened and when, and answers with what
// to do, in the order to do it.
package fsm

import (
	"net/netip"
	"time"
)

// Time is a moment in nanoseconds since any fixed one, on a clock that never
// steps (T-6).
type Time int64

// Never lies behind every deadline.
const Never Time = 1<<63 - 1

// Add returns t plus d.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns the time from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// State is a state of RFC 9568 section 6.3. What people see as FAULT is
// Initialize with a reason.
type State uint8

const (
	Initialize State = iota
	Backup
	Master
)

// Config is how one virtual router behaves. Its zero options are those of the
// RFCs; priority and interval have none.
type Config struct {
	Version      uint8
	Priority     uint8         // 1 to 255; 255 is the owner's
	Interval     time.Duration // Advertisement_Interval
	NoPreempt    bool          // Preempt_Mode false (nopreempt)
	PreemptDelay time.Duration // preempt_delay, S-48
	DownAdverts  int           // down_timer_adverts, 1 to 100; 0 means 3

	SilentToLower bool          // v3: do not answer a lesser master (lower_prio_no_advert, S-39)
	ReplyToLower  bool          // v2: answer a lesser master, as keepalived does (S-39)
	LastWord      bool          // send one advert before yielding (higher_prio_send_advert)
	StartDelay    time.Duration // vrrp_startup_delay, S-49

	Announce Announcing
}

// Announcing is when a master announces its addresses (the garp_* keywords, B-3).
type Announcing struct {
	Repeat        int           // messages per address at once (garp_master_repeat); 0 means 1
	Delay         time.Duration // until the same again; 0: never (garp_master_delay)
	Refresh       time.Duration // period of the refresh; 0: off (garp_master_refresh)
	RefreshRepeat int           // messages per refresh; 0 means 1
	LowerRepeat   int           // messages after a lesser master was heard; 0: none (garp_lower_prio_repeat)
	LowerDelay    time.Duration // until the same again; 0: never (garp_lower_prio_delay)
}

// An Event is something that happened to one router.
type Event interface{ event() }

type (
	// Start makes a router take part.
	Start struct{}
	// Stop ends it: a master resigns.
	Stop struct{}
	// Expire says that the deadline of the last Wake has come. One that comes
	// early is answered with a Wake.
	Expire struct{}
	// Heard is an advert that passed every check of the wire.
	Heard struct {
		Source   netip.Addr
		Priority uint8
		Interval time.Duration
	}
	// Judged is what health says of the router: see Verdict.
	Judged struct{ Verdict Verdict }
	// Configured replaces the router's settings while it runs (S-44, S-46).
	Configured struct{ Config Config }
	// Addressed says that the router's addresses or its source changed:
	// a master sends an advert at once and, with Announce, announces (S-47).
	Addressed struct {
		Primary  netip.Addr // the local address of the tie break, S-35
		Announce bool
	}
)

func (Start) event()      {}
func (Stop) event()       {}
func (Expire) event()     {}
func (Heard) event()      {}
func (Judged) event()     {}
func (Configured) event() {}
func (Addressed) event()  {}

// A Verdict is the health of a router.
type Verdict struct {
	Delta int  // added to the priority, then clamped to 1..254 (S-45)
	Fault bool // the router cannot take part
	Wait  bool // some check has not reported yet: like Fault, but nothing is announced
}

// A Verb is a kind of action.
type Verb uint8

const (
	Advertise Verb = iota // send one advert with Action.Priority
	Acquire               // take the addresses
	Release               // give them up
	Announce              // tell the neighbours, Action.Times messages for each address
	Enter                 // the state changed: From, To, Cause
	Wake                  // the next deadline, replacing the one before: At, maybe Never
	Contest               // a lesser master was heard while Master: Cause names it
)

// An Action is something to do for one router.
type Action struct {
	Router   int // index in the group
	Do       Verb
	Priority uint8
	Times    int
	At       Time
	From, To State
	Cause    Cause
}

// A Reason is why a state changed; the names are those of the events of
// RFC 8347 where it has one.
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
)

// A Cause explains a transition or a contest.
type Cause struct {
	Reason       Reason
	Peer         netip.Addr    // who was heard last, if anybody
	PeerPriority uint8         // its priority
	Priority     uint8         // the own effective priority
	Silence      time.Duration // since the peer was heard
	Member       int           // GroupFollowed: index of the router that decided
}
