package daemon

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
)

// secret is the key of a number.
func secret(id byte) string { return strings.Repeat(string('a'+rune(id)), 32) }

// hmac is an auth_hmac block that signs with the key active and knows others.
func hmac(mode string, active byte, ids ...byte) string {
	text := fmt.Sprintf("auth_hmac {\n\tmode %s\n\tactive_key %d\n", mode, active)
	for _, id := range ids {
		text += fmt.Sprintf("\tkey %d %s\n", id, secret(id))
	}
	return text + "\t}"
}

// proof is one that signs as a router with that key would.
func proof(id byte) *vrrp.Proof {
	return vrrp.NewProof(&vrrp.Auth{Keys: []vrrp.Key{{ID: id, Secret: vrrp.Secret(secret(id))}}, ActiveKey: id}, time.Second, nil)
}

// signed lets the node hear an advert of 192.0.2.9 to some address that was
// signed at a time of day, and then spoilt.
func (n *node) signed(p *vrrp.Proof, dst netip.Addr, wall time.Time, spoil func([]byte) []byte) {
	e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.9"), Dst: dst, TTL: vrrp.HopLimit}
	a := vrrp.Advert{Version: vrrp.V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{vip}}
	n.w.segment.Inject(netif.Packet{Envelope: e, Payload: spoil(p.Seal(a.Append(nil, e), e, wall))})
	synctest.Wait()
}

// A kin is three routers, the first of them master, that will share their
// settings. The lines of all come from settings.
type kin struct {
	*world
	nodes [3]*node
	conf  func(i int, settings string) string
}

// reload gives one router other settings.
func (k *kin) reload(i int, settings string) {
	k.nodes[i].Reload(parse(k, k.conf(i, settings)))
	k.pass(2500 * time.Millisecond)
}

// drops sums up all packets that a node has dropped.
func (n *node) drops() (sum uint64) {
	_, c := n.status("V")
	for _, count := range []vrrp.Counters{c.Wire, n.linkCounts()} {
		count[vrrp.ChecksumRxPseudo] = 0
		for _, x := range count {
			sum += x
		}
	}
	return sum
}

// undisturbed checks that every advert of the master was heard by the others,
// and nothing else happened.
func (k *kin) undisturbed(when string) {
	k.Helper()
	_, master := k.nodes[0].status("V")
	for i, n := range k.nodes {
		state, c := n.status("V")
		switch {
		case n.drops() != 0:
			k.Fatalf("%s: %s has dropped %d packets: %v", when, n.name, n.drops(), n.lines("dropped"))
		case i == 0 && (state != Master || c.BecameMaster != 1 || c.Received != 0):
			k.Fatalf("%s: the master is %v: %+v", when, state, c)
		case i > 0 && (state != Backup || c.BecameMaster != 0 || c.Sent != 0 || c.Received != master.Sent):
			k.Fatalf("%s: %s is %v and has heard %d of %d adverts", when, n.name, state, c.Received, master.Sent)
		}
	}
}

