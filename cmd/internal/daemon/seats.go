package daemon

import (
	"iter"
	"net/netip"
	"slices"

	"regent/netif"
)

// seat makes the host answer ARP requests for an IPv4 address with a virtual MAC
// on its device alone (B-10), whoever has it now; Linux would answer on every
// link. Of IPv6 a link answers for its own addresses only: see silence.
func (d *Daemon) seat() {
	want := make(map[netif.Seat]bool)
	vrfs := make(map[netip.Addr]int) // where the addresses are that have a seat
	for _, r := range d.routers {
		for s, by := range d.seatsOf(r) {
			want[s] = true
			vrfs[s.Addr] = d.vrfOf(d.links[d.names[by]])
		}
	}
	for _, l := range d.links {
		for _, a := range l.Addresses { // in another VRF it is another's
			if vrf, seated := vrfs[a.Prefix.Addr()]; seated && vrf != d.vrfOf(l) {
				want[netif.Seat{Addr: a.Prefix.Addr(), Link: l.Index}] = true
			}
		}
	}
	d.reseat(without(want, d.seats), without(d.seats, want))
}

// seatOn does so for a device that a router has got, before there is an address
// on it to answer for; unseat takes it back.
func (d *Daemon) seatOn(r *router, device int) {
	d.reseat(d.some(r, func(s netif.Seat) bool { return s.Link == device && !d.seats[s] }), nil)
}

func (d *Daemon) unseat(r *router, device int) {
	d.reseat(nil, d.some(r, func(s netif.Seat) bool { return s.Link == device && d.seats[s] }))
}

func (d *Daemon) some(r *router, wanted func(netif.Seat) bool) (seats []netif.Seat) {
	for s := range d.seatsOf(r) {
		if wanted(s) {
			seats = append(seats, s)
		}
	}
	return seats
}

func (d *Daemon) reseat(take, leave []netif.Seat) {
	if len(take)+len(leave) == 0 {
		return
	}
	for _, s := range leave {
		delete(d.seats, s)
	}
	for _, s := range take {
		d.seats[s] = true
	}
	d.steward.give(order{do: seat, take: take, leave: leave})
}

// seatsOf are the seats of a router's addresses on its devices, each with the
// link below.
func (d *Daemon) seatsOf(r *router) iter.Seq2[netif.Seat, int] {
	return func(yield func(netif.Seat, int) bool) {
		for _, a := range r.Estate.Addresses {
			addr := a.Prefix.Addr()
			if l, by := d.place(r, a); addr.Is4() && l != nil && r.virtual(a) && !yield(netif.Seat{Addr: addr, Link: l.Index}, by) {
				return
			}
		}
	}
}

// unseats reports whether news of a link may mean another seat: it has other
// addresses, or is in another VRF. Devices with virtual MACs do not matter.
func unseats(before *link, now netif.Link) bool {
	var was netif.Link
	if before != nil && before.Index == now.Index {
		was = before.Link
	}
	return now.Kind != "macvlan" && (was.Kind != now.Kind || was.Master != now.Master || !slices.Equal(was.Addresses, now.Addresses))
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
