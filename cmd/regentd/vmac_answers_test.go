package main_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// An answer is an ARP reply or a neighbour advertisement. What answers a probe
// looks like an announcement, so there must be none of these meanwhile.
type answer struct {
	addr   netip.Addr
	from   net.HardwareAddr // of the frame
	says   net.HardwareAddr // where the address is
	router bool             // IPv6: the R flag
}

// readAnswer reads a frame as an answer.
func readAnswer(f lab.Frame) (a answer, ok bool) {
	b := f.Data
	switch {
	case len(b) >= 42 && b[12] == 8 && b[13] == 6 && b[21] == 2:
		return answer{netip.AddrFrom4([4]byte(b[28:32])), b[6:12], b[22:28], false}, true
	case len(b) >= 86 && b[12] == 0x86 && b[20] == 58 && b[54] == 136 && b[78] == 2:
		return answer{netip.AddrFrom16([16]byte(b[62:78])), b[6:12], b[80:86], b[58]&0x80 != 0}, true
	}
	return answer{}, false
}

// answers returns what was answered about an address after a time.
func (w *twins) answers(about netip.Addr, since time.Time) (found []answer) {
	for _, f := range w.wire.Frames() {
		if a, ok := readAnswer(f); ok && a.addr == about && f.At.After(since) {
			found = append(found, a)
		}
	}
	return found
}

// ask asks for an address and returns all answers once every device of both
// routers had its say: each works in order, and answers for another address in
// the end.
func (w *twins) ask(target netip.Addr, probe bool) []answer {
	w.Helper()
	since := time.Now()
	w.must(w.client.Inject("eth0", w.question(target, probe)))
	w.until("the answer for "+target.String(), func() bool { return len(w.answers(target, since)) > 0 })
	for _, last := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "192.0.2.100", "2001:db8::100"} {
		last := netip.MustParseAddr(last)
		if last == target {
			continue
		}
		asked := time.Now()
		w.must(w.client.Inject("eth0", w.question(last, false)))
		w.until("the answer for "+last.String(), func() bool { return len(w.answers(last, asked)) > 0 })
	}
	return w.answers(target, since)
}

// B-10, B-11, B-12, B-14: for a virtual address the master alone answers, once,
// from the virtual MAC and with it, also to those who have no address yet (of
// IPv6 it says that it is a router); for a router's own address that router
// alone, from its physical MAC and with it.
func TestWhoAnswers(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	begun := time.Now()
	w.a.run(once...)
	w.reign(w.a)
	w.b.run(once...)
	w.backupOf(w.b)
	w.announced(begun)
	w.checkAnswers("with a as master")
	begun = time.Now()
	w.a.stop()
	w.reign(w.b)
	w.announced(begun)
	w.checkAnswers("with b as master")
}

// announced waits until every address was announced after a time.
func (w *twins) announced(since time.Time) {
	w.Helper()
	w.until("every address is announced", func() bool {
		seen := map[netip.Addr]bool{}
		for _, c := range w.wire.Claims() {
			if c.At.After(since) {
				seen[c.Addr] = true
			}
		}
		return len(seen) == len(vips)
	})
}

func (w *twins) checkAnswers(when string) {
	w.Helper()
	check := func(target netip.Addr, mac net.HardwareAddr) {
		w.Helper()
		for _, probe := range []bool{false, true} {
			got := w.ask(target, probe)
			if len(got) != 1 {
				w.Errorf("%s: %d answers for %v (probe %v): %v", when, len(got), target, probe, got)
			}
			for _, a := range got {
				if !bytes.Equal(a.from, mac) || !bytes.Equal(a.says, mac) || target.Is6() && !a.router {
					w.Errorf("%s: the answer for %v (probe %v) is %+v, want %v", when, target, probe, a, mac)
				}
			}
		}
	}
	for _, v := range vips {
		mac := vmac4
		if v.Is6() {
			mac = vmac6
		}
		check(v, mac)
	}
	for _, t := range []*twin{w.a, w.b} {
		own, err := t.Addresses("eth0")
		w.must(err)
		for _, p := range own {
			check(p.Addr(), t.MAC("eth0"))
		}
	}
}

// B-13: a master that looks for a neighbour on behalf of a virtual address does
// so from the virtual MAC, and names no other; with IPv4 likewise. What it
// asks for itself it asks from the physical MAC.
func TestWhoAsks(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.a.run()
	w.reign(w.a)
	began := time.Now()
	for _, v := range vips { // the answer to an echo goes out from the address
		w.probe(v)
	}
	asked := func(v netip.Addr) (n int) {
		for _, f := range w.a.sent(began) {
			src, says, ok := readQuestion(f)
			if !ok {
				continue
			}
			mac := vmac4
			if src.Is6() {
				mac = vmac6
			}
			virtual := src == vip || src == vip6 || src == vipLocal || src == vipAlone4 || src == vipAlone6
			if virtual != bytes.Equal(f.From(), mac) || says != nil && virtual != bytes.Equal(says, mac) {
				w.Fatalf("asked in the name of %v from %v, as %v", src, f.From(), says)
			}
			if src == v {
				n++
			}
		}
		return n
	}
	// In the other subnets the routers are by their own addresses, too, and ask
	// from these.
	for _, v := range []netip.Addr{vipAlone4, vipAlone6} {
		w.until(v.String()+" asks for the client", func() bool {
			if asked(v) > 0 {
				return true
			}
			w.must(w.a.forgetNeighbors())
			return false
		})
	}
}

// readQuestion reads a frame as an ARP request or a neighbour solicitation; says
// is the link-layer address that it gives for the sender, nil if none.
func readQuestion(f lab.Frame) (src netip.Addr, says net.HardwareAddr, ok bool) {
	b := f.Data
	switch {
	case len(b) >= 42 && b[12] == 8 && b[13] == 6 && b[21] == 1:
		return netip.AddrFrom4([4]byte(b[28:32])), b[22:28], true
	case len(b) >= 78 && b[12] == 0x86 && b[20] == 58 && b[54] == 135:
		if len(b) >= 86 && b[78] == 1 {
			says = b[80:86]
		}
		return netip.AddrFrom16([16]byte(b[22:38])), says, true
	}
	return src, nil, false
}

// forgetNeighbors empties the neighbour tables of a host.
func (t *twin) forgetNeighbors() error {
	_, err := t.Run(t.stage.Context(), "ip", "neigh", "flush", "all")
	return err
}
