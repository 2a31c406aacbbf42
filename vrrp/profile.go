package vrrp

import (
	"net/netip"
	"time"
)

// A Peer is a unicast neighbour (unicast_peer).
type Peer struct {
	Addr           netip.Addr
	MinTTL, MaxTTL uint8 // 0: no such bound
}

// A Profile is what a virtual router holds a received advert against. Its
// zero options are those of the RFCs.
type Profile struct {
	Version   uint8
	Owner     bool          // the own priority is 255
	Interval  time.Duration // the own Advertisement_Interval
	Addresses []netip.Addr  // the own list, in configured order, no address twice
	Primary   netip.Addr    // the own source address, R-10
	Group     netip.Addr    // the multicast destination; invalid for a unicast router
	Peers     []Peer        // unicast neighbours
	Known     netip.Addr    // whose list need not be compared again (skip_check_adv_addr)
	Auth      *Auth         // nil: none
	Proof     *Proof        // the running side of Auth, from NewProof; nil without keys

	AcceptPseudoOnly      bool // checksum_rx: pseudo
	AcceptMessageOnly     bool // checksum_rx: message-only
	AcceptPseudoGroup     bool // also the form of old unicast routers (old_unicast_checksum, W-49)
	AnyAddressList        bool // v2: another address list is a warning, not a drop
	RequireLinkLocalFirst bool // IPv6: drop, not warn, when another address is first
	OwnerIgnoresAdvert    bool // v3: an owner drops every advert (owner_ignore_adverts, R-19)
	CheckUnicastSource    bool // unicast: drop adverts of hosts that are no peer (check_unicast_src, U-2)
	BothVersions          bool // v3 over IPv4: accept version 2 as well (interop_v2v3, V-30)
	RequireOnLink         bool // drop adverts whose source is not on the link (source_check, R-22)

	OnLink []netip.Prefix // the link's own IPv4 networks, for RequireOnLink
}

// unicast reports that adverts go to peers instead of a group.
func (p *Profile) unicast() bool { return !p.Group.IsValid() }

// HasPeer reports whether an address, which bears no zone, is that of a
// unicast neighbour.
func (p *Profile) HasPeer(addr netip.Addr) bool { return p.peer(addr) != nil }

// speaks reports whether adverts of a version are for the router.
func (p *Profile) speaks(version uint8) bool {
	return version == p.Version || p.BothVersions && version == V2
}

// interval returns the one that adverts of a version should have.
func (p *Profile) interval(version uint8) time.Duration {
	if version == V2 {
		return WholeSeconds(p.Interval)
	}
	return p.Interval
}

// peer finds a neighbour by its address, which bears no zone.
func (p *Profile) peer(addr netip.Addr) *Peer {
	for i := range p.Peers {
		if p.Peers[i].Addr == addr {
			return &p.Peers[i]
		}
	}
	return nil
}

// onLink reports whether an address is of the link itself: in IPv6 link-local,
// in IPv4 of one of the link's networks.
func (p *Profile) onLink(src netip.Addr) bool {
	if src.Is6() {
		return src.IsLinkLocalUnicast()
	}
	for _, network := range p.OnLink {
		if network.Contains(src) {
			return true
		}
	}
	return false
}

// lists reports whether the addresses are those of the profile, as sets: the
// order does not matter.
func (p *Profile) lists(addresses []netip.Addr) bool {
	var seen [MaxAddresses/64 + 1]uint64
	missing := len(p.Addresses)
	next := 0 // most lists have the same order
	for _, addr := range addresses {
		i := next
		if i >= len(p.Addresses) || p.Addresses[i] != addr {
			i = p.index(addr)
		}
		if i < 0 || i > MaxAddresses {
			return false
		}
		if bit := uint64(1) << (i % 64); seen[i/64]&bit == 0 {
			seen[i/64] |= bit
			missing--
		}
		next = i + 1
	}
	return missing == 0
}

func (p *Profile) index(addr netip.Addr) int {
	for i := range p.Addresses {
		if p.Addresses[i] == addr {
			return i
		}
	}
	return -1
}
