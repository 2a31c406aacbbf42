package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// A Daemon runs virtual routers.
type Daemon struct {
	wire        Wire
	host        Host
	log         *slog.Logger
	epoch       time.Time
	since       time.Time        // when the counters began (M-61)
	wireCleared netif.WireCounts // as they were then
	over        chan struct{}    // closed when the loop has ended

	routers   []*router // in the order of the configuration; the index is the board's
	table     table
	timers    timers
	steward   *steward
	board     *health.Board
	debounces map[string]*debounce // of links, by name
	lookouts  lookouts
	feeds     []*feed // observers

	links     map[string]*link
	names     map[int]string         // of links, by index
	uses      map[string]use         // of links, by name
	homes     map[anchor]string      // links of the sources that routers cannot do without; empty: none has it
	owner     map[ifaddr]*router     // of each virtual address
	lans      map[string]*strangers  // of the links where routers are or were, by name
	strange   map[int]*strangers     // of those that are there, by index
	guarded   map[netif.Refusal]bool // what the host is to drop (no_accept)
	seats     map[netif.Seat]bool    // where it is to answer ARP
	fixtures  fixtures               // what is kept whatever the routers do
	promoting []string               // interfaces with promote_secondaries
	promoted  map[int]bool           // links, by index, where it is on
	cleaned   bool                   // a predecessor's leftovers are gone
	ending    bool                   // as soon as they are, the daemon ends
	ended     bool

	spacing    netif.Spacing        // vrrp_garp_interval, vrrp_gna_interval
	garpGroups []cfgparse.GarpGroup // garp_group
	pace       netif.Pace           // what the steward was told of both

	vmacPrefix     string // of the names of devices (vmac_prefix)
	annexPrefix    string // and of those of single addresses (vmac_addr_prefix)
	serial         int    // of the last router
	notifier       Notifier
	groups         []cfgparse.Group
	checks         []health.Check
	generation     int    // counts configurations
	tellPriorities bool   // vrrp_notify_priority_changes
	logUnknown     bool   // log_unknown_vrids
	limits         limits // for what is no router's and no link's

	now     fsm.Time // of this turn
	actions []fsm.Action
	advert  vrrp.Advert // the one being received
	flights []flight    // adverts that leave with this turn

	mu   sync.Mutex
	news []func(*Daemon)
}

// New returns a daemon for a configuration. It touches nothing before Run.
func New(cfg *cfgparse.Config, w Wire, h Host, watch Watcher, n Notifier, log *slog.Logger) *Daemon {
	d := &Daemon{
		wire: w, host: h, notifier: n, log: log,
		epoch:    time.Now(),
		since:    time.Now().Round(0),
		over:     make(chan struct{}),
		board:    health.NewBoard(nil, nil),
		table:    make(table),
		links:    make(map[string]*link),
		names:    make(map[int]string),
		lans:     make(map[string]*strangers),
		strange:  make(map[int]*strangers),
		promoted: make(map[int]bool),
		seats:    make(map[netif.Seat]bool),
	}
	d.steward = newSteward(h, w, d.tell)
	d.lookouts = lookouts{watch: watch, log: log, report: func(r health.Report) {
		d.tell(func(d *Daemon) { d.reported(r) })
	}}
	d.fixtures.audit.timer.ring = (*Daemon).auditFixtures
	d.timers.add(&d.fixtures.audit.timer)
	d.configure(cfg)
	return d
}

// Run runs the routers until ctx ends: then masters resign, every address is
// given up, and Run returns. An error means that the host failed.
func (d *Daemon) Run(ctx context.Context) error {
	// The loop waits in the kernel, in its own thread: the runtime's timers
	// would wake it up to a millisecond late.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(d.over)

	beside, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var failure error
	var helpers, steward sync.WaitGroup
	helpers.Go(func() {
		err := d.host.Watch(beside, func(links []netif.Link) {
			d.tell(func(d *Daemon) { d.linked(links) })
		})
		if err != nil && beside.Err() == nil {
			d.tell(func(d *Daemon) { failure = fmt.Errorf("watch links: %w", err); d.stop() })
		}
	})
	helpers.Go(func() {
		err := d.host.WatchLosses(beside, func(losses []netif.Loss) {
			d.tell(func(d *Daemon) { d.lost(losses) })
		})
		if err != nil && beside.Err() == nil {
			d.log.Error("routes and rules are not watched", "error", err)
		}
	})
	d.lookouts.begin(beside)
	stewarding, endSteward := context.WithCancel(context.WithoutCancel(ctx))
	defer endSteward()
	steward.Go(func() { d.steward.run(stewarding) })
	defer context.AfterFunc(ctx, func() { d.tell((*Daemon).end) })()

	for !d.ended {
		d.wire.Wait(d.patience())
		d.turn()
	}
	cancel()
	endSteward() // it finishes what it was given: the addresses leave
	steward.Wait()
	helpers.Wait()
	d.lookouts.leave()
	return failure
}

