package netiftest

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"regent/netif"
)

// A Host stands for *netif.Host, and records what is asked of it.
type Host struct {
	name string
	wire *Wire

	mu        sync.Mutex
	last      int // index of the newest link
	links     []*link
	watches   []*watch
	refuse    func(netif.Change) error
	pace      time.Duration
	changes   []Change
	announced []Announcement
	routes    []netif.RouteChange // all that were asked for
	rules     []netif.RuleChange
	held      paths
	routed    map[string]int // links of routes, by the names that they had
	filtered  map[netif.Refusal]bool
	seats     []netif.Seat
	losses    chan []netif.Loss
	promoted  map[int]int // by link
	unset     error       // of all settings
	unpathed  error       // of all routes and rules
	untabled  error       // of all tables of the firewall
}

// A link is a host's place on a segment. The host's lock guards it.
type link struct {
	host    *Host
	segment *Segment
	parent  int // index of the link below a device; 0: it is none
	state   netif.Link
	fell    bool               // it was down since the watch looked last
	groups  map[netip.Addr]int // how often each was joined
}

// A Change is one that the host was asked for, and its outcome.
type Change struct {
	At time.Time
	netif.Change
	Err error
}

// An Announcement is one that left the host.
type Announcement struct {
	At time.Time
	netif.Announcement
}

func newHost(name string) *Host {
	h := &Host{name: name, losses: make(chan []netif.Loss), routed: map[string]int{}}
	h.wire = &Wire{host: h, signal: make(chan struct{}, 1)}
	return h
}

// String returns the host's name.
func (h *Host) String() string { return h.name }

// Wire returns the host's wire; there is one.
func (h *Host) Wire() *Wire { return h.wire }

// Attach gives the host one more link, up and running, with addresses that
// are not of regent's making. It returns the link's index, which is new.
func (h *Host) Attach(s *Segment, name string, mac net.HardwareAddr, addrs ...netip.Prefix) (index int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.attach(s, name, mac, addrs...).state.Index
}

func (h *Host) attach(s *Segment, name string, mac net.HardwareAddr, addrs ...netip.Prefix) *link {
	h.last++
	l := &link{host: h, segment: s, groups: map[netip.Addr]int{}, state: netif.Link{
		Index: h.last, Name: name, Up: true, Running: true, Multicast: true, MTU: 1500, MAC: mac,
	}}
	for _, a := range addrs {
		l.state.Addresses = append(l.state.Addresses, netif.LinkAddress{Prefix: a})
	}
	h.links = append(h.links, l)
	s.attach(l)
	h.changed()
	return l
}

// Remove takes a link away, as if its device were deleted, and with it the
// devices on it.
func (h *Host) Remove(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.named(name)
	if l == nil {
		return
	}
	h.links = slices.DeleteFunc(h.links, func(x *link) bool {
		gone := x == l || x.parent == l.state.Index
		if gone {
			x.segment.detach(x)
			h.held.leave(x.state.Index)
		}
		return gone
	})
	h.changed()
}

// Adjust changes the state of a link, for example whether it is Up. One that
// goes down loses routes, and the IPv6 addresses that are of regent's making.
func (h *Host) Adjust(name string, adjust func(*netif.Link)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.named(name)
	if l == nil {
		return
	}
	wasUp := l.state.Up
	adjust(&l.state)
	if wasUp && !l.state.Up {
		l.fell = true
		h.held.leave(l.state.Index)
		l.state.Addresses = slices.DeleteFunc(slices.Clone(l.state.Addresses),
			func(a netif.LinkAddress) bool { return a.Ours && a.Prefix.Addr().Is6() })
	}
	h.changed()
}

// SetUp takes a link down, or up with its carrier.
func (h *Host) SetUp(name string, up bool) {
	h.Adjust(name, func(l *netif.Link) { l.Up, l.Running = up, up })
}

// Refuse makes changes fail for which the function returns an error.
func (h *Host) Refuse(refuse func(netif.Change) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = refuse
}

// Slow makes each change of an address take a while.
func (h *Host) Slow(each time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pace = each
}

// Has tells whether the host has an address on any link.
func (h *Host) Has(a netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.ContainsFunc(h.links, func(l *link) bool { return l.has(a) })
}

// Changes returns the changes so far, in order.
func (h *Host) Changes() []Change {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.changes)
}

// Announcements returns the announcements so far, in order.
func (h *Host) Announcements() []Announcement {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.announced)
}

// Links does what netif.Host.Links does.
func (h *Host) Links() ([]netif.Link, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.snapshot(), nil
}

// Change does what netif.Host.Change does.
func (h *Host) Change(changes []netif.Change) []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for i, c := range changes {
		if h.pace > 0 {
			h.mu.Unlock()
			time.Sleep(h.pace)
			h.mu.Lock()
		}
		err := h.change(c)
		h.changes = append(h.changes, Change{time.Now(), c, err})
		if err != nil {
			if errs == nil {
				errs = make([]error, len(changes))
			}
			errs[i] = err
		}
	}
	h.changed()
	return errs
}

