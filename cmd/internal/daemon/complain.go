package daemon

import (
	"math/bits"
	"net/netip"
	"time"

	"regent/fsm"
	"regent/netif"
	"regent/vrrp"
)

// quiet is how long a complaint stays unrepeated (L-1).
const quiet = 10 * time.Second

// A limiter lets one line of a kind through at a time. Its state does not
// depend on who is to blame, so that forged sources cannot flood the log.
type limiter struct {
	until      fsm.Time
	suppressed uint64
}

// allow reports whether a line may be written now, and how many were held back
// since the last one.
func (l *limiter) allow(now fsm.Time) (held uint64, ok bool) {
	if now < l.until {
		l.suppressed++
		return 0, false
	}
	held = l.suppressed
	*l = limiter{until: now.Add(quiet)}
	return held, true
}

// limits are the limiters of one router, or of one link.
type limits struct {
	faults   [vrrp.NumFaults]limiter
	warnings [8]limiter // by the bit of the warning
	contest  limiter
	refusals limiter
}

// strangers is what a link has brought that belongs to no router of ours.
type strangers struct {
	count  vrrp.Counters
	limits limits
}

// drop counts and tells of a packet that was dropped.
func (d *Daemon) drop(r *router, fault vrrp.Fault, p *netif.Packet) {
	link := d.strange[p.Link]
	if link == nil {
		link = &strangers{}
		d.strange[p.Link] = link
	}
	counter := fault.Counter()
	if counter.OfLink() || r == nil {
		link.count[counter]++
	}
	lim, name := &link.limits, ""
	if r != nil {
		if counter.OfRouter() {
			r.count.Wire[counter]++
		}
		lim, name = &r.limits, r.Name
	}
	if fault == vrrp.UnknownVRID && !d.logUnknown {
		return
	}
	held, ok := lim.faults[fault].allow(d.now)
	if !ok {
		return
	}
	header, _ := vrrp.ParseHeader(p.Payload)
	d.log.Warn("dropped a packet: "+fault.Error(), "instance", name, "rule", fault.Rule(),
		"interface", d.names[p.Link], "source", p.Envelope.Src, "vrid", header.VRID,
		"carp", vrrp.LooksLikeCARP(p.Payload), "suppressed", held)
}

// warn tells what is odd about an advert that was accepted.
func (d *Daemon) warn(r *router, warnings vrrp.Warnings, p *netif.Packet) {
	for one := range warnings.All {
		i := bits.TrailingZeros8(uint8(one))
		if held, ok := r.limits.warnings[i].allow(d.now); ok {
			d.log.Warn("accepted an advert: "+one.String(), "instance", r.Name, "rule", one.Rule(),
				"source", p.Envelope.Src, "priority", d.advert.Priority, "interval", d.advert.Interval,
				"addresses", list(d.advert.Addresses), "suppressed", held)
		}
	}
}

// contested tells that another router believes itself master.
func (d *Daemon) contested(r *router, c fsm.Cause) {
	r.count.Contests++
	if held, ok := r.limits.contest.allow(d.now); ok {
		d.log.Warn("Received advert from another master", "instance", r.Name, "peer", c.Peer,
			"priority", c.PeerPriority, "ours", c.Priority, "suppressed", held)
	}
}

// list writes addresses in a form that the log does not have to quote.
func list(addrs []netip.Addr) string {
	s := ""
	for i, a := range addrs {
		if i > 0 {
			s += ","
		}
		s += a.String()
	}
	return s
}
