package daemon

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"time"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// A Status is what can be told of the daemon and all its routers (M-62). It is
// a copy, and what it points to is never changed.
//
// Every router in it is as it was in one moment; of thousands, the first may be
// a few milliseconds older than the last.
type Status struct {
	At      time.Time // when it was taken
	Since   time.Time // when the counters began: the discontinuity time of M-61
	Routers []RouterStatus
	Groups  []GroupStatus // vrrp_sync_group
	Links   []LinkStatus  // by name
	Checks  []health.Standing
	Wire    netif.WireCounts

	now        fsm.Time
	generation int            // of the configuration; see describe
	portion    []RouterStatus // the latest, not yet among the routers
}

// A RouterStatus is what can be told of one virtual router.
type RouterStatus struct {
	Settings cfgparse.Instance // its secrets print as asterisks
	Group    string            // its sync group; empty: none

	Condition Condition
	Why       Why        // what has led there, or keeps it there
	LastEvent LastEvent  // empty: there was none
	Machine   fsm.Status // its times are those of Status.Time
	Owner     bool
	Error     ProtocolError  // of the last packet that had one
	Verdict   health.Verdict // what health adds to its priority, and why
	Shift     PriorityChange // the last change of its effective priority
	Holds     bool           // its addresses were given to the kernel

	Device netif.Link // the one with its virtual MAC; Index 0: none
	Places []Place    // of the addresses of its estate, in their order
	Source netip.Addr // of its adverts; invalid: there is none
	Active netip.Addr // the router that is master now; invalid: nobody is known

	ChecksumSent  vrrp.ChecksumForm // of IPv4 adverts of version 3, W-45
	ChecksumHeard vrrp.ChecksumForm // of the last advert that fitted one form alone
	ChecksumFrom  netip.Addr        // who sent that; invalid: nobody

	Counters Counters
}

// A Place is where an address is while its router is master.
type Place struct {
	Device string
	On     string // the link that a device with a virtual MAC is on; empty: it is none
}

// A GroupStatus is what can be told of a sync group.
type GroupStatus struct {
	Settings  cfgparse.Group
	Condition Condition // what was told last: the state that all members have
	Faults    int       // members that cannot take part
	Waits     int       // members that wait for the first result of a check
}

// A LinkStatus is a link of the host, or one where routers were, and what has
// come from there that belongs to none of them.
type LinkStatus struct {
	Link     netif.Link // Gone: it is not there now
	Routers  bool       // routers are there, or were
	Error    ProtocolError
	Counters vrrp.Counters
}

// ErrStopped says that the daemon runs no more.
var ErrStopped = errors.New("the daemon has stopped")

// portion is how many routers are described in one turn of the loop. That takes
// a fraction of a millisecond, less than what the kernel is late by (T-9).
const portion = 128

// Status asks the loop what can be told of everything, from any goroutine. It
// asks for a portion at a time, between which the loop does what is due: an
// advert never waits for thousands of routers to be described.
func (d *Daemon) Status(ctx context.Context) (*Status, error) {
	s := &Status{portion: make([]RouterStatus, 0, portion)}
	for whole := false; !whole; s.keep() {
		answered := make(chan struct{})
		d.tell(func(d *Daemon) { whole = d.describe(s); close(answered) })
		select {
		case <-answered:
		case <-d.over:
			return nil, ErrStopped
		case <-ctx.Done(): // nobody looks at s any more
			return nil, context.Cause(ctx)
		}
	}
	return s, nil
}

// keep puts the latest portion to the others. It is for the asker: there may be
// megabytes to move.
func (s *Status) keep() {
	s.Routers = append(s.Routers, s.portion...)
	s.portion = s.portion[:0]
}

// Time returns when a moment of the routers' clock was, by the wall clock as it
// is now. A moment that never comes is the zero time.
func (s *Status) Time(t fsm.Time) time.Time {
	if t == fsm.Never {
		return time.Time{}
	}
	return s.At.Add(t.Sub(s.now))
}

