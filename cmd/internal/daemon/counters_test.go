package daemon

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/vrrp"
)

// A tally is every counter of a daemon that is not zero, by the name of whom it
// counts for: "V adv_rcvd", "eth0 vrid_errors". What all links count together
// is that of "all".
type tally map[string]uint64

// tally takes all counters of a node.
func (n *node) tally() tally {
	n.w.Helper()
	s, err := n.Status(n.w.Context())
	if err != nil {
		n.w.Fatal(err)
	}
	t := make(tally)
	count := func(who, name string, c uint64) {
		if c != 0 {
			t[who+" "+name] = c
		}
	}
	for i := range s.Routers {
		for name, c := range s.Routers[i].Counters.All {
			count(s.Routers[i].Settings.Name, name, c)
		}
	}
	total := s.Total()
	for i := range s.Links {
		for c, v := range s.Links[i].Counters {
			count(s.Links[i].Link.Name, vrrp.Counter(c).String(), v)
		}
	}
	for c, v := range total {
		count("all", vrrp.Counter(c).String(), v)
	}
	return t
}

// zero clears all counters.
func (n *node) zero() {
	n.ClearCounters()
	synctest.Wait() // a turn listens before it hears the news
}

// moved returns what has been counted since before.
func (t tally) moved(before tally) tally {
	diff := make(tally)
	for who, n := range t {
		if n != before[who] {
			diff[who] = n - before[who]
		}
	}
	return diff
}

// A packet that a test lets a node hear: an advert of 192.0.2.9 that is right
// but for what is done to it, before it is encoded and after.
type packet struct {
	advert func(*vrrp.Advert, *vrrp.Envelope)
	octets func([]byte, vrrp.Envelope) []byte

	fragmented bool // it came in fragments
}

func (p packet) to(n *node) {
	e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.9"), Dst: vrrp.Group4, TTL: vrrp.HopLimit}
	a := vrrp.Advert{Version: vrrp.V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{vip}}
	if p.advert != nil {
		p.advert(&a, &e)
	}
	b := a.Append(nil, e)
	if p.octets != nil {
		b = p.octets(b, e)
	}
	n.w.segment.Inject(netif.Packet{Envelope: e, Payload: b, Fragmented: p.fragmented})
	synctest.Wait()
}

// advert makes a packet of an advert that is encoded as it is.
func advert(spoil func(*vrrp.Advert, *vrrp.Envelope)) func(*node) {
	return func(n *node) { packet{advert: spoil}.to(n) }
}

// octet makes one of an otherwise good advert with another octet in it.
func octet(at int, b byte) func(*node) {
	return func(n *node) {
		packet{octets: func(p []byte, _ vrrp.Envelope) []byte { p[at] = b; return p }}.to(n)
	}
}

// password makes one of version 2 that bears an authentication.
func password(kind uint8, word string) func(*node) {
	return advert(func(a *vrrp.Advert, _ *vrrp.Envelope) {
		a.Version, a.AuthType = vrrp.V2, kind
		copy(a.AuthData[:], word)
	})
}

// signed makes one that a key signs at a distance from now, spoiled afterwards.
func signed(id uint8, ago time.Duration, spoil func(trailer []byte)) packet {
	return packet{octets: func(b []byte, e vrrp.Envelope) []byte {
		auth := &vrrp.Auth{Keys: []vrrp.Key{{ID: id, Secret: vrrp.Secret(strings.Repeat("k", 32))}}, ActiveKey: id}
		n := len(b)
		b = vrrp.NewProof(auth, time.Second, nil).Seal(b, e, time.Now().Add(-ago))
		if spoil != nil {
			spoil(b[n:])
		}
		return b
	}}
}

// pause lets a second go by: one advert of a master.
func pause(n *node) { n.w.pass(time.Second) }

// better hears a better master.
func better(n *node) { packet{}.to(n) }

const (
	quietly = "garp_master_repeat 1\ngarp_master_delay 0" // one announcement in a reign
	v2      = "version 2"
	sealed  = "auth_hmac {\nkey 1 kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\nactive_key 1\n}"
)

