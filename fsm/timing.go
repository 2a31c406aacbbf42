package fsm

import (
	"time"

	"regent/vrrp"
)

// Effective returns the priority that health makes of a configured one: moved
// by delta, between 1 and 254, and never an owner's (T-7, S-45).
func Effective(priority uint8, delta int) uint8 {
	if priority == vrrp.Owner {
		return vrrp.Owner
	}
	return uint8(min(max(int(priority)+delta, 1), 254))
}

// priority returns the effective priority.
func (m *machine) priority() uint8 { return Effective(m.config.Priority, m.verdict.Delta) }

func (m *machine) owner() bool { return m.config.Priority == vrrp.Owner }

// interval returns the one in force: the master's in version 3, which a backup
// learns, and always the own in version 2 (V-3).
func (m *machine) interval() time.Duration {
	if m.config.Version == vrrp.V2 {
		return m.config.Interval
	}
	return m.active
}

// skew returns Skew_Time to the nanosecond (T-1, T-3, T-5).
func (m *machine) skew() time.Duration { return m.skewOf(m.priority(), m.active) }

// skewOf returns the Skew_Time of a router with a priority under a master with
// an interval. Version 2 does not scale it by the interval.
func (m *machine) skewOf(priority uint8, interval time.Duration) time.Duration {
	if m.config.Version == vrrp.V2 {
		interval = time.Second
	}
	return time.Duration(256-int(priority)) * interval / 256
}

// down returns Active_Down_Interval (T-2, T-4), with down_timer_adverts in
// place of the 3 (S-50).
func (m *machine) down() time.Duration {
	return time.Duration(m.config.DownAdverts)*m.interval() + m.skew()
}

// patience returns what the down timer was last set to.
func (m *machine) patience() time.Duration {
	if m.resigned {
		return m.skew()
	}
	return m.down()
}

// arm sets the down timer: to the skew alone after a resignation (S-22),
// otherwise to the whole down interval.
func (m *machine) arm(now Time, resigned bool) {
	m.armed, m.resigned = now, resigned
	m.timer = now.Add(m.patience())
}

// after returns when a periodic timer fires again. It counts from the deadline,
// so that the lateness of each turn does not add up; but what a long stall has
// missed stays missed (T-10).
func after(deadline Time, period time.Duration, now Time) Time {
	if next := deadline.Add(period); next > now {
		return next
	}
	return now.Add(period)
}
