package daemon

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"regent/netif"
	"regent/vrrp"
)

// onIPv6 makes a node with a link-local address.
func (w *world) onIPv6(last byte) *node {
	n := w.node(int(last))
	n.Host = w.segment.NewHost(n.name, net.HardwareAddr{2, 0, 0, 0, 6, last},
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80, 15: last}), 64))
	return n
}

// wire returns what the instance "V" of a node has counted of packets.
func (n *node) wire() vrrp.Counters {
	_, c := n.status("V")
	return c.Wire
}

// W-45: who is told a form of checksum speaks it, whatever others speak; and
// goes by them again when it is told so.
func TestTheChecksumFormIsFixed(t *testing.T) {
	for _, test := range []struct {
		line           string
		before, after  vrrp.ChecksumForm // a neighbour with the other form was heard
		neighbour      vrrp.ChecksumForm
		afterReload    string
		andThen, learn vrrp.ChecksumForm
	}{
		{"checksum_tx pseudo", vrrp.Pseudo, vrrp.Pseudo, vrrp.MessageOnly, "checksum_tx auto", vrrp.Pseudo, vrrp.MessageOnly},
		{"checksum_tx message-only", vrrp.MessageOnly, vrrp.MessageOnly, vrrp.Pseudo, "checksum_tx pseudo", vrrp.Pseudo, vrrp.Pseudo},
		{"v3_checksum_as_v2", vrrp.MessageOnly, vrrp.MessageOnly, vrrp.Pseudo, "v3_checksum_as_v2", vrrp.MessageOnly, vrrp.MessageOnly},
		{"checksum_tx auto", vrrp.Pseudo, vrrp.MessageOnly, vrrp.MessageOnly, "checksum_tx message-only", vrrp.MessageOnly, vrrp.MessageOnly},
	} {
		t.Run(test.line, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).start(conf(150, test.line))
				speaks := func(when string, want vrrp.ChecksumForm) {
					t.Helper()
					w.pass(2 * time.Second)
					sent := n.heard()
					if got := sent[len(sent)-1].Checksum; got != want {
						t.Errorf("%s: %v, want %v", when, got, want)
					}
				}
				neighbour := func() {
					n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Checksum = test.neighbour })
				}
				w.pass(down(150))
				speaks("alone", test.before)
				neighbour()
				speaks("with a neighbour", test.after)
				n.Reload(parse(w, conf(150, test.afterReload)))
				speaks("after the reload", test.andThen)
				neighbour()
				speaks("with a neighbour again", test.learn)
			})
		})
	}
}

// W-46: by configuration, one of the two forms is wrong.
func TestTheChecksumFormIsRequired(t *testing.T) {
	for _, test := range []struct {
		line            string
		pseudo, message bool // is accepted
	}{
		{"", true, true},
		{"checksum_rx both", true, true},
		{"checksum_rx pseudo", true, false},
		{"checksum_rx message-only", false, true},
	} {
		t.Run(test.line, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).start(conf(50, test.line))
				for form, ok := range map[vrrp.ChecksumForm]bool{vrrp.Pseudo: test.pseudo, vrrp.MessageOnly: test.message} {
					_, before := n.status("V")
					n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Checksum = form })
					if _, after := n.status("V"); (after.Received > before.Received) != ok {
						t.Errorf("%v is accepted: %v", form, !ok)
					}
				}
			})
		})
	}
}