// counting has a case for every counter. The first of those that move is the one
// it is for; the others count another side of the same event.
var counting = []struct {
	moves  string // all that move, by one each
	lines  string // of the instance
	master bool   // it is master before
	event  func(*node)
}{
	{moves: "eth0 checksum_errors", event: octet(6, 0xff)},
	{moves: "eth0 version_errors", event: octet(0, 0x21)},
	{moves: "eth0 vrid_errors", event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.VRID = 99 })},
	{moves: "eth0 short_packets", event: func(n *node) {
		packet{octets: func(b []byte, _ vrrp.Envelope) []byte { return b[:7] }}.to(n)
	}},
	{moves: "eth0 destination_errors", event: advert(func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Dst = netip.MustParseAddr("192.0.2.1") })},
	{moves: "eth0 destination_errors", event: func(n *node) {
		packet{fragmented: true}.to(n)
	}},
	{moves: "eth0 invalid_type_rcvd", event: func(n *node) {
		packet{octets: func(b []byte, _ vrrp.Envelope) []byte { b[0], b[1] = 0x37, 99; return b }}.to(n)
	}},
	{moves: "eth0 packet_length_errors", event: func(n *node) {
		packet{octets: func(b []byte, _ vrrp.Envelope) []byte { b[1] = 99; return append(b, 0) }}.to(n)
	}},
	{moves: "eth0 ip_ttl_errors, V ip_ttl_errors", event: advert(func(_ *vrrp.Advert, e *vrrp.Envelope) { e.TTL = 254 })},

	{moves: "V master_transitions, V adv_sent, V garp_sent", event: func(n *node) { n.w.pass(down(100) + time.Millisecond) }},
	{moves: "V master_releases, V adv_rcvd", lines: v2, master: true, event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version = vrrp.V2 })},
	{moves: "V adv_rcvd", lines: v2, event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version = vrrp.V2 })},
	{moves: "V adv_sent", master: true, event: pause},
	{moves: "V adv_unsent", lines: "dont_track_primary", master: true, event: func(n *node) { n.SetUp("eth0", false); pause(n) }},
	{moves: "V priority_zero_rcvd, V adv_rcvd", lines: v2, event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version, a.Priority = vrrp.V2, 0 })},
	{moves: "V priority_zero_sent, V adv_sent, V master_releases", lines: "track_interface {\neth1\n}", master: true,
		event: func(n *node) { n.SetUp("eth1", false); synctest.Wait() }},
	{moves: "V rx_lower_priority_discarded, V adv_rcvd", lines: v2, event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version, a.Priority = vrrp.V2, 50 })},
	{moves: "V rx_ignored_initialize, V adv_rcvd, V checksum_rx_pseudo", lines: "track_script {\nchk\n}", event: better},
	{moves: "V rx_v2_ignored, V adv_rcvd", lines: "interop_v2v3", event: func(n *node) {
		before := n.tally()
		packet{}.to(n)
		for who := range n.tally().moved(before) {
			if who == "V rx_v2_ignored" {
				n.w.Error("an advert of version 3 is taken for the repetition of one")
			}
		}
		n.zero()
		advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version = vrrp.V2 })(n)
	}},
	{moves: "V contests, V rx_lower_priority_discarded, V adv_rcvd", lines: v2 + "\nlower_prio_no_advert\ngarp_lower_prio_repeat 0", master: true,
		event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version, a.Priority = vrrp.V2, 50 })},
	{moves: "V garp_sent, V addresses_restored", master: true, event: func(n *node) { n.drop("eth0", vip) }},
	{moves: "V na_sent, V addresses_restored", lines: "virtual_ipaddress_excluded {\n2001:db8::100/64\n}", master: true,
		event: func(n *node) { n.drop("eth0", netip.MustParseAddr("2001:db8::100")) }},
	{moves: "V addresses_restored, V garp_sent", master: true, event: func(n *node) { n.drop("eth0", vip) }},
	{moves: "V changes_refused, V addresses_restored", master: true, event: func(n *node) {
		n.Refuse(func(c netif.Change) error { return errors.New("no") })
		n.drop("eth0", vip)
	}},

	{moves: "V interval_errors", event: func(n *node) {
		packet{octets: func(b []byte, e vrrp.Envelope) []byte {
			b[4], b[5] = 0, 0
			vrrp.Resum(b, e, vrrp.Pseudo)
			return b
		}}.to(n)
	}},
	{moves: "V invalid_type_rcvd", event: octet(0, 0x37)},
	{moves: "V address_list_errors", event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Addresses = nil })},
	{moves: "V packet_length_errors", event: func(n *node) {
		packet{octets: func(b []byte, _ vrrp.Envelope) []byte { return append(b, 0) }}.to(n)
	}},
	{moves: "V ip_ttl_errors, eth0 ip_ttl_errors", event: advert(func(_ *vrrp.Advert, e *vrrp.Envelope) { e.TTL = 1 })},
	{moves: "V checksum_rx_pseudo, V adv_rcvd", event: better},
	{moves: "V checksum_rx_message_only, V adv_rcvd", event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Checksum = vrrp.MessageOnly })},
	{moves: "V own_address_drops", event: advert(func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Src = netip.MustParseAddr("192.0.2.1") })},
	{moves: "V owner_conflicts", lines: v2 + "\npriority 255", master: true, event: advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version = vrrp.V2 })},
	{moves: "V invalid_auth_type", lines: v2, event: password(2, "")},
	{moves: "V auth_type_mismatch", lines: v2, event: password(1, "guess")},
	{moves: "V auth_failures", lines: v2 + "\nauthentication {\nauth_type PASS\nauth_pass right\n}", event: password(1, "wrong")},
	{moves: "V auth_ext_missing", lines: sealed, event: better},
	{moves: "V auth_ext_malformed", lines: sealed, event: signed(1, 0, func(t []byte) { t[0] = 2 }).to},
	{moves: "V auth_ext_unknown_key", lines: sealed, event: signed(2, 0, nil).to},
	{moves: "V auth_ext_invalid_hmac", lines: sealed, event: signed(1, 0, func(t []byte) { t[27] ^= 1 }).to},
	{moves: "V auth_ext_stale", lines: sealed, event: signed(1, time.Minute, nil).to},
	{moves: "V auth_ext_replay", lines: sealed, event: func(n *node) {
		again := signed(1, 0, nil)
		again.to(n)
		n.zero()
		again.to(n)
	}},
	{moves: "V auth_ext_unknown_peer", lines: sealed + "\nunicast_src_ip 192.0.2.1\nunicast_peer {\n192.0.2.8\n}", event: func(n *node) {
		p := signed(1, 0, nil)
		p.advert = func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Dst = netip.MustParseAddr("192.0.2.1") }
		p.to(n)
	}},
}

