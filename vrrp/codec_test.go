package vrrp

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// equal compares what an encoder writes of two adverts.
func equal(a, b Advert) bool {
	return a.Version == b.Version && a.VRID == b.VRID && a.Priority == b.Priority && a.Interval == b.Interval &&
		a.AuthType == b.AuthType && a.AuthData == b.AuthData && a.Signed == b.Signed &&
		(a.Checksum == b.Checksum || a.FitsBoth != b.FitsBoth) && slices.Equal(a.Addresses, b.Addresses)
}

// W-26, W-30.
func TestSize(t *testing.T) {
	for _, story := range []struct {
		version uint8
		v6      bool
		n, want int
	}{
		{V3, false, 1, 12}, {V3, false, 255, 1028},
		{V3, true, 2, 40}, {V3, true, 255, 4088},
		{V2, false, 1, 20}, {V2, false, 255, 1036},
	} {
		if got := Size(story.version, story.v6, story.n); got != story.want {
			t.Errorf("%+v: got %d", story, got)
		}
	}
}

// W-27.
func TestMostAddresses(t *testing.T) {
	for _, story := range []struct {
		version uint8
		v6      bool
		mtu     int
		sealed  bool
		want    int
	}{
		{V3, false, 1500, false, 255}, {V3, false, 1500, true, 255},
		{V3, true, 1500, false, 90}, {V3, true, 1500, true, 89},
		{V3, false, 68, false, 10}, {V2, false, 68, false, 8}, {V2, false, 68, true, 1},
		{V3, true, 40, false, 0}, {V3, false, 0, true, 0},
	} {
		if got := MostAddresses(story.version, story.v6, story.mtu, story.sealed); got != story.want {
			t.Errorf("%+v: got %d", story, got)
		}
	}
}

// W-24, W-31: whatever the interval, zero never goes out.
func TestAppendKeepsIntervalsInRange(t *testing.T) {
	for _, story := range []struct {
		version    uint8
		give, want time.Duration
	}{
		{V3, 0, 10 * time.Millisecond},
		{V3, -time.Second, 10 * time.Millisecond},
		{V3, 25 * time.Millisecond, 20 * time.Millisecond},
		{V3, time.Hour, 40950 * time.Millisecond},
		{V2, 400 * time.Millisecond, time.Second},
		{V2, 2500 * time.Millisecond, 2 * time.Second},
		{V2, time.Hour, 255 * time.Second},
	} {
		e := Envelope{peer4, Group4, HopLimit}
		give := Advert{Version: story.version, VRID: 1, Interval: story.give, Addresses: addrs("192.0.2.1")}
		var got Advert
		if f := got.Decode(give.Append(nil, e), e); f != Accepted || got.Interval != story.want {
			t.Errorf("version %d, %v: got %v and %v, want %v", story.version, story.give, got.Interval, f, story.want)
		}
	}
}

// W-22: an advert carries 255 addresses, and behind what the buffer held.
func TestAppendAppends(t *testing.T) {
	a := Advert{Version: V3, VRID: 1, Priority: 1, Interval: time.Second}
	for i := range 300 {
		a.Addresses = append(a.Addresses, netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}))
	}
	e := Envelope{peer4, Group4, HopLimit}
	b := a.Append([]byte("before"), e)
	if !bytes.HasPrefix(b, []byte("before")) {
		t.Fatal("what the buffer held is gone")
	}
	var got Advert
	if f := got.Decode(b[6:], e); f != Accepted || !slices.Equal(got.Addresses, a.Addresses[:255]) {
		t.Errorf("got %d addresses and %v", len(got.Addresses), f)
	}
}

// W-2, W-3.
func TestVirtualMAC(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		mac := VirtualMAC(v6, 20)
		if want := map[bool]string{false: "00:00:5e:00:01:14", true: "00:00:5e:00:02:14"}[v6]; mac.String() != want {
			t.Errorf("got %v, want %v", mac, want)
		}
		if got6, vrid, ok := IsVirtualMAC(mac); got6 != v6 || vrid != 20 || !ok {
			t.Errorf("%v: got %v, %d, %v", mac, got6, vrid, ok)
		}
		mac[4] += 2
		if _, _, ok := IsVirtualMAC(mac); ok {
			t.Errorf("%v is no virtual MAC", mac)
		}
	}
}

