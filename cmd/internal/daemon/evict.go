package daemon

import (
	"net/netip"
	"slices"

	"regent/fsm"
	"regent/netif"
)

// notice looks whether links have got addresses of routers that are not master,
// of which the daemon knows nothing: the host would answer for them beside the
// master (B-11). An audit will tell whether they stay.
func (d *Daemon) notice(links []netif.Link, before map[int]netif.Link) {
	for _, l := range links {
		old := before[l.Index].Addresses
		if contains(old, l.Addresses) {
			continue
		}
		had := make(map[netip.Addr]bool, len(old))
		for _, a := range old {
			had[a.Prefix.Addr()] = true
		}
		for _, a := range l.Addresses {
			addr := a.Prefix.Addr()
			r := d.owner[ifaddr{l.Name, addr}]
			if r != nil && r.state != fsm.Master && !had[addr] && r.audit.timer.deadline == fsm.Never {
				d.timers.set(&r.audit.timer, d.now.Add(auditAfter))
			}
		}
	}
}

// evict removes addresses that a router has although it is not master, once it is
// sure that they are nothing that the steward is about to remove.
func (d *Daemon) evict(r *router) {
	r.audit.refused, r.audit.wait = false, 0
	if !d.idle(r) {
		return
	}
	strays := d.strays(r)
	if !d.confirm(&r.audit, strays) {
		return
	}
	if held, ok := r.limited().restores.allow(d.now); ok {
		d.about(r).Warn("somebody has given this host addresses of a router that is not master; removing them", "addresses", list(strays), "suppressed", held)
	}
	d.steward.give(order{router: r, do: release, changes: keep(r.holds.release, func(c netif.Change) bool {
		return slices.Contains(strays, c.Address.Prefix.Addr())
	})})
}

// strays are the addresses of a router that are there, as far as they are its own
// to take away.
func (d *Daemon) strays(r *router) (there []netip.Addr) {
	for _, c := range r.holds.release {
		l, addr := d.links[d.names[c.Link]], c.Address.Prefix.Addr()
		if l != nil && l.set()[addr] && d.owner[ifaddr{l.Name, addr}] == r {
			there = append(there, addr)
		}
	}
	return there
}