// H-12, H-22, H-47, H-48: the whole way from routers that know no signatures to
// such as enforce them, on to another key, and all the way back; one router at a
// time, the master first or last. Not one advert is lost in any mix.
func TestRollOutAndRotation(t *testing.T) {
	steps := []string{
		"",
		hmac("receive-only", 1, 1), hmac("permissive", 1, 1), hmac("enforce", 1, 1),
		hmac("enforce", 1, 1, 2), hmac("enforce", 2, 1, 2), hmac("enforce", 2, 2),
	}
	back := slices.Clone(steps)
	slices.Reverse(back)
	for _, kind := range []struct {
		name string
		conf func(i int, settings string) string
		v6   bool
	}{
		{"v3-IPv4", func(i int, s string) string { return conf(150-i*20, s) }, false},
		{"v2", func(i int, s string) string { return conf(150-i*20, "version 2", s) }, false},
		{"v3-IPv6", func(i int, s string) string {
			return globals + instance("V", "eth0", 51, "fe80::100/64", fmt.Sprint("priority ", 150-i*20), s)
		}, true},
		{"unicast", func(i int, s string) string {
			others := slices.Delete([]string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, i, i+1)
			return conf(150-i*20, peers(others...), s)
		}, false},
		{"monotonic", func(i int, s string) string {
			return conf(150-i*20, strings.Replace(s, "mode", "anti_replay monotonic\nmode", 1))
		}, false},
	} {
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}} {
			t.Run(fmt.Sprint(kind.name, order), func(t *testing.T) {
				inWorld(t, func(w *world) {
					k := &kin{world: w, conf: kind.conf}
					for i := range k.nodes {
						if kind.v6 {
							k.nodes[i] = w.onIPv6(byte(i + 1))
						} else {
							k.nodes[i] = w.node(i + 1)
						}
						k.nodes[i].start(kind.conf(i, steps[0]))
					}
					w.pass(10 * time.Second)
					k.undisturbed("at first")
					for i, settings := range append(steps[1:], back[1:]...) {
						for _, j := range order {
							k.reload(j, settings)
							k.undisturbed(fmt.Sprintf("step %d at node %d", i+1, j))
						}
					}
				})
			})
		}
	}
}

// H-20, H-22, H-48: who is two steps ahead or behind is not heard, in either
// direction: that is what the steps in between are for.
func TestTwoStepsAtOnce(t *testing.T) {
	for _, test := range []struct {
		name           string
		sender, hearer string
		count          vrrp.Counter
	}{
		{"a signed advert where none is expected", hmac("permissive", 1, 1), "", vrrp.PacketLengthErrors},
		{"an unsigned one where proof is asked for", hmac("receive-only", 1, 1), hmac("enforce", 1, 1), vrrp.AuthExtMissing},
		{"another key", hmac("enforce", 2, 2), hmac("enforce", 1, 1), vrrp.AuthExtUnknownKey},
		{"another key, proof is not asked for", hmac("enforce", 2, 2), hmac("permissive", 1, 1), vrrp.AuthExtUnknownKey},
	} {
		inWorld(t, func(w *world) {
			n1, n2 := w.node(1).start(conf(150, test.sender)), w.node(2).start(conf(100, test.hearer))
			w.pass(10*time.Second + 100*time.Millisecond)
			n1.is(Master)
			n2.is(Master)
			_, sent := n1.status("V")
			_, c := n2.status("V")
			if c.Received != 0 || c.Wire[test.count] != sent.Sent || n2.drops() != sent.Sent {
				w.Errorf("%s: %d sent, %d dropped for it, %d dropped, %d heard", test.name, sent.Sent, c.Wire[test.count], n2.drops(), c.Received)
			}
		})
	}
}

// H-24, H-27, H-28, H-32: adverts that an attacker has recorded do not keep a
// backup from taking over, not after a reload either; while they are fresh they
// count as replays, and later, by time, as stale.
func TestRecordedAdvertsAreWorthless(t *testing.T) {
	for _, mode := range []string{"time", "monotonic"} {
		inWorld(t, func(w *world) {
			settings := strings.Replace(hmac("enforce", 1, 1), "mode", "anti_replay "+mode+"\n\tmode", 1)
			n1, n2 := w.node(1).start(conf(150, settings)), w.node(2).start(conf(100, settings))
			w.pass(10 * time.Second)
			n1.is(Master)
			record := w.segment.Adverts()
			w.segment.Partition([]*netiftest.Host{n1.Host}, []*netiftest.Host{n2.Host})
			n2.Reload(parse(w, conf(90, settings, "garp_master_delay 7")))
			replay := func() {
				for _, a := range record {
					w.segment.Inject(netif.Packet{Envelope: a.Envelope, Payload: a.Payload})
				}
				synctest.Wait()
			}
			for range 4 {
				replay()
				w.pass(time.Second)
			}
			n2.is(Master)
			old := uint64(0) // adverts that were outside the window when they were replayed
			if mode == "time" {
				for i := range 4 {
					for _, a := range record {
						if int(w.begin.Add(10*time.Second+time.Duration(i)*time.Second).Unix()-a.At.Unix()) > 5 {
							old++
						}
					}
				}
			}
			_, c := n2.status("V")
			if all := uint64(4 * len(record)); c.Wire[vrrp.AuthExtReplay] != all-old || c.Wire[vrrp.AuthExtStale] != old || n2.drops() != all {
				w.Errorf("%s: of %d adverts %d were replays and %d stale, want %d stale", mode, all, c.Wire[vrrp.AuthExtReplay], c.Wire[vrrp.AuthExtStale], old)
			}
			if c.BecameMaster != 1 {
				w.Errorf("%s: it became master %d times", mode, c.BecameMaster)
			}
		})
	}
}

