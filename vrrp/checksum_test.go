package vrrp

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// W-41 to W-44: both forms of every frame that has two, and the one of those
// that have one.
func TestResum(t *testing.T) {
	for _, v := range readVectors(t).Vectors {
		b, e, ok := v.open()
		if !ok || v.Decoded.VRRP == nil {
			continue
		}
		h, _ := ParseHeader(b)
		if _, f := frame(h, len(b), e.v6()); f != Accepted {
			continue // a sum of something without a length
		}
		for form, want := range map[ChecksumForm]hexNumber{Pseudo: v.Decoded.Forms.Pseudo, MessageOnly: v.Decoded.Forms.MessageOnly} {
			if h.Version == V2 {
				want = v.Decoded.Forms.MessageOnly
			} else if e.v6() {
				want = v.Decoded.Forms.Pseudo
			}
			b := append([]byte(nil), b...)
			Resum(b, e, form)
			if got := binary.BigEndian.Uint16(b[6:]); got != uint16(want) {
				t.Errorf("%s, %v: got %04x, want %04x", v.Name, form, got, want)
			}
		}
	}
}

// W-46, W-49, Q-1, Q-5: which forms are accepted under which setting, and as
// what. W-50: no setting accepts what fits no form.
func TestChecksumForms(t *testing.T) {
	type setting = func(*Profile)
	both := func(*Profile) {}
	pseudo := func(p *Profile) { p.AcceptPseudoOnly = true }
	message := func(p *Profile) { p.AcceptMessageOnly = true }
	old := func(p *Profile) { p.AcceptPseudoGroup = true }
	for _, story := range []struct {
		name string
		form ChecksumForm
		set  setting
		want Fault
	}{
		{"both", Pseudo, both, Accepted},
		{"both", MessageOnly, both, Accepted},
		{"both", PseudoGroup, both, BadChecksum},
		{"pseudo", Pseudo, pseudo, Accepted},
		{"pseudo", MessageOnly, pseudo, BadChecksum},
		{"message-only", Pseudo, message, BadChecksum},
		{"message-only", MessageOnly, message, Accepted},
		{"old unicast", Pseudo, old, Accepted},
		{"old unicast", PseudoGroup, old, Accepted},
	} {
		s := v3()
		s.p.Group, s.e.Dst = netip.Addr{}, me4
		s.p.Auth, s.p.Proof, s.sender = nil, nil, nil
		s.a.Checksum = story.form
		story.set(s.p)
		var a Advert
		_, f := s.p.Check(s.a.Append(nil, s.e), s.e, midnight, &a)
		if f != story.want || f == Accepted && (a.Checksum != story.form || a.FitsBoth) {
			t.Errorf("%s, sent as %v: got %v, as %v", story.name, story.form, f, a.Checksum)
		}
		s.badChecksum = true
		if _, f := s.play(); f != BadChecksum {
			t.Errorf("%s, a wrong checksum sent as %v: got %v", story.name, story.form, f)
		}
	}
}

// W-48, Q-4: settings for version 3 over IPv4 do not touch the others, and what
// is summed in another form is wrong.
func TestChecksumFormsOfOthers(t *testing.T) {
	for _, s := range []*scene{v2(), v6()} {
		s.p.AcceptMessageOnly = true
		if _, f := s.play(); f != Accepted {
			t.Errorf("version %d from %v, message-only: %v", s.a.Version, s.e.Src, f)
		}
		s.p.AcceptMessageOnly, s.p.AcceptPseudoOnly = false, true
		if _, f := s.play(); f != Accepted {
			t.Errorf("version %d from %v, pseudo: %v", s.a.Version, s.e.Src, f)
		}
		s.p.AcceptPseudoOnly = false
		b := s.a.Append(nil, s.e)
		other := Envelope{Src: netip.IPv6Unspecified(), Dst: netip.IPv6Unspecified()} // of which nothing is summed
		if s.a.Version == V2 {
			b[0] = V3<<4 | 1
			Resum(b, s.e, Pseudo) // as if it were of version 3
			b[0] = V2<<4 | 1
		} else {
			Resum(b, other, Pseudo)
		}
		if _, f := s.p.Check(b, s.e, midnight, &Advert{}); f != BadChecksum {
			t.Errorf("version %d from %v, in another form: %v", s.a.Version, s.e.Src, f)
		}
	}
}

// W-47: a sum that fits both forms says so, because nothing is learned of it.
// It takes a source whose pseudo-header sums up to nothing.
func TestChecksumThatFitsBoth(t *testing.T) {
	a := Advert{Version: V3, VRID: 20, Priority: 120, Interval: time.Second, Addresses: addrs("192.0.2.20")}
	// 224.0.0.18, protocol 112 and 12 bytes are e08e; the rest to ffff is 1f71.
	e := Envelope{netip.MustParseAddr("31.113.0.0"), Group4, HopLimit}
	for _, form := range []ChecksumForm{Pseudo, MessageOnly} {
		a.Checksum = form
		var got Advert
		if f := got.Decode(a.Append(nil, e), e); f != Accepted || !got.FitsBoth || got.Checksum != Pseudo {
			t.Errorf("sent as %v: got %v, %v, fits both: %v", form, f, got.Checksum, got.FitsBoth)
		}
	}
}

// W-40: the sum of an odd number of bytes, by the definition.
func TestSum(t *testing.T) {
	b := []byte{0xff, 0xff, 0xfe, 0x01, 0x80, 0x00, 0x7f, 0xff, 0x12}
	for n := range len(b) + 1 {
		want := uint32(0)
		for i, x := range b[:n] {
			want += uint32(x) << (8 * (1 - i%2))
			want = want>>16 + want&0xffff
		}
		if got := sum(0).bytes(b[:n]).fold(); got != uint16(want) {
			t.Errorf("%d bytes: got %04x, want %04x", n, got, want)
		}
	}
}
