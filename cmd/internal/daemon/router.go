package daemon

import (
	"net/netip"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// A router is one virtual router at run time. Only the loop touches it.
type router struct {
	*cfgparse.Instance                    // the configuration's own: there may be thousands, of a kilobyte each
	next               *cfgparse.Instance // what a reload has in store; nil: nothing
	serial             int                // of this daemon's routers, from 1; never used again
	index              int                // among the daemon's routers, and on the health board
	group              *group             // whose fate it shares
	member             int                // index in the group
	timer              timer

	device   netif.Link // the one with its virtual MAC; Index 0: none, or not made yet
	annexes  []*annex   // further ones, for some of its addresses
	link     int        // index of its interface; 0: there is none
	vrf      int        // index of its VRF, if it names one
	joined   bool       // it hears its adverts on that link
	deaf     error      // why it does not: joining failed
	toolong  string     // why its adverts cannot leave by that link; empty: they can
	stay     int        // counts its joins; the answer to any but the last is late
	primary  netip.Addr // its source, W-9; invalid: there is none
	from     netip.Addr // where its adverts come from: the source, or the one that has just gone
	profile  vrrp.Profile
	holds    holdings
	audit    audit
	retry    retry
	real     []netip.Addr // of its addresses, those that the host has by itself (owners)
	resolved bool         // holds is up to date
	form     form         // of its checksums
	heard    netip.Addr   // whose advert was accepted last
	twin     netip.Addr   // who was told of for having the same priority (O-2)
	to       []netip.Addr // where they go
	versions []uint8      // that they leave in, one after the other (V-31)
	built    []built      // encoded, one for each destination and version

	begun         bool // the state machine was started
	state         fsm.State
	verdict       health.Verdict
	fault         bool             // it cannot take part, whatever its group does
	tell          *cfgparse.Notify // whom it tells; never changed
	shown         Condition        // what people were told last,
	why           Why              // and why
	event         LastEvent        // of the last transition; empty: there was none
	shift         PriorityChange   // the last one
	moved         bool             // that is not told yet
	protocolError ProtocolError    // of the last packet that had one
	count         Counters
	limits        *limits // see limited
}

// A group is a set of routers that share one fate (vrrp_sync_group). A router
// without a sync group is a group of one.
type group struct {
	machine *fsm.Group
	members []*router
	faults  int  // members that cannot take part
	held    bool // until conclude

	name  string           // of a vrrp_sync_group; empty: a router by itself
	tell  *cfgparse.Notify // whom it tells; never changed
	shown Condition        // what others were told last
	late  bool             // its members come before it, although it has only begun
}

// A Condition is a state as people see it (G-1).
type Condition uint8

const (
	Init Condition = iota
	Backup
	Master
	Fault
)

func (c Condition) String() string {
	return [...]string{"INIT", "BACKUP", "MASTER", "FAULT"}[c]
}

// condition translates the protocol's state: a router that may not take part,
// for its own fault or that of its group, is in FAULT; one that only waits for
// something is in INIT.
func condition(s fsm.State, fault bool) Condition {
	switch {
	case s == fsm.Master:
		return Master
	case s == fsm.Backup:
		return Backup
	case fault:
		return Fault
	default:
		return Init
	}
}

// meeting is where the router's adverts arrive.
func (r *router) meeting() meeting { return meeting{r.via(), r.Port.Family, r.VRID} }
