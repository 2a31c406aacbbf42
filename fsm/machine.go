package fsm

import (
	"net/netip"
	"time"

	"regent/vrrp"
)

// A life is how far a router is from taking part.
type life uint8

const (
	expected life = iota // not started yet: its group waits for it
	running
	gone // stopped: its group goes on without it
)

// A machine is one virtual router. It decides alone, but for two steps which a
// group takes as one and which it only asks for: to begin (ready) and to become
// master (wants).
type machine struct {
	router  int // index in the group
	config  Config
	verdict Verdict
	primary netip.Addr
	life    life

	state     State
	since     Time // of the last transition
	up        Time // when it left Initialize
	cause     Cause
	newMaster NewMasterReason // of the last reign

	timer Time // Initialize: end of the start delay; Backup: down timer; Master: advert timer
	told  Time // the deadline of the last Wake
	begun Time // when it was started

	// Of a backup.
	active   time.Duration // Active_Adver_Interval (S-7, S-23)
	armed    Time          // when the down timer was set, S-44
	resigned bool          // to the skew alone, S-22
	expects  Reason        // what a takeover will be called
	held     Time          // when the preempt delay began; Never: it did not
	wants    bool          // the down timer has run out; the group may not be so far

	submitted bool // it has accepted another master in this step

	// Of a master.
	answer    Time // lesser masters get none before: S-38
	contested bool // another master was heard in this step
	announcer announcer

	peer     Peer // heard last
	speakers speakers
	lesser   uint64
	ignored  uint64
	repeated uint64
}

// spent is the deadline that was told last when it has come.
const spent Time = -1 << 63

func newMachine(router int, c Config) machine {
	c = c.complete()
	return machine{
		router: router, config: c, active: c.Interval,
		timer: Never, told: Never, held: Never, announcer: stopped,
	}
}

// step lets one event happen to the router.
func (m *machine) step(now Time, ev Event, out []Action) []Action {
	if m.overslept(now) && !final(ev) {
		out = m.become(now, Backup, m.stalled(now), out)
	}
	switch ev := ev.(type) {
	case Heard:
		return m.heard(now, ev, out)
	case Expire:
		return m.expire(now, out)
	case Start:
		m.start(now)
	case Stop:
		return m.stop(now, out)
	case Judged:
		was := m.priority()
		m.verdict = ev.Verdict
		return m.adjust(now, m.priority() != was && !ev.Verdict.Fault, out)
	case Configured:
		return m.configure(now, ev.Config.complete(), out)
	case Addressed:
		return m.address(now, ev, out)
	}
	return out
}

// start makes the router one that its group counts on; the group decides when
// it begins (S-10, S-11, S-49).
func (m *machine) start(now Time) {
	if m.life == running {
		return
	}
	m.life, m.begun = running, now
	if m.config.StartDelay > 0 {
		m.timer = now.Add(m.config.StartDelay)
	}
}

// ready says that nothing of its own keeps the router from beginning.
func (m *machine) ready() bool {
	return m.life == running && !m.verdict.Fault && !m.verdict.Wait && m.timer == Never
}

// stop is Shutdown (S-20, S-30).
func (m *machine) stop(now Time, out []Action) []Action {
	m.life, m.timer = gone, Never
	why := Cause{Reason: Shutdown, Priority: m.priority()}
	if m.state == Initialize {
		m.cause = why
		return out
	}
	return m.become(now, Initialize, why, out)
}

// fail ends the router's part until its group begins again (S-42).
func (m *machine) fail(now Time, why Cause, out []Action) []Action {
	if m.state == Initialize && m.cause.own() == Faulted {
		return out // known already
	}
	return m.become(now, Initialize, why, out)
}

// expire serves the timers that are due. Early, it serves none.
func (m *machine) expire(now Time, out []Action) []Action {
	m.told = spent
	if m.state == Master {
		if now >= m.timer { // S-31
			out = m.advertise(m.priority(), out)
			m.timer = after(m.timer, m.config.Interval, now)
		}
		times := m.announcer.due(now, m.limit(), &m.config.Announce)
		if m.announcer.dueElsewhere(now, &m.config.Announce) && times == 0 { // else all are announced
			return append(out, Action{Router: m.router, Do: Announce, Times: 1, Elsewhere: true})
		}
		return m.announce(times, out)
	}
	if now < m.timer {
		return out
	}
	m.timer = Never
	if m.state == Backup { // S-21, when the group agrees; until then the timer goes round
		m.wants = true
		m.arm(now, false)
	}
	return out
}

