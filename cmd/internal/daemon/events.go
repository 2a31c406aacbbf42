package daemon

import (
	"context"
	"net/netip"
	"slices"

	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// An Event is something that happened, as RFC 8347 notifies of it (M-66) and a
// little more. Errors are told at the rate of the log: one of a kind in ten
// seconds for each router or link, and how many were not (L-1).
type Event interface{ event() }

type (
	// NewMaster: a router has become master.
	NewMaster struct {
		Router  string
		Address netip.Addr // its own
		Reason  fsm.NewMasterReason
	}
	// StateChange: a router is in another condition.
	StateChange struct {
		Router   string
		From, To Condition
		Why      Why
	}
	// PriorityChange: health has changed the effective priority of a router.
	PriorityChange struct {
		Router   string
		From, To int
		Reason   health.Reason // the check that did
		Rival    fsm.Peer      // the last router that was heard, if To stands otherwise to its priority than From
	}
	// ProtocolErrorSeen: a link has brought a packet that is no good.
	ProtocolErrorSeen struct {
		Interface  string
		Reason     ProtocolError
		Suppressed uint64
	}
	// RouterErrorSeen: a router has received an advert that does not fit it.
	RouterErrorSeen struct {
		Interface  string
		VRID       uint8
		Family     netif.Family
		Router     string // empty: there is none with this VRID
		Reason     RouterError
		Suppressed uint64
	}
	// Lost: the observer was too slow for so many events.
	Lost struct{ Events uint64 }
)

func (NewMaster) event()         {}
func (StateChange) event()       {}
func (PriorityChange) event()    {}
func (ProtocolErrorSeen) event() {}
func (RouterErrorSeen) event()   {}
func (Lost) event()              {}

// A ProtocolError is what was wrong with a packet that belongs to nobody
// (vrrpv3ProtoErrReason of RFC 6527, M-65).
type ProtocolError uint8

const (
	NoError ProtocolError = iota
	TTLError
	VersionError
	ChecksumError
	VRIDError
)

// String returns the name of RFC 8347.
func (e ProtocolError) String() string {
	return [...]string{"no-error", "ip-ttl-error", "version-error", "checksum-error", "vrid-error"}[e]
}

var protocolErrors = map[vrrp.Counter]ProtocolError{
	vrrp.TTLErrors: TTLError, vrrp.VersionErrors: VersionError,
	vrrp.ChecksumErrors: ChecksumError, vrrp.VRIDErrors: VRIDError,
}

// A RouterError is what does not fit about an advert for a router.
type RouterError uint8

const (
	AddressListError RouterError = iota + 1
	IntervalError
	PacketLengthError
)

// String returns the name of RFC 8347.
func (e RouterError) String() string {
	return [...]string{"", "address-list-error", "interval-error", "packet-length-error"}[e]
}

var routerErrors = map[vrrp.Counter]RouterError{
	vrrp.AddressListErrors: AddressListError, vrrp.IntervalErrors: IntervalError,
	vrrp.PacketLengthErrors: PacketLengthError,
}

// A feed is what waits for one observer.
type feed struct {
	events chan Event
	lost   uint64 // since the last one that found room; the loop's
}

// backlog is how many events may wait for an observer.
const backlog = 1024

// Subscribe tells an observer of all events from now on, until ctx ends or the
// daemon does, from any goroutine and in the calling one. An observer that is
// slow misses events, of which it is told, and never holds the loop up.
func (d *Daemon) Subscribe(ctx context.Context, o Observer) {
	f := &feed{events: make(chan Event, backlog)}
	d.tell(func(d *Daemon) { d.feeds = append(d.feeds, f) })
	defer d.tell(func(d *Daemon) {
		d.feeds = slices.DeleteFunc(d.feeds, func(x *feed) bool { return x == f })
	})
	for {
		select {
		case e := <-f.events:
			o.Observe(e)
			continue
		case <-ctx.Done():
		case <-d.over:
		}
		break
	}
	for len(f.events) > 0 { // the last ones, such as that all has ended
		o.Observe(<-f.events)
	}
}

// publish tells all observers of an event. It never blocks.
func (d *Daemon) publish(e Event) {
	for _, f := range d.feeds {
		if f.lost > 0 && !f.offer(Lost{f.lost}) {
			f.lost++
			continue
		}
		f.lost = 0
		if !f.offer(e) {
			f.lost = 1
		}
	}
}

func (f *feed) offer(e Event) bool {
	select {
	case f.events <- e:
		return true
	default:
		return false
	}
}

// publishError tells of a packet that was dropped or warned of, if it moved one
// of the counters that RFC 8347 notifies of.
func (d *Daemon) publishError(r *router, c vrrp.Counter, p *netif.Packet, held uint64) {
	if len(d.feeds) == 0 {
		return
	}
	name := d.names[p.Link]
	if reason, ok := protocolErrors[c]; ok {
		d.publish(ProtocolErrorSeen{name, reason, held})
	}
	if reason, ok := routerErrors[c]; ok {
		vrid, _ := vrrp.VRID(p.Payload)
		e := RouterErrorSeen{Interface: name, VRID: vrid, Family: netif.FamilyOf(p.Envelope.Src), Reason: reason, Suppressed: held}
		if r != nil {
			e.Router = r.Name
		}
		d.publish(e)
	}
}
