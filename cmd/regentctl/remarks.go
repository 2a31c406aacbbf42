package main

import (
	"fmt"
	"strings"

	"regent/vrrp"
)

// remarks are what there is to say of an advert beyond its fields.
type remarks struct{ problems, notes []string }

// String puts each problem behind a "!", and the notes in parentheses.
func (r remarks) String() string {
	var parts []string
	for _, p := range r.problems {
		parts = append(parts, "! "+p)
	}
	if len(r.notes) > 0 {
		parts = append(parts, "("+strings.Join(r.notes, ", ")+")")
	}
	return strings.Join(parts, "  ")
}

func (r *remarks) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *remarks) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// remarksOn looks for what any router would object to. What depends on a
// router's configuration, an unknown VRID or another address list, a capture
// cannot show.
func remarksOn(p packet) (r remarks) {
	b := p.advert.LayerContents()
	if p.vlan != "" {
		r.note("VLAN %s", p.vlan)
	}
	r.envelope(p)
	if p.cut > 0 && p.advert.Fault != vrrp.Accepted {
		r.note("the capture left out %s", count(p.cut, "byte"))
		return r
	}
	h, ok := vrrp.ParseHeader(b)
	switch f := p.advert.Fault; {
	case f == vrrp.BadHeader:
		r.problem("a fragment")
		return r
	case !ok:
		r.problem("%s: an advert has at least 8", count(len(b), "byte"))
		return r
	case vrrp.LooksLikeCARP(b):
		r.problem("looks like CARP, not VRRP: version 2 in %d bytes that claim %d addresses", len(b), h.Count)
		return r
	case f != vrrp.Accepted:
		r.fault(f, h, p)
	}
	if p.advert.Fault == vrrp.Accepted || p.advert.Fault == vrrp.BadChecksum {
		r.content(h, p)
	}
	return r
}

// envelope looks at the link and the IP header.
func (r *remarks) envelope(p packet) {
	e := p.advert.Envelope
	if e.Dst.IsMulticast() {
		if e.TTL != vrrp.HopLimit {
			r.problem("TTL %d: must be 255, so a router forwarded it or its sender is wrong", e.TTL)
		}
		if p.to() != "group" {
			group := vrrp.Group4
			if p.v6() {
				group = vrrp.Group6
			}
			r.problem("to %v instead of %v", e.Dst, group)
		}
	} else {
		r.note("unicast")
	}
	if v6, vrid, ok := vrrp.IsVirtualMAC(p.src); ok && p.mac() != "virtual" {
		family := "IPv4"
		if v6 {
			family = "IPv6"
		}
		r.problem("sent from the virtual MAC of VRID %d for %s", vrid, family)
	}
}

// fault explains why a codec gave up.
func (r *remarks) fault(f vrrp.Fault, h vrrp.Header, p packet) {
	n := len(p.advert.LayerContents())
	switch f {
	case vrrp.BadVersion:
		if h.Version == vrrp.V2 {
			r.problem("version 2 does not exist over IPv6")
		} else {
			r.problem("version %d: must be 2 or 3", h.Version)
		}
	case vrrp.BadType:
		r.problem("type %d: must be 1, advertisement", h.Type)
	case vrrp.BadLength:
		r.problem("%s: version %d with %s has %d, or %d with an HMAC trailer",
			count(n, "byte"), h.Version, addressCount(h.Count), vrrp.Size(h.Version, p.v6(), int(h.Count)),
			vrrp.Size(h.Version, p.v6(), int(h.Count))+vrrp.TrailerSize)
	case vrrp.BadChecksum:
		r.checksum(h, p)
	default:
		r.problem("%v", f)
	}
}

func addressCount(n uint8) string {
	if n == 1 {
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", n)
}

// checksum tells what the sum should be, and what a sender may have summed
// instead.
func (r *remarks) checksum(h vrrp.Header, p packet) {
	a := p.advert
	sum := func(form vrrp.ChecksumForm) uint16 {
		b := append([]byte(nil), a.LayerContents()...)
		vrrp.Resum(b, a.Envelope, form)
		again, _ := vrrp.ParseHeader(b)
		return again.Checksum
	}
	switch right := sum(vrrp.Pseudo); {
	case h.Version == vrrp.V3 && !p.v6() && h.Checksum == sum(vrrp.PseudoGroup):
		r.problem("checksum %04x: of an old unicast router, which sums the group instead of the destination; should be %04x", h.Checksum, right)
	case h.Version == vrrp.V3 && !p.v6():
		r.problem("checksum %04x: should be %04x (pseudo) or %04x (message-only)", h.Checksum, right, sum(vrrp.MessageOnly))
	default:
		r.problem("checksum %04x: should be %04x", h.Checksum, right)
	}
}

// content looks at what a well formed advert says.
func (r *remarks) content(h vrrp.Header, p packet) {
	a := p.advert
	if h.Count == 0 {
		r.problem("lists no addresses")
	}
	if h.Interval == 0 {
		r.problem("interval 0")
	}
	switch {
	case h.Version == vrrp.V3:
	case h.AuthType == vrrp.SimplePassword:
		r.note("password in clear text")
	case h.AuthType != vrrp.NoAuth:
		r.problem("authentication type %d: must be 0 or 1", h.AuthType)
	}
	if p.v6() && h.Count > 0 && !a.Addresses[0].IsLinkLocalUnicast() {
		r.note("first address is not link-local")
	}
	if h.Reserved != 0 {
		r.note("reserved bits %04b", h.Reserved)
	}
	if t, ok := vrrp.ParseTrailer(a.LayerContents()); ok && a.Signed {
		r.trailer(t)
	}
}

func (r *remarks) trailer(t vrrp.Trailer) {
	if t.Type != 1 || t.Reserved != 0 {
		r.problem("HMAC trailer malformed: type %d, reserved %#04x", t.Type, t.Reserved)
		return
	}
	r.note("HMAC trailer of %s with key %d, not verified", t.Sequence.Time().Format("2006-01-02 15:04:05"), t.Key)
}
