package netif

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Announce tells the neighbours who has an address, by gratuitous ARP and
// unsolicited neighbour advertisements, in the given order and in few system
// calls. One that cannot leave does not keep back the others. It returns nil if
// all have left, else one error for each, nil for those that have, like
// "announce 192.0.2.1 on eth0: network is down".
func (h *Host) Announce(as []Announcement) []error {
	var errs []error
	h.frames.send(as, func(i int, err error) {
		if errs == nil {
			errs = make([]error, len(as))
		}
		errs[i] = fmt.Errorf("announce %v on %s: %w", as[i].Addr, h.nameOf(as[i].Link), err)
	})
	return errs
}

// frames is a packet socket that sends on all links and receives nothing.
type frames struct {
	mu      sync.Mutex
	fd      int
	numbers [sendBatch]int // of the announcement in each message
	frameBatch
}

func openFrames() (*frames, error) {
	fd, err := openSocket(unix.AF_PACKET, unix.SOCK_RAW, 0) // protocol 0: receives nothing
	if err != nil {
		return nil, err
	}
	setSendBuffer(fd, sendBuffer)
	f := &frames{fd: fd}
	f.prepare()
	return f, nil
}

// send sends announcements and calls fail for those that cannot leave.
func (f *frames) send(as []Announcement, fail func(i int, err error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for i, a := range as {
		b, err := a.frame()
		if err != nil {
			fail(i, err)
			continue
		}
		f.numbers[n] = i
		f.load(n, b, a.Link)
		if n++; n == sendBatch {
			f.flush(n, fail)
			n = 0
		}
	}
	f.flush(n, fail)
}

// flush sends the first n messages.
func (f *frames) flush(n int, fail func(i int, err error)) {
	for i := 0; i < n; {
		left, err := sendmmsg(f.fd, f.messages[i:n], 0)
		if err != nil {
			fail(f.numbers[i], err)
			i++
			continue
		}
		i += left
	}
}

func (f *frames) close() error { return closeSocket(&f.fd) }
