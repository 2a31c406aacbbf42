package vrrp

import (
	"bytes"
	"net/netip"
	"testing"
	"time"
)

var (
	midnight = time.Unix(1_790_000_000, 0) // some time of day
	me4      = netip.MustParseAddr("192.0.2.2")
	peer4    = netip.MustParseAddr("192.0.2.3")
	me6      = netip.MustParseAddr("fe80::2")
	peer6    = netip.MustParseAddr("fe80::3")
)

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func testKey(id uint8) Key { return Key{id, bytes.Repeat([]byte{id}, 32)} }

// A scene is an advert on its way to a router, and all that can be made wrong
// about it. Fields from wrong on are defects.
type scene struct {
	a Advert
	e Envelope
	p *Profile

	sender *Auth // nil: no trailer

	version, typ                uint8
	zeroInterval, zeroInterval2 bool // as version 3 or version 2 has it
	badTrailer, badHMAC, replay bool
	signedAt                    time.Time
	badChecksum, long, short    bool
	noProfile                   bool
}

// v3 sets the scene for a signed advert of version 3 over IPv4, v2 for one of
// version 2 with a password, v6 for one over IPv6 in plain.
func v3() *scene {
	auth := func() *Auth {
		return &Auth{Keys: []Key{testKey(1)}, ActiveKey: 1}
	}
	list := addrs("192.0.2.20", "192.0.2.21")
	p := &Profile{Version: V3, Interval: time.Second, Addresses: list, Primary: me4, Group: Group4, Auth: auth()}
	p.Proof = NewProof(p.Auth, p.Interval, nil)
	return &scene{
		// The destination is not part of this form, so that it can be wrong by itself.
		a:      Advert{Version: V3, VRID: 20, Priority: 120, Interval: time.Second, Addresses: list, Checksum: MessageOnly},
		e:      Envelope{peer4, Group4, HopLimit},
		p:      p,
		sender: auth(), version: V3, typ: advertisement, signedAt: midnight,
	}
}

func v2() *scene {
	s := v3()
	s.sender = nil
	s.p.Version, s.p.Proof, s.p.Auth = V2, nil, &Auth{Password: Secret("s3cr3t")}
	s.a.Version, s.version = V2, V2
	s.p.Auth.Sign(&s.a)
	return s
}

func v6() *scene {
	s := v3()
	s.sender, s.p.Proof, s.p.Auth = nil, nil, nil
	s.a.Addresses = addrs("fe80::1e", "2001:db8::1e")
	s.p.Addresses, s.p.Primary, s.p.Group = s.a.Addresses, me6, Group6
	s.e = Envelope{peer6, Group6, HopLimit}
	return s
}

// play sends the advert.
func (s *scene) play() (Warnings, Fault) {
	b := s.a.Append(nil, s.e)
	if s.zeroInterval {
		b[4], b[5] = 0, 0
	}
	if s.zeroInterval2 {
		b[5] = 0
	}
	Resum(b, s.e, s.a.Checksum)
	n := len(b)
	if s.sender != nil {
		b = NewProof(s.sender, s.a.Interval, nil).Seal(b, s.e, s.signedAt)
		if s.replay {
			s.p.Proof.marks.of(s.e.Src).advance(sequenceAt(s.signedAt))
		}
		if s.badTrailer {
			b[n] = 2
		}
		if s.badHMAC {
			b[len(b)-1] ^= 1
		}
	}
	b[0] = s.version<<4 | s.typ
	if s.version == s.a.Version && !s.e.v6() {
		Resum(b[:n], s.e, s.a.Checksum)
	}
	if s.badChecksum {
		b[7] ^= 1
	}
	if s.long {
		b = append(b, 0, 0, 0, 0)
	}
	if s.short {
		b = b[:7]
	}
	p := s.p
	if s.noProfile {
		p = nil
	}
	var a Advert
	return p.Check(b, s.e, midnight, &a)
}

// A defect breaks one rule, if it can be broken in the scene.
type defect struct {
	fault Fault
	make  func(*scene)
}

