package daemon

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"regent/cfgparse"
	"regent/netif"
)

// fixtures are what the daemon keeps on its host while it runs, whatever its
// routers do (static_ipaddress, static_routes, static_rules). Nobody owns
// them: the router of an order about them is nil.
type fixtures struct {
	cfgparse.Static
	places  map[ifaddr]cfgparse.StaticAddress
	footing map[string]footing // of the links that they need, by name
	holds   holdings           // those that have a footing
	given   map[string]bool    // of those that are not tracked (no_track): they are asked for once
	audit   audit
}

// A footing is what a link has to offer to fixtures: an address needs the link
// to be there, a route needs it to be up.
type footing struct {
	index int // 0: it is not there
	up    bool
}

// fixturesID stands for the fixtures where routers are known by their serials.
const fixturesID = -1

// furnish gives the daemon other fixtures. Those that it holds stay as they
// are until uphold.
func (d *Daemon) furnish(s cfgparse.Static) {
	f := &d.fixtures
	f.Static = s
	f.keepGiven()
	f.places = make(map[ifaddr]cfgparse.StaticAddress, len(s.Addresses))
	for _, a := range s.Addresses {
		f.places[ifaddr{a.Interface, a.Prefix.Addr()}] = a
	}
}

// links returns the interfaces that the fixtures need, each once or more often.
func (f *fixtures) links() (names []string) {
	for _, a := range f.Addresses {
		names = append(names, a.Interface)
	}
	for _, r := range f.Routes {
		names = append(names, interfacesOf(r)...)
	}
	return names
}

// interfacesOf returns the interfaces that a route names.
func interfacesOf(r netif.Route) (names []string) {
	if r.Interface != "" {
		names = append(names, r.Interface)
	}
	for _, hop := range r.NextHops {
		if hop.Interface != "" {
			names = append(names, hop.Interface)
		}
	}
	return names
}

// uphold makes the fixtures fit the configuration and the links as they are
// now. What stays is not touched by another configuration; a link that is new,
// or up again, gets what it can have, because the kernel takes addresses and
// routes from links that go down.
func (d *Daemon) uphold(reconfigured bool) {
	f := &d.fixtures
	footing := d.footing()
	moved := f.footing == nil || !maps.Equal(footing, f.footing) // nil: nothing was asked for yet
	if !moved && !reconfigured {
		return
	}
	before := f.holds
	f.footing, f.holds = footing, f.resolve(footing)
	if !moved && before.same(f.holds) {
		return
	}
	d.shed(nil, before, f.holds)
	d.holdFixtures()
}

// lose notes that links have lost what a link loses that goes down, however
// short that was.
func (f *fixtures) lose(links []string) {
	for _, name := range links {
		delete(f.footing, name)
	}
}

// holdFixtures asks for all fixtures that can be had. What becomes of those that
// are not tracked is nobody's concern after the first time.
func (d *Daemon) holdFixtures() {
	f := &d.fixtures
	o := order{do: acquire}
	o.changes = keep(f.holds.acquire, func(c netif.Change) bool { return !c.Address.NoTrack || f.firstTime(c.Address) })
	o.paths.routes = keep(f.holds.paths.routes, func(c netif.RouteChange) bool { return !c.Route.NoTrack || f.firstTime(c.Route) })
	o.paths.rules = keep(f.holds.paths.rules, func(c netif.RuleChange) bool { return !c.Rule.NoTrack || f.firstTime(c.Rule) })
	if len(o.changes) > 0 || !o.paths.empty() {
		d.acquire(o)
	}
}

// firstTime notes that a fixture is asked for, and reports whether that is the first
// time.
func (f *fixtures) firstTime(fixture any) (first bool) {
	name := fmt.Sprintf("%+v", fixture)
	first = !f.given[name]
	f.given[name] = true
	return first
}

// keepGiven forgets those that the configuration no longer has.
func (f *fixtures) keepGiven() {
	before := f.given
	f.given = make(map[string]bool)
	keep := func(fixture any) {
		if name := fmt.Sprintf("%+v", fixture); before[name] {
			f.given[name] = true
		}
	}
	for _, a := range f.Addresses {
		keep(a.Address)
	}
	for _, r := range f.Routes {
		keep(r)
	}
	for _, r := range f.Rules {
		keep(r)
	}
}

// footing returns how the links stand that the fixtures need.
func (d *Daemon) footing() map[string]footing {
	standing := make(map[string]footing)
	for _, name := range d.fixtures.links() {
		if l := d.links[name]; l != nil {
			standing[name] = footing{l.Index, l.Up}
		} else {
			standing[name] = footing{}
		}
	}
	return standing
}

