package daemon

import (
	"fmt"
	"log/slog"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"regent/cmd/internal/notify"
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
	twin     limiter
	form     limiter
	refusals limiter
	restores limiter
	sends    limiter
	receive  limiter
}

// limited returns the limiters of a router, which it has from its first complaint
// on: they are a third of its size, and most routers give no reason for any.
func (r *router) limited() *limits {
	if r.limits == nil {
		r.limits = new(limits)
	}
	return r.limits
}

// strangers is what a link where routers are has brought that belongs to none of
// them.
type strangers struct {
	count         vrrp.Counters
	protocolError ProtocolError // of the last packet that had one
	limits        limits
}

// strangersOn returns what is kept of a link: under its name, so that one that
// is made anew goes on counting (M-61). A unicast router without an interface
// may meet links where no other router is.
func (d *Daemon) strangersOn(link int) *strangers {
	if s := d.strange[link]; s != nil {
		return s
	}
	name, known := d.names[link]
	if !known {
		return &strangers{} // it is gone already
	}
	if d.lans[name] == nil {
		d.lans[name] = &strangers{}
	}
	d.strange[link] = d.lans[name]
	return d.lans[name]
}

// about returns the log for what concerns a router, or none in particular.
func (d *Daemon) about(r *router) *slog.Logger {
	if r == nil {
		return d.log
	}
	return d.log.With("instance", r.Name)
}

// drop counts and tells of a packet that was dropped; r is whom it concerns,
// nil if that is nobody.
func (d *Daemon) drop(r *router, fault vrrp.Fault, p *netif.Packet) {
	link := d.strangersOn(p.Link)
	counter := fault.Counter()
	if counter.OfLink() || r == nil {
		link.count[counter]++
	}
	lim := &link.limits
	if r != nil {
		if counter.OfRouter() {
			r.count.Wire[counter]++
		}
		lim = r.limited()
	}
	if reason, ok := protocolErrors[counter]; ok {
		link.protocolError = reason
		if r != nil {
			r.protocolError = reason
		}
	}
	held, ok := lim.faults[fault].allow(d.now)
	if !ok {
		return
	}
	if fault != vrrp.UnknownVRID || d.logUnknown {
		d.tellDrop(r, fault, p, held)
	}
	d.publishError(r, counter, p, held)
}

// tellDrop logs a packet that was dropped (L-2).
func (d *Daemon) tellDrop(r *router, fault vrrp.Fault, p *netif.Packet, held uint64) {
	header, _ := vrrp.ParseHeader(p.Payload)
	message := "dropped a packet: " + fault.Error()
	if vrrp.LooksLikeCARP(p.Payload) {
		message += " (it looks like CARP)"
	}
	attrs := []any{"rule", fault.Rule(), "interface", d.names[p.Link], "family", netif.FamilyOf(p.Envelope.Src),
		"source", p.Envelope.Src, "vrid", header.VRID}
	attrs = append(attrs, d.evidence(r, fault, p)...)
	d.about(r).Warn(message, append(attrs, "suppressed", held)...)
}

// evidence returns what a dropped packet says and what was expected of it, as
// far as either tells more than the fault. It is never a password (L-2).
func (d *Daemon) evidence(r *router, fault vrrp.Fault, p *netif.Packet) []any {
	header, _ := vrrp.ParseHeader(p.Payload)
	a := &d.advert // as far as it could be read
	switch fault {
	case vrrp.BadTTL:
		return []any{"received", p.Envelope.TTL, "expected", vrrp.HopLimit}
	case vrrp.TooShort, vrrp.BadLength, vrrp.UnexpectedTrailer:
		return []any{"received", strconv.Itoa(len(p.Payload)) + " bytes"}
	case vrrp.BadType:
		return []any{"received", header.Type, "expected", 1}
	case vrrp.BadChecksum:
		return []any{"received", fmt.Sprintf("%#04x", header.Checksum)}
	}
	if r == nil {
		return nil
	}
	switch fault {
	case vrrp.BadDestination:
		return []any{"received", p.Envelope.Dst, "expected", list(r.to)}
	case vrrp.BadVersion:
		return []any{"received", header.Version, "expected", r.Router.Version}
	case vrrp.ZeroInterval, vrrp.WrongInterval:
		return []any{"received", a.Interval, "expected", r.Router.Interval}
	case vrrp.UnknownAuthType, vrrp.WrongAuthType:
		return []any{"received", a.AuthType}
	case vrrp.OwnerHearsNoAdverts:
		return conflict(r, a)
	case vrrp.WrongAddresses, vrrp.LinkLocalNotFirst:
		return []any{"received", list(a.Addresses), "expected", list(r.Advertised)}
	}
	return nil
}

