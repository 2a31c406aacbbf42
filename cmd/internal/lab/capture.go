package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
	"unsafe"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"golang.org/x/sys/unix"
)

// A Frame is one Ethernet frame, stamped by the kernel when it arrived.
type Frame struct {
	At   time.Time
	Data []byte
	Out  bool // it left by the interface that is listened to
}

// A Capture listens to a segment or an interface. It keeps what matters to
// VRRP: adverts, ARP, and neighbour discovery.
type Capture struct {
	file *os.File
	keep func(frame []byte) bool
	done chan struct{}

	mu     sync.Mutex
	frames []Frame
}

// Capture listens to everything that crosses a segment, from now on. The
// segment exists once a port is attached to it.
func (l *Lab) Capture(segment string) (*Capture, error) { return l.fabric.Capture(segment) }

// Capture listens to an interface of the host, both directions, from now on.
func (h *Host) Capture(ifname string) (*Capture, error) { return h.CaptureOnly(ifname, relevant) }

// CaptureOnly listens like Capture and keeps the frames that keep asks for.
func (h *Host) CaptureOnly(ifname string, keep func(frame []byte) bool) (*Capture, error) {
	c := &Capture{keep: keep, done: make(chan struct{})}
	err := h.Do(func() (err error) {
		c.file, err = listen(ifname)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("capture %s on %s: %w", ifname, h.Name, err)
	}
	h.lab.mu.Lock()
	h.lab.captures = append(h.lab.captures, c)
	h.lab.mu.Unlock()
	go c.read()
	return c, nil
}

// listen opens a packet socket for all frames of an interface.
func listen(ifname string) (*os.File, error) {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, err
	}
	all := htons(unix.ETH_P_ALL)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "packet:"+ifname)
	steps := []struct {
		name string
		do   func() error
	}{
		{"set receive buffer", func() error {
			// More than net.core.rmem_max where it is allowed; the limit where not.
			if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20) == nil {
				return nil
			}
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<20)
		}},
		{"ask for time stamps", func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }},
		{"set promiscuous", func() error {
			return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
				&unix.PacketMreq{Ifindex: int32(ifi.Index), Type: unix.PACKET_MR_PROMISC})
		}},
		{"bind", func() error { return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifi.Index}) }},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			file.Close()
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return file, nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// read keeps frames until the socket is closed.
func (c *Capture) read() {
	defer close(c.done)
	raw, err := c.file.SyscallConn()
	if err != nil {
		return
	}
	buf, control := make([]byte, 64<<10), make([]byte, 256)
	for {
		var n, nc int
		var from unix.Sockaddr
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			n, nc, _, from, rerr = unix.Recvmsg(int(fd), buf, control, 0)
			return !errors.Is(rerr, unix.EAGAIN)
		})
		if err != nil || errors.Is(rerr, unix.EBADF) {
			return
		}
		if rerr != nil || !c.keep(buf[:n]) {
			continue // ENETDOWN, when the interface goes down, is not the end
		}
		f := Frame{At: stamp(control[:nc]), Data: append([]byte(nil), buf[:n]...)}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok {
			f.Out = ll.Pkttype == unix.PACKET_OUTGOING
		}
		c.mu.Lock()
		c.frames = append(c.frames, f)
		c.mu.Unlock()
	}
}

// stamp finds the kernel's time in the control messages of a frame.
func stamp(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			ts := *(*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			return time.Unix(ts.Unix())
		}
	}
	return time.Now()
}

// Frames returns what was captured so far.
func (c *Capture) Frames() []Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames[:len(c.frames):len(c.frames)]
}

// Clear forgets what was captured so far.
func (c *Capture) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frames = nil
}

// Close ends the capture; what it holds stays.
func (c *Capture) Close() {
	c.file.Close()
	<-c.done
}

// Save writes the frames for which keep is true (nil: all) as a pcap file.
func (c *Capture) Save(path string, keep func(Frame) bool) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("save capture: %w", err)
	}
	defer f.Close()
	w := pcapgo.NewWriterNanos(f)
	if err := w.WriteFileHeader(64<<10, layers.LinkTypeEthernet); err != nil {
		return fmt.Errorf("save capture to %s: %w", path, err)
	}
	for _, fr := range c.Frames() {
		if keep != nil && !keep(fr) {
			continue
		}
		ci := gopacket.CaptureInfo{Timestamp: fr.At, CaptureLength: len(fr.Data), Length: len(fr.Data)}
		if err := w.WritePacket(ci, fr.Data); err != nil {
			return fmt.Errorf("save capture to %s: %w", path, err)
		}
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("save capture to %s: %w", path, err)
	}
	return nil
}
