// Package vrrp speaks the wire format: adverts of versions 2 and 3 over IPv4
// and IPv6, their checksums and their authentication.
//
// It is pure: no clock, socket or goroutine, and no allocation on the way in
// or out once the buffers of the caller have grown.
//
// Who receives calls [VRID] to find out whom a packet concerns, and then
// [Profile.Check], which answers with an Advert or with the one [Fault] that
// the packet is dropped for. Who sends calls [Advert.Append] and, with
// auth_hmac, [Proof.Seal].
package vrrp

import (
	"net/netip"
	"time"
)

// Numbers of the protocol (RFC 9568 section 5).
const (
	Protocol = 112 // IP protocol number
	HopLimit = 255 // the only TTL that a multicast advert may arrive with

	V2 uint8 = 2
	V3 uint8 = 3

	Resign          uint8 = 0   // priority of a master that steps down
	DefaultPriority uint8 = 100 // priority of a router that says nothing else
	Owner           uint8 = 255 // priority of the router that really has the addresses

	MinIntervalV3 = 10 * time.Millisecond // 1 centisecond
	MaxIntervalV3 = 40950 * time.Millisecond
	MinIntervalV2 = time.Second
	MaxIntervalV2 = 255 * time.Second

	MaxAddresses = 255 // the count is one byte
)

// The authentication types of version 2 that exist without IPsec (RFC 2338
// section 5.3.6).
const (
	NoAuth         uint8 = 0
	SimplePassword uint8 = 1
)

// WholeSeconds returns the interval by which adverts of version 2 speak of one
// of version 3: rounded up, so that nobody expects more than comes (V-31).
func WholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// Group4 and Group6 are where multicast adverts go (RFC 9568 sections 5.1.1.2
// and 5.1.2.2).
var (
	Group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	Group6 = netip.MustParseAddr("ff02::12")
)

// An Envelope is what the IP header around an advert says.
type Envelope struct {
	Src, Dst netip.Addr // a zone is ignored
	TTL      uint8
}

// v6 reports whether the advert inside is one for IPv6.
func (e Envelope) v6() bool { return e.Src.Is6() }

// An Advert is one VRRP advertisement.
type Advert struct {
	Version   uint8
	VRID      uint8
	Priority  uint8
	Interval  time.Duration // v3: 1 to 4095 centiseconds; v2: 1 to 255 whole seconds
	Addresses []netip.Addr  // at most 255, of the envelope's family; decoding reuses the slice
	AuthType  uint8         // v2 only: NoAuth or SimplePassword
	AuthData  [8]byte       // v2 only: the password, padded with zeros
	Checksum  ChecksumForm  // the form that fitted, or that Append is to write

	// What only decoding says.
	FitsBoth bool // the checksum verified in both forms: it teaches nothing (W-47)
	Signed   bool // a trailer of auth_hmac follows the message (H-21)
}

// A ChecksumForm says which bytes the checksum of a VRRPv3 advert over IPv4
// covers; every other kind of advert has one form only, and leaves it zero.
type ChecksumForm uint8

const (
	Pseudo      ChecksumForm = iota // pseudo-header and message (RFC 5798 as most read it)
	MessageOnly                     // the message alone (RFC 9568)
	PseudoGroup                     // a pseudo-header whose destination is always 224.0.0.18 (old_unicast_checksum)
)

// String returns the word for the form that the configuration uses (W-45).
func (f ChecksumForm) String() string {
	switch f {
	case Pseudo:
		return "pseudo"
	case MessageOnly:
		return "message-only"
	case PseudoGroup:
		return "pseudo-group"
	}
	return "unknown"
}
