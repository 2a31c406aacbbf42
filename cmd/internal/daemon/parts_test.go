package daemon

import (
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"regent/cfgparse"
	"regent/fsm"
	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
)

// L-1, V-24: one line in ten seconds, which tells how many were held back since the
// last one.
func TestLimiter(t *testing.T) {
	var l limiter
	for _, step := range []struct {
		at   time.Duration
		held uint64
		ok   bool
	}{
		{0, 0, true}, {0, 0, false}, {quiet - 1, 0, false}, {quiet, 2, true},
		{quiet + 1, 0, false}, {2 * quiet, 1, true}, {5 * quiet, 0, true},
	} {
		if held, ok := l.allow(fsm.Time(step.at)); held != step.held || ok != step.ok {
			t.Errorf("%v: %d, %v; want %d, %v", step.at, held, ok, step.held, step.ok)
		}
	}
}

// W-9: adverts come from the first primary IPv4 address, or the link-local IPv6
// one, that is no virtual router's; an owner's may come from its own.
func TestSources(t *testing.T) {
	owner, other := &router{Instance: &cfgparse.Instance{}}, &router{Instance: &cfgparse.Instance{}}
	owner.Router.Priority = vrrp.Owner
	d := &Daemon{owner: map[ifaddr]*router{
		{"eth0", netip.MustParseAddr("192.0.2.100")}: other,
		{"eth0", netip.MustParseAddr("192.0.2.200")}: owner,
		{"eth1", netip.MustParseAddr("192.0.2.1")}:   other,
		{"eth0", netip.MustParseAddr("fe80::100")}:   other,
	}}
	d.furnish(cfgparse.Static{Addresses: []cfgparse.StaticAddress{{Address: netif.Address{
		Prefix: netip.MustParsePrefix("192.0.2.9/24"), Interface: "eth0",
	}}}})
	a := func(prefix string, more ...func(*netif.LinkAddress)) netif.LinkAddress {
		x := netif.LinkAddress{Prefix: netip.MustParsePrefix(prefix)}
		for _, f := range more {
			f(&x)
		}
		return x
	}
	secondary := func(x *netif.LinkAddress) { x.Secondary = true }
	tentative := func(x *netif.LinkAddress) { x.Tentative = true }
	failed := func(x *netif.LinkAddress) { x.Failed = true }
	ours := func(x *netif.LinkAddress) { x.Ours = true }
	for _, test := range []struct {
		name         string
		family       netif.Family
		plain, owned string
		addresses    []netif.LinkAddress
	}{
		{"the first", netif.IPv4, "192.0.2.1", "", []netif.LinkAddress{a("192.0.2.1/24"), a("198.51.100.1/24")}},
		{"not a secondary one", netif.IPv4, "198.51.100.1", "", []netif.LinkAddress{a("192.0.2.2/24", secondary), a("198.51.100.1/24")}},
		{"not a virtual one", netif.IPv4, "192.0.2.1", "", []netif.LinkAddress{a("192.0.2.100/24"), a("192.0.2.1/24")}},
		{"not a marked one", netif.IPv4, "", "", []netif.LinkAddress{a("192.0.2.7/24", ours)}},
		{"a static one, marked as it is", netif.IPv4, "192.0.2.9", "", []netif.LinkAddress{a("192.0.2.9/24", ours)}},
		{"an owner's", netif.IPv4, "", "192.0.2.200", []netif.LinkAddress{a("192.0.2.100/24"), a("192.0.2.200/24")}},
		{"not an owner's that is not the host's", netif.IPv4, "", "", []netif.LinkAddress{a("192.0.2.200/24", ours)}},
		{"an address that is virtual elsewhere", netif.IPv4, "192.0.2.1", "", []netif.LinkAddress{a("192.0.2.1/24")}},
		{"none of the other family", netif.IPv4, "", "", []netif.LinkAddress{a("fe80::1/64")}},
		{"link-local", netif.IPv6, "fe80::1", "", []netif.LinkAddress{a("2001:db8::1/64"), a("fe80::1/64")}},
		{"not a virtual link-local one", netif.IPv6, "fe80::1", "", []netif.LinkAddress{a("fe80::100/64"), a("fe80::1/64")}},
		{"one that is known to be free", netif.IPv6, "", "", []netif.LinkAddress{a("fe80::1/64", tentative), a("fe80::2/64", failed)}},
	} {
		s := d.sourcesOn(&link{Link: netif.Link{Name: "eth0", Addresses: test.addresses}}, test.family)
		for _, c := range []struct {
			got  netip.Addr
			want string
		}{{s.plain, test.plain}, {s.owned, test.owned}} {
			if c.want == "" && c.got.IsValid() || c.want != "" && c.got.String() != c.want {
				t.Errorf("%s: %v, want %q", test.name, c.got, c.want)
			}
		}
	}
}

