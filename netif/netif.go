// Package netif is the only package that touches the network side of the
// kernel: raw sockets, links, addresses, and their announcement.
//
// This file holds its vocabulary, plain values that compile everywhere.
package netif

import (
	"net"
	"net/netip"

	"regent/vrrp"
)

// A Family is an address family, named by its IP version.
type Family uint8

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// FamilyOf returns the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// A Port is where a virtual router meets the network.
type Port struct {
	Interface string     // where adverts leave and arrive; empty: of unicast ones, where the routing table says
	Family    Family     // of the adverts
	Source    netip.Addr // mcast_src_ip, unicast_src_ip; invalid: the link's own
	Group     netip.Addr // mcast_dst_ip; invalid for a unicast router
	TTL       uint8      // of unicast adverts; 0 means 255
	VRF       string     // vrf: where the source of a unicast router without interface is; empty: anywhere
}

// An Address is one that a virtual router owns while master
// (virtual_ipaddress, virtual_ipaddress_excluded), with the options of its line.
type Address struct {
	Prefix    netip.Prefix // the address and its length
	Interface string       // dev; empty: the port's
	Broadcast netip.Addr   // brd; invalid: none
	Peer      netip.Prefix // peer; invalid: none
	Label     string       // label, IPv4 only
	Scope     uint8        // scope, IPv4 only: 0 global, 253 link, 254 host

	Home, ManageTemp, NoPrefixRoute, AutoJoin bool // flags of the kernel

	DetectDuplicates bool   // -nodad: run duplicate address detection
	Preferred        uint32 // preferred_lft in seconds
	HasPreferred     bool   // false: 0 for an IPv6 /128, else for ever
	NoTrack          bool   // no_track
	VMAC             bool   // on a device with the virtual MAC of its family there (use_vmac of a line, use_vmac_addr)
}

// An Estate is all that a virtual router owns while master.
type Estate struct {
	Addresses []Address // advertised ones first
}

// A Link is the state of one interface of the host.
type Link struct {
	Index     int
	Name      string
	Gone      bool // it was removed; Index and Name are its last ones
	Up        bool // IFF_UP
	Fell      bool // it is Up as before, but was down since the last report, or may have been
	Running   bool // IFF_RUNNING: carrier
	NoARP     bool // IFF_NOARP
	Loopback  bool
	Multicast bool
	MTU       int
	MAC       net.HardwareAddr
	Kind      string        // of a virtual link: macvlan, veth, vrf; empty: a device
	Parent    int           // index of the link below, in this namespace; 0: none
	Master    int           // index of the bridge, bond or VRF that it is in; 0: none
	Group     uint32        // link group
	Addresses []LinkAddress // in the kernel's order, primary ones first

	abroad int // index of the link below, in another namespace; 0: it is in this one, or there is none
}

// A LinkAddress is an address that the kernel has on a link.
type LinkAddress struct {
	Prefix    netip.Prefix
	Peer      netip.Prefix // of a point-to-point address; invalid: none
	Secondary bool         // IPv4: not a primary address
	Tentative bool         // IPv6: not usable until duplicate detection ends
	Failed    bool         // IPv6: duplicate detection failed
	Ours      bool         // carries the mark of regent (IFA_PROTO)
}

// Address returns what it takes to remove the address by a Change.
func (a LinkAddress) Address() Address { return Address{Prefix: a.Prefix, Peer: a.Peer} }

// A Packet is an advert on its way.
type Packet struct {
	Link int // index of the link it came from, or leaves by

	// MAC is the source of a multicast packet that leaves as a whole frame
	// (W-4); Link is then the parent of the device with this address, and the
	// envelope has a source. nil: the link's own. Received packets have none.
	MAC net.HardwareAddr

	Fragmented bool // when received: it came in fragments, which no advert does

	Envelope vrrp.Envelope
	Payload  []byte // what follows the IP header; when received, valid until the next Receive
}

// A Drop is a packet that Flush could not send.
type Drop struct {
	Packet int // how many calls of Queue came before its own since the last Flush
	Link   int
	Err    error // a unix.Errno
}

// A Change adds an address to a link or removes it.
type Change struct {
	Link    int // index
	Address Address
	Remove  bool
}

// Kept is what is to stay of all that a killed predecessor has added.
type Kept struct {
	Addresses []Change // those that are to be there anyway
	Devices   []Device // those that are about to be asked for
}

// An Announcement tells the neighbours on a link who has an address: by
// gratuitous ARP (B-1) or an unsolicited neighbour advertisement (B-4).
type Announcement struct {
	Link   int
	MAC    net.HardwareAddr // who has it
	Addr   netip.Addr
	Router bool // IPv6: the Router flag
}
