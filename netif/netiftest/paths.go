package netiftest

import (
	"fmt"
	"reflect"
	"slices"
	"syscall"

	"regent/netif"
)

// paths are the routes and policy rules that a host holds for regent.
type paths struct {
	routes []route
	rules  []netif.Rule
}

// A route stays with its link, whatever name that has.
type route struct {
	netif.Route
	link int // index; 0: it names none
}

// ChangeRoutes does what netif.Host.ChangeRoutes does: a route needs the
// interface that it names to be up.
func (h *Host) ChangeRoutes(changes []netif.RouteChange) []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.routes = append(h.routes, changes...)
	var errs []error
	for i, c := range changes {
		err := h.unpathed
		if err == nil {
			err = h.changeRoute(c)
		}
		if err != nil {
			if errs == nil {
				errs = make([]error, len(changes))
			}
			errs[i] = fmt.Errorf("add %v: %w", c.Route, err)
		}
	}
	return errs
}

func (h *Host) changeRoute(c netif.RouteChange) error {
	r := route{Route: bareRoute(c.Route)}
	if r.Interface != "" {
		switch l := h.named(r.Interface); {
		case c.Remove: // where it was added, whatever the name is by now
			r.link = h.routed[r.Interface]
		case l == nil:
			return syscall.ENODEV
		case !l.state.Up:
			return syscall.ENETDOWN
		default:
			r.link = l.state.Index
			h.routed[r.Interface] = r.link
		}
	}
	h.held.routes = put(h.held.routes, r, c.Remove)
	return nil
}

// ChangeRules does what netif.Host.ChangeRules does.
func (h *Host) ChangeRules(changes []netif.RuleChange) []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rules = append(h.rules, changes...)
	if h.unpathed != nil {
		return slices.Repeat([]error{h.unpathed}, len(changes))
	}
	for _, c := range changes {
		h.held.rules = put(h.held.rules, bareRule(c.Rule), c.Remove)
	}
	return nil
}

// RefusePaths makes changes of routes and rules fail.
func (h *Host) RefusePaths(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unpathed = err
}

// bareRoute returns what the kernel knows of a route.
func bareRoute(r netif.Route) netif.Route {
	r.NoTrack, r.TrackGroup = false, ""
	return r
}

func bareRule(r netif.Rule) netif.Rule {
	r.NoTrack, r.TrackGroup = false, ""
	return r
}

// put adds something, unless it is there, or takes it away.
func put[P any](all []P, p P, remove bool) []P {
	all = slices.DeleteFunc(slices.Clone(all), func(x P) bool { return reflect.DeepEqual(x, p) })
	if remove {
		return all
	}
	return append(all, p)
}

// leave drops the routes of a link that goes down or away.
func (p *paths) leave(link int) {
	p.routes = slices.DeleteFunc(slices.Clone(p.routes), func(r route) bool { return r.link == link })
}

// Paths returns all routes and rules that were asked for or given up so far.
func (h *Host) Paths() ([]netif.RouteChange, []netif.RuleChange) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.routes), slices.Clone(h.rules)
}

// Holds returns the routes and rules that are there now.
func (h *Host) Holds() (routes []netif.Route, rules []netif.Rule) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.held.routes {
		routes = append(routes, r.Route)
	}
	return routes, slices.Clone(h.held.rules)
}

// Rob takes away all routes and rules that are there. A daemon has to be told:
// see Lose.
func (h *Host) Rob() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = paths{}
}

// RemoveLeftovers removes what a predecessor has added: all routes and rules that
// are there, for it is asked for before anything else, and the addresses and
// devices of regent's making that are not to be kept.
func (h *Host) RemoveLeftovers(keep netif.Kept) (removed int, err error) {
	h.mu.Lock()
	removed = len(h.held.routes) + len(h.held.rules)
	h.held = paths{}
	var devices []int
	for _, l := range h.links {
		if l.parent != 0 && !slices.ContainsFunc(keep.Devices, l.is) {
			devices = append(devices, l.state.Index)
		}
		n := len(l.state.Addresses)
		l.state.Addresses = slices.DeleteFunc(slices.Clone(l.state.Addresses), func(a netif.LinkAddress) bool {
			return a.Ours && !slices.ContainsFunc(keep.Addresses, func(c netif.Change) bool {
				return c.Link == l.state.Index && c.Address == a.Address()
			})
		})
		removed += n - len(l.state.Addresses)
	}
	h.changed()
	h.mu.Unlock()
	h.RemoveDevices(devices)
	return removed + len(devices), nil
}

// Die makes of the host what a killed daemon leaves behind: nobody listens any
// more and nothing is refused, but addresses, routes and devices are there.
func (h *Host) Die() {
	h.mu.Lock()
	for _, l := range h.links {
		clear(l.groups)
	}
	h.filtered, h.promoted, h.seats = nil, nil, nil
	h.mu.Unlock()
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	h.wire.inbox, h.wire.outbox = nil, nil
}

// Memberships returns how many groups of a link are listened to.
func (h *Host) Memberships(link string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.named(link); l != nil {
		for _, times := range l.groups {
			n += times
		}
	}
	return n
}
