// Package vrrp speaks the wire format: adverts of versions 2 and 3 over IPv4
// and IPv6, their checksums and their authentication.
//
// It is pure: no clock, socket or goroutine, and no allocation on the way in
// or out once the buffers of the caller have grown.
package vrrp

import (
	"net/netip"
	"time"
)

// Numbers of the protocol (RFC 9568 section 5).
const (
	Protocol = 112 // IP protocol number
	HopLimit = 255 // the only TTL that an advert may arrive with

	V2 uint8 = 2
	V3 uint8 = 3

	Resign          uint8 = 0   // priority of a master that steps down
	DefaultPriority uint8 = 100 // priority of a router that says nothing else
	Owner           uint8 = 255 // priority of the router that really has the addresses
)

// Group4 and Group6 are where multicast adverts go (RFC 9568 sections 5.1.1.2
// and 5.1.2.2).
var (
	Group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	Group6 = netip.MustParseAddr("ff02::12")
)

// An Envelope is what the IP header around an advert says.
type Envelope struct {
	Src, Dst netip.Addr
	TTL      uint8
}

// An Advert is one VRRP advertisement.
type Advert struct {
	Version   uint8
	VRID      uint8
	Priority  uint8
	Interval  time.Duration // v3: 1 to 4095 centiseconds; v2: 1 to 255 whole seconds
	Addresses []netip.Addr  // Decode reuses the slice
	AuthType  uint8         // v2 only: 0 none, 1 simple password
	AuthData  [8]byte       // v2 only
	Checksum  ChecksumForm  // the form that fitted, or that Append is to write
}

// A ChecksumForm says which bytes the checksum of a VRRPv3 advert over IPv4
// covers; every other kind of advert has one form only.
type ChecksumForm uint8

const (
	Pseudo      ChecksumForm = iota // pseudo-header and message (RFC 5798 as most read it)
	MessageOnly                     // the message alone (RFC 9568)
)

// A Peer is a unicast neighbour (unicast_peer).
type Peer struct {
	Addr           netip.Addr
	MinTTL, MaxTTL uint8 // 0 and 0: not checked
}

// A Profile is what a virtual router holds a received advert against. Its
// zero options are those of the RFCs.
type Profile struct {
	Version   uint8
	Owner     bool          // the own priority is 255
	Interval  time.Duration // the own Advertisement_Interval
	Addresses []netip.Addr  // the own list, in configured order
	Primary   netip.Addr    // the own source address, R-10
	Group     netip.Addr    // the multicast destination; invalid for a unicast router
	Peers     []Peer        // unicast neighbours
	Auth      *Auth         // nil: none

	AcceptPseudoOnly   bool // checksum_rx: pseudo
	AcceptMessageOnly  bool // checksum_rx: message-only
	AnyAddressList     bool // v2: another address list is a warning, not a drop
	OwnerIgnoresAdvert bool // v3: an owner drops every advert (owner_ignore_adverts, R-19)
	CheckUnicastSource bool // unicast: drop adverts of hosts that are no peer (U-2)
}
