package main_test

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// A router whose interval is as long as can be says nothing of its own accord
// while this test lasts, so that each of its adverts is an answer:
//
// S-10: an owner advertises at its start; S-31 is slow here.
// S-34, V-13: it answers a lower priority, and S-35 an equal one from a lower
// address, at once.
// S-32: it answers a resignation.
// S-33, S-37, V-14: it yields to an equal priority from a greater address,
// without a word.
// S-24: then the adverts of a lesser master are nothing to it.
// S-22, E-3: a resignation leaves it a 256th of an interval to wait, which is
// less than three intervals.
// S-30: it resigns in the end.
func TestEveryAnswerOfAMaster(t *testing.T) {
	for _, w := range []speaker{
		{name: "v3-IPv4", version: 3, priority: 255, interval: "40.95", field: 4095, addresses: list4},
		{name: "v3-IPv6", version: 3, priority: 255, interval: "40.95", field: 4095, addresses: list6},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h, peer := s.host("router", "192.0.2.10/24", "2001:db8::10/64"), s.host("peer", "192.0.2.9/24")
			lower, greater := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("192.0.2.210")
			if w.v6() {
				lower, greater = netip.MustParseAddr("fe80::ff"), netip.MustParseAddr("fe80:1::1")
			}
			said := func() (all []byte) {
				for _, a := range s.wire.Adverts() {
					if a.MAC.String() == h.MAC("eth0").String() {
						all = append(all, a.Priority)
					}
				}
				return all
			}
			want := 0
			answers := func(what string, priority byte) {
				t.Helper()
				want++
				s.until(what, func() bool { return len(said()) >= want })
				if got := said(); len(got) != want || got[want-1] != priority {
					t.Fatalf("%s: it has said %v, want %d adverts, the last with %d", what, got, want, priority)
				}
			}
			hears := func(src netip.Addr, priority byte) {
				t.Helper()
				now := time.Now()
				s.until("it may answer again (S-38)", func() bool { return time.Since(now) > 150*time.Millisecond })
				s.must(peer.Inject("eth0", w.forge(peer, src, priority, nil)))
			}

			p := s.start(regentd, h, w.configuration())
			answers("an owner advertises when it starts", 255)
			hears(lower, 100)
			answers("a lower priority is answered", 255)
			hears(greater, 254)
			answers("a lower priority is answered, whatever the address", 255)
			hears(lower, 255)
			answers("an equal priority from a lower address is answered", 255)
			hears(lower, 0)
			answers("a resignation is answered", 255)

			hears(greater, 255)
			s.until("it yields", func() bool { return p.Said("Entering BACKUP STATE", "was=MASTER") })
			hears(lower, 254)
			hears(greater, 255)
			hears(greater, 0)
			answers("it takes over after a resignation, and has not said a word before", 255)

			s.must(p.Signal(syscall.SIGTERM))
			s.ended(p)
			answers("it resigns", 0)
		})
	}
}

// R-19, V-8: an owner of version 2 hears nobody: not one that is as good and
// has a greater address, nor one that resigns.
func TestAnOwnerOfVersion2HearsNobody(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	w := speaker{version: 2, priority: 255, interval: "255", field: 255, addresses: list4}
	h, peer := s.host("router", "192.0.2.10/24"), s.host("peer", "192.0.2.200/24")
	p := s.start(regentd, h, w.configuration())
	s.advertised("it is master", vrid, func(a lab.Advert) bool { return a.Priority == 255 })
	src := netip.MustParseAddr("192.0.2.200")
	for _, priority := range []byte{0, 100, 255} {
		s.must(peer.Inject("eth0", w.forge(peer, src, priority, nil)))
	}
	s.until("it tells of them", func() bool { return p.Said("dropped a packet", "rule=R-19 ") })
	s.must(p.Signal(syscall.SIGTERM))
	s.ended(p)
	s.advertised("it has resigned", vrid, func(a lab.Advert) bool { return a.MAC.String() == h.MAC("eth0").String() && a.Priority == 0 })
	var said []byte
	for _, a := range s.wire.Adverts() {
		if a.MAC.String() == h.MAC("eth0").String() {
			said = append(said, a.Priority)
		}
	}
	if len(said) != 2 {
		t.Errorf("it has said %v, want an advert and a resignation", said)
	}
}
