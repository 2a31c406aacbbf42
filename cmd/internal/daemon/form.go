package daemon

import (
	"net/netip"

	"regent/cfgparse"
	"regent/netif"
	"regent/vrrp"
)

// A form is how a router's adverts bear their checksum (VRRPv3 over IPv4), and
// what it knows of others.
type form struct {
	sent    vrrp.ChecksumForm // W-47
	set     bool              // by its settings
	heard   vrrp.ChecksumForm // of the last advert that fits one form alone
	teacher netip.Addr        // who sent that; invalid: nobody
}

// chooseForm decides in which form a router's adverts bear their checksum: the
// one that its settings name, else the one that it has learned, else that with
// the pseudo-header (W-45, W-49).
func (r *router) chooseForm() {
	before := r.form.set
	r.form.set = true
	switch {
	case r.ChecksumTx == cfgparse.ChecksumMessageOnly:
		r.form.sent = vrrp.MessageOnly
	case r.OldUnicastChecksum == cfgparse.OldChecksumOnly && !r.Port.Group.IsValid():
		r.form.sent = vrrp.PseudoGroup
	case r.ChecksumTx == cfgparse.ChecksumPseudo:
		r.form.sent = vrrp.Pseudo
	default:
		r.form.set = false
		if before || r.form.sent == vrrp.PseudoGroup && !r.profile.AcceptPseudoGroup {
			r.form.sent, r.form.teacher = vrrp.Pseudo, netip.Addr{}
		}
	}
}

// learnForm makes a router speak the checksum form that its neighbour speaks
// (W-47, of old unicast neighbours W-49): of those for VRRPv3 over IPv4, most
// routers understand but one. Neighbours that use different forms cannot hear
// each other.
func (d *Daemon) learnForm(r *router, p *netif.Packet) {
	a := &d.advert
	if a.Version != vrrp.V3 || r.Port.Family != netif.IPv4 || a.FitsBoth {
		return
	}
	before := r.form.teacher
	r.form.heard, r.form.teacher = a.Checksum, p.Envelope.Src
	if r.form.set || a.Checksum == r.form.sent {
		return
	}
	r.form.sent = a.Checksum
	held, ok := r.limited().form.allow(d.now)
	switch {
	case !ok:
	case before.IsValid() && before != r.form.teacher:
		d.about(r).Warn("Neighbours use different checksum forms and may not hear each other; changing to that of the last one",
			"form", r.form.sent, "neighbour", r.form.teacher, "other", before, "suppressed", held)
	default:
		d.about(r).Info("Changing the checksum form of adverts to that of a neighbour",
			"form", r.form.sent, "neighbour", r.form.teacher, "suppressed", held)
	}
}
