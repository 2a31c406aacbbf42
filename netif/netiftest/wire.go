package netiftest

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"regent/netif"
	"regent/vrrp"
)

// batch is how many packets Receive returns at most.
const batch = 64

// A Wire stands for *netif.Wire.
type Wire struct {
	host   *Host
	signal chan struct{} // room for one: packets or a Wake

	mu    sync.Mutex
	woken bool
	blind bool // the inbox was empty when Wait returned
	inbox []netif.Packet

	outbox []netif.Packet // of the loop alone, as are the drops
	drops  []netif.Drop

	// Lost is what the wire says that it has lost, for tests to set before the
	// daemon runs.
	Lost netif.WireCounts
}

// Counts does what netif.Wire.Counts does.
func (w *Wire) Counts() netif.WireCounts { return w.Lost }

// Wait does what netif.Wire.Wait does.
func (w *Wire) Wait(timeout time.Duration) {
	if w.ready() {
		return
	}
	var over <-chan time.Time
	if timeout >= 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		over = t.C
	}
	for {
		select {
		case <-over:
			w.ready()
			return
		case <-w.signal: // which may be an old one
			if w.ready() {
				return
			}
		}
	}
}

// ready tells whether there is something to return for, and forgets a Wake.
func (w *Wire) ready() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blind = len(w.inbox) == 0
	ready := w.woken || !w.blind
	w.woken = false
	return ready
}

// Wake does what netif.Wire.Wake does.
func (w *Wire) Wake() {
	w.mu.Lock()
	w.woken = true
	w.mu.Unlock()
	w.nudge()
}

func (w *Wire) nudge() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// take puts a packet into the inbox.
func (w *Wire) take(p netif.Packet) {
	w.mu.Lock()
	w.inbox = append(w.inbox, p)
	w.mu.Unlock()
	w.nudge()
}

// Recheck does what netif.Wire.Recheck does.
func (w *Wire) Recheck() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blind = false
}

// Receive does what netif.Wire.Receive does.
func (w *Wire) Receive() ([]netif.Packet, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.inbox), batch)
	if n == 0 || w.blind {
		return nil, nil
	}
	packets := w.inbox[:n:n]
	w.inbox = w.inbox[n:]
	return packets, nil
}

// Queue does what netif.Wire.Queue does.
func (w *Wire) Queue(p netif.Packet) {
	p.Payload = bytes.Clone(p.Payload)
	if p.Envelope.TTL == 0 {
		p.Envelope.TTL = vrrp.HopLimit
	}
	w.outbox = append(w.outbox, p)
}

// Flush does what netif.Wire.Flush does: what leaves a link that is down, or
// none, is dropped. A packet that names no link leaves by the first one that is
// in a network with its destination.
func (w *Wire) Flush() (sent, dropped int) {
	w.drops = w.drops[:0]
	for i, p := range w.outbox {
		w.host.mu.Lock()
		l := w.host.index(p.Link)
		if p.Link == 0 {
			l = w.host.toward(p.Envelope.Dst)
		}
		leaves := l != nil && l.state.Up
		w.host.mu.Unlock()
		if !leaves {
			w.drops = append(w.drops, netif.Drop{Packet: i, Link: p.Link, Err: syscall.ENETDOWN})
			continue
		}
		l.segment.deliver(w.host, p)
		sent++
	}
	w.outbox = nil
	return sent, len(w.drops)
}

// Drops does what netif.Wire.Drops does.
func (w *Wire) Drops() []netif.Drop { return w.drops }

// Join does what netif.Wire.Join does.
func (w *Wire) Join(index int, group netip.Addr) error {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	l := w.host.index(index)
	if l == nil {
		return fmt.Errorf("join %v on link %d: %w", group, index, fs.ErrNotExist)
	}
	l.groups[group]++
	return nil
}

// Leave does what netif.Wire.Leave does. A link that is gone has left already.
func (w *Wire) Leave(index int, group netip.Addr) error {
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	l := w.host.index(index)
	if l == nil {
		return nil
	}
	if l.groups[group] == 0 {
		return fmt.Errorf("leave %v on link %d: not joined", group, index)
	}
	l.groups[group]--
	return nil
}

// Close does nothing.
func (w *Wire) Close() error { return nil }
