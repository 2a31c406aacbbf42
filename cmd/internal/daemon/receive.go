package daemon

import (
	"net/netip"
	"time"

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
	r, known := d.table.find(p)
	if r == nil && d.strange[p.Link] == nil {
		return // a link without routers: a group that others on this host have joined
	}
	if p.Fragmented {
		d.drop(r, vrrp.BadHeader, p)
		return
	}
	if r == nil {
		_, fault := (*vrrp.Profile)(nil).Check(p.Payload, p.Envelope, time.Time{}, &d.advert)
		d.drop(nil, fault, p)
		return
	}
	r.profile.Known = netip.Addr{}
	if r.SkipCheckAddr && r.state == fsm.Backup { // a master compares always
		r.profile.Known = r.heard
	}
	wall := time.Time{}
	if r.profile.Proof != nil {
		wall = time.Now()
	}
	warnings, fault := r.profile.Check(p.Payload, p.Envelope, wall, &d.advert)
	if fault == vrrp.Accepted && !known {
		fault = vrrp.UnknownPeer
	}
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
	d.twin(r, p)
	r.heard = p.Envelope.Src
	d.learnForm(r, p)
	d.step(r, fsm.Heard{
		Source: p.Envelope.Src, Version: d.advert.Version, Priority: d.advert.Priority, Interval: d.advert.Interval,
	})
}
