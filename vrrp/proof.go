package vrrp

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash"
	"net/netip"
	"time"
)

// A Proof is the running side of auth_hmac for one virtual router: its keys
// ready to sign, the last sequence it sent, and the marks of those it heard.
// Like all that belongs to a router, it serves one goroutine.
//
// Nothing of it is kept on disk: a restart continues from the clock (H-17).
type Proof struct {
	signers []signer
	active  int // of signers; -1: this router does not sign
	mode    Mode
	replay  AntiReplay
	window  int64 // seconds

	last Sequence // sent
	sent bool     // false: none yet, which no value of last can say (H-16)

	marks marks

	// Scratch space: what a hash.Hash is handed would else be allocated each time.
	head   [20]byte
	digest [sha256.Size]byte
}

// A signer is one key at work.
type signer struct {
	id     uint8
	secret Secret
	mac    hash.Hash
}

// zeros stands in for what reads as zero while the HMAC is computed: the
// checksum and the HMAC itself.
var zeros [16]byte

// NewProof starts a proof from settings that Auth.Check finds no fault with. The
// interval gives the time window its default, the peers are those of a unicast router
// and none otherwise. Without keys there is nothing to prove: it returns nil.
func NewProof(auth *Auth, interval time.Duration, peers []Peer) *Proof {
	if !auth.Sealed() {
		return nil
	}
	p := &Proof{}
	p.Configure(auth, interval, peers)
	return p
}

// Configure changes the settings of a proof that runs. Marks and the last
// sequence stay, those of peers that are gone excepted (H-32); keys that are
// no longer there are overwritten (H-46), for which the proof has copies.
func (p *Proof) Configure(auth *Auth, interval time.Duration, peers []Peer) {
	p.Clear()
	for _, key := range auth.Keys {
		secret := append(Secret(nil), key.Secret...)
		if key.ID == auth.ActiveKey && auth.Mode != ReceiveOnly {
			p.active = len(p.signers)
		}
		p.signers = append(p.signers, signer{key.ID, secret, hmac.New(sha256.New, secret)})
	}
	p.mode, p.replay, p.window = auth.Mode, auth.Replay, auth.window(interval)
	p.marks.keep(peers)
}

// Clear overwrites the keys of a proof that is no longer needed (H-46); it
// proves nothing from then on. A nil proof has none.
func (p *Proof) Clear() {
	if p == nil {
		return
	}
	for _, s := range p.signers {
		s.secret.Clear()
	}
	p.signers, p.active = nil, -1
}

// Signs reports whether own adverts bear a trailer (H-12). A nil proof signs
// none.
func (p *Proof) Signs() bool { return p != nil && p.active >= 0 }

// Seal appends the trailer to an advert that Append made, which is all of b,
// and sets the checksum right where that covers the trailer (H-11). It returns
// b as it is when adverts are not signed (H-12); a nil proof signs none.
//
// A unicast router seals once and calls Resum for each further peer (H-14).
func (p *Proof) Seal(b []byte, e Envelope, wall time.Time) []byte {
	if !p.Signs() {
		return b
	}
	n := len(b)
	b = append(b, hmacSHA256, p.signers[p.active].id, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(p.next(wall)))
	b = append(b, zeros[:]...)
	copy(b[n+hmacOffset:], p.sum(&p.signers[p.active], b, n, e))
	if e.v6() {
		Resum(b, e, Pseudo)
	}
	return b
}

// next draws the next sequence (H-13). A clock that stands or was set back
// does not keep it from growing, unless what was sent last lies so far ahead
// that the receivers, who go by time, would take it for stale.
func (p *Proof) next(wall time.Time) Sequence {
	now := sequenceAt(wall)
	ahead := p.replay == ByTime && -p.last.lag(now) > p.window
	if p.sent && !now.after(p.last) && !ahead {
		now = p.last + 1
	}
	p.last, p.sent = now, true
	return now
}

// Open verifies the trailer of a received advert, whose message is the first n
// bytes of b and whose checksum has been verified. The checks are in the order
// of H-22 to H-29: what costs no hash first.
func (p *Proof) Open(b []byte, n int, e Envelope, wall time.Time) (Warnings, Fault) {
	if len(b) == n {
		if p.mode == Enforce {
			return 0, TrailerMissing
		}
		return 0, Accepted
	}
	t, _ := ParseTrailer(b)
	if t.Type != hmacSHA256 || t.Reserved != 0 {
		return 0, TrailerMalformed
	}
	now := sequenceAt(wall)
	lag := t.Sequence.lag(now)
	if lag < 0 {
		lag = -lag
	}
	if p.replay == ByTime && lag > p.window {
		return 0, TrailerStale
	}
	key := p.signer(t.Key)
	if key == nil {
		return 0, TrailerUnknownKey
	}
	if subtle.ConstantTimeCompare(p.sum(key, b, n, e), t.HMAC[:]) != 1 {
		return 0, TrailerBadHMAC
	}
	mark := p.marks.of(e.Src.WithZone(""))
	if mark == nil {
		return 0, TrailerUnknownPeer
	}
	if p.replay == ByTime {
		mark.forget(now, p.window)
	}
	if !mark.advance(t.Sequence) {
		return 0, TrailerReplayed
	}
	if p.replay == ByTime && lag > p.window/2 {
		return ClockSkew, Accepted
	}
	return 0, Accepted
}

func (p *Proof) signer(id uint8) *signer {
	for i := range p.signers {
		if p.signers[i].id == id {
			return &p.signers[i]
		}
	}
	return nil
}

// sum computes the HMAC of an advert whose message has n bytes and whose
// trailer stands behind it (H-5 to H-7). The result is valid until the next.
func (p *Proof) sum(key *signer, b []byte, n int, e Envelope) []byte {
	p.head = [20]byte{4, b[0] >> 4, b[1], 0}
	if src := e.Src; src.Is4() {
		copy4(p.head[4:], src)
	} else {
		p.head[0] = 6
		x := src.As16()
		copy(p.head[4:], x[:])
	}
	key.mac.Reset()
	key.mac.Write(p.head[:])
	key.mac.Write(b[:6])
	key.mac.Write(zeros[:2])
	key.mac.Write(b[headerSize : n+hmacOffset])
	key.mac.Write(zeros[:])
	return key.mac.Sum(p.digest[:0])[:16]
}

func copy4(b []byte, a netip.Addr) {
	x := a.As4()
	copy(b, x[:])
}
