package main_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// instance writes a configuration of one IPv4 router of version 3; more are
// further lines inside its block.
func instance(ifname string, priority int, interval string, more ...string) string {
	return fmt.Sprintf(`
vrrp_instance VI_1 {
    interface %s
    version 3
    virtual_router_id %d
    priority %d
    advert_int %s
    virtual_ipaddress {
        192.0.2.100/24
    }
    %s
}
`, ifname, vrid, priority, interval, strings.Join(more, "\n    "))
}

var vip = netip.MustParseAddr("192.0.2.100")

// B-29: what a killed daemon left behind is removed before Backup begins.
func TestLeftoversAreRemoved(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	p := s.start(regentd, h, instance("eth0", 255, "1"))
	s.until("the router has its address", func() bool { return h.Has(vip) })
	s.must(h.AddAddress("eth0", "192.0.2.77/24")) // somebody else's
	p.Kill()
	s.ended(p)
	if !h.Has(vip) {
		t.Fatal("the address is gone although nobody could remove it: this test proves nothing")
	}
	// An interval so long that it cannot become master again while we look.
	p = s.start(regentd, h, instance("eth0", 100, "30"))
	s.until("it is backup", func() bool { return p.Said("Entering BACKUP STATE") })
	if h.Has(vip) {
		t.Errorf("%s is still there when Backup begins", vip)
	}
	if !h.Has(netip.MustParseAddr("192.0.2.77")) {
		t.Error("an address of somebody else was removed, too")
	}
}

// S-30, S-41: a master that is told to stop resigns once, with its addresses
// still listed, removes them, and is gone.
func TestStopIsPolite(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.host("router", "192.0.2.1/24")
			pid := filepath.Join(s.Dir, "the.pid")
			p := s.start(regentd, h, instance("eth0", 200, "0.1"), "-p", pid)
			s.until("the router has its address", func() bool { return h.Has(vip) })
			if b, err := os.ReadFile(pid); err != nil || strings.TrimSpace(string(b)) != fmt.Sprint(p.PID) {
				t.Errorf("the pid file says %q, %v; the process is %d", b, err, p.PID)
			}
			events, err := h.WatchAddresses()
			s.must(err)
			s.must(p.Signal(sig))
			if code := s.ended(p); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if h.Has(vip) {
				t.Errorf("%s was left behind", vip)
			}
			if _, err := os.Stat(pid); !os.IsNotExist(err) {
				t.Errorf("the pid file was left behind: %v", err)
			}
			last := s.advertised("the resignation was seen", vrid, func(a lab.Advert) bool { return a.Priority == 0 })
			if n := len(last.Frame.Data); n < 14+20+12 {
				t.Errorf("the resignation has %d octets: it lists no address", n)
			}
			zeros := 0
			for _, a := range s.wire.Adverts() {
				if a.Priority == 0 {
					zeros++
				}
			}
			if zeros != 1 {
				t.Errorf("it resigned %d times", zeros)
			}
			seen, err := events.Events()
			s.must(err)
			for _, e := range seen {
				if e.Addr == vip && !e.Added && e.At.Before(last.At) {
					t.Errorf("%s was removed %v before the resignation", vip, last.At.Sub(e.At))
				}
			}
		})
	}
}

// A missing interface is waited for, not fatal.
func TestAMissingInterfaceIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router")
	p := s.start(regentd, h, instance("eth1", 200, "0.1"))
	s.until("it says what it waits for", func() bool { return p.Said("eth1") })
	attach := func() {
		s.must(h.Attach(lab.Port{Name: "eth1", Segment: "lan", Addrs: []string{"192.0.2.1/24"}}))
	}
	attach()
	s.until("it uses the interface", func() bool { return h.Has(vip) })
	s.must(h.Remove("eth1"))
	s.until("it has noticed the loss", func() bool { return p.Said("Entering FAULT STATE") })
	attach()
	s.until("it uses the new interface of the same name", func() bool { return h.Has(vip) })
	s.advertised("it advertises there", vrid, func(a lab.Advert) bool { return a.MAC.String() == h.MAC("eth1").String() })
}

// S-42: without its link a router is in FAULT; with it, it comes back by itself.
func TestAFaultIsLeftByItself(t *testing.T) {
	for _, test := range []struct {
		name        string
		hurt, mend  func(*lab.Host) error
		saysGoodbye bool
	}{
		{"interface down", func(h *lab.Host) error { return h.LinkDown("eth0") }, func(h *lab.Host) error { return h.LinkUp("eth0") }, false},
		{"cable out", func(h *lab.Host) error { return h.Unplug("eth0") }, func(h *lab.Host) error { return h.Plug("eth0") }, false},
		{"own address gone", func(h *lab.Host) error { return h.RemoveAddress("eth0", "192.0.2.1/24") },
			func(h *lab.Host) error { return h.AddAddress("eth0", "192.0.2.1/24") }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h, other := s.host("router", "192.0.2.1/24"), s.host("rival", "192.0.2.2/24")
			p := s.start(regentd, h, instance("eth0", 200, "0.2"))
			s.start(lab.Keepalived(), other, instance("eth0", 100, "0.2"))
			s.until("the router has the address", func() bool { return h.Has(vip) && !other.Has(vip) })
			s.must(test.hurt(h))
			s.until("it is in FAULT", func() bool { return p.Said("Entering FAULT STATE") })
			s.until("the rival has the address, and it alone", func() bool { return other.Has(vip) && !h.Has(vip) })
			s.must(test.mend(h))
			s.until("the router has the address again", func() bool { return h.Has(vip) && !other.Has(vip) })
		})
	}
}
