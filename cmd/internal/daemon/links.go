package daemon

import (
	"bytes"
	"maps"
	"net/netip"
	"reflect"
	"slices"

	"regent/fsm"
	"regent/netif"
	"regent/vrrp"
)

// A link is one of the host's, and what the routers want to know of it.
type link struct {
	netif.Link
	sources  [2]sources          // IPv4, IPv6
	networks []netip.Prefix      // of its addresses, IPv4: whose hosts are on it
	present  map[netip.Addr]bool // its addresses, once somebody has asked: see set
}

// sources are the addresses of a link that adverts may come from: the first
// that no virtual router owns, the first that is the host's own and that an
// owner (priority 255) has as a virtual one, too, and the first that would do but
// is secondary: it becomes primary as soon as a virtual one before it goes.
type sources struct{ plain, owned, spare netip.Addr }

// linked takes the news of the host: the state of links that have changed.
func (d *Daemon) linked(links []netif.Link) {
	before := d.before(links)
	if lost := d.forget(links); len(lost) > 0 {
		// Also if another has its name already: what is gone is gone (S-42).
		d.survey(lost)
	}
	unseated := slices.ContainsFunc(links, func(l netif.Link) bool { return !l.Gone && unseats(d.links[l.Name], l) })
	names, back, losses := d.noteAll(links)
	if d.moveHomes() {
		names = append(names, anywhere)
	}
	d.repair(links, before)
	d.guard()
	if unseated {
		d.seat()
	}
	d.promote()
	d.space()
	if !d.cleaned {
		d.clean()
		names = d.usedLinks() // those that are not there, too
	}
	d.fixtures.lose(back)
	d.uphold(false)
	d.survey(names)
	d.restoreFixtures(links)
	d.restore(losses)
	d.notice(links, before)
	d.renew(back)
	d.demote()
	if d.ending {
		d.stop()
	}
}

// before returns how the links were that there is news of.
func (d *Daemon) before(links []netif.Link) map[int]netif.Link {
	was := make(map[int]netif.Link, len(links))
	for _, l := range links {
		if known := d.links[d.names[l.Index]]; known != nil {
			was[l.Index] = known.Link
		}
	}
	return was
}

// forget drops the links that are gone, and the old names of those that have
// another. It returns the names.
func (d *Daemon) forget(links []netif.Link) (lost []string) {
	for _, l := range links {
		name, known := d.names[l.Index]
		if !known || !l.Gone && l.Name == name {
			continue
		}
		d.log.Debug("link gone", "interface", name)
		delete(d.names, l.Index)
		delete(d.links, name)
		delete(d.strange, l.Index)
		d.unsettle(name)
		lost = append(lost, name)
	}
	return lost
}

// noteAll records how the links are that are there. It returns their names, those
// of links that are up again or were down in between, and the addresses that have
// left them.
func (d *Daemon) noteAll(links []netif.Link) (names, back []string, losses []loss) {
	for _, l := range links {
		if l.Gone {
			continue
		}
		before := d.links[l.Name]
		d.note(l, before)
		names = append(names, l.Name)
		if before != nil {
			losses = append(losses, missing(before, l)...)
			if l.Up && (!before.Up || l.Fell) {
				back = append(back, l.Name)
			}
		}
	}
	return names, back, losses
}

// note records how a link is now.
func (d *Daemon) note(now netif.Link, before *link) {
	d.log.Debug("link", "interface", now.Name, "up", now.Up, "carrier", now.Running, "addresses", len(now.Addresses))
	now.Fell = false // over by now
	l := &link{Link: now, networks: networks(now)}
	d.findSources(l)
	d.links[now.Name] = l
	d.names[now.Index] = now.Name
	if before == nil || before.Index != now.Index || before.NoARP != now.NoARP || !bytes.Equal(before.MAC, now.MAC) {
		d.unsettle(now.Name)
		for _, r := range d.uses[now.Name].routers {
			if d.home(r) == l && r.state != fsm.Initialize {
				d.announceSource(r)
			}
		}
	}
}