// configure replaces the settings.
func (m *machine) configure(now Time, c Config, out []Action) []Action {
	was, old := m.priority(), m.config
	m.config = c
	switch {
	case m.state == Master:
		m.announcer.adjust(now, &old.Announce, &c.Announce)
	case m.state == Initialize && m.timer != Never:
		m.timer = m.begun.Add(c.StartDelay)
		if m.timer <= now {
			m.timer = Never
		}
	}
	if m.life != running {
		m.active = c.Interval // S-7
	}
	return m.adjust(now, m.priority() != was || c.Interval != old.Interval || c.Version != old.Version, out)
}

// adjust applies another priority or interval to what runs: a master says so at
// once, a backup's timer counts from when it was set (S-44, S-46).
func (m *machine) adjust(now Time, news bool, out []Action) []Action {
	switch m.state {
	case Master:
		if news {
			return m.speak(now, out)
		}
	case Backup:
		m.timer = m.armed.Add(m.patience())
		if m.timer <= now {
			m.wants = true
			m.arm(now, false)
		}
	}
	return out
}

// address notes the addresses of the router and tells them (S-43, S-47).
func (m *machine) address(now Time, a Addressed, out []Action) []Action {
	if a.Primary.IsValid() {
		m.primary = a.Primary.Unmap().WithZone("")
	}
	if m.state != Master {
		return out
	}
	out = m.speak(now, out)
	if a.Announce {
		out = m.announce(m.config.Announce.Repeat, out)
	}
	return out
}

// speak sends an advert out of turn, which restarts the timer (S-51).
func (m *machine) speak(now Time, out []Action) []Action {
	m.timer = now.Add(m.config.Interval)
	return m.advertise(m.priority(), out)
}

func (m *machine) advertise(priority uint8, out []Action) []Action {
	return append(out, Action{Router: m.router, Do: Advertise, Priority: priority})
}

func (m *machine) announce(times int, out []Action) []Action {
	if times <= 0 {
		return out
	}
	return append(out, Action{Router: m.router, Do: Announce, Times: times})
}

// become is the only place where the state changes. It undoes what the old
// state held and sets what the new one needs, in the order of the wire.
func (m *machine) become(now Time, to State, why Cause, out []Action) []Action {
	from := m.state
	if from == Master {
		if to == Initialize {
			out = m.advertise(vrrp.Resign, out) // S-41: while the addresses are still there
		}
		out = append(out, Action{Router: m.router, Do: Release})
		m.announcer = stopped
	}
	if from == Initialize {
		m.up = now
	}
	m.state, m.since, m.cause = to, now, why
	m.wants, m.held = false, Never
	switch to {
	case Initialize:
		if from != Initialize { // a fault found during the start delay does not end it
			m.timer = Never
		}
	case Backup:
		m.expects = MasterTimeout
		m.arm(now, false)
	case Master: // S-10, S-21; B-2 has the order
		m.newMaster = why.NewMaster()
		m.answer = now
		out = m.speak(now, out)
		out = append(out, Action{Router: m.router, Do: Acquire})
		out = m.announce(m.config.Announce.Repeat, out)
		m.announcer.begin(now, &m.config.Announce)
		if m.newMaster == Preempted && m.config.SharedMAC {
			m.announcer.last = now.Add(m.limit())
		}
	}
	return append(out, Action{Router: m.router, Do: Enter, From: from, To: to, Cause: why})
}

// because explains a decision by what was heard since the last one.
func (m *machine) because(now Time, why Reason) Cause {
	c := Cause{Reason: why, Priority: m.priority(), Silence: now.Sub(m.since)}
	if m.peer.Addr.IsValid() && m.peer.At >= m.since {
		c.Peer, c.PeerPriority, c.Silence = m.peer.Addr, m.peer.Priority, now.Sub(m.peer.At)
	}
	return c
}

// deadline returns when the router wants to be woken.
func (m *machine) deadline() Time {
	if m.state == Master {
		return min(m.timer, m.announcer.next())
	}
	return m.timer
}

// wake tells the deadline if it moved. One that is past was told before, and
// its Expire is on the way.
func (m *machine) wake(now Time, out []Action) []Action {
	at := m.deadline()
	if at == m.told || at <= now {
		return out
	}
	m.told = at
	return append(out, Action{Router: m.router, Do: Wake, At: at})
}
