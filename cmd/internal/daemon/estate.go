package daemon

import (
	"bytes"
	"net/netip"
	"reflect"
	"slices"

	"regent/fsm"
	"regent/netif"
)

// An ifaddr is an address on an interface, by name: some router's.
type ifaddr struct {
	device string
	addr   netip.Addr
}

// holdings are a router's estate, resolved against the links of the host:
// orders for the steward made ahead, so that a transition only passes them on.
type holdings struct {
	acquire   []netif.Change
	release   []netif.Change
	announce  []netif.Announcement
	elsewhere []netif.Announcement // those of them that are on other links than the adverts
	paths     paths
}

// same reports whether two holdings ask the same of the kernel.
func (h holdings) same(o holdings) bool {
	return slices.Equal(h.acquire, o.acquire) && reflect.DeepEqual(h.paths, o.paths)
}

// toAcquire is the order to take all that a router owns.
func (r *router) toAcquire() order {
	return order{router: r, do: acquire, changes: r.holds.acquire, paths: r.holds.paths, power: r.devices()}
}

// toRelease is the order to give it up.
func (r *router) toRelease() order {
	return order{router: r, do: release, changes: r.holds.release, paths: r.holds.paths.removal(), power: r.devices()}
}

// toAnnounce is the order to tell the neighbours who has the addresses.
func (r *router) toAnnounce(a fsm.Action) order {
	o := order{router: r, do: announce, announce: r.holds.announce, times: a.Times}
	if a.Elsewhere {
		o.announce = r.holds.elsewhere
	}
	return o
}

// resolve finds the links of all that a router owns. What has no link now is
// left out, and comes back when the link does.
func (d *Daemon) resolve(r *router) holdings {
	h := holdings{paths: pathsOf(r.Routes, r.Rules, r.serial)}
	r.real = d.reallyOwns(r)
	for _, a := range r.Estate.Addresses {
		l, by := d.place(r, a)
		if l == nil {
			continue
		}
		h.acquire = append(h.acquire, netif.Change{Link: l.Index, Address: a})
		if _, static := d.fixtures.at(ifaddr{d.device(r, a), a.Prefix.Addr()}); !static && !slices.Contains(r.real, a.Prefix.Addr()) {
			h.release = append(h.release, netif.Change{Link: l.Index, Address: a, Remove: true})
		}
		if !l.NoARP {
			h.announce = append(h.announce, netif.Announcement{
				Link: by, MAC: l.MAC, Addr: a.Prefix.Addr(), Router: true,
			})
			if r.elsewhere(l, by) {
				h.elsewhere = append(h.elsewhere, h.announce[len(h.announce)-1])
			}
		}
	}
	slices.Reverse(h.release)
	return h
}

// elsewhere reports whether garp_extra_if asks for announcements of what lives on
// a link and is announced by another: adverts do not leave from it, which would
// keep it known to the switches, and it has a virtual MAC, or any link will do.
func (r *router) elsewhere(l *netif.Link, by int) bool {
	from := r.link
	if r.Router.VirtualMAC {
		from = r.device.Index
	}
	return l.Index != from && (r.Extra.All || by != l.Index)
}

// place returns the link that an address of a router lives on, nil if it is not
// there, and the index of the one by which it is announced: a device with a
// virtual MAC is announced by its parent.
func (d *Daemon) place(r *router, a netif.Address) (l *netif.Link, by int) {
	if a.VMAC {
		if x := r.annexOf(a); x != nil && x.device.Index != 0 {
			return &x.device, x.parent
		}
		return nil, 0
	}
	if r.houses(a) {
		if r.device.Index == 0 {
			return nil, 0
		}
		return &r.device, r.link
	}
	if l := d.links[d.device(r, a)]; l != nil {
		return &l.Link, l.Index
	}
	return nil, 0
}

