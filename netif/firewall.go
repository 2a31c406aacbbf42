package netif

import "net/netip"

// FirewallSettings are what global_defs says about the firewall.
type FirewallSettings struct {
	Table    string // nftables; empty: regent
	Priority int32  // nftables_priority: of its chains among the others of their hooks
	Counters bool   // nftables_counters
}

// A Refusal is an address whose packets the host drops although it has it
// (no_accept), or about which it hears no questions.
type Refusal struct {
	Addr      netip.Addr
	Link      int  // where, by index: of a link-local address, which others may have elsewhere, and of questions; else 0
	Questions bool // only neighbour solicitations about it that arrive on the link; IPv6
}

// A Seat is a link that answers ARP requests for an address. While an address
// has seats, no other link of the host answers for it; without any, all do that
// the kernel lets.
type Seat struct {
	Addr netip.Addr // IPv4
	Link int        // by index
	Mute bool       // no seat: the link may have the address, but does not ask in its name
}
