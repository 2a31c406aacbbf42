package fsm

// An announcer knows when a master tells its neighbours again who has the
// addresses (B-3). Only a master has one that is set: leaving Master stops it.
type announcer struct {
	again   Time // the second burst of a new master
	lower   Time // the second burst after a contest
	owed    Time // a contest that the limit of S-38 left without a burst
	refresh Time
}

// stopped has nothing to say.
var stopped = announcer{again: Never, lower: Never, owed: Never, refresh: Never}

// next returns when there is something to say.
func (a *announcer) next() Time {
	return min(a.again, a.lower, a.owed, a.refresh)
}

// begin sets the times of a new master, after its first burst.
func (a *announcer) begin(now Time, c *Announcing) {
	*a = stopped
	first := now
	if c.Delay > 0 {
		a.again = now.Add(c.Delay)
		first = a.again
	}
	if c.Refresh > 0 {
		a.refresh = first.Add(c.Refresh)
	}
}

// adjust follows a change of the settings in the middle of a reign.
func (a *announcer) adjust(now Time, old, c *Announcing) {
	switch {
	case c.Refresh <= 0:
		a.refresh = Never
	case c.Refresh != old.Refresh:
		a.refresh = now.Add(c.Refresh)
	}
}

// contested returns how many messages a contest calls for, and sets the time of
// the second burst.
func (a *announcer) contested(now Time, c *Announcing) (times int) {
	a.owed = Never
	if c.LowerRepeat > 0 && c.LowerDelay > 0 {
		a.lower = now.Add(c.LowerDelay)
	}
	return c.LowerRepeat
}

// due returns how many messages are due, and sets the times that follow. Bursts
// that fall together are one, the greatest.
func (a *announcer) due(now Time, c *Announcing) (times int) {
	if a.again <= now {
		a.again = Never
		times = c.Repeat
	}
	if a.lower <= now {
		a.lower = Never
		times = max(times, c.LowerRepeat)
	}
	if a.owed <= now {
		times = max(times, a.contested(now, c))
	}
	if a.refresh <= now {
		a.refresh = after(a.refresh, c.Refresh, now)
		times = max(times, c.RefreshRepeat)
	}
	return times
}
