package cfgparse

import (
	"net/netip"
	"time"

	"regent/cfgparse/syntax"
	"regent/fsm"
	"regent/health"
	"regent/netif"
)

// doubt is advice: keepalived says nothing, but it is hardly meant so.
func (l *loader) doubt(p syntax.Pos, expected, effect, format string, args ...any) {
	l.complain(p, syntax.Advice, expected, effect, format, args...)
}

// sameAddress finds addresses that two instances own.
func (l *loader) sameAddress() {
	type home struct {
		addr netip.Addr
		dev  string
	}
	static := map[home]bool{}
	for _, a := range l.cfg.Static.Addresses {
		static[home{a.Prefix.Addr(), a.Interface}] = true
	}
	first := map[home]*draft{}
	for _, d := range l.drafts {
		for _, lines := range [][]addressLine{d.vips, d.evips} {
			for _, a := range lines {
				h := home{a.Prefix.Addr(), a.Interface}
				if h.dev == "" {
					h.dev = d.Port.Interface
				}
				if static[h] && !d.Profile.Owner {
					l.doubt(a.at, "static_ipaddress or virtual_ipaddress", "the backup has it, too, and answers for it", "address %s is static on %s", h.addr, h.dev)
				}
				if other := first[h]; other != nil && other != d {
					l.doubt(a.at, "each address in one instance", "when either of them stops being master it takes the address from the other", "address %s belongs to %s too", h.addr, quote(other.Name))
					continue
				}
				first[h] = d
			}
		}
	}
}

// linkLocalFirst wants the first address of an IPv6 router to be link-local,
// as the RFC does.
func (l *loader) linkLocalFirst(d *draft) {
	if d.family != netif.IPv6 || len(d.vips) == 0 {
		return
	}
	if a := d.vips[0].Prefix.Addr(); !a.IsLinkLocalUnicast() {
		l.doubt(d.vips[0].at, "a link-local address such as fe80::1 first", "routers that hold to RFC 9568 may drop the adverts", "the first address %s is not link-local", a)
	}
}

// idleWeights finds trackers whose weight the limits of a priority swallow.
func (l *loader) idleWeights(d *draft) {
	base := d.Router.Priority
	for _, t := range d.tracks {
		w := t.Weight
		if t.Reverse {
			w = -w
		}
		if w == 0 || d.Profile.Owner || t.Kind == health.File {
			continue
		}
		if fsm.Effective(base, w) == base {
			l.doubt(t.at, "a weight that leads to another priority between 1 and 254", "its result changes nothing", "weight %d of %s cannot move priority %d", t.Weight, quote(t.Name), base)
		}
	}
}

// holdAndWeights finds weights beside nopreempt: a backup that never takes
// over from a lower master does not do so either when health lowers it.
func (l *loader) holdAndWeights(d *draft) {
	if !d.hold {
		return
	}
	for _, t := range d.tracks {
		if t.Weight != 0 {
			l.doubt(t.at, "weight 0, which means FAULT, or no nopreempt", "a lower priority does not make another router take over", "%s has a weight, but the instance has nopreempt", quote(t.Name))
			return
		}
	}
}

// slowScript finds scripts that may run longer than they have time.
func (l *loader) slowScript(s *scriptDraft) {
	if s.Timeout > s.Interval {
		l.doubt(s.line("timeout"), "a timeout of at most the interval", "while one run takes so long, the next ones are left out", "timeout %s of %s is longer than its interval of %s", inSeconds(s.Timeout), quote(s.Name), inSeconds(s.Interval))
	}
}

// linkDelays holds the delays of links against the down timers of their
// instances: a link that is down unnoticed while neighbours take over would
// make two masters.
func (l *loader) linkDelays() {
	for _, d := range l.drafts {
		delay, ok := l.cfg.Delays[d.Port.Interface]
		if !ok {
			continue
		}
		limit := time.Duration(d.Router.DownAdverts-1)*d.Router.Interval - d.Router.Interval/256
		if d.Router.DownAdverts == 1 {
			limit = 0
		}
		if max(delay.Down, delay.Up) > limit {
			l.complain(d.line("advert_int"), syntax.General, "a delay below "+inSeconds(limit), "the delay is reduced to that", "the delay %s of %s is too long for %s", inSeconds(max(delay.Down, delay.Up)), quote(d.Port.Interface), quote(d.Name))
			delay.Down, delay.Up = min(delay.Down, limit), min(delay.Up, limit)
			l.cfg.Delays[d.Port.Interface] = delay
		}
	}
}
