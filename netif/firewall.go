package netif

import "net/netip"

// FirewallSettings are what global_defs says about the firewall.
type FirewallSettings struct {
	Table    string // nftables; empty: regent
	Priority int32  // nftables_priority: of its chain among the others of the input hook
	Counters bool   // nftables_counters
}

// A Refusal is an address whose packets the host drops although it has it
// (no_accept).
type Refusal struct {
	Addr netip.Addr
	Link int // of a link-local address, which others may have elsewhere; else 0
}
