package daemon

import (
	"slices"

	"regent/netif"
	"regent/vrrp"
)

// A meeting is where adverts find their router (W-1). Those of a unicast router
// without an interface arrive by any link, and meet it at link 0.
type meeting struct {
	link   int
	family netif.Family
	vrid   uint8
}

// A table finds the router that a packet concerns. Nearly always there is one
// at each meeting. Unicast routers may share a VRID on a link, with one
// multicast router and with each other: then source and destination tell whose
// a packet is.
type table map[meeting][]*router

// add enters a router under its meeting, a multicast one before all others.
func (t table) add(r *router) {
	at := r.meeting()
	if r.Port.Group.IsValid() {
		t[at] = slices.Insert(t[at], 0, r)
	} else {
		t[at] = append(t[at], r)
	}
}

// remove takes a router out again, before its meeting changes.
func (t table) remove(r *router) {
	at := r.meeting()
	t[at] = slices.DeleteFunc(t[at], func(x *router) bool { return x == r })
	if len(t[at]) == 0 {
		delete(t, at)
	}
}

// find returns the router that a packet concerns, nil if there is none. It is
// not known when several unicast routers may be meant and the sender is a peer
// of none: then the packet is nobody's, as with keepalived, and the first of
// them is to count it.
func (t table) find(p *netif.Packet) (r *router, known bool) {
	vrid, ok := vrrp.VRID(p.Payload)
	if !ok {
		return nil, false
	}
	at := meeting{p.Link, netif.FamilyOf(p.Envelope.Src), vrid}
	here := t[at]
	if !p.Envelope.Dst.IsMulticast() {
		at.link = 0
		if r, n := addressee(p, here, t[at]); r != nil {
			return r, n == 1
		}
	}
	if len(here) == 0 {
		return nil, false
	}
	return here[0], true // if it is not for this one either, its counters say so
}

// addressee returns the unicast router that a packet is meant for: the one it
// is sent to that has the sender as a peer, else the first of n that have not,
// which then decides what it thinks of strangers (check_unicast_src).
func addressee(p *netif.Packet, candidates ...[]*router) (r *router, n int) {
	dst, src := p.Envelope.Dst.WithZone(""), p.Envelope.Src.WithZone("")
	for _, routers := range candidates {
		for _, x := range routers {
			switch {
			case x.Port.Group.IsValid() || x.primary != dst:
				continue
			case x.profile.HasPeer(src):
				return x, 1
			case r == nil:
				r = x
			}
			n++
		}
	}
	return r, n
}
