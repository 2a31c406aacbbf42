package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// An AddressEvent is an address that came to a host or went.
type AddressEvent struct {
	At    time.Time // when the kernel's notice was read
	Addr  netip.Addr
	Added bool
}

// An AddressLog remembers how the addresses of a host change.
type AddressLog struct {
	mu     sync.Mutex
	events []AddressEvent
	err    error
}

// WatchAddresses follows the addresses of the host until the lab closes.
func (h *Host) WatchAddresses() (*AddressLog, error) {
	w := &AddressLog{}
	updates := make(chan netlink.AddrUpdate, 1024)
	err := h.Do(func() error {
		options := netlink.AddrSubscribeOptions{
			ErrorCallback:     w.fail, // called when h.done closes, too, but then nobody asks
			ReceiveBufferSize: 32 << 20, ReceiveBufferForceSize: true,
		}
		err := netlink.AddrSubscribeWithOptions(updates, h.done, options)
		if errors.Is(err, unix.EPERM) { // in a user namespace: what the limit allows must do
			options.ReceiveBufferForceSize = false
			err = netlink.AddrSubscribeWithOptions(updates, h.done, options)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("watch the addresses of %s: %w", h.Name, err)
	}
	go func() {
		for u := range updates {
			ip, _ := netip.AddrFromSlice(u.LinkAddress.IP)
			e := AddressEvent{At: time.Now(), Addr: ip.Unmap(), Added: u.NewAddr}
			w.mu.Lock()
			w.events = append(w.events, e)
			w.mu.Unlock()
		}
	}()
	return w, nil
}

func (w *AddressLog) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
}

// Events returns what was seen so far; the error says that some of it may be
// missing.
func (w *AddressLog) Events() ([]AddressEvent, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events), w.err
}