var envelopeDefects = []defect{
	{BadDestination, func(s *scene) { s.e.Dst = s.e.Dst.Next() }},
	{TooShort, func(s *scene) { s.short = true }},
	{BadTTL, func(s *scene) { s.e.TTL = 254 }},
	{BadVersion, func(s *scene) { s.version = 4 }},
	{BadType, func(s *scene) { s.typ = 2 }},
	{BadLength, func(s *scene) { s.long = true }},
	{BadChecksum, func(s *scene) { s.badChecksum = true }},
	{UnknownVRID, func(s *scene) { s.noProfile = true }},
	{OwnAddress, func(s *scene) { s.e.Src = s.p.Primary }},
}

var trailerDefects = []defect{
	{TrailerMalformed, func(s *scene) { s.badTrailer = true }},
	{TrailerStale, func(s *scene) { s.signedAt = midnight.Add(-time.Hour) }},
	{TrailerUnknownKey, func(s *scene) { s.sender.Keys[0].ID, s.sender.ActiveKey = 9, 9 }},
	{TrailerBadHMAC, func(s *scene) { s.badHMAC = true }},
	{TrailerReplayed, func(s *scene) { s.replay = true }},
}

// otherList makes both addresses others, of which the first is not link-local.
func otherList(s *scene) {
	s.a.Addresses = []netip.Addr{s.a.Addresses[1].Next(), s.a.Addresses[1].Next().Next()}
}

// offLink asks for sources on the link, which has two networks.
func offLink(s *scene) {
	s.p.RequireOnLink = true
	s.p.OnLink = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("192.0.2.0/24")}
}

func ownerIgnores(s *scene) { s.p.Owner, s.p.OwnerIgnoresAdvert = true, true }

// checks run in the order of the table, and the first that fails is
// the verdict. Every pair of defects is put into one packet.
//
// A defect makes a pair with itself, too, and so each check is proved:
// and
// R-19; V-2, V-8, V-9, V-15, V-16 and V-17 are the same rules; and between R-10
// and R-11 there is R-20, which is H-20, H-22, H-23, H-24, H-25, H-26 and H-27.
func TestCheckOrder(t *testing.T) {
	join := func(lists ...[]defect) (all []defect) {
		for _, list := range lists {
			all = append(all, list...)
		}
		return all
	}
	for _, story := range []struct {
		name    string
		scene   func() *scene
		defects []defect
	}{
		{"v3 signed", v3, join(envelopeDefects, trailerDefects, []defect{
			{NoAddresses, func(s *scene) { s.a.Addresses = nil }},
			{ZeroInterval, func(s *scene) { s.zeroInterval = true }},
			{OwnerHearsNoAdverts, ownerIgnores},
		})},
		{"v2 with password", v2, join(envelopeDefects, []defect{
			{NoAddresses, func(s *scene) { s.a.Addresses = nil }},
			{UnknownAuthType, func(s *scene) { s.a.AuthType = 2 }}, // W-34
			{WrongInterval, func(s *scene) { s.a.Interval = 2 * time.Second }},
			{WrongAddresses, otherList},
			{OwnerHearsNoAdverts, ownerIgnores},
		})},
		{"v2 password", v2, []defect{
			{WrongPassword, func(s *scene) { s.a.AuthData[7] = 1 }}, // W-35: all eight bytes count
			{WrongInterval, func(s *scene) { s.a.Interval = 2 * time.Second }},
		}},
		{"v2 authentication type", v2, []defect{
			{WrongAuthType, func(s *scene) { s.a.AuthType = NoAuth }},
			{WrongPassword, func(s *scene) { s.a.AuthData[7] = 1 }},
		}},
		{"v3 IPv6", v6, join(envelopeDefects, []defect{
			{ZeroInterval, func(s *scene) { s.zeroInterval = true }},
			{LinkLocalNotFirst, func(s *scene) { otherList(s); s.p.RequireLinkLocalFirst = true }},
			{OwnerHearsNoAdverts, ownerIgnores},
		})},
		{"trailer not configured", v3, []defect{
			{UnexpectedTrailer, func(s *scene) { s.p.Auth, s.p.Proof = nil, nil }},
			{BadChecksum, func(s *scene) { s.badChecksum = true }},
		}},
		{"trailer missing", v3, []defect{
			{OwnAddress, func(s *scene) { s.e.Src = s.p.Primary }},
			{TrailerMissing, func(s *scene) { s.sender = nil }},
			{NoAddresses, func(s *scene) { s.a.Addresses = nil }},
		}},
	} {
		t.Run(story.name, func(t *testing.T) {
			if w, f := story.scene().play(); w != 0 || f != Accepted {
				t.Fatalf("without a defect: got %v and %q", f, w)
			}
			for i, first := range story.defects {
				for _, second := range story.defects[i:] {
					if first.fault == BadDestination && second.fault == UnknownVRID {
						continue // no router, so no group to compare with
					}
					s := story.scene()
					second.make(s)
					first.make(s)
					if w, f := s.play(); w != 0 || f != first.fault {
						t.Errorf("%v, then %v: got %s %v and %q", first.fault, second.fault, f.Rule(), f, w)
					}
				}
			}
		})
	}
}

