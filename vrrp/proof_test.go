package vrrp

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"testing"
	"time"
)

// H-8: the known answer of the draft. H-9: the input of its HMAC, signed here
// with nothing but the standard library.
func TestKnownAnswer(t *testing.T) {
	for _, v := range readVectors(t).HMAC {
		auth := &Auth{Keys: []Key{{1, Secret(v.Key)}}, ActiveKey: 1, Replay: ByMonotonic}
		e := Envelope{v.Source, Group4, HopLimit}
		want := append(append([]byte(nil), v.PDU...), v.Trailer...)
		trailer, ok := ParseTrailer(want)
		if !ok {
			t.Fatal("the known answer has no trailer")
		}

		mac := hmac.New(sha256.New, v.Key)
		mac.Write(v.HMACInput)
		if !bytes.Equal(mac.Sum(nil)[:16], trailer.HMAC[:]) {
			t.Errorf("%s: the input does not give the HMAC", v.Name)
		}
		p := NewProof(auth, time.Second, nil)
		if got := p.Seal(append([]byte(nil), v.PDU...), e, trailer.Sequence.Time()); !bytes.Equal(got, want) {
			t.Errorf("%s:\ngot  %x\nwant %x", v.Name, got, want)
		}
		if _, f := p.Open(want, len(v.PDU), e, time.Time{}); f != Accepted {
			t.Errorf("%s: %v", v.Name, f)
		}
	}
}

// hear has a proof open an advert that another sealed.
func hear(p, sender *Proof, src netip.Addr, sent, heard time.Time) Fault {
	s := v3()
	e := Envelope{src, Group4, HopLimit}
	b := s.a.Append(nil, e)
	n := len(b)
	_, f := p.Open(sender.Seal(b, e, sent), n, e, heard)
	return f
}

func monotonic() *Auth {
	return &Auth{Keys: []Key{testKey(1)}, ActiveKey: 1, Replay: ByMonotonic}
}

func byTime() *Auth { return &Auth{Keys: []Key{testKey(1)}, ActiveKey: 1} }

// H-13, H-15, H-16.
func TestSequenceOfSender(t *testing.T) {
	base := Sequence(0x6900_0000_4000_0000)
	at := base.Time()
	afterwards := Sequence(0xf000_0000_0000_0000) // beyond 2038 (H-16)
	for _, story := range []struct {
		name string
		auth *Auth
		sent bool
		last Sequence
		now  time.Time
		want Sequence
	}{
		{"the first is the clock's", byTime(), false, 0, at, base},
		{"the first is the clock's, beyond 2038 too", monotonic(), false, 0, afterwards.Time(), afterwards},
		{"the clock went on", byTime(), true, base - 1<<16, at, base},
		{"the clock stands", byTime(), true, base, at, base + 1},
		{"the counter runs over", byTime(), true, base | 0xffff, at, base + 0x1_0000},
		{"the clock was set back a little", byTime(), true, base + 5<<32, at, base + 5<<32 + 1},
		{"the clock was set back beyond the window", byTime(), true, base + 6<<32, at, base},
		{"the same by sequence alone", monotonic(), true, base + 6<<32, at, base + 6<<32 + 1},
		{"the seconds run over", byTime(), true, 0xffff_ffff_0000_0000, Sequence(1 << 16).Time(), 1 << 16},
	} {
		p := NewProof(story.auth, time.Second, nil)
		p.last, p.sent = story.last, story.sent
		if got := p.next(story.now); got != story.want || p.last != got {
			t.Errorf("%s: got %x, want %x", story.name, got, story.want)
		}
	}
}

func TestSequenceIsAMoment(t *testing.T) {
	for _, s := range []Sequence{0, 1 << 16, 0x6900_0000_4000_0000, 0x6900_0000_ffff_0000, 0xffff_ffff_ffff_0000} {
		if got := sequenceAt(s.Time()); got != s {
			t.Errorf("%x is %v, which is %x", s, s.Time(), got)
		}
	}
}