// reallyOwns returns which of an owner's addresses the host has by itself, or
// as static ones. They are not a router's to take away, and without them an
// owner in FAULT would never find a source again. While it is master nobody can
// tell: the kernel may not keep the mark of those that the daemon has added.
func (d *Daemon) reallyOwns(r *router) []netip.Addr {
	switch {
	case !r.profile.Owner:
		return nil
	case r.state == fsm.Master:
		return r.real
	}
	var real []netip.Addr
	for _, a := range r.Estate.Addresses {
		l, addr := d.links[d.device(r, a)], a.Prefix.Addr()
		if l != nil && slices.ContainsFunc(l.Addresses, func(x netif.LinkAddress) bool { return x.Prefix.Addr() == addr && d.lasting(l, x) }) {
			real = append(real, addr)
		}
	}
	return real
}

// device returns the interface that an address of a router lives on.
func (d *Daemon) device(r *router, a netif.Address) string {
	x := r.annexOf(a)
	switch {
	case x != nil && x.device.Index != 0:
		return x.device.Name
	case a.Interface != "":
		return a.Interface
	case r.houses(a) && r.device.Index != 0:
		return r.device.Name
	case r.Port.Interface == "":
		return d.homes[anchorOf(r.Port)]
	}
	return r.Port.Interface
}

// adjust brings the addresses of a master to what its holdings are now (S-47).
func (d *Daemon) adjust(r *router, before holdings) {
	d.shed(r, before, r.holds)
	d.acquire(r.toAcquire())
	d.step(r, fsm.Addressed{})
	if came := r.holds.since(before, d.absent(r.holds.acquire)); len(came) > 0 {
		d.steward.give(order{router: r, do: announce, announce: came, times: r.Router.Announce.Repeat})
	}
}

// since returns the announcements of what is new, was taken away for a moment to
// come back with other options, or has been absent; keepalived announces all that
// there is.
func (h holdings) since(before holdings, absent []netip.Addr) []netif.Announcement {
	now := bareAddresses(h.acquire)
	stays := make(map[netip.Addr]bool, len(before.acquire))
	for _, c := range before.acquire {
		stays[c.Address.Prefix.Addr()] = now[bareAddress(c)]
	}
	told := make(map[netip.Addr]netif.Announcement, len(before.announce))
	for _, a := range before.announce {
		told[a.Addr] = a
	}
	for _, a := range absent {
		delete(told, a)
	}
	return keep(h.announce, func(a netif.Announcement) bool {
		was, ok := told[a.Addr]
		return !ok || !stays[a.Addr] || was.Link != a.Link || !bytes.Equal(was.MAC, a.MAC)
	})
}

// shed gives up what a router, or nobody (nil), no longer holds. What another
// one has after a reload is left for it where it is.
func (d *Daemon) shed(r *router, before, now holdings) {
	stays := bareAddresses(now.acquire)
	gone := keep(before.release, func(c netif.Change) bool { return !stays[bareAddress(c)] && !d.inherited(r, c) })
	stale := before.paths.without(now.paths)
	if len(gone) > 0 || !stale.empty() {
		d.steward.give(order{router: r, do: shed, changes: gone, paths: stale.removal()})
	}
}

// clean removes what a killed predecessor left behind, before any router
// starts (B-29): all that the host knows to be of its making, and every address
// of the configuration, whoever has added it, but for those that an owner may have
// by itself. A static address that is there already stays: without it for a moment,
// the kernel would drop the routes of others.
func (d *Daemon) clean() {
	d.cleaned = true
	keep := netif.Kept{Devices: d.devices()}
	var left []netif.Change
	for _, name := range d.usedLinks() {
		l := d.links[name]
		if l == nil {
			continue
		}
		for _, a := range l.Addresses {
			line, static := d.fixtures.at(ifaddr{name, a.Prefix.Addr()})
			if static && line.Prefix == a.Prefix && line.Peer == a.Peer {
				keep.Addresses = append(keep.Addresses, netif.Change{Link: l.Index, Address: a.Address()})
				continue
			}
			if owner := d.owner[ifaddr{name, a.Prefix.Addr()}]; owner != nil && !owner.profile.Owner {
				d.log.Warn("removing an address that a predecessor left behind", "address", a.Prefix, "interface", name)
				left = append(left, netif.Change{Link: l.Index, Address: a.Address(), Remove: true})
			}
		}
	}
	d.steward.give(order{do: sweep, keep: keep})
	if len(left) > 0 {
		d.steward.give(order{do: shed, changes: left})
	}
}

