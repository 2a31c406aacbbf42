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

func (w *changes) add(o *order) {
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

func (w *ways) add(o *order) {
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
	var out outcome
	s.changeRules(&w.going, &out)
	s.changeRoutes(&w.going, &out)
	s.power(w, &out)
	s.changeAddresses(w, &out)
	s.changeRoutes(&w.coming, &out)
	s.changeRules(&w.coming, &out)
	s.conclude(out)
	*w = changes{}
}

// power brings the devices of virtual MACs down and up. One that is down is
// silent and deaf, so this comes before its addresses go, and before they come.
func (s *steward) power(w *changes, out *outcome) {
	var errs []error
	if len(w.lower) > 0 {
		errs = append(errs, s.host.LowerDevices(w.lower)...)
	}
	if len(w.raise) > 0 {
		errs = append(errs, s.host.RaiseDevices(w.raise)...)
	}
	for _, err := range errs {
		if err != nil {
			out.refusals = append(out.refusals, refusal{err: err})
		}
	}
}

func (s *steward) changeRoutes(w *ways, out *outcome) {
	if len(w.routes) == 0 {
		return
	}
	errs := s.host.ChangeRoutes(w.routes)
	for i, c := range w.routes {
		if err := at(errs, i); s.concerns(err) {
			s.judge(out, order{router: w.routesOf[i], do: taskOf(c.Remove), paths: paths{routes: []netif.RouteChange{c}}}, err)
		}
	}
}

func (s *steward) changeRules(w *ways, out *outcome) {
	if len(w.rules) == 0 {
		return
	}
	errs := s.host.ChangeRules(w.rules)
	for i, c := range w.rules {
		if err := at(errs, i); s.concerns(err) {
			s.judge(out, order{router: w.rulesOf[i], do: taskOf(c.Remove), paths: paths{rules: []netif.RuleChange{c}}}, err)
		}
	}
}

func (s *steward) changeAddresses(w *changes, out *outcome) {
	if len(w.all) == 0 {
		return
	}
	errs := s.host.Change(w.all)
	for i, c := range w.all {
		err := at(errs, i)
		if s.concerns(err) {
			s.judge(out, order{router: w.owners[i], do: taskOf(c.Remove), changes: []netif.Change{c}}, err)
		}
		where := place{w.owners[i], c.Address.Prefix.Addr()}
		switch {
		case c.Remove: // maybe from a link where it is no more wanted
		case err == nil:
			delete(s.refused, where)
		default:
			s.refused[where] = true
		}
	}
}

// at returns one of the errors that a host returns; nil if all went well.
func at(errs []error, i int) error {
	if len(errs) == 0 {
		return nil
	}
	return errs[i]
}

// taskOf returns what an order for one thing alone does.
func taskOf(remove bool) task {
	if remove {
		return shed
	}
	return acquire
}

// moot reports whether a refusal is not worth a word: the link of a fixture has
// gone down since it was asked for. The link's own report is on the way, and
// fixtures come back with their links.
func moot(owner *router, err error) bool {
	return owner == nil && (errors.Is(err, syscall.ENETDOWN) || errors.Is(err, syscall.ENODEV))
}
