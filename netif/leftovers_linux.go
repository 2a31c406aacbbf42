package netif

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Deeds are lines of text. Addresses and devices are named as people do, routes
// and rules by the body of the request that removes them.
//
//	address 3 192.0.2.100/24
//	address 3 192.0.2.100/32 192.0.2.1/32     with a peer
//	device 3 macvlan 00:00:5e:00:01:33 vrrp.51
//	route 02180000fe7000...
//	rule 0200000000000001...
//	table inet regent

// KeepJournal makes the host note in a file what it adds to the kernel, for the
// case that it is killed; nobody else may use the file meanwhile. What a
// predecessor has noted there is taken over: its tables of the firewall are
// removed at once, and all else by RemoveLeftovers. Without a file, or a directory
// to put it into, all works the same.
func (h *Host) KeepJournal(path string) error {
	ns, err := h.home.inode()
	if err == nil {
		err = h.journal.open(path, ns)
	}
	if err != nil {
		return fmt.Errorf("keep a journal of what is added: %w", err)
	}
	for _, deed := range h.journal.standing() {
		of, isTable := strings.CutPrefix(deed, "table ")
		if _, table, _ := strings.Cut(of, " "); isTable {
			if failed := h.RemoveFirewall(table); failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			h.journal.end(deed)
		}
	}
	return err
}

// RemoveLeftovers removes all that the journal names, which at start is what a
// killed predecessor has added, except what is to be kept: rules, which may lead to
// routes, then these, devices and addresses. Devices that are kept are brought down
// before: with its addresses gone one that is up would have a last word (B-6).
// Nothing that others have made is touched. It returns how many things it removed.
func (h *Host) RemoveLeftovers(keep Kept) (removed int, err error) {
	deeds := h.journal.standing()
	if len(deeds) == 0 {
		return 0, nil
	}
	s, err := h.survey()
	if err != nil {
		return 0, err
	}
	left := s.leftovers(deeds, keep)
	h.journal.end(left.gone...)
	restore, err := h.keepOthers(left.addresses)
	err = errors.Join(append(h.LowerDevices(left.adopted), err)...)
	for _, some := range [][]leftover{left.rules, left.routes, left.devices, left.addresses} {
		n, failed := h.undo(some)
		removed, err = removed+n, errors.Join(err, failed)
	}
	return removed, errors.Join(err, restore())
}

// A leftover is a deed that stands, with the request that undoes it.
type leftover struct {
	deed string
	kind int // RTM_DEL*
	body []byte
	link int // address: index
}

type leftovers struct {
	rules, routes, addresses, devices []leftover
	adopted                           []int    // devices that are kept, by index
	gone                              []string // deeds of which nothing is there any more
}

// leftovers sorts deeds, without those that are to be kept.
func (s *survey) leftovers(deeds []string, keep Kept) (l leftovers) {
	kept := map[string]bool{}
	for i := range keep.Addresses {
		kept[keep.Addresses[i].deed()] = true
	}
	adopted := map[int]bool{}
	for _, p := range s.plan(keep.Devices, make([]error, len(keep.Devices))) {
		adopted[p.adopt] = true
	}
	addresses := map[string]bool{}
	for _, deed := range deeds {
		what, rest, _ := strings.Cut(deed, " ")
		body, err := hex.DecodeString(rest)
		readable := err == nil && len(body) >= unix.SizeofRtMsg
		switch {
		case kept[deed] || what == "table":
		case what == "rule" && readable:
			l.rules = append(l.rules, leftover{deed: deed, kind: unix.RTM_DELRULE, body: body})
		case what == "route" && readable:
			l.routes = append(l.routes, leftover{deed: deed, kind: unix.RTM_DELROUTE, body: body})
		case what == "address":
			addresses[deed] = true
		case what == "device":
			if link, there := s.made(rest); !there {
				l.gone = append(l.gone, deed)
			} else if adopted[link.Index] {
				l.adopted = append(l.adopted, link.Index)
			} else {
				m := nl.NewIfInfomsg(unix.AF_UNSPEC)
				m.Index = int32(link.Index)
				l.devices = append(l.devices, leftover{deed: deed, kind: unix.RTM_DELLINK, body: m.Serialize()})
			}
		default:
			l.gone = append(l.gone, deed)
		}
	}
	l.addresses = s.addresses(addresses)
	for _, a := range l.addresses {
		delete(addresses, a.deed)
	}
	l.gone = slices.AppendSeq(l.gone, maps.Keys(addresses))
	return l
}

