package main_test

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// W-4, B-10: beside keepalived, both with use_vmac, the address has the virtual
// MAC whoever is master, adverts come from it, and none of them come from a
// backup (B-6).
func TestVirtualMAC(t *testing.T) {
	for _, c := range []struct {
		name      string
		vip       netip.Addr
		mac       net.HardwareAddr
		addresses string
	}{
		{"IPv4", vip, vmac4, "192.0.2.100/24"},
		{"IPv6", vip6, vmac6, "fe80::100/64\n        2001:db8::100/64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			conf := func(priority int) string {
				return strings.Replace(instance("eth0", priority, "0.5", "use_vmac"), "192.0.2.100/24", c.addresses, 1)
			}
			ours, theirs := s.host("regent", "192.0.2.1/24", "2001:db8::1/64"), s.host("rival", "192.0.2.2/24", "2001:db8::2/64")
			first := s.start(regentd, ours, conf(150))
			s.start(lab.Keepalived(), theirs, conf(100))
			from := func(priority uint8) func(lab.Advert) bool {
				return func(a lab.Advert) bool { return a.Priority == priority && a.MAC.String() == c.mac.String() }
			}
			p := s.probe(c.vip)
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
					got, err := s.client.Neighbor(c.vip)
					return err == nil && got.String() == c.mac.String()
				})
			}
			s.advertised("regent's adverts, from the virtual MAC", vrid, from(150))
			answersFromTheVirtualMAC()
			first.Kill()
			s.must(ours.Unplug("eth0"))
			s.advertised("keepalived's adverts", vrid, from(100))
			answers()
			s.must(ours.Plug("eth0"))
			s.start(regentd, ours, conf(150))
			s.advertised("regent's adverts again", vrid, from(150))
			s.until("keepalived has given the address up", func() bool { return theirs.Count(c.vip) == 0 })
			answersFromTheVirtualMAC()
		})
	}
}

// use_vmac with a name and a MAC address of its own, and vmac_xmit_base, by
// which adverts, and they alone, come from the interface's MAC.
func TestHowVirtualMACsAreConfigured(t *testing.T) {
	own := net.HardwareAddr{2, 0, 0, 0, 0x77, vrid}
	for _, c := range []struct {
		name, line, device string
		mac                net.HardwareAddr
		base               bool
	}{
		{"a name and a MAC", "use_vmac wan 02:00:00:00:77", "wan", own, false},
		{"vmac_xmit_base", "use_vmac\n    vmac_xmit_base", "vrrp.51", vmac4, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.host("router", "192.0.2.1/24")
			s.start(regentd, h, instance("eth0", 150, "0.2", c.line))
			want := c.mac
			if c.base {
				want = h.MAC("eth0")
			}
			s.advertised("an advert", vrid, func(a lab.Advert) bool { return true })
			p := s.probe(vip)
			s.until("the address answers", func() bool { return p.Answers(s.begun) })
			if got, err := s.client.Neighbor(vip); err != nil || !bytes.Equal(got, c.mac) {
				t.Errorf("the address is at %v, %v", got, err)
			}
			if on, err := h.Addresses(c.device); err != nil || len(on) != 1 || on[0].Addr() != vip {
				t.Errorf("%s has %v, %v", c.device, on, err)
			}
			for _, a := range s.wire.Adverts() {
				if !bytes.Equal(a.MAC, want) {
					t.Errorf("an advert comes from %v, want %v", a.MAC, want)
				}
			}
			for _, claim := range s.wire.Claims() {
				if claim.Addr == vip && !bytes.Equal(claim.MAC, c.mac) {
					t.Errorf("the address is announced to be at %v", claim.MAC)
				}
			}
		})
	}
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
	s.until("regent says that it is master", func() bool { return p.Said("Entering MASTER STATE") })
}