// conflict says with whom an owner shares its addresses, and whether that
// one claims to be their owner, too (O-3).
func conflict(r *router, a *vrrp.Advert) []any {
	about := []any{"priority", a.Priority, "ours", r.primary}
	if a.Priority == vrrp.Owner {
		about = append(about, "conflict", "two owners")
	}
	return about
}

// warn tells what is odd about an advert that was accepted.
func (d *Daemon) warn(r *router, warnings vrrp.Warnings, p *netif.Packet) {
	for one := range warnings.All {
		i := bits.TrailingZeros8(uint8(one))
		held, ok := r.limited().warnings[i].allow(d.now)
		if !ok {
			continue
		}
		a := &d.advert
		attrs := []any{"rule", one.Rule(), "interface", d.names[p.Link], "source", p.Envelope.Src, "vrid", a.VRID}
		switch one {
		case vrrp.OtherInterval:
			attrs = append(attrs, "received", a.Interval, "expected", r.Router.Interval)
		case vrrp.OtherList, vrrp.NoLinkLocal:
			attrs = append(attrs, "received", list(a.Addresses), "expected", list(r.Advertised))
		case vrrp.OwnerHeard:
			attrs = append(attrs, conflict(r, a)...)
		}
		d.about(r).Warn("accepted an advert: "+one.String(), append(attrs, "suppressed", held)...)
		d.publishError(r, one.Counter(), p, held)
	}
}

// twin tells of a router that has our priority: when the master falls silent,
// both may take over at once (O-2). Owners are told of by R-19. Some mean it so,
// and it is enough for them to hear of it once.
func (d *Daemon) twin(r *router, p *netif.Packet) {
	priority := fsm.Effective(r.Router.Priority, r.verdict.Delta)
	if r.profile.Owner || d.advert.Priority != priority || p.Envelope.Src == r.twin {
		return
	}
	if held, ok := r.limited().twin.allow(d.now); ok {
		r.twin = p.Envelope.Src
		d.about(r).Warn("another router has our priority; they should differ", "rule", "O-2", "interface", r.Port.Interface,
			"source", p.Envelope.Src, "vrid", r.VRID, "priority", d.advert.Priority, "suppressed", held)
	}
}

// contested tells that another router believes itself master.
func (d *Daemon) contested(r *router, c fsm.Cause) {
	r.count.Contests++
	d.inform(r, notify.MasterRxLowerPri, "")
	if held, ok := r.limited().contest.allow(d.now); ok {
		d.about(r).Warn("Received advert from another master", "peer", c.Peer,
			"priority", c.PeerPriority, "ours", c.Priority, "suppressed", held)
	}
}

// refused takes the steward's report of work that the kernel would not do.
func (d *Daemon) refused(refusals []refusal) {
	for _, f := range refusals {
		lim := &d.limits.refusals
		if f.router != nil {
			lim = &f.router.limited().refusals
			f.router.count.Refused++
		}
		if f.wanted {
			d.wasRefused(f.router)
		}
		if f.known {
			continue
		}
		if held, ok := lim.allow(d.now); ok {
			d.about(f.router).Error("the kernel refused", "error", f.err, "suppressed", held)
		}
	}
}

// list writes addresses in a form that the log does not have to quote.
func list(addrs []netip.Addr) string {
	var s strings.Builder
	for i, a := range addrs {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteString(a.String())
	}
	return s.String()
}