// M-60: one event moves one counter by one, and no other but those that count
// another side of it; what links count is in their sum too.
//
// M-1, M-2, M-3, M-4, M-5, M-6, M-7, M-8, M-9, M-10, M-11, M-12, M-13, M-30,
// M-31, M-32, M-33, M-34, M-35, M-36, M-37, M-38, M-39, M-40, M-41, M-42, M-50,
// M-51, M-52, M-53, M-54, M-55, M-56.
func TestEveryCounterMovesByOne(t *testing.T) {
	for _, test := range counting {
		name, _, _ := strings.Cut(test.moves, ",")
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1)
				n.Attach(w.segment, "eth1", []byte{2, 0, 0, 0, 1, 1})
				check := "vrrp_script chk {\nscript \"/bin/true\"\n}\n"
				n.start(check + globals + instance("V", "eth0", 51, "192.0.2.100/24", "priority 100", quietly, test.lines))
				if test.master {
					w.pass(down(100) + time.Second)
					n.is(Master)
				}
				n.zero()
				test.event(n)
				want := make(tally)
				for who := range strings.SplitSeq(test.moves, ", ") {
					want[who] = 1
					if link, ok := strings.CutPrefix(who, "eth0 "); ok {
						want["all "+link] = 1
					}
				}
				if got := n.tally(); !maps.Equal(got, want) {
					t.Errorf("moved: %v, want %v", got, want)
				}
			})
		})
	}
}

// M-60: no counter is without a case.
func TestEveryCounterHasACase(t *testing.T) {
	has := make(map[string]bool)
	for _, test := range counting {
		name, _, _ := strings.Cut(test.moves, ",")
		has[name] = true
	}
	for name := range new(Counters).All {
		if !has["V "+name] {
			t.Errorf("no case for %s of a router", name)
		}
	}
	for c := vrrp.NoCounter + 1; c < vrrp.NumCounters; c++ {
		if c.OfLink() && !has["eth0 "+c.String()] {
			t.Errorf("no case for %s of a link", c)
		}
	}
}

// M-61: counters outlast transitions, a reload, a link that is made anew and
// another sync group; only an operator clears them, which moves their beginning.
func TestCountersLast(t *testing.T) {
	inWorld(t, func(w *world) {
		grouped := globals + instance("V", "eth0", 51, "192.0.2.100/24", "priority 100") +
			instance("W", "eth1", 52, "198.51.100.100/24", "priority 100") + "vrrp_sync_group G {\ngroup {\nV\nW\n}\n}\n"
		n := w.node(1)
		again := func() {
			n.Attach(w.segment, "eth1", []byte{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("198.51.100.1/24"))
		}
		again()
		n.start(grouped)
		begun := w.begin
		for _, hear := range []func(*node){
			advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Priority = 50 }),
			advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.VRID = 99 }), better,
		} {
			hear(n)
		}
		before := n.tally()
		for _, name := range []string{"V rx_lower_priority_discarded", "V adv_rcvd", "eth1 vrid_errors", "all vrid_errors"} {
			if before[name] == 0 {
				t.Fatalf("%s has not moved: this test proves nothing", name)
			}
		}
		lasts := func(what string) {
			t.Helper()
			synctest.Wait()
			after := n.tally()
			for name, c := range before {
				if after[name] < c {
					t.Errorf("%s: %s was %d and is %d", what, name, c, after[name])
				}
			}
			before = after
			if s, err := n.Status(w.Context()); err != nil || !s.Since.Equal(begun) {
				t.Errorf("%s: the counters begin at %v, %v; want %v", what, s.Since, err, begun)
			}
		}
		w.pass(10 * time.Second)
		lasts("transitions")
		n.Remove("eth1")
		lasts("a link that goes")
		again()
		lasts("a link that is made anew")
		n.Reload(parse(w, strings.Replace(grouped, "priority 100", "priority 101", 1)))
		lasts("a reload")
		n.Reload(parse(w, grouped[:strings.Index(grouped, "vrrp_sync_group")]))
		lasts("another group")

		n.zero()
		w.pass(0)
		s, err := n.Status(w.Context())
		if err != nil || !s.Since.Equal(time.Now()) {
			t.Errorf("the counters begin at %v, %v; want now, %v", s.Since, err, time.Now())
		}
		if left := slices.Collect(maps.Keys(n.tally())); len(left) > 0 {
			t.Errorf("not cleared: %v", left)
		}
	})
}

