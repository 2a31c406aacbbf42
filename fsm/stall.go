package fsm

import "time"

// What a master does that was held up (timer_expired_backup): a suspended
// machine, a stopped process. Without pre-emption, the router that has taken
// over in the meantime is to stay master; but to a master it is a lesser one
// that is sent home (S-34). So this one has to notice by itself how long it
// slept, before it looks at anything else.

// overslept reports whether a master was silent for so long that another router
// of the configured priority has taken it for dead.
func (m *machine) overslept(now Time) bool {
	c := &m.config
	if c.ExpiredBackup == 0 || m.state != Master || m.owner() {
		return false
	}
	return m.silence(now) >= time.Duration(c.DownAdverts)*c.Interval+m.skewOf(c.ExpiredBackup, c.Interval)
}

// final reports whether an event ends a reign by itself, and for good.
func final(ev Event) bool {
	switch ev := ev.(type) {
	case Stop:
		return true
	case Judged:
		return ev.Verdict.Fault
	}
	return false
}

// silence returns the time since a master's last regular advert.
func (m *machine) silence(now Time) time.Duration { return now.Sub(m.timer) + m.config.Interval }

func (m *machine) stalled(now Time) Cause {
	return Cause{Reason: Stalled, Priority: m.priority(), Silence: m.silence(now)}
}