// What a router drops by configuration, and counts once, is lost on its state
// machine: a better master is not heard.
func TestDropsByConfiguration(t *testing.T) {
	other := func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.77")} }
	afar := func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Src = netip.MustParseAddr("198.51.100.9") }
	v2 := func(more func(*vrrp.Advert, *vrrp.Envelope)) func(*vrrp.Advert, *vrrp.Envelope) {
		return func(a *vrrp.Advert, e *vrrp.Envelope) { a.Version = vrrp.V2; more(a, e) }
	}
	v6 := func(first, src string) func(*vrrp.Advert, *vrrp.Envelope) {
		return func(a *vrrp.Advert, e *vrrp.Envelope) {
			a.Addresses = []netip.Addr{netip.MustParseAddr(first)}
			e.Src, e.Dst = netip.MustParseAddr(src), vrrp.Group6
		}
	}
	for _, test := range []struct {
		name, line string
		ipv6       bool
		spoil      func(*vrrp.Advert, *vrrp.Envelope)
		dropped    bool
		count      vrrp.Counter
		ofLink     bool
	}{
		{"R-15: another list", "version 2", false, v2(other), false, vrrp.AddressListErrors, false},
		{"R-15: and that matters", "version 2\nv2_address_list drop", false, v2(other), true, vrrp.AddressListErrors, false},
		{"R-22: from another network", "", false, afar, false, vrrp.DestinationErrors, true},
		{"R-22: and that matters", "source_check on-link", false, afar, true, vrrp.DestinationErrors, true},
		{"R-22: from this network", "source_check on-link", false, func(*vrrp.Advert, *vrrp.Envelope) {}, false, vrrp.DestinationErrors, true},
		{"R-22: IPv6, a global source", "source_check on-link", true, v6("fe80::100", "2001:db8::9"), true, vrrp.DestinationErrors, true},
		{"R-22: IPv6, a link-local source", "source_check on-link", true, v6("fe80::100", "fe80::9"), false, vrrp.DestinationErrors, true},
		{"R-17: no link-local address first", "", true, v6("2001:db8::100", "fe80::9"), false, vrrp.AddressListErrors, false},
		{"R-17: and that matters", "ipv6_require_link_local_first", true, v6("2001:db8::100", "fe80::9"), true, vrrp.AddressListErrors, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				var n *node
				if test.ipv6 {
					n = w.onIPv6(1).start(globals + instance("V", "eth0", 51, "fe80::100/64", "priority 50", test.line))
				} else {
					n = w.node(1).start(conf(50, test.line))
				}
				warned := func() (count uint64) {
					asked := make(chan struct{})
					n.tell(func(d *Daemon) { count = d.strange[n.routers[0].link].count[test.count]; close(asked) })
					<-asked
					if !test.ofLink {
						count = n.wire()[test.count]
					}
					return count
				}
				w.pass(down(50) + time.Second)
				n.is(Master)
				before := warned()
				n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { test.spoil(a, e) })
				want := Backup
				if test.dropped {
					want = Master
				}
				n.is(want)
				moved := uint64(0)
				if test.dropped || test.count == vrrp.AddressListErrors {
					moved = 1
				}
				if got := warned() - before; got != moved {
					t.Errorf("%v moved by %d, want %d", test.count, got, moved)
				}
			})
		})
	}
}

// the networks of the link are those that it has now.
func TestTheNetworksOfALink(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(50, "source_check on-link"))
		from := func() {
			n.inject(func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Src = netip.MustParseAddr("198.51.100.9") })
		}
		w.pass(down(50) + time.Second)
		n.Adjust("eth0", func(l *netif.Link) {
			l.Addresses = append(l.Addresses, netif.LinkAddress{Prefix: netip.MustParsePrefix("198.51.100.1/24")})
		})
		n.Reload(parse(w, conf(50, "source_check on-link", "garp_master_delay 7"))) // which does not forget them
		w.pass(time.Millisecond)
		from()
		n.is(Backup)
	})
}

// O-4: a flood of resignations puts a takeover off, unless that is forbidden.
func TestAFloodOfResignations(t *testing.T) {
	for line, takes := range map[string]bool{"": false, "resign_no_extend": true} {
		inWorld(t, func(w *world) {
			n := w.node(1).start(conf(100, line))
			for range 20 {
				n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Priority = vrrp.Resign })
				w.pass(100 * time.Millisecond)
			}
			if _, c := n.status("V"); (c.BecameMaster > 0) != takes {
				t.Errorf("%q: took over: %v", line, !takes)
			}
		})
	}
}

