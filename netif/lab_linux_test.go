package netif

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"regent/vrrp"
)

// patience bounds every wait for something that must happen.
const patience = 60 * time.Second

// A space is a network namespace that lasts for a test.
type space struct {
	t       testing.TB
	ns      netns.NsHandle
	netlink *netlink.Handle
}

// newSpace makes a network namespace in which links have their IPv6 addresses
// at once. It has no name: it ends with the last descriptor.
func newSpace(t testing.TB) *space {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	s := &space{t: t, ns: netns.None()}
	var err error
	thread(func() { // its thread must not be used again
		if s.ns, err = netns.New(); err != nil {
			return
		}
		for _, name := range []string{"all", "default"} {
			if err == nil {
				err = writeSysctl("net/ipv6/conf/"+name+"/accept_dad", "0")
			}
		}
	})
	if err != nil {
		t.Fatalf("make a network namespace: %v", err)
	}
	t.Cleanup(func() { _ = s.ns.Close() })
	if s.netlink, err = netlink.NewHandleAt(s.ns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.netlink.Close)
	s.up(s.link("lo"))
	return s
}

// thread runs f on a thread of its own, which ends with it.
func thread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		f()
	}()
	<-done
}

// do runs f on a thread in the namespace.
func (s *space) do(f func() error) {
	s.t.Helper()
	var err error
	thread(func() {
		if err = netns.Set(s.ns); err == nil {
			err = f()
		}
	})
	s.must(err)
}

func (s *space) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *space) link(name string) netlink.Link {
	s.t.Helper()
	l, err := s.netlink.LinkByName(name)
	s.must(err)
	return l
}

func (s *space) index(name string) int { return s.link(name).Attrs().Index }

func (s *space) up(l netlink.Link) {
	s.t.Helper()
	s.must(s.netlink.LinkSetUp(l))
}

// veth makes a cable between two namespaces and plugs it in. A link that has
// just come up swallows what it is to send for a moment, so it waits.
func veth(a *space, nameA string, b *space, nameB string) {
	a.t.Helper()
	a.must(a.netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: nameA}, PeerName: nameB, PeerNamespace: netlink.NsFd(b.ns),
	}))
	a.up(a.link(nameA))
	b.up(b.link(nameB))
	a.until("carrier on "+nameA, func() bool { return a.link(nameA).Attrs().OperState == netlink.OperUp })
	b.until("carrier on "+nameB, func() bool { return b.link(nameB).Attrs().OperState == netlink.OperUp })
}

// add gives a link that is up an address, without duplicate detection, and waits
// until it can be reached: of IPv6 the kernel sees to that a little later.
func (s *space) add(link, prefix string) {
	s.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	s.must(err)
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	s.must(s.netlink.AddrAdd(s.link(link), a))
	if a.IP.To4() == nil {
		s.until("a route to "+prefix, func() bool {
			return strings.Contains(s.ip("-6 route show table local"), "local "+a.IP.String()+" ")
		})
	}
}

// linkLocal returns the link-local address that the kernel gave a link.
func (s *space) linkLocal(link string) netip.Addr {
	s.t.Helper()
	var found netip.Addr
	s.until("link-local address on "+link, func() bool {
		as, err := s.netlink.AddrList(s.link(link), netlink.FAMILY_V6)
		s.must(err)
		for _, a := range as {
			if a.IP.IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0 {
				found, _ = netip.AddrFromSlice(a.IP)
			}
		}
		return found.IsValid()
	})
	return found
}

// until waits for a condition that no event tells of.
func (s *space) until(what string, met func() bool) {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !met(); <-tick.C {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

func (s *space) wire(buffer int) *Wire {
	s.t.Helper()
	var w *Wire
	s.do(func() (err error) { w, err = OpenWire(buffer); return err })
	s.t.Cleanup(func() {
		if err := w.Close(); err != nil {
			s.t.Errorf("close the wire: %v", err)
		}
	})
	return w
}

func (s *space) host() *Host {
	s.t.Helper()
	var h *Host
	s.do(func() (err error) { h, err = Open(nil); return err })
	s.t.Cleanup(func() {
		if err := h.Close(); err != nil {
			s.t.Errorf("close the host: %v", err)
		}
	})
	return h
}

// raw opens a raw IP socket that sends datagrams with a header of their own.
func (s *space) raw(domain int) int {
	s.t.Helper()
	fd := -1
	s.do(func() (err error) {
		fd, err = unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	s.t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// A tap reads the frames that arrive on a link.
type tap struct {
	s  *space
	fd int
}

func (s *space) tap(link string) *tap {
	s.t.Helper()
	t := &tap{s: s, fd: -1}
	index := s.index(link)
	s.do(func() (err error) {
		const all = unix.ETH_P_ALL<<8&0xFF00 | unix.ETH_P_ALL>>8 // in network order
		if t.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(t.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index})
	})
	s.t.Cleanup(func() { unix.Close(t.fd) })
	return t
}

// next returns the next frame for which want is true.
func (t *tap) next(want func(frame []byte) bool) []byte {
	t.s.t.Helper()
	room := make([]byte, 16<<10)
	for end := time.Now().Add(patience); ; {
		left := time.Until(end)
		if left <= 0 {
			t.s.t.Fatal("waited in vain for a frame")
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		n, err := unix.Read(t.fd, room)
		t.s.must(err)
		if want(room[:n]) {
			return bytes.Clone(room[:n])
		}
	}
}

// hear returns the next n packets of a wire.
func hear(t testing.TB, w *Wire, n int) []Packet {
	t.Helper()
	var all []Packet
	for end := time.Now().Add(patience); len(all) < n; {
		left := time.Until(end)
		if left <= 0 {
			t.Fatalf("heard %d of %d packets: %v", len(all), n, all)
		}
		w.Wait(left)
		all = append(all, drain(t, w)...)
	}
	return all
}

// drain returns copies of what is there.
func drain(t testing.TB, w *Wire) (all []Packet) {
	t.Helper()
	for {
		ps, err := w.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if ps == nil {
			return all
		}
		for _, p := range ps {
			p.Payload = bytes.Clone(p.Payload)
			all = append(all, p)
		}
	}
}

// advert makes a packet that says what it is.
func advert(link int, src, dst string, text string) Packet {
	return Packet{Link: link, Payload: []byte(text), Envelope: vrrp.Envelope{
		Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), TTL: vrrp.HopLimit,
	}}
}

func (p Packet) String() string {
	return fmt.Sprintf("link %d: %v > %v ttl %d: %q", p.Link, p.Envelope.Src, p.Envelope.Dst, p.Envelope.TTL, p.Payload)
}

// readProc reads a file of /proc as the calling thread's namespace has it.
func readProc(name string) ([]byte, error) { return os.ReadFile("/proc/thread-self/" + name) }

// noIPv6Addresses keeps the kernel from giving a link one of its own making.
func noIPv6Addresses(link string) error {
	return writeSysctl("net/ipv6/conf/"+link+"/addr_gen_mode", "1")
}

func writeSysctl(name, value string) error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) }