// H-27, H-28.
func TestReplay(t *testing.T) {
	for _, auth := range []*Auth{byTime(), monotonic()} {
		p := NewProof(auth, time.Second, nil)
		e := Envelope{peer4, Group4, HopLimit}
		a := v3().a
		plain := a.Append(nil, e)
		n := len(plain)
		sender := NewProof(auth, time.Second, nil)
		first := append([]byte(nil), sender.Seal(plain, e, midnight)...)
		second := append([]byte(nil), sender.Seal(first[:n:n], e, midnight)...)
		forged := append([]byte(nil), sender.Seal(first[:n:n], e, midnight.Add(time.Second))...)
		forged[len(forged)-1] ^= 1
		for i, story := range []struct {
			b    []byte
			want Fault
		}{
			{forged, TrailerBadHMAC}, // moves no mark
			{first, Accepted},
			{first, TrailerReplayed},
			{second, Accepted},
			{first, TrailerReplayed},
			{second, TrailerReplayed},
		} {
			if _, f := p.Open(story.b, n, e, midnight); f != story.want {
				t.Errorf("mode %d, packet %d: got %v, want %v", auth.Replay, i, f, story.want)
			}
		}
	}
}

// H-28: a sender whose clock was an hour ahead is heard again once it is right,
// by time; by the sequence alone it is not.
func TestMarksAreForgotten(t *testing.T) {
	hour := midnight.Add(time.Hour)
	for _, story := range []struct {
		auth *Auth
		want Fault
	}{{byTime(), Accepted}, {monotonic(), TrailerReplayed}} {
		p := NewProof(story.auth, time.Second, nil)
		sender := func() *Proof { return NewProof(story.auth, time.Second, nil) }
		if f := hear(p, sender(), peer4, hour, hour); f != Accepted {
			t.Fatal(f)
		}
		if f := hear(p, sender(), peer4, midnight, midnight); f != story.want {
			t.Errorf("mode %d: got %v, want %v", story.auth.Replay, f, story.want)
		}
	}
}

// H-24: the seconds are compared across their wrap, in the year 2106.
func TestFreshnessAcrossTheWrap(t *testing.T) {
	wrap := time.Unix(1<<32, 0)
	for _, story := range []struct {
		sent, heard time.Duration
		want        Fault
	}{
		{-time.Second, time.Second, Accepted},
		{time.Second, -time.Second, Accepted},
		{-10 * time.Second, time.Second, TrailerStale},
		{10 * time.Second, -time.Second, TrailerStale},
	} {
		p, sender := NewProof(byTime(), time.Second, nil), NewProof(byTime(), time.Second, nil)
		if f := hear(p, sender, peer4, wrap.Add(story.sent), wrap.Add(story.heard)); f != story.want {
			t.Errorf("sent %v from the wrap, heard %v: got %v, want %v", story.sent, story.heard, f, story.want)
		}
	}
}

// H-29: four senders of a group are remembered; a fifth takes the place of the
// one that was silent longest, where a replay counts as a sign of life.
func TestMarksOfAGroup(t *testing.T) {
	p := NewProof(monotonic(), time.Second, nil)
	from := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, i}) }
	say := func(i byte, want Fault) {
		t.Helper()
		if f := hear(p, NewProof(monotonic(), time.Second, nil), from(i), midnight, midnight); f != want {
			t.Errorf("sender %d: got %v, want %v", i, f, want)
		}
	}
	for i := range byte(4) {
		say(i, Accepted)
	}
	say(0, TrailerReplayed) // so that 1 is the least recent
	say(4, Accepted)
	say(0, TrailerReplayed)
	say(2, TrailerReplayed)
	say(3, TrailerReplayed)
	say(4, TrailerReplayed)
	say(1, Accepted) // forgotten
}

// H-32: marks and the last sequence outlive a reload.
func TestConfigureKeepsMarks(t *testing.T) {
	peers := []Peer{{Addr: peer4}, {Addr: me4}}
	for _, before := range [][]Peer{nil, peers} {
		p := NewProof(monotonic(), time.Second, before)
		sender := NewProof(monotonic(), time.Second, nil)
		if f := hear(p, sender, peer4, midnight, midnight); f != Accepted {
			t.Fatal(f)
		}
		last := p.next(midnight)
		if before != nil {
			before = []Peer{{Addr: netip.MustParseAddr("192.0.2.9")}, {Addr: peer4}}
		}
		p.Configure(monotonic(), 2*time.Second, before)
		if got := p.next(midnight); got != last+1 {
			t.Errorf("%d peers: sequence %x follows %x", len(before), got, last)
		}
		again := NewProof(monotonic(), time.Second, nil)
		if f := hear(p, again, peer4, midnight, midnight); f != TrailerReplayed {
			t.Errorf("%d peers: got %v, want %v", len(before), f, TrailerReplayed)
		}
	}
}

