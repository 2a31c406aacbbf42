package main_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// TestInterop lets regent share an address with other people's routers, in
// every dialect that both speak and in both roles.
func TestInterop(t *testing.T) {
	peers := []struct {
		name string
		make func(*stage, dialect) router
	}{
		{"keepalived", func(s *stage, d dialect) router {
			return &confRouter{stage: s, daemon: lab.Keepalived(), host: s.host("peer", "192.0.2.2/24", "2001:db8::2/64"), speaks: d}
		}},
		{"FRR", newFRR},
	}
	for _, peer := range peers {
		for _, d := range dialects {
			t.Run(peer.name+"/"+d.name, func(t *testing.T) {
				t.Parallel()
				s := setStage(t)
				if peer.name == "FRR" {
					d.first = "" // it lists global addresses only, and wants to see its own list
				}
				p := &pair{stage: s, speaks: d, seen: s.probe(d.vip)}
				p.regent = &confRouter{stage: s, daemon: regentd, host: s.host("regent", "192.0.2.1/24", "2001:db8::1/64"), speaks: d}
				p.peer = peer.make(s, d)
				p.play()
				p.checkLogs()
				s.checkFrames(p.regent.mac())
			})
		}
	}
}

// A pair is regent and somebody else.
type pair struct {
	*stage
	speaks       dialect
	seen         *lab.Probe
	regent, peer router
}

// play goes through everything that two routers can do to each other.
func (p *pair) play() {
	p.peer.start(150)
	p.rules(p.peer, p.regent, 150)

	p.regent.start(100)
	p.peer.crash()
	p.rules(p.regent, p.peer, 100) // T-2: the peer was silent for the down interval

	p.peer.start(150)
	p.rules(p.peer, p.regent, 150) // S-33: regent yields to the higher priority
	p.regentListens()

	p.peer.resign()
	p.rules(p.regent, p.peer, 100) // S-22: after the skew alone
	p.resigned(p.peer)

	p.peer.start(150)
	p.rules(p.peer, p.regent, 150)

	// And the other way round.
	p.regent.resign() // as Backup: nothing is to be seen of it
	p.regent.start(200)
	p.rules(p.regent, p.peer, 200)

	p.regent.crash()
	p.rules(p.peer, p.regent, 150)

	p.regent.start(200)
	p.rules(p.regent, p.peer, 200)

	p.regent.resign()
	p.rules(p.peer, p.regent, 150)
	p.resigned(p.regent)
}

// rules waits until one router alone advertises, has the address, and is where
// the client finds it.
func (p *pair) rules(who, other router, priority uint8) {
	p.Helper()
	p.advertised(who.name()+" advertises", vrid, func(a lab.Advert) bool {
		return a.MAC.String() == who.mac() && a.Priority == priority
	})
	p.until(who.name()+" has the address, and nobody else", func() bool { return who.owns(true) && other.owns(false) })
	p.until("the client has learned where the address is", func() bool {
		mac, err := p.client.Neighbor(p.speaks.vip)
		return err == nil && mac.String() == who.vmac()
	})
	now := time.Now()
	p.until("the client is answered by "+who.name(), func() bool { return p.seen.Answers(now) })
	p.until(who.name()+" has advertised twice with nobody contradicting", func() bool {
		n := 0
		for _, a := range p.wire.Adverts() {
			switch {
			case a.VRID != vrid || a.At.Before(now):
			case a.MAC.String() == who.mac():
				n++
			default:
				n = 0
			}
		}
		return n >= 2
	})
}

// regentListens checks that regent is alive as Backup: silent, but running.
func (p *pair) regentListens() {
	p.Helper()
	if r := p.regent.(*confRouter); r.running().Said("stopped") {
		p.Errorf("regent has stopped:\n%s", r.log())
	}
}

// resigned checks that a router said goodbye with priority 0, once (S-41), and
// that its successor did not wait for the down interval.
func (p *pair) resigned(who router) {
	p.Helper()
	adverts := p.wire.Adverts()
	for i := len(adverts) - 1; i > 0; i-- {
		a := adverts[i]
		if a.VRID != vrid || a.MAC.String() != who.mac() {
			continue
		}
		if a.Priority != 0 {
			p.Errorf("the last word of %s has priority %d, not 0", who.name(), a.Priority)
		}
		if b := adverts[i-1]; b.MAC.String() == who.mac() && b.Priority == 0 {
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
var harmless = regexp.MustCompile(`(?i)lower priority .* discarding|Ignoring track_interface \w+ since own interface|` + // keepalived
	`Discarding advertisement .* \(\d+ <=? \d+ &|Received VRRP Advertisement .* checksum|` +
	`'Shutdown' event in 'Initialize' state`) // FRR

func (p *pair) checkLogs() {
	p.Helper()
	for _, r := range []router{p.regent, p.peer} {
		for line := range strings.Lines(r.log()) {
			if complaint.MatchString(line) && !harmless.MatchString(line) {
				p.Errorf("%s complains: %s", r.name(), line)
			}
		}
	}
}
