package daemon

import (
	"encoding/json"
	"errors"
	"time"

	"regent/netif"
)

// standing are the things that the kernel refuses to do and was told of. What is
// to come, the audits of the loop ask for again; what is to go, nobody else
// remembers: its router may be Backup or gone by then. So the steward tries that
// again, each time after twice as long, until the kernel obeys or somebody wants
// the thing to be there.
type standing struct {
	of   map[string]stood // by what each is about
	wait time.Duration    // until the next attempt
	next time.Time        // when that is; zero: nothing is to be tried again
}

// A stood is one of them.
type stood struct {
	again order // what to do again
	err   error
}

// retries reports whether the steward is to try an order again by itself.
func (o *order) retries() bool { return o.do != acquire }

// about names what an order for one thing is about, whether that is to come or to
// go, and whoever gives the order: an address by what the kernel tells it apart by,
// for an order to remove it may say no more.
func (o *order) about() string {
	about := struct {
		Task    task
		Address []netif.Change
		Routes  []netif.RouteChange
		Rules   []netif.RuleChange
	}{Task: o.do}
	if o.do <= release {
		about.Task = acquire
	}
	for _, c := range o.changes {
		about.Address = append(about.Address, netif.Change{Link: c.Link, Address: netif.Address{Prefix: c.Address.Prefix, Peer: c.Address.Peer}})
	}
	for _, c := range o.paths.routes {
		c = bareRoute(c)
		c.Remove = false
		about.Routes = append(about.Routes, c)
	}
	for _, c := range o.paths.rules {
		c = bareRule(c)
		c.Remove = false
		about.Rules = append(about.Rules, c)
	}
	name, _ := json.Marshal(about) // plain values
	return string(name)
}

// An outcome collects what has become of orders.
type outcome struct {
	refusals []refusal
	granted  []error // refusals that are over
}

// concerns reports whether judge has to know what has become of an order.
func (s *steward) concerns(err error) bool { return err != nil || len(s.standing.of) > 0 }

// judge takes note of what has become of an order for one thing.
func (s *steward) judge(out *outcome, o order, err error) {
	if moot(o.router, err) {
		return
	}
	name := o.about()
	was, stood := s.standing.of[name]
	again := stood && was.again.retries() == o.retries()
	switch {
	case err != nil:
		out.refusals = append(out.refusals, refusal{router: o.router, err: err, wanted: o.do == acquire, known: again})
		s.stand(name, o, err, again)
	case stood:
		delete(s.standing.of, name)
		if again {
			out.granted = append(out.granted, was.err)
		}
	}
}

// stand remembers a refusal.
func (s *steward) stand(name string, o order, err error, known bool) {
	if errors.Is(err, errors.ErrUnsupported) && o.do > release { // for good
		return
	}
	st := &s.standing
	st.of[name] = stood{o, err}
	if o.retries() && !known {
		st.wait = auditAfter
		st.next = time.Now().Add(st.wait)
	}
}

// retry tries again what is due, and reports whether there was anything.
func (s *steward) retry() bool {
	st := &s.standing
	if st.next.IsZero() || time.Now().Before(st.next) {
		return false
	}
	s.retryAll()
	return true
}

func (s *steward) retryAll() {
	st := &s.standing
	st.next = time.Time{}
	var w changes
	for _, x := range st.of {
		switch {
		case x.again.do == guard || x.again.do == seat:
			s.tabulate(&order{do: x.again.do})
		case x.again.retries():
			w.add(&x.again)
		}
	}
	s.change(&w)
	st.wait = min(2*st.wait, auditMost)
	for _, x := range st.of {
		if x.again.retries() {
			st.next = time.Now().Add(st.wait)
		}
	}
}

// conclude tells the loop of what has become of orders.
func (s *steward) conclude(out outcome) {
	s.complain(out.refusals)
	if n := len(out.granted); n > 0 {
		s.report(func(d *Daemon) {
			d.log.Info("the kernel does now what it has refused", "was", out.granted[0], "others", n-1)
		})
	}
}

// tabulate tells the tables of the firewall what to hold. What they refused before
// is asked for together with what is new.
func (s *steward) tabulate(o *order) {
	var out outcome
	var proof bool
	var err error
	if o.do == guard {
		proof, err = s.refusing.ask(s.host.Filter, o.refuse, o.accept)
	} else {
		proof, err = s.seating.ask(s.host.Seat, o.take, o.leave)
	}
	if s.concerns(err) && (proof || err != nil) {
		s.judge(&out, order{do: o.do}, err)
	}
	s.conclude(out)
}

// owed is what a table is to hold (true) or to hold no longer, and has refused so
// far.
type owed[K comparable] map[K]bool

// ask changes a table, together with what is owed. That nothing more has to be held
// is no proof that the kernel would.
func (o *owed[K]) ask(change func(more, less []K) error, more, less []K) (proof bool, err error) {
	if len(*o) > 0 {
		o.add(more, less)
		more, less = nil, nil
		for k, hold := range *o {
			if hold {
				more = append(more, k)
			} else {
				less = append(less, k)
			}
		}
	}
	err = change(more, less)
	*o = nil
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		o.add(more, less)
	}
	return len(more) > 0, err
}

func (o *owed[K]) add(more, less []K) {
	if *o == nil {
		*o = make(owed[K], len(more)+len(less))
	}
	for _, k := range less {
		(*o)[k] = false
	}
	for _, k := range more {
		(*o)[k] = true
	}
}
