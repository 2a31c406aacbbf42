// Package bfd keeps sessions of Bidirectional Forwarding Detection with
// neighbours (RFC 5880, RFC 5881; several hops: RFC 5883) and tells when one
// is lost, which takes a fraction of a second.
//
// A [Session] is pure: packets and moments go in, packets and a state come out.
// A [Speaker] owns the sockets and the clock, and drives a session for each
// neighbour. Sessions run in asynchronous mode, without authentication and
// without echoes; a neighbour's demand mode is honoured.
package bfd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A State is that of a session, by its number on the wire (RFC 5880 §4.1).
type State uint8

const (
	AdminDown State = iota // shut down by whoever runs the system
	Down
	Init // the other side is heard, but has not said yet that it hears us
	Up
)

func (s State) String() string {
	return [...]string{"AdminDown", "Down", "Init", "Up"}[s&3]
}

// A Diagnostic says why a session was last down (RFC 5880 §4.1).
type Diagnostic uint8

const (
	NoDiagnostic         Diagnostic = 0
	DetectionTimeExpired Diagnostic = 1 // nothing was heard
	NeighborSignaledDown Diagnostic = 3
	AdministrativelyDown Diagnostic = 7
)

// A Packet is a control packet without authentication (RFC 5880 §4.1).
type Packet struct {
	Diagnostic Diagnostic
	State      State
	Poll       bool // asks for a Final
	Final      bool // answers a Poll
	Demand     bool // the sender, when up, wants no packets but Polls
	Multiplier uint8
	Mine       uint32 // the sender's discriminator, not 0
	Yours      uint32 // the receiver's; 0: not known yet

	// Multiples of 1 µs, below 2^32 of them.
	MinTx time.Duration // the sender would like to send that often
	MinRx time.Duration // the sender wants to hear no more often; 0: nothing at all
}

const (
	packetLen = 24
	version   = 1 << 5

	flagPoll       = 0x20
	flagFinal      = 0x10
	flagAuth       = 0x04
	flagDemand     = 0x02
	flagMultipoint = 0x01
)

// Append appends the packet as it goes over the wire.
func (p Packet) Append(b []byte) []byte {
	flags := byte(p.State) << 6
	for _, f := range []struct {
		set bool
		bit byte
	}{{p.Poll, flagPoll}, {p.Final, flagFinal}, {p.Demand, flagDemand}} {
		if f.set {
			flags |= f.bit
		}
	}
	b = append(b, version|byte(p.Diagnostic), flags, p.Multiplier, packetLen)
	b = binary.BigEndian.AppendUint32(b, p.Mine)
	b = binary.BigEndian.AppendUint32(b, p.Yours)
	b = binary.BigEndian.AppendUint32(b, uint32(p.MinTx.Microseconds()))
	b = binary.BigEndian.AppendUint32(b, uint32(p.MinRx.Microseconds()))
	return binary.BigEndian.AppendUint32(b, 0) // no echoes
}

// What Parse refuses a packet for, in the order of RFC 5880 §6.8.6.
var (
	ErrShort         = errors.New("packet too short")
	ErrVersion       = errors.New("version is not 1")
	ErrLength        = errors.New("length field is wrong")
	ErrMultiplier    = errors.New("detect multiplier is 0")
	ErrMultipoint    = errors.New("multipoint bit is set")
	ErrDiscriminator = errors.New("discriminator is 0")
	ErrAuth          = errors.New("authenticated, and no key is set")
)

// Parse reads a packet and checks all that can be checked without knowing the
// session that it belongs to.
func Parse(b []byte) (Packet, error) {
	if len(b) < packetLen {
		return Packet{}, fmt.Errorf("%w: %d bytes", ErrShort, len(b))
	}
	p := Packet{
		Diagnostic: Diagnostic(b[0] & 0x1f),
		State:      State(b[1] >> 6),
		Poll:       b[1]&flagPoll != 0,
		Final:      b[1]&flagFinal != 0,
		Demand:     b[1]&flagDemand != 0,
		Multiplier: b[2],
		Mine:       binary.BigEndian.Uint32(b[4:]),
		Yours:      binary.BigEndian.Uint32(b[8:]),
		MinTx:      time.Duration(binary.BigEndian.Uint32(b[12:])) * time.Microsecond,
		MinRx:      time.Duration(binary.BigEndian.Uint32(b[16:])) * time.Microsecond,
	}
	switch {
	case b[0]&0xe0 != version:
		return Packet{}, fmt.Errorf("%w but %d", ErrVersion, b[0]>>5)
	case b[3] < packetLen || int(b[3]) > len(b):
		return Packet{}, fmt.Errorf("%w: %d of %d bytes", ErrLength, b[3], len(b))
	case p.Multiplier == 0:
		return Packet{}, ErrMultiplier
	case b[1]&flagMultipoint != 0:
		return Packet{}, ErrMultipoint
	case p.Mine == 0, p.Yours == 0 && p.State > Down:
		return Packet{}, ErrDiscriminator
	case b[1]&flagAuth != 0:
		return Packet{}, ErrAuth
	}
	return p, nil
}
