package daemon

import (
	"net/netip"
	"time"

	"regent/fsm"
	"regent/netif"
)

// An audit looks, some time after something was asked of the kernel, whether it
// is there. Most of what goes wrong is known at once: the kernel refuses, or
// tells of an address that is gone. But an address that somebody removes before
// the kernel has told that it came, or while the steward works on others of the
// same router, goes unseen; and what was refused once may be granted later.
type audit struct {
	timer   timer
	wait    time.Duration // until the next attempt at what was refused
	suspect bool          // an address was missing at the last look
	refused bool          // the kernel has refused something since then
}

// How long until a look, and how long at most when the kernel goes on to refuse.
const (
	auditAfter = time.Second
	auditMost  = time.Minute
)

// acquire gives the steward an order for what a router, or nobody (nil), is to
// hold, and looks later what has become of it.
func (d *Daemon) acquire(o order) {
	d.steward.give(o)
	a := d.auditOf(o.router)
	d.timers.set(&a.timer, d.now.Add(max(a.wait, auditAfter)))
}

// auditOf returns the audit of a router, or that of the fixtures (nil).
func (d *Daemon) auditOf(r *router) *audit {
	if r == nil {
		return &d.fixtures.audit
	}
	return &r.audit
}

// idle reports whether the steward has no work on what a router, or nobody (nil),
// holds, so that an audit can look now; else it does so later.
func (d *Daemon) idle(r *router) bool {
	if d.steward.busy(r) {
		d.timers.set(&d.auditOf(r).timer, d.now.Add(auditAfter))
		return false
	}
	return true
}

// confirm reports whether addresses are missing indeed: the kernel's word that
// they have come may be on the way, and so it takes two looks.
func (d *Daemon) confirm(a *audit, lost []netip.Addr) bool {
	sure := a.suspect && len(lost) > 0
	a.suspect = len(lost) > 0 && !sure
	if a.suspect {
		d.timers.set(&a.timer, d.now.Add(auditAfter))
	}
	return sure
}

// again reports whether it is time to ask again for what was refused, each time
// after twice as long.
func (a *audit) again() bool {
	if !a.refused {
		a.wait = 0
		return false
	}
	a.refused = false
	a.wait = min(max(2*a.wait, auditAfter), auditMost)
	return true
}

// rest forgets all about a reign that is over.
func (d *Daemon) rest(a *audit) {
	a.refused, a.suspect, a.wait = false, false, 0
	d.timers.set(&a.timer, fsm.Never)
}

// wasRefused notes that the kernel has refused what a router, or nobody (nil),
// is to hold.
func (d *Daemon) wasRefused(r *router) {
	a := d.auditOf(r)
	a.refused = true
	if a.timer.deadline == fsm.Never && !d.ended {
		d.timers.set(&a.timer, d.now.Add(max(a.wait, auditAfter)))
	}
}

// audit looks after a master, and after one that is not to hold anything.
func (d *Daemon) audit(r *router) {
	if r.state != fsm.Master {
		d.evict(r)
		return
	}
	if !d.idle(r) {
		return
	}
	if r.audit.again() {
		d.acquireAgain(r)
		return
	}
	lost := d.absent(keep(r.holds.acquire, func(c netif.Change) bool { return !c.Address.NoTrack }))
	if d.confirm(&r.audit, lost) {
		d.restoreTo(r, lost)
	}
}

// acquireAgain asks again for all that a master owns, and announces what comes
// only now.
func (d *Daemon) acquireAgain(r *router) {
	d.acquire(r.toAcquire())
	if late := d.absent(r.holds.acquire); len(late) > 0 {
		d.announceAgain(r, late)
	}
}

// auditFixtures looks after the fixtures.
func (d *Daemon) auditFixtures() {
	f := &d.fixtures
	if !d.idle(nil) {
		return
	}
	if f.audit.again() {
		d.holdFixtures()
		return
	}
	lost := d.absent(keep(f.holds.acquire, func(c netif.Change) bool { return !c.Address.NoTrack }))
	if d.confirm(&f.audit, lost) {
		d.restoreFixedAddresses(lost)
	}
}

// absent returns the addresses that their links have not, as far as those are
// there and up.
func (d *Daemon) absent(wanted []netif.Change) (lost []netip.Addr) {
	for _, c := range wanted {
		l := d.links[d.names[c.Link]]
		if l != nil && l.Up && !l.set()[c.Address.Prefix.Addr()] {
			lost = append(lost, c.Address.Prefix.Addr())
		}
	}
	return lost
}

// set returns the addresses of a link, found out once for thousands that ask.
func (l *link) set() map[netip.Addr]bool {
	if l.present == nil {
		l.present = make(map[netip.Addr]bool, len(l.Addresses))
		for _, a := range l.Addresses {
			l.present[a.Prefix.Addr()] = true
		}
	}
	return l.present
}
