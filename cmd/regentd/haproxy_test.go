package main_test

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"regent/cmd/internal/lab"
)

// balancer is the configuration that load balancers are usually given: sshd must
// run, or four points are lost; the inner network costs two; most addresses are
// excluded from the adverts.
const balancer = `
global_defs {
    vrrp_version 3
    script_user root
    enable_script_security
}
vrrp_script chk_sshd {
    script "pkill -0 sshd"
    interval 1
    weight -4
    fall 2
    rise 2
}
vrrp_instance VI_1 {
    interface eth0
    state MASTER
    virtual_router_id 51
    priority %d
    advert_int 0.2
    virtual_ipaddress {
        192.0.2.100/24
    }
    virtual_ipaddress_excluded {
        192.0.2.101/24
        192.0.2.102/24
        198.51.100.100/24 dev eth1
    }
    track_interface {
        eth1 weight -2
    }
    track_script {
        chk_sshd
    }
}
`

// A container is a daemon with processes of its own beside it.
type container struct {
	*stage
	host  *lab.Host
	first string // its first process, as the machine knows it
}

func (s *stage) container(h *lab.Host, conf string) *container {
	s.Helper()
	p := s.start(regentd.Contained(), h, conf)
	c := &container{stage: s, host: h}
	s.until("it has started", func() bool {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.PID))
		c.first = strings.TrimSpace(string(children))
		return c.first != ""
	})
	return c
}

// sshd starts a process of that name in the container.
func (c *container) sshd() *lab.Proc {
	c.Helper()
	path := c.program(c.host, "sshd").path
	p, err := c.host.Start(lab.Command{Path: "nsenter", Args: []string{"--target", c.first, "--pid", "--mount", path, "1000"}})
	c.must(err)
	return p
}

// The example of load balancers: what fails is a process, and then a cable.
func TestTheLoadBalancersExample(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	one, two := s.twoPorts("one", 1), s.twoPorts("two", 2)
	all := []netip.Addr{vip, netip.MustParseAddr("192.0.2.101"), netip.MustParseAddr("192.0.2.102"), netip.MustParseAddr("198.51.100.100")}
	first := s.container(one, fmt.Sprintf(balancer, 101))
	second := s.container(two, fmt.Sprintf(balancer, 100))
	sshd := first.sshd()
	second.sshd()
	served := func(by, not *lab.Host) func() bool {
		return func() bool { return by.Has(all...) && not.Count(all...) == 0 }
	}
	s.until("the first serves", served(one, two))
	sshd.Kill()
	s.until("without sshd the second serves", served(two, one))
	first.sshd()
	s.until("with sshd the first serves again", served(one, two))
	s.must(one.Unplug("eth1"))
	s.until("without the inner network the second serves", served(two, one))
	s.must(one.Plug("eth1"))
	s.until("with the inner network the first serves again", served(one, two))
	s.advertised("with its full priority", 51, func(a lab.Advert) bool { return a.Priority == 101 })
}
