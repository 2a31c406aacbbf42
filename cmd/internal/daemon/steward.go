package daemon

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"regent/netif"
)

// The steward does the slow work on the kernel beside the loop, in the order in
// which the loop asked for it, and as many orders at a time as are waiting.
type steward struct {
	host   Host
	wire   Wire
	report func(news func(*Daemon)) // brings news to the loop

	orders []*order // of this turn of the loop, which alone touches them

	mu    sync.Mutex
	queue []*order
	ready chan struct{}    // holds a token while the queue may not be empty
	gone  map[*router]bool // routers whose addresses are given up, or will be by an order in the queue
	open  map[*router]int  // orders about its addresses that are not done yet

	// Of run alone.
	announcer announcer
	refused   map[place]bool // addresses that the kernel would not add
	standing  standing
	refusing  owed[netif.Refusal]
	seating   owed[netif.Seat]
	devices   map[int]bool // that it has made, by index
}

// An order is one piece of work for the steward.
type order struct {
	router   *router              // whose estate it is; nil: nobody's (fixtures, leftovers)
	do       task                 // what to do
	changes  []netif.Change       // acquire, shed, release
	paths    paths                // acquire, shed, release
	announce []netif.Announcement // announce
	refuse   []netif.Refusal      // guard
	accept   []netif.Refusal      // guard
	take     []netif.Seat         // seat
	leave    []netif.Seat         // seat
	times    int                  // announce: messages for each address
	source   bool                 // announce: of what the router's adverts come from
	link     int                  // join, leave, promote, demote: index
	pace     netif.Pace           // space
	group    netip.Addr           // join, leave; invalid for a unicast router
	device   *netif.Device        // join: to be made first, nil: none; build
	built    news                 // build: what came of it
	unmake   int                  // leave: index of a device to be removed, 0: none; raze
	power    []int                // acquire, release: devices to be raised or lowered
	keep     netif.Kept           // sweep
	stay     int                  // join: which of the router's stays on a link it is for
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
	forget  // a router that is no more
	sweep   // remove what a predecessor left behind
	promote // promote_secondaries of a link on
	demote  // and as it was before
	guard   // refuse what is sent to some addresses, and no longer to others
	seat    // answer for some addresses on one link alone, and for others as the kernel likes
	space   // space announcements
	build   // make a device for some addresses
	raze    // remove it
)

// news is what the loop gets to know of a device that was to be made.
type news func(d *Daemon, made netif.Made, err error)

// A place is a router and one of its addresses.
type place struct {
	router *router
	addr   netip.Addr
}

// batch bounds the orders that are done together: enough to make the system
// calls cheap, few enough that the first of many takeovers is announced early.
const batch = 64

func newSteward(host Host, wire Wire, report func(func(d *Daemon))) *steward {
	return &steward{
		host: host, wire: wire, report: report,
		ready:    make(chan struct{}, 1),
		gone:     make(map[*router]bool),
		open:     make(map[*router]int),
		refused:  make(map[place]bool),
		devices:  make(map[int]bool),
		standing: standing{of: make(map[string]stood)},
		announcer: announcer{
			routers: make(map[int]*router),
			made:    make(map[*router]announced),
		},
	}
}

// give adds an order, which the steward gets at the end of the turn: see send.
func (s *steward) give(o order) { s.orders = append(s.orders, &o) }

// send hands over the orders of a turn. It never blocks.
func (s *steward) send() {
	if len(s.orders) == 0 {
		return
	}
	s.mu.Lock()
	for _, o := range s.orders {
		switch o.do {
		case acquire, shed, release:
			s.gone[o.router] = o.do == release
			s.open[o.router]++
		}
	}
	s.queue = append(s.queue, s.orders...)
	s.mu.Unlock()
	clear(s.orders)
	s.orders = s.orders[:0]
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// busy reports whether orders about a router's addresses are not done yet.
// Only the loop asks.
func (s *steward) busy(r *router) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[r] > 0 || slices.ContainsFunc(s.orders, func(o *order) bool { return o.router == r && o.do <= release })
}