// What only warns, by rule, and what makes a drop of it.
func TestCheckWarnings(t *testing.T) {
	for _, story := range []struct {
		name  string
		scene *scene
		make  func(*scene)
		want  Warnings
		fault Fault
	}{
		{"R-15: v2, another list from an owner", v2(), func(s *scene) { otherList(s); s.a.Priority = Owner }, OtherList, Accepted},
		{"R-15: v2, a resigning master is not exempt", v2(), func(s *scene) { otherList(s); s.a.Priority = Resign }, 0, WrongAddresses},
		{"R-15: v2, another list, as keepalived", v2(), func(s *scene) { otherList(s); s.p.AnyAddressList = true }, OtherList, Accepted},
		{"R-15: v2, another order", v2(), func(s *scene) { s.a.Addresses = addrs("192.0.2.21", "192.0.2.20") }, 0, Accepted},
		{"R-15: v2, one address twice is another set", v2(), func(s *scene) { s.a.Addresses = addrs("192.0.2.20", "192.0.2.20") }, 0, WrongAddresses},
		{"R-15: v2, one address less", v2(), func(s *scene) { s.a.Addresses = addrs("192.0.2.20") }, 0, WrongAddresses},
		{"R-15: v2, one address more", v2(), func(s *scene) { s.a.Addresses = addrs("192.0.2.20", "192.0.2.21", "192.0.2.22") }, 0, WrongAddresses},
		{"R-15: v2, the same set with a repetition", v2(), func(s *scene) { s.a.Addresses = addrs("192.0.2.20", "192.0.2.21", "192.0.2.20") }, 0, Accepted},
		{"R-16, V-9, Q-15: v3, another list", v3(), otherList, OtherList, Accepted},
		{"R-16: another list, of one that is known", v3(), func(s *scene) { otherList(s); s.p.Known = peer4 }, 0, Accepted},
		{"R-15: v2, another list, of one that is known", v2(), func(s *scene) { otherList(s); s.p.Known = peer4 }, 0, Accepted},
		{"R-16: another list, of somebody else", v3(), func(s *scene) { otherList(s); s.p.Known = peer4.Next() }, OtherList, Accepted},
		{"R-17: IPv6, link-local not first, of one that is known", v6(), func(s *scene) { otherList(s); s.p.Known = peer6 }, NoLinkLocal, Accepted},
		{"R-17, Q-7: IPv6, link-local not first", v6(), func(s *scene) { s.a.Addresses = addrs("2001:db8::1e", "fe80::1e") }, NoLinkLocal, Accepted},
		{"R-16 and R-17", v6(), otherList, OtherList | NoLinkLocal, Accepted},
		{"R-18, V-2: v3, another interval", v3(), func(s *scene) { s.a.Interval = 2 * time.Second }, OtherInterval, Accepted},
		{"R-19, V-14: v3, an owner hears another master", v3(), func(s *scene) { s.p.Owner = true }, OwnerHeard, Accepted},
		{"R-19, V-8: v2, an owner hears nobody", v2(), func(s *scene) { s.p.Owner = true }, 0, OwnerHearsNoAdverts},
		{"R-0: a drop takes its warnings along", v3(), func(s *scene) { otherList(s); ownerIgnores(s) }, 0, OwnerHearsNoAdverts},
		{"H-30: the clocks differ by half a window", v3(), func(s *scene) { s.signedAt = midnight.Add(-3 * time.Second) }, ClockSkew, Accepted},
		{"H-30: the clocks differ by less", v3(), func(s *scene) { s.signedAt = midnight.Add(2 * time.Second) }, 0, Accepted},
		{"H-24: exactly the window is fresh", v3(), func(s *scene) { s.signedAt = midnight.Add(5 * time.Second) }, ClockSkew, Accepted},
		{"H-24: a second more is stale", v3(), func(s *scene) { s.signedAt = midnight.Add(6 * time.Second) }, 0, TrailerStale},
		{"R-6, Q-10: type 7", v2(), func(s *scene) { s.typ = 7 }, 0, BadType},
		{"R-12, Q-17: interval 0", v3(), func(s *scene) { s.zeroInterval = true }, 0, ZeroInterval},
		{"R-5, Q-9: v2 to a router of v3", v3(), func(s *scene) { s.version = V2 }, 0, BadVersion},
		{"R-5, Q-9: v3 to a router of v2", v2(), func(s *scene) { s.version = V3 }, 0, BadVersion},
		{"R-5: v2 over IPv6 does not exist (W-36)", v6(), func(s *scene) { s.p.Version, s.version = V2, V2 }, 0, BadVersion},
		{"R-17: IPv6, link-local not first, and that matters", v6(), func(s *scene) {
			s.a.Addresses = addrs("2001:db8::1e", "fe80::1e")
			s.p.RequireLinkLocalFirst = true
		}, 0, LinkLocalNotFirst},
		{"R-22: a source of another network", v3(), func(s *scene) { s.e.Src = netip.MustParseAddr("198.51.100.3") }, 0, Accepted},
		{"R-22: it must be on the link", v3(), func(s *scene) { offLink(s); s.e.Src = netip.MustParseAddr("198.51.100.3") }, 0, OffLinkSource},
		{"R-22: it is on the link", v3(), offLink, 0, Accepted},
		{"R-22: IPv6, a source that is not link-local", v6(), func(s *scene) { s.e.Src = netip.MustParseAddr("2001:db8::3") }, 0, Accepted},
		{"R-22: it must be link-local", v6(), func(s *scene) { offLink(s); s.e.Src = netip.MustParseAddr("2001:db8::3") }, 0, OffLinkSource},
		{"R-22: it is link-local", v6(), offLink, 0, Accepted},
		{"keys without a proof fail closed", v3(), func(s *scene) { s.p.Proof = nil }, 0, TrailerMissing},
	} {
		t.Run(story.name, func(t *testing.T) {
			story.make(story.scene)
			if w, f := story.scene.play(); w != story.want || f != story.fault {
				t.Errorf("got %q, %v; want %q, %v", w, f, story.want, story.fault)
			}
		})
	}
}

