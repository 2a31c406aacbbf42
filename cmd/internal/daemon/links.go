package daemon

import (
	"net/netip"
	"slices"

	"regent/fsm"
	"regent/health"
	"regent/netif"
)

// holdings are a router's estate, resolved against the links of the host:
// orders for the steward made ahead, so that a transition only passes them on.
type holdings struct {
	acquire  []netif.Change
	release  []netif.Change
	announce []netif.Announcement
}

// linked takes the news of the host: the state of links that have changed.
func (d *Daemon) linked(links []netif.Link) {
	for _, l := range links {
		before := d.links[l.Name]
		if l.Gone {
			delete(d.links, l.Name)
			delete(d.names, l.Index)
		} else {
			d.links[l.Name] = l
		}
		d.log.Debug("link", "interface", l.Name, "up", l.Up, "carrier", l.Running, "gone", l.Gone, "addresses", len(l.Addresses))
		d.restore(before, l)
	}
	if !d.cleaned {
		d.clean()
	}
	for _, r := range d.routers {
		d.settle(r)
	}
	d.judgeLinks()
	for _, r := range d.routers {
		if !r.begun {
			d.judge(r, health.Report{})
		}
	}
}

// settle makes a router fit the links as they are now.
func (d *Daemon) settle(r *router) {
	l, ok := d.links[r.Port.Interface]
	if !ok {
		l = netif.Link{}
	}
	if l.Index != r.link {
		d.move(r, l.Index)
	}
	before := r.holds
	r.holds = d.resolve(r)
	if r.state == fsm.Master && !slices.Equal(before.acquire, r.holds.acquire) {
		d.adjust(r, before)
	}
	if source := d.source(r, l); source != r.primary {
		r.primary = source
		r.profile.Primary = source
		if source.IsValid() {
			d.step(r, fsm.Addressed{Primary: source})
		}
	}
}

// adjust brings the addresses of a master to what its holdings are now (S-47).
// What another router owns after a reload is left for it where it is.
func (d *Daemon) adjust(r *router, before holdings) {
	gone := slices.DeleteFunc(slices.Clone(before.release), func(c netif.Change) bool {
		kept := c
		kept.Remove = false
		return slices.Contains(r.holds.acquire, kept) || d.inherited(r, c)
	})
	if len(gone) > 0 {
		d.steward.give(order{router: r, do: shed, changes: gone})
	}
	d.steward.give(order{router: r, do: acquire, changes: r.holds.acquire})
	d.step(r, fsm.Addressed{Announce: true})
}

// move takes a router to another link, or to none (index 0): an interface that
// was removed, or made again under its old name.
func (d *Daemon) move(r *router, index int) {
	if r.link != 0 {
		delete(d.table, r.meeting())
		if r.joined && r.Port.Group.IsValid() {
			d.steward.give(order{router: r, do: leave, link: r.link, group: r.Port.Group})
		}
	}
	r.link, r.joined = index, false
	if index == 0 {
		return
	}
	d.table[r.meeting()] = r
	d.names[index] = r.Port.Interface
	if !r.Port.Group.IsValid() {
		r.joined = true // unicast comes without a membership
		return
	}
	d.steward.give(order{router: r, do: join, link: index, group: r.Port.Group})
}

// joined is the steward's answer to a join.
func (d *Daemon) joined(r *router, link int, err error) {
	switch {
	case r.link != link: // it has moved on
		if err == nil {
			d.steward.give(order{router: r, do: leave, link: link, group: r.Port.Group})
		}
		return
	case err != nil:
		d.log.Error("cannot hear adverts", "instance", r.Name, "error", err)
		return
	}
	r.joined = true
	d.judge(r, health.Report{})
}

