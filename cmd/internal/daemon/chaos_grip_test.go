package daemon

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
)

// A grip is what a daemon holds of its host. Once it is dead nothing that the
// daemon does has an effect any more: so it is killed.
type grip struct {
	host *netiftest.Host
	wire *netiftest.Wire
	dead atomic.Bool

	mu     sync.Mutex
	given  map[held]bool       // which it holds, as far as it knows
	silent map[held]bool       // which nobody was told of since they came
	shy    map[netip.Addr]bool // to which packets must be refused before they come (B-23)
	wrong  []string            // laws that it broke
}

// held is an address on a link.
type held struct {
	link int
	addr netip.Addr
}

func newGrip(h *netiftest.Host) *grip {
	return &grip{host: h, wire: h.Wire(), given: map[held]bool{}, silent: map[held]bool{}}
}

func (g *grip) Wait(timeout time.Duration) { g.wire.Wait(timeout) }
func (g *grip) Wake()                      { g.wire.Wake() }
func (g *grip) Drops() []netif.Drop        { return g.wire.Drops() }
func (g *grip) Counts() netif.WireCounts   { return g.wire.Counts() }
func (g *grip) Recheck()                   { g.wire.Recheck() }

func (g *grip) Receive() ([]netif.Packet, error) {
	if g.dead.Load() {
		return nil, nil
	}
	return g.wire.Receive()
}

func (g *grip) Queue(p netif.Packet) {
	if !g.dead.Load() {
		g.wire.Queue(p)
	}
}

func (g *grip) Flush() (sent, dropped int) {
	if g.dead.Load() {
		return 0, 0
	}
	return g.wire.Flush()
}

func (g *grip) Join(link int, group netip.Addr) error {
	return g.one(func() error { return g.wire.Join(link, group) })
}

func (g *grip) Leave(link int, group netip.Addr) error {
	return g.one(func() error { return g.wire.Leave(link, group) })
}

// one does something that may go wrong, unless it is dead.
func (g *grip) one(do func() error) error {
	if g.dead.Load() {
		return nil
	}
	return do()
}

// many does several things that may.
func (g *grip) many(do func() []error) []error {
	if g.dead.Load() {
		return nil
	}
	return do()
}

func (g *grip) Watch(ctx context.Context, report func([]netif.Link)) error {
	return g.host.Watch(ctx, report)
}

func (g *grip) WatchLosses(ctx context.Context, report func([]netif.Loss)) error {
	return g.host.WatchLosses(ctx, report)
}

func (g *grip) Change(changes []netif.Change) []error {
	g.expect(changes)
	errs := g.many(func() []error { return g.host.Change(changes) })
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, c := range changes {
		if errs == nil || errs[i] == nil {
			g.given[held{c.Link, c.Address.Prefix.Addr()}] = !c.Remove
		}
		if c.Remove || errs != nil && errs[i] != nil {
			delete(g.silent, held{c.Link, c.Address.Prefix.Addr()})
		}
	}
	return errs
}

// expect notes which addresses are about to come, and that packets to them are
// refused if they are to be.
func (g *grip) expect(changes []netif.Change) {
	if g.dead.Load() {
		return
	}
	refused := g.host.Refused()
	there, known := map[held]bool{}, map[int]bool{}
	links, _ := g.host.Links()
	for _, l := range links {
		known[l.Index] = true
		for _, a := range l.Addresses {
			there[held{l.Index, a.Prefix.Addr()}] = true
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range changes {
		addr := c.Address.Prefix.Addr()
		if c.Remove || !known[c.Link] || there[held{c.Link, addr}] {
			continue
		}
		g.silent[held{c.Link, addr}] = true
		refusal := netif.Refusal{Addr: addr}
		if addr.Is6() && addr.IsLinkLocalUnicast() {
			refusal.Link = c.Link
		}
		if g.shy[addr] && !refused[refusal] {
			g.wrong = append(g.wrong, addr.String()+" comes before packets to it are refused")
		}
	}
}

func (g *grip) ChangeRoutes(changes []netif.RouteChange) []error {
	return g.many(func() []error { return g.host.ChangeRoutes(changes) })
}

func (g *grip) ChangeRules(changes []netif.RuleChange) []error {
	return g.many(func() []error { return g.host.ChangeRules(changes) })
}

func (g *grip) MakeDevices(devices []netif.Device) ([]netif.Made, []error) {
	if g.dead.Load() {
		return make([]netif.Made, len(devices)), nil
	}
	return g.host.MakeDevices(devices)
}

func (g *grip) RaiseDevices(links []int) []error {
	return g.many(func() []error { return g.host.RaiseDevices(links) })
}

func (g *grip) LowerDevices(links []int) []error {
	return g.many(func() []error { return g.host.LowerDevices(links) })
}

func (g *grip) RemoveDevices(links []int) []error {
	return g.many(func() []error { return g.host.RemoveDevices(links) })
}

func (g *grip) PromoteSecondaries(link int) error {
	return g.one(func() error { return g.host.PromoteSecondaries(link) })
}

func (g *grip) RestoreSecondaries(link int) error {
	return g.one(func() error { return g.host.RestoreSecondaries(link) })
}

func (g *grip) Filter(refuse, accept []netif.Refusal) error {
	return g.one(func() error { return g.host.Filter(refuse, accept) })
}

func (g *grip) Seat(take, leave []netif.Seat) error {
	return g.one(func() error { return g.host.Seat(take, leave) })
}

func (g *grip) RemoveLeftovers(keep netif.Kept) (removed int, err error) {
	err = g.one(func() error { removed, err = g.host.RemoveLeftovers(keep); return err })
	return removed, err
}

// Announce keeps the law that nobody announces what he does not hold (B-7).
func (g *grip) Announce(as []netif.Announcement) []error {
	g.mu.Lock()
	for _, a := range as {
		holds := false
		for x := range g.silent {
			if x.addr == a.Addr {
				delete(g.silent, x)
			}
		}
		for x, there := range g.given {
			holds = holds || there && x.addr == a.Addr
		}
		if !holds && !g.hasByItself(a.Addr) && !g.dead.Load() {
			g.wrong = append(g.wrong, "it announces "+a.Addr.String()+", which it does not hold")
		}
	}
	g.mu.Unlock()
	return g.many(func() []error { return g.host.Announce(as) })
}

func (g *grip) hasByItself(addr netip.Addr) bool {
	for k := range 3 {
		for slot := range 2 {
			if own(k, slot, false).Addr() == addr || own(k, slot, true).Addr() == addr {
				return true
			}
		}
	}
	return false
}

func linkAddress(p netip.Prefix) netif.LinkAddress { return netif.LinkAddress{Prefix: p} }
