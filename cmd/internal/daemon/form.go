package daemon

import (
	"net/netip"

	"regent/cfgparse"
	"regent/netif"
	"regent/vrrp"
)

// chooseForm decides in which form a router's adverts bear their checksum: the
// one that its settings name, else the one that it has learned, else that with
// the pseudo-header (W-45, W-49).
func (r *router) chooseForm() {
	before := r.told
	r.told = true
	switch {
	case r.ChecksumTx == cfgparse.ChecksumMessageOnly:
		r.form = vrrp.MessageOnly
	case r.OldUnicastChecksum == cfgparse.OldChecksumOnly && !r.Port.Group.IsValid():
		r.form = vrrp.PseudoGroup
	case r.ChecksumTx == cfgparse.ChecksumPseudo:
		r.form = vrrp.Pseudo
	default:
		r.told = false
		if before || r.form == vrrp.PseudoGroup && !r.profile.AcceptPseudoGroup {
			r.form, r.teacher = vrrp.Pseudo, netip.Addr{}
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
	before := r.teacher
	r.theirs, r.teacher = a.Checksum, p.Envelope.Src
	if r.told || a.Checksum == r.form {
		return
	}
	r.form = a.Checksum
	held, ok := r.limited().form.allow(d.now)
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
