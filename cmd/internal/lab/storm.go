package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Storm sends frames from an interface without end, at a steady rate.
type Storm struct {
	cancel context.CancelFunc
	done   chan struct{}
	sent   int
	err    error
}

// Storm begins one: rate frames a second, what frame returns for each number
// from 0. It lasts until Stop or until ctx ends.
func (h *Host) Storm(ctx context.Context, ifname string, rate int, frame func(n int) []byte) (*Storm, error) {
	fd := -1
	err := h.withLink(ifname, "begin a storm on", func(link netlink.Link) (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return os.NewSyscallError("socket", err)
		}
		if err = unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: link.Attrs().Index}); err != nil {
			unix.Close(fd)
			return os.NewSyscallError("bind", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s := &Storm{done: make(chan struct{})}
	ctx, s.cancel = context.WithCancel(ctx)
	go func() {
		defer close(s.done)
		defer unix.Close(fd)
		s.err = s.blow(ctx, fd, rate, frame)
	}()
	return s, nil
}

// most is how much a storm may be behind its rate, in seconds. What it has not sent
// by then it need not: more at once would not fit into the kernel's queues.
const most = 0.05

// blow sends what is due each millisecond; what the kernel has no room for now
// comes a little later.
func (s *Storm) blow(ctx context.Context, fd, rate int, frame func(n int) []byte) error {
	begun, beat := time.Now(), time.NewTicker(time.Millisecond)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
		due := time.Since(begun).Seconds() * float64(rate)
		if behind := due - float64(s.sent) - most*float64(rate); behind > 0 {
			begun = begun.Add(time.Duration(behind / float64(rate) * float64(time.Second)))
			due -= behind
		}
		for ; s.sent < int(due); s.sent++ {
			_, err := unix.Write(fd, frame(s.sent))
			if errors.Is(err, unix.ENOBUFS) {
				break
			}
			if err != nil {
				return fmt.Errorf("send frame %d of a storm: %w", s.sent, err)
			}
		}
	}
}

// Stop ends the storm and returns how many frames it has sent.
func (s *Storm) Stop() (sent int, err error) {
	s.cancel()
	<-s.done
	return s.sent, s.err
}
