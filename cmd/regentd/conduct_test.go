package main_test

import (
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// W-14: a router that forwards packets forwards no adverts, though their TTL
// would allow it.
func TestAdvertsAreNotForwarded(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24", "2001:db8::1/64")
	s.must(h.Attach(lab.Port{Name: "eth1", Segment: "other", Addrs: []string{"198.51.100.1/24", "2001:db8:1::1/64"}}))
	_, err := s.Lab.Host("beyond", lab.Port{Name: "eth0", Segment: "other", Addrs: []string{"198.51.100.9/24", "2001:db8:1::9/64"}})
	s.must(err)
	s.must(h.Sysctl("net/ipv4/ip_forward", "1"))
	s.must(h.Sysctl("net/ipv6/conf/all/forwarding", "1"))
	beyond, err := s.Capture("other")
	s.must(err)
	rival := s.host("rival", "192.0.2.9/24", "2001:db8::9/64")

	for _, w := range []speaker{
		{version: 3, priority: 100, interval: "0.2", field: 20, addresses: list4},
		{version: 3, priority: 100, interval: "0.2", field: 20, addresses: list6},
	} {
		src, target := netip.MustParseAddr("192.0.2.9"), "198.51.100.9"
		if w.v6() {
			src, target = netip.MustParseAddr("2001:db8::9"), "2001:db8:1::9"
		}
		p := s.start(regentd, h, w.configuration())
		s.until("the router is backup", func() bool { return p.Said("Entering BACKUP STATE") })
		s.must(rival.Inject("eth0", w.forge(rival, src, 200, nil)))
		// The same packet to a host is forwarded: so would the other be, by who forwards such.
		s.until("a packet was forwarded", func() bool {
			s.must(rival.Inject("eth0", w.forge(rival, src, 200, to(h, target))))
			return len(beyond.Adverts()) > 0
		})
		for _, a := range beyond.Adverts() {
			if a.Src == src && a.Dst.IsMulticast() {
				t.Errorf("an advert of %v to %v was forwarded", a.Src, a.Dst)
			}
		}
		p.Kill()
		s.ended(p)
		beyond.Clear()
	}
}

// O-8, T-1, T-2: a master that is killed says nothing, and its backup waits for
// a down interval: 6 seconds, and 156/256 of two.
func TestAKilledMasterSaysNothing(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	first, second := s.host("first", "192.0.2.1/24"), s.host("second", "192.0.2.2/24")
	from := func(h *lab.Host) (all []lab.Advert) {
		for _, a := range s.wire.Adverts() {
			if a.MAC.String() == h.MAC("eth0").String() {
				all = append(all, a)
			}
		}
		return all
	}
	p := s.start(regentd, first, instance("eth0", 255, "2"))
	s.until("the first advertises", func() bool { return len(from(first)) > 0 })
	q := s.start(regentd, second, instance("eth0", 100, "2"))
	s.until("the second is backup", func() bool { return q.Said("Entering BACKUP STATE") })
	begun := len(from(first))
	s.until("it has heard the first", func() bool { return len(from(first)) > begun+1 })
	if n := len(from(second)); n != 0 {
		t.Fatalf("the backup has sent %d adverts", n) // S-26
	}
	p.Kill()
	s.ended(p)
	s.until("the second advertises", func() bool { return len(from(second)) > 0 })
	last := from(first)[len(from(first))-1]
	if last.Priority != 255 {
		t.Errorf("the last word of the first has priority %d", last.Priority)
	}
	// The clock of the wire is not the one that the timer runs by.
	const down = 2*3609375*time.Microsecond - time.Millisecond
	if gap := from(second)[0].At.Sub(last.At); gap < down {
		t.Errorf("the second took over after %v, before the down interval was over", gap)
	}
}

// T-11: a backup that was stopped for longer than the down interval hears the
// adverts that have come meanwhile before it counts the silence.
func TestAPausedBackupTakesNobodyForDead(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	first, second := s.host("first", "192.0.2.1/24"), s.host("second", "192.0.2.2/24")
	s.start(regentd, first, instance("eth0", 255, "0.5"))
	adverts := func(n int) {
		t.Helper()
		begun := len(s.wire.Adverts())
		s.until("the first advertises", func() bool { return len(s.wire.Adverts()) >= begun+n })
	}
	adverts(1)
	p := s.start(regentd, second, instance("eth0", 100, "0.5", "down_timer_adverts 12"))
	s.until("the second is backup", func() bool { return p.Said("Entering BACKUP STATE") })
	adverts(2)
	s.must(p.Signal(syscall.SIGSTOP))
	adverts(15) // the down interval is less than 13 of them
	s.must(p.Signal(syscall.SIGCONT))
	adverts(4)
	if p.Said("Entering MASTER STATE") {
		t.Errorf("it has taken the master for dead:\n%s", p.Log())
	}
	for _, a := range s.wire.Adverts() {
		if a.MAC.String() == second.MAC("eth0").String() {
			t.Fatalf("it has advertised with priority %d", a.Priority)
		}
	}
	s.must(p.Signal(syscall.SIGTERM))
	if code := s.ended(p); code != 0 {
		t.Errorf("it ended with %d", code)
	}
}

// O-6: two capabilities are all that the daemon needs.
func TestTwoCapabilitiesAreEnough(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	file, err := s.File("router.conf", instance("eth0", 200, "0.1", "use_vmac"))
	s.must(err)
	_, err = h.Start(lab.Command{Path: "setpriv", Args: []string{
		"--bounding-set=-all,+net_raw,+net_admin", "--inh-caps=-all",
		regentd.Path, "-n", "-l", "-G", "-f", file, "-p", filepath.Join(s.Dir, "pid")}})
	s.must(err)
	s.until("it is master", func() bool { return h.Has(vip) })
	s.advertised("it advertises", vrid, func(a lab.Advert) bool { return a.Priority == 200 })
}
