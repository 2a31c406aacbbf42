package main_test

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"regent/cmd/internal/lab"
)

// A party is some routers that share one virtual router, and the client that
// asks for its address.
type party struct {
	*stage
	routers []contender
	seen    *lab.Probe

	happened string        // the last event
	at       time.Time     // when it began
	silence  time.Duration // how long it may keep the client waiting
	vigil    *lab.Vigil    // since it began
}

// event does something that may silence the address for a time.
func (p *party) event(what string, silence time.Duration, do func()) {
	p.Helper()
	p.expect(what, silence)
	do()
}

// expect says what begins to happen now.
func (p *party) expect(what string, silence time.Duration) {
	p.Helper()
	p.Log(what)
	if p.vigil != nil {
		p.vigil.End()
	}
	p.vigil = p.Vigil()
	p.Cleanup(p.vigil.End)
	p.happened, p.at, p.silence = what, time.Now(), silence
}

// rules waits until one router alone advertises, has the addresses, and is
// where the client finds them, and judges the client's wait since the last
// event.
func (p *party) rules(who contender, priority uint8) {
	p.Helper()
	p.advertised(who.name()+" advertises", vrid, func(a lab.Advert) bool {
		return a.Src == who.src() && a.Priority == priority
	})
	p.until(who.name()+" has the addresses, and nobody else", func() bool {
		return who.owns(true) && !slices.ContainsFunc(p.routers, func(r contender) bool { return r != who && !r.owns(false) })
	})
	p.until("the client has learned where the address is", func() bool {
		mac, err := p.client.Neighbor(who.vip())
		return err == nil && mac.String() == who.vmac()
	})
	now := time.Now()
	p.until("the client is answered by "+who.name(), func() bool { return p.seen.Answers(now) })
	p.until(who.name()+" has advertised twice with nobody contradicting", func() bool {
		n := 0
		for _, a := range p.wire.Adverts() {
			switch {
			case a.VRID != vrid || a.At.Before(now):
			case a.Src == who.src():
				n++
			default:
				n = 0
			}
		}
		return n >= 2
	})
	p.checkGap(who.lag())
}

// hears waits until a router that reads a keepalived.conf is Backup and has
// been sent what it must know of the master, its interval for one.
func (p *party) hears(who, master router) {
	p.Helper()
	p.until(who.name()+" is backup", func() bool { return who.base().running().Said("Entering BACKUP STATE") })
	now := time.Now()
	p.advertised(master.name()+" has advertised since", vrid, func(a lab.Advert) bool {
		return a.Src == master.src() && a.At.After(now)
	})
}

// checkGap judges the client's longest wait since the last event: lag is what
// the new master may take beyond the interval of the protocol. What the machine
// takes from all of them is nobody's fault.
func (p *party) checkGap(lag time.Duration) {
	p.Helper()
	if p.at.IsZero() {
		return
	}
	now := time.Now()
	gap, lost := p.seen.Gap(p.at, now), p.vigil.Lost()
	if bound := p.silence + lag + lost; gap > bound {
		p.Errorf("after %q the client waited %v, more than %v (of which the machine has taken %v)", p.happened, gap, bound, lost)
	}
	p.Logf("%-35s the client waited %6v of %6v", p.happened, gap.Round(time.Millisecond), p.silence.Round(time.Millisecond))
}

// resigned checks that a router said goodbye with priority 0, once (S-41), and
// that its successor did not wait for the down interval.
func (p *party) resigned(who contender) {
	p.Helper()
	adverts := p.wire.Adverts()
	for i := len(adverts) - 1; i > 0; i-- {
		a := adverts[i]
		if a.VRID != vrid || a.Src != who.src() {
			continue
		}
		if a.Priority != 0 {
			p.Errorf("the last word of %s has priority %d, not 0", who.name(), a.Priority)
		}
		if b := adverts[i-1]; b.Src == who.src() && b.Priority == 0 {
			p.Errorf("%s resigned twice", who.name())
		}
		return
	}
	p.Errorf("%s was never heard", who.name())
}

// complaint is how daemons speak of each other's mistakes.
var complaint = regexp.MustCompile(`(?i)\b(error|invalid|mismatch|bad|malformed|unexpected|bogus|wrong|incorrect|discard|ignoring|dropp(ed|ing)|checksum|panic)`)

// harmless is what they say in such words of other things: that they stand by
// the protocol (a lesser advert is discarded, S-24), and of themselves.
var harmless = regexp.MustCompile(`(?i)lower priority .* discarding|Ignoring track_interface \w+ since own interface|Setting unicast VRRPv3 checksum to old version|` + // keepalived
	`Discarding advertisement .* \(\d+ <=? \d+ &|Received VRRP Advertisement .* checksum|` +
	`'Shutdown' event in 'Initialize' state|` + // FRR
	`Changing the checksum form`) // regent

// checkLogs looks for complaints in what the routers said.
func (p *party) checkLogs() {
	p.Helper()
	for _, r := range p.routers {
		for line := range strings.Lines(r.log()) {
			if complaint.MatchString(line) && !harmless.MatchString(line) {
				p.Errorf("%s complains: %s", r.name(), line)
			}
		}
	}
}
