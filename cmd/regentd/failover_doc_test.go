package main_test

import (
	"cmp"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"regent/cmd/internal/lab"
)

var update = flag.Bool("update", false, "write the captures of FAILOVER.md anew")

// FAILOVER.md explains two captures line by line. Here its failovers happen
// again, and the wire must show the same frames in the same order, octet for
// octet but for the times.
//
// W-2, W-3, W-4: adverts come from the virtual MAC and go to that of the group.
// B-1, B-4: the announcements. B-2: the advert comes first. B-5: nobody looks
// for duplicates.
func TestTheFailoversOfTheDocumentation(t *testing.T) {
	for _, f := range []struct {
		name  string
		owned []netip.Addr
		asked netip.Addr
	}{
		{"IPv4", []netip.Addr{vip, vipAlone4}, vip},
		{"IPv6", []netip.Addr{vipLocal, vip6, vipAlone6}, vip6},
	} {
		t.Run(f.name, func(t *testing.T) {
			if !*update { // or both would write at once
				t.Parallel()
			}
			w := setTwins(t)
			w.act(f.asked)
			compare(t, f.name, w.transcript(f.owned))
		})
	}
}

// act plays the failover: a reigns, dies like a power supply, and comes back.
// Around it a client asks for an address and sends an echo to it.
func (w *twins) act(asked netip.Addr) {
	w.Helper()
	w.a.every, w.b.every, w.b.waits = "1", "1", "" // as by default
	for _, h := range []*lab.Host{w.client, w.a.Host, w.b.Host} {
		for _, family := range []string{"ipv4", "ipv6"} { // or the kernel asks of its own accord what it knows already
			w.must(h.Sysctl("net/"+family+"/neigh/eth0/delay_first_probe_time", "3600"))
		}
	}
	begun := time.Now()
	w.a.run(once...)
	w.reign(w.a)
	w.announced(begun)
	w.b.run(once...)
	w.backupOf(w.b)
	w.scene(w.a, asked)

	begun = time.Now()
	w.a.Kill()
	w.must(w.a.Unplug("eth0"))
	w.ended(w.a.Proc)
	w.must(w.a.LinkDown("vrrp.51")) // its memory is gone, too
	w.must(w.a.LinkDown("vrrp6.51"))
	w.leads(w.b)
	w.announced(begun)
	w.scene(w.b, asked)

	begun = time.Now()
	w.must(w.a.Plug("eth0"))
	w.a.run(once...)
	w.reign(w.a)
	w.announced(begun)
	w.scene(w.a, asked)
}

// scene lets the client ask and send, between two adverts of the master.
func (w *twins) scene(master *twin, asked netip.Addr) {
	w.Helper()
	advert := func(since time.Time) {
		w.until("an advert of "+master.Host.Name, func() bool {
			n := 0
			for _, a := range w.wire.Adverts() {
				if a.At.After(since) && int(a.Priority) == master.priority {
					n++
				}
			}
			return n >= 4 // two of each family
		})
	}
	advert(time.Now())
	since := time.Now()
	w.must(w.client.Inject("eth0", w.question(asked, false)))
	w.until("the answer", func() bool { return len(w.answers(asked, since)) > 0 })
	mac := vmac4
	if asked.Is6() {
		mac = vmac6
	}
	w.must(w.client.Inject("eth0", w.echo(asked, mac)))
	w.until("the echo", func() bool {
		return slices.ContainsFunc(master.sent(since), func(f lab.Frame) bool { src, _ := ends(f); return src == asked })
	})
	advert(time.Now())
}

// compare checks a capture of FAILOVER.md, or writes it.
func compare(t *testing.T, name, got string) {
	t.Helper()
	const path = "FAILOVER.md"
	begin, end := "<!-- capture "+name+" -->\n```\n", "```\n<!-- /capture -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part between %q and %q", path, begin, end)
	}
	explained := regexp.MustCompile(`(?m)^\d+\. `).FindAllString(before(tail, "<!-- capture"), -1)
	if n := strings.Count(got, "\n"); len(explained) != n {
		t.Errorf("%s: %d frames and %d explanations", name, n, len(explained))
	}
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+got+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	times := regexp.MustCompile(`(?m)^( *\d+) +\d+\.\d+`)
	if times.ReplaceAllString(old, "$1") != times.ReplaceAllString(got, "$1") {
		t.Errorf("%s shows\n%s\nand the wire\n%s", path, old, got)
	}
}

func before(s, sep string) string {
	head, _, _ := strings.Cut(s, sep)
	return head
}

// An utterance is a frame and who sent it.
type utterance struct {
	lab.Frame
	who    string
	text   string
	advert bool
}