// A loss is an address that a link had.
type loss struct {
	ifaddr
	link int
}

// missing returns the addresses that a link has lost. One that is down may
// lose some by that, which is nobody's doing.
func missing(before *link, now netif.Link) (losses []loss) {
	if now.Index != before.Index || !now.Up || contains(now.Addresses, before.Addresses) {
		return nil
	}
	has := make(map[netip.Addr]bool, len(now.Addresses))
	for _, a := range now.Addresses {
		has[a.Prefix.Addr()] = true
	}
	for _, a := range before.Addresses {
		if addr := a.Prefix.Addr(); !has[addr] {
			losses = append(losses, loss{ifaddr{now.Name, addr}, now.Index})
		}
	}
	return losses
}

// contains reports whether all of the old addresses are among the new ones, in
// the same order: what is usual, and cheap to find out among thousands.
func contains(now, old []netif.LinkAddress) bool {
	for _, a := range now {
		if len(old) > 0 && a.Prefix.Addr() == old[0].Prefix.Addr() {
			old = old[1:]
		}
	}
	return len(old) == 0
}

// restore puts back what somebody else removed from under masters. While the
// steward has work on a router's addresses, the loss may be of its doing.
func (d *Daemon) restore(losses []loss) {
	lost := make(map[*router][]netip.Addr)
	var order []*router
	for _, l := range losses {
		r := d.owner[l.ifaddr]
		if r == nil || r.state != fsm.Master || !r.wants(l) || len(lost[r]) == 0 && d.steward.busy(r) {
			continue
		}
		if lost[r] == nil {
			order = append(order, r)
		}
		lost[r] = append(lost[r], l.addr)
	}
	for _, r := range order {
		d.restoreTo(r, lost[r])
	}
}

// wants reports whether a router watches over an address (no_track: it does
// not).
func (r *router) wants(l loss) bool {
	return slices.ContainsFunc(r.holds.acquire, func(c netif.Change) bool {
		return c.Link == l.link && c.Address.Prefix.Addr() == l.addr && !c.Address.NoTrack
	})
}

func (d *Daemon) restoreTo(r *router, lost []netip.Addr) {
	r.count.Restored += uint64(len(lost))
	if held, ok := r.limited().restores.allow(d.now); ok {
		d.about(r).Warn("somebody removed addresses of ours; restoring them", "addresses", list(lost), "suppressed", held)
	}
	// Routes may go with an address, and of IPv4 the kernel does not tell.
	d.acquire(order{router: r, do: acquire, paths: r.holds.paths, changes: keep(r.holds.acquire, func(c netif.Change) bool {
		return slices.Contains(lost, c.Address.Prefix.Addr())
	})})
	d.announceAgain(r, lost)
}

// announceAgain announces some addresses of a master, which have come back.
func (d *Daemon) announceAgain(r *router, addrs []netip.Addr) {
	d.steward.give(order{router: r, do: announce, times: 1, announce: keep(r.holds.announce, func(a netif.Announcement) bool {
		return slices.Contains(addrs, a.Addr)
	})})
}

// renew gives masters what the kernel took from links that were down: IPv6
// addresses go with their link, also from routers that do not care for it
// (dont_track_primary, no_track). A device of its own, which came up because its
// router became master, has all it needs.
func (d *Daemon) renew(links []string) {
	for _, name := range links {
		for _, r := range d.uses[name].routers {
			if r.state == fsm.Master && !slices.Contains(r.devices(), d.links[name].Index) {
				d.acquire(r.toAcquire())
				d.step(r, fsm.Addressed{Announce: true})
			}
		}
	}
}

// keep returns the elements that satisfy a condition.
func keep[E any](all []E, wanted func(E) bool) []E {
	return slices.DeleteFunc(slices.Clone(all), func(e E) bool { return !wanted(e) })
}