// networks returns the IPv4 networks that a link's addresses are in.
func networks(l netif.Link) (all []netip.Prefix) {
	for _, a := range l.Addresses {
		if a.Prefix.Addr().Is4() {
			all = append(all, a.Prefix.Masked())
		}
	}
	return all
}

// unsettle makes the routers that use a link resolve their estate anew.
func (d *Daemon) unsettle(name string) {
	for _, r := range d.uses[name].routers {
		r.resolved = false
	}
}

// findSources works out which addresses of a link adverts may come from.
func (d *Daemon) findSources(l *link) {
	l.sources = [2]sources{d.sourcesOn(l, netif.IPv4), d.sourcesOn(l, netif.IPv6)}
}

// sourcesOn finds the addresses of a link that adverts of a family may come
// from: of IPv4 the primary ones, of IPv6 the link-local ones (W-9).
func (d *Daemon) sourcesOn(l *link, f netif.Family) (s sources) {
	for _, a := range l.Addresses {
		addr := a.Prefix.Addr()
		if netif.FamilyOf(addr) != f || a.Tentative || a.Failed ||
			f == netif.IPv6 && !addr.IsLinkLocalUnicast() {
			continue
		}
		owner := d.owner[ifaddr{l.Name, addr}]
		switch {
		case a.Secondary:
			if owner == nil && d.lasting(l, a) && !s.spare.IsValid() {
				s.spare = addr
			}
		case owner == nil && d.lasting(l, a):
			s.plain = addr
			return s
		case owner != nil && owner.settings().Router.Priority == vrrp.Owner && d.lasting(l, a) && !s.owned.IsValid():
			s.owned = addr
		}
	}
	return s
}

// lasting reports whether an address of a link is there whoever is master: the
// host's own, or a static one.
func (d *Daemon) lasting(l *link, a netif.LinkAddress) bool {
	_, static := d.fixtures.at(ifaddr{l.Name, a.Prefix.Addr()})
	return static || !a.Ours
}

// usedLinks returns the names of all links that routers use or depend on.
func (d *Daemon) usedLinks() []string { return slices.Sorted(maps.Keys(d.uses)) }

// survey makes the routers that use these links fit them.
func (d *Daemon) survey(names []string) {
	for _, name := range names {
		for _, r := range d.uses[name].routers {
			d.settle(r)
		}
	}
	d.look(names)
	for _, r := range d.routers {
		if !r.begun {
			d.judge(r)
		}
	}
}

// settle makes a router fit the links as they are now.
func (d *Daemon) settle(r *router) {
	l := d.home(r)
	index := 0
	if l != nil {
		index = l.Index
		r.profile.OnLink = l.networks
	}
	if vrf := d.links[r.Port.VRF]; vrf != nil {
		r.vrf = vrf.Index
	}
	switch {
	case index != r.link:
		d.move(r, index)
	case r.deaf != nil:
		d.hear(r) // what failed may work by now
	}
	d.extend(r)
	if !r.resolved {
		before := r.holds
		r.holds, r.resolved = d.resolve(r), !r.profile.Owner
		switch {
		case r.state != fsm.Master:
		case !before.same(r.holds):
			d.adjust(r, before)
		case !reflect.DeepEqual(before.announce, r.holds.announce): // the link has another MAC
			d.step(r, fsm.Addressed{Announce: true})
		}
	}
	if why := r.oversize(l); why != r.toolong {
		r.toolong = why
		if r.begun {
			d.judge(r)
		}
	}
	if source := d.source(r, l); source != r.primary {
		r.primary = source
		r.profile.Primary = source
		if source.IsValid() {
			r.from = source
			d.step(r, fsm.Addressed{Primary: source})
		}
	}
}

