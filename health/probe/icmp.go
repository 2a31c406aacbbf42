package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// ping asks a host for an echo.
type ping struct {
	host string
	seq  int
}

// An echo is how a family asks for one.
type echo struct {
	network, raw string // the socket that needs no rights, and the one that does
	protocol     int
	ask, answer  icmp.Type
}

var (
	echo4 = echo{"udp4", "ip4:icmp", 1, ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply}
	echo6 = echo{"udp6", "ip6:ipv6-icmp", 58, ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply}
)

func (p *ping) Look(ctx context.Context) error {
	addr, err := resolve(ctx, p.host)
	if err != nil {
		return fmt.Errorf("ping %s: %w", p.host, cause(err))
	}
	if err := p.ask(ctx, addr); err != nil {
		return fmt.Errorf("ping %s: %w", p.host, cause(err))
	}
	return nil
}

func (p *ping) Close() {}

func (p *ping) ask(ctx context.Context, addr netip.Addr) error {
	e := echo4
	if addr.Is6() {
		e = echo6
	}
	conn, to, err := e.open(addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()

	// The token tells the answer from those to other questions: a raw socket
	// hears them all.
	token := make([]byte, 16)
	rand.Read(token)
	p.seq = (p.seq + 1) & 0xffff
	message := icmp.Message{Type: e.ask, Body: &icmp.Echo{ID: int(binary.BigEndian.Uint16(token)), Seq: p.seq, Data: token}}
	question, err := message.Marshal(nil) // the kernel sums ICMPv6 itself
	if err != nil {
		return err
	}
	if _, err := conn.WriteTo(question, to); err != nil {
		return err
	}
	buffer := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFrom(buffer)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		}
		m, err := icmp.ParseMessage(e.protocol, buffer[:n])
		if err != nil || m.Type != e.answer {
			continue
		}
		if body, ok := m.Body.(*icmp.Echo); ok && bytes.Equal(body.Data, token) {
			return nil
		}
	}
}

// open returns a socket and how it names a host. Whether one needs rights for
// it is for the host to say (net.ipv4.ping_group_range).
func (e *echo) open(addr netip.Addr) (*icmp.PacketConn, net.Addr, error) {
	if conn, err := icmp.ListenPacket(e.network, ""); err == nil {
		return conn, &net.UDPAddr{IP: addr.AsSlice(), Zone: addr.Zone()}, nil
	}
	conn, err := icmp.ListenPacket(e.raw, "")
	return conn, &net.IPAddr{IP: addr.AsSlice(), Zone: addr.Zone()}, err
}

// resolve finds the address of a host, which may be one already.
func resolve(ctx context.Context, host string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap(), nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil
}
