package daemon

import (
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/fsm"
	"regent/netif"
	"regent/vrrp"
)

// A witness is an observer that remembers.
type witness struct {
	mu   sync.Mutex
	seen []Event
	hold chan struct{} // observing waits for it to be closed; nil: it does not wait
}

func (o *witness) Observe(e Event) {
	if o.hold != nil {
		<-o.hold
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = append(o.seen, e)
}

// events returns those of one type, and forgets all.
func events[E Event](o *witness) (some []E) {
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.seen {
		if e, ok := e.(E); ok {
			some = append(some, e)
		}
	}
	o.seen = nil
	return some
}

// observed makes a witness of all that happens to a node from now on.
func (n *node) observed(o *witness) *witness {
	go n.Subscribe(n.w.Context(), o)
	synctest.Wait()
	return o
}

// view returns the status of the only router of a node.
func (n *node) view() (*Status, *RouterStatus) {
	n.w.Helper()
	synctest.Wait()
	s, err := n.Status(n.w.Context())
	if err != nil || len(s.Routers) != 1 {
		n.w.Fatalf("%v, %v", s, err)
	}
	return s, &s.Routers[0]
}

func lesser(n *node) { advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Priority = 50 })(n) }

func resigning(n *node) { advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Priority = 0 })(n) }

// M-63, M-64, M-66, L-2: a transition has one cause, which the log, the events and
// the status show alike; its last-event and new-master-reason are those of RFC
// 8347, and every entry into MASTER is a new-master event.
func TestATransitionHasOneCause(t *testing.T) {
	takeover := down(100) + time.Millisecond
	for _, test := range []struct {
		name   string
		lines  string
		before func(*node)
		event  func(*node)
		to     Condition
		last   LastEvent
		crown  fsm.NewMasterReason
	}{
		{"silence", "", nil, func(n *node) { n.w.pass(takeover) }, Master, "master-timeout", fsm.NoResponse},
		{"a resignation", "", better, func(n *node) { resigning(n); n.w.pass(time.Second) }, Master, "master-timeout", fsm.ByPriority},
		{"a lesser master", "", nil, func(n *node) { lesser(n); n.w.pass(takeover) }, Master, "lower-priority-master", fsm.Preempted},
		{"a lesser master that is spared for a while", "preempt_delay 2", nil, func(n *node) {
			for range 8 {
				lesser(n)
				n.w.pass(time.Second)
			}
		}, Master, "preempt-hold-timeout", fsm.Preempted},
		{"a better master", "", func(n *node) { n.w.pass(takeover) }, better, Backup, "higher-priority-backup", fsm.NoResponse},
		{"the interface goes down", "", nil, func(n *node) { n.SetUp("eth0", false) }, Fault, "interface-down", fsm.NotMaster},
		{"the interface comes up", "", func(n *node) { n.SetUp("eth0", false) }, func(n *node) { n.SetUp("eth0", true) }, Backup, "interface-up", fsm.NotMaster},
		{"the address goes", "", nil, func(n *node) { n.drop("eth0", netip.MustParseAddr("192.0.2.1")) }, Fault, "no-primary-ip-address", fsm.NotMaster},
		{"the address comes", "", func(n *node) { n.drop("eth0", netip.MustParseAddr("192.0.2.1")) },
			func(n *node) { n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.1/24")}) }, Backup, "primary-ip-address", fsm.NotMaster},
		{"a check fails", "track_script {\nchk\n}", func(n *node) { n.report("chk", 0) }, func(n *node) { n.report("chk", 1) }, Fault, "shutdown", fsm.NotMaster},
		{"a check succeeds again", "track_script {\nchk\n}", func(n *node) { n.report("chk", 1) }, func(n *node) { n.report("chk", 0) }, Backup, "startup", fsm.NotMaster},
		{"the first result of a check", "track_script {\nchk\n}", nil, func(n *node) { n.report("chk", 0) }, Backup, "startup", fsm.NotMaster},
		{"the owner starts", "priority 255\ntrack_script {\nchk\n}", nil, func(n *node) { n.report("chk", 0) }, Master, "owner-preempt", fsm.ByPriority},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).start("vrrp_script chk {\nscript \"/bin/true\"\n}\n" + globals +
					instance("V", "eth0", 51, "192.0.2.100/24", "priority 100", test.lines))
				if test.before != nil {
					test.before(n)
				}
				synctest.Wait()
				o := n.observed(&witness{})
				n.forget()
				_, was := n.view()
				test.event(n)
				synctest.Wait()
				s, is := n.view()
				if is.Condition != test.to || is.LastEvent != test.last || is.Machine.NewMaster != test.crown {
					t.Errorf("%v, last event %s, new master reason %v; want %v, %s, %v",
						is.Condition, is.LastEvent, is.Machine.NewMaster, test.to, test.last, test.crown)
				}
				var changes []StateChange
				var crowns []NewMaster
				for _, e := range events[Event](o) {
					switch e := e.(type) {
					case StateChange:
						changes = append(changes, e)
					case NewMaster:
						crowns = append(crowns, e)
					}
				}
				if want := (StateChange{"V", was.Condition, test.to, is.Why}); len(changes) != 1 || !reflect.DeepEqual(changes[0], want) {
					t.Errorf("told: %+v, want %+v", changes, want)
				}
				if want := (NewMaster{"V", netip.MustParseAddr("192.0.2.1"), test.crown}); test.to == Master && (len(crowns) != 1 || crowns[0] != want) ||
					test.to != Master && len(crowns) > 0 {
					t.Errorf("told: %+v, want %+v", crowns, want)
				}
				if lines := n.lines("Entering " + test.to.String()); len(lines) == 0 || !strings.Contains(lines[len(lines)-1], is.Why.String()) {
					t.Errorf("the log says %v, want %q in it", lines, is.Why)
				}
				if at := s.Time(is.Machine.Since); at.After(time.Now()) || at.Before(w.begin) {
					t.Errorf("it says that it happened at %v", at)
				}
			})
		})
	}
}

