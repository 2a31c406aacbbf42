package main_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
	"regent/vrrp"
)

// Twins are two regents with virtual MACs that share one virtual router for
// IPv4 and one for IPv6, on the lan. Both are real routers: they forward
// between the lan and the segment beyond, where another host is. Where the
// lesser one is to find out that its master is dead it is told to be quicker.
type twins struct {
	*stage
	a, b   *twin // a is the better one, and b has patience with it
	far    *lab.Host
	said   *lab.Capture // everything that crosses the client's eth0
	beyond *lab.Capture // and the far host's
}

type twin struct {
	*lab.Host
	*lab.Proc
	stage    *stage
	priority int
	every    string       // advert_int
	waits    string       // for how long it believes in a silent master
	own      *lab.Capture // everything that crosses its eth0
}

// quicker waits for silence of 4.5 seconds.
const quicker = "down_timer_adverts 15"

// once announces each address once, and so at a known time.
var once = []string{"garp_master_repeat 1", "garp_master_delay 0"}

var (
	vmac4 = vrrp.VirtualMAC(false, vrid)
	vmac6 = vrrp.VirtualMAC(true, vrid)

	vip6     = netip.MustParseAddr("2001:db8::100")
	vipLocal = netip.MustParseAddr("fe80::100")
	// An address of a subnet that the routers are in only by this address.
	vipAlone4 = netip.MustParseAddr("203.0.113.100")
	vipAlone6 = netip.MustParseAddr("2001:db8:1::100")
	vips      = []netip.Addr{vip, vip6, vipLocal, vipAlone4, vipAlone6}
)

func setTwins(t *testing.T) *twins {
	t.Helper()
	s := setStage(t)
	w := &twins{stage: s}
	s.must(s.client.AddAddress("eth0", "203.0.113.200/24"))
	s.must(s.client.AddAddress("eth0", "2001:db8:1::200/64"))
	var err error
	w.said, err = s.client.CaptureOnly("eth0", everything)
	s.must(err)
	w.a, w.b = w.twin("a", 1, 150), w.twin("b", 2, 100)
	w.b.waits = patience
	w.far, err = s.Host("far", lab.Port{Name: "eth0", Segment: "beyond", Addrs: []string{"198.51.100.9/24", "2001:db8:f::9/64"}})
	s.must(err)
	w.beyond, err = w.far.CaptureOnly("eth0", everything)
	s.must(err)
	return w
}

func everything([]byte) bool { return true }

// twin adds a router, n being the end of its addresses.
func (w *twins) twin(name string, n, priority int) *twin {
	w.Helper()
	h, err := w.Host(name,
		lab.Port{Name: "eth0", Segment: "lan", Addrs: []string{fmt.Sprintf("192.0.2.%d/24", n), fmt.Sprintf("2001:db8::%d/64", n)}},
		lab.Port{Name: "eth1", Segment: "beyond", Addrs: []string{fmt.Sprintf("198.51.100.%d/24", n), fmt.Sprintf("2001:db8:f::%d/64", n)}})
	w.must(err)
	w.must(h.Sysctl("net/ipv4/ip_forward", "1"))
	w.must(h.Sysctl("net/ipv6/conf/all/forwarding", "1"))
	t := &twin{Host: h, stage: w.stage, priority: priority, every: "0.3"}
	t.own, err = h.CaptureOnly("eth0", everything)
	w.must(err)
	return t
}

// conf is a twin's configuration, with more lines in each instance.
func (t *twin) conf(more ...string) string {
	var b strings.Builder
	for _, f := range []struct{ name, addresses string }{
		{"V4", "192.0.2.100/24\n\t203.0.113.100/24"},
		{"V6", "fe80::100/64\n\t2001:db8::100/64\n\t2001:db8:1::100/64"},
	} {
		fmt.Fprintf(&b, `vrrp_instance %s {
	interface eth0
	version 3
	virtual_router_id %d
	priority %d
	advert_int %s
	use_vmac
	virtual_ipaddress {
	%s
	}
	%s
}
`, f.name, vrid, t.priority, t.every, f.addresses, strings.Join(append(more, t.waits), "\n\t"))
	}
	return b.String()
}

func (t *twin) run(more ...string) {
	t.stage.Helper()
	t.Proc = t.stage.start(regentd, t.Host, t.conf(more...))
}

// stop ends the daemon politely, crash like a power failure that leaves the
// kernel alone.
func (t *twin) stop() {
	t.stage.Helper()
	t.stage.must(t.Signal(syscall.SIGTERM))
	t.stage.ended(t.Proc)
}

func (t *twin) crash() {
	t.stage.Helper()
	t.Kill()
	t.stage.ended(t.Proc)
}

// reign waits until one of the twins has all addresses, the other none, and the
// switch has seen both virtual MACs at the one's port alone.
func (w *twins) reign(of *twin) {
	w.Helper()
	other := w.a
	if of == w.a {
		other = w.b
	}
	w.until(of.Host.Name+" reigns", func() bool {
		return of.Has(vips...) && other.Count(vips...) == 0 && w.at(vmac4) == of.Host && w.at(vmac6) == of.Host
	})
}

// at returns where the switch has learned a MAC address.
func (w *twins) at(mac net.HardwareAddr) *lab.Host {
	w.Helper()
	h, err := w.Learned("lan", mac)
	w.must(err)
	return h
}

// sent returns the frames that have left by a twin's eth0 after a time and
// before now.
func (t *twin) sent(since time.Time) (frames []lab.Frame) {
	t.stage.Helper()
	mark := []byte{2, 0, 0, 0, 0, 0xFE, 2, 0, 0, 0, 0, 0xFD, 0x88, 0xB5} // a local experiment's frame
	mark = fmt.Appendf(mark, "%d", time.Now().UnixNano())
	t.stage.must(t.Inject("eth0", mark))
	t.stage.until("the capture has come so far", func() bool {
		return slices.ContainsFunc(t.own.Frames(), func(f lab.Frame) bool { return bytes.Equal(f.Data, mark) })
	})
	for _, f := range t.own.Frames() {
		if f.Out && f.At.After(since) && !bytes.Equal(f.Data[12:14], []byte{0x88, 0xB5}) {
			frames = append(frames, f)
		}
	}
	return frames
}

func isVirtual(mac net.HardwareAddr) bool { return bytes.Equal(mac, vmac4) || bytes.Equal(mac, vmac6) }

// silent checks that nothing with a virtual MAC has left a twin after a time.
func (t *twin) silent(since time.Time, when string) {
	t.stage.Helper()
	for _, f := range t.sent(since) {
		if isVirtual(f.From()) {
			t.stage.Errorf("%s of %s: a frame from the virtual MAC: % x", when, t.Host.Name, f.Data)
		}
	}
}