// patience returns how long the loop may wait.
func (d *Daemon) patience() time.Duration {
	next := d.timers.next()
	if next == fsm.Never {
		return -1
	}
	return max(0, next.Sub(d.clock()))
}

// clock returns the time since the daemon was made, on the monotonic clock (T-6).
func (d *Daemon) clock() fsm.Time { return fsm.Time(time.Since(d.epoch)) }

// turn is what the loop does whenever something woke it, always in this order.
//
// It listens before it lets timers expire: silence counts only once the queue
// is empty (T-11), or a loop that was held up would take the late timers of
// all its backups for the death of their masters. To look at a queue that was
// empty when the loop woke up costs a system call, and is left out when no timer
// is due.
//
// The adverts leave before the steward hears of what they announce: a master's
// advert comes before its addresses (B-2), and it resigns while it still has
// them (S-41).
func (d *Daemon) turn() {
	d.now = d.clock()
	if d.timers.next() <= d.now {
		d.wire.Recheck()
	}
	d.listen()
	for _, news := range d.take() {
		if d.ended {
			break // nothing may begin again
		}
		news(d)
	}
	d.expire()
	d.flush()
	d.steward.send()
}

// tell brings news to the loop, from any goroutine. It never blocks.
func (d *Daemon) tell(news func(*Daemon)) {
	d.mu.Lock()
	d.news = append(d.news, news)
	d.mu.Unlock()
	d.wire.Wake()
}

func (d *Daemon) take() []func(*Daemon) {
	d.mu.Lock()
	defer d.mu.Unlock()
	news := d.news
	d.news = nil
	return news
}

// expire lets those act whose time has come: routers, and links that have kept
// their condition for long enough.
func (d *Daemon) expire() {
	for tm := d.timers.due(d.now); tm != nil; tm = d.timers.due(d.now) {
		d.timers.set(tm, fsm.Never) // unless it asks for more
		tm.ring(d)
	}
}

// step tells a router's group what happened and does what it answers.
func (d *Daemon) step(r *router, ev fsm.Event) {
	d.actions = r.group.machine.Step(d.now, r.member, ev, d.actions[:0])
	d.obey(r.group)
}

// halt ends a group: masters resign and give up their addresses (S-30).
func (d *Daemon) halt(g *group) {
	d.actions = g.machine.Stop(d.now, d.actions[:0])
	d.obey(g)
}

// obey does what a group's machine has answered.
func (d *Daemon) obey(g *group) {
	for _, a := range d.actions {
		d.perform(g.members[a.Router], a)
	}
	d.informOf(g)
}

// perform does one action. Nothing here may block.
func (d *Daemon) perform(r *router, a fsm.Action) {
	switch a.Do {
	case fsm.Advertise:
		d.advertise(r, a.Priority)
	case fsm.Acquire:
		d.acquire(r.toAcquire())
	case fsm.Release:
		d.steward.give(r.toRelease())
		d.rest(&r.audit)
	case fsm.Announce:
		d.steward.give(r.toAnnounce(a))
	case fsm.Enter:
		d.entered(r, a)
	case fsm.Wake:
		d.timers.set(&r.timer, a.At)
	case fsm.Contest:
		d.contested(r, a.Cause)
	case fsm.OneVersion:
		d.about(r).Warn("a master speaks version 3 alone: routers of version 2 do not hear it",
			"rule", "V-34", "peer", a.Cause.Peer, "priority", a.Cause.PeerPriority)
	}
}

// entered records and tells that a router's state has changed.
func (d *Daemon) entered(r *router, a fsm.Action) {
	r.state = a.To
	if a.From == fsm.Initialize && a.To != fsm.Initialize {
		d.announceSource(r)
	}
	switch {
	case a.To == fsm.Master:
		r.count.BecameMaster++
		d.publish(NewMaster{r.Name, r.primary, a.Cause.NewMaster()})
	case a.From == fsm.Master:
		r.count.ReleasedMaster++
	}
	if a.Cause.Reason == fsm.Shutdown {
		d.about(r).Info("Stopped", "was", r.shown.String())
		r.event = lastEvent(a.Cause, r.why, Why{})
		d.publish(StateChange{r.Name, r.shown, Init, Why{Cause: a.Cause}})
		r.shown, r.why = Init, Why{Cause: a.Cause}
		return
	}
	d.show(r, &a.Cause)
}

// end ends the daemon, but not before it knows the links and has removed what a
// predecessor left there (B-29).
func (d *Daemon) end() {
	d.ending = true
	if d.cleaned {
		d.stop()
	}
}

// stop ends every router: masters resign and give up their addresses (S-30).
func (d *Daemon) stop() {
	if d.ended {
		return
	}
	d.ended = true
	d.informOfTheEnd()
	for _, r := range d.routers {
		if r.member == 0 {
			d.halt(r.group)
		}
	}
	for _, r := range d.routers {
		if r.device.Index != 0 {
			d.leave(r)
		}
		d.abandon(r)
	}
	d.dismantle()
	d.demote()
}