// Total sums up what the links count.
func (s *Status) Total() (sum vrrp.Counters) {
	for i := range s.Links {
		for c, n := range s.Links[i].Counters {
			sum[c] += n
		}
	}
	return sum
}

// describe adds a portion of the routers to a status and reports whether it is
// whole. When the configuration has changed since the last portion, it begins
// anew.
func (d *Daemon) describe(s *Status) (whole bool) {
	if s.generation != d.generation {
		*s = Status{generation: d.generation, portion: s.portion}
	}
	first := len(s.Routers)
	last := min(first+portion, len(d.routers))
	for _, r := range d.routers[first:last] {
		s.portion = append(s.portion, d.describeRouter(r))
	}
	if last < len(d.routers) {
		return false
	}
	s.At, s.now, s.Since = d.wall(), d.now, d.since
	s.Groups, s.Links, s.Wire = d.describeGroups(), d.describeLinks(), d.wireCounts()
	for _, c := range d.checks {
		if standing, ok := d.board.Standing(c.Kind, c.Name); ok {
			s.Checks = append(s.Checks, standing)
		}
	}
	return true
}

// places returns where the addresses of a router are.
func (d *Daemon) places(r *router) []Place {
	all := make([]Place, len(r.Estate.Addresses))
	for i, a := range r.Estate.Addresses {
		all[i].Device = d.device(r, a)
		switch x := r.annexOf(a); {
		case x != nil && x.device.Index != 0:
			all[i].On = x.place.link
		case a.Interface == "" && r.device.Index != 0:
			all[i].On = r.Port.Interface
		}
	}
	return all
}

// wall returns the time of this turn by the wall clock.
func (d *Daemon) wall() time.Time {
	return time.Now().Round(0).Add(-d.clock().Sub(d.now))
}

func (d *Daemon) describeRouter(r *router) RouterStatus {
	s := RouterStatus{
		Settings: *r.Instance, Group: r.group.name,
		Condition: r.shown, Why: r.why, LastEvent: r.event, Owner: r.profile.Owner,
		Error: r.protocolError, Shift: r.shift,
		Machine: r.group.machine.Status(r.member), Verdict: r.verdict,
		Holds: r.state == fsm.Master, Device: r.device, Places: d.places(r), Source: r.primary,
		ChecksumSent: r.form.sent, ChecksumHeard: r.form.heard, ChecksumFrom: r.form.teacher,
		Counters: r.counters(),
	}
	switch {
	case r.state == fsm.Master:
		s.Active = r.primary
	case s.Machine.Heard.Priority != vrrp.Resign:
		s.Active = s.Machine.Heard.Addr
	}
	return s
}

func (d *Daemon) describeGroups() (all []GroupStatus) {
	named := make(map[string]*group)
	for _, r := range d.routers {
		named[r.group.name] = r.group
	}
	for _, settings := range d.groups {
		g := named[settings.Name]
		if g == nil { // it has no members
			continue
		}
		s := GroupStatus{Settings: settings, Condition: g.shown, Faults: g.faults}
		for _, m := range g.members {
			if m.verdict.Wait {
				s.Waits++
			}
		}
		all = append(all, s)
	}
	return all
}

func (d *Daemon) describeLinks() (all []LinkStatus) {
	for _, name := range slices.Sorted(maps.Keys(d.links)) {
		s := LinkStatus{Link: d.links[name].Link}
		if lan := d.lans[name]; lan != nil {
			s.Routers, s.Error, s.Counters = true, lan.protocolError, lan.count
		}
		all = append(all, s)
	}
	for _, name := range slices.Sorted(maps.Keys(d.lans)) {
		if d.links[name] == nil {
			all = append(all, LinkStatus{netif.Link{Name: name, Gone: true}, true, d.lans[name].protocolError, d.lans[name].count})
		}
	}
	return all
}
