package daemon

import (
	"net/netip"
	"slices"
	"time"

	"regent/netif"
	"regent/vrrp"
)

// A flight is an advert that leaves with this turn: to the group, or to every
// peer of a unicast router.
type flight struct {
	router   *router
	priority uint8
	to       []netip.Addr
	until    int // packets of this turn, up to the last one of its own
	copies   int // that are its own
	lost     int // of these
}

// advertise queues an advert. Where there is no link any more nothing is sent:
// the address of a resignation that cannot leave is given up all the same (S-42).
// A resignation for want of a source comes from the source that has gone (S-43).
func (d *Daemon) advertise(r *router, priority uint8) {
	if r.link == 0 || !r.primary.IsValid() && (priority != vrrp.Resign || !r.from.IsValid()) {
		return
	}
	f := flight{router: r, priority: priority, to: r.to, copies: r.send(d.wire, priority)}
	f.until = f.copies
	if n := len(d.flights); n > 0 {
		f.until += d.flights[n-1].until
	}
	d.flights = append(d.flights, f)
}

// flush sends what the turn has queued and counts what has left (M-6, M-10).
func (d *Daemon) flush() {
	if len(d.flights) == 0 {
		return
	}
	if _, dropped := d.wire.Flush(); dropped > 0 {
		for _, drop := range d.wire.Drops() {
			d.unsent(drop)
		}
	}
	for _, f := range d.flights {
		if f.lost == f.copies {
			continue
		}
		f.router.count.Sent++
		if f.priority == vrrp.Resign {
			f.router.count.PriorityZeroSent++
		}
	}
	clear(d.flights)
	d.flights = d.flights[:0]
}

// unsent notes a packet that could not leave. That a resignation cannot is no
// surprise: the link may be what it resigns for.
func (d *Daemon) unsent(drop netif.Drop) {
	i, _ := slices.BinarySearchFunc(d.flights, drop.Packet+1, func(f flight, n int) int { return f.until - n })
	f := &d.flights[i]
	f.lost++
	f.router.count.Unsent++
	if f.priority == vrrp.Resign {
		return
	}
	lim := &f.router.limited().sends
	if lan := d.strange[drop.Link]; lan != nil {
		lim = &lan.limits.sends // it concerns all who are there
	}
	if held, ok := lim.allow(d.now); ok {
		to := f.to[(drop.Packet-(f.until-f.copies))*len(f.to)/f.copies]
		d.about(f.router).Error("cannot send adverts", "interface", d.names[drop.Link], "to", to, "error", drop.Err, "suppressed", held)
	}
}

// A built is an encoded advert together with all it was made of.
type built struct {
	made    recipe
	payload []byte
}

type recipe struct {
	priority uint8
	src, dst netip.Addr
	version  uint8
	form     vrrp.ChecksumForm
}

// destinations are where the router's adverts go.
func (r *router) destinations() []netip.Addr {
	if r.Port.Group.IsValid() {
		return []netip.Addr{r.Port.Group}
	}
	all := make([]netip.Addr, len(r.profile.Peers))
	for i, p := range r.profile.Peers {
		all[i] = p.Addr
	}
	return all
}

// send hands the advert with a priority to the wire, for every destination in
// every version, and returns how many packets those are.
//
// Adverts are encoded ahead, and again only when something in them changes. A
// signed one has a sequence of its own and so is made each time, but once for
// all its destinations (H-14).
func (r *router) send(w Wire, priority uint8) (copies int) {
	if r.profile.Proof.Signs() && len(r.to) > 0 {
		r.sendSigned(w, priority)
		return len(r.to)
	}
	for i, dst := range r.to {
		for j, version := range r.versions {
			b, want := &r.built[i*len(r.versions)+j], recipe{priority, r.from, dst, version, r.form.sent}
			if b.made != want {
				b.payload = r.encode(b.payload[:0], dst, priority, version)
				b.made = want
			}
			w.Queue(r.packet(dst, b.payload))
		}
	}
	return len(r.built)
}

func (r *router) sendSigned(w Wire, priority uint8) {
	b := &r.built[0]
	b.payload = r.encode(b.payload[:0], r.to[0], priority, r.Router.Version)
	b.payload = r.profile.Proof.Seal(b.payload, r.envelope(r.to[0]), time.Now())
	for i, dst := range r.to {
		if i > 0 {
			vrrp.Resum(b.payload, r.envelope(dst), r.form.sent)
		}
		w.Queue(r.packet(dst, b.payload))
	}
}

// packet puts an encoded advert on its way: from the virtual MAC, if there is
// one that is not kept from it (vmac_xmit_base, W-4).
func (r *router) packet(dst netip.Addr, payload []byte) netif.Packet {
	p := netif.Packet{Link: r.via(), Envelope: r.envelope(dst), Payload: payload}
	if r.Router.VirtualMAC && dst.IsMulticast() {
		p.MAC = r.device.MAC
	}
	return p
}

// via returns the link that adverts leave by; 0: the routing table knows. A VRF
// stands for its own routing table.
func (r *router) via() int {
	if r.Port.Interface == "" {
		return r.vrf
	}
	return r.link
}

func (r *router) encode(b []byte, dst netip.Addr, priority, version uint8) []byte {
	interval := r.Router.Interval
	if version == vrrp.V2 {
		interval = vrrp.WholeSeconds(interval)
	}
	advert := vrrp.Advert{
		Version:   version,
		VRID:      r.VRID,
		Priority:  priority,
		Interval:  interval,
		Addresses: r.Advertised,
		Checksum:  r.form.sent,
	}
	r.profile.Auth.Sign(&advert)
	return advert.Append(b, r.envelope(dst))
}

func (r *router) envelope(dst netip.Addr) vrrp.Envelope {
	return vrrp.Envelope{Src: r.from, Dst: dst, TTL: r.ttl()}
}

func (r *router) ttl() uint8 {
	if r.Port.TTL == 0 {
		return vrrp.HopLimit
	}
	return r.Port.TTL
}