// O-5: a forged interval of 1 cs makes a backup impatient, unless there is a
// shortest one.
func TestAForgedInterval(t *testing.T) {
	for line, takes := range map[string]bool{"": true, "min_learned_interval 0.5": false} {
		inWorld(t, func(w *world) {
			n := w.node(1).start(conf(100, line))
			n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Interval, a.Priority = 10*time.Millisecond, 150 })
			w.pass(time.Second)
			if _, c := n.status("V"); (c.BecameMaster > 0) != takes {
				t.Errorf("%q: took over: %v", line, !takes)
			}
		})
	}
}

// The letter of each RFC, one difference a line. V-12: RFC 9568 wants the
// checksum without pseudo-header and nothing else. V-13: RFC 9568 answers a
// lesser master, the others discard it. V-14: an owner discards what RFC 5798
// says it must, V-8: and what it hears in version 2. V-9: another list is a
// reason to drop in version 2 alone. R-17: RFC 9568 has link-local addresses
// come first.
func TestProfiles(t *testing.T) {
	for _, test := range []struct {
		profile                        string
		version                        uint8
		form                           vrrp.ChecksumForm
		otherForm, answers, ownerHears bool
		otherList                      bool // is accepted
		globalFirst                    bool // is accepted over IPv6
	}{
		{"default", vrrp.V3, vrrp.Pseudo, true, true, true, true, true},
		{"strict-9568", vrrp.V3, vrrp.MessageOnly, false, true, true, true, false},
		{"strict-5798", vrrp.V3, vrrp.Pseudo, true, false, false, true, true},
		{"strict-3768", vrrp.V2, vrrp.Pseudo, true, false, false, false, false},
	} {
		t.Run(test.profile, func(t *testing.T) {
			// master plays one advert to a master of a priority.
			master := func(priority int, spoil func(*vrrp.Advert, *vrrp.Envelope), judge func(n *node, received bool, said int)) {
				inWorld(t, func(w *world) {
					n := w.node(1).start(conf(priority, "profile "+test.profile))
					w.pass(down(priority) + 500*time.Millisecond)
					n.is(Master)
					_, before := n.status("V")
					sent := len(n.heard())
					n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) {
						a.Version, a.Checksum, a.Priority = test.version, test.form, 50
						spoil(a, e)
					})
					_, after := n.status("V")
					judge(n, after.Received > before.Received, len(n.heard())-sent)
				})
			}
			accepted := func(name string, want bool) func(*node, bool, int) {
				return func(_ *node, received bool, _ int) {
					if received != want {
						t.Errorf("%s: accepted: %v, want %v", name, received, want)
					}
				}
			}
			master(100, func(*vrrp.Advert, *vrrp.Envelope) {}, func(n *node, received bool, said int) {
				if !received || (said > 0) != test.answers {
					t.Errorf("a lesser master: accepted: %v, answers: %d", received, said)
				}
				for _, a := range n.heard() {
					if a.Version != test.version || a.Checksum != test.form {
						t.Errorf("sent version %d, checksum %v", a.Version, a.Checksum)
					}
				}
			})
			master(100, func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Checksum = vrrp.Pseudo + vrrp.MessageOnly - a.Checksum },
				accepted("the other form", test.otherForm))
			master(100, func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.77")} },
				accepted("another list", test.otherList))
			master(255, func(*vrrp.Advert, *vrrp.Envelope) {}, accepted("by an owner", test.ownerHears))
			if test.version == vrrp.V2 {
				return
			}
			inWorld(t, func(w *world) {
				n := w.onIPv6(1).start(globals + instance("V", "eth0", 51, "fe80::100/64", "profile "+test.profile))
				n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) {
					a.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::100")}
					e.Src, e.Dst = netip.MustParseAddr("fe80::9"), vrrp.Group6
				})
				_, c := n.status("V")
				accepted("a global address first", test.globalFirst)(n, c.Received > 0, 0)
			})
		})
	}
}