// What a router makes of it is in the vectors.
func TestLooksLikeCARP(t *testing.T) {
	carp := make([]byte, 36)
	copy(carp, []byte{0x21, 10, 0, 7, 0, 1})
	if !LooksLikeCARP(carp) {
		t.Error("CARP is not recognised")
	}
	e := Envelope{peer4, Group4, HopLimit}
	for n := range 9 {
		a := Advert{Version: V2, VRID: 10, Addresses: make([]netip.Addr, n)}
		for i := range a.Addresses {
			a.Addresses[i] = peer4
		}
		if LooksLikeCARP(a.Append(nil, e)) {
			t.Errorf("VRRPv2 with %d addresses looks like CARP", n)
		}
	}
	if LooksLikeCARP(nil) {
		t.Error("nothing looks like CARP")
	}
}

// gopacket has a decoder for version 2, written by others.
func TestSecondOpinion(t *testing.T) {
	for _, v := range readVectors(t).Vectors {
		b, e, ok := v.open()
		var ours Advert
		// It has no bounds checks, and takes everything for version 2.
		if !ok || ours.Decode(b, e) != Accepted || ours.Version != V2 {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			packet := gopacket.NewPacket(v.Bytes, layers.LayerTypeEthernet, gopacket.Default)
			theirs, ok := packet.Layer(layers.LayerTypeVRRP).(*layers.VRRPv2)
			if !ok {
				t.Fatal("gopacket finds no VRRP")
			}
			as := Advert{
				Version: theirs.Version, VRID: theirs.VirtualRtrID, Priority: theirs.Priority,
				Interval: time.Duration(theirs.AdverInt) * time.Second,
				AuthType: uint8(theirs.AuthType), AuthData: ours.AuthData, Signed: ours.Signed,
			}
			for _, ip := range theirs.IPAddress {
				addr, _ := netip.AddrFromSlice(ip)
				as.Addresses = append(as.Addresses, addr)
			}
			if !equal(ours, as) {
				t.Errorf("ours   %+v\ntheirs %+v", ours, as)
			}
		})
	}
}

// The hot path allocates nothing: neither to receive nor to send, signed or
// not, however many addresses there are.
func TestNoAllocation(t *testing.T) {
	for _, s := range []struct {
		name string
		*scene
	}{{"v3", v3()}, {"v2", v2()}, {"v6", v6()}} {
		b := s.a.Append(nil, s.e)
		if s.sender != nil {
			b = NewProof(s.sender, time.Second, nil).Seal(b, s.e, midnight)
		}
		var a Advert
		var c Counters
		check := func() {
			if s.p.Proof != nil {
				s.p.Proof.marks.list[0].set = false // the same packet again is a replay
			}
			w, f := s.p.Check(b, s.e, midnight, &a)
			if f != Accepted {
				t.Fatal(f)
			}
			c.Accept(&a, s.e, w)
		}
		check() // the buffers grow
		if n := testing.AllocsPerRun(100, check); n != 0 {
			t.Errorf("%s: Check allocates %v times", s.name, n)
		}
		if n := testing.AllocsPerRun(100, func() { a.Decode(b, s.e) }); n != 0 {
			t.Errorf("%s: Decode allocates %v times", s.name, n)
		}
		bad := append([]byte(nil), b...)
		bad[7] ^= 1
		if n := testing.AllocsPerRun(100, func() {
			_, f := s.p.Check(bad, s.e, midnight, &a)
			c.Drop(f)
		}); n != 0 {
			t.Errorf("%s: a drop allocates %v times", s.name, n)
		}
		out := NewProof(s.sender, time.Second, nil)
		if n := testing.AllocsPerRun(100, func() {
			b = out.Seal(s.a.Append(b[:0], s.e), s.e, midnight)
			Resum(b, s.e, s.a.Checksum)
		}); n != 0 {
			t.Errorf("%s: Append and Seal allocate %v times", s.name, n)
		}
	}
}

// fuzzEnvelope makes an envelope of either family.
func fuzzEnvelope(v6 bool) Envelope {
	if v6 {
		return Envelope{peer6, Group6, HopLimit}
	}
	return Envelope{peer4, Group4, HopLimit}
}

