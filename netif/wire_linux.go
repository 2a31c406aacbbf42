package netif

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A Wire is where adverts leave and arrive: one receive and one send socket a
// family for all links of a network namespace. The kernel says on which link a
// packet came, and takes the outgoing link the same way.
//
// Wake, Join and Leave may be called from any goroutine; all else belongs to
// one goroutine that has locked its OS thread.
type Wire struct {
	in     [2]*inbox  // IPv4, IPv6
	out    [2]*outbox // IPv4, IPv6
	frames *framebox
	next   int // the family that Receive asks first
	poll   [4]unix.PollFd
	event  *os.File // an eventfd, readable after Wake
	woken  atomic.Bool
	alarm  alarm
	groups *groups
	counts WireCounts
	drops  []Drop
}

// WireCounts counts what the wire itself knows, since it was opened.
type WireCounts struct {
	Received  uint64 // packets handed out by Receive
	Malformed uint64 // dropped: no IP datagram
	Overflows uint64 // dropped by the kernel: the receive buffer was full
	Sent      uint64 // packets that left
	Dropped   uint64 // packets that could not leave
}

// OpenWire opens the sockets in the network namespace of the calling thread.
// The receive buffer has the given size in bytes for each family; it must hold
// what arrives while the loop is held up. Without IPv6 in the kernel the wire
// works for IPv4.
func OpenWire(receiveBuffer int) (*Wire, error) {
	w := &Wire{in: [2]*inbox{newInbox(IPv4), newInbox(IPv6)}, out: [2]*outbox{newOutbox(IPv4), newOutbox(IPv6)},
		frames: newFramebox(), alarm: alarm{fd: -1}}
	if err := w.open(receiveBuffer); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *Wire) open(receiveBuffer int) error {
	for i := range w.in {
		err := w.in[i].open(receiveBuffer)
		if errors.Is(err, unix.EAFNOSUPPORT) && w.in[i].family == IPv6 {
			continue
		}
		if err == nil {
			err = w.out[i].open()
		}
		if err != nil {
			return privilege("opening raw sockets", "CAP_NET_RAW", err)
		}
	}
	if err := w.frames.open(); err != nil {
		return privilege("opening packet sockets", "CAP_NET_RAW", err)
	}
	// Blocking, so that os.File leaves it out of the runtime's poller: only
	// Wait ever waits for it.
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("open eventfd: %w", err)
	}
	w.event = os.NewFile(uintptr(fd), "eventfd")
	if err := w.alarm.open(); err != nil {
		return err
	}
	w.poll = [...]unix.PollFd{
		{Fd: int32(w.in[0].fd), Events: unix.POLLIN},
		{Fd: int32(w.in[1].fd), Events: unix.POLLIN},
		{Fd: int32(fd), Events: unix.POLLIN},
		{Fd: int32(w.alarm.fd), Events: unix.POLLIN},
	}
	w.groups, err = newGroups()
	return err
}

// Wait returns when packets may be waiting, when Wake was called since the
// last Wait, or when the timeout is over; a negative one never is.
//
// It waits in ppoll, because the runtime's own poller counts in milliseconds,
// and for a timer of its own, because ppoll may be late by a thousandth of its
// timeout.
func (w *Wire) Wait(timeout time.Duration) {
	var until *unix.Timespec // as long as it takes
	switch {
	case timeout == 0:
		until = &unix.Timespec{}
	case timeout > 0:
		w.alarm.set(timeout)
	}
	for {
		if _, err := unix.Ppoll(w.poll[:], until, nil); err != unix.EINTR {
			break
		}
	}
	for i, in := range w.in {
		in.drained = w.poll[i].Revents == 0
	}
	if w.poll[2].Revents != 0 {
		var count [8]byte
		_, _ = w.event.Read(count[:])
		// Only after the read: a Wake in between finds the flag still up and
		// need not write, because this Wait is about to return.
		w.woken.Store(false)
	}
	if w.poll[3].Revents != 0 {
		w.alarm.clear()
	}
}

// Wake ends the present Wait, or else the next one. It costs a system call
// only the first time before each Wait.
func (w *Wire) Wake() {
	if w.woken.CompareAndSwap(false, true) {
		_, _ = w.event.Write([]byte{7: 1}) // fails after Close only
	}
}

// Recheck lets Receive look at both families again, also at one that was empty
// when Wait returned. That can be long ago for a process that was held up.
func (w *Wire) Recheck() {
	for _, in := range w.in {
		in.drained = false
	}
}

// Receive returns a batch of packets, or nil when none is left. It never
// blocks and does not allocate. The packets are valid until the next call.
//
// It sees what had arrived when Wait returned, and after a Recheck all that
// arrived before that. A family that has answered with less than a full batch is
// then left alone until the next Wait.
func (w *Wire) Receive() ([]Packet, error) {
	for range w.in {
		in := w.in[w.next]
		w.next ^= 1 // neither family can starve the other
		packets, err := in.receive(&w.counts)
		if err != nil {
			return nil, fmt.Errorf("receive adverts: %w", err)
		}
		if len(packets) > 0 {
			w.counts.Received += uint64(len(packets))
			return packets, nil
		}
	}
	return nil, nil
}

// Queue copies a packet for the next Flush. An envelope without a TTL gets
// 255, an IPv4 one without a source the kernel's choice, and a packet without
// a link goes where the routing table says.
func (w *Wire) Queue(p Packet) {
	number := len(w.out[0].parcels) + len(w.out[1].parcels) + len(w.frames.parcels)
	switch {
	case p.framed():
		w.frames.queue(p, number)
	case p.Envelope.Dst.Is4():
		w.out[0].queue(p, number)
	default:
		w.out[1].queue(p, number)
	}
}

// Flush sends what was queued: each family in the order of Queue, and packets
// with a MAC of their own last. What cannot leave at once is dropped: the next
// advert is due soon.
func (w *Wire) Flush() (sent, dropped int) {
	w.drops = w.drops[:0]
	queued := len(w.out[0].parcels) + len(w.out[1].parcels) + len(w.frames.parcels)
	for _, out := range w.out {
		w.drops = out.flush(w.drops)
	}
	w.drops = w.frames.flush(w.drops)
	sent = queued - len(w.drops)
	w.counts.Sent += uint64(sent)
	w.counts.Dropped += uint64(len(w.drops))
	return sent, len(w.drops)
}

// Drops tells which packets the last Flush dropped, and why. It is valid until
// the next Flush.
func (w *Wire) Drops() []Drop { return w.drops }

// Counts returns the wire's counters.
func (w *Wire) Counts() WireCounts { return w.counts }

// Close closes all sockets, which leaves all groups. Only Wake may still be
// called, and does nothing.
func (w *Wire) Close() error {
	var errs []error
	for i := range w.in {
		errs = append(errs, closeSocket(&w.in[i].fd), closeSocket(&w.out[i].fd))
	}
	errs = append(errs, closeSocket(&w.frames.fd), w.alarm.close())
	if w.event != nil {
		errs = append(errs, w.event.Close())
	}
	if w.groups != nil {
		errs = append(errs, w.groups.close())
	}
	return errors.Join(errs...)
}
