package bfd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// A Speaker speaks with neighbours. Sessions share a socket to hear with for
// each family and port, which is open as long as one of them needs it. The
// zero Speaker is ready to use.
type Speaker struct {
	mu    sync.Mutex
	ears  map[door]*ear
	talks map[uint32]*talk // by discriminator
}

// A talk is a session and the way to it for packets.
type talk struct {
	set   Settings
	door  door
	heard chan Packet
}

// retry is how long to wait before trying again to open a socket, such as one
// on a source address that is not there yet.
const retry = time.Second

// Keep keeps a session until ctx ends, on the goroutine of the caller, and
// then shuts it down. It calls report when the session is up, with nil, and
// when it is not, with the reason: once at the start, and then whenever either
// has changed.
func (sp *Speaker) Keep(ctx context.Context, set Settings, report func(error)) {
	var said string
	tell := func(err error) {
		now := "up"
		if err != nil {
			now = err.Error()
		}
		if now != said {
			said = now
			report(err)
		}
	}
	if !set.Neighbor.IsValid() {
		tell(errors.New("it has no neighbour"))
		<-ctx.Done()
	}
	for ctx.Err() == nil {
		if err := sp.keep(ctx, set, tell); err != nil {
			tell(fmt.Errorf("speak to %v: %w", set.Neighbor, err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
	}
}

// keep keeps a session until ctx ends or its sockets fail.
func (sp *Speaker) keep(ctx context.Context, set Settings, tell func(error)) error {
	mouth, err := openMouth(set)
	if err != nil {
		return err
	}
	defer mouth.Close()
	talk, id, err := sp.join(set)
	if err != nil {
		return err
	}
	defer sp.leave(id)

	began := time.Now()
	session := NewSession(set, id, rand.Float64, 0)
	timer := time.NewTimer(0)
	defer timer.Stop()
	var buffer [packetLen]byte
	for {
		select {
		case <-ctx.Done():
			mouth.say(session.Farewell().Append(buffer[:0]))
			return nil
		case p := <-talk.heard:
			session.Hear(time.Since(began), p)
		case <-timer.C:
		}
		now := time.Since(began)
		for p, due := session.Tick(now); due; p, due = session.Tick(now) {
			// What cannot be sent is a packet that the neighbour misses: it
			// will say so, or the session will expire.
			mouth.say(p.Append(buffer[:0]))
		}
		tell(session.Why())
		timer.Reset(session.Due() - time.Since(began))
	}
}

// join enters a session among those that are listened for.
func (sp *Speaker) join(set Settings) (*talk, uint32, error) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	if sp.talks == nil {
		sp.talks, sp.ears = make(map[uint32]*talk), make(map[door]*ear)
	}
	t := &talk{set: set, door: doorOf(set), heard: make(chan Packet, 16)}
	e := sp.ears[t.door]
	if e == nil {
		var err error
		if e, err = openEar(t.door); err != nil {
			return nil, 0, err
		}
		sp.ears[t.door] = e
		go e.listen(sp.deliver)
	}
	e.users++
	id := rand.Uint32()
	for id == 0 || sp.talks[id] != nil {
		id = rand.Uint32()
	}
	sp.talks[id] = t
	return t, id, nil
}

func (sp *Speaker) leave(id uint32) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	t := sp.talks[id]
	delete(sp.talks, id)
	e := sp.ears[t.door]
	if e.users--; e.users == 0 {
		e.conn.Close()
		delete(sp.ears, t.door)
	}
}

// A letter is a packet, and where it came from.
type letter struct {
	from, to netip.Addr
	ttl      int
	Packet
}

// deliver gives a packet to the session that it is for: the one it names, or
// the one with that neighbour (RFC 5880 §6.8.6, RFC 5881 §3 and §5). What a
// session cannot take in, because it is behind, is lost as on the wire.
func (sp *Speaker) deliver(d door, l letter) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	t := sp.talks[l.Yours]
	if l.Yours == 0 {
		for _, o := range sp.talks {
			if o.isFor(d, l) {
				t = o
				break
			}
		}
	}
	if t == nil || !t.isFor(d, l) {
		return
	}
	select {
	case t.heard <- l.Packet:
	default:
	}
}

// isFor reports whether a packet is from the neighbour of a talk, and not from
// too far away.
func (t *talk) isFor(d door, l letter) bool {
	return t.door == d && t.set.Neighbor == l.from && (!t.set.Source.IsValid() || t.set.Source == l.to) &&
		(t.set.MaxHops == AnyHops || l.ttl >= int(t.set.TTL)-t.set.MaxHops)
}
