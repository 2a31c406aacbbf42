package lab

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// A Probe asks an address again and again whether it is there, by ICMP echo,
// and remembers which questions were answered. The kernel of whoever has the
// address answers, so nothing need run there.
type Probe struct {
	interval time.Duration
	conn     *icmp.PacketConn
	cancel   context.CancelFunc
	done     sync.WaitGroup

	mu    sync.Mutex
	asked []Echo
}

// An Echo is one question of a probe.
type Echo struct {
	At       time.Time // when it was asked
	Answered time.Time // when the answer came; zero: not yet, or never
}

// Probe starts asking; it ends with ctx or Close. The ICMP sequence number has
// 16 bits, so an answer may take at most 65,536 intervals.
func (h *Host) Probe(ctx context.Context, addr netip.Addr, interval time.Duration) (*Probe, error) {
	p := &Probe{interval: interval}
	network, any := "ip4:icmp", "0.0.0.0"
	if addr.Is6() {
		network, any = "ip6:ipv6-icmp", "::"
	}
	err := h.Do(func() (err error) {
		p.conn, err = icmp.ListenPacket(network, any)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("probe %s from %s: %w", addr, h.Name, err)
	}
	ctx, p.cancel = context.WithCancel(ctx)
	h.lab.mu.Lock()
	h.lab.probes = append(h.lab.probes, p)
	id := uint16(len(h.lab.probes)) // tells the probes of one lab apart
	h.lab.mu.Unlock()
	p.done.Go(func() { p.ask(ctx, addr, id) })
	p.done.Go(func() { p.listen(addr, id) })
	return p, nil
}

func (p *Probe) ask(ctx context.Context, addr netip.Addr, id uint16) {
	defer p.conn.Close() // ends listen
	msg := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: int(id)}}
	if addr.Is6() {
		msg.Type = ipv6.ICMPTypeEchoRequest // the kernel sums IPv6 itself
	}
	to := &net.IPAddr{IP: addr.AsSlice()}
	tick := time.NewTicker(p.interval)
	defer tick.Stop()
	for {
		p.mu.Lock()
		msg.Body.(*icmp.Echo).Seq = len(p.asked) & 0xffff
		b, err := msg.Marshal(nil)
		if err == nil {
			p.asked = append(p.asked, Echo{At: time.Now()})
		}
		p.mu.Unlock()
		// An error (no neighbour, no route) is a question without an answer.
		p.conn.WriteTo(b, to)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *Probe) listen(addr netip.Addr, id uint16) {
	reply := byte(ipv4.ICMPTypeEchoReply)
	if addr.Is6() {
		reply = byte(ipv6.ICMPTypeEchoReply)
	}
	buf := make([]byte, 1500)
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		now := time.Now()
		ip, _ := netip.AddrFromSlice(from.(*net.IPAddr).IP)
		if n < 8 || buf[0] != reply || ip.Unmap() != addr || binary.BigEndian.Uint16(buf[4:]) != id {
			continue
		}
		p.mu.Lock()
		// The latest question with this sequence number.
		last := len(p.asked) - 1
		i := last - (last-int(binary.BigEndian.Uint16(buf[6:])))&0xffff
		if i >= 0 && p.asked[i].Answered.IsZero() {
			p.asked[i].Answered = now
		}
		p.mu.Unlock()
	}
}

// Close stops asking; what was learned stays.
func (p *Probe) Close() {
	p.cancel()
	p.done.Wait()
}

// Echoes returns all questions so far.
func (p *Probe) Echoes() []Echo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// Answers reports whether a question asked after t was answered.
func (p *Probe) Answers(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.asked) - 1; i >= 0 && p.asked[i].At.After(t); i-- {
		if !p.asked[i].Answered.IsZero() {
			return true
		}
	}
	return false
}

// Gap returns the longest silence between two times: from one answer to the
// next, less the one interval that lies between any two. It goes by when the
// answers came, since questions that wait for the neighbour's MAC address are
// answered all at once. The end counts as an answer.
func (p *Probe) Gap(from, to time.Time) time.Duration {
	var came []time.Time
	for _, e := range p.Echoes() {
		if e.Answered.After(from) && e.Answered.Before(to) {
			came = append(came, e.Answered)
		}
	}
	slices.SortFunc(came, time.Time.Compare)
	var longest time.Duration
	last := from
	for _, at := range append(came, to) {
		longest, last = max(longest, at.Sub(last)-p.interval), at
	}
	return longest
}
