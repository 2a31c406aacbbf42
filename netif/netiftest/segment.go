// Package netiftest is a network in memory for the tests of the daemon. Its
// wires and hosts have the methods of those of netif; what happens on it
// happens at once, and time is that of the caller, so that whole daemons run
// in the virtual time of a testing/synctest bubble.
package netiftest

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"regent/netif"
)

// A Segment is one broadcast domain. Make it inside the bubble that uses it.
type Segment struct {
	mu      sync.Mutex
	ports   []*link
	lose    func(from, to *Host, p netif.Packet) bool
	cut     map[[2]*Host]bool
	adverts []Advert
}

// An Advert is a packet that a host sent, also if nobody heard it.
type Advert struct {
	At   time.Time
	From *Host
	netif.Packet
}

// NewSegment returns a segment without hosts, loss or cuts.
func NewSegment() *Segment {
	return &Segment{cut: map[[2]*Host]bool{}}
}

// NewHost attaches a new host by a link "eth0" of index 1, which is up.
func (s *Segment) NewHost(name string, mac net.HardwareAddr, addrs ...netip.Prefix) *Host {
	h := newHost(name)
	h.Attach(s, "eth0", mac, addrs...)
	return h
}

// Lose decides for each packet and each who might hear it whether it is lost.
// A nil function loses none. It must not call back into the segment.
func (s *Segment) Lose(lose func(from, to *Host, p netif.Packet) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = lose
}

// Partition splits the segment: only hosts of the same side hear each other,
// and those on no side hear everyone. It replaces an earlier partition.
func (s *Segment) Partition(sides ...[]*Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.cut)
	for i, side := range sides {
		for _, other := range slices.Concat(sides[i+1:]...) {
			for _, h := range side {
				s.cut[[2]*Host{h, other}] = true
				s.cut[[2]*Host{other, h}] = true
			}
		}
	}
}

// Heal ends a partition.
func (s *Segment) Heal() { s.Partition() }

// Adverts returns everything that was sent so far, in order.
func (s *Segment) Adverts() []Advert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.adverts)
}

// Inject delivers a packet as if a stranger on the segment had sent it.
func (s *Segment) Inject(p netif.Packet) { s.deliver(nil, p) }

// deliver hands a packet to all who hear it. The link in it is the sender's.
func (s *Segment) deliver(from *Host, p netif.Packet) {
	s.mu.Lock()
	p.Payload = bytes.Clone(p.Payload)
	if from != nil {
		s.adverts = append(s.adverts, Advert{At: time.Now(), From: from, Packet: p})
	}
	var ears []*link
	for _, to := range s.ports {
		if to.host == from || s.cut[[2]*Host{from, to.host}] || s.lose != nil && s.lose(from, to.host, p) {
			continue
		}
		ears = append(ears, to)
	}
	s.mu.Unlock()
	for _, to := range ears { // without the lock: a host locks itself, then the segment
		to.host.hear(to, p)
	}
}

func (s *Segment) attach(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports = append(s.ports, l)
}

func (s *Segment) detach(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports = slices.DeleteFunc(s.ports, func(x *link) bool { return x == l })
}
