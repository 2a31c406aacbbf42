package main_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// A maker builds a router: on a stage, in a dialect, by its number and that of
// the other one.
type maker func(s *stage, d dialect, number, other int) router

// receiveOnly makes a router ready for signed adverts without signing its own.
var receiveOnly = fmt.Sprintf("auth_hmac {\n key 7 hex:%x\n active_key 7\n mode receive-only\n }", hmacKey)

// same is what the peer speaks that speaks as regent does.
var same dialect

// interop lists the dialects that regent speaks with other people's routers.
var interop = []struct {
	name         string
	peer         maker
	ours, theirs dialect
}{
	{"keepalived/v3-IPv4", newKeepalived, v3IPv4, same},
	{"keepalived/v3-IPv6", newKeepalived, v3IPv6, same},
	{"keepalived/v2-IPv4", newKeepalived, v2IPv4, same},
	{"keepalived/v2-password", newKeepalived, v2IPv4.with("authentication {\n auth_type PASS\n auth_pass s3cr3t\n }"), same}, // W-33
	{"keepalived/v3-IPv4-vmac", newKeepalived, v3IPv4.virtual(), same},
	{"keepalived/v3-IPv6-vmac", newKeepalived, v3IPv6.virtual(), same},
	{"keepalived/v2-IPv4-vmac", newKeepalived, v2IPv4.virtual(), same},
	{"keepalived/v3-IPv4-vmac-base", newKeepalived, v3IPv4.fromBase(), same},
	{"keepalived/v3-IPv6-vmac-base", newKeepalived, v3IPv6.fromBase(), same},
	{"keepalived/v3-IPv4-unicast", newKeepalived, v3IPv4.alone(), same},
	{"keepalived/v3-IPv6-unicast", newKeepalived, v3IPv6.alone(), same},
	{"keepalived/v3-IPv4-unicast-old-sum", newKeepalived, v3IPv4.alone(), v3IPv4.alone().aged()}, // W-49: learned
	{"keepalived/v3-IPv4-unicast-our-old-sum", newKeepalived, v3IPv4.alone().aged(), v3IPv4.alone()},
	{"keepalived/v3-IPv4-20-addresses", newKeepalived, v3IPv4.many(20), same},
	{"keepalived/v3-IPv6-20-addresses", newKeepalived, v3IPv6.many(20), same},
	{"keepalived/v3-IPv4-we-are-slow", newKeepalived, v3IPv4.every(time.Second), v3IPv4}, // R-18, S-23
	{"keepalived/v3-IPv4-they-are-slow", newKeepalived, v3IPv4, v3IPv4.every(time.Second)},
	// H-48: routers that do not know the trailer, beside one that is ready for it.
	{"keepalived/v3-IPv4-receive-only", newKeepalived, v3IPv4.with(receiveOnly), v3IPv4},
	{"keepalived/v3-IPv6-receive-only", newKeepalived, v3IPv6.with(receiveOnly), v3IPv6},
	{"keepalived/v2-IPv4-receive-only", newKeepalived, v2IPv4.with(receiveOnly), v2IPv4},
	{"keepalived/v3-IPv4-unicast-receive-only", newKeepalived, v3IPv4.alone().with(receiveOnly), v3IPv4.alone()},
	{"FRR/v3-IPv4-receive-only", newFRR, v3IPv4.with(receiveOnly), v3IPv4},
	{"FRR/v3-IPv6-receive-only", newFRR, v3IPv6.global().with(receiveOnly), v3IPv6.global()},
	{"FRR/v2-IPv4-receive-only", newFRR, v2IPv4.with(receiveOnly), v2IPv4},
	{"FRR/v3-IPv4", newFRR, v3IPv4, same},
	{"FRR/v3-IPv6", newFRR, v3IPv6.global(), same},
	{"FRR/v2-IPv4", newFRR, v2IPv4, same},
	{"FRR/v3-IPv4-vmac", newFRR, v3IPv4.virtual(), same},
	{"FRR/v3-IPv6-vmac", newFRR, v3IPv6.global().virtual(), same},
	{"FRR/v3-IPv4-20-addresses", newFRR, v3IPv4.many(20), same},
	{"FRR/v3-IPv6-20-addresses", newFRR, v3IPv6.global().many(20), same},
	{"FRR/v3-IPv4-we-are-slow", newFRR, v3IPv4.every(time.Second), v3IPv4},
	{"FRR/v3-IPv4-they-are-slow", newFRR, v3IPv4, v3IPv4.every(time.Second)},
	// Neither keepalived 2.2.7 nor FRR 8.4.4 knows checksums of the message alone.
	{"regent/v3-IPv4-message-sum", newRival, v3IPv4.summed(), same},
	{"regent/v3-IPv4-message-sum-learned", newRival, v3IPv4, v3IPv4.summed()}, // W-47
}

