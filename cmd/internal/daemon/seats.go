package daemon

import (
	"maps"
	"net/netip"
	"slices"

	"regent/netif"
)

// seat makes the host answer ARP requests for an IPv4 address with a virtual MAC
// on its device alone (B-10), whoever has it now; Linux would answer on every
// link. Of IPv6 a link answers for its own addresses only: see silence.
func (d *Daemon) seat() {
	if d.seated {
		return
	}
	d.seated = true
	want := make(map[netif.Seat]bool)
	vrfs := make(map[netip.Addr]int) // where the addresses are that have a seat
	for _, r := range d.routers {
		for _, a := range r.Estate.Addresses {
			addr := a.Prefix.Addr()
			if l, by := d.place(r, a); addr.Is4() && l != nil && r.virtual(a) {
				want[netif.Seat{Addr: addr, Link: l.Index}] = true
				vrfs[addr] = d.vrfOf(d.links[d.names[by]])
			}
		}
	}
	for _, l := range d.links {
		for _, a := range l.Addresses { // in another VRF it is another's
			if vrf, seated := vrfs[a.Prefix.Addr()]; seated && vrf != d.vrfOf(l) {
				want[netif.Seat{Addr: a.Prefix.Addr(), Link: l.Index}] = true
			}
		}
	}
	if !maps.Equal(want, d.seats) {
		d.steward.give(order{do: seat, take: without(want, d.seats), leave: without(d.seats, want)})
		d.seats = want
	}
}

// unseats reports whether news of a link may change what seat finds out. The
// addresses of devices with virtual MACs, which come and go, do not.
func unseats(before *link, now netif.Link) bool {
	return before == nil || before.Index != now.Index || before.Master != now.Master ||
		now.Kind != "macvlan" && !slices.Equal(before.Addresses, now.Addresses)
}

// virtual reports whether an address of a router is to have a virtual MAC.
func (r *router) virtual(a netif.Address) bool {
	return a.VMAC || a.Interface == "" && r.VMAC.Kind == netif.MACVLAN
}

// vrfOf returns the index of the VRF that a link is in; 0: none.
func (d *Daemon) vrfOf(l *link) int {
	if l == nil || l.Master == 0 {
		return 0
	}
	if m := d.links[d.names[l.Master]]; m == nil || m.Kind != "vrf" {
		return 0
	}
	return l.Master
}

// silence adds what keeps the link below a device from answering neighbour
// solicitations for an owner's IPv6 addresses, which it may have, too (B-12).
func (d *Daemon) silence(r *router, refusals map[netif.Refusal]bool) {
	for _, a := range r.Estate.Addresses {
		addr := a.Prefix.Addr()
		if l, by := d.place(r, a); addr.Is6() && l != nil && r.virtual(a) {
			refusals[netif.Refusal{Addr: addr, Link: by, Questions: true}] = true
		}
	}
}
