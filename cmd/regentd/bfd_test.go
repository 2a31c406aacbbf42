package main_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// bfdSession is one side of a session, from an address to another.
const bfdSession = `
bfd_instance peer {
    neighbor_ip %[2]v
    source_ip %[1]v
    min_rx 100
    min_tx 100
    multiplier 20
    ttl 255
    %[3]s
}
`

// watchful is a router that serves only while it has its neighbour, and another
// one that loses priority without it.
const watchful = bfdSession + `vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 0.2
    version 3
    track_bfd {
        peer
    }
    virtual_ipaddress {
        192.0.2.100
    }
}
vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 52
    priority 100
    advert_int 0.2
    version 3
    track_bfd {
        peer weight -20
    }
    virtual_ipaddress {
        192.0.2.101
    }
}
`

// A bfdPeer runs the other side of a session on a host, until it is told to end.
type bfdPeer struct {
	name     string
	start    func(s *stage, h *lab.Host, from, to netip.Addr, hops string) *lab.Proc
	farewell string // why the session is down when it has ended by SIGTERM
}

// A keepalived.conf of a neighbour that tracks nothing.
const bystander = bfdSession + `vrrp_instance VI_9 {
    interface eth0
    virtual_router_id 9
    virtual_ipaddress {
        192.0.2.109
    }
}
`

var bfdPeers = []bfdPeer{
	{"regent", func(s *stage, h *lab.Host, from, to netip.Addr, hops string) *lab.Proc {
		return s.start(regentd, h, fmt.Sprintf(bystander, from, to, hops))
	}, "has shut the session down"},
	{"keepalived", func(s *stage, h *lab.Host, from, to netip.Addr, hops string) *lab.Proc {
		s.Helper()
		conf, err := s.File(h.Name+"/bfd.conf", fmt.Sprintf(bystander, from, to, hops))
		s.must(err)
		args := []string{"-n", "-l", "-G", "-f", conf}
		for _, option := range []string{"-p", "-r", "-b", "-c"} {
			args = append(args, option, filepath.Join(s.Dir, h.Name, "bfd.pid"+option))
		}
		p, err := h.Start(lab.Command{Path: "keepalived", Args: args})
		s.must(err)
		return p
	}, "is silent"},
	{"FRR", func(s *stage, h *lab.Host, from, to netip.Addr, hops string) *lab.Proc {
		s.Helper()
		r := &frrRouter{box: box{stage: s, host: h}}
		r.settle()
		by := "interface eth0"
		if hops == "multihop" {
			by = "multihop"
		}
		return r.daemon("bfdd", fmt.Sprintf(`
bfd
 peer %v local-address %v %s
  detect-multiplier 20
  receive-interval 100
  transmit-interval 100
`, to, from, by), "--bfdctl", filepath.Join(r.run, "bfdd.sock"))
	}, "is down"},
}

// A session with a real neighbour decides: it must come up, silence and a
// farewell must be noticed, and both must be told by name.
func TestBFD(t *testing.T) {
	t.Parallel()
	v4 := [2]netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
	v6 := [2]netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")}
	for _, peer := range bfdPeers {
		for _, c := range []struct {
			name, hops string
			addrs      [2]netip.Addr
		}{
			{"IPv4", "", v4}, {"IPv6", "", v6}, {"multihop", "multihop", v4},
		} {
			if c.hops != "" && peer.name == "keepalived" {
				continue // 2.2.7 speaks to one hop only
			}
			t.Run(peer.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				testBFD(setStage(t), peer, c.addrs, c.hops)
			})
		}
	}
}

func testBFD(s *stage, peer bfdPeer, addrs [2]netip.Addr, hops string) {
	one := s.host("one", "192.0.2.1/24", "2001:db8::1/64")
	two := s.host("two", "192.0.2.2/24", "2001:db8::2/64")
	p := s.start(regentd, one, fmt.Sprintf(watchful, addrs[0], addrs[1], hops))
	strict, lenient := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101")
	down := func(why string) {
		s.Helper()
		s.until("it is down: "+why, func() bool {
			return p.Said("BFD session peer is down: "+addrs[1].String()+" "+why) && !one.Has(strict)
		})
		s.advertised("the other has lost 20", 52, func(a lab.Advert) bool { return a.Priority == 80 })
	}
	up := func() {
		s.Helper()
		s.until("it is up", func() bool { return one.Has(strict, lenient) })
		s.advertised("the other has its priority", 52, func(a lab.Advert) bool { return a.Priority == 100 })
	}
	down("has not come up yet")
	with := peer.start(s, two, addrs[1], addrs[0], hops)
	up()
	s.must(two.Unplug("eth0"))
	down("is silent")
	s.must(two.Plug("eth0"))
	up()
	s.must(with.Signal(syscall.SIGTERM))
	s.ended(with)
	s.until("the farewell is noticed", func() bool { return !one.Has(strict) && p.Said(peer.farewell) })
}
