package main_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// B-29, O-8, S-41: as many addresses as an advert can name, and two thousand that
// none names, move between regent and keepalived like a single one, and a
// crash leaves none of them behind. A stop resigns before it removes the first.
func TestThousandsOfAddresses(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	var all []netip.Addr
	lines := func(first string, n int) string {
		var b strings.Builder
		a := netip.MustParseAddr(first)
		for range n {
			fmt.Fprintf(&b, "        %v/32\n", a)
			all = append(all, a)
			a = a.Next()
		}
		return b.String()
	}
	const named, unnamed = 255, 2000
	addresses := strings.Replace(instance("eth0", 0, "0.5"), "        192.0.2.100/24\n", lines("198.18.0.1", named), 1)
	addresses = strings.Replace(addresses, "    virtual_ipaddress {", "    virtual_ipaddress_excluded {\n"+lines("198.19.0.1", unnamed)+"    }\n    virtual_ipaddress {", 1)
	conf := func(priority int) string {
		return strings.Replace(addresses, "priority 0", fmt.Sprint("priority ", priority), 1)
	}
	ours, theirs := s.host("regent", "192.0.2.1/24"), s.host("rival", "192.0.2.2/24")
	has := func(what string, h, other *lab.Host) {
		t.Helper()
		s.until(what, func() bool { return h.Has(all...) && other.Count(all...) == 0 })
	}
	p := s.start(regentd, ours, conf(150))
	rival := s.start(lab.Keepalived(), theirs, conf(100))
	has("regent alone has all addresses", ours, theirs)
	a := s.advertised("an advert of regent", vrid, func(a lab.Advert) bool { return a.Priority == 150 })
	if length := 14 + 20 + 8 + 4*named; len(a.Frame.Data) != length {
		t.Errorf("its adverts have %d octets, want %d", len(a.Frame.Data), length)
	}
	events, err := ours.WatchAddresses()
	s.must(err)
	s.must(p.Signal(syscall.SIGTERM))
	s.ended(p)
	var resigned lab.Advert
	s.until("the resignation was seen", func() bool { // keepalived's adverts follow at once
		adverts := s.wire.Adverts()
		n := slices.IndexFunc(adverts, func(a lab.Advert) bool { return a.Priority == 0 })
		if n >= 0 {
			resigned = adverts[n]
		}
		return n >= 0
	})
	gone, err := events.Events()
	s.must(err)
	if len(gone) < len(all) {
		t.Errorf("%d addresses were removed, want %d", len(gone), len(all))
	}
	for _, e := range gone {
		if e.Added || e.At.Before(resigned.At) {
			t.Fatalf("%v was added (%v), or removed %v before the resignation", e.Addr, e.Added, resigned.At.Sub(e.At))
		}
	}
	has("keepalived alone has all addresses", theirs, ours)

	p = s.start(regentd, ours, conf(150))
	has("regent has taken all addresses back", ours, theirs)
	p.Kill()
	s.must(ours.Unplug("eth0")) // or the two would both have them
	s.ended(p)
	s.until("keepalived has all addresses", func() bool { return theirs.Has(all...) })
	if !ours.Has(all...) {
		t.Fatal("the killed daemon's addresses are gone already: what follows proves nothing")
	}
	s.must(ours.Plug("eth0"))
	p = s.start(regentd, ours, strings.Replace(conf(50), "advert_int", patience+"\n    advert_int", 1))
	s.until("regent is backup", func() bool { return p.Said("Entering BACKUP STATE") })
	if n := ours.Count(all...); n != 0 {
		t.Errorf("%d of its predecessor's addresses are there when Backup begins", n)
	}
	s.must(rival.Signal(syscall.SIGTERM))
	has("regent alone has all addresses again", ours, theirs)
	if p.Said("the kernel refused") {
		t.Errorf("the kernel has refused something:\n%s", p.Log())
	}
}