// H-17: a router that is started again goes on from the clock, and is heard.
// H-18: after its address has changed it signs with the new one.
func TestARouterThatComesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		settings := hmac("enforce", 1, 1)
		n1, n2 := w.node(1).start(conf(150, settings)), w.node(2).start(conf(100, settings))
		w.pass(10 * time.Second)
		n1.stop()
		w.pass(time.Second)
		n2.is(Master)
		n1.start(conf(150, settings))
		w.pass(10 * time.Second)
		n1.is(Master)
		n2.is(Backup)

		n1.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.11/24")})
		n1.drop("eth0", netip.MustParseAddr("192.0.2.1"))
		w.pass(10 * time.Second)
		all := w.segment.Adverts()
		if last := all[len(all)-1]; last.Envelope.Src != netip.MustParseAddr("192.0.2.11") {
			t.Errorf("the last advert came from %v", last.Envelope.Src)
		}
		n1.is(Master)
		n2.is(Backup)
		if n1.drops()+n2.drops() != 0 {
			t.Errorf("dropped: %v, %v", n1.lines("dropped"), n2.lines("dropped"))
		}
	})
}

// H-14: every peer gets the same trailer with an advert, and each advert has
// another one.
func TestOneTrailerForAllPeers(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150, peers("192.0.2.2", "192.0.2.3", "192.0.2.4"), hmac("enforce", 1, 1)))
		w.pass(10 * time.Second)
		_, c := n.status("V")
		copies := make(map[vrrp.Trailer][]string)
		for _, a := range w.segment.Adverts() {
			trailer, ok := vrrp.ParseTrailer(a.Payload)
			if !ok {
				t.Fatalf("an advert has no trailer: %x", a.Payload)
			}
			copies[trailer] = append(copies[trailer], a.Envelope.Dst.String())
		}
		for _, to := range copies {
			if !slices.Equal(to, []string{"192.0.2.2", "192.0.2.3", "192.0.2.4"}) {
				t.Errorf("copies went to %v", to)
			}
		}
		if len(copies) != int(c.Sent) || c.Sent < 2 {
			t.Errorf("%d trailers for %d adverts", len(copies), c.Sent)
		}
	})
}

