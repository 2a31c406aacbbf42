package daemon

import (
	"regent/netif"
	"regent/vrrp"
)

// Counters are what a router has done and seen since the counters began.
// Neither a transition nor a reload resets them (M-61).
type Counters struct {
	BecameMaster         uint64 // M-4
	ReleasedMaster       uint64
	Received             uint64 // M-5
	Sent                 uint64 // adverts that left, for one peer at least: M-6, U-5
	Unsent               uint64 // copies of adverts that could not leave
	PriorityZeroReceived uint64 // M-9
	PriorityZeroSent     uint64 // M-10
	Lesser               uint64 // adverts that S-24 and S-34 discarded: M-35
	Ignored              uint64 // adverts heard in Initialize: M-36
	Repeated             uint64 // adverts of version 2 that repeat one of version 3: M-37
	Contests             uint64 // with lesser masters, as often as one is answered (S-38)
	Restored             uint64 // addresses that somebody else had removed
	Refused              uint64 // changes that the kernel refused
	Wire                 vrrp.Counters

	GratuitousARPs         uint64 // that left: M-39
	NeighborAdvertisements uint64 // that left unasked: M-39
}

// All yields every counter of a virtual router by its name: that of the
// specification, section 7, where it has one.
func (c *Counters) All(yield func(name string, n uint64) bool) {
	for _, own := range []struct {
		name string
		n    uint64
	}{
		{"master_transitions", c.BecameMaster},
		{"master_releases", c.ReleasedMaster},
		{"adv_rcvd", c.Received},
		{"adv_sent", c.Sent},
		{"adv_unsent", c.Unsent},
		{"priority_zero_rcvd", c.PriorityZeroReceived},
		{"priority_zero_sent", c.PriorityZeroSent},
		{"rx_lower_priority_discarded", c.Lesser},
		{"rx_ignored_initialize", c.Ignored},
		{"rx_v2_ignored", c.Repeated},
		{"garp_sent", c.GratuitousARPs},
		{"na_sent", c.NeighborAdvertisements},
		{"contests", c.Contests},
		{"addresses_restored", c.Restored},
		{"changes_refused", c.Refused},
	} {
		if !yield(own.name, own.n) {
			return
		}
	}
	for k, n := range c.Wire {
		if counter := vrrp.Counter(k); counter.OfRouter() && !yield(counter.String(), n) {
			return
		}
	}
}

// counters returns what is counted of the router, some of it by its state
// machine, which lives no longer than its group.
func (r *router) counters() Counters {
	c, machine := r.count, r.group.machine.Status(r.member)
	c.Lesser += machine.Lesser
	c.Ignored += machine.Ignored
	c.Repeated += machine.Repeated
	return c
}

// ClearCounters sets all counters to zero, from any goroutine: the only thing
// that moves their beginning (M-61).
func (d *Daemon) ClearCounters() { d.tell((*Daemon).clearCounters) }

// wireCounts is what the wire has counted since the counters were cleared.
func (d *Daemon) wireCounts() netif.WireCounts {
	c, before := d.wire.Counts(), d.wireCleared
	return netif.WireCounts{
		Received: c.Received - before.Received, Malformed: c.Malformed - before.Malformed,
		Overflows: c.Overflows - before.Overflows, Sent: c.Sent - before.Sent, Dropped: c.Dropped - before.Dropped,
	}
}

func (d *Daemon) clearCounters() {
	d.since = d.wall()
	d.wireCleared = d.wire.Counts()
	for _, r := range d.routers {
		// What the machine has counted so far is taken off: the sum wraps to 0.
		r.count = Counters{}
		c := r.counters()
		r.count.Lesser, r.count.Ignored, r.count.Repeated = -c.Lesser, -c.Ignored, -c.Repeated
	}
	for _, lan := range d.lans {
		lan.count = vrrp.Counters{}
	}
}
