package bfd

import (
	"fmt"
	"net/netip"
	"time"
)

// Settings are those of a session (bfd_instance).
type Settings struct {
	Neighbor   netip.Addr    // invalid: none, and the session stays down
	Source     netip.Addr    // of Neighbor's family; invalid: the kernel's choice
	MinTx      time.Duration // how often to send at most while up; 1 µs to 4294 s
	MinRx      time.Duration // how often to hear at most; likewise
	IdleTx     time.Duration // how often to send while not up; 1 s at least
	Multiplier uint8         // how many packets the other side may miss; 1 to 255
	Passive    bool          // say nothing before the other side does
	TTL        uint8         // of what is sent, and of what is heard, less MaxHops
	MaxHops    int           // how many hops may lie between; AnyHops: any number
	Multihop   bool          // speak to port 4784 instead of 3784 (RFC 5883)
}

// AnyHops is a MaxHops that lets every packet in.
const AnyHops = -1

// A Session is one side of a conversation with a neighbour. It knows no clock:
// every moment is a time since some start.
type Session struct {
	set    Settings
	jitter func() float64 // from 0 up to 1

	state      State
	diagnostic Diagnostic
	mine       uint32

	yours        uint32 // 0: unknown
	remote       State
	remoteMinTx  time.Duration
	remoteMinRx  time.Duration
	remoteDemand bool
	remoteMult   uint8
	polling      bool // the other side must confirm our new interval
	answer       bool // a Final is due
	news         bool // the state has changed since the last packet
	spoke        time.Duration
	next         time.Duration // when to speak again, unless silent
	heard        time.Duration
	patience     time.Duration // one more interval, once, after a stall of our own
}

const never = time.Duration(1<<63 - 1)

// NewSession begins a session at the moment now. The discriminator must not be
// 0 and tells the session from all others of this system.
func NewSession(set Settings, discriminator uint32, jitter func() float64, now time.Duration) *Session {
	return &Session{
		set: set, jitter: jitter, state: Down, mine: discriminator,
		remote: Down, remoteMinRx: time.Microsecond, next: now, spoke: now,
	}
}

// State returns the state of the session.
func (s *Session) State() State { return s.state }

// Why says why the session is not up, in words that stay the same as long as
// the reason does.
func (s *Session) Why() error {
	n := s.set.Neighbor
	switch {
	case s.state == Up:
		return nil
	case s.remote == AdminDown:
		return fmt.Errorf("%v has shut the session down", n)
	case s.diagnostic == NeighborSignaledDown:
		return fmt.Errorf("%v no longer hears this side", n)
	case s.diagnostic == DetectionTimeExpired:
		return fmt.Errorf("%v is silent", n)
	}
	return fmt.Errorf("%v has not come up yet", n)
}

// Hear takes in a packet that was heard at the moment now (RFC 5880 §6.8.6).
func (s *Session) Hear(now time.Duration, p Packet) {
	was := s.interval()
	s.yours, s.remote, s.remoteDemand = p.Mine, p.State, p.Demand
	s.remoteMinTx, s.remoteMinRx, s.remoteMult = p.MinTx, p.MinRx, p.Multiplier
	s.heard, s.patience = now, 0
	s.answer = s.answer || p.Poll
	if p.Final {
		s.polling = false
	}
	switch {
	case p.State == AdminDown:
		if s.state != Down {
			s.become(Down, NeighborSignaledDown)
		}
	case s.state == Down && p.State == Down:
		s.become(Init, s.diagnostic)
	case s.state == Down && p.State == Init, s.state == Init && p.State >= Init:
		s.become(Up, NoDiagnostic)
		s.polling = true // the interval is another one from now on
	case s.state == Up && p.State == Down:
		s.become(Down, NeighborSignaledDown)
	}
	if is := s.interval(); is < was {
		s.schedule(is)
	}
}

func (s *Session) become(state State, why Diagnostic) {
	s.state, s.diagnostic, s.news, s.polling = state, why, true, false
}

// interval returns how often to speak: as often as both sides want (§6.8.7).
func (s *Session) interval() time.Duration {
	own := s.set.MinTx
	if s.state != Up {
		own = s.set.IdleTx
	}
	return max(own, s.remoteMinRx)
}

// schedule sets the next packet an interval after the last one, but a random
// part of it earlier, so that no two systems fall into step.
func (s *Session) schedule(interval time.Duration) {
	part := 0.75 + s.jitter()/4
	if s.set.Multiplier == 1 { // the other side waits for a single packet
		part = 0.75 + s.jitter()*0.15
	}
	s.next = s.spoke + time.Duration(part*float64(interval))
}

// silent reports whether there is nothing to say in turn.
func (s *Session) silent() bool {
	return s.set.Passive && s.yours == 0 || s.remoteMinRx == 0 ||
		s.remoteDemand && s.state == Up && s.remote == Up && !s.polling
}

// detection returns how long the other side may be silent (§6.8.4).
func (s *Session) detection() time.Duration {
	return time.Duration(s.remoteMult) * max(s.set.MinRx, s.remoteMinTx)
}

// expiry is when the other side has been silent for too long.
func (s *Session) expiry() time.Duration {
	if s.yours == 0 {
		return never
	}
	return s.heard + s.detection() + s.patience
}

// Due returns when Tick has something to do, at the latest.
func (s *Session) Due() time.Duration {
	switch {
	case s.answer, s.news && !s.silent():
		return 0
	case s.silent():
		return s.expiry()
	}
	return min(s.next, s.expiry())
}

// Tick does what is due at the moment now. It returns a packet to send, or
// false if there is none.
func (s *Session) Tick(now time.Duration) (Packet, bool) {
	if late := now - s.expiry(); late >= 0 {
		s.expire(now, late)
	}
	switch {
	case s.answer:
		s.answer = false
		p := s.packet()
		p.Poll, p.Final = false, true
		return p, true
	case s.silent() || !s.news && now < s.next:
		return Packet{}, false
	}
	s.news, s.spoke = false, now
	s.schedule(s.interval())
	return s.packet(), true
}

// expire gives the other side up. Who notices that much too late has been
// stalled, and what the other side has said meanwhile may be waiting to be
// heard: it gets one more interval, once.
func (s *Session) expire(now, late time.Duration) {
	interval := max(s.set.MinRx, s.remoteMinTx)
	if late > interval && s.patience == 0 {
		s.patience = now + interval - s.heard - s.detection()
		return
	}
	s.yours, s.remote, s.remoteMinRx, s.remoteDemand = 0, Down, time.Microsecond, false
	if s.state != Down {
		s.become(Down, DetectionTimeExpired)
	}
}

func (s *Session) packet() Packet {
	own := s.set.MinTx
	if s.state != Up {
		own = s.set.IdleTx
	}
	return Packet{
		Diagnostic: s.diagnostic, State: s.state, Poll: s.polling, Multiplier: s.set.Multiplier,
		Mine: s.mine, Yours: s.yours, MinTx: own, MinRx: s.set.MinRx,
	}
}

// Farewell shuts the session down for good and returns the packet that says
// so, lest the other side take it for a failure (§6.8.16).
func (s *Session) Farewell() Packet {
	s.become(AdminDown, AdministrativelyDown)
	return s.packet()
}
