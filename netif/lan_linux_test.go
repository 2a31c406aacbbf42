package netif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/arp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// lan makes a bridge that learns, and n hosts on it, each by its eth0. Host i
// has the addresses 192.0.2.i/24 and 2001:db8::i/64, from 1.
func lan(t testing.TB, n int) (bridge *space, hosts []*space) {
	t.Helper()
	bridge = newSpace(t)
	bridge.must(bridge.netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}))
	bridge.up(bridge.link("br0"))
	for i := 1; i <= n; i++ {
		h := newSpace(t)
		port := fmt.Sprintf("port%d", i)
		veth(bridge, port, h, "eth0")
		bridge.must(bridge.netlink.LinkSetMaster(bridge.link(port), bridge.link("br0")))
		h.add("eth0", fmt.Sprintf("192.0.2.%d/24", i))
		h.add("eth0", fmt.Sprintf("2001:db8::%d/64", i))
		h.linkLocal("eth0")
		bridge.until(port+" to forward", func() bool { // it swallows frames before
			return strings.Contains(bridge.ip("-d link show dev "+port), "bridge_slave state forwarding")
		})
		hosts = append(hosts, h)
	}
	return bridge, hosts
}

// device is a virtual router's device on eth0.
func (s *space) device(f Family) Device {
	return Device{VMAC: VMAC{Kind: MACVLAN}, Parent: s.index("eth0"), Family: f, VRID: vrid}
}

func (s *space) make(h *Host, ds ...Device) []Made {
	s.t.Helper()
	made, errs := h.MakeDevices(ds)
	if errs != nil {
		s.t.Fatal(errs)
	}
	for _, m := range made {
		if m.Unset != nil {
			s.t.Errorf("%s: %v", m.Link.Name, m.Unset)
		}
	}
	return made
}

func (s *space) good(errs []error) {
	s.t.Helper()
	if errs != nil {
		s.t.Fatal(errs)
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// arpRequest asks who has an address.
func arpRequest(t testing.TB, from net.HardwareAddr, sender, target string) []byte {
	t.Helper()
	p, err := arp.NewPacket(arp.OperationRequest, from, netip.MustParseAddr(sender), make(net.HardwareAddr, 6), netip.MustParseAddr(target))
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame(net.HardwareAddr{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, from, 0x0806, b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// send sends a frame through the tap's link.
func (t *tap) send(link string, frame []byte) {
	t.s.t.Helper()
	t.s.must(unix.Sendto(t.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: t.s.index(link)}))
}

func isARP(f []byte, operation uint16) bool {
	return len(f) >= 42 && binary.BigEndian.Uint16(f[12:]) == 0x0806 && binary.BigEndian.Uint16(f[20:]) == operation
}

// exchange sends a datagram from one socket to another.
func exchange(t *testing.T, from, to net.PacketConn) {
	t.Helper()
	if _, err := from.WriteTo([]byte("hello"), to.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if err := to.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	room := make([]byte, 16)
	if _, sender, err := to.ReadFrom(room); err != nil || sender.String() != from.LocalAddr().String() {
		t.Fatalf("from %v: %v", sender, err)
	}
}

// all returns the frames that have arrived.
func (t *tap) all() (frames [][]byte) {
	t.s.t.Helper()
	room := make([]byte, 16<<10)
	for {
		n, _, err := unix.Recvfrom(t.fd, room, unix.MSG_DONTWAIT)
		if err != nil {
			return frames
		}
		frames = append(frames, bytes.Clone(room[:n]))
	}
}

// resolve makes the kernel look for a neighbour.
func (s *space) resolve(target string) {
	s.t.Helper()
	s.do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, []byte("hello"), 0, &unix.SockaddrInet6{
			Port: 9, ZoneId: uint32(s.index("eth0")), Addr: netip.MustParseAddr(target).As16(),
		})
	})
}