// M-66: the last transition of all is told, too.
func TestTheEndIsObserved(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(100))
		o := n.observed(&witness{})
		n.stop()
		got := events[StateChange](o)
		if len(got) != 1 || got[0].From != Backup || got[0].To != Init || got[0].Why.Cause.Reason != fsm.Shutdown {
			t.Errorf("%+v", got)
		}
	})
}

// A change of the effective priority bears the reason of the check that made it,
// and the log and the status show the same.
func TestAPriorityChangeHasOneReason(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start("vrrp_script chk {\nscript \"/bin/true\"\nweight 20\n}\n" + conf(100, "track_script {\nchk\n}"))
		o := n.observed(&witness{})
		n.report("chk", 0)
		_, r := n.view()
		got := events[PriorityChange](o)
		if len(got) != 1 || got[0].From != 100 || got[0].To != 120 || !reflect.DeepEqual(got[0], r.Shift) || r.Machine.Priority != 120 {
			t.Errorf("%+v, and the status says %+v", got, r.Shift)
		}
		if lines := n.lines("Changing effective priority"); len(lines) != 1 || !strings.Contains(lines[0], r.Shift.Reason.String()) {
			t.Errorf("the log says %v, want %q in it", lines, r.Shift.Reason)
		}
	})
}

// M-65, M-66, L-1: of what is wrong with packets, one event of a kind is told in
// ten seconds, with the number of those before it that were not.
func TestErrorEventsAreLimited(t *testing.T) {
	for _, test := range []struct {
		name   string
		event  func(*node)
		want   Event
		status ProtocolError
	}{
		{"M-1", octet(6, 0xff), ProtocolErrorSeen{"eth0", ChecksumError, 0}, ChecksumError},
		{"M-2", octet(0, 0x21), ProtocolErrorSeen{"eth0", VersionError, 0}, VersionError},
		{"M-3", advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.VRID = 99 }), ProtocolErrorSeen{"eth0", VRIDError, 0}, VRIDError},
		{"M-8", advert(func(_ *vrrp.Advert, e *vrrp.Envelope) { e.TTL = 9 }), ProtocolErrorSeen{"eth0", TTLError, 0}, TTLError},
		{"M-12", advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Addresses = nil }), RouterErrorSeen{"eth0", 51, netif.IPv4, "V", AddressListError, 0}, NoError},
		{"M-12, a warning", advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Addresses[0] = a.Addresses[0].Next() }),
			RouterErrorSeen{"eth0", 51, netif.IPv4, "V", AddressListError, 0}, NoError},
		{"M-7, a warning", advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Interval *= 2 }), RouterErrorSeen{"eth0", 51, netif.IPv4, "V", IntervalError, 0}, NoError},
		{"M-13", octet(3, 9), RouterErrorSeen{"eth0", 51, netif.IPv4, "V", PacketLengthError, 0}, NoError},
		{"M-13, of nobody", func(n *node) {
			packet{octets: func(b []byte, _ vrrp.Envelope) []byte { b[1], b[3] = 99, 9; return b }}.to(n)
		}, RouterErrorSeen{"eth0", 99, netif.IPv4, "", PacketLengthError, 0}, NoError},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).start(conf(100))
				o := n.observed(&witness{})
				of := func() (some []Event) {
					for _, e := range events[Event](o) {
						if reflect.TypeOf(e) == reflect.TypeOf(test.want) {
							some = append(some, e)
						}
					}
					return some
				}
				for range 100 {
					test.event(n)
				}
				if got := of(); len(got) != 1 || got[0] != test.want {
					t.Errorf("told: %+v, want %+v", got, test.want)
				}
				w.pass(quiet)
				test.event(n)
				if got := fmt.Sprintf("%+v", of()); !strings.Contains(got, "Suppressed:99") {
					t.Errorf("told later: %s, want 99 suppressed", got)
				}
				s, r := n.view()
				if s.Links[0].Error != test.status || test.status != VRIDError && r.Error != test.status {
					t.Errorf("the status says %v of the link, %v of the router, want %v", s.Links[0].Error, r.Error, test.status)
				}
			})
		})
	}
}

