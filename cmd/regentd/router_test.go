package main_test

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"regent/cmd/internal/lab"
)

const vrid = 51

// A dialect is a version of the protocol over one address family.
type dialect struct {
	name     string
	version  int
	interval string // advert_int, seconds
	millis   int    // the same
	vip      netip.Addr
	bits     int
	first    string // an address to be listed before the vip, if any
}

var dialects = []dialect{
	{"v3-IPv4", 3, "0.2", 200, netip.MustParseAddr("192.0.2.100"), 24, ""},
	{"v3-IPv6", 3, "0.2", 200, netip.MustParseAddr("2001:db8::100"), 64, "fe80::100/64"},
	{"v2-IPv4", 2, "1", 1000, netip.MustParseAddr("192.0.2.100"), 24, ""},
}

// conf writes the configuration of a router that speaks the dialect.
func (d dialect) conf(priority int) string {
	addresses := []string{netip.PrefixFrom(d.vip, d.bits).String()}
	if d.first != "" {
		addresses = append([]string{d.first}, addresses...)
	}
	return fmt.Sprintf(`
vrrp_instance VI_1 {
    interface eth0
    version %d
    virtual_router_id %d
    priority %d
    advert_int %s
    virtual_ipaddress {
        %s
    }
}
`, d.version, vrid, priority, d.interval, strings.Join(addresses, "\n        "))
}

// A router is one side of a pair, whatever daemon runs there.
type router interface {
	name() string
	start(priority int)
	crash()           // as in a power failure: nothing more is said or answered
	resign()          // the polite way
	mac() string      // where its adverts come from
	vmac() string     // what clients should learn
	owns(v bool) bool // the kernel would answer for the address (v true) or not (v false)
	log() string
}

// A confRouter reads a keepalived.conf.
type confRouter struct {
	*stage
	daemon lab.Daemon
	host   *lab.Host
	speaks dialect
	runs   []*lab.Proc
	dead   bool // its kernel may have the address, but no cable
}

func (r *confRouter) name() string { return r.daemon.Name + " on " + r.host.Name }
func (r *confRouter) mac() string  { return r.host.MAC("eth0").String() }
func (r *confRouter) vmac() string { return r.mac() }

func (r *confRouter) start(priority int) {
	r.Helper()
	r.must(r.host.Plug("eth0"))
	r.dead = false
	r.runs = append(r.runs, r.stage.start(r.daemon, r.host, r.speaks.conf(priority)))
}

func (r *confRouter) running() *lab.Proc { return r.runs[len(r.runs)-1] }

func (r *confRouter) crash() {
	r.Helper()
	r.running().Kill()
	r.must(r.host.Unplug("eth0")) // or the dead daemon's kernel would go on answering ARP
	r.dead = true
	r.ended(r.running())
}

func (r *confRouter) resign() {
	r.Helper()
	r.must(r.running().Signal(syscall.SIGTERM))
	r.ended(r.running())
	if r.host.Has(r.speaks.vip) {
		r.Errorf("%s is gone and has left %s behind", r.name(), r.speaks.vip)
	}
}

func (r *confRouter) owns(v bool) bool {
	return (!r.dead && r.host.Has(r.speaks.vip)) == v
}

func (r *confRouter) log() string {
	var b strings.Builder
	for _, p := range r.runs {
		b.WriteString(p.Log())
	}
	return b.String()
}
