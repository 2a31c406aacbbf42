package fsm_test

import (
	"fmt"
	"time"

	"regent/fsm"
	"regent/vrrp"
)

// laws are what holds on every LAN of a world, whatever happens on it. They are
// checked before every moment, so that nothing stays unseen between two.
//
// Let d be the longest delay of a packet, j the longest delay of a timer, AI
// the longest interval in use, and ADI the longest down interval, which is
// DownAdverts · AI + skew.
//
// Law 1, never two masters for long. Of two masters one is better: by priority,
// or by address (S-33). It advertises once in its interval, and the other
// yields when it hears that: after the better one's interval + j + d. This
// counts from when both are masters and the network has been in order. It holds
// at any time, not only in peace: hosts may crash, stop and start meanwhile.
//
// Law 2, never none for long. With no master there is no advert, so down timers
// run out: after the last disturbance + d (a packet on its way may set one
// more) + ADI + j. The start delay comes on top. From then on there is always
// one: a master yields only to a better one, and the best to none.
//
// Law 3, the best one. A host with preemption and a priority above the master's
// hears that one once in an interval, accepts it for its preempt delay and then
// lets its down timer run out: law 2 + AI + d + delay + ADI + j. From then on
// there is one master, which nobody with preemption outranks, and it stays.
//
// In a wild world, where intervals differ so much that the down interval learned
// from one router is shorter than the interval of another, law 3 says only that
// nobody outranks the best master: backups fire too early, and law 1 applies.
//
// Law 4, the hosts of the LAN know it. After law 3 the router that announced the
// addresses last is the master. Without virtual MACs this needs a last word
// (LastWord): a master that yields in silence leaves the better one unaware that
// there was anything to put right (field notes 1.1). An owner of version 2 stays
// unaware in any case, because it drops every advert.
type laws struct {
	quiet   fsm.Time // since when the network has been in order and priorities the same
	peace   fsm.Time // since when nothing at all has happened
	trouble bool     // the network is out of order now

	wild    bool
	teaches bool // law 4 can be held

	patience time.Duration // ADI
	interval time.Duration // AI
	hold     time.Duration // the longest preempt delay
	start    time.Duration // the longest start delay

	settled []*host // the master of each LAN since law 3
}

// disturbed notes that something happened. Steady is what leaves law 1 in
// force.
func (l *laws) disturbed(now fsm.Time, steady bool) {
	l.peace = now
	if !steady {
		l.quiet = now
	}
	clear(l.settled)
}

// none returns how long a LAN may be without a master.
func (l *laws) none(w *world) time.Duration {
	return l.start + w.delay + l.patience + w.late
}

// unsettled returns how long it may take until the best is the master.
func (l *laws) unsettled(w *world) time.Duration {
	return l.none(w) + l.interval + w.delay + l.hold + l.patience + w.late + w.delay
}

func (l *laws) check(w *world) error {
	if l.trouble {
		l.quiet, l.peace = w.now, w.now
		return nil
	}
	for lan := range w.lans {
		if err := l.checkLAN(w, lan); err != nil {
			return fmt.Errorf("lan %d: %w", lan, err)
		}
	}
	return nil
}

func (l *laws) checkLAN(w *world, lan int) error {
	var best *host
	var status fsm.Status
	masters := 0
	for i, h := range w.hosts {
		if h.group == nil || h.group.routers[lan].state != fsm.Master {
			continue
		}
		s := h.group.status(lan)
		masters++
		for _, other := range w.hosts[:i] {
			if other.group == nil || other.group.routers[lan].state != fsm.Master {
				continue
			}
			if err := l.contest(w, lan, h, other); err != nil {
				return err
			}
		}
		if best == nil || s.Priority > status.Priority {
			best, status = h, s
		}
	}
	calm := w.now.Sub(l.peace)
	if calm <= l.none(w) {
		return nil
	}
	if best == nil {
		for _, h := range w.hosts {
			if h.fit(lan) {
				return fmt.Errorf("law 2: no master after %v of peace, and host %d is fit", calm, h.id)
			}
		}
		return nil
	}
	if calm <= l.unsettled(w) {
		return nil
	}
	for _, h := range w.hosts {
		c := &h.configs[lan]
		if h.fit(lan) && (!c.NoPreempt || c.Priority == vrrp.Owner) && h.group.status(lan).Priority > status.Priority {
			return fmt.Errorf("law 3: after %v of peace host %d is master, and host %d outranks it", calm, best.id, h.id)
		}
	}
	if l.wild {
		return nil
	}
	switch {
	case masters != 1:
		return fmt.Errorf("law 3: %d masters after %v of peace", masters, calm)
	case l.settled[lan] != nil && l.settled[lan] != best:
		return fmt.Errorf("law 3: after %v of peace host %d took over from host %d", calm, best.id, l.settled[lan].id)
	case !l.teaches || w.version == vrrp.V2 && status.Priority == vrrp.Owner:
	case w.lans[lan].believed != nil && w.lans[lan].believed != best:
		return fmt.Errorf("law 4: host %d is master, and the client believes in host %d", best.id, w.lans[lan].believed.id)
	}
	l.settled[lan] = best
	return nil
}

// contest is law 1.
func (l *laws) contest(w *world, lan int, h, other *host) error {
	a, b := h.group.status(lan), other.group.status(lan)
	better := a
	if b.Priority > a.Priority || b.Priority == a.Priority && other.addrs[lan].Compare(h.addrs[lan]) > 0 {
		better = b
	}
	both := w.now.Sub(max(a.Since, b.Since, l.quiet))
	if limit := better.Interval + w.late + w.delay; both > limit {
		return fmt.Errorf("law 1: hosts %d and %d have both been master for %v, the limit is %v", h.id, other.id, both, limit)
	}
	return nil
}
