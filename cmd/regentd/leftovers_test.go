package main_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// much is a configuration with something of everything that a daemon puts into the
// kernel, most of it on eth1.
const much = `
global_defs {
    vrrp_version 3
    nftables first
}
static_ipaddress {
    198.51.100.30/24 dev eth1
}
vrrp_instance ELSEWHERE {
    interface eth1
    virtual_router_id 52
    priority 200
    advert_int 0.1
    use_vmac
    no_accept
    virtual_ipaddress {
        198.51.100.100/24
    }
}
vrrp_instance VI_1 {
    interface eth0
    promote_secondaries
    virtual_router_id 51
    priority 200
    advert_int 0.1
    virtual_ipaddress {
        192.0.2.100/24
        198.51.100.77/24 dev eth1
        198.51.100.78/24 dev eth1
    }
    virtual_ipaddress_excluded {
        2001:db8:1::100/64 dev eth1 use_vmac
    }
    virtual_routes {
        198.18.0.0/24 via 198.51.100.9 dev eth1
        198.18.1.0/24 via 198.51.100.9 dev eth1 protocol static no_track
    }
    virtual_rules {
        from 198.18.0.0/24 table 100 preference 1000
    }
}
`

// B-29: what a killed daemon has put into the kernel is gone before the next one
// begins, also where its configuration names neither the link nor the virtual
// router any more: addresses, routes whatever their protocol, rules, devices with
// virtual MACs, tables of the firewall and settings. What others have added stays,
// also an address that the dead daemon would have added if it had not been there.
func TestLeftoversThatNobodyNames(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.twoPorts("router", 1)
	kernel := func() string {
		var b strings.Builder
		for _, c := range []string{"ip -o link", "ip -br addr", "ip route show table all", "ip -6 route show table all", "ip rule", "nft list tables"} {
			words := strings.Fields(c)
			out, err := h.Run(s.Context(), words[0], words[1:]...)
			s.must(err)
			fmt.Fprintf(&b, "%s\n%s\n", c, out)
		}
		for _, name := range []string{"eth1/arp_ignore", "eth1/arp_announce", "eth0/promote_secondaries", "all/send_redirects"} {
			value, err := h.Setting("net/ipv4/conf/" + name)
			s.must(err)
			fmt.Fprintf(&b, "%s %s\n", name, value)
		}
		return b.String()
	}
	s.must(h.Sysctl("net/ipv4/conf/eth0/promote_secondaries", "0"))
	theirs := netip.MustParseAddr("198.51.100.77")
	s.must(h.AddAddress("eth1", theirs.String()+"/24"))
	journal := filepath.Join(s.Dir, "router", "regentd.pid.journal")

	other := instance("eth0", 100, "30")
	p := s.start(regentd, h, other)
	s.until("the router is Backup", func() bool { return p.Said("Entering BACKUP STATE") })
	before := kernel()
	s.must(p.Signal(syscall.SIGTERM))
	s.ended(p)

	p = s.start(regentd, h, strings.Replace(much, "        198.51.100.77/24 dev eth1\n", "", 1))
	first := []string{"192.0.2.100", "198.51.100.30", "198.51.100.78", "198.51.100.100", "2001:db8:1::100"}
	mine := make([]netip.Addr, len(first))
	for i, a := range first {
		mine[i] = netip.MustParseAddr(a)
	}
	s.until("the router has all", func() bool {
		return h.Has(mine...) && strings.Contains(s.ip(h, "rule"), "198.18.0.0/24")
	})
	// The daemon finds it there, and so has not added it.
	_, err := s.File("router/regentd-2.conf", much)
	s.must(err)
	s.must(p.Signal(syscall.SIGHUP))
	s.until("the reload is done", func() bool { return p.Said("reloaded") })
	s.until("the new address is advertised", func() bool {
		a, ok := s.wire.Last(51)
		return ok && len(a.Frame.Data) == 14+20+8+4*3
	})
	p.Kill()
	s.ended(p)
	left := kernel()
	for _, trace := range []string{"198.51.100.30", "198.51.100.78", "vrrp.52", "198.18.1.0/24", "table inet first", "table arp first", "eth1/arp_ignore 1", "eth0/promote_secondaries 1"} {
		if !strings.Contains(left, trace) {
			t.Errorf("%s is not there after the kill: this test proves too little\n%s", trace, left)
		}
	}

	p = s.start(regentd, h, other)
	s.until("the next one is Backup", func() bool { return p.Said("Entering BACKUP STATE") })
	if after := kernel(); after != before {
		t.Errorf("before all\n%s\nafter a kill and a start\n%s", before, after)
	}
	if !h.Has(theirs) {
		t.Errorf("%v, which others have added, is gone", theirs)
	}
	s.must(p.Signal(syscall.SIGTERM))
	s.ended(p)
	if _, err := os.Stat(journal); !os.IsNotExist(err) {
		t.Errorf("the journal is left behind: %v", err)
	}
}
