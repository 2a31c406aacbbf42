package daemon

import (
	"reflect"
	"slices"

	"regent/fsm"
	"regent/netif"
)

// paths are the routes and policy rules of an estate (virtual_routes,
// virtual_rules).
type paths struct {
	routes []netif.RouteChange
	rules  []netif.RuleChange
}

// pathsOf returns what adds routes and rules. Losses of those that are watched
// (no_track: they are not) come back with the id.
func pathsOf(routes []netif.Route, rules []netif.Rule, id int) (p paths) {
	watched := func(noTrack bool) int {
		if noTrack {
			return 0
		}
		return id
	}
	for _, route := range routes {
		p.routes = append(p.routes, netif.RouteChange{Route: route, ID: watched(route.NoTrack)})
	}
	for _, rule := range rules {
		p.rules = append(p.rules, netif.RuleChange{Rule: rule, ID: watched(rule.NoTrack)})
	}
	return p
}

// lost puts back the routes and rules of masters, and static ones, that
// somebody else has removed; nil means that nobody knows which (no_track: they are not watched).
func (d *Daemon) lost(losses []netif.Loss) {
	d.restoreFixedPaths(losses)
	hit := func(r *router) bool {
		return losses == nil || slices.ContainsFunc(losses, func(l netif.Loss) bool { return l.ID == r.serial })
	}
	for _, r := range d.routers {
		if r.state != fsm.Master || r.holds.paths.empty() || !hit(r) {
			continue
		}
		if losses != nil {
			r.count.Restored++
			if held, ok := r.limited().restores.allow(d.now); ok {
				d.about(r).Warn("somebody removed routes or rules of ours; restoring them", "suppressed", held)
			}
		}
		// With the addresses: the route may have gone with one of them, and
		// cannot come back before it.
		d.acquireAgain(r)
	}
}

// removal returns what takes them away again, the last one first.
func (p paths) removal() paths {
	q := paths{slices.Clone(p.routes), slices.Clone(p.rules)}
	slices.Reverse(q.routes)
	slices.Reverse(q.rules)
	for i := range q.routes {
		q.routes[i].Remove = true
	}
	for i := range q.rules {
		q.rules[i].Remove = true
	}
	return q
}

// without returns the paths that others has not.
func (p paths) without(others paths) paths {
	return paths{
		routes: keep(p.routes, func(c netif.RouteChange) bool {
			return !slices.ContainsFunc(others.routes, func(o netif.RouteChange) bool { return reflect.DeepEqual(bareRoute(c), bareRoute(o)) })
		}),
		rules: keep(p.rules, func(c netif.RuleChange) bool {
			return !slices.ContainsFunc(others.rules, func(o netif.RuleChange) bool { return reflect.DeepEqual(bareRule(c), bareRule(o)) })
		}),
	}
}

// bareRoute returns what the kernel knows of a route: who looks after it
// (no_track, track_group) is no reason to take it away and put it back.
func bareRoute(c netif.RouteChange) netif.RouteChange {
	c.ID, c.Route.NoTrack, c.Route.TrackGroup = 0, false, ""
	return c
}

// bareRule does so for a rule.
func bareRule(c netif.RuleChange) netif.RuleChange {
	c.ID, c.Rule.NoTrack, c.Rule.TrackGroup = 0, false, ""
	return c
}

// bareAddress does so for an address, whatever the change is.
func bareAddress(c netif.Change) netif.Change {
	c.Remove, c.Address.NoTrack = false, false
	return c
}

// bareAddresses are those of many changes.
func bareAddresses(changes []netif.Change) map[netif.Change]bool {
	all := make(map[netif.Change]bool, len(changes))
	for _, c := range changes {
		all[bareAddress(c)] = true
	}
	return all
}

// empty reports whether there are none.
func (p paths) empty() bool { return len(p.routes) == 0 && len(p.rules) == 0 }
