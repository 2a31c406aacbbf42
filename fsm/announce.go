package fsm

import "time"

// An announcer knows when a master tells its neighbours again who has the
// addresses (B-3). Only a master has one that is set: leaving Master stops it.
type announcer struct {
	again     Time // the second burst of a new master
	lower     Time // the second burst after a contest
	refresh   Time
	elsewhere Time // the next message about addresses on other links
	rest      Time // a contest before this gets no burst of its own
	owed      Time // but this one: the last of several contests would else leave its traces in the hosts

	// One more message after a takeover from a living master that has the same
	// MAC. It may have answered the first burst, which are ARP requests, before
	// it gave the addresses up, and have the switches believe that the MAC is
	// still there.
	last Time
}

// stopped has nothing to say.
var stopped = announcer{again: Never, lower: Never, refresh: Never, elsewhere: Never, rest: -Never, owed: Never, last: Never}

// next returns when there is something to say.
func (a *announcer) next() Time {
	return min(a.again, a.lower, a.owed, a.last, a.refresh, a.elsewhere)
}

// begin sets the times of a new master, after its first burst.
func (a *announcer) begin(now Time, c *Announcing) {
	if c.Delay > 0 {
		a.again = now.Add(c.Delay)
	}
	if c.Refresh > 0 {
		a.refresh = now.Add(c.Refresh)
	}
	if c.Elsewhere > 0 {
		a.elsewhere = now.Add(c.Elsewhere)
	}
}

// adjust follows a change of the settings in the middle of a reign.
func (a *announcer) adjust(now Time, old, c *Announcing) {
	a.refresh = changed(a.refresh, now, old.Refresh, c.Refresh)
	a.elsewhere = changed(a.elsewhere, now, old.Elsewhere, c.Elsewhere)
}

// changed returns the next time of something whose period may have changed.
func changed(at, now Time, old, period time.Duration) Time {
	switch {
	case period <= 0:
		return Never
	case period != old:
		return now.Add(period)
	}
	return at
}

// contested returns how many messages a contest calls for now, and sets the
// times of those that follow.
func (a *announcer) contested(now Time, limit time.Duration, c *Announcing) (times int) {
	switch {
	case c.LowerRepeat <= 0:
		return 0
	case now < a.rest:
		a.owed = a.rest
		return 0
	}
	a.rest, a.owed = now.Add(limit), Never
	if c.LowerDelay > 0 {
		a.lower = now.Add(c.LowerDelay)
	}
	return c.LowerRepeat
}

// dueElsewhere reports whether addresses on other links are to be announced, and
// sets the time that follows.
func (a *announcer) dueElsewhere(now Time, c *Announcing) bool {
	if a.elsewhere > now {
		return false
	}
	a.elsewhere = after(a.elsewhere, c.Elsewhere, now)
	return true
}

// due returns how many messages are due, and sets the times that follow. Bursts
// that fall together are one, the greatest.
func (a *announcer) due(now Time, limit time.Duration, c *Announcing) (times int) {
	if a.again <= now {
		a.again = Never
		times = c.Repeat
	}
	if a.lower <= now {
		a.lower = Never
		times = max(times, c.LowerRepeat)
	}
	if a.owed <= now {
		a.owed = Never
		times = max(times, a.contested(now, limit, c))
	}
	if a.last <= now {
		a.last = Never
		times = max(times, 1)
	}
	if a.refresh <= now {
		a.refresh = after(a.refresh, c.Refresh, now)
		times = max(times, c.RefreshRepeat)
	}
	return times
}