// source chooses the address that a router's adverts come from (W-9): the
// configured one, else one of the link's, else an owner's, which is its own, else
// one that only a virtual address keeps from being primary.
func (d *Daemon) source(r *router, l *link) netip.Addr {
	if l == nil || r.anchored() && d.homes[anchorOf(r.Port)] == "" {
		return netip.Addr{}
	}
	if r.Port.Source.IsValid() {
		return r.Port.Source
	}
	s := l.sources[0]
	if r.Port.Family == netif.IPv6 {
		s = l.sources[1]
	}
	switch {
	case s.plain.IsValid():
		return s.plain
	case r.profile.Owner && s.owned.IsValid():
		return s.owned
	}
	return s.spare
}

// move takes a router to another link, or to none (index 0).
func (d *Daemon) move(r *router, index int) {
	if r.link != 0 {
		d.table.remove(r)
		if r.joined {
			d.leave(r)
		}
	}
	r.link, r.joined, r.deaf, r.from = index, false, nil, netip.Addr{}
	r.stay++
	if index == 0 {
		return
	}
	d.table.add(r)
	d.strangersOn(index)
	d.hear(r)
}

// hear asks for a router's adverts to be heard on its link. A unicast router
// has no group to join, but waits for its turn all the same: until then a
// predecessor's leftovers are gone (B-29).
func (d *Daemon) hear(r *router) {
	r.stay++
	o := order{router: r, do: join, link: r.link, group: r.Port.Group, stay: r.stay}
	if r.housed() {
		o.device = d.house(r, r.link)
	}
	d.steward.give(o)
}

// house is the device that a router is to have on a link.
func (d *Daemon) house(r *router, link int) *netif.Device {
	return &netif.Device{
		VMAC: r.VMAC, Parent: link, Family: r.Port.Family, VRID: r.VRID, Prefix: d.vmacPrefix,
	}
}

// leave takes back what hear has asked for.
func (d *Daemon) leave(r *router) {
	d.steward.give(order{router: r, do: leave, link: r.link, group: r.Port.Group, unmake: r.device.Index})
	d.unseat(r, r.device.Index)
	r.device, r.resolved = netif.Link{}, false
}

// housed reports whether the router has a device of its own (use_vmac,
// use_ipvlan).
func (r *router) housed() bool { return r.VMAC.Kind != netif.Parent }

// houses reports whether an address lives on that device: unless its line says
// otherwise, and as in keepalived only one of the router's own family.
func (r *router) houses(a netif.Address) bool {
	return r.housed() && a.Interface == "" && !a.VMAC && netif.FamilyOf(a.Prefix.Addr()) == r.Port.Family
}

// joined is the steward's answer to a join.
func (d *Daemon) joined(o *order, made netif.Made, err error) {
	r := o.router
	if o.stay != r.stay { // it has moved on
		if err == nil {
			d.steward.give(order{router: r, do: leave, link: o.link, group: o.group, unmake: made.Link.Index})
		}
		return
	}
	r.joined, r.deaf = err == nil, err
	d.retryAfter(r, err)
	if made.Link.Index != 0 {
		d.made(r, made)
	}
	d.judge(r)
}

// made takes the device that has been made for a router.
func (d *Daemon) made(r *router, made netif.Made) {
	r.device = made.Link
	d.settled(r, made)
}

// settled lets a router's addresses move to a device of its own.
func (d *Daemon) settled(r *router, made netif.Made) {
	r.resolved = false
	if made.Unset != nil {
		d.about(r).Warn("settings of the kernel that a virtual MAC needs could not be made", "error", made.Unset)
	}
	d.seatOn(r, made.Link.Index)
	d.own()
	d.guard() // its addresses are elsewhere now
	d.settle(r)
	if made.Adopted {
		d.about(r).Warn("a predecessor has left its device behind; it is used again", "interface", made.Link.Name)
		if r.state != fsm.Master { // a master wants what is on it
			d.steward.give(r.toRelease())
		}
	}
}