// mixed sets the scene for an advert of version 2 on its way to a router of
// version 3 that understands both.
func mixed() *scene {
	s := v2()
	s.p.Version, s.p.Auth, s.p.BothVersions = V3, nil, true
	s.p.Interval = 1500 * time.Millisecond
	s.a.AuthType, s.a.AuthData = NoAuth, [8]byte{}
	s.a.Interval = 2 * time.Second
	return s
}

// V-30, V-32: a router of version 3 understands version 2 if it is told to, and
// holds it against nobody that the interval is another, rounded or not.
func TestCheckMixedVersions(t *testing.T) {
	for _, story := range []struct {
		name  string
		scene *scene
		make  func(*scene)
		want  Warnings
		fault Fault
	}{
		{"V-30: off", mixed(), func(s *scene) { s.p.BothVersions = false }, 0, BadVersion},
		{"V-32: on", mixed(), func(s *scene) {}, 0, Accepted},
		{"V-31: an interval that is rounded is the same", mixed(), func(s *scene) { s.p.Interval = 1010 * time.Millisecond }, 0, Accepted},
		{"V-32: another interval is no reason to drop", mixed(), func(s *scene) { s.a.Interval = 5 * time.Second }, OtherInterval, Accepted},
		{"R-12: but none at all is", mixed(), func(s *scene) { s.zeroInterval2 = true }, 0, ZeroInterval},
		{"R-13: version 3 has no password", mixed(), func(s *scene) { s.a.AuthType = SimplePassword }, 0, WrongAuthType},
		{"R-19: an owner hears it as it hears version 3", mixed(), func(s *scene) { s.p.Owner = true }, OwnerHeard, Accepted},
		{"R-15: the list of version 2 counts", mixed(), otherList, 0, WrongAddresses},
		{"W-48: no checksum form but its own", mixed(), func(s *scene) { s.p.AcceptMessageOnly = true }, 0, Accepted},
		{"R-5: no other version", mixed(), func(s *scene) { s.version = 4 }, 0, BadVersion},
		{"V-30: version 2 does not understand version 3", v3(), func(s *scene) { s.p.Version = V2 }, 0, BadVersion},
		{"W-36: nor is there version 2 over IPv6", v6(), func(s *scene) { s.p.BothVersions, s.version = true, V2 }, 0, BadVersion},
		{"V-32: version 3 as ever", v3(), func(s *scene) { s.p.BothVersions = true }, 0, Accepted},
	} {
		t.Run(story.name, func(t *testing.T) {
			story.make(story.scene)
			if w, f := story.scene.play(); w != story.want || f != story.fault {
				t.Errorf("got %q, %v; want %q, %v", w, f, story.want, story.fault)
			}
		})
	}
}

