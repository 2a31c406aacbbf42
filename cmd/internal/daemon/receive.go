package daemon

import (
	"time"

	"regent/cfgparse"
	"regent/fsm"
	"regent/netif"
	"regent/vrrp"
)

// listenBase and listenEach bound how many packets one turn reads, whatever a
// flood sends: more than the adverts that a stall of many intervals collects,
// and still only milliseconds of work.
const (
	listenBase = 8192
	listenEach = 64 // more for each router
)

// listen hears all adverts that are waiting.
func (d *Daemon) listen() {
	for budget := listenBase + listenEach*len(d.routers); budget > 0; {
		packets, err := d.wire.Receive()
		if err != nil {
			if held, ok := d.limits.receive.allow(d.now); ok {
				d.log.Error("cannot hear adverts", "error", err, "suppressed", held)
			}
			return
		}
		if len(packets) == 0 {
			return
		}
		for i := range packets {
			d.receive(&packets[i])
		}
		budget -= len(packets)
	}
}

// receive takes one packet: it is an advert for one of our routers, or it is
// counted under the rule that it breaks.
func (d *Daemon) receive(p *netif.Packet) {
	var r *router
	if vrid, ok := vrrp.VRID(p.Payload); ok {
		r = d.table[meeting{p.Link, netif.FamilyOf(p.Envelope.Src), vrid}]
	}
	if r == nil {
		if d.strange[p.Link] == nil {
			return // a link without routers: a group that others on this host have joined
		}
		_, fault := (*vrrp.Profile)(nil).Check(p.Payload, p.Envelope, time.Time{}, &d.advert)
		d.drop(nil, fault, p)
		return
	}
	wall := time.Time{}
	if r.profile.Proof != nil {
		wall = time.Now()
	}
	warnings, fault := r.profile.Check(p.Payload, p.Envelope, wall, &d.advert)
	if fault != vrrp.Accepted {
		d.drop(r, fault, p)
		return
	}
	if warnings != 0 {
		d.warn(r, warnings, p)
	}
	r.count.Wire.Accept(&d.advert, p.Envelope, warnings)
	r.count.Received++
	if d.advert.Priority == vrrp.Resign {
		r.count.PriorityZeroReceived++
	}
	d.learnForm(r, p)
	d.step(r, fsm.Heard{Source: p.Envelope.Src, Priority: d.advert.Priority, Interval: d.advert.Interval})
}

// learnForm makes a router speak the checksum form that its neighbour speaks
// (W-47): of the two for VRRPv3 over IPv4, most routers understand but one.
// Neighbours that use different forms cannot hear each other.
func (d *Daemon) learnForm(r *router, p *netif.Packet) {
	a := &d.advert
	if a.Version != vrrp.V3 || r.Port.Family != netif.IPv4 || r.ChecksumTx != cfgparse.ChecksumAuto ||
		a.FitsBoth || a.Checksum == vrrp.PseudoGroup {
		return
	}
	before := r.teacher
	r.teacher = p.Envelope.Src
	if a.Checksum == r.form {
		return
	}
	r.form = a.Checksum
	held, ok := r.limits.form.allow(d.now)
	switch {
	case !ok:
	case before.IsValid() && before != r.teacher:
		d.about(r).Warn("Neighbours use different checksum forms and may not hear each other; changing to that of the last one",
			"form", r.form, "neighbour", r.teacher, "other", before, "suppressed", held)
	default:
		d.about(r).Info("Changing the checksum form of adverts to that of a neighbour",
			"form", r.form, "neighbour", r.teacher, "suppressed", held)
	}
}
