package netiftest

import (
	"context"
	"net/netip"
	"time"

	"regent/netif"
)

// The doubles have the methods of what they stand for.
var (
	_, _ wire = (*netif.Wire)(nil), (*Wire)(nil)
	_, _ host = (*netif.Host)(nil), (*Host)(nil)
)

type (
	wire interface {
		Wait(time.Duration)
		Wake()
		Receive() ([]netif.Packet, error)
		Queue(netif.Packet)
		Flush() (sent, dropped int)
		Drops() []netif.Drop
		Join(int, netip.Addr) error
		Leave(int, netip.Addr) error
		Close() error
	}
	host interface {
		Links() ([]netif.Link, error)
		Watch(context.Context, func([]netif.Link)) error
		Change([]netif.Change) []error
		Announce([]netif.Announcement) []error
	}
)
