package main_test

import (
	"net/netip"
	"testing"
	"time"

	"regent/cmd/internal/lab"
	"regent/vrrp"
)

// W-4, B-10: beside keepalived, both with use_vmac, the address has the virtual
// MAC whoever is master, adverts come from it, and none of them come from a
// backup (B-6).
func TestVirtualMAC(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	ours, theirs := s.host("regent", "192.0.2.1/24"), s.host("rival", "192.0.2.2/24")
	first := s.start(regentd, ours, instance("eth0", 150, "0.5", "use_vmac"))
	s.start(lab.Keepalived(), theirs, instance("eth0", 100, "0.5", "use_vmac"))
	mac := vrrp.VirtualMAC(false, vrid)
	from := func(src string) func(lab.Advert) bool {
		return func(a lab.Advert) bool {
			return a.Src == netip.MustParseAddr(src) && a.MAC.String() == mac.String()
		}
	}
	p := s.probe(vip)
	answers := func() {
		t.Helper()
		now := time.Now()
		s.until("the address answers", func() bool { return p.Answers(now) })
	}
	// keepalived's parent may answer for the address, too: ours must not.
	answersFromTheVirtualMAC := func() {
		t.Helper()
		answers()
		s.until("the client knows the address by the virtual MAC", func() bool {
			got, err := s.client.Neighbor(vip)
			return err == nil && got.String() == mac.String()
		})
	}
	s.advertised("regent's adverts, from the virtual MAC", vrid, from("192.0.2.1"))
	answersFromTheVirtualMAC()
	first.Kill()
	s.must(ours.Unplug("eth0"))
	s.advertised("keepalived's adverts", vrid, from("192.0.2.2"))
	answers()
	s.must(ours.Plug("eth0"))
	s.start(regentd, ours, instance("eth0", 150, "0.5", "use_vmac"))
	s.advertised("regent's adverts again", vrid, from("192.0.2.1"))
	s.until("keepalived has given the address up", func() bool { return theirs.Count(vip) == 0 })
	answersFromTheVirtualMAC()
}

// B-23: what is sent to an address that is not accepted stays unanswered,
// although the master has it and says so (B-25).
func TestNoAccept(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	ours := s.host("regent", "192.0.2.1/24")
	p := s.start(regentd, ours, instance("eth0", 150, "0.5", "no_accept"))
	s.until("regent has the address", func() bool { return ours.Has(vip) })
	probe := s.probe(vip)
	s.until("the client has found the address and asked it", func() bool {
		mac, err := s.client.Neighbor(vip)
		return err == nil && mac.String() == ours.MAC("eth0").String() && len(probe.Echoes()) > 50
	})
	if probe.Answers(s.begun) {
		t.Error("the address has answered")
	}
	if !p.Said("Entering MASTER STATE") {
		t.Error("regent is no master")
	}
}