// The loss of addresses is seen whatever their order; that of a link that is
// down, or is another, is none.
func TestMissing(t *testing.T) {
	at := func(last ...byte) (all []netif.LinkAddress) {
		for _, b := range last {
			all = append(all, netif.LinkAddress{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, b}), 32)})
		}
		return all
	}
	up := netif.Link{Index: 1, Name: "eth0", Up: true}
	for _, test := range []struct {
		before, now []netif.LinkAddress
		change      func(*netif.Link)
		want        []byte
	}{
		{at(1, 2, 3), at(1, 2, 3), nil, nil},
		{at(1, 2, 3), at(1, 2, 3, 4), nil, nil},
		{at(1, 2, 3), at(3, 2, 1), nil, nil},
		{at(1, 2, 3), at(1, 3), nil, []byte{2}},
		{at(1, 2, 3), at(3, 4), nil, []byte{1, 2}},
		{at(1, 2, 3), nil, func(l *netif.Link) { l.Up = false }, nil},
		{at(1, 2, 3), nil, func(l *netif.Link) { l.Index = 2 }, nil},
		{nil, at(1), nil, nil},
	} {
		before, now := &link{Link: up}, up
		before.Addresses, now.Addresses = test.before, test.now
		if test.change != nil {
			test.change(&now)
		}
		var got []byte
		for _, l := range missing(before, now) {
			got = append(got, l.addr.As4()[3])
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%v, then %v: lost %v, want %v", test.before, test.now, got, test.want)
		}
	}
}

// B-3: what is left of a burst ends with the reign that it belongs to, also if
// the next one begins in the same batch.
func TestRoundsEndWithTheReign(t *testing.T) {
	r := &router{}
	take := order{router: r, do: acquire}
	give := order{router: r, do: release}
	say := order{router: r, do: announce, announce: []netif.Announcement{{Addr: vip}}, times: 5}
	for _, test := range []struct {
		name string
		then []order
		left int
	}{
		{"nothing else", nil, 4},
		{"given up", []order{give}, 0},
		{"given up and taken again", []order{give, take}, 0},
		{"and announced", []order{give, take, say}, 4},
		{"no more", []order{give, {router: r, do: forget}}, 0},
	} {
		s := newSteward(&still{}, &still{}, func(func(*Daemon)) {})
		for _, orders := range [][]order{{take, say}, test.then} {
			for _, o := range orders {
				s.give(o)
			}
			s.send()
			s.work(s.take())
		}
		left := 0
		for s.announceDue() {
			left++
		}
		if left != test.left {
			t.Errorf("%s: %d rounds are left, want %d", test.name, left, test.left)
		}
	}
}

// S-47: a route that a reload takes away right after a takeover is gone, also if
// both are done in one batch.
func TestWhatIsShedStaysAway(t *testing.T) {
	h := netiftest.NewSegment().NewHost("h", nil)
	s := newSteward(h, h.Wire(), func(func(*Daemon)) {})
	route := func(table uint32) paths {
		return paths{routes: []netif.RouteChange{{Route: netif.Route{Table: table}}}}
	}
	s.work([]*order{
		{do: acquire, paths: route(1)},
		{do: shed, paths: route(1).removal()},
		{do: acquire, paths: route(2)},
	})
	has := make(map[uint32]bool)
	routes, _ := h.Paths()
	for _, c := range routes {
		has[c.Route.Table] = !c.Remove
	}
	if has[1] || !has[2] {
		t.Errorf("of the routes, the old one is there: %v, the new one: %v", has[1], has[2])
	}
}

// What the steward remembers of a router goes with its orders, and the rest
// with the router.
func TestTheStewardForgets(t *testing.T) {
	r := &router{}
	s := newSteward(&still{}, &still{}, func(func(*Daemon)) {})
	for range 3 {
		s.give(order{router: r, do: acquire})
		s.give(order{router: r, do: release})
	}
	if !s.busy(r) {
		t.Error("not busy with orders of this turn")
	}
	s.send()
	if !s.busy(r) {
		t.Error("not busy with orders in the queue")
	}
	orders := s.take()
	s.work(orders)
	s.done(orders)
	if s.busy(r) {
		t.Error("busy with orders that are done")
	}
	s.give(order{router: r, do: forget})
	s.send()
	orders = s.take()
	s.work(orders)
	s.done(orders)
	if len(s.gone)+len(s.open)+len(s.queue) != 0 {
		t.Errorf("it remembers %v, %v", s.gone, s.open)
	}
}

// The receive buffer holds a stall of seconds within its bounds.
func TestReceiveBuffer(t *testing.T) {
	for _, test := range []struct {
		routers  int
		interval time.Duration
		want     int
	}{
		{0, time.Second, 1 << 20},
		{1, time.Second, 1 << 20},
		{2000, time.Second, 2000 * 4 * 1024},
		{2000, 10 * time.Millisecond, 256 << 20},
	} {
		cfg := &cfgparse.Config{Instances: make([]cfgparse.Instance, test.routers)}
		for i := range cfg.Instances {
			cfg.Instances[i].Router.Interval = test.interval
		}
		if got := ReceiveBuffer(cfg); got != test.want {
			t.Errorf("%d routers at %v: %d bytes, want %d", test.routers, test.interval, got, test.want)
		}
	}
}

// T-6: setting the wall clock changes nothing. The daemon's time is counted from a
// moment that knows the monotonic clock, so that it is no difference of two dates.
func TestTheDaemonsTimeIsMonotonic(t *testing.T) {
	d := New(&cfgparse.Config{}, nil, nil, nil, nil, slog.New(slog.DiscardHandler))
	if d.epoch == d.epoch.Round(0) { // which strips what is monotonic
		t.Error("its epoch is a date and no more")
	}
}