// addresses returns those addresses of deeds that are there, with the last of each
// link first: with a primary address go its secondary ones, or one of them takes
// its place. Where the kernel keeps marks, one without is somebody else's.
func (s *survey) addresses(deeds map[string]bool) (ls []leftover) {
	marked := marksAddresses()
	for _, l := range s.links {
		for _, a := range slices.Backward(l.Addresses) {
			c := Change{Link: l.Index, Address: a.Address()}
			if deed := c.deed(); deeds[deed] && (a.Ours || !marked) {
				_, parts := c.removal()
				ls = append(ls, leftover{deed, unix.RTM_DELADDR, bodyOf(parts), l.Index})
			}
		}
	}
	return ls
}

// keepOthers keeps the kernel from removing other addresses of a network together
// with the first one that goes, until restore is called.
func (h *Host) keepOthers(addresses []leftover) (restore func() error, err error) {
	links := map[int]bool{}
	for _, a := range addresses {
		if !links[a.link] {
			links[a.link] = true
			err = errors.Join(err, h.PromoteSecondaries(a.link))
		}
	}
	return func() (err error) {
		for link := range links {
			err = errors.Join(err, h.RestoreSecondaries(link))
		}
		return err
	}, err
}

// undo has the kernel undo deeds.
func (h *Host) undo(left []leftover) (removed int, err error) {
	errs := make([]error, len(left))
	h.changes.batch(len(left), func(i, ack int) []byte {
		return h.changes.request(left[i].kind, ack, raw(left[i].body))
	}, func(i int, refusal error) { errs[i] = refusal })
	var undone []string
	for i, l := range left {
		switch refusal := errs[i]; {
		case refusal == nil:
			removed++
			undone = append(undone, l.deed)
		case isGone(refusal):
			undone = append(undone, l.deed)
		default:
			err = errors.Join(err, fmt.Errorf("remove the leftover %s: %w", l.deed, refusal))
		}
	}
	h.journal.end(undone...)
	return removed, err
}

// isGone reports whether a refusal to remove something means that it is not there.
func isGone(err error) bool {
	for _, gone := range []unix.Errno{unix.ESRCH, unix.ENOENT, unix.ENODEV, unix.EADDRNOTAVAIL} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// deed names an address on a link.
func (c *Change) deed() string {
	b := fmt.Appendf(nil, "address %d ", c.Link)
	b = netip.PrefixFrom(c.Address.Prefix.Addr(), c.Address.bits()).AppendTo(b)
	if c.Address.Peer.IsValid() {
		b = c.Address.Peer.AppendTo(append(b, ' '))
	}
	return string(b)
}

// marksAddresses reports whether the kernel keeps IFA_PROTO.
func marksAddresses() bool {
	var u unix.Utsname
	var major, minor int
	if err := unix.Uname(&u); err != nil {
		return false
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 5 || major == 5 && minor >= 18
}

// deed names a device: a macvlan is known by its MAC, an ipvlan by its name.
func (p *plan) deed() string {
	return fmt.Sprintf("device %d %s %v %s", p.Parent, p.kind(), p.mac, p.name)
}

// made returns the link of such a deed.
func (s *survey) made(rest string) (Link, bool) {
	var parent int
	var kind, mac, name string
	if _, err := fmt.Sscan(rest, &parent, &kind, &mac, &name); err != nil {
		return Link{}, false
	}
	below, there := s.at(parent)
	for _, l := range s.links {
		if there && l.liesOn(below) && l.Kind == kind && (kind == macvlan && l.MAC.String() == mac || kind == ipvlan && l.Name == name) {
			return l, true
		}
	}
	return Link{}, false
}

func tableDeed(family, name string) string { return "table " + family + " " + name }

// deed names the table.
func (r *ruleset) deed() string {
	if r.table.Family == nftables.TableFamilyARP {
		return tableDeed("arp", r.table.Name)
	}
	return tableDeed("inet", r.table.Name)
}

// bodyOf returns the parts of a request as they are sent.
func bodyOf(parts []nl.NetlinkRequestData) (b []byte) {
	for _, p := range parts {
		b = append(b, p.Serialize()...)
		b = append(b, make([]byte, align(len(b))-len(b))...)
	}
	return b
}

// raw is the body of a request.
type raw []byte

func (r raw) Len() int          { return len(r) }
func (r raw) Serialize() []byte { return r }