// V-31.
func TestWholeSeconds(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{
		10 * time.Millisecond: time.Second, time.Second: time.Second, 1010 * time.Millisecond: 2 * time.Second,
		MaxIntervalV3: 41 * time.Second,
	} {
		if got := WholeSeconds(d); got != want {
			t.Errorf("%v: %v, want %v", d, got, want)
		}
	}
}

// A zone says where a link-local address was heard; it is no part of it.
func TestCheckIgnoresZones(t *testing.T) {
	s := v6()
	s.e.Src = s.e.Src.WithZone("eth0")
	if w, f := s.play(); w != 0 || f != Accepted {
		t.Errorf("from %v: got %v and %q", s.e.Src, f, w)
	}
	s.e.Src = me6.WithZone("eth0")
	if _, f := s.play(); f != OwnAddress {
		t.Errorf("from %v: got %v, want %v", s.e.Src, f, OwnAddress)
	}
}

// U-2 to U-4, and H-29 for unicast.
func TestCheckUnicast(t *testing.T) {
	other := netip.MustParseAddr("192.0.2.9")
	unicast := func(make func(*scene)) *scene {
		s := v3()
		s.p.Group, s.e.Dst = netip.Addr{}, me4
		s.p.Peers = []Peer{{Addr: peer4}}
		s.p.Auth, s.p.Proof, s.sender = nil, nil, nil
		make(s)
		return s
	}
	signed := func(s *scene) {
		s.sender = v3().sender
		s.p.Auth = s.sender
		s.p.Proof = NewProof(s.p.Auth, time.Second, s.p.Peers)
	}
	for _, story := range []struct {
		name string
		make func(*scene)
		want Fault
	}{
		{"from a peer", func(s *scene) {}, Accepted},
		{"U-3: any TTL", func(s *scene) { s.e.TTL = 12 }, Accepted},
		{"U-3: below min_ttl", func(s *scene) { s.e.TTL = 253; s.p.Peers[0].MinTTL = 254 }, BadTTL},
		{"U-3: at min_ttl", func(s *scene) { s.e.TTL = 254; s.p.Peers[0].MinTTL = 254 }, Accepted},
		{"U-3: above max_ttl", func(s *scene) { s.e.TTL = 255; s.p.Peers[0].MaxTTL = 254 }, BadTTL},
		{"U-3: at max_ttl", func(s *scene) { s.e.TTL = 254; s.p.Peers[0].MaxTTL = 254 }, Accepted},
		{"U-4: multicast", func(s *scene) { s.e.Dst = Group4 }, BadDestination},
		{"a stranger, as keepalived", func(s *scene) { s.e.Src = other }, Accepted},
		{"U-2: a stranger", func(s *scene) { s.e.Src = other; s.p.CheckUnicastSource = true }, UnknownPeer},
		{"H-29: a signed peer", signed, Accepted},
		{"H-29: a signed stranger", func(s *scene) { signed(s); s.e.Src = other }, TrailerUnknownPeer},
		{"R-4: an unknown VRID, from afar", func(s *scene) { s.noProfile = true; s.e.TTL = 12 }, UnknownVRID},
	} {
		t.Run(story.name, func(t *testing.T) {
			if _, f := unicast(story.make).play(); f != story.want {
				t.Errorf("got %v, want %v", f, story.want)
			}
		})
	}
}