// resolve finds the links of all that a router owns. What has no link now is
// left out, and comes back when the link does.
func (d *Daemon) resolve(r *router) holdings {
	var h holdings
	for _, a := range r.Estate.Addresses {
		l, ok := d.links[device(r, a)]
		if !ok {
			continue
		}
		h.acquire = append(h.acquire, netif.Change{Link: l.Index, Address: a})
		h.release = append(h.release, netif.Change{Link: l.Index, Address: a, Remove: true})
		if !l.NoARP {
			h.announce = append(h.announce, netif.Announcement{
				Link: l.Index, MAC: l.MAC, Addr: a.Prefix.Addr(), Router: true,
			})
		}
	}
	slices.Reverse(h.release)
	return h
}

// device returns the interface that an address of a router lives on.
func device(r *router, a netif.Address) string {
	if a.Interface != "" {
		return a.Interface
	}
	return r.Port.Interface
}

// source chooses the address that a router's adverts come from (W-9): the
// configured one, else the first primary IPv4 or the link-local IPv6 address
// that no virtual router owns.
func (d *Daemon) source(r *router, l netif.Link) netip.Addr {
	if r.Port.Source.IsValid() {
		return r.Port.Source
	}
	var owned netip.Addr
	for _, a := range l.Addresses {
		addr := a.Prefix.Addr()
		switch {
		case netif.FamilyOf(addr) != r.Port.Family, a.Tentative, a.Failed:
		case r.Port.Family == netif.IPv6 && !addr.IsLinkLocalUnicast():
		case r.Port.Family == netif.IPv4 && a.Secondary:
		case a.Ours || d.owner[addr] != nil:
			owned = addr
		default:
			return addr
		}
	}
	if r.profile.Owner {
		return owned // the owner's real address is the virtual one
	}
	return netip.Addr{}
}

// clean removes what a killed predecessor left behind, before any router
// starts (B-29): every address of the configuration, and every other one that
// carries the mark of regent on an interface of the configuration. An owner's
// unmarked addresses are its own.
func (d *Daemon) clean() {
	d.cleaned = true
	used := make(map[string]bool)
	for _, r := range d.routers {
		used[r.Port.Interface] = true
		for _, a := range r.Estate.Addresses {
			used[device(r, a)] = true
		}
	}
	var left []netif.Change
	for name := range used {
		l := d.links[name]
		for _, a := range l.Addresses {
			addr := a.Prefix.Addr()
			if a.Ours || d.owner[addr] != nil && !d.owner[addr].profile.Owner {
				d.log.Warn("removing an address that a predecessor left behind", "address", a.Prefix, "interface", name)
				left = append(left, netif.Change{Link: l.Index, Address: a.Address(), Remove: true})
			}
		}
	}
	if len(left) > 0 {
		d.steward.give(order{do: release, changes: left})
	}
}

// restore puts an address back that somebody else removed from under a master.
func (d *Daemon) restore(before, now netif.Link) {
	if now.Gone || now.Index != before.Index || !now.Up {
		return
	}
	for _, was := range before.Addresses {
		addr := was.Prefix.Addr()
		r := d.owner[addr]
		if r == nil || r.state != fsm.Master || has(now, addr) {
			continue
		}
		for i, c := range r.holds.acquire {
			if c.Link == now.Index && c.Address.Prefix.Addr() == addr && !c.Address.NoTrack {
				r.count.Restored++
				d.log.Warn("somebody removed an address of ours; restoring it", "instance", r.Name, "address", was.Prefix, "interface", now.Name)
				d.steward.give(order{router: r, do: acquire, changes: r.holds.acquire[i : i+1]})
				d.steward.give(order{router: r, do: announce, announce: announcementsOf(r, addr), times: 1})
			}
		}
	}
}

func has(l netif.Link, addr netip.Addr) bool {
	return slices.ContainsFunc(l.Addresses, func(a netif.LinkAddress) bool { return a.Prefix.Addr() == addr })
}

func announcementsOf(r *router, addr netip.Addr) []netif.Announcement {
	for i, a := range r.holds.announce {
		if a.Addr == addr {
			return r.holds.announce[i : i+1]
		}
	}
	return nil
}
