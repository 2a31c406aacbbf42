package fsm

import (
	"net/netip"
	"time"

	"regent/vrrp"
)

// replyLimit bounds limit for long intervals (S-38).
const replyLimit = 100 * time.Millisecond

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

	state State
	since Time // of the last transition
	cause Cause
	crown NewMasterReason // of the last reign

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

	// Of a master.
	answer    Time // lesser masters get none before: S-38
	contested bool // another master was heard in this step
	announcer announcer

	peer    Peer // heard last
	lesser  uint64
	ignored uint64
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

// heard is an advertisement.
func (m *machine) heard(now Time, h Heard, out []Action) []Action {
	h.Source = h.Source.Unmap().WithZone("")
	if h.Source == m.primary {
		return out // S-36: to answer the own echo would never end
	}
	m.peer = Peer{Addr: h.Source, Priority: h.Priority, At: now}
	switch m.state {
	case Backup:
		m.heardAsBackup(now, h)
	case Master:
		return m.heardAsMaster(now, h, out)
	default:
		m.ignored++ // S-12
	}
	return out
}

func (m *machine) heardAsBackup(now Time, h Heard) {
	switch {
	case h.Priority == vrrp.Resign: // S-22: its interval is not learned
		m.expects = MasterResigned
		m.arm(now, true)
	case h.Priority >= m.priority(): // S-23; equal counts whatever the addresses, S-25
		m.held = Never
		m.accept(now, h)
	case m.submits(now): // S-23, S-48
		m.accept(now, h)
	default: // S-24: a lesser master; let the timer run out and take over
		m.lesser++
		m.expects = LesserMaster
		if m.held != Never {
			m.expects = HoldEnded
		}
	}
}

// submits says whether a backup puts up with a lesser master: for ever without
// pre-emption, or until the preempt delay that its first advert began is over.
func (m *machine) submits(now Time) bool {
	switch {
	case m.owner(): // S-4
		return false
	case m.config.NoPreempt:
		return true
	case m.config.PreemptDelay <= 0:
		return false
	}
	if m.held == Never {
		m.held = now
	}
	return now < m.held.Add(m.config.PreemptDelay)
}

// accept takes the sender for the master: S-23.
func (m *machine) accept(now Time, h Heard) {
	m.learn(h)
	m.wants = false
	m.expects = MasterTimeout
	m.arm(now, false)
}

// learn makes the sender's interval the one in force.
func (m *machine) learn(h Heard) {
	if h.Interval > 0 {
		m.active = h.Interval
	}
}

func (m *machine) heardAsMaster(now Time, h Heard, out []Action) []Action {
	ours := m.priority()
	switch {
	case h.Priority == vrrp.Resign: // S-32
		m.contested = true // it may have announced the addresses after us
		return m.reclaim(now, m.speak(now, out))
	case h.Priority > ours: // S-33, whatever Preempt_Mode is (S-37)
		return m.yield(now, h, HigherPriority, out)
	case h.Priority == ours && h.Source.Compare(m.primary) > 0: // S-33, S-35
		return m.yield(now, h, HigherAddress, out)
	}
	m.lesser++ // S-34
	m.contested = true
	if now < m.answer { // S-38
		return m.reclaim(now, out)
	}
	m.answer = now.Add(m.limit())
	if m.answers() {
		out = m.advertise(ours, out)
	}
	out = m.reclaim(now, out)
	return append(out, Action{Router: m.router, Do: Contest, Cause: m.because(now, LesserMaster)})
}

// answers says whether a lesser master gets an advert at once: in version 3
// unless told otherwise, in version 2 only if told so (S-39, V-13).
func (m *machine) answers() bool {
	if m.config.Version == vrrp.V2 {
		return m.config.ReplyToLower
	}
	return !m.config.SilentToLower
}

// limit returns the shortest time between two answers to lesser masters, and
// between two announcements after contests (S-38).
func (m *machine) limit() time.Duration { return min(m.config.Interval, replyLimit) }

// reclaim announces the addresses after a contest: the other master's
// announcement may be the last that the hosts have heard (S-40).
func (m *machine) reclaim(now Time, out []Action) []Action {
	return m.announce(m.announcer.contested(now, m.limit(), &m.config.Announce), out)
}

// yield is S-33: Backup, under the sender's interval.
func (m *machine) yield(now Time, h Heard, why Reason, out []Action) []Action {
	if m.config.LastWord {
		out = m.advertise(m.priority(), out)
	}
	m.learn(h)
	return m.become(now, Backup, m.because(now, why), out)
}

// expire serves the timers that are due. Early, it serves none.
func (m *machine) expire(now Time, out []Action) []Action {
	m.told = spent
	if m.state == Master {
		if now >= m.timer { // S-31
			out = m.advertise(m.priority(), out)
			m.timer = after(m.timer, m.config.Interval, now)
		}
		return m.announce(m.announcer.due(now, m.limit(), &m.config.Announce), out)
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
	return m.adjust(now, m.priority() != was || c.Interval != old.Interval, out)
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
		m.crown = why.NewMaster()
		m.answer = now
		out = m.speak(now, out)
		out = append(out, Action{Router: m.router, Do: Acquire})
		out = m.announce(m.config.Announce.Repeat, out)
		m.announcer.begin(now, &m.config.Announce)
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
