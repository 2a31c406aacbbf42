package daemon

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"regent/netif"
)

// The steward does the slow work on the kernel beside the loop, in the order in
// which the loop asked for it, and as many orders at a time as are waiting.
type steward struct {
	host   Host
	wire   Wire
	report func(func(d *Daemon)) // brings news to the loop

	mu    sync.Mutex
	queue []order
	ready chan struct{} // holds one token while the queue is not empty
}

// An order is one piece of work for the steward.
type order struct {
	router   *router              // whose estate it is; nil for none in particular
	do       task                 // what to do
	changes  []netif.Change       // acquire, release
	announce []netif.Announcement // announce
	times    int                  // announce: messages for each address
	link     int                  // join, leave: index
	group    netip.Addr           // join, leave
}

// A task is what an order asks for.
type task uint8

const (
	acquire task = iota
	shed         // give up some addresses and go on
	release      // give up all addresses
	announce
	join
	leave
	forget // a router that is no more
)

// batch bounds the orders that are done together: enough to make the system
// calls cheap, few enough that the first of many takeovers is announced early.
const batch = 64

func newSteward(host Host, wire Wire, report func(func(d *Daemon))) *steward {
	return &steward{host: host, wire: wire, report: report, ready: make(chan struct{}, 1)}
}

// give adds an order. It never blocks.
func (s *steward) give(o order) {
	s.mu.Lock()
	s.queue = append(s.queue, o)
	s.mu.Unlock()
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// take removes the first orders, at most a batch of them.
func (s *steward) take() []order {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.queue), batch)
	orders := s.queue[:n:n]
	s.queue = s.queue[n:]
	if len(s.queue) == 0 {
		s.queue = nil
	}
	return orders
}

// run works until ctx ends and the queue is empty.
func (s *steward) run(ctx context.Context) {
	var rounds rounds
	for {
		if orders := s.take(); len(orders) > 0 {
			s.work(orders, &rounds)
			continue
		}
		if again := rounds.next(); len(again) > 0 {
			s.announce(again)
			continue
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			if orders := s.take(); len(orders) > 0 {
				s.work(orders, &rounds)
				continue
			}
			return
		}
	}
}

// work does a batch of orders: memberships and addresses first, in order, then
// the first announcement of every address that is still held.
func (s *steward) work(orders []order, rounds *rounds) {
	var changes []netif.Change
	var owners []*router
	for _, o := range orders {
		switch o.do {
		case acquire, shed, release:
			for range o.changes {
				owners = append(owners, o.router)
			}
			changes = append(changes, o.changes...)
			rounds.hold(o.router, o.do != release)
		case join, leave:
			s.member(o)
		case forget:
			rounds.forget(o.router)
		}
	}
	if len(changes) > 0 {
		s.failures(owners, s.host.Change(changes))
	}
	var first []netif.Announcement
	for _, o := range orders {
		if o.do == announce && rounds.holds(o.router) {
			first = append(first, o.announce...)
			rounds.add(o.router, o.announce, o.times-1)
		}
	}
	s.announce(first)
}

// failures tells the loop which changes the kernel refused.
func (s *steward) failures(owners []*router, errs []error) {
	for i, err := range errs {
		if err != nil {
			r := owners[i]
			s.report(func(d *Daemon) { d.refused(r, err) })
		}
	}
}

// member joins or leaves a group and tells the loop how it went.
func (s *steward) member(o order) {
	if o.do == leave {
		if err := s.wire.Leave(o.link, o.group); err != nil {
			s.report(func(d *Daemon) { d.refused(o.router, err) })
		}
		return
	}
	err := s.wire.Join(o.link, o.group)
	s.report(func(d *Daemon) { d.joined(o.router, o.link, err) })
}

func (s *steward) announce(as []netif.Announcement) {
	if len(as) == 0 {
		return
	}
	if _, err := s.host.Announce(as); err != nil {
		s.report(func(d *Daemon) { d.refused(nil, err) })
	}
}

// rounds holds what is left of announcements that are made more than once. All
// addresses get their first announcement before any gets its second.
type rounds struct {
	lost    map[*router]bool // gave its addresses up after it had them
	pending []round
}

type round struct {
	router   *router
	announce []netif.Announcement
	left     int
}

// hold records whether a router has its addresses; giving them up ends its
// announcements at once (B-3).
func (r *rounds) hold(owner *router, held bool) {
	if r.lost == nil {
		r.lost = make(map[*router]bool)
	}
	if held {
		delete(r.lost, owner)
	} else {
		r.lost[owner] = true
	}
}

// forget drops what is known of a router.
func (r *rounds) forget(owner *router) {
	delete(r.lost, owner)
	r.pending = slices.DeleteFunc(r.pending, func(p round) bool { return p.router == owner })
}

func (r *rounds) holds(owner *router) bool { return !r.lost[owner] }

func (r *rounds) add(owner *router, as []netif.Announcement, left int) {
	if left > 0 {
		r.pending = append(r.pending, round{owner, as, left})
	}
}

// next returns one more announcement of everything that is left.
func (r *rounds) next() []netif.Announcement {
	var as []netif.Announcement
	keep := r.pending[:0]
	for _, p := range r.pending {
		if !r.holds(p.router) {
			continue
		}
		as = append(as, p.announce...)
		if p.left--; p.left > 0 {
			keep = append(keep, p)
		}
	}
	clear(r.pending[len(keep):])
	r.pending = keep
	return as
}
