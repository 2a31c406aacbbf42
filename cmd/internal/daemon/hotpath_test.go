package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"regent/cmd/internal/notify"
	"regent/fsm"
	"regent/netif"
	"regent/vrrp"
)

// still is a host on which nothing happens, so that a test turns the loop by
// hand.
type still struct{ queued int }

func (s *still) Wait(time.Duration)                                    {}
func (s *still) Wake()                                                 {}
func (s *still) Receive() ([]netif.Packet, error)                      { return nil, nil }
func (s *still) Queue(netif.Packet)                                    { s.queued++ }
func (s *still) Flush() (sent, dropped int)                            { return s.queued, 0 }
func (s *still) Drops() []netif.Drop                                   { return nil }
func (s *still) Counts() netif.WireCounts                              { return netif.WireCounts{} }
func (s *still) Recheck()                                              {}
func (s *still) Join(int, netip.Addr) error                            { return nil }
func (s *still) Leave(int, netip.Addr) error                           { return nil }
func (s *still) Change([]netif.Change) []error                         { return nil }
func (s *still) ChangeRoutes([]netif.RouteChange) []error              { return nil }
func (s *still) PromoteSecondaries(int) error                          { return nil }
func (s *still) RestoreSecondaries(int) error                          { return nil }
func (s *still) ChangeRules([]netif.RuleChange) []error                { return nil }
func (s *still) RemoveLeftovers(netif.Kept) (int, error)               { return 0, nil }
func (s *still) Filter(_, _ []netif.Refusal) error                     { return nil }
func (s *still) Seat(_, _ []netif.Seat) error                          { return nil }
func (s *still) MakeDevices([]netif.Device) ([]netif.Made, []error)    { return nil, nil }
func (s *still) RaiseDevices([]int) []error                            { return nil }
func (s *still) LowerDevices([]int) []error                            { return nil }
func (s *still) RemoveDevices([]int) []error                           { return nil }
func (s *still) Tell(notify.Event)                                     {}
func (s *still) WatchLosses(context.Context, func([]netif.Loss)) error { return nil }
func (s *still) Announce([]netif.Announcement) []error                 { return nil }
func (s *still) Watch(context.Context, func([]netif.Link)) error       { return nil }

// many returns a daemon with routers of one advert each 10 ms that have all
// begun, 200 on a link.
func many(t testing.TB, routers int) (*Daemon, *still) {
	var text strings.Builder
	text.WriteString("global_defs {\nvrrp_version 3\n}\n")
	for i := range routers {
		fmt.Fprintf(&text, "vrrp_instance V%d {\ninterface eth%d\nvirtual_router_id %d\nadvert_int 0.01\nvirtual_ipaddress {\n198.18.%d.%d/32\n}\n}\n",
			i, i/200, i%200+1, i/200, i%200+1)
	}
	s := &still{}
	d := New(parse(t, text.String()), s, s, nil, s, slog.New(slog.DiscardHandler))
	var links []netif.Link
	for i := range (routers + 199) / 200 {
		links = append(links, netif.Link{
			Index: i + 1, Name: fmt.Sprintf("eth%d", i), Up: true, Running: true, Multicast: true, MTU: 1500,
			MAC:       net.HardwareAddr{2, 0, 0, 0, 0, byte(i)},
			Addresses: []netif.LinkAddress{{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), 24)}},
		})
	}
	d.linked(links)
	for _, r := range d.routers {
		d.joined(&order{router: r, stay: r.stay}, netif.Made{}, nil)
		if r.state != fsm.Backup {
			t.Fatalf("%s is %v", r.Name, r.state)
		}
	}
	return d, s
}

// heardBy is an advert of another master for a router.
func heardBy(r *router) *netif.Packet {
	e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.9"), Dst: vrrp.Group4, TTL: vrrp.HopLimit}
	a := vrrp.Advert{Version: vrrp.V3, VRID: r.VRID, Priority: 200, Interval: r.Router.Interval, Addresses: r.Advertised}
	return &netif.Packet{Link: r.link, Envelope: e, Payload: a.Append(nil, e)}
}

// What happens for every advert, heard or sent, allocates nothing.
func TestTheHotPathAllocatesNothing(t *testing.T) {
	d, s := many(t, 400)
	heard := heardBy(d.routers[7])
	if n := testing.AllocsPerRun(100, func() { d.now += 1000; d.receive(heard) }); n != 0 {
		t.Errorf("an advert heard allocates %v times", n)
	}
	d.now = d.now.Add(time.Hour)
	d.expire() // all of them are masters now
	d.flush()
	master := d.routers[7]
	if master.state != fsm.Master {
		t.Fatalf("%s is %v", master.Name, master.state)
	}
	before := s.queued
	if n := testing.AllocsPerRun(100, func() { d.now = d.timers.next(); d.expire(); d.flush() }); n != 0 {
		t.Errorf("adverts that are due allocate %v times", n)
	}
	if s.queued == before {
		t.Error("no advert was sent")
	}
}

// BenchmarkHeard is what one advert costs a backup among 2,000.
func BenchmarkHeard(b *testing.B) {
	d, _ := many(b, 2000)
	packets := make([]*netif.Packet, len(d.routers))
	for i, r := range d.routers {
		packets[i] = heardBy(r)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.now += 5000
		d.receive(packets[i%len(packets)])
	}
}

// BenchmarkDue is what one advert costs a master among 2,000, without the
// system call.
func BenchmarkDue(b *testing.B) {
	d, s := many(b, 2000)
	d.now = d.now.Add(time.Hour)
	d.expire()
	d.flush()
	b.ReportAllocs()
	s.queued = 0
	for b.Loop() {
		d.now = d.timers.next()
		d.expire()
		d.flush()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(s.queued), "ns/advert")
}
