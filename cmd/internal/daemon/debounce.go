package daemon

import (
	"time"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
)

// A debounce decides when the condition of a link counts: after the link has
// kept it for a while (interface_up_down_delays).
type debounce struct {
	cfgparse.LinkDelay
	link   string
	stands health.Outcome // what counts: Good, Down, NoCarrier or Absent
	met    bool           // it has been up: until then it is believed at once
	timer  timer          // set while the link is not what counts
}

// delay makes links be debounced as a configuration says. What was about to
// count goes on, where there still is a delay.
func (d *Daemon) delay(delays map[string]cfgparse.LinkDelay) {
	before := d.debounces
	d.debounces = make(map[string]*debounce, len(delays))
	for link, delay := range delays {
		b := before[link]
		if b == nil {
			is := d.condition(link)
			b = &debounce{link: link, stands: is, met: is == health.Good}
			b.timer.ring = func(d *Daemon) { d.counts(b) }
			d.timers.add(&b.timer)
		}
		delete(before, link)
		b.LinkDelay = delay
		d.debounces[link] = b
	}
	for _, b := range before {
		d.timers.remove(&b.timer)
	}
}

// condition returns how a link is now.
func (d *Daemon) condition(name string) health.Outcome {
	switch l := d.links[name]; {
	case l == nil:
		return health.Absent
	case !l.Up:
		return health.Down
	case !l.Running:
		return health.NoCarrier
	default:
		return health.Good
	}
}

// standing returns what counts as the condition of a link. One that is not what
// it counts as must stay so for its delay; if it does not, nothing has happened.
func (d *Daemon) standing(name string) health.Outcome {
	is := d.condition(name)
	b := d.debounces[name]
	if b == nil {
		return is
	}
	switch {
	case is == health.Absent: // keepalived does not wait for one to come back either
		b.met = false
		fallthrough
	case !b.met, (is == health.Good) == (b.stands == health.Good):
		b.stands = is
		d.timers.set(&b.timer, fsm.Never)
	case b.timer.deadline == fsm.Never:
		d.timers.set(&b.timer, d.now.Add(d.patienceWith(b, is == health.Good)))
	}
	b.met = b.met || is == health.Good
	return b.stands
}

// counts is what a debounce does when its delay is over: what the link is now
// is what counts.
func (d *Daemon) counts(b *debounce) {
	b.stands = d.condition(b.link)
	d.look([]string{b.link})
}

// patienceWith returns how long a link must be up, or down, before that counts.
// Routers that are backup on it limit that: they must know that they hear
// nothing before they take the silence for the death of the master, whose
// interval may be shorter than their own.
func (d *Daemon) patienceWith(b *debounce, up bool) time.Duration {
	wait := b.Down
	if up {
		wait = b.Up
	}
	for _, r := range d.uses[b.link].routers {
		if r.Port.Interface == b.link && r.state == fsm.Backup {
			active := r.group.machine.Status(r.member).Active
			wait = min(wait, time.Duration(r.Router.DownAdverts-1)*active-active/256)
		}
	}
	return max(wait, 0)
}
