package netif

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// WatchLosses reports, until the context ends, routes and rules that regent
// has added and somebody else has removed; again, if they are added again. A
// route that went with its link or its address is reported too, where the
// kernel tells: for IPv4 it does not, but the link's own report says enough.
//
// After an overrun of the kernel's events nobody knows what was lost: lost is
// then nil and all is to be added again, which hurts nothing.
//
// report runs on the calling goroutine. There is one WatchLosses at a time.
func (h *Host) WatchLosses(ctx context.Context, report func(lost []Loss)) error {
	if !h.routing.busy.TryLock() {
		return errors.New("watch routes: already watched")
	}
	defer h.routing.busy.Unlock()
	if err := h.routing.subscribe(); err != nil {
		return fmt.Errorf("watch routes: %w", err)
	}
	defer h.routing.unsubscribe()
	stop := context.AfterFunc(ctx, h.routing.interrupt)
	defer stop()
	for ctx.Err() == nil {
		b, err := h.routing.next(true)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			h.resyncs.Add(1)
			h.log.Warn("kernel events of routes overran their buffer")
			report(nil)
		case err != nil && ctx.Err() == nil:
			return fmt.Errorf("watch routes: %w", err)
		case err == nil:
			if lost := h.held.losses(b); len(lost) > 0 {
				report(lost)
			}
		}
	}
	return ctx.Err()
}

// A holding is a route or a rule as the kernel tells it from others.
type holding struct {
	rule                  bool
	family, action, tos   uint8 // action: a route's type
	destination, source   netip.Prefix
	table, priority, mark uint32
	in, out               string // links of a rule
}

// holdings are the routes and rules that regent has added.
type holdings struct {
	mu    sync.Mutex
	ids   map[holding]int
	links places // of routes, by the names that they had when routes were added
}

// hold remembers where the links of a route are that is added.
func (hs *holdings) hold(r *Route, at places) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	names := []string{r.Interface, r.VRF}
	for _, hop := range r.NextHops {
		names = append(names, hop.Interface)
	}
	for _, name := range names {
		if p, ok := at[name]; ok {
			hs.links[name] = p
		}
	}
}

// places returns where routes are to be removed from: a route stays with its
// link, also when that has another name by now.
func (hs *holdings) places(at places) places {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	was := maps.Clone(at)
	maps.Copy(was, hs.links)
	return was
}

func (hs *holdings) remember(o *order) {
	if held, ok := o.held(); ok {
		hs.mu.Lock()
		hs.ids[held] = o.id
		hs.mu.Unlock()
	}
}

func (hs *holdings) forget(o *order) {
	if held, ok := o.held(); ok {
		hs.mu.Lock()
		delete(hs.ids, held)
		hs.mu.Unlock()
	}
}

// held reads an order as if the kernel had said it.
func (o *order) held() (holding, bool) {
	held, ok := parseHeld(message{uint16(o.kind), bodyOf(o.parts)})
	return held, ok
}

// losses returns what a datagram of events says was removed of ours.
func (hs *holdings) losses(b []byte) (lost []Loss) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for h, data := range messages(b) {
		if h.Type != unix.RTM_DELROUTE && h.Type != unix.RTM_DELRULE {
			continue
		}
		held, ok := parseHeld(message{h.Type, data})
		if !ok {
			continue
		}
		if id, ours := hs.ids[held]; ours {
			lost = append(lost, Loss{ID: id, Rule: held.rule})
			delete(hs.ids, held)
		}
	}
	return lost
}

// parseHeld reads a message about a route or a rule.
func parseHeld(m message) (o holding, ok bool) {
	if len(m.data) < unix.SizeofRtMsg {
		return o, false
	}
	head := (*unix.RtMsg)(unsafe.Pointer(&m.data[0]))
	o.family, o.action, o.tos, o.table = head.Family, head.Type, head.Tos, uint32(head.Table)
	switch m.kind {
	case unix.RTM_NEWRULE, unix.RTM_DELRULE:
		o.rule = true
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
	default:
		return o, false
	}
	number := binary.NativeEndian.Uint32
	for kind, data := range attributes(m.data[unix.SizeofRtMsg:]) {
		switch {
		case kind == unix.RTA_DST: // FRA_DST too
			o.destination = prefixOf(data, head.Dst_len)
		case kind == unix.RTA_SRC:
			o.source = prefixOf(data, head.Src_len)
		case kind == unix.RTA_TABLE: // FRA_TABLE too
			o.table = number(data)
		case kind == unix.RTA_PRIORITY: // FRA_PRIORITY too
			o.priority = number(data)
		case !o.rule:
		case kind == ruleMark:
			o.mark = number(data)
		case kind == ruleIIF:
			o.in = unix.ByteSliceToString(data)
		case kind == ruleOIF:
			o.out = unix.ByteSliceToString(data)
		}
	}
	if !o.rule {
		o.action = 0 // the kernel may remove a route whatever its type
		if o.family == unix.AF_INET6 && o.priority == 0 {
			o.priority = defaultMetric6
		}
	} else if o.table == unix.RT_TABLE_UNSPEC {
		o.table = 0
	}
	return o, true
}

func prefixOf(data []byte, bits uint8) netip.Prefix {
	a, _ := netip.AddrFromSlice(data)
	return netip.PrefixFrom(a, int(bits))
}
