package daemon

import (
	"context"
	"net/netip"
	"time"

	"regent/health"
	"regent/netif"
)

// What the daemon asks of its host. *netif.Wire and *netif.Host answer the
// first two, the Watch of a *health.Watcher the third.
type (
	// A Wire carries adverts. All but Wake, Join and Leave belong to the loop.
	Wire interface {
		Wait(timeout time.Duration)       // until packets or news may be there; negative: no limit
		Wake()                            // from any goroutine: there is news
		Recheck()                         // let Receive see what has come since Wait returned, too
		Receive() ([]netif.Packet, error) // some of those waiting; none: nil. Never blocks
		Queue(netif.Packet)               // copies
		Flush() (sent, dropped int)       // all that is queued. Never blocks
		Drops() []netif.Drop              // what the last Flush dropped; valid until the next
		Counts() netif.WireCounts         // since it was opened
		Join(link int, group netip.Addr) error
		Leave(link int, group netip.Addr) error
	}

	// A Host has links, addresses, routes and policy rules. Its calls may take long.
	Host interface {
		Watch(ctx context.Context, report func([]netif.Link)) error
		WatchLosses(ctx context.Context, report func([]netif.Loss)) error
		Change([]netif.Change) []error
		ChangeRoutes([]netif.RouteChange) []error
		ChangeRules([]netif.RuleChange) []error
		MakeDevices([]netif.Device) ([]netif.Made, []error)
		RaiseDevices(links []int) []error
		LowerDevices(links []int) []error
		RemoveDevices(links []int) []error
		PromoteSecondaries(link int) error
		RestoreSecondaries(link int) error
		Filter(refuse, accept []netif.Refusal) error         // drop what is sent to addresses, or no longer
		Seat(take, leave []netif.Seat) error                 // answer for addresses nowhere else, or again
		RemoveLeftovers(netif.Kept) (removed int, err error) // what a killed predecessor has added
		Announce([]netif.Announcement) []error
	}

	// An Observer is told of events, in a goroutine of its own: see Subscribe.
	Observer interface{ Observe(Event) }

	// A Watcher runs one check until ctx ends.
	Watcher func(ctx context.Context, c health.Check, report func(health.Report)) error
)