// M-50, M-51, M-52, M-53, M-54, M-55, M-56, M-60: each way in which a proof can
// fail moves its own counter by exactly one, and nothing else.
func TestEachFailureOfAProofIsCounted(t *testing.T) {
	same := func(b []byte) []byte { return b }
	at := func(i int, value byte) func([]byte) []byte {
		return func(b []byte) []byte { b[len(b)-vrrp.TrailerSize+i] = value; return b }
	}
	none := func(b []byte) []byte { return b[:len(b)-vrrp.TrailerSize] }
	me := netip.MustParseAddr("192.0.2.1")
	for _, test := range []struct {
		count vrrp.Counter
		peer  string
		key   byte
		late  time.Duration
		twice bool
		spoil func([]byte) []byte
	}{
		{vrrp.AuthExtMissing, "", 1, 0, false, none},
		{vrrp.AuthExtMalformed, "", 1, 0, false, at(0, 2)},
		{vrrp.AuthExtMalformed, "", 1, 0, false, at(3, 1)},
		{vrrp.AuthExtUnknownKey, "", 2, 0, false, same},
		{vrrp.AuthExtInvalidHMAC, "", 1, 0, false, at(27, 0)},
		{vrrp.AuthExtStale, "", 1, 6 * time.Second, false, same},
		{vrrp.AuthExtStale, "", 1, -6 * time.Second, false, same},
		{vrrp.AuthExtReplay, "", 1, 0, true, same},
		{vrrp.AuthExtUnknownPeer, "192.0.2.8", 1, 0, false, same},
	} {
		t.Run(test.count.String(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				lines, dst := []string{hmac("enforce", 1, 1)}, vrrp.Group4
				if test.peer != "" {
					lines, dst = append(lines, peers(test.peer)), me
				}
				n := w.node(1).start(conf(100, lines...))
				w.pass(10 * time.Second)
				n.is(Master)
				if test.twice {
					p := proof(1)
					var seen []byte
					n.signed(p, dst, time.Now(), func(b []byte) []byte { seen = bytes.Clone(b); return b })
					n.is(Backup)
					w.pass(4 * time.Second)
					n.is(Master)
					n.signed(p, dst, time.Now(), func([]byte) []byte { return seen })
				} else {
					n.signed(proof(test.key), dst, time.Now().Add(-test.late), test.spoil)
				}
				n.is(Master)
				if _, c := n.status("V"); c.Wire[test.count] != 1 || n.drops() != 1 {
					t.Errorf("%v is %d, and %d packets were dropped", test.count, c.Wire[test.count], n.drops())
				}
			})
		})
	}
}

// H-30, L-1: a neighbour whose clock is half a window away is heard, and that
// is told once in a while.
func TestAClockThatDiffers(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(100, hmac("enforce", 1, 1)))
		w.pass(10 * time.Second)
		p := proof(1)
		for late, warned := range map[time.Duration]bool{2 * time.Second: false, 3 * time.Second: true} {
			w.pass(20 * time.Second)
			before := len(n.lines("clock differs"))
			for range 3 {
				n.signed(p, vrrp.Group4, time.Now().Add(-late), func(b []byte) []byte { return b })
			}
			if got := len(n.lines("clock differs")) - before; got > 1 || (got == 1) != warned {
				t.Errorf("%v late: %d lines", late, got)
			}
		}
		if n.drops() != 0 {
			t.Errorf("dropped: %v", n.lines("dropped"))
		}
	})
}

// H-46: keys are never told, and overwritten when a reload takes them away.
func TestKeysAreForgotten(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(100, hmac("enforce", 1, 1)))
		w.pass(5 * time.Second)
		first, second := parse(w, conf(100, hmac("enforce", 2, 2))), parse(w, conf(100, hmac("enforce", 1, 1)))
		last := parse(w, globals)
		n.signed(proof(1), vrrp.Group4, time.Now(), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		n.Reload(first)
		w.pass(time.Second)
		if key := first.Instances[0].Auth.Keys[0].Secret; string(key) != secret(2) {
			t.Errorf("a key in use is %q", []byte(key))
		}
		n.Reload(second)
		w.pass(time.Second)
		if key := first.Instances[0].Auth.Keys[0].Secret; !bytes.Equal(key, make([]byte, 32)) {
			t.Errorf("a key that was replaced is still there: %q", []byte(key))
		}
		n.Reload(last)
		w.pass(time.Second)
		if key := second.Instances[0].Auth.Keys[0].Secret; !bytes.Equal(key, make([]byte, 32)) {
			t.Errorf("the key of a router that is gone is still there: %q", []byte(key))
		}
		for _, id := range []byte{1, 2} {
			if lines := n.lines(secret(id)[:8]); lines != nil {
				t.Errorf("it tells a key: %v", lines)
			}
		}
	})
}