// any byte string gives a verdict. What decodes encodes to the same
// bytes, except for what a receiver ignores.
func FuzzDecode(f *testing.F) {
	for _, s := range []*scene{v3(), v2(), v6()} {
		f.Add(s.a.Append(nil, s.e), s.e.v6())
		b := s.a.Append(nil, s.e)
		f.Add(NewProof(v3().sender, time.Second, nil).Seal(b, s.e, midnight), s.e.v6())
	}
	for n := range 9 {
		f.Add(make([]byte, n), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		e := fuzzEnvelope(v6)
		var a Advert
		fault := a.Decode(b, e)
		ParseTrailer(b)
		LooksLikeCARP(b)
		for _, s := range []*scene{v3(), v2()} {
			if _, f := s.p.Check(b, e, midnight, &Advert{}); f == Accepted && fault != Accepted {
				t.Errorf("Check accepts what Decode calls %v", fault)
			}
		}
		if fault != Accepted || a.Signed {
			return
		}
		h, _ := ParseHeader(b)
		again := append([]byte(nil), b...)
		got := a.Append(nil, e)
		if h.Version == V3 {
			again[4] &= 0xf // W-23
		}
		if h.Interval == 0 {
			got[4], got[5] = 0, 0
		}
		// A checksum of -0 verifies as one of 0 does, but is not what is sent.
		Resum(again, e, a.Checksum)
		Resum(got, e, a.Checksum)
		if !bytes.Equal(got, again) {
			t.Errorf("decoded %x\nencoded %x", again, got)
		}
		if want := uint16(again[6])<<8 | uint16(again[7]); h.Reserved == 0 && h.Checksum != want && h.Checksum != 0xffff {
			t.Errorf("checksum %04x was accepted, %04x is right", h.Checksum, want)
		}
	})
}

// What is encoded decodes to the same.
func FuzzAppend(f *testing.F) {
	f.Add(uint8(20), uint8(120), uint16(100), []byte{192, 0, 2, 20}, uint8(0), "")
	f.Add(uint8(20), uint8(120), uint16(100), []byte{192, 0, 2, 20}, uint8(1), "")
	f.Add(uint8(30), uint8(0), uint16(4095), peer6.AsSlice(), uint8(2), "")
	f.Add(uint8(10), uint8(255), uint16(1), []byte{192, 0, 2, 1}, uint8(3), "s3cr3t")
	f.Fuzz(func(t *testing.T, vrid, priority uint8, interval uint16, list []byte, kind uint8, password string) {
		a := Advert{Version: V3, VRID: vrid, Priority: priority}
		e := fuzzEnvelope(kind == 2)
		a.Interval = time.Duration(interval%4095+1) * 10 * time.Millisecond
		switch kind {
		case 1:
			a.Checksum = MessageOnly
		case 3:
			a.Version, a.Interval = V2, time.Duration(interval%255+1)*time.Second
			(&Auth{Password: Secret(password)}).Sign(&a)
		}
		for size := addressSize(e.v6()); len(list) >= size && len(a.Addresses) < MaxAddresses; list = list[size:] {
			addr, _ := netip.AddrFromSlice(list[:size])
			a.Addresses = append(a.Addresses, addr)
		}
		b := a.Append(nil, e)
		if want := Size(a.Version, e.v6(), len(a.Addresses)); len(b) != want {
			t.Fatalf("%d bytes, want %d", len(b), want)
		}
		var got Advert
		if fault := got.Decode(b, e); fault != Accepted || !equal(got, a) {
			t.Errorf("encoded %+v\ndecoded %+v: %v", a, got, fault)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	benchmark(b, func(s *scene, p []byte, a *Advert) { a.Decode(p, s.e) })
}

func BenchmarkCheck(b *testing.B) {
	benchmark(b, func(s *scene, p []byte, a *Advert) {
		if s.p.Proof != nil {
			s.p.Proof.marks.list[0].set = false
		}
		if _, f := s.p.Check(p, s.e, midnight, a); f != Accepted {
			b.Fatal(f)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	benchmark(b, func(s *scene, p []byte, _ *Advert) { s.a.Append(p[:0], s.e) })
}

func benchmark(b *testing.B, do func(*scene, []byte, *Advert)) {
	many := v6()
	for i := len(many.a.Addresses); i < 90; i++ {
		many.a.Addresses = append(many.a.Addresses, many.a.Addresses[i-1].Next())
	}
	many.p.Addresses = many.a.Addresses
	plain := v3()
	plain.sender, plain.p.Auth, plain.p.Proof = nil, nil, nil
	for _, run := range []struct {
		name string
		s    *scene
	}{{"v3", plain}, {"v2", v2()}, {"v6", v6()}, {fmt.Sprint("v6 ", len(many.a.Addresses), " addresses"), many}, {"v3 signed", v3()}} {
		b.Run(run.name, func(b *testing.B) {
			p := run.s.a.Append(nil, run.s.e)
			p = NewProof(run.s.sender, time.Second, nil).Seal(p, run.s.e, midnight)
			var a Advert
			b.ReportAllocs()
			for b.Loop() {
				do(run.s, p, &a)
			}
		})
	}
}