// resolve returns the fixtures that the links can have now.
func (f *fixtures) resolve(on map[string]footing) (h holdings) {
	for _, a := range f.Addresses {
		link := on[a.Interface].index
		if link == 0 {
			continue
		}
		h.acquire = append(h.acquire, netif.Change{Link: link, Address: a.Address})
		h.release = append(h.release, netif.Change{Link: link, Address: a.Address, Remove: true})
	}
	slices.Reverse(h.release)
	ready := keep(f.Routes, func(r netif.Route) bool {
		return !slices.ContainsFunc(interfacesOf(r), func(name string) bool { return !on[name].up })
	})
	h.paths = pathsOf(ready, f.Rules, fixturesID)
	return h
}

// dismantle removes all fixtures at the end of the daemon.
func (d *Daemon) dismantle() {
	if h := d.fixtures.holds; len(h.release) > 0 || !h.paths.empty() {
		d.steward.give(order{do: release, changes: h.release, paths: h.paths.removal()})
	}
}

// at returns the line of static_ipaddress for an address on an interface.
func (f *fixtures) at(a ifaddr) (line cfgparse.StaticAddress, found bool) {
	line, found = f.places[a]
	return line, found
}

// restoreFixtures puts back what somebody else removed from links of which there
// is news. All that are tracked are asked for, because routes go with addresses,
// and of IPv4 the kernel does not tell.
func (d *Daemon) restoreFixtures(links []netif.Link) {
	var lost []netip.Addr
	for _, l := range links {
		if l.Up && !l.Gone { // what goes with a link is nobody's doing, and comes with it
			lost = append(lost, d.fixtures.missing(l)...)
		}
	}
	if len(lost) > 0 && !d.steward.busy(nil) { // else they may be on the way
		d.restoreFixedAddresses(lost)
	}
}

// restoreFixedAddresses asks again for all that are tracked, some of which are missing.
func (d *Daemon) restoreFixedAddresses(lost []netip.Addr) {
	if held, ok := d.limits.restores.allow(d.now); ok {
		d.log.Warn("static addresses are missing; restoring them", "addresses", list(lost), "suppressed", held)
	}
	d.holdFixtures()
}

// missing returns the static addresses that a link should have and has not. That
// it had them before is not asked: one that was removed right after it was added
// may never have been reported.
func (f *fixtures) missing(l netif.Link) (lost []netip.Addr) {
	if _, concerned := f.footing[l.Name]; !concerned {
		return nil
	}
	has := make(map[netip.Addr]bool, len(l.Addresses))
	for _, a := range l.Addresses {
		has[a.Prefix.Addr()] = true
	}
	for _, c := range f.holds.acquire {
		if addr := c.Address.Prefix.Addr(); c.Link == l.Index && !c.Address.NoTrack && !has[addr] {
			lost = append(lost, addr)
		}
	}
	return lost
}

// restoreFixedPaths puts back static routes and rules that somebody else
// removed; nil means that nobody knows which.
func (d *Daemon) restoreFixedPaths(losses []netif.Loss) {
	if losses != nil {
		if !slices.ContainsFunc(losses, func(l netif.Loss) bool { return l.ID == fixturesID }) {
			return
		}
		if held, ok := d.limits.restores.allow(d.now); ok {
			d.log.Warn("somebody removed static routes or rules; restoring them", "suppressed", held)
		}
	}
	d.holdFixtures()
}

// trackedBy returns the interfaces that an instance cannot do without because
// of its track_groups: those of the static addresses, routes and rules that
// name one, unless they are not tracked at all (no_track).
func (f *fixtures) trackedBy(instance string) (names []string) {
	member := make(map[string]bool)
	for _, g := range f.Groups {
		member[g.Name] = slices.Contains(g.Members, instance)
	}
	for _, a := range f.Addresses {
		if member[a.TrackGroup] && !a.NoTrack {
			names = append(names, a.Interface)
		}
	}
	for _, r := range f.Routes {
		if member[r.TrackGroup] && !r.NoTrack {
			names = append(names, interfacesOf(r)...)
		}
	}
	for _, r := range f.Rules {
		if member[r.TrackGroup] && !r.NoTrack {
			names = append(names, keep([]string{r.IIF, r.OIF}, func(name string) bool { return name != "" })...)
		}
	}
	return names
}
