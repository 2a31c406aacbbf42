package main_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// promoted returns how promote_secondaries stands on eth0 of a host.
func (s *stage) promoted(h *lab.Host) (value string) {
	s.Helper()
	s.must(h.Do(func() error {
		b, err := os.ReadFile("/proc/sys/net/ipv4/conf/eth0/promote_secondaries")
		value = strings.TrimSpace(string(b))
		return err
	}))
	return value
}

// promote_secondaries: with regent as with keepalived it is on while the daemon
// runs. When the first address of a network goes, somebody else's stays, which
// the kernel would have taken along.
func TestPromoteSecondaries(t *testing.T) {
	other := netip.MustParseAddr("203.0.113.50")
	for _, d := range []lab.Daemon{regentd, lab.Keepalived()} {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.host("router", "192.0.2.1/24")
			conf := strings.Replace(instance("eth0", 200, "0.2", "promote_secondaries"), "192.0.2.100/24", "192.0.2.100/24\n        203.0.113.10/24", 1)
			p := s.start(d, h, conf)
			s.until("the router has its addresses", func() bool { return h.Has(vip, netip.MustParseAddr("203.0.113.10")) })
			if got := s.promoted(h); got != "1" {
				t.Errorf("promote_secondaries is %s", got)
			}
			s.must(h.AddAddress("eth0", "203.0.113.50/24"))
			s.must(p.Signal(syscall.SIGTERM))
			s.ended(p)
			if !h.Has(other) || h.Has(netip.MustParseAddr("203.0.113.10")) {
				t.Error("somebody else's address went with the first of its network")
			}
			if got := s.promoted(h); got != "0" {
				t.Errorf("promote_secondaries is %s after the end", got)
			}
		})
	}
}

// promote_secondaries is on before the leftovers of a killed predecessor are
// removed, and a reload without the keyword restores it.
func TestPromoteSecondariesOverTime(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	conf := func(more ...string) string {
		return strings.Replace(instance("eth0", 200, "0.2", more...), "192.0.2.100/24", "203.0.113.10/24", 1)
	}
	first := netip.MustParseAddr("203.0.113.10")
	p := s.start(regentd, h, conf("promote_secondaries"))
	s.until("the router has its address", func() bool { return h.Has(first) })
	s.must(h.AddAddress("eth0", "203.0.113.50/24"))
	p.Kill()
	s.ended(p)
	s.must(h.Sysctl("net/ipv4/conf/eth0/promote_secondaries", "0")) // as if it had been killed before
	p = s.start(regentd, h, conf("promote_secondaries"))
	s.until("the leftover is gone and the router has its address again", func() bool {
		return p.Said("Entering MASTER STATE") && h.Has(first)
	})
	if !h.Has(netip.MustParseAddr("203.0.113.50")) {
		t.Error("somebody else's address went with the leftover")
	}
	_, err := s.File(filepath.Join("router", "regentd-2.conf"), conf())
	s.must(err)
	s.must(p.Signal(syscall.SIGHUP))
	s.until("a reload without the keyword has restored it", func() bool { return s.promoted(h) == "0" })
	if !h.Has(first) {
		t.Error("the reload has removed the address")
	}
}