// R-24, T-9, S-26, S-34, S-38: in virtual time, where nothing is late but what is
// late by design: beside ten packets a millisecond, of which every one is wrong or
// of a lesser master, a master advertises at its times to the nanosecond, answers
// lesser masters each tenth of a second and no oftener, and its backup is silent.
func TestAFloodMovesNoTimer(t *testing.T) {
	for _, test := range []struct {
		name    string
		shots   []func(*vrrp.Advert, *vrrp.Envelope)
		answers int // in a second
		moves   map[string]uint64
	}{
		{"what is wrong", []func(*vrrp.Advert, *vrrp.Envelope){
			func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version = vrrp.V2 },
			func(_ *vrrp.Advert, e *vrrp.Envelope) { e.TTL = 1 },
			func(a *vrrp.Advert, _ *vrrp.Envelope) { a.VRID = 99 },
			func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Addresses = nil },
			func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Src = netip.MustParseAddr("192.0.2.1") },
		}, 0, map[string]uint64{"eth0 version_errors": 6000, "V ip_ttl_errors": 6000, "eth0 vrid_errors": 6000,
			"V address_list_errors": 6000, "V own_address_drops": 6000}},
		{"lesser masters", []func(*vrrp.Advert, *vrrp.Envelope){
			func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Priority = 1 },
			func(a *vrrp.Advert, e *vrrp.Envelope) { a.Priority, e.Src = 99, netip.MustParseAddr("192.0.2.250") },
		}, 10, map[string]uint64{"V rx_lower_priority_discarded": 30000, "V adv_rcvd": 30000}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n1, n2 := pair(w)
				begun := w.now()
				n1.zero()
				for range 3000 {
					for i := range 10 {
						e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.9"), Dst: vrrp.Group4, TTL: vrrp.HopLimit}
						a := vrrp.Advert{Version: vrrp.V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{vip}}
						test.shots[i%len(test.shots)](&a, &e)
						w.segment.Inject(netif.Packet{Envelope: e, Payload: a.Append(nil, e)})
					}
					w.pass(time.Millisecond)
				}
				n1.is(Master)
				n2.is(Backup)
				due, answers := 0, 0
				for _, a := range n1.heard() {
					switch {
					case a.at <= begun:
					case (a.at-down(150))%time.Second == 0:
						due++
					default:
						answers++
					}
				}
				if due != 3 || answers < 3*test.answers-3 || answers > 3*test.answers {
					t.Errorf("%d adverts in time and %d answers, want 3 and %d", due, answers, 3*test.answers)
				}
				if sent := n2.heard(); len(sent) > 0 {
					t.Errorf("the backup has sent %d adverts", len(sent))
				}
				counts := n1.tally()
				for name, want := range test.moves {
					if counts[name] != want {
						t.Errorf("%s is %d, want %d", name, counts[name], want)
					}
				}
			})
		})
	}
}

// What the wire itself has lost is told: a full receive buffer can look like the
// silence of a peer. Clearing the counters begins anew.
func TestTheWireTellsWhatItHasLost(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Wire().Lost = netif.WireCounts{Overflows: 7, Malformed: 2}
		n.start("vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.100\n}\n}\n")
		lost := func() netif.WireCounts {
			s, err := n.Status(w.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s.Wire
		}
		if c := lost(); c.Overflows != 7 || c.Malformed != 2 {
			t.Errorf("lost %+v", c)
		}
		n.zero()
		if c := lost(); c != (netif.WireCounts{}) {
			t.Errorf("lost %+v since the counters were cleared", c)
		}
	})
}