// H-12, H-22, H-48: every mix of two neighbouring steps of the roll-out hears
// one another, and a signed advert must verify in each.
func TestRollOut(t *testing.T) {
	off := (*Auth)(nil)
	with := func(m Mode) *Auth { a := byTime(); a.Mode = m; return a }
	accepts := func(receiver, sender *Auth) Fault {
		s := v3()
		s.sender, s.p.Auth, s.p.Proof = sender, receiver, NewProof(receiver, time.Second, nil)
		if sender == nil {
			s.sender = with(ReceiveOnly) // sends no trailer
		}
		_, f := s.play()
		return f
	}
	steps := []*Auth{off, with(ReceiveOnly), with(Permissive), with(Enforce)}
	for i := range steps[1:] {
		for _, pair := range [][2]*Auth{{steps[i], steps[i+1]}, {steps[i+1], steps[i]}, {steps[i], steps[i]}} {
			if f := accepts(pair[0], pair[1]); f != Accepted {
				t.Errorf("%+v hears %+v: %v", pair[0], pair[1], f)
			}
		}
	}
	if f := accepts(steps[3], steps[1]); f != TrailerMissing {
		t.Errorf("enforce hears receive-only: %v", f)
	}
	if f := accepts(steps[0], steps[2]); f != UnexpectedTrailer {
		t.Errorf("off hears permissive: %v", f)
	}
	for _, receiver := range steps[1:] {
		s := v3()
		s.badHMAC = true
		s.p.Auth, s.p.Proof = receiver, NewProof(receiver, time.Second, nil)
		if _, f := s.play(); f != TrailerBadHMAC {
			t.Errorf("mode %d hears a forged trailer: %v", receiver.Mode, f)
		}
	}
}

// H-47: no packet is lost in any mix of neighbouring steps of a rotation.
func TestRotation(t *testing.T) {
	auth := func(active uint8, ids ...uint8) *Auth {
		a := &Auth{ActiveKey: active}
		for _, id := range ids {
			a.Keys = append(a.Keys, testKey(id))
		}
		return a
	}
	steps := []*Auth{auth(1, 1), auth(1, 1, 2), auth(2, 1, 2), auth(2, 2)}
	for i := range steps[1:] {
		a, b := steps[i], steps[i+1]
		for _, pair := range [][2]*Auth{{a, b}, {b, a}} {
			p, sender := NewProof(pair[0], time.Second, nil), NewProof(pair[1], time.Second, nil)
			if f := hear(p, sender, peer4, midnight, midnight); f != Accepted {
				t.Errorf("keys %+v hear key %d: %v", pair[0], pair[1].ActiveKey, f)
			}
		}
	}
}

// H-14, W-49: a unicast router seals once, and every copy verifies where it
// arrives, the checksum too.
func TestUnicastCopies(t *testing.T) {
	for _, s := range []*scene{v3(), v6()} {
		s.p.Group, s.p.Auth = netip.Addr{}, byTime()
		s.a.Checksum = Pseudo
		b := s.a.Append(nil, Envelope{Src: s.e.Src, Dst: s.p.Primary})
		b = NewProof(byTime(), time.Second, nil).Seal(b, s.e, midnight)
		trailer, _ := ParseTrailer(b)
		for range 3 {
			e := Envelope{Src: s.e.Src, Dst: s.p.Primary}
			s.p.Primary = s.p.Primary.Next().Next()
			s.p.Proof = NewProof(s.p.Auth, time.Second, nil)
			Resum(b, e, s.a.Checksum)
			var a Advert
			if _, f := s.p.Check(b, e, midnight, &a); f != Accepted || !a.Signed {
				t.Errorf("to %v: %v", e.Dst, f)
			}
			if again, _ := ParseTrailer(b); again != trailer {
				t.Errorf("to %v: another seal", e.Dst)
			}
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	s := v3()
	p := NewProof(s.sender, time.Second, nil)
	pdu := s.a.Append(make([]byte, 0, 64), s.e)
	b.ReportAllocs()
	for b.Loop() {
		p.Seal(pdu, s.e, midnight)
	}
}
