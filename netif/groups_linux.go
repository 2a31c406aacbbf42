package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// groups holds the memberships of a wire. They hang on sockets of their own,
// the holders, which receive nothing: a socket may be in a limited number of
// groups only (igmp_max_memberships, 20 by default), while the wire's one
// receive socket hears what any of them has joined.
type groups struct {
	mu      sync.Mutex
	home    *namespace
	holders map[Family][]*holder
	members map[membership]*member
}

// A membership is what the kernel knows: this link listens to this group.
type membership struct {
	link  int
	group netip.Addr
}

// A member counts who wants a membership, and remembers which socket has it.
type member struct {
	holder *holder
	users  int
}

// A holder is a socket with memberships.
type holder struct {
	fd      int
	members int
	full    int // the members it had when the kernel refused one more; 0: never
}

func newGroups() (*groups, error) {
	home, err := currentNamespace()
	if err != nil {
		return nil, err
	}
	return &groups{home: home, holders: map[Family][]*holder{}, members: map[membership]*member{}}, nil
}

// Join makes a link listen to a group. Each Join wants a Leave; the link stays
// in the group until the last one. It waits for the kernel's routing lock, so
// the loop never calls it.
func (w *Wire) Join(link int, group netip.Addr) error {
	g := w.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	key := membership{link, group}
	if m := g.members[key]; m != nil {
		m.users++
		return nil
	}
	h, err := g.join(key)
	if err != nil {
		return fmt.Errorf("join %v on link %d: %w", group, link, err)
	}
	g.members[key] = &member{holder: h, users: 1}
	return nil
}

// Leave ends what Join began. A link that is gone must be left too, else a new
// one that gets its index would be taken for a member.
func (w *Wire) Leave(link int, group netip.Addr) error {
	g := w.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	key := membership{link, group}
	m := g.members[key]
	if m == nil {
		return fmt.Errorf("leave %v on link %d: not joined", group, link)
	}
	if m.users--; m.users > 0 {
		return nil
	}
	delete(g.members, key)
	m.holder.members--
	if err := m.holder.leave(key); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("leave %v on link %d: %w", group, link, err)
	}
	return nil
}

// join finds or opens a holder with room.
func (g *groups) join(key membership) (*holder, error) {
	family := FamilyOf(key.group)
	for _, h := range g.holders[family] {
		if h.full > 0 && h.members >= h.full {
			continue
		}
		err := h.join(key)
		if err == nil {
			return h, nil
		}
		if !tooMany(err) {
			return nil, err
		}
		h.full = h.members
	}
	h, err := g.open(family)
	if err != nil {
		return nil, err
	}
	if err := h.join(key); err != nil {
		return nil, errors.Join(err, unix.Close(h.fd))
	}
	g.holders[family] = append(g.holders[family], h)
	return h, nil
}

// tooMany tells whether a socket can have no more memberships: IPv4 counts
// them, IPv6 runs out of option memory.
func tooMany(err error) bool { return errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM) }

// open opens a holder where the wire was opened, whatever the namespace of
// the goroutine that joins. A UDP socket without a port receives nothing.
func (g *groups) open(family Family) (*holder, error) {
	domain := unix.AF_INET
	if family == IPv6 {
		domain = unix.AF_INET6
	}
	h := &holder{}
	err := g.home.run(func() (err error) {
		h.fd, err = openSocket(domain, unix.SOCK_DGRAM, 0)
		return err
	})
	return h, err
}

func (h *holder) join(key membership) error {
	err := h.set(key, unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP)
	if err == nil {
		h.members++
	}
	return err
}

func (h *holder) leave(key membership) error {
	return h.set(key, unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
}

func (h *holder) set(key membership, option4, option6 int) error {
	if key.group.Is4() {
		return unix.SetsockoptIPMreqn(h.fd, unix.SOL_IP, option4,
			&unix.IPMreqn{Multiaddr: key.group.As4(), Ifindex: int32(key.link)})
	}
	return unix.SetsockoptIPv6Mreq(h.fd, unix.SOL_IPV6, option6,
		&unix.IPv6Mreq{Multiaddr: key.group.As16(), Interface: uint32(key.link)})
}

func (g *groups) close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var errs []error
	for _, hs := range g.holders {
		for _, h := range hs {
			errs = append(errs, closeSocket(&h.fd))
		}
	}
	g.holders, g.members = map[Family][]*holder{}, map[membership]*member{}
	return errors.Join(append(errs, g.home.close())...)
}
