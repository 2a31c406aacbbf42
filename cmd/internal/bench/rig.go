package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"regent/cmd/internal/lab"
)

// A rig is one lab with one kind of daemon on both sides.
type rig struct {
	*lab.Lab
	daemon lab.Daemon
	links  int
	first  *lab.Host // of the master
	second *lab.Host // of the backup
}

// connect makes the two hosts, with a wire for each link.
func (r *rig) connect(links int) (err error) {
	r.links = links
	for side, h := range []**lab.Host{&r.first, &r.second} {
		var ports []lab.Port
		for i := range links {
			ports = append(ports, lab.Port{
				Name: ifname(i), Segment: segment(i), Addrs: []string{fmt.Sprintf("203.0.113.%d/30", i*4+side+1)},
			})
		}
		if *h, err = r.Host([]string{"first", "second"}[side], ports...); err != nil {
			return err
		}
	}
	return nil
}

func ifname(link int) string  { return fmt.Sprintf("eth%d", link) }
func segment(link int) string { return fmt.Sprintf("lan%d", link) }

// start runs the daemon on a host, without detail in its log.
func (r *rig) start(h *lab.Host, conf string) (*lab.Proc, error) {
	return h.StartDaemon(r.daemon, conf, nil)
}

// A fleet is many virtual routers with one address each.
type fleet struct {
	routers  int
	links    int // that they are spread over; VRIDs allow 255 on each
	interval time.Duration
}

// address is the one of a router.
func (f fleet) address(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
}

// vrid and link tell a router on the wire: VRIDs start from 1 on every link.
func (f fleet) vrid(i int) uint8 { return uint8(i/f.links + 1) }
func (f fleet) link(i int) int   { return i % f.links }

func (f fleet) addresses() []netip.Addr {
	all := make([]netip.Addr, f.routers)
	for i := range all {
		all[i] = f.address(i)
	}
	return all
}

// conf is the configuration of one side. A priority of 96 makes the skew a
// whole number of hundredths for all the intervals used here.
func (f fleet) conf(priority int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n    vrrp_version 3\n}\n")
	for i := range f.routers {
		fmt.Fprintf(&b, `vrrp_instance VI_%d {
    interface %s
    virtual_router_id %d
    priority %d
    advert_int %g
    virtual_ipaddress {
        %s/32
    }
}
`, i, ifname(f.link(i)), f.vrid(i), priority, f.interval.Seconds(), f.address(i))
	}
	return b.String()
}

const (
	masterPriority = 200
	backupPriority = 96
)

// down is the time that a backup lets a silent master have (T-2).
func (f fleet) down() time.Duration {
	return 3*f.interval + f.interval*(256-backupPriority)/256
}

// masters starts the first host's daemon and waits until it has every address.
func (r *rig) masters(ctx context.Context, f fleet) (*lab.Proc, error) {
	p, err := r.start(r.first, f.conf(masterPriority))
	if err != nil {
		return nil, err
	}
	return p, r.owns(ctx, r.first, f)
}

// backups starts the second host's daemon and waits until it has heard every
// master: the time is the daemon's longest patience.
func (r *rig) backups(ctx context.Context, f fleet) (*lab.Proc, error) {
	p, err := r.start(r.second, f.conf(backupPriority))
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, 2*f.down()+time.Second); err != nil {
		return nil, err
	}
	if n := r.second.Count(f.addresses()...); n > 0 {
		return nil, fmt.Errorf("%d of %d backups took over from living masters", n, f.routers)
	}
	return p, nil
}

// owns waits until a host has every address of a fleet.
func (r *rig) owns(ctx context.Context, h *lab.Host, f fleet) error {
	all := f.addresses()
	return r.Until(ctx, h.Name+" has all addresses", func() bool { return h.Has(all...) })
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
