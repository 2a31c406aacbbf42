package main_test

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// B-2: the first that a new master sends is its advert, and then it announces
// its addresses. B-7: whatever it announces it can answer for: one question at
// the sight of an announcement is enough.
func TestWhatIsAnnouncedCanBeAnswered(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.b.waits = quicker
	w.a.run(once...)
	w.reign(w.a)
	w.b.run(once...)
	w.backupOf(w.b)
	failed := time.Now()
	w.a.Kill()
	w.must(w.a.Unplug("eth0"))

	asked := map[netip.Addr]time.Time{}
	w.until("every address is announced", func() bool {
		for _, c := range w.wire.Claims() {
			if _, known := asked[c.Addr]; !known && c.At.After(failed) {
				asked[c.Addr] = time.Now()
				w.must(w.client.Inject("eth0", w.question(c.Addr, false)))
			}
		}
		return len(asked) == len(vips)
	})
	w.until("every question is answered", func() bool {
		for v, since := range asked {
			if len(w.answers(v, since)) == 0 {
				return false
			}
		}
		return true
	})
	for _, mac := range []net.HardwareAddr{vmac4, vmac6} {
		frames := slices.DeleteFunc(w.b.sent(failed), func(f lab.Frame) bool { return !bytes.Equal(f.From(), mac) })
		if len(frames) == 0 {
			t.Fatalf("b has sent nothing from %v", mac)
		}
		if _, ok := frames[0].Advert(); !ok {
			t.Errorf("the first that b sends from %v is % x", mac, frames[0].Data)
		}
	}
}

// B-8: a router that owns its addresses and comes back from a crash says nothing
// of them with its physical MAC, at no time: not when it finds its addresses
// still there, and not while it starts.
func TestAnOwnerComesBack(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.a.priority = 255
	begun := time.Now()
	w.a.run()
	w.reign(w.a)
	w.a.crash()
	w.must(w.client.Inject("eth0", w.questions()...))
	again := time.Now()
	w.a.run()
	w.until("the owner advertises again", func() bool {
		return slices.ContainsFunc(w.wire.Adverts(), func(a lab.Advert) bool { return a.At.After(again) && a.Priority == 255 })
	})
	w.announced(again)
	w.tempt()
	told := 0
	for _, f := range w.a.sent(begun) {
		who, mac := netip.Addr{}, net.HardwareAddr(nil)
		if src, says, ok := readQuestion(f); ok {
			who, mac = src, says
		} else if a, ok := readAnswer(f); ok {
			who, mac = a.addr, a.says
		}
		if !slices.Contains(vips, who) {
			continue
		}
		told++
		if !isVirtual(f.From()) || !isVirtual(mac) {
			t.Errorf("%v is at %v, from %v", who, mac, f.From())
		}
	}
	if told == 0 {
		t.Error("nothing was said of the addresses: this test proves nothing")
	}
}

// W-15: the link-local addresses that the adverts of IPv6 come from differ
// between the routers, and are not made from the virtual MAC.
func TestLinkLocalSourcesDiffer(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.a.run()
	w.reign(w.a)
	w.b.run()
	w.backupOf(w.b)
	w.a.stop()
	w.reign(w.b)
	sources := map[uint8]netip.Addr{} // by priority
	w.until("both have advertised", func() bool {
		for _, a := range w.wire.Adverts() {
			if a.Src.Is6() && a.Priority != 0 {
				sources[a.Priority] = a.Src
			}
		}
		return len(sources) == 2
	})
	forbidden := lab.LinkLocal(vmac6)
	if sources[150] == sources[100] || sources[150] == forbidden || sources[100] == forbidden ||
		!sources[150].IsLinkLocalUnicast() || !sources[100].IsLinkLocalUnicast() {
		t.Errorf("adverts come from %v", sources)
	}
	for _, n := range []*twin{w.a, w.b} {
		if n.Has(forbidden) {
			t.Errorf("%s has %v", n.Host.Name, forbidden)
		}
	}
}

// W-5: without use_vmac everything about the addresses comes from and tells of
// the interface's own MAC address, and no frame is from a virtual one.
func TestWithoutAVirtualMAC(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	begun := time.Now()
	w.a.Proc = w.start(regentd, w.a.Host, strings.ReplaceAll(w.a.conf(once...), "use_vmac\n", "\n"))
	w.until("a has the addresses", func() bool { return w.a.Has(vips...) })
	w.announced(begun)
	physical := w.a.MAC("eth0")
	for _, c := range w.wire.Claims() {
		if c.At.After(begun) && !bytes.Equal(c.MAC, physical) {
			t.Errorf("%v is announced to be at %v", c.Addr, c.MAC)
		}
	}
	for _, v := range vips {
		since := time.Now()
		w.until(v.String()+" is answered for", func() bool {
			w.must(w.client.Inject("eth0", w.question(v, false))) // as hosts do, until somebody answers
			return len(w.answers(v, since)) > 0
		})
		if a := w.answers(v, since)[0]; !bytes.Equal(a.from, physical) || !bytes.Equal(a.says, physical) {
			t.Errorf("the answer for %v is %+v", v, a)
		}
	}
	adverts := 0
	for _, f := range w.a.sent(begun) {
		if _, ok := f.Advert(); ok {
			adverts++
		}
		if isVirtual(f.From()) {
			t.Errorf("a frame from a virtual MAC: % x", f.Data)
		}
	}
	if adverts == 0 {
		t.Error("no adverts")
	}
}
