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

// find returns the router that a packet concerns, nil if there is none.
func (t table) find(p *netif.Packet) *router {
	vrid, ok := vrrp.VRID(p.Payload)
	if !ok {
		return nil
	}
	at := meeting{p.Link, netif.FamilyOf(p.Envelope.Src), vrid}
	here := t[at]
	if !p.Envelope.Dst.IsMulticast() {
		at.link = 0
		if r := addressee(p, here, t[at]); r != nil {
			return r
		}
	}
	if len(here) == 0 {
		return nil
	}
	return here[0] // if it is not for this one either, its counters say so
}

// addressee returns the unicast router that a packet is meant for: the one it
// is sent to that has the sender as a peer, else one that has not, which then
// decides what it thinks of strangers (check_unicast_src).
func addressee(p *netif.Packet, candidates ...[]*router) (stranger *router) {
	dst, src := p.Envelope.Dst.WithZone(""), p.Envelope.Src.WithZone("")
	for _, routers := range candidates {
		for _, r := range routers {
			switch {
			case r.Port.Group.IsValid() || r.primary != dst:
			case r.profile.HasPeer(src):
				return r
			case stranger == nil:
				stranger = r
			}
		}
	}
	return stranger
}
