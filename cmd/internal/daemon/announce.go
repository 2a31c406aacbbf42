package daemon

import (
	"net/netip"
	"reflect"
	"time"

	"regent/netif"
)

// An announcer makes the announcements of all routers, at the pace that is set
// for their links, and counts them.
type announcer struct {
	pacer   netif.Pacer
	routers map[int]*router // that have announced: see announcerOf
	made    map[*router]announced
	told    time.Time // when the loop was last told what was made

	// Of one round, kept for the next.
	due     []netif.Departure
	leaving []netif.Announcement
	of      []*router // whose each of them is
}

// announced counts announcements that have left (M-39).
type announced struct{ arps, advertisements uint64 }

// tallyEvery is how often the loop hears what was announced while more is to
// come: a burst that takes a minute must not wake it for every message.
const tallyEvery = time.Second

// prepare takes what orders say about announcements, in their order, when all
// else that they ask for is done (B-2). A router that gives its addresses up
// announces nothing any more (B-3), and one that gives up some of them nothing of
// these.
func (s *steward) prepare(orders []*order) {
	for _, o := range orders {
		switch o.do {
		case shed:
			s.hush(o)
		case release:
			s.silence(o.router)
		case forget:
			s.forget(o.router)
		case announce:
			if o.source || s.holds(o.router) {
				owner := announcerOf(o.router, o.source)
				s.announcer.routers[owner] = o.router
				s.announcer.pacer.Add(owner, o.announce, o.times)
			}
		case space:
			s.announcer.pacer.SetPace(o.pace)
		}
	}
}

// announcerOf is whose an announcement is, for the pacer: a router's by its
// serial. That of its source is another's, which nothing silences: the source is
// the host's, whether the router is master or not.
func announcerOf(r *router, source bool) int {
	if source {
		return -r.serial
	}
	return r.serial
}

// silence drops the announcements that a router has still to make; nil is none
// in particular.
func (s *steward) silence(r *router) {
	if r != nil {
		s.announcer.pacer.Cancel(r.serial)
	}
}

// hush drops those of the addresses that a router gives up.
func (s *steward) hush(o *order) {
	if o.router == nil || len(o.changes) == 0 {
		return
	}
	gone := make(map[netip.Addr]bool, len(o.changes))
	for _, c := range o.changes {
		gone[c.Address.Prefix.Addr()] = true
	}
	s.announcer.pacer.Drop(o.router.serial, func(a netip.Addr) bool { return gone[a] })
}

// forget drops what is remembered of a router that is no more.
func (s *steward) forget(r *router) {
	for _, source := range []bool{false, true} {
		owner := announcerOf(r, source)
		s.announcer.pacer.Cancel(owner)
		delete(s.announcer.routers, owner)
	}
	for where := range s.refused {
		if where.router == r {
			delete(s.refused, where)
		}
	}
	for name, x := range s.standing.of {
		if x.again.router == r && !x.again.retries() {
			delete(s.standing.of, name)
		}
	}
}

// announceDue makes the announcements that are due, of each link one round, but
// none of an address that is not there (B-7) or that its router is about to give
// up (B-3). It reports whether any was due.
func (s *steward) announceDue() bool {
	a := &s.announcer
	a.due = a.pacer.Take(time.Now(), a.due[:0])
	if len(a.due) == 0 {
		return false
	}
	a.leaving, a.of = a.leaving[:0], a.of[:0]
	s.mu.Lock()
	for _, d := range a.due {
		r := a.routers[d.Owner]
		if d.Owner < 0 || !s.gone[r] && !s.refused[place{r, d.Addr}] {
			a.leaving, a.of = append(a.leaving, d.Announcement), append(a.of, r)
		}
	}
	s.mu.Unlock()
	if len(a.leaving) > 0 {
		s.announce(a.leaving, a.of)
	}
	return true
}

// announce makes announcements and counts, for their routers, those that left.
func (s *steward) announce(as []netif.Announcement, of []*router) {
	errs := s.host.Announce(as)
	var refusals []refusal
	for i, a := range as {
		if len(errs) > 0 && errs[i] != nil {
			refusals = append(refusals, refusal{err: errs[i]})
			continue
		}
		n := s.announcer.made[of[i]]
		if a.Addr.Is4() {
			n.arps++
		} else {
			n.advertisements++
		}
		s.announcer.made[of[i]] = n
	}
	s.complain(refusals)
}

// tally tells the loop what was announced since the last time: when nothing
// more waits, or after a while.
func (s *steward) tally(more bool) {
	a := &s.announcer
	if len(a.made) == 0 || more && time.Since(a.told) < tallyEvery {
		return
	}
	made := a.made
	a.made, a.told = make(map[*router]announced), time.Now()
	s.report(func(d *Daemon) {
		for r, n := range made {
			r.count.GratuitousARPs += n.arps
			r.count.NeighborAdvertisements += n.advertisements
		}
	})
}

// space tells the steward how announcements are spaced on the links that there
// are, if that has changed.
func (d *Daemon) space() {
	pace := netif.Pace{Spacing: d.spacing}
	for _, g := range d.garpGroups {
		pg := netif.PaceGroup{Spacing: netif.Spacing{ARP: g.Interval4, NA: g.Interval6}}
		for _, name := range g.Interfaces {
			if l := d.links[name]; l != nil {
				pg.Links = append(pg.Links, l.Index)
			}
		}
		pace.Groups = append(pace.Groups, pg)
	}
	if !reflect.DeepEqual(pace, d.pace) {
		d.pace = pace
		d.steward.give(order{do: space, pace: pace})
	}
}
