package netif

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// routeProto marks the routes and rules of regent (RTPROT_*), as addressProto
// does its addresses. No other daemon has the number, so they are told from what an
// administrator or keepalived (18) made.
const routeProto = 112

// ChangeRoutes adds and removes routes, in the given order and in few system
// calls. One that is there already, or gone already, is a success; one that
// others have made is never removed.
//
// It returns nil if all went well, else an error or nil for each change, like
// "add 198.51.100.0/24 via 192.0.2.1: network is unreachable".
func (h *Host) ChangeRoutes(changes []RouteChange) []error {
	at, err := h.places()
	if err != nil {
		return fill(len(changes), err)
	}
	was := h.held.places(at)
	orders := make([]order, len(changes))
	for i := range changes {
		c := &changes[i]
		o := order{remove: c.Remove, id: c.ID, object: &c.Route, kind: unix.RTM_NEWROUTE, flags: c.Route.Insert.flags()}
		if c.Remove {
			o.kind, o.flags = unix.RTM_DELROUTE, 0
		}
		if c.Remove {
			o.parts, o.err = was.routeRequest(&c.Route, true)
			o.removal = o.parts
		} else {
			o.parts, o.err = at.routeRequest(&c.Route, false)
			o.removal, _ = at.routeRequest(&c.Route, true)
			h.held.hold(&c.Route, at)
		}
		orders[i] = o
	}
	return h.carryOutOrders("route", orders)
}

// ChangeRules does for rules what ChangeRoutes does for routes, with errors
// like "add IPv4 rule 100: operation not permitted".
func (h *Host) ChangeRules(changes []RuleChange) []error {
	orders := make([]order, len(changes))
	for i := range changes {
		c := &changes[i]
		o := order{remove: c.Remove, id: c.ID, object: &c.Rule, kind: unix.RTM_NEWRULE, flags: unix.NLM_F_CREATE | unix.NLM_F_EXCL}
		if c.Remove {
			o.kind, o.flags = unix.RTM_DELRULE, 0
		}
		o.parts = c.Rule.request()
		o.removal = o.parts
		orders[i] = o
	}
	return h.carryOutOrders("rule", orders)
}

// flags says what the kernel does with a route among others like it.
func (i Insertion) flags() int {
	switch i {
	case Add:
		return unix.NLM_F_CREATE | unix.NLM_F_EXCL
	case Append:
		return unix.NLM_F_CREATE | unix.NLM_F_APPEND
	default:
		return unix.NLM_F_CREATE
	}
}

// An order is a change of a route or a rule on its way to the kernel.
type order struct {
	remove bool
	id     int
	object fmt.Stringer
	kind   int // RTM_*
	flags  int
	parts  []nl.NetlinkRequestData
	err    error

	removal []nl.NetlinkRequestData // parts of the request that removes it
}

// carryOutOrders has the kernel do what it can, and keeps in mind what is held
// now, to know a Loss when it comes.
func (h *Host) carryOutOrders(what string, orders []order) []error {
	var todo []*order
	for i := range orders {
		o := &orders[i]
		if o.err == nil {
			todo = append(todo, o)
		}
		// Before the deed: what follows of it is no loss, and what others do
		// right after it is one.
		if o.remove {
			h.held.forget(o)
		} else {
			h.held.remember(o)
		}
	}
	notes := h.journal.expect(len(todo), func(i int) (string, bool) {
		return what + " " + hex.EncodeToString(bodyOf(todo[i].removal)), todo[i].remove
	})
	h.changes.batch(len(todo), func(i, ack int) []byte {
		return h.changes.request(todo[i].kind, ack|todo[i].flags, todo[i].parts...)
	}, func(i int, err error) {
		todo[i].err = err
		notes.refused(i, err)
	})
	notes.settle()
	errs := make([]error, len(orders))
	for i := range orders {
		o := &orders[i]
		switch {
		case o.harmless():
		case o.remove:
			errs[i] = fmt.Errorf("remove %v: %w", o.object, o.err)
		default:
			errs[i] = fmt.Errorf("add %v: %w", o.object, o.err)
			h.held.forget(o)
		}
	}
	return anyOf(errs)
}

// harmless tells whether the world is as it was asked to be.
func (o *order) harmless() bool {
	if o.remove { // without its link a route is gone
		return o.err == nil || errors.Is(o.err, unix.ESRCH) || errors.Is(o.err, unix.ENOENT) || errors.Is(o.err, unix.ENODEV)
	}
	return o.err == nil || errors.Is(o.err, unix.EEXIST)
}

// A place is a link by its name, and the table if it is a VRF.
type place struct {
	index int
	table uint32
}

type places map[string]place

func (at places) find(name string) (place, error) {
	p, ok := at[name]
	if !ok {
		return p, unix.ENODEV
	}
	return p, nil
}

// places looks where the links are.
func (h *Host) places() (places, error) {
	list, err := h.asks.dump(unix.RTM_GETLINK, nl.NewIfInfomsg(unix.AF_UNSPEC), linkFilter())
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	at := places{}
	for _, m := range list {
		if l, ok := parseLink(m); ok {
			at[l.Name] = place{index: l.Index, table: vrfTable(m)}
		}
	}
	return at, nil
}

// vrfTable returns the table of a VRF: IFLA_VRF_TABLE, in IFLA_INFO_DATA, in
// IFLA_LINKINFO. It is 0 for other links, whose data have other meanings.
func vrfTable(m message) (table uint32) {
	for kind, info := range attributes(m.data[unix.SizeofIfInfomsg:]) {
		if kind != unix.IFLA_LINKINFO {
			continue
		}
		vrf := false
		for kind, data := range attributes(info) {
			switch {
			case kind == unix.IFLA_INFO_KIND:
				vrf = unix.ByteSliceToString(data) == "vrf"
			case kind == unix.IFLA_INFO_DATA && vrf:
				for kind, data := range attributes(data) {
					if kind == 1 && len(data) >= 4 {
						table = binary.NativeEndian.Uint32(data)
					}
				}
			}
		}
	}
	return table
}