// holds reports whether a router is to keep its addresses.
func (s *steward) holds(r *router) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.gone[r]
}

// take removes the first orders, at most a batch of them.
func (s *steward) take() []*order {
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

// done notes that orders are.
func (s *steward) done(orders []*order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range orders {
		switch {
		case o.do <= release && s.open[o.router] > 1:
			s.open[o.router]--
		case o.do <= release:
			delete(s.open, o.router)
		case o.do == forget:
			delete(s.gone, o.router)
		}
	}
}

// run works until ctx ends and the queue is empty. Orders come before
// announcements that repeat earlier ones, and what was refused comes last.
func (s *steward) run(ctx context.Context) {
	for {
		if orders := s.take(); len(orders) > 0 {
			s.work(orders)
			s.done(orders)
		} else if !s.announceDue() && !s.retry() && !s.rest(ctx) {
			s.dismiss()
			return
		}
	}
}

// rest waits for orders, the next announcement, or the next attempt at what was refused; false: there is nothing
// to wait for.
func (s *steward) rest(ctx context.Context) bool {
	next, waits := s.announcer.pacer.Next()
	s.tally(waits)
	if again := s.standing.next; !again.IsZero() && (!waits || again.Before(next)) {
		next, waits = again, true
	}
	var alarm <-chan time.Time
	if waits {
		t := time.NewTimer(time.Until(next))
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-s.ready:
	case <-alarm:
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.queue) > 0
	}
	return true
}

// work does a batch of orders in their order; then come the first announcements
// of every address that is still held.
func (s *steward) work(orders []*order) {
	var w changes
	for _, o := range orders {
		switch o.do {
		case acquire:
			if s.holds(o.router) { // else its release is on the way
				w.add(o)
			}
		case shed:
			s.change(&w) // it may take away what an order before it adds
			w.add(o)
		case release:
			w.add(o)
		case join, leave, raze:
			// A router begins with its membership; what a predecessor left
			// behind must be gone by then (B-29).
			s.change(&w)
			s.member(o)
		case build:
			made, err := s.make(o.device)
			s.report(func(d *Daemon) { o.built(d, made, err) })
		case guard, seat:
			s.tabulate(o)
		case promote:
			s.attempt(s.host.PromoteSecondaries(o.link))
		case demote:
			s.change(&w)
			s.attempt(s.host.RestoreSecondaries(o.link))
		case sweep:
			n, err := s.host.RemoveLeftovers(o.keep)
			s.attempt(err)
			if n > 0 {
				s.report(func(d *Daemon) { d.log.Warn("removed what a predecessor left behind", "count", n) })
			}
		}
	}
	s.change(&w)
	s.prepare(orders)
	if slices.ContainsFunc(orders, func(o *order) bool { return o.do == announce }) {
		s.announceDue()
	}
}

// member joins or leaves a group and tells the loop how it went. A unicast
// router has none; its adverts come without.
func (s *steward) member(o *order) {
	var err error
	switch {
	case o.do == join:
		var made netif.Made
		if made, err = s.make(o.device); err == nil && o.group.IsValid() {
			err = s.wire.Join(o.link, o.group)
		}
		s.report(func(d *Daemon) { d.joined(o, made, err) })
		return
	case o.group.IsValid():
		err = s.wire.Leave(o.link, o.group)
	}
	if o.unmake != 0 {
		err = errors.Join(s.unmake(o.unmake), err)
	}
	if err != nil {
		s.complain([]refusal{{router: o.router, err: err}})
	}
}

// A refusal is something that the kernel would not do.
type refusal struct {
	router *router // for whom; nil: for none in particular
	err    error
	wanted bool // it is something that the router, or nobody as a fixture, is to hold
	known  bool // it was refused before
}

// attempt complains of what concerns no router, if it has failed.
func (s *steward) attempt(err error) {
	if err != nil {
		s.complain([]refusal{{err: err}})
	}
}

func (s *steward) complain(refusals []refusal) {
	if len(refusals) > 0 {
		s.report(func(d *Daemon) { d.refused(refusals) })
	}
}
