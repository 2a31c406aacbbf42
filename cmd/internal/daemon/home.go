package daemon

import (
	"net/netip"
	"slices"

	"regent/netif"
)

// anywhere stands for a link's name where any link may be meant.
const anywhere = ""

// anchored reports that a router cannot do without the source address that its
// configuration names. A unicast router that has lost it hears no peer any
// more; one that sends to the group is told to mind (track_src_ip).
func (r *router) anchored() bool {
	in := r.settings()
	return in.Port.Source.IsValid() && (in.TrackSource || !in.Port.Group.IsValid())
}

// An anchor is that address. Of a link-local one it matters on which link it is;
// the same address may be in several VRFs.
type anchor struct {
	addr netip.Addr
	link string // empty: any
	vrf  string // empty: any, and none
}

func anchorOf(p netif.Port) anchor {
	a := anchor{addr: p.Source, vrf: p.VRF}
	if p.Source.IsLinkLocalUnicast() && p.Source.Is6() {
		a.link = p.Interface
	}
	return a
}

// String names the anchor for the health board.
func (a anchor) String() string {
	s := "source address " + a.addr.String()
	if a.link != "" {
		s += " on " + a.link
	}
	if a.vrf != "" {
		s += " in the VRF " + a.vrf
	}
	return s
}

// home returns the link where a router is, nil if there is none: the interface
// that it names or, for a unicast router that names none, the one that has its
// source.
func (d *Daemon) home(r *router) *link {
	if r.Port.Interface != "" {
		return d.links[r.Port.Interface]
	}
	return d.links[d.homes[anchorOf(r.Port)]]
}

// findHomes finds the sources that routers cannot do without. They may be on
// any link: the host takes packets for all its addresses from every one.
func (d *Daemon) findHomes() {
	d.homes = make(map[anchor]string)
	for _, r := range d.routers {
		if r.anchored() {
			a := anchorOf(r.settings().Port)
			d.homes[a] = d.whereIs(a)
		}
	}
}

// moveHomes does so again after news of links, and reports whether any of the
// sources has come, gone or moved.
func (d *Daemon) moveHomes() (moved bool) {
	for a, name := range d.homes {
		if l := d.links[name]; l != nil && d.isAt(l, a) {
			continue
		}
		if now := d.whereIs(a); now != name {
			d.homes[a] = now
			moved = true
		}
	}
	if !moved {
		return false
	}
	for _, r := range d.uses[anywhere].routers {
		r.resolved = false
	}
	d.relate(d.tracks())
	d.own()
	return true
}

// whereIs returns the name of the link that has an address, the first of
// several, and nothing if none has.
func (d *Daemon) whereIs(a anchor) (name string) {
	index := 0
	for _, l := range d.links {
		if d.isAt(l, a) && (index == 0 || l.Index < index) {
			name, index = l.Name, l.Index
		}
	}
	return name
}

// isAt reports whether an anchor is on a link: for a VRF, on one that it has
// taken in, or on the VRF's own.
func (d *Daemon) isAt(l *link, a anchor) bool {
	return (a.link == "" || a.link == l.Name) &&
		(a.vrf == "" || a.vrf == l.Name || l.Master != 0 && a.vrf == d.names[l.Master]) &&
		l.has(a.addr)
}

// has reports whether a link has an address that can be used.
func (l *link) has(addr netip.Addr) bool {
	return slices.ContainsFunc(l.Addresses, func(a netif.LinkAddress) bool {
		return a.Prefix.Addr() == addr && !a.Tentative && !a.Failed
	})
}

// seesSource reports whether there is what a router sends from.
func (d *Daemon) seesSource(s sighting) bool {
	switch r := s.router; {
	case s.Name == anchorOf(r.Port).String():
		return d.homes[anchorOf(r.Port)] != ""
	case r.Port.Source.IsValid(): // its interface is enough
		return d.home(r) != nil
	default:
		return r.primary.IsValid()
	}
}

// announceSource tells the neighbours of a unicast router that begins where its
// source is. A peer that has called in vain may have given up, and asks again
// only after a second: in that time its adverts would be lost.
func (d *Daemon) announceSource(r *router) {
	l := d.home(r)
	if r.Port.Group.IsValid() || l == nil || l.NoARP || l.Loopback || !r.primary.IsValid() {
		return
	}
	d.steward.give(order{router: r, do: announce, times: 1, source: true, announce: []netif.Announcement{
		{Link: l.Index, MAC: l.MAC, Addr: r.primary, Router: true},
	}})
}
