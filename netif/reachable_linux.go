package netif

import (
	"net/netip"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The kernel makes a new IPv6 address reachable (its group joined, its route in
// place) a little after it has said yes to it, in work of its own. Announced
// before that, it would not be answered for (B-2, B-7).
//
// That work waits for a processor like any other, and on a busy machine for
// some ten milliseconds. Patience is counted in looks, because while the whole
// machine stands still nobody looks.
const (
	reachableEach  = 200 * time.Microsecond // between looks
	reachableLooks = 2000                   // for all of a call: half a second or more
)

// awaitReachable waits until the IPv6 addresses that were added can be reached,
// as far as they do not have to pass duplicate detection first. On a link that
// is down that never comes.
func (h *Host) awaitReachable(changes []Change, errs []error) {
	looks, down := 0, map[int]bool{}
	for i := range changes {
		c := &changes[i]
		if c.Remove || !c.Address.Prefix.Addr().Is6() || c.Address.DetectDuplicates || errs != nil && errs[i] != nil {
			continue
		}
		for !down[c.Link] && !h.changes.reaches(c.Address.Prefix.Addr(), c.Link) {
			if looks++; looks == reachableLooks {
				return
			}
			if down[c.Link] = !h.isUp(c.Link); !down[c.Link] {
				time.Sleep(reachableEach)
			}
		}
	}
}

// isUp reports whether a link is there and up, with a carrier or without.
func (h *Host) isUp(link int) bool {
	l, err := h.bareLink(link)
	return err == nil && l.Up
}

// reaches reports whether the host takes what is sent to an address of a link
// for its own.
func (c *conn) reaches(addr netip.Addr, link int) bool {
	m := &nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_INET6, Dst_len: 128}}
	answer, err := c.get(unix.RTM_GETROUTE, m,
		nl.NewRtAttr(unix.RTA_DST, addr.AsSlice()), nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(link))))
	if err != nil || len(answer.data) < unix.SizeofRtMsg {
		return false
	}
	return nl.DeserializeRtMsg(answer.data).Type == unix.RTN_LOCAL
}
