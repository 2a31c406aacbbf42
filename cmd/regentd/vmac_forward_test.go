package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"regent/cmd/internal/lab"
)

// A route is a way from the client to the far host, through a virtual address.
type route struct {
	far  netip.Addr
	conn net.Conn
	sent uint32
}

// routes gives the client ways through the virtual routers, of both families.
func (w *twins) routes() (all []*route) {
	w.Helper()
	for _, args := range []string{"route add 198.51.100.0/24 via 192.0.2.100", "-6 route add 2001:db8:f::/64 via fe80::100 dev eth0"} {
		_, err := w.client.Run(w.Context(), "ip", strings.Fields(args)...)
		w.must(err)
	}
	for _, far := range []string{"198.51.100.9", "2001:db8:f::9"} {
		r := &route{far: netip.MustParseAddr(far)}
		w.must(w.client.Do(func() (err error) {
			r.conn, err = net.Dial("udp", net.JoinHostPort(far, "9"))
			return err
		}))
		w.Cleanup(func() { r.conn.Close() })
		all = append(all, r)
	}
	return all
}

// send sends one more datagram, with a number of its own.
func (r *route) send() (number uint32) {
	r.sent++
	r.conn.Write(binary.BigEndian.AppendUint32(nil, r.sent)) // lost is lost
	return r.sent
}

// carried returns which MAC addresses on the far side have carried a datagram.
func (w *twins) carried(r *route, number uint32) (by []string) {
	for _, f := range w.beyond.Frames() {
		p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
		udp, ok := p.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if !ok || len(udp.Payload) != 4 || binary.BigEndian.Uint32(udp.Payload) != number ||
			!bytes.Equal(p.NetworkLayer().NetworkFlow().Dst().Raw(), r.far.AsSlice()) {
			continue
		}
		by = append(by, f.From().String())
	}
	return by
}

// B-20, B-21: what is sent through the virtual router is forwarded by the
// master, once, and by the Backup not at all, although here every frame reaches
// both: the wire is a hub. W-14: adverts go no further, whatever their TTL.
func TestTheMasterAloneForwards(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.must(w.Hub(t.Context(), "lan"))
	w.a.run()
	w.until("a has the addresses", func() bool { return w.a.Has(vips...) })
	w.b.run()
	w.backupOf(w.b)
	routes := w.routes()
	forwards := func(of *twin) {
		t.Helper()
		for _, r := range routes {
			first, n := r.sent+1, uint32(0)
			w.until(of.Host.Name+" to forward to "+r.far.String(), func() bool { n = r.send(); return len(w.carried(r, n)) > 0 || len(w.carried(r, first)) > 0 })
			n = r.send()
			w.until("the last datagram", func() bool { return len(w.carried(r, n)) > 0 })
			for i := first; i <= n; i++ {
				if got := w.carried(r, i); len(got) > 1 || len(got) == 1 && got[0] != of.MAC("eth1").String() {
					t.Errorf("datagram %d to %v was carried by %v; %s is at %v", i, r.far, got, of.Host.Name, of.MAC("eth1"))
				}
			}
		}
	}
	forwards(w.a)
	w.a.stop()
	w.until("b has the addresses", func() bool { return w.b.Has(vips...) })
	forwards(w.b)
	for _, f := range w.beyond.Frames() {
		if a, ok := f.Advert(); ok {
			t.Errorf("an advert of %v went further", a.Src)
		}
	}
}

// B-22: a Backup accepts nothing that is addressed to a virtual address, be it
// sent to the virtual MAC (the wire is a hub) or to the Backup's own. B-26: a
// master forwards nothing that is.
func TestABackupAcceptsNothing(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.must(w.Hub(t.Context(), "lan"))
	for _, n := range []*twin{w.a, w.b} { // or a Backup forwards it to the master
		w.must(n.Sysctl("net/ipv4/ip_forward", "0"))
		w.must(n.Sysctl("net/ipv6/conf/all/forwarding", "0"))
	}
	w.a.run()
	w.until("a has the addresses", func() bool { return w.a.Has(vips...) })
	w.b.run()
	w.backupOf(w.b)
	// The routers know the client, and will not have to ask.
	probes := []*lab.Probe{w.probe(vip), w.probe(vip6), w.probe(netip.MustParseAddr("192.0.2.2")), w.probe(netip.MustParseAddr("2001:db8::2"))}
	for _, p := range probes {
		w.until("an answer", func() bool { return p.Answers(time.Time{}) })
		p.Close()
	}
	since := time.Now()
	for _, v := range []netip.Addr{vip, vip6} {
		for _, to := range []net.HardwareAddr{vmac4, vmac6, w.a.MAC("eth0"), w.b.MAC("eth0")} {
			w.must(w.client.Inject("eth0", w.echo(v, to)))
		}
	}
	// Each is still alive for itself, so it had its say.
	for _, own := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "192.0.2.100", "2001:db8::100"} {
		p, now := w.probe(netip.MustParseAddr(own)), time.Now()
		w.until(own+" answers", func() bool { return p.Answers(now) })
		p.Close()
	}
	for _, n := range []*twin{w.a, w.b} {
		for _, f := range n.sent(since) {
			src, dst := ends(f)
			if n == w.b && (src == vip || src == vip6) {
				t.Errorf("the Backup speaks as %v: % x", src, f.Data)
			}
			if dst == vip || dst == vip6 {
				t.Errorf("%s forwards to %v: % x", n.Host.Name, dst, f.Data)
			}
		}
	}
}

// ends returns the IP addresses of a frame, if it has any.
func ends(f lab.Frame) (src, dst netip.Addr) {
	p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
	if n := p.NetworkLayer(); n != nil {
		src, _ = netip.AddrFromSlice(n.NetworkFlow().Src().Raw())
		dst, _ = netip.AddrFromSlice(n.NetworkFlow().Dst().Raw())
	}
	return src, dst
}

// echo is an ICMP echo request of the client's in a frame to any MAC address.
func (w *twins) echo(dst netip.Addr, mac net.HardwareAddr) []byte {
	w.Helper()
	if dst.Is4() {
		return w.echoFrom(netip.MustParseAddr("192.0.2.200"), dst, mac)
	}
	return w.echoFrom(netip.MustParseAddr("2001:db8::200"), dst, mac)
}

func (w *twins) echoFrom(src, dst netip.Addr, mac net.HardwareAddr) []byte {
	w.Helper()
	ether := &layers.Ethernet{SrcMAC: w.client.MAC("eth0"), DstMAC: mac, EthernetType: layers.EthernetTypeIPv4}
	data := gopacket.Payload(fmt.Sprint("to ", mac))
	if dst.Is4() {
		return w.serialize(ether,
			&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()},
			&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 77}, data)
	}
	ether.EthernetType = layers.EthernetTypeIPv6
	ip := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolICMPv6, HopLimit: 64, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}
	w.must(icmp.SetNetworkLayerForChecksum(ip))
	return w.serialize(ether, ip, icmp, &layers.ICMPv6Echo{Identifier: 77}, data)
}