// TestInterop lets regent share addresses with other people's routers, in
// every dialect that both speak and in both roles.
func TestInterop(t *testing.T) {
	t.Parallel()
	for _, c := range interop {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.theirs.version == 0 {
				c.theirs = c.ours
			}
			s := setStage(t)
			p := &party{stage: s, seen: s.probe(c.ours.vip())}
			regent, peer := newRegent(s, c.ours, 1, 2), c.peer(s, c.theirs, 2, 1)
			p.routers = []contender{regent, peer}
			p.play(regent, peer)
			p.checkLogs()
			if c.ours.old || c.theirs.old {
				s.checkOldSums(regent.src())
				return
			}
			form := "FALSE"
			if c.theirs.message {
				form = "TRUE"
			}
			s.checkFrames([]string{regent.base().host.MAC("eth0").String(), regent.vmac()}, "vrrp.v3_checksum_as_in_v2:"+form)
		})
	}
}

// checkOldSums checks that the adverts of a unicast router bear the checksum of
// old keepalived, whose pseudo-header always names the group (W-49).
func (s *stage) checkOldSums(src netip.Addr) {
	s.Helper()
	n := 0
	for _, a := range s.wire.Adverts() {
		if a.Src != src {
			continue
		}
		n++
		message := bytes.Clone(a.Frame.Data[34:])
		sum := binary.BigEndian.Uint16(message[6:])
		message[6], message[7] = 0, 0
		pseudo := append(src.AsSlice(), 224, 0, 0, 18, 0, 112, 0, byte(len(message)))
		if want := onesComplement(pseudo, message); sum != want {
			s.Errorf("an advert to %v has the checksum %04x, want %04x", a.Dst, sum, want)
		}
	}
	if n == 0 {
		s.Errorf("no advert of %v was captured", src)
	}
}

// play goes through everything that two routers can do to each other. Each
// event names the longest silence that it may cause.
func (p *party) play(regent, peer router) {
	ours, theirs := regent.base().speaks, peer.base().speaks

	peer.start(150)
	p.rules(peer, 150)

	regent.start(100)
	p.hears(regent, peer)
	p.event("the peer crashes", ours.down(100, theirs.interval), peer.crash) // T-2, S-21: it was silent for the down interval
	p.rules(regent, 100)

	p.event("the peer returns", theirs.interval, func() { peer.start(150) })
	p.rules(peer, 150) // S-33: regent yields to the higher priority

	p.event("the peer resigns", ours.skew(100, theirs.interval), peer.resign) // S-22: after the skew alone
	p.rules(regent, 100)
	p.resigned(peer)

	p.event("the peer returns", theirs.interval, func() { peer.start(150) })
	p.rules(peer, 150)

	// And the other way round.
	p.event("regent resigns as Backup", 0, regent.resign) // S-20: nothing is to be seen of it
	p.event("regent returns as the better one", ours.interval, func() { regent.start(200) })
	p.rules(regent, 200)

	p.event("regent crashes", theirs.down(150, ours.interval), regent.crash)
	p.rules(peer, 150)

	p.event("regent returns", ours.interval, func() { regent.start(200) })
	p.rules(regent, 200)

	p.event("regent resigns", theirs.skew(150, ours.interval), regent.resign)
	p.rules(peer, 150)
	p.resigned(regent)
}
