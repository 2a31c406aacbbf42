package fsm

import (
	"net/netip"
	"time"

	"regent/vrrp"
)

// speakers are the routers that were heard in version 3 by one that
// understands version 2 as well (RFC 9568 section 8.4.2). Those heard last are
// kept: forged ones can only push others out, whose adverts of version 2 then
// count, which say the same.
type speakers []speaker

type speaker struct {
	addr  netip.Addr
	since Time // when it was first heard in version 3
	last  Time // when it was last
	both  bool // it was heard in version 2, too
	told  bool // that it was not
}

const (
	mostSpeakers = 4

	// hush is how long a router may be silent in version 2 before that is
	// told: three of the shortest intervals there are, and some time to spare.
	hush = 4 * time.Second
)

func (s speakers) find(addr netip.Addr) *speaker {
	for i := range s {
		if s[i].addr == addr {
			return &s[i]
		}
	}
	return nil
}

// note records an advert of version 3, in the place of whoever was silent the
// longest if there is none left.
func (s *speakers) note(now Time, addr netip.Addr) *speaker {
	if one := s.find(addr); one != nil {
		one.last = now
		return one
	}
	if len(*s) < mostSpeakers {
		*s = append(*s, speaker{addr: addr, since: now, last: now})
		return &(*s)[len(*s)-1]
	}
	oldest := &(*s)[0]
	for i := range *s {
		if (*s)[i].last < oldest.last {
			oldest = &(*s)[i]
		}
	}
	*oldest = speaker{addr: addr, since: now, last: now}
	return oldest
}

// translate sorts what a router hears that speaks both versions. It reports
// whether an advert counts: what a master has said in version 3, a backup need
// not hear in version 2 again, where the interval is rounded (V-33).
func (m *machine) translate(now Time, h Heard, out []Action) ([]Action, bool) {
	if h.Version == vrrp.V2 {
		one := m.speakers.find(h.Source)
		if one == nil {
			return out, true
		}
		one.both = true
		if m.state == Backup && now.Sub(one.last) <= m.down() {
			m.repeated++
			return out, false
		}
		return out, true
	}
	one := m.speakers.note(now, h.Source)
	if m.state == Backup && !one.both && !one.told && now.Sub(one.since) > max(hush, m.down()) {
		one.told = true // V-34
		out = append(out, Action{Router: m.router, Do: OneVersion, Cause: Cause{
			Peer: h.Source, PeerPriority: h.Priority, Priority: m.priority(),
		}})
	}
	return out, true
}
