package netif

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// linkNamed returns a link as the host sees it.
func (s *space) linkNamed(h *Host, name string) Link {
	s.t.Helper()
	links, err := h.Links()
	s.must(err)
	i := slices.IndexFunc(links, func(l Link) bool { return l.Name == name })
	if i < 0 {
		s.t.Fatalf("no %s among %v", name, links)
	}
	return links[i]
}

func TestLinks(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.must(a.netlink.LinkSetHardwareAddr(a.link("eth0"), mac("02:00:00:00:00:01")))
	a.must(a.netlink.LinkSetMTU(a.link("eth0"), 1400))
	a.add("eth0", "192.0.2.1/24")
	a.add("eth0", "198.51.100.1/25")
	a.add("eth0", "192.0.2.2/24")
	a.add("eth0", "2001:db8::1/64")
	a.linkLocal("eth0")
	h := a.host()

	lo, eth := a.linkNamed(h, "lo"), a.linkNamed(h, "eth0")
	if !lo.Loopback || !lo.Up || lo.Multicast {
		t.Errorf("loopback: %+v", lo)
	}
	if eth.Index != a.index("eth0") || !eth.Up || !eth.Running || eth.NoARP || eth.Loopback || !eth.Multicast ||
		eth.Gone || eth.MTU != 1400 || eth.MAC.String() != "02:00:00:00:00:01" {
		t.Errorf("eth0: %+v", eth)
	}
	var got []string
	for _, x := range eth.Addresses[:4] {
		got = append(got, fmt.Sprint(x.Prefix, x.Secondary))
	}
	// IPv4 first, and primary before secondary; the daemon's own address is
	// the first of its family.
	want := []string{"192.0.2.1/24 false", "198.51.100.1/25 false", "192.0.2.2/24 true", "2001:db8::1/64 false"}
	if !slices.Equal(got, want) {
		t.Errorf("addresses %v, want %v", got, want)
	}
	b.must(b.netlink.LinkSetDown(b.link("eth0")))
	a.until("carrier to be lost", func() bool { l := a.linkNamed(h, "eth0"); return l.Up && !l.Running })
	a.must(a.netlink.LinkSetARPOff(a.link("eth0")))
	if l := a.linkNamed(h, "eth0"); !l.NoARP {
		t.Errorf("eth0 without ARP: %+v", l)
	}
}

// An address whose duplicate detection runs is tentative, and one whose
// detection failed says so.
func TestTentativeAndFailedAddresses(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.linkLocal("eth0")
	b.add("eth0", "2001:db8::1/64")
	h := a.host()
	a.do(func() error { return writeSysctl("net/ipv6/conf/eth0/accept_dad", "1") })
	add := Change{Link: a.index("eth0"), Address: Address{Prefix: prefix("2001:db8::1/64"), DetectDuplicates: true}}
	if errs := h.Change([]Change{add}); errs != nil {
		t.Fatal(errs)
	}
	find := func() LinkAddress {
		l := a.linkNamed(h, "eth0")
		i := slices.IndexFunc(l.Addresses, func(x LinkAddress) bool { return x.Prefix == add.Address.Prefix })
		if i < 0 {
			t.Fatalf("not there: %+v", l)
		}
		return l.Addresses[i]
	}
	if x := find(); !x.Tentative && !x.Failed {
		t.Errorf("right after adding: %+v", x)
	}
	a.until("duplicate detection to fail", func() bool { return find().Failed })
}

// B-29: what a killed predecessor left is known by its mark, and only that.
func TestLeftoversAreRecognised(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.add("eth0", "192.0.2.1/24")
	a.add("eth0", "2001:db8::1/64")
	eth := a.index("eth0")
	var first *Host
	a.do(func() (err error) { first, err = Open(nil); return err })
	if errs := first.Change([]Change{
		{Link: eth, Address: Address{Prefix: prefix("192.0.2.20/32")}},
		{Link: eth, Address: Address{Prefix: prefix("2001:db8::20/128")}},
	}); errs != nil {
		t.Fatal(errs)
	}
	a.must(first.Close())

	h := a.host()
	var ours []Change
	for _, x := range a.linkNamed(h, "eth0").Addresses {
		if x.Ours {
			ours = append(ours, Change{Link: eth, Address: x.Address(), Remove: true})
		}
	}
	if len(ours) != 2 || ours[0].Address.Prefix != prefix("192.0.2.20/32") || ours[1].Address.Prefix != prefix("2001:db8::20/128") {
		t.Fatalf("leftovers %+v", ours)
	}
	if errs := h.Change(ours); errs != nil {
		t.Fatal(errs)
	}
	for _, x := range a.linkNamed(h, "eth0").Addresses {
		if x.Ours {
			t.Errorf("still there: %v", x)
		}
	}
}

func BenchmarkLinks(b *testing.B) {
	x, y := newSpace(b), newSpace(b)
	veth(x, "eth0", y, "eth0")
	h := x.host()
	for b.Loop() {
		if _, err := h.Links(); err != nil {
			b.Fatal(err)
		}
	}
}
