package daemon

import (
	"iter"
	"net/netip"
	"slices"

	"regent/netif"
)

// seat makes the host answer ARP requests for an IPv4 address with a virtual MAC
// on its device alone (B-10), whoever has it now; Linux would answer on every
// link. Of IPv6 a link answers for its own addresses only: see refuseQuestions.
func (d *Daemon) seat() {
	want := make(map[netif.Seat]bool)
	vrfs := make(map[netip.Addr]int) // where the addresses are that have a seat
	for _, r := range d.routers {
		for s := range d.seatsOf(r) {
			want[s.Seat] = true
			vrfs[s.Addr] = d.vrfOf(d.links[d.names[s.parent]])
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
	d.reseat(d.some(r, func(s seating) bool { return s.device == device && !d.seats[s.Seat] }), nil)
}

func (d *Daemon) unseat(r *router, device int) {
	d.reseat(nil, d.some(r, func(s seating) bool { return s.device == device && d.seats[s.Seat] }))
}

func (d *Daemon) some(r *router, wanted func(seating) bool) (seats []netif.Seat) {
	for s := range d.seatsOf(r) {
		if wanted(s) {
			seats = append(seats, s.Seat)
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

// A seating is a seat together with the device that it is for, and the link below.
type seating struct {
	netif.Seat
	device, parent int
}

// seatsOf are the seats of a router's addresses on its devices. The link below
// an owner's device has the addresses, too; it is not to tell anybody (B-8).
func (d *Daemon) seatsOf(r *router) iter.Seq[seating] {
	return func(yield func(seating) bool) {
		for _, a := range r.Estate.Addresses {
			addr := a.Prefix.Addr()
			l, by := d.place(r, a)
			if l == nil || !addr.Is4() || !r.virtual(a) {
				continue
			}
			if !yield(seating{netif.Seat{Addr: addr, Link: l.Index}, l.Index, by}) ||
				r.profile.Owner && !yield(seating{netif.Seat{Addr: addr, Link: by, Mute: true}, l.Index, by}) {
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
	return a.VMAC || r.houses(a) && r.VMAC.Kind == netif.MACVLAN
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

// refuseQuestions adds what keeps the link below a device from answering neighbour
// solicitations for an owner's IPv6 addresses, which it may have, too (B-12).
func (d *Daemon) refuseQuestions(r *router, refusals map[netif.Refusal]bool) {
	for _, a := range r.Estate.Addresses {
		addr := a.Prefix.Addr()
		if l, by := d.place(r, a); addr.Is6() && l != nil && r.virtual(a) {
			refusals[netif.Refusal{Addr: addr, Link: by, Questions: true}] = true
		}
	}
}