func (h *Host) change(c netif.Change) error {
	l := h.index(c.Link)
	if h.refuse != nil {
		if err := h.refuse(c); err != nil {
			return err
		}
	}
	addr := c.Address.Prefix.Addr()
	switch {
	case l == nil && !c.Remove:
		return fmt.Errorf("add %v to link %d: %w", c.Address.Prefix, c.Link, fs.ErrNotExist)
	case l == nil: // gone already
	case c.Remove:
		l.state.Addresses = slices.DeleteFunc(slices.Clone(l.state.Addresses),
			func(a netif.LinkAddress) bool { return a.Prefix == c.Address.Prefix })
	case !l.has(addr):
		l.state.Addresses = append(slices.Clone(l.state.Addresses), netif.LinkAddress{
			Prefix: c.Address.Prefix, Peer: c.Address.Peer, Ours: true,
		})
	}
	return nil
}

// WatchLosses reports what Lose takes away, until ctx ends.
func (h *Host) WatchLosses(ctx context.Context, report func([]netif.Loss)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case losses := <-h.losses:
			report(losses)
		}
	}
}

// Lose lets somebody else remove routes or rules. A watch must be under way.
func (h *Host) Lose(losses ...netif.Loss) { h.losses <- losses }

// Announce does what netif.Host.Announce does, but nobody listens.
func (h *Host) Announce(as []netif.Announcement) (errs []error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, a := range as {
		if l := h.index(a.Link); l == nil || !l.state.Up {
			if errs == nil {
				errs = make([]error, len(as))
			}
			errs[i] = fmt.Errorf("announce %v on link %d: network is down", a.Addr, a.Link)
			continue
		}
		h.announced = append(h.announced, Announcement{time.Now(), a})
	}
	return errs
}

// A watch wakes one Watch.
type watch struct{ signal chan struct{} }

// Watch does what netif.Host.Watch does.
func (h *Host) Watch(ctx context.Context, report func([]netif.Link)) error {
	w := &watch{make(chan struct{}, 1)}
	h.mu.Lock()
	h.watches = append(h.watches, w)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.watches = slices.DeleteFunc(h.watches, func(x *watch) bool { return x == w })
		h.mu.Unlock()
	}()
	known, _ := h.look()
	report(known) // also when there are none
	for {
		now, fell := h.look()
		if changed := difference(known, now, fell); len(changed) > 0 {
			report(changed)
		}
		known = now
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.signal:
		}
	}
}

// look returns the links, and which of them were down since the last look.
func (h *Host) look() (links []netif.Link, fell map[int]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fell = map[int]bool{}
	for _, l := range h.links {
		fell[l.state.Index], l.fell = l.fell, false
	}
	return h.snapshot(), fell
}

// difference returns the links that are gone, then those that are not as they
// were, or were not.
func difference(before, now []netif.Link, fell map[int]bool) (changed []netif.Link) {
	for _, b := range before {
		if !slices.ContainsFunc(now, func(n netif.Link) bool { return n.Index == b.Index }) {
			changed = append(changed, netif.Link{Index: b.Index, Name: b.Name, Gone: true})
		}
	}
	for _, n := range now {
		n.Fell = fell[n.Index] && n.Up && slices.ContainsFunc(before, func(b netif.Link) bool { return b.Index == n.Index && b.Up })
		if !slices.ContainsFunc(before, func(b netif.Link) bool { return reflect.DeepEqual(b, n) }) {
			changed = append(changed, n)
		}
	}
	return changed
}

// changed wakes all watches. Like the functions below it wants the lock held.
func (h *Host) changed() {
	for _, w := range h.watches {
		select {
		case w.signal <- struct{}{}:
		default:
		}
	}
}

func (h *Host) snapshot() (links []netif.Link) {
	for _, l := range h.links {
		s := l.state
		s.Addresses = slices.Clone(s.Addresses)
		links = append(links, s)
	}
	return links
}

func (h *Host) named(name string) *link {
	return h.find(func(l *link) bool { return l.state.Name == name })
}

func (h *Host) index(index int) *link {
	return h.find(func(l *link) bool { return l.state.Index == index })
}

func (h *Host) find(is func(*link) bool) *link {
	if i := slices.IndexFunc(h.links, is); i >= 0 {
		return h.links[i]
	}
	return nil
}

func (l *link) has(a netip.Addr) bool {
	return slices.ContainsFunc(l.state.Addresses, func(x netif.LinkAddress) bool { return x.Prefix.Addr() == a })
}

// toward returns the link that is in a network with an address.
func (h *Host) toward(a netip.Addr) *link {
	for _, l := range h.links {
		if slices.ContainsFunc(l.state.Addresses, func(x netif.LinkAddress) bool { return x.Prefix.Masked().Contains(a) }) {
			return l
		}
	}
	return nil
}

// hear gives the host's wire a packet that it listens to.
func (h *Host) hear(l *link, p netif.Packet) {
	h.mu.Lock()
	dst := p.Envelope.Dst
	listens := l.state.Up && l.state.Running && (l.has(dst) || l.groups[dst] > 0)
	p.Link = l.state.Index
	h.mu.Unlock()
	if listens {
		p.MAC = nil
		h.wire.take(p)
	}
}
