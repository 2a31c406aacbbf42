package main_test

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// B-10, B-12: on another link of the router nobody answers for its virtual
// addresses, neither a master nor a backup, while everybody there finds the
// router's own address; Linux would answer for them with that link's MAC.
// Without virtual MACs it does, and regent leaves it alone.
func TestOtherLinksDoNotAnswer(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.b.waits = quicker
	w.a.run(once...) // what answers looks like an announcement
	w.reign(w.a)
	w.announced(w.begun)
	w.b.run(once...)
	w.backupOf(w.b)
	for _, v := range vips {
		if got := w.askBeyond(v); got != nil {
			t.Errorf("beyond, %v is said to be at %v", v, got)
		}
		if got := w.ask(v, false); len(got) != 1 || !isVirtual(got[0].says) {
			t.Errorf("on its link, %v is said to be at %v", v, got)
		}
	}
	w.a.crash()
	w.until("b has the addresses, too", func() bool { return w.b.Has(vips...) })
	if got := w.askBeyond(vip); got != nil { // the kernel still has it, and the rules
		t.Errorf("after a crash, %v is said to be at %v", vip, got)
	}
	w.b.stop()
	w.b.Proc = w.start(regentd, w.b.Host, strings.ReplaceAll(w.b.conf(), "use_vmac", ""))
	w.until("b has the addresses again", func() bool { return w.b.Has(vips...) })
	if got := w.askBeyond(vip); len(got) != 1 || !bytes.Equal(got[0], w.b.MAC("eth1")) {
		t.Errorf("without a virtual MAC, %v is said to be at %v", vip, got)
	}
	if got := w.b.tables(); got != "" {
		t.Errorf("tables without need: %s", got)
	}
}

// B-8, B-10, B-12: an owner has its addresses on the interface, too; the interface
// does not answer for them, and does not ask in their name, even where the route
// leads through it.
func TestAnOwnersInterfaceDoesNotAnswer(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	for _, v := range vips {
		if !v.IsLinkLocalUnicast() {
			bits := 24
			if v.Is6() {
				bits = 64
			}
			w.must(w.a.AddAddress("eth0", netip.PrefixFrom(v, bits).String()))
		}
	}
	w.a.priority = 255
	w.a.run(once...)
	w.until("a is master", func() bool { return w.a.Said("V4", "Entering MASTER STATE") && w.a.Said("V6", "Entering MASTER STATE") })
	w.announced(w.begun) // so its devices have them
	for _, v := range vips {
		for _, probe := range []bool{false, true} {
			got := w.ask(v, probe)
			for _, a := range got {
				if !isVirtual(a.says) || !isVirtual(a.from) {
					t.Errorf("%v is said to be at %v", v, got)
				}
			}
			if len(got) != 1 {
				t.Errorf("%d answers for %v", len(got), v)
			}
		}
		if got := w.askBeyond(v); got != nil {
			t.Errorf("beyond, %v is said to be at %v", v, got)
		}
	}
	for _, v := range []netip.Addr{vip, vip6, vipAlone4, vipAlone6} {
		p := w.probe(v)
		for range 3 {
			w.must(w.a.forgetNeighbors())
			now := time.Now()
			w.until(v.String()+" answers", func() bool { return p.Answers(now) })
		}
		if mac, err := w.client.Neighbor(v); err != nil || !isVirtual(mac) {
			t.Errorf("the client knows %v at %v, %v", v, mac, err)
		}
	}
	asked := false // by the interface
	for _, f := range w.a.sent(w.begun) {
		src, says, ok := readQuestion(f)
		if ok && slices.Contains(vips, src) && (!isVirtual(f.From()) || says != nil && !isVirtual(says)) {
			t.Errorf("asked in the name of %v from %v, as %v", src, f.From(), says)
		}
		asked = asked || ok && src == netip.IPv4Unspecified() && !isVirtual(f.From())
	}
	if !asked {
		t.Error("the interface has never asked: this test proves less than it says")
	}
	w.a.stop()
	if got := w.a.tables(); got != "" {
		t.Errorf("left behind by a stop: %s", got)
	}
}

// Where the kernel makes no such table, here for its name, the log says so once
// and everything else works.
func TestNoTableCanBeMade(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.a.Proc = w.start(regentd, w.a.Host, "global_defs {\n\tnftables "+strings.Repeat("x", 300)+"\n}\n"+w.a.conf(once...))
	w.reign(w.a)
	w.announced(w.begun)
	w.must(w.a.Remove("vrrp.51")) // its successor wants a seat, too
	w.until("the device is made again", func() bool { return w.a.Said("making it again") && w.a.Has(vips...) })
	w.must(w.a.Signal(syscall.SIGHUP))
	w.until("a has reloaded", func() bool { return w.a.Said("reloaded") })
	if n := strings.Count(w.a.Log(), "other links may answer for virtual addresses"); n != 1 {
		t.Errorf("it says %d times that it cannot", n)
	}
	for _, v := range vips {
		if got := w.ask(v, false); len(got) != 1 || !isVirtual(got[0].says) {
			t.Errorf("%v is said to be at %v", v, got)
		}
	}
}

// askBeyond lets the far host ask for an address, and then for those that the
// routers have on its segment. It returns where the first was said to be.
func (w *twins) askBeyond(target netip.Addr) (at []net.HardwareAddr) {
	w.Helper()
	mac, since := w.far.MAC("eth0"), time.Now()
	sender, sure := netip.MustParseAddr("198.51.100.9"), []string{"198.51.100.1", "198.51.100.2"}
	if target.Is6() {
		sender, sure = netip.MustParseAddr("2001:db8:f::9"), []string{"2001:db8:f::1", "2001:db8:f::2"}
	}
	answers := func(about netip.Addr) (at []net.HardwareAddr) {
		for _, f := range w.beyond.Frames() {
			if a, ok := readAnswer(f); ok && a.addr == about && f.At.After(since) {
				at = append(at, a.says)
			}
		}
		return at
	}
	w.must(w.far.Inject("eth0", w.questionOf(mac, sender, target)))
	for _, s := range sure {
		w.must(w.far.Inject("eth0", w.questionOf(mac, sender, netip.MustParseAddr(s))))
	}
	w.until("the routers' own addresses are answered for", func() bool {
		return !slices.ContainsFunc(sure, func(s string) bool { return len(answers(netip.MustParseAddr(s))) == 0 })
	})
	return answers(target)
}
