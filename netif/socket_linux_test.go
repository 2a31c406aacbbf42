package netif

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"regent/vrrp"
)

// A send socket collects nothing, though its protocol is 255 and packets of
// that protocol may come.
func TestSendSocketsAreDeaf(t *testing.T) {
	p := newPair(t)
	var witness int
	p.b.do(func() (err error) {
		witness, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	defer unix.Close(witness)
	e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2"), TTL: 1}
	datagram := appendHeader(nil, e, 0)
	datagram[9] = unix.IPPROTO_RAW
	p.a.must(unix.Sendto(p.a.raw(unix.AF_INET), datagram, 0, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 2}}))
	room := make([]byte, 100)
	if _, err := unix.Read(witness, room); err != nil {
		t.Fatal(err)
	}
	if n, _, err := unix.Recvfrom(p.wb.out[0].fd, room, unix.MSG_DONTWAIT); err != unix.EAGAIN {
		t.Errorf("heard %d bytes, %v", n, err)
	}
}

// Missing privilege is one sentence that names the capability.
func TestMissingPrivilege(t *testing.T) {
	s := newSpace(t)
	for _, c := range []struct {
		name, want string
		keep       []uintptr
		open       func() error
	}{
		{"wire", "opening raw sockets needs the capability CAP_NET_RAW: socket: operation not permitted",
			[]uintptr{unix.CAP_NET_ADMIN}, func() error { _, err := OpenWire(1 << 16); return err }},
		{"host without raw", "opening packet sockets needs the capability CAP_NET_RAW: socket: operation not permitted",
			[]uintptr{unix.CAP_NET_ADMIN}, func() error { _, err := Open(nil); return err }},
		{"host without admin", "changing addresses needs the capability CAP_NET_ADMIN: operation not permitted",
			[]uintptr{unix.CAP_NET_RAW}, func() error { _, err := Open(nil); return err }},
	} {
		var refusal error
		s.do(func() error {
			if err := keepCapabilities(c.keep...); err != nil {
				return err
			}
			refusal = c.open()
			return nil
		})
		if refusal == nil || refusal.Error() != c.want {
			t.Errorf("%s: %q, want %q", c.name, refusal, c.want)
		}
	}
	s.do(func() error { // and no more than the two are needed
		if err := keepCapabilities(unix.CAP_NET_RAW, unix.CAP_NET_ADMIN); err != nil {
			return err
		}
		w, err := OpenWire(1 << 16)
		if err != nil {
			return err
		}
		h, err := Open(nil)
		if err != nil {
			return err
		}
		if err := h.Close(); err != nil {
			return err
		}
		return w.Close()
	})
}

// keepCapabilities drops all others from the calling thread.
func keepCapabilities(keep ...uintptr) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	for _, c := range keep {
		data[c/32].Effective |= 1 << (c % 32)
		data[c/32].Permitted |= 1 << (c % 32)
	}
	return unix.Capset(&header, &data[0])
}