// Every fault is a rule, a text and a counter, and each of them is told apart.
func TestFaultsAndCountersAreNamed(t *testing.T) {
	texts := map[string]Fault{}
	for f := Accepted + 1; f < NumFaults; f++ {
		if f.Rule() == "" || f.Counter() == NoCounter || f.Error() == "" {
			t.Errorf("fault %d: rule %q, counter %q, text %q", f, f.Rule(), f.Counter(), f.Error())
		}
		if other, ok := texts[f.Error()]; ok {
			t.Errorf("faults %d and %d are both %q", other, f, f.Error())
		}
		texts[f.Error()] = f
		var c, want Counters
		c.Drop(f)
		want[f.Counter()] = 1 // M-60
		if c != want {
			t.Errorf("fault %d moves %v", f, c)
		}
		if f.Err() == nil {
			t.Errorf("fault %d is no error", f)
		}
	}
	if Accepted.Err() != nil {
		t.Error("Accepted is an error")
	}
	names := map[string]Counter{}
	for c := NoCounter + 1; c < NumCounters; c++ {
		if c.Rule() == "" || c.String() == "" || !c.OfLink() && !c.OfRouter() {
			t.Errorf("counter %d: rule %q, name %q", c, c.Rule(), c)
		}
		if other, ok := names[c.String()]; ok {
			t.Errorf("counters %d and %d are both %q", other, c, c)
		}
		names[c.String()] = c
	}
}

// one packet moves address_list_errors once. W-46: the form that
// fitted is counted.
func TestAcceptedAdvertsAreCounted(t *testing.T) {
	e4, e6 := Envelope{Src: peer4}, Envelope{Src: peer6}
	for _, story := range []struct {
		a    Advert
		e    Envelope
		w    Warnings
		want []Counter
	}{
		{Advert{Version: V3}, e4, 0, []Counter{ChecksumRxPseudo}},
		{Advert{Version: V3, Checksum: PseudoGroup}, e4, 0, []Counter{ChecksumRxPseudo}},
		{Advert{Version: V3, Checksum: MessageOnly}, e4, 0, []Counter{ChecksumRxMessageOnly}},
		{Advert{Version: V2}, e4, 0, nil},
		{Advert{Version: V3}, e6, OtherList | NoLinkLocal, []Counter{AddressListErrors}},
		{Advert{Version: V3}, e6, OtherInterval | OwnerHeard | ClockSkew, []Counter{IntervalErrors, OwnerConflicts}},
	} {
		var got, want Counters
		got.Accept(&story.a, story.e, story.w)
		for _, c := range story.want {
			want[c]++
		}
		if got != want {
			t.Errorf("%+v from %v with %q: got %v, want %v", story.a, story.e.Src, story.w, got, want)
		}
	}
}

func TestWarningsAreNamed(t *testing.T) {
	w := OtherList | ClockSkew
	if got, want := w.String(), "other addresses than configured; the sender's clock differs"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var rules []string
	for one := range w.All {
		rules = append(rules, one.Rule()+" "+one.Counter().String())
	}
	if len(rules) != 2 || rules[0] != "R-16 address_list_errors" || rules[1] != "H-30 " {
		t.Errorf("got %q", rules)
	}
	if none := Warnings(0); none.String() != "" || none.Rule() != "" || none.Counter() != NoCounter {
		t.Error("no warning has a name")
	}
}
