package bfd

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A door is where packets come in.
type door struct {
	ipv6 bool
	port uint16 // 3784; several hops: 4784
}

func doorOf(set Settings) door {
	d := door{ipv6: set.Neighbor.Is6(), port: 3784}
	if set.Multihop {
		d.port = 4784
	}
	return d
}

func (d door) network() string {
	if d.ipv6 {
		return "udp6"
	}
	return "udp4"
}

// An ear hears what comes in at a door.
type ear struct {
	door  door
	conn  *net.UDPConn
	users int // sessions, guarded by the speaker
}

func openEar(d door) (*ear, error) {
	conn, err := net.ListenUDP(d.network(), &net.UDPAddr{Port: int(d.port)})
	if err != nil {
		return nil, fmt.Errorf("listen on port %d: %w", d.port, cause(err))
	}
	return &ear{door: d, conn: conn}, nil
}

// listen hands on the packets that make sense until the socket is closed.
func (e *ear) listen(deliver func(door, letter)) {
	read := e.reader()
	buffer := make([]byte, 512)
	for {
		n, l, err := read(buffer)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(retry) // it would likely fail again at once
			continue
		}
		if l.Packet, err = Parse(buffer[:n]); err == nil {
			deliver(e.door, l)
		}
	}
}

// reader returns what reads a datagram together with its TTL.
func (e *ear) reader() func([]byte) (int, letter, error) {
	source := func(a net.Addr) netip.Addr {
		if u, ok := a.(*net.UDPAddr); ok {
			return u.AddrPort().Addr().Unmap().WithZone("")
		}
		return netip.Addr{}
	}
	address := func(ip net.IP) netip.Addr { a, _ := netip.AddrFromSlice(ip); return a.Unmap() }
	if e.door.ipv6 {
		c := ipv6.NewPacketConn(e.conn)
		c.SetControlMessage(ipv6.FlagHopLimit|ipv6.FlagDst, true)
		return func(b []byte) (int, letter, error) {
			n, control, from, err := c.ReadFrom(b)
			if err != nil || control == nil {
				return 0, letter{}, err
			}
			return n, letter{from: source(from), to: address(control.Dst), ttl: control.HopLimit}, nil
		}
	}
	c := ipv4.NewPacketConn(e.conn)
	c.SetControlMessage(ipv4.FlagTTL|ipv4.FlagDst, true)
	return func(b []byte) (int, letter, error) {
		n, control, from, err := c.ReadFrom(b)
		if err != nil || control == nil {
			return 0, letter{}, err
		}
		return n, letter{from: source(from), to: address(control.Dst), ttl: control.TTL}, nil
	}
}

// A mouth speaks to one neighbour.
type mouth struct {
	*net.UDPConn
	to netip.AddrPort
}

// openMouth opens a socket on a port that packets must come from, the same as
// long as the session lives and no other session's (RFC 5881 §4).
func openMouth(set Settings) (*mouth, error) {
	const first, last = 49152, 65535
	d := doorOf(set)
	for tries := 0; ; tries++ {
		from := netip.AddrPortFrom(set.Source, first+uint16(rand.IntN(last-first+1)))
		conn, err := net.ListenUDP(d.network(), net.UDPAddrFromAddrPort(from))
		switch {
		case errors.Is(err, syscall.EADDRINUSE) && tries < 100:
			continue
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			return nil, fmt.Errorf("the source address %v is not there", set.Source)
		case err != nil:
			return nil, fmt.Errorf("open a socket: %w", cause(err))
		}
		m := &mouth{conn, netip.AddrPortFrom(set.Neighbor, d.port)}
		if err := m.equip(d, int(set.TTL)); err != nil {
			conn.Close()
			return nil, fmt.Errorf("set TTL %d: %w", set.TTL, cause(err))
		}
		return m, nil
	}
}

// equip makes packets arrive with the TTL that shows where they come from, and
// before other traffic, like those of other routing protocols.
func (m *mouth) equip(d door, ttl int) error {
	const internetworkControl = 0xc0
	if d.ipv6 {
		c := ipv6.NewConn(m)
		return errors.Join(c.SetHopLimit(ttl), c.SetTrafficClass(internetworkControl))
	}
	c := ipv4.NewConn(m)
	return errors.Join(c.SetTTL(ttl), c.SetTOS(internetworkControl))
}

func (m *mouth) say(packet []byte) { m.WriteToUDPAddrPort(packet, m.to) }

// cause leaves out of an error what differs from one try to the next.
func cause(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}
