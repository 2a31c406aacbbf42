package main_test

import (
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"regent/cmd/internal/lab"
)

// B-23, B-24, B-25: with no_accept a master drops what is sent to its addresses
// without a word, be it ICMP, TCP or UDP, but it still answers neighbours, is
// found by its virtual MAC and forwards. B-29: the rules go with the daemon;
// after a crash they go when it is back.
func TestNoAcceptWithVirtualMACs(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.a.run("no_accept")
	w.reign(w.a)
	routes := w.routes()
	echoes := []*lab.Probe{w.probe(vip), w.probe(vip6)}
	w.knocks()
	for _, r := range routes { // forwarding, and with it neighbour discovery
		var n uint32
		w.until("it forwards to "+r.far.String(), func() bool { n = r.send(); return len(w.carried(r, n)) > 0 })
	}
	for i, v := range []netip.Addr{vip, vip6} {
		w.until("the client has found "+v.String()+" and asked it", func() bool {
			mac, err := w.client.Neighbor(v)
			return err == nil && isVirtual(mac) && len(echoes[i].Echoes()) > 50
		})
		if echoes[i].Answers(w.begun) {
			t.Errorf("%v has answered an echo", v)
		}
		if got := w.ask(v, false); len(got) == 0 { // B-24
			t.Errorf("%v is not to be found", v)
		}
	}
	for _, f := range w.a.sent(w.begun) {
		src, _ := ends(f)
		p := gopacket.NewPacket(f.Data, layers.LayerTypeEthernet, gopacket.Default)
		if p.Layer(layers.LayerTypeTCP) != nil {
			t.Errorf("a segment of TCP from %v", src)
		}
		if l, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); ok {
			t.Errorf("ICMP from %v: %v", src, l.TypeCode)
		}
		if l, ok := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6); ok && l.TypeCode.Type() < 128 {
			t.Errorf("ICMPv6 error from %v: %v", src, l.TypeCode)
		}
	}

	w.a.crash()
	if !strings.Contains(w.a.tables(), "table inet regent") {
		t.Fatal("the table is gone although nobody could remove it: this test proves nothing")
	}
	w.a.run() // it accepts now
	w.until("a is master again", func() bool { return w.a.Said("V4", "Entering MASTER STATE") && w.a.Said("V6", "Entering MASTER STATE") })
	w.reign(w.a)
	now := time.Now()
	for _, e := range echoes {
		w.until("echoes are answered", func() bool { return e.Answers(now) })
	}
	if got := w.a.tables(); got != "table arp regent" { // which virtual MACs need
		t.Errorf("left behind by the crash: %s", got)
	}
	w.a.stop()
	w.a.run("no_accept")
	w.reign(w.a)
	w.a.stop()
	if got := w.a.tables(); got != "" {
		t.Errorf("left behind by a stop: %s", got)
	}
	if _, err := w.a.Addresses("vrrp.51"); err == nil {
		t.Error("the device was left behind by a stop")
	}
}

// tables lists the tables of the firewall, without what tells those of daemons in
// one namespace apart.
func (t *twin) tables() string {
	t.stage.Helper()
	out, err := t.Run(t.stage.Context(), "nft", "list", "tables")
	t.stage.must(err)
	return regexp.MustCompile(`regent_[0-9a-f]{8}`).ReplaceAllString(strings.TrimSpace(out), "regent")
}

// knocks tries to open connections to the addresses, and sends them datagrams:
// nothing may come back.
func (w *twins) knocks() {
	w.Helper()
	for _, v := range []netip.Addr{vip, vip6} {
		var datagrams net.Conn
		w.must(w.client.Do(func() (err error) {
			to := netip.AddrPortFrom(v, 7).String()
			connection, err := net.DialTimeout("tcp", to, 300*time.Millisecond)
			if err == nil {
				connection.Close()
			}
			var late net.Error
			if !errors.As(err, &late) || !late.Timeout() { // not refused, not unreachable
				w.Errorf("dialing %v: %v", v, err)
			}
			datagrams, err = net.Dial("udp", to)
			return err
		}))
		for range 3 {
			if _, err := datagrams.Write([]byte("?")); err != nil {
				w.Errorf("sending to %v: %v", v, err)
			}
		}
		datagrams.Close()
	}
}