// transcript tells what was said that concerns a virtual router: adverts,
// announcements, questions, answers and echoes. Of each reign's adverts it has
// the first and the last.
func (w *twins) transcript(owned []netip.Addr) string {
	w.Helper()
	var all []utterance
	for who, c := range map[string]*lab.Capture{"a": w.a.own, "b": w.b.own, "client": w.said} {
		for _, f := range c.Frames() {
			if text, advert := describe(f, owned); f.Out && text != "" {
				all = append(all, utterance{f, who, text, advert})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b utterance) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	var lines strings.Builder
	for i, u := range shorten(all) {
		fmt.Fprintf(&lines, "%2d %6.3f  %-6s  %s\n", i+1, u.At.Sub(all[0].At).Seconds(), u.who, u.text)
	}
	return lines.String()
}

// shorten keeps the first and the last of the adverts that somebody sends in a
// row, whatever else is said meanwhile.
func shorten(all []utterance) (kept []utterance) {
	same := func(i int, j int) bool {
		return j >= 0 && j < len(all) && all[i].who == all[j].who && all[i].text == all[j].text
	}
	next := func(i, step int) int {
		for i += step; i >= 0 && i < len(all) && !all[i].advert; i += step {
		}
		return i
	}
	for i, u := range all {
		if !u.advert || !same(i, next(i, -1)) || !same(i, next(i, 1)) {
			kept = append(kept, u)
		}
	}
	return kept
}

// describe puts a frame into words; empty if it does not concern the addresses.
func describe(f lab.Frame, owned []netip.Addr) (text string, advert bool) {
	mine := func(b []byte) bool {
		a, _ := netip.AddrFromSlice(b)
		return slices.Contains(owned, a)
	}
	p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
	ether, ok := p.LinkLayer().(*layers.Ethernet)
	if !ok {
		return "", false
	}
	macs := fmt.Sprintf("%v > %v", ether.SrcMAC, ether.DstMAC)
	if a, ok := f.Advert(); ok {
		if a.Src.Is4() != owned[0].Is4() {
			return "", false
		}
		body := f.Data[14+20:]
		if a.Src.Is6() {
			body = f.Data[14+40:]
		}
		return fmt.Sprintf("%s  %v > %v  VRRPv%d advert, VRID %d, priority %d, %d0 ms, %s", macs, a.Src, a.Dst, a.Version, a.VRID, a.Priority,
			int(body[4])<<8|int(body[5]), listed(body[8:], len(owned[0].AsSlice()), int(body[3]))), true
	}
	if l, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok && (mine(l.SourceProtAddress) || mine(l.DstProtAddress)) {
		return fmt.Sprintf("%s  ARP %s, sender %x %v, target %x %v", macs, map[uint16]string{1: "request", 2: "reply"}[l.Operation],
			l.SourceHwAddress, netip.AddrFrom4([4]byte(l.SourceProtAddress)), l.DstHwAddress, netip.AddrFrom4([4]byte(l.DstProtAddress))), false
	}
	src, dst := ends(f)
	ips := fmt.Sprintf("%s  %v > %v  ", macs, src, dst)
	switch l, _ := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); {
	case l == nil || !mine(src.AsSlice()) && !mine(dst.AsSlice()):
	case l.TypeCode.Type() == 8 || l.TypeCode.Type() == 0:
		return ips + l.TypeCode.String(), false
	}
	if l, ok := p.Layer(layers.LayerTypeICMPv6NeighborSolicitation).(*layers.ICMPv6NeighborSolicitation); ok && mine(l.TargetAddress) {
		return ips + fmt.Sprintf("solicitation for %v%s", l.TargetAddress, linkLayer(l.Options)), false
	}
	if l, ok := p.Layer(layers.LayerTypeICMPv6NeighborAdvertisement).(*layers.ICMPv6NeighborAdvertisement); ok && mine(l.TargetAddress) {
		return ips + fmt.Sprintf("advertisement of %v, R=%d S=%d O=%d%s", l.TargetAddress, l.Flags>>7, l.Flags>>6&1, l.Flags>>5&1, linkLayer(l.Options)), false
	}
	if l, ok := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); ok && (mine(src.AsSlice()) || mine(dst.AsSlice())) &&
		(l.TypeCode.Type() == 128 || l.TypeCode.Type() == 129) {
		return ips + l.TypeCode.String(), false
	}
	return "", false
}

// listed returns the addresses of an advert.
func listed(b []byte, size, count int) string {
	var all []string
	for ; count > 0 && len(b) >= size; count, b = count-1, b[size:] {
		a, _ := netip.AddrFromSlice(b[:size])
		all = append(all, a.String())
	}
	return strings.Join(all, " ")
}

// linkLayer returns the MAC address among the options of neighbour discovery.
func linkLayer(options layers.ICMPv6Options) string {
	for _, o := range options {
		if o.Type == layers.ICMPv6OptSourceAddress || o.Type == layers.ICMPv6OptTargetAddress {
			return fmt.Sprintf(", at %x", o.Data)
		}
	}
	return ""
}
