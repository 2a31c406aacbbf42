package netif

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// A refusal quotes no request (NETLINK_CAP_ACK) and so takes about 1 KiB of
	// the receive buffer: this many fit its default of 208 KiB whatever fails.
	netlinkBatch = 128

	netlinkBuffer = 4 << 20  // bytes
	dumpRoom      = 32 << 10 // bytes: as much as the kernel puts into one datagram of a dump
	dumpTries     = 10

	attributeKind = 0x3FFF // NLA_TYPE_MASK: the type without its two flags
)

// A conn is a netlink socket for requests, one at a time. The kernel answers
// while it takes a request, so an answer never has to be waited for.
type conn struct {
	mu   sync.Mutex
	fd   int
	seq  uint32
	room []byte // for an answer; a takeover of hundreds of routers reads as many
}

// A message is what the kernel says: the header's type and what follows.
type message struct {
	kind uint16
	data []byte
}

func openConn() (*conn, error) {
	fd, err := openSocket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE,
		option{level: unix.SOL_NETLINK, name: unix.NETLINK_CAP_ACK, value: 1, optional: true},
		option{level: unix.SOL_NETLINK, name: unix.NETLINK_GET_STRICT_CHK, value: 1, optional: true})
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	setReceiveBuffer(fd, netlinkBuffer)
	// Should an answer be missing all the same, an error beats a hang.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5})
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, errors.Join(fmt.Errorf("bind netlink socket: %w", err), unix.Close(fd))
	}
	return &conn{fd: fd, room: make([]byte, dumpRoom)}, nil
}

// request builds a message with the present sequence number.
func (c *conn) request(kind, flags int, parts ...nl.NetlinkRequestData) []byte {
	r := nl.NewNetlinkRequest(kind, flags)
	r.Seq = c.seq
	for _, p := range parts {
		r.AddData(p)
	}
	return r.Serialize()
}

func (c *conn) send(b []byte) error {
	return unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// receive returns the next datagram, which is valid until the next call. With
// room for a datagram of a dump nothing is ever cut.
func (c *conn) receive() ([]byte, error) {
	for {
		n, from, err := unix.Recvfrom(c.fd, c.room, unix.MSG_TRUNC)
		switch sender, ok := from.(*unix.SockaddrNetlink); {
		case err == unix.EINTR || ok && sender.Pid != 0: // only the kernel is believed
		case err != nil:
			return nil, err
		case n > len(c.room):
			return nil, unix.EMSGSIZE
		default:
			return c.room[:n], nil
		}
	}
}

// get asks for one object.
func (c *conn) get(kind int, parts ...nl.NetlinkRequestData) (message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	if err := c.send(c.request(kind, 0, parts...)); err != nil {
		return message{}, err
	}
	for {
		b, err := c.receive()
		if err != nil {
			return message{}, err
		}
		for h, data := range messages(b) {
			if h.Seq != c.seq {
				continue
			}
			if h.Type == unix.NLMSG_ERROR {
				return message{}, errorOf(data)
			}
			return message{h.Type, bytes.Clone(data)}, nil
		}
	}
}

// do has the kernel carry out one request.
func (c *conn) do(kind int, parts ...nl.NetlinkRequestData) (refusal error) {
	c.batch(1, func(_, flags int) []byte { return c.request(kind, flags, parts...) },
		func(_ int, err error) { refusal = err })
	return refusal
}

// dump asks for a list. A list that changed while the kernel wrote it is asked
// for again; if it never rests, the last one must do.
func (c *conn) dump(kind int, parts ...nl.NetlinkRequestData) ([]message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for try := 1; ; try++ {
		list, interrupted, err := c.dumpOnce(kind, parts)
		if err != nil || !interrupted || try == dumpTries {
			return list, err
		}
	}
}

func (c *conn) dumpOnce(kind int, parts []nl.NetlinkRequestData) (list []message, interrupted bool, err error) {
	c.seq++
	if err := c.send(c.request(kind, unix.NLM_F_DUMP, parts...)); err != nil {
		return nil, false, err
	}
	for {
		b, err := c.receive()
		if err != nil {
			return nil, false, err
		}
		for h, data := range messages(bytes.Clone(b)) { // the list keeps it
			if h.Seq != c.seq {
				continue
			}
			interrupted = interrupted || h.Flags&unix.NLM_F_DUMP_INTR != 0
			switch h.Type {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				return list, interrupted, errorOf(data)
			default:
				list = append(list, message{h.Type, data})
			}
		}
	}
}

// batch has the kernel carry out n requests in order, few system calls in all,
// and calls refused for each that failed. build writes request i with flags, and
// its sequence number is replaced.
func (c *conn) batch(n int, build func(i int, flags int) []byte, refused func(i int, err error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for done := 0; done < n; {
		size := min(n-done, netlinkBatch)
		c.seq++
		var b []byte
		for i := range size {
			// The last one alone asks for an acknowledgement. The kernel works
			// in order and reports failures unasked, so it speaks for the rest.
			flags := 0
			if i == size-1 {
				flags = unix.NLM_F_ACK
			}
			request := build(done+i, flags)
			binary.NativeEndian.PutUint32(request[8:], c.seq+uint32(i))
			b = append(b, request...)
		}
		answered, err := c.exchange(b, size, func(i int, err error) { refused(done+i, err) })
		if err != nil {
			for i := answered; i < size; i++ {
				refused(done+i, err)
			}
		}
		c.seq += uint32(size - 1)
		done += size
	}
}

// exchange sends a batch of size requests that start at c.seq and reads until
// the last one is answered. It returns how many are known to be done with.
func (c *conn) exchange(b []byte, size int, refused func(i int, err error)) (answered int, err error) {
	if err := c.send(b); err != nil {
		return 0, err
	}
	for {
		b, err := c.receive()
		if err != nil {
			return answered, err
		}
		for h, data := range messages(b) {
			i := int(int32(h.Seq - c.seq))
			if h.Type != unix.NLMSG_ERROR || i < 0 || i >= size { // of an earlier batch
				continue
			}
			answered = i + 1
			if err := errorOf(data); err != nil {
				refused(i, err)
			}
			if answered == size {
				return answered, nil
			}
		}
	}
}

func (c *conn) close() error { return closeSocket(&c.fd) }

// errorOf returns the error in the body of NLMSG_ERROR or NLMSG_DONE; zero is
// an acknowledgement.
func errorOf(data []byte) error {
	if len(data) < 4 {
		return nil
	}
	if code := int32(binary.NativeEndian.Uint32(data)); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

// messages walks through a datagram from the kernel.
func messages(b []byte) iter.Seq2[unix.NlMsghdr, []byte] {
	return func(yield func(unix.NlMsghdr, []byte) bool) {
		for len(b) >= unix.SizeofNlMsghdr {
			h := *(*unix.NlMsghdr)(unsafe.Pointer(&b[0]))
			if h.Len < unix.SizeofNlMsghdr || int(h.Len) > len(b) {
				return
			}
			if !yield(h, b[unix.SizeofNlMsghdr:h.Len]) {
				return
			}
			b = b[min(len(b), align(int(h.Len))):]
		}
	}
}

// attributes walks through the attributes of a message.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			length := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) & attributeKind
			if length < unix.SizeofRtAttr || length > len(b) {
				return
			}
			if !yield(kind, b[unix.SizeofRtAttr:length]) {
				return
			}
			b = b[min(len(b), align(length)):]
		}
	}
}

// align rounds up to the four bytes that netlink counts in.
func align(n int) int { return (n + 3) &^ 3 }
