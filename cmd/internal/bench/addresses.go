package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"regent/cmd/internal/lab"
)

// addresses lets one router own thousands of addresses beside the advertised
// one, and measures how fast they come and whether adverts suffer meanwhile.
func addresses(ctx context.Context, r *rig, s settings) ([]figure, error) {
	const interval = 100 * time.Millisecond
	if err := r.connect(1); err != nil {
		return nil, err
	}
	wires, err := r.captures()
	if err != nil {
		return nil, err
	}
	watch, err := r.first.WatchAddresses()
	if err != nil {
		return nil, err
	}
	p, err := r.start(r.first, manyAddresses(s.addresses, interval))
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, calm); err != nil { // not to be looked at while it works
		return nil, err
	}
	var added []time.Time
	err = r.Until(ctx, fmt.Sprintf("%d addresses are there", s.addresses), func() bool {
		added = added[:0]
		events, _ := watch.Events()
		for _, e := range events {
			if e.Added && e.Addr.Is4() {
				added = append(added, e.At)
			}
		}
		return len(added) >= s.addresses
	})
	if err != nil {
		return nil, err
	}
	if _, err := watch.Events(); err != nil {
		return nil, fmt.Errorf("the kernel's notices were lost: %w", err)
	}
	adverts := wires[0].Adverts()
	if len(adverts) == 0 {
		return nil, fmt.Errorf("no adverts from %s", p.Name)
	}
	known := make(map[netip.Addr]bool)
	announced := time.Time{}
	for _, c := range wires[0].Claims() {
		if !known[c.Addr] {
			known[c.Addr], announced = true, c.At
		}
	}
	took, err := stop(ctx, p)
	if err != nil {
		return nil, err
	}
	left, err := r.first.Addresses(ifname(0))
	if err != nil {
		return nil, err
	}
	leftBehind := 0
	for _, a := range left {
		if a.Addr().Is4() && a.Bits() == 32 {
			leftBehind++
		}
	}
	return []figure{
		milliseconds(fmt.Sprintf("%d addresses, first to last", s.addresses), spread(added)),
		milliseconds("first advert to the last first announcement", announced.Sub(adverts[0].At)),
		milliseconds(fmt.Sprintf("longest silence (advert_int %v)", interval), longestGap(adverts)),
		milliseconds("SIGTERM to exit", took),
		{"addresses left behind", float64(leftBehind), ""},
	}, nil
}

func longestGap(adverts []lab.Advert) time.Duration {
	var longest time.Duration
	for i := range adverts[1:] {
		longest = max(longest, adverts[i+1].At.Sub(adverts[i].At))
	}
	return longest
}

// manyAddresses configures one router with n addresses.
func manyAddresses(n int, interval time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, `global_defs {
    vrrp_version 3
}
vrrp_instance VI_1 {
    interface %s
    virtual_router_id 1
    priority %d
    advert_int %g
    virtual_ipaddress {
        198.18.0.1/32
    }
    virtual_ipaddress_excluded {
`, ifname(0), masterPriority, interval.Seconds())
	a := netip.MustParseAddr("198.18.0.1")
	for range n - 1 {
		a = a.Next()
		fmt.Fprintf(&b, "        %s/32\n", a)
	}
	b.WriteString("    }\n}\n")
	return b.String()
}
