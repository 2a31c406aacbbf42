package fsm

import (
	"time"

	"regent/vrrp"
)

// replyLimit bounds limit for long intervals (S-38).
const replyLimit = 100 * time.Millisecond

// heard is an advertisement.
func (m *machine) heard(now Time, h Heard, out []Action) []Action {
	h.Source = h.Source.Unmap().WithZone("")
	if h.Source == m.primary {
		return out // S-36: to answer the own echo would never end
	}
	if m.config.BothVersions && m.state != Initialize {
		var counts bool
		if out, counts = m.translate(now, h, out); !counts {
			return out
		}
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
		if m.config.ResignNoExtend && m.timer <= now.Add(m.skew()) {
			return // or a flood of resignations would keep everybody from taking over (O-4)
		}
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
	m.wants, m.submitted = false, true
	m.expects = MasterTimeout
	m.arm(now, false)
}

// learn makes the sender's interval the one in force, but none so short that a
// single lost advert would be taken for the end of the master (O-5).
func (m *machine) learn(h Heard) {
	if h.Interval > 0 {
		m.active = max(h.Interval, m.config.MinLearned)
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