// A slow observer holds nobody up; it is told how much it has missed.
func TestASlowObserver(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(100))
		slow := n.observed(&witness{hold: make(chan struct{})})
		const many = 2 * backlog
		for range many / 2 {
			n.tell(func(d *Daemon) { d.publish(NewMaster{}); d.publish(NewMaster{}) })
		}
		w.pass(down(100) + time.Millisecond)
		n.is(Master)
		close(slow.hold)
		synctest.Wait()
		n.stop()
		total, lost := 0, uint64(0)
		for _, e := range events[Event](slow) {
			if l, ok := e.(Lost); ok {
				lost += l.Events
			} else {
				total++
			}
		}
		// And those of the transitions: to MASTER two, to the end one.
		if lost == 0 || total+int(lost) != many+3 {
			t.Errorf("%d seen and %d lost, of %d", total, lost, many+3)
		}
	})
}

// An observer that goes leaves nothing behind.
func TestAnObserverThatGoes(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(100))
		ctx, cancel := context.WithCancel(w.Context())
		go n.Subscribe(ctx, &witness{})
		synctest.Wait()
		cancel()
		synctest.Wait()
		left := make(chan int, 1)
		n.tell(func(d *Daemon) { left <- len(d.feeds) })
		if n := <-left; n != 0 {
			t.Errorf("%d feeds are left", n)
		}
	})
}

// M-62: what can be told of a backup, and of a master.
func TestStatus(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(100, "nopreempt", "state BACKUP", "no_accept", "use_vmac"))
		w.pass(500 * time.Millisecond)
		advert(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Interval, a.Checksum = 2*time.Second, vrrp.MessageOnly })(n)
		peer := netip.MustParseAddr("192.0.2.9")
		s, r := n.view()
		m := r.Machine
		for _, field := range []struct {
			name      string
			got, want any
		}{
			{"condition", r.Condition, Backup},
			{"state", m.State, fsm.Backup},
			{"owner", r.Owner, false},
			{"configured priority", r.Settings.Router.Priority, uint8(100)},
			{"effective priority", m.Priority, uint8(100)},
			{"version", r.Settings.Router.Version, vrrp.V3},
			{"AI", m.Interval, time.Second},
			{"AAI", m.Active, 2 * time.Second},
			{"skew", m.Skew, 1218750 * time.Microsecond},
			{"ADI", m.Down, 7218750 * time.Microsecond},
			{"preempt", r.Settings.Router.NoPreempt, true},
			{"accept", r.Settings.Accept, false},
			{"VMAC", r.Device.MAC.String(), vrrp.VirtualMAC(false, 51).String()},
			{"primary address", r.Source, netip.MustParseAddr("192.0.2.1")},
			{"current master", r.Active, peer},
			{"last source", m.Heard.Addr, peer},
			{"its priority", m.Heard.Priority, uint8(200)},
			{"addresses", r.Settings.Advertised[0], vip},
			{"up since", s.Time(m.Up), w.begin},
			{"last event", r.LastEvent, LastEvent("startup")},
			{"new master reason", m.NewMaster, fsm.NotMaster},
			{"protocol error", r.Error, NoError},
			{"checksum sent", r.ChecksumSent, vrrp.MessageOnly},
			{"checksum heard", r.ChecksumHeard, vrrp.MessageOnly},
			{"and from", r.ChecksumFrom, peer},
			{"has its addresses", r.Holds, false},
		} {
			if field.got != field.want && !equalTimes(field.got, field.want) {
				t.Errorf("%s: %v, want %v", field.name, field.got, field.want)
			}
		}
		w.pass(10 * time.Second)
		if _, r := n.view(); r.Condition != Master || r.Active != r.Source || !r.Holds || r.Machine.Active != time.Second {
			t.Errorf("as master: %+v", r)
		}
		n.SetUp("eth0", false)
		if s, r := n.view(); !s.Time(r.Machine.Up).IsZero() || r.Holds {
			t.Errorf("in FAULT it is up since %v", s.Time(r.Machine.Up))
		}
	})
}

func equalTimes(a, b any) bool {
	x, ok := a.(time.Time)
	y, same := b.(time.Time)
	return ok && same && x.Equal(y)
}
