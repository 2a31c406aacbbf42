package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A Host is a network namespace and the thread that lives in it.
type Host struct {
	Name string

	lab  *Lab
	ns   netns.NsHandle
	work chan func()
	done chan struct{} // closed by close: no more work
	gone chan struct{} // closed when the thread has ended

	mu      sync.Mutex
	cables  map[string]cable // by the interface's name
	daemons int              // started so far, for the names of their files
}

var errClosed = errors.New("the lab is closed")

func newHost(l *Lab, name string) (*Host, error) {
	h := &Host{
		Name: name, lab: l,
		work: make(chan func()), done: make(chan struct{}), gone: make(chan struct{}),
		cables: make(map[string]cable),
	}
	ready := make(chan error, 1)
	go h.serve(ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return h, nil
}

// serve is the host's thread. It is locked for life and never unlocked: when
// the goroutine returns, the runtime ends the thread, and the namespace with it.
func (h *Host) serve(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The main thread cannot end before the process, and its namespace is
		// what /proc/self shows. While it is held here, the next goroutine
		// gets another one.
		next := make(chan error, 1)
		go h.serve(next)
		ready <- <-next
		runtime.UnlockOSThread()
		return
	}
	defer close(h.gone)
	ns, err := netns.New()
	if err != nil {
		if errors.Is(err, unix.EPERM) {
			err = ErrPrivilege
		}
		ready <- fmt.Errorf("create host %s: %w", h.Name, err)
		return
	}
	defer ns.Close()
	h.ns = ns
	ready <- nil
	for {
		select {
		case f := <-h.work:
			f()
		case <-h.done:
			return
		}
	}
}

// Do runs f on the host: sockets that f opens, netlink requests that it makes
// and programs that it starts belong to the host's network. Calls of Do wait
// for each other, so f must not call Do of the same host, nor runtime.Goexit
// (which is what t.Fatal does).
func (h *Host) Do(f func() error) error {
	result := make(chan error, 1)
	select {
	case h.work <- func() { result <- f() }:
		return <-result
	case <-h.done:
		return errClosed
	}
}

func (h *Host) close() {
	close(h.done)
	<-h.gone
}

// prepare brings the loopback up and switches off what would make the host
// speak or wait on its own: duplicate detection and router solicitations.
func (h *Host) prepare() error {
	for _, s := range [][2]string{
		{"net/ipv6/conf/all/accept_dad", "0"},
		{"net/ipv6/conf/default/accept_dad", "0"},
		{"net/ipv6/conf/default/router_solicitations", "0"},
	} {
		if err := h.Sysctl(s[0], s[1]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return h.Do(func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return fmt.Errorf("find lo on %s: %w", h.Name, err)
		}
		if err := netlink.LinkSetUp(lo); err != nil {
			return fmt.Errorf("set lo up on %s: %w", h.Name, err)
		}
		return nil
	})
}

// Sysctl writes a kernel setting of the host, by its path below /proc/sys;
// /proc/sys/net answers for the namespace of the thread that opens it.
func (h *Host) Sysctl(name, value string) error {
	return h.Do(func() error {
		if err := os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644); err != nil {
			return fmt.Errorf("set %s on %s: %w", name, h.Name, err)
		}
		return nil
	})
}

// Setting reads a kernel setting of the host, by its path below /proc/sys.
func (h *Host) Setting(name string) (value string, err error) {
	err = h.Do(func() error {
		b, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if err != nil {
			return fmt.Errorf("read %s on %s: %w", name, h.Name, err)
		}
		value = strings.TrimSpace(string(b))
		return nil
	})
	return value, err
}
