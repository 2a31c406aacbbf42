// Package fsm decides what a group of virtual routers does.
//
// It is a pure function of events and time: it owns no clock, socket,
// goroutine or log. It is told what happened and when, and answers with what
// to do, in the order to do it.
//
// A router is one machine (machine.go), which reads like the state tables of
// RFC 9568 section 6.4 and RFC 3768 section 6.4. A group (group.go) is one or
// more machines that share one fate; a router without a sync group is a group
// of one. Who shares it may change while they run (regroup.go).
package fsm

import (
	"net/netip"
	"time"

	"regent/vrrp"
)

// Time is a moment in nanoseconds since any fixed one, on a clock that never
// steps (T-6).
type Time int64

// Never lies behind every deadline.
const Never Time = 1<<63 - 1

// Add returns t plus d, which is not negative; what lies too far ahead is Never.
func (t Time) Add(d time.Duration) Time {
	if t > Never-Time(d) {
		return Never
	}
	return t + Time(d)
}

// Sub returns the time from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// State is a state of RFC 9568 section 6.3. What people see as FAULT is
// Initialize with a reason: see Status.Word and Action.Word.
type State uint8

const (
	Initialize State = iota
	Backup
	Master
)

// Config is how one virtual router behaves. Its zero options are those of the
// RFCs.
type Config struct {
	Version      uint8         // vrrp.V2 or vrrp.V3; 0 means vrrp.V3
	Priority     uint8         // 1 to 255; 255 is the owner's; 0 means 100
	Interval     time.Duration // Advertisement_Interval; 0 means 1 s
	NoPreempt    bool          // Preempt_Mode false (nopreempt); an owner always pre-empts (S-4)
	PreemptDelay time.Duration // preempt_delay, S-48
	DownAdverts  int           // down_timer_adverts, 1 to 100; 0 means 3 (S-50)

	SilentToLower bool          // v3: do not answer a lesser master (lower_prio_no_advert, S-39)
	ReplyToLower  bool          // v2: answer a lesser master, as keepalived does (S-39)
	LastWord      bool          // send one advert before yielding (higher_prio_send_advert)
	StartDelay    time.Duration // vrrp_startup_delay, S-49

	// ExpiredBackup is the priority of a router that would have taken over
	// while this one was held up for so long that it yields; 0: it never does
	// (timer_expired_backup).
	ExpiredBackup uint8

	ResignNoExtend bool          // a resignation never puts the down timer off (resign_no_extend, O-4)
	MinLearned     time.Duration // shortest interval that is learned; 0: any (min_learned_interval, O-5)

	BothVersions bool // a router of version 3 that understands version 2, too (interop_v2v3, V-30)

	VirtualMAC bool // adverts leave with the virtual MAC (use_vmac), S-40
	SharedMAC  bool // IPv4 addresses have the virtual MAC, even if adverts have not (vmac_xmit_base)
	Announce   Announcing
}

// Announcing is when a master announces its addresses (the garp_* keywords, B-3).
type Announcing struct {
	Repeat        int           // messages per address at once (garp_master_repeat); 0 means 1
	Delay         time.Duration // until the same again; 0: never (garp_master_delay)
	Refresh       time.Duration // period of the refresh; 0: off (garp_master_refresh)
	RefreshRepeat int           // messages per refresh; 0 means 1

	// Elsewhere is the period of one message for each address that is on
	// another link than the adverts, which keep only theirs known to switches
	// (garp_extra_if); 0: never.
	Elsewhere time.Duration

	// LowerRepeat is the number of messages after a contest with another
	// master (garp_lower_prio_repeat). 0 follows S-40: one, or none with a
	// virtual MAC, whose adverts teach the switches by themselves. Negative:
	// none, which is what keepalived's 0 says.
	LowerRepeat int
	LowerDelay  time.Duration // until the same again; 0: never (garp_lower_prio_delay)
}

// complete fills in what zero stands for.
func (c Config) complete() Config {
	if c.Version == 0 {
		c.Version = vrrp.V3
	}
	if c.Priority == 0 {
		c.Priority = vrrp.DefaultPriority
	}
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.DownAdverts <= 0 {
		c.DownAdverts = 3
	}
	a := &c.Announce
	a.Repeat = max(a.Repeat, 1)
	a.RefreshRepeat = max(a.RefreshRepeat, 1)
	if a.LowerRepeat == 0 && !c.VirtualMAC {
		a.LowerRepeat = 1
	}
	a.LowerRepeat = max(a.LowerRepeat, 0)
	return c
}

// An Event is something that happened to one router.
type Event interface{ event() }

type (
	// Start makes a router take part. The members of a group begin together,
	// when the last of them has been started.
	Start struct{}
	// Stop ends it: a master resigns. A router that was stopped no longer
	// counts in its group.
	Stop struct{}
	// Expire says that the deadline of the last Wake has come. It is always
	// answered with a Wake, and one that comes early with nothing else.
	Expire struct{}
	// Heard is an advert that passed every check of the wire.
	Heard struct {
		Source   netip.Addr
		Version  uint8 // that of the advert; only a router with BothVersions looks at it
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
		Primary  netip.Addr // the local address of the tie break, S-35; invalid: as before
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
	Delta int  // added to the priority, then clamped to 1..254; an owner's stays (S-45)
	Fault bool // the router cannot take part
	Wait  bool // some check has not reported yet: the router does not begin; one that runs goes on
}

// A Verb is a kind of action.
type Verb uint8

const (
	Advertise  Verb = iota // send one advert with Action.Priority
	Acquire                // take the addresses
	Release                // give them up
	Announce               // tell the neighbours, Action.Times messages for each address; with Elsewhere, for some
	Enter                  // the state changed: From, To, Cause; both Initialize when only the fault is new
	Wake                   // the next deadline, replacing the one before: At, maybe Never
	Contest                // a lesser master was heard while Master: Cause names it
	OneVersion             // a master speaks version 3 alone, unlike this router: Cause names it, once (V-34)
)

// An Action is something to do for one router.
type Action struct {
	Router    int // index in the group
	Do        Verb
	Priority  uint8
	Times     int
	Elsewhere bool // only addresses on other links than the adverts
	At        Time
	From, To  State
	Cause     Cause
}
