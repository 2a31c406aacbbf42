package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// O-9: a master whose sync group a reload makes, widens, renames, divides and
// dissolves goes on beside a keepalived that would take over at once: it sends no
// priority 0, keeps the pace of its adverts and every address, and a client has
// its answers.
func TestAReloadOfGroupsDropsNothing(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h, other := s.host("router", "192.0.2.1/24"), s.host("rival", "192.0.2.2/24")
	p := s.start(regentd, h, regrouped(150, 2))
	// It takes over at once from one that resigns, and from one that a busy machine
	// holds up after six seconds.
	rival := s.start(lab.Keepalived(), other, strings.ReplaceAll(regrouped(100, 3), "advert_int 1\n", "advert_int 1\ndown_timer_adverts 6\n"))
	s.until("the router is master of both", func() bool { return h.Has(vip) && h.Has(vip.Next()) && !other.Has(vip) && !other.Has(vip.Next()) })
	s.until("the rival is master of what it alone has", func() bool { return strings.Count(rival.Log(), "(VI_3) Entering MASTER STATE") == 1 })
	probe := s.probe(vip)
	begun := time.Now()
	s.until("the client has an answer", func() bool { return probe.Answers(begun) })
	events, err := h.WatchAddresses()
	s.must(err)
	begun = time.Now()
	vigil := s.Vigil()
	defer vigil.End()

	reloads := 0
	reload := func(conf string) {
		s.must(os.WriteFile(filepath.Join(s.Dir, h.Name, regentd.Name+"-1.conf"), []byte(conf), 0o644))
		s.must(p.Signal(syscall.SIGHUP))
		reloads++
		s.until("it has reloaded", func() bool { return strings.Count(p.Log(), "reloaded") == reloads })
		at := time.Now()
		for vrid := uint8(vrid); vrid < 53; vrid++ {
			s.advertised("it advertises afterwards", vrid, func(a lab.Advert) bool { return a.At.After(at) })
		}
	}
	reload(regrouped(150, 2, "G VI_1 VI_2"))
	reload(regrouped(150, 2, "H VI_2 VI_1"))
	reload(regrouped(150, 3, "G VI_1 VI_2 VI_3"))
	s.until("the new member has become master, too", func() bool { return h.Has(vip.Next().Next()) && !other.Has(vip.Next().Next()) })
	reload(regrouped(150, 3, "G VI_1 VI_3", "H VI_2"))
	reload(regrouped(150, 3, "G VI_3", "H VI_2 VI_1"))
	reload(regrouped(150, 2, "H VI_2 VI_1"))
	reload(regrouped(150, 2))

	now := time.Now()
	gap, lost := probe.Gap(begun, now), vigil.Lost()
	if most := 500*time.Millisecond + lost; gap > most { // the rival would need 609 ms after a resignation
		t.Errorf("the client waited %v, more than %v", gap, most)
	}
	t.Logf("%d reloads, longest gap of the client %v, of which the machine may be to blame for %v", reloads, gap, lost)
	if !slices.ContainsFunc(probe.Echoes(), func(e lab.Echo) bool { return !e.Answered.IsZero() }) {
		t.Error("the client has had no answer at all")
	}
	for _, name := range []string{"VI_1", "VI_2"} {
		if rival.Said("(" + name + ") Entering MASTER STATE") {
			t.Errorf("the rival has become master of %s", name)
		}
	}
	for _, a := range s.wire.Adverts() {
		if a.Priority == 0 && a.VRID < 53 {
			t.Errorf("virtual router %d: priority 0 at %v", a.VRID, a.At.Sub(begun))
		}
	}
	seen, err := events.Events()
	s.must(err)
	for _, e := range seen {
		if !e.Added && (e.Addr == vip || e.Addr == vip.Next()) {
			t.Errorf("%v was removed %v after the first reload", e.Addr, e.At.Sub(begun))
		}
	}
}

// regrouped configures the virtual routers VI_1, VI_2 and so on, as many as are
// wanted, in sync groups: of each its name and its members.
func regrouped(priority, routers int, groups ...string) string {
	var b strings.Builder
	b.WriteString("global_defs {\nvrrp_version 3\n}\n")
	for _, g := range groups {
		words := strings.Fields(g)
		fmt.Fprintf(&b, "vrrp_sync_group %s {\ngroup {\n%s\n}\n}\n", words[0], strings.Join(words[1:], "\n"))
	}
	addr := vip
	for n := range routers {
		fmt.Fprintf(&b, "vrrp_instance VI_%d {\ninterface eth0\nvirtual_router_id %d\npriority %d\nadvert_int 1\nvirtual_ipaddress {\n%v/24\n}\n}\n",
			n+1, vrid+n, priority, addr)
		addr = addr.Next()
	}
	return b.String()
}
