package vrrp

import (
	"bytes"
	"testing"
)

// H-21, R-7: what is 28 bytes longer than the message has a trailer, and no
// other length is right. Without auth_hmac that length is wrong, too (H-20).
func TestATrailerIsRecognisedByLength(t *testing.T) {
	for _, s := range []*scene{v3(), v2(), v6()} {
		auth := v3().p.Auth
		auth.Mode = Permissive
		s.p.Auth, s.p.Proof = auth, NewProof(auth, s.p.Interval, nil)
		plain := s.a
		plain.AuthType, plain.AuthData = NoAuth, [8]byte{}
		message := plain.Append(nil, s.e)
		sealed := NewProof(v3().sender, s.p.Interval, nil).Seal(bytes.Clone(message), s.e, midnight)
		for n := len(message) - 4; n <= len(message)+2*TrailerSize; n++ {
			b := make([]byte, n)
			copy(b, sealed)
			want := BadLength
			switch n {
			case len(message):
				copy(b, message)
				want = Accepted
			case len(sealed):
				want = Accepted
			}
			var a Advert
			if _, f := s.p.Check(b, s.e, midnight, &a); f != want || f == Accepted && a.Signed != (n > len(message)) {
				t.Errorf("version %d, %d bytes of %d: %v, signed %v", s.a.Version, n, len(message), f, a.Signed)
			}
		}
		s.p.Auth, s.p.Proof = nil, nil
		var a Advert
		if _, f := s.p.Check(sealed, s.e, midnight, &a); f != UnexpectedTrailer || f.Counter() != PacketLengthErrors {
			t.Errorf("version %d without auth_hmac: %v", s.a.Version, f)
		}
	}
}

// H-31, R-25: the checksum comes before the proof, so that a damaged packet is
// counted as such and moves no mark: the whole one, which comes later, counts.
func TestADamagedPacketMovesNoMark(t *testing.T) {
	for _, s := range []*scene{v3(), v6()} {
		auth := monotonic()
		s.p.Auth, s.p.Proof = auth, NewProof(auth, s.p.Interval, nil)
		b := s.a.Append(nil, s.e)
		b = NewProof(auth, s.p.Interval, nil).Seal(b, s.e, midnight)
		damaged := bytes.Clone(b)
		damaged[6] ^= 0x40 // the checksum itself, which the HMAC does not cover
		var a Advert
		for i, story := range []struct {
			b    []byte
			want Fault
		}{{damaged, BadChecksum}, {b, Accepted}, {damaged, BadChecksum}, {b, TrailerReplayed}} {
			if _, f := s.p.Check(story.b, s.e, midnight, &a); f != story.want {
				t.Errorf("over %v, packet %d: got %v, want %v", s.e.Src, i, f, story.want)
			}
		}
	}
}
