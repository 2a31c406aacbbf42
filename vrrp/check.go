package vrrp

import (
	"crypto/subtle"
	"time"
)

// Check validates one received packet in the order of RFC 9568 section 7.1 as
// the specification refines it: b is what follows the IP header,
// as long as the header says, e is the header, and wall the time of day, which
// only auth_hmac looks at. p is the virtual router that VRID(b) names on the
// link, nil if there is none.
//
// The first check that fails drops the packet, and nothing but marks of
// verified senders has changed. When none does, a holds the advert and the
// warnings say what is odd about it. After a drop a holds what could be read,
// to be told to a person and not to be acted upon.
func (p *Profile) Check(b []byte, e Envelope, wall time.Time, a *Advert) (Warnings, Fault) {
	e.Src, e.Dst = e.Src.WithZone(""), e.Dst.WithZone("")
	*a = Advert{Addresses: a.Addresses[:0]}

	if f := p.checkDestination(e); f != Accepted {
		return 0, f
	}
	h, ok := ParseHeader(b)
	if !ok {
		return 0, TooShort
	}
	a.header(h)
	if f := p.checkTTL(e); f != Accepted {
		return 0, f
	}
	n, f := p.checkMessage(h, b, e, a)
	if f != Accepted {
		return 0, f
	}
	if p == nil {
		return 0, UnknownVRID
	}
	if f := p.checkSource(e); f != Accepted {
		return 0, f
	}
	skew, f := p.checkTrailer(b, n, e, wall)
	if f != Accepted {
		return 0, f
	}
	a.list(b, e.v6())
	w, f := p.checkContent(h, e, a)
	if f != Accepted {
		return 0, f
	}
	return w | skew, Accepted
}

// checkDestination is R-1. What is not for the host never reaches a raw
// socket, so that for a unicast router any address but a group is its own.
// Where no router is known there is nothing to compare with.
func (p *Profile) checkDestination(e Envelope) Fault {
	switch {
	case p == nil:
	case p.unicast() && e.Dst.IsMulticast(), !p.unicast() && e.Dst != p.Group: // U-4
		return BadDestination
	}
	return Accepted
}

// checkTTL is R-4 for adverts to a group, and U-3 for others. Only a packet
// that no router has forwarded has the full count left (RFC 5082).
func (p *Profile) checkTTL(e Envelope) Fault {
	if e.Dst.IsMulticast() {
		if e.TTL != HopLimit {
			return BadTTL
		}
		return Accepted
	}
	if p == nil {
		return Accepted
	}
	if peer := p.peer(e.Src); peer != nil &&
		(e.TTL < peer.MinTTL || peer.MaxTTL != 0 && e.TTL > peer.MaxTTL) {
		return BadTTL
	}
	return Accepted
}

// checkMessage is. It returns the length of the message without
// its trailer.
func (p *Profile) checkMessage(h Header, b []byte, e Envelope, a *Advert) (n int, f Fault) {
	if p != nil && !p.speaks(h.Version) {
		return 0, BadVersion
	}
	n, f = frame(h, len(b), e.v6())
	if f != Accepted {
		return n, f
	}
	a.Signed = len(b) > n
	accept := [...]bool{Pseudo: true, MessageOnly: true, PseudoGroup: false}
	if p != nil {
		if a.Signed && !p.Auth.Sealed() {
			return n, UnexpectedTrailer
		}
		accept = [...]bool{
			Pseudo:      !p.AcceptMessageOnly || e.v6() || h.Version == V2,
			MessageOnly: !p.AcceptPseudoOnly,
			PseudoGroup: p.AcceptPseudoGroup,
		}
	}
	return n, a.sums(forms(b, n, e), accept)
}

// checkSource is R-10, U-2 and R-22.
func (p *Profile) checkSource(e Envelope) Fault {
	if e.Src == p.Primary {
		return OwnAddress
	}
	if p.unicast() && p.CheckUnicastSource && p.peer(e.Src) == nil {
		return UnknownPeer
	}
	if p.RequireOnLink && !p.onLink(e.Src) {
		return OffLinkSource
	}
	return Accepted
}

// checkTrailer is R-20. Keys without a Proof to use them with fail closed.
func (p *Profile) checkTrailer(b []byte, n int, e Envelope, wall time.Time) (Warnings, Fault) {
	switch {
	case !p.Auth.Sealed():
		return 0, Accepted
	case p.Proof == nil:
		return 0, TrailerMissing
	}
	return p.Proof.Open(b, n, e, wall)
}

// checkContent is. An advert of version 2 that a router of
// version 3 understands (V-32) is bound to nobody's interval, and is as welcome
// to an owner as any of version 3.
func (p *Profile) checkContent(h Header, e Envelope, a *Advert) (w Warnings, f Fault) {
	switch {
	case h.Count == 0:
		return 0, NoAddresses
	case p.Version == V3 && a.Interval == 0:
		return 0, ZeroInterval
	}
	if a.Version == V2 {
		if f := p.checkPassword(a); f != Accepted {
			return 0, f
		}
		if p.Version == V2 && a.Interval != p.Interval {
			return 0, WrongInterval
		}
	}
	if e.Src != p.Known && !p.lists(a.Addresses) {
		// Only an owner knows better than the configuration what it owns.
		if a.Version == V2 && a.Priority != Owner && !p.AnyAddressList {
			return 0, WrongAddresses
		}
		w |= OtherList
	}
	if e.v6() && !a.Addresses[0].IsLinkLocalUnicast() {
		if p.RequireLinkLocalFirst {
			return 0, LinkLocalNotFirst
		}
		w |= NoLinkLocal
	}
	if p.Version == V3 && a.Interval != p.interval(a.Version) {
		w |= OtherInterval
	}
	if p.Owner {
		if p.Version == V2 || p.OwnerIgnoresAdvert {
			return 0, OwnerHearsNoAdverts
		}
		w |= OwnerHeard
	}
	return w, Accepted
}

// checkPassword is R-13. The password is compared whole, so that the time it
// takes tells nobody how much of a guess was right (W-35).
func (p *Profile) checkPassword(a *Advert) Fault {
	kind, data := p.Auth.simple()
	switch {
	case a.AuthType != NoAuth && a.AuthType != SimplePassword: // W-34
		return UnknownAuthType
	case a.AuthType != kind:
		return WrongAuthType
	case kind == SimplePassword && subtle.ConstantTimeCompare(a.AuthData[:], data[:]) != 1:
		return WrongPassword
	}
	return Accepted
}
