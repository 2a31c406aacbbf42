package main_test

import (
	"net/netip"
	"strings"
	"syscall"
	"time"

	"regent/cmd/internal/lab"
)

// A contender is one that may be master of a virtual router.
type contender interface {
	name() string
	vip() netip.Addr    // the address that the client asks for
	src() netip.Addr    // where its adverts come from
	vmac() string       // what clients should learn
	owns(v bool) bool   // the kernel would answer for all addresses (v true) or for none (v false)
	lag() time.Duration // how much longer than its protocol it may keep a client waiting
	log() string
}

// A router is a host with a daemon that speaks VRRP, whichever it is.
type router interface {
	contender
	start(priority int)
	crash()  // as in a power failure: nothing more is said or answered
	revive() // the cable is back
	resign() // the polite way
	base() *box
}

// A box is what all routers have in common, whatever daemon runs there.
type box struct {
	*stage
	host   *lab.Host
	number int // the end of its addresses
	speaks dialect
	runs   []*lab.Proc
	dead   bool // its kernel may have the addresses, but no cable
}

// newBox adds a host to the lan that has the address of its number in both
// families.
func (s *stage) newBox(name string, number int, d dialect) box {
	s.Helper()
	return box{stage: s, host: s.host(name, own(number, false).String(), own(number, true).String()), number: number, speaks: d}
}

// hushARP sets the kernel as a virtual MAC needs it and regent does itself: or
// eth0 would answer for the virtual address, too, and ask in its name (B-10,
// B-14), each time with its own MAC.
func (b *box) hushARP() {
	b.Helper()
	b.must(b.host.Sysctl("net/ipv4/conf/all/arp_ignore", "1"))
	b.must(b.host.Sysctl("net/ipv4/conf/all/arp_announce", "2"))
}

func (b *box) base() *box      { return b }
func (b *box) vip() netip.Addr { return b.speaks.vip() }

// lag is some time to be scheduled, and, where only announcements teach the
// switch, the delay of the second burst (see dialect.fromBase).
func (b *box) lag() time.Duration {
	return 500*time.Millisecond + b.speaks.again
}

func (b *box) running() *lab.Proc { return b.runs[len(b.runs)-1] }

func (b *box) crash() {
	b.Helper()
	b.running().Kill()
	b.unplug() // or the dead daemon's kernel would go on answering ARP
	b.ended(b.running())
}

// unplug takes the host's cable away.
func (b *box) unplug() {
	b.Helper()
	b.must(b.host.Unplug("eth0"))
	b.dead = true
}

// signal sends a signal to the daemon and all its children.
func (b *box) signal(sig syscall.Signal) {
	b.Helper()
	b.must(b.running().SignalAll(sig))
}

// revive gives the host its cable back.
func (b *box) revive() {
	b.Helper()
	b.must(b.host.Plug("eth0"))
	b.dead = false
}

func (b *box) src() netip.Addr {
	if !b.speaks.is6() || b.speaks.unicast {
		return own(b.number, b.speaks.is6()).Addr()
	}
	return b.linkLocal()
}

// linkLocal is the link-local address that eth0 has of itself.
func (b *box) linkLocal() netip.Addr {
	have, err := b.host.Addresses("eth0")
	b.must(err)
	for _, p := range have {
		if p.Addr().IsLinkLocalUnicast() && p.Addr() != b.speaks.addrs[0].Addr() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

func (b *box) log() string {
	var text strings.Builder
	for _, p := range b.runs {
		text.WriteString(p.Log())
	}
	return text.String()
}

// A confRouter reads a keepalived.conf.
type confRouter struct {
	box
	daemon lab.Daemon
	peer   int // the number of the other one, where it must be named
}

func newRegent(s *stage, d dialect, number, peer int) router {
	s.Helper()
	return &confRouter{box: s.newBox("regent", number, d), daemon: regentd, peer: peer}
}

// newRival is another regent.
func newRival(s *stage, d dialect, number, peer int) router {
	s.Helper()
	return &confRouter{box: s.newBox("rival", number, d), daemon: regentd, peer: peer}
}

func newKeepalived(s *stage, d dialect, number, peer int) router {
	s.Helper()
	r := &confRouter{box: s.newBox("peer", number, d), daemon: lab.Keepalived(), peer: peer}
	if d.vmac {
		r.hushARP()
	}
	return r
}

func (r *confRouter) name() string { return r.daemon.Name + " on " + r.host.Name }

func (r *confRouter) vmac() string {
	if r.speaks.vmac {
		return r.speaks.virtualMAC().String()
	}
	return r.host.MAC("eth0").String()
}

func (r *confRouter) start(priority int) {
	r.Helper()
	r.revive()
	r.runs = append(r.runs, r.stage.start(r.daemon, r.host, r.speaks.conf(priority, r.number, r.peer)))
}

func (r *confRouter) resign() {
	r.Helper()
	r.must(r.running().Signal(syscall.SIGTERM))
	r.ended(r.running())
	if n := r.host.Count(r.speaks.ips()...); n > 0 {
		r.Errorf("%s is gone and has left %d addresses behind", r.name(), n)
	}
}

func (r *confRouter) owns(v bool) bool {
	n := r.host.Count(r.speaks.ips()...)
	if v {
		return !r.dead && n == len(r.speaks.addrs)
	}
	return r.dead || n == 0
}
