package daemon

import (
	"errors"
	"syscall"

	"regent/netif"
)

// changes are those of several orders, to be made together: what goes of routes
// and rules before the addresses that they need, and what comes after them.
type changes struct {
	going, coming ways
	all           []netif.Change
	owners        []*router // of each
	raise, lower  []int     // devices of virtual MACs
}

// ways are routes and rules and whose each of them is.
type ways struct {
	paths
	routesOf, rulesOf []*router
}

func (w *changes) add(o order) {
	w.all = append(w.all, o.changes...)
	for range o.changes {
		w.owners = append(w.owners, o.router)
	}
	if o.do == acquire {
		w.coming.add(o)
		w.raise = append(w.raise, o.power...)
	} else {
		w.going.add(o)
		w.lower = append(w.lower, o.power...)
	}
}

func (w *ways) add(o order) {
	w.routes = append(w.routes, o.paths.routes...)
	for range o.paths.routes {
		w.routesOf = append(w.routesOf, o.router)
	}
	w.rules = append(w.rules, o.paths.rules...)
	for range o.paths.rules {
		w.rulesOf = append(w.rulesOf, o.router)
	}
}

// change makes the changes and tells the loop which of them the kernel refused.
func (s *steward) change(w *changes) {
	var refusals []refusal
	refusals = s.changeRules(&w.going, false, refusals)
	refusals = s.changeRoutes(&w.going, false, refusals)
	refusals = s.power(w, refusals)
	refusals = s.changeAddresses(w, refusals)
	refusals = s.changeRoutes(&w.coming, true, refusals)
	refusals = s.changeRules(&w.coming, true, refusals)
	s.complain(refusals)
	*w = changes{}
}

// power brings the devices of virtual MACs down and up. One that is down is
// silent and deaf, so this comes before its addresses go, and before they come.
func (s *steward) power(w *changes, refusals []refusal) []refusal {
	var errs []error
	if len(w.lower) > 0 {
		errs = append(errs, s.host.LowerDevices(w.lower)...)
	}
	if len(w.raise) > 0 {
		errs = append(errs, s.host.RaiseDevices(w.raise)...)
	}
	return collect(refusals, errs, make([]*router, len(errs)), false)
}

func (s *steward) changeRoutes(w *ways, wanted bool, refusals []refusal) []refusal {
	if len(w.routes) == 0 {
		return refusals
	}
	return collect(refusals, s.host.ChangeRoutes(w.routes), w.routesOf, wanted)
}

func (s *steward) changeRules(w *ways, wanted bool, refusals []refusal) []refusal {
	if len(w.rules) == 0 {
		return refusals
	}
	return collect(refusals, s.host.ChangeRules(w.rules), w.rulesOf, wanted)
}

// collect adds the errors that there are, with whom they concern, and whether
// he still wants what was refused.
func collect(refusals []refusal, errs []error, owners []*router, wanted bool) []refusal {
	for i, err := range errs {
		if err != nil && !moot(owners[i], err) {
			refusals = append(refusals, refusal{owners[i], err, wanted})
		}
	}
	return refusals
}

// moot reports whether a refusal is not worth a word: the link of a fixture has
// gone down since it was asked for. The link's own report is on the way, and
// fixtures come back with their links.
func moot(owner *router, err error) bool {
	return owner == nil && (errors.Is(err, syscall.ENETDOWN) || errors.Is(err, syscall.ENODEV))
}

func (s *steward) changeAddresses(w *changes, refusals []refusal) []refusal {
	if len(w.all) == 0 {
		return refusals
	}
	errs := s.host.Change(w.all)
	for i, c := range w.all {
		where := place{w.owners[i], c.Address.Prefix.Addr()}
		if len(errs) == 0 || errs[i] == nil {
			delete(s.refused, where)
			continue
		}
		if !moot(w.owners[i], errs[i]) {
			refusals = append(refusals, refusal{w.owners[i], errs[i], !c.Remove})
		}
		if !c.Remove {
			s.refused[where] = true
		}
	}
	return refusals
}
