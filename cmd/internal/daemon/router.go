package daemon

import (
	"net/netip"
	"time"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// A router is one virtual router at run time. Only the loop touches it.
type router struct {
	cfgparse.Instance
	next   *cfgparse.Instance // what a reload has in store; nil: nothing
	index  int                // among the daemon's routers, and on the health board
	group  *group             // whose fate it shares
	member int                // index in the group
	timer  timer

	link    int        // index of its interface; 0: there is none
	joined  bool       // it hears its group on that link
	primary netip.Addr // its source, W-9; invalid: there is none
	profile vrrp.Profile
	holds   holdings
	form    vrrp.ChecksumForm // of the adverts it sends, W-47
	to      []netip.Addr      // where they go
	built   []built           // encoded, one for each destination

	begun   bool // the state machine was started
	state   fsm.State
	verdict health.Verdict
	shown   Condition // what people were told last,
	why     string    // and why
	count   Counters
	limits  limits
}

// A group is a set of routers that share one fate (vrrp_sync_group). A router
// without a sync group is a group of one.
type group struct {
	machine *fsm.Group
	members []*router
}

// A Condition is a state as people see it (G-1).
type Condition uint8

const (
	Init Condition = iota
	Backup
	Master
	Fault
)

func (c Condition) String() string {
	return [...]string{"INIT", "BACKUP", "MASTER", "FAULT"}[c]
}

// condition translates the protocol's state: a router that may not take part
// is in FAULT, one that only waits for the first result of a check in INIT.
func condition(s fsm.State, v health.Verdict, groupFault bool) Condition {
	switch {
	case s == fsm.Master:
		return Master
	case s == fsm.Backup:
		return Backup
	case v.Fault, groupFault:
		return Fault
	default:
		return Init
	}
}

// Counters are what a router has done and seen since the daemon started.
type Counters struct {
	Sent                 uint64 // M-6
	Received             uint64 // M-5
	PriorityZeroSent     uint64 // M-10
	PriorityZeroReceived uint64 // M-9
	BecameMaster         uint64 // M-4
	Contests             uint64 // adverts of lesser masters heard while master
	Restored             uint64 // addresses that somebody else had removed
	Refused              uint64 // changes that the kernel refused
	Wire                 vrrp.Counters
}

// A built is an encoded advert together with all it was made of.
type built struct {
	made    recipe
	payload []byte
}

type recipe struct {
	priority uint8
	src, dst netip.Addr
	form     vrrp.ChecksumForm
}

// destinations are where the router's adverts go.
func (r *router) destinations() []netip.Addr {
	if r.Port.Group.IsValid() {
		return []netip.Addr{r.Port.Group}
	}
	all := make([]netip.Addr, len(r.profile.Peers))
	for i, p := range r.profile.Peers {
		all[i] = p.Addr
	}
	return all
}

// send hands the advert with a priority to the wire, for every destination.
// Adverts are encoded ahead, and again only when something in them changes. A
// signed one has a sequence of its own and so is made each time, but once for
// all its destinations (H-14).
func (r *router) send(w Wire, priority uint8) {
	if r.profile.Proof.Signs() {
		r.sendSigned(w, priority)
		return
	}
	for i, dst := range r.to {
		b, want := &r.built[i], recipe{priority, r.primary, dst, r.form}
		if b.made != want {
			b.payload = r.encode(b.payload[:0], dst, priority)
			b.made = want
		}
		w.Queue(netif.Packet{Link: r.link, Envelope: r.envelope(dst), Payload: b.payload})
	}
}

func (r *router) sendSigned(w Wire, priority uint8) {
	b := &r.built[0]
	b.payload = r.encode(b.payload[:0], r.to[0], priority)
	b.payload = r.profile.Proof.Seal(b.payload, r.envelope(r.to[0]), time.Now())
	for i, dst := range r.to {
		if i > 0 {
			vrrp.Resum(b.payload, r.envelope(dst), r.form)
		}
		w.Queue(netif.Packet{Link: r.link, Envelope: r.envelope(dst), Payload: b.payload})
	}
}

func (r *router) encode(b []byte, dst netip.Addr, priority uint8) []byte {
	advert := vrrp.Advert{
		Version:   r.Router.Version,
		VRID:      r.VRID,
		Priority:  priority,
		Interval:  r.Router.Interval,
		Addresses: r.Advertised,
		Checksum:  r.form,
	}
	r.profile.Auth.Sign(&advert)
	return advert.Append(b, r.envelope(dst))
}

func (r *router) envelope(dst netip.Addr) vrrp.Envelope {
	return vrrp.Envelope{Src: r.primary, Dst: dst, TTL: r.ttl()}
}

func (r *router) ttl() uint8 {
	if r.Port.TTL == 0 {
		return vrrp.HopLimit
	}
	return r.Port.TTL
}

// meeting is where the router's adverts arrive.
func (r *router) meeting() meeting { return meeting{r.link, r.Port.Family, r.VRID} }
