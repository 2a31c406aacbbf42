package daemon

import (
	"errors"
	"slices"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
)

// storm lets things happen one after the other, now and then at once.
func (c *chaos) storm() {
	for range 5 + c.rng.IntN(25) {
		a := pick(c.rng, c.actors...)
		deed := pick(c.rng, deeds...)
		c.say("%s: %s", a.name, deed.name)
		deed.do(c, a)
		if c.rng.IntN(4) > 0 {
			c.pass(c.soon())
		}
		if c.rng.IntN(3) == 0 {
			c.census()
		}
		if c.Failed() {
			return
		}
	}
}

// A deed is something that may happen to a node.
type deed struct {
	name string
	do   func(c *chaos, a *actor)
}

var deeds = []deed{
	{"another plan", func(c *chaos, a *actor) { c.plan = c.plan.revise(c.rng); a.follow() }},
	{"another plan", func(c *chaos, a *actor) { c.plan = c.plan.revise(c.rng).revise(c.rng); a.follow() }},
	{"another plan, not followed yet", func(c *chaos, a *actor) { c.plan = c.plan.revise(c.rng) }},
	{"follows the plan", func(c *chaos, a *actor) { a.follow() }},
	{"a link goes down", func(c *chaos, a *actor) { a.SetUp(a.aName(), false) }},
	{"a link goes up", func(c *chaos, a *actor) { a.SetUp(a.aName(), true) }},
	{"a link goes down and up", func(c *chaos, a *actor) { name := a.aName(); a.SetUp(name, false); a.SetUp(name, true) }},
	{"a link loses its carrier", func(c *chaos, a *actor) { a.Adjust(a.aName(), func(l *netif.Link) { l.Running = false }) }},
	{"a link is removed", func(c *chaos, a *actor) {
		slot := c.rng.IntN(2)
		a.Remove(a.names[slot])
		a.names[slot] = ""
	}},
	{"a link is made again", func(c *chaos, a *actor) { a.replace(c.rng.IntN(2)) }},
	{"links are as they should be", func(c *chaos, a *actor) { a.repair() }},
	{"links are as they should be", func(c *chaos, a *actor) { a.repair() }},
	{"a link is renamed", func(c *chaos, a *actor) { a.rename(c.rng.IntN(2)) }},
	{"somebody removes an address", func(c *chaos, a *actor) { a.steal(func(x netif.LinkAddress) bool { return x.Ours }) }},
	{"somebody removes an address", func(c *chaos, a *actor) { a.steal(func(x netif.LinkAddress) bool { return x.Ours }) }},
	{"an administrator removes an address", func(c *chaos, a *actor) { a.steal(func(x netif.LinkAddress) bool { return !x.Ours }) }},
	{"somebody removes a device", func(c *chaos, a *actor) { a.Remove(a.aDevice()) }},
	{"somebody removes routes and rules", func(c *chaos, a *actor) { a.rob() }},
	{"the kernel refuses", func(c *chaos, a *actor) { a.refuse() }},
	{"the kernel refuses no more", func(c *chaos, a *actor) { a.allow() }},
	{"the kernel is slow", func(c *chaos, a *actor) { a.Slow(c.soon() / 10) }},
	{"the kernel is fast", func(c *chaos, a *actor) { a.Slow(0) }},
	{"some adverts are lost", func(c *chaos, a *actor) { c.lose() }},
	{"the others are cut off", func(c *chaos, a *actor) { c.cut(a) }},
	{"all hear each other", func(c *chaos, a *actor) { c.heal() }},
	{"its check turns", func(c *chaos, a *actor) { a.healthy = !a.healthy; a.feel() }},
	{"its loop is held up", func(c *chaos, a *actor) {
		if a.plan != nil {
			wait := c.soon()
			a.tell(func(*Daemon) { time.Sleep(wait) })
		}
	}},
	{"it ends", func(c *chaos, a *actor) {
		if a.plan != nil {
			a.allow()
			a.end()
			c.nothingLeft(a)
		}
	}},
	{"it is killed", func(c *chaos, a *actor) {
		if a.plan != nil && a.idle() {
			a.die()
		}
	}},
	{"it begins", func(c *chaos, a *actor) {
		if a.plan == nil {
			a.begin()
		}
	}},
	{"it is killed and begins", func(c *chaos, a *actor) {
		if a.plan != nil && a.idle() {
			a.die()
			a.begin()
		}
	}},
}

// follow makes a node run the plan of all.
func (a *actor) follow() {
	if a.plan == nil {
		return
	}
	watch := a.c.watchMasters(a)
	a.plan = a.c.plan
	a.grip.mu.Lock()
	a.grip.shy = a.plan.shy(a.k, a.grip.shy)
	a.grip.mu.Unlock()
	a.tellPlan()
	a.Reload(parse(a.c, a.plan.text(a.k)))
	a.feel()
	watch()
}

// aName returns the name of one of its links; empty: it is not there.
func (a *actor) aName() string { return a.names[a.c.rng.IntN(2)] }

// aDevice returns the name of a device that a daemon has made; empty: there is
// none.
func (a *actor) aDevice() string {
	links, _ := a.Links()
	links = slices.DeleteFunc(links, func(l netif.Link) bool { return slices.Contains(a.names[:], l.Name) })
	if len(links) == 0 {
		return ""
	}
	return pick(a.c.rng, links...).Name
}

// replace removes a link and makes it again, which may be reported at once.
func (a *actor) replace(slot int) {
	if a.names[slot] != "" {
		a.Remove(a.names[slot])
	}
	a.attach(slot)
}

// repair makes the links of a node what they should be.
func (a *actor) repair() {
	for slot := range a.names {
		if a.names[slot] == "" {
			a.attach(slot)
			continue
		}
		a.Adjust(a.names[slot], func(l *netif.Link) {
			l.Name, l.Up, l.Running = linkOf(slot), true, true
			for _, v6 := range []bool{false, true} {
				x := linkAddress(own(a.k, slot, v6))
				if !slices.Contains(l.Addresses, x) {
					l.Addresses = append(slices.Clone(l.Addresses), x)
				}
			}
		})
		a.names[slot] = linkOf(slot)
	}
}

// idle says whether nothing is under way that would come to be after its death.
func (a *actor) idle() (idle bool) {
	a.ask(func(d *Daemon) {
		d.steward.mu.Lock()
		defer d.steward.mu.Unlock()
		idle = len(d.steward.queue) == 0 && len(d.steward.open) == 0
	})
	return idle
}

// rename gives a link another name, or its own again.
func (a *actor) rename(slot int) {
	name := pick(a.c.rng, linkOf(slot), []string{"lan", "wan"}[slot])
	if a.names[slot] == "" {
		return
	}
	a.Adjust(a.names[slot], func(l *netif.Link) { l.Name = name })
	a.names[slot] = name
}

// steal takes an address away.
func (a *actor) steal(which func(netif.LinkAddress) bool) {
	a.Adjust(a.aName(), func(l *netif.Link) {
		for _, i := range a.c.rng.Perm(len(l.Addresses)) {
			if x := l.Addresses[i]; which(x) {
				a.c.say("%s: %v on %s goes", a.name, x.Prefix, l.Name)
				l.Addresses = slices.Delete(slices.Clone(l.Addresses), i, i+1)
				return
			}
		}
	})
}

// rob takes all routes and rules away, of which the kernel tells.
func (a *actor) rob() {
	if a.plan == nil {
		return
	}
	synctest.Wait() // nothing is on its way to the kernel, or it would be no loss
	var losses []netif.Loss
	routes, rules := a.Paths()
	for _, r := range routes {
		losses = append(losses, netif.Loss{ID: r.ID})
	}
	for _, r := range rules {
		losses = append(losses, netif.Loss{ID: r.ID})
	}
	a.Rob()
	if len(losses) > 0 {
		a.Lose(losses...)
	}
}

var errNotNow = errors.New("not now")

// refuse makes the kernel refuse most addresses, to let some go, or all routes and
// rules.
func (a *actor) refuse() {
	n, removals := 0, a.c.rng.IntN(2) == 0
	if a.c.rng.IntN(3) == 0 {
		a.RefusePaths(errNotNow)
	}
	a.Refuse(func(c netif.Change) error {
		if n++; (removals || !c.Remove) && n%3 > 0 {
			return errNotNow
		}
		return nil
	})
}

// allow makes it refuse nothing any more.
func (a *actor) allow() {
	a.Refuse(nil)
	a.RefusePaths(nil)
}

// lose loses some of the adverts on one segment.
func (c *chaos) lose() {
	n, every := 0, 2+c.rng.IntN(4)
	pick(c.rng, c.segments[:]...).Lose(func(_, _ *netiftest.Host, _ netif.Packet) bool {
		n++
		return n%every == 0
	})
}

// cut keeps a node and the others apart on one segment.
func (c *chaos) cut(a *actor) {
	var others []*netiftest.Host
	for _, b := range c.actors {
		if b != a {
			others = append(others, b.Host)
		}
	}
	pick(c.rng, c.segments[:]...).Partition([]*netiftest.Host{a.Host}, others)
}

func (c *chaos) heal() {
	for _, s := range c.segments {
		s.Heal()
		s.Lose(nil)
	}
}

// calm ends what hinders, lets all follow one plan, and waits until everything
// should be as it should be. Links stay as they are, and who is dead stays dead.
func (c *chaos) calm() {
	c.say("calm")
	c.heal()
	for _, a := range c.actors {
		a.allow()
		a.Slow(0)
		if a.plan != c.plan {
			a.follow()
		}
	}
	c.pass(calmTime)
	for _, a := range c.actors {
		if a.plan != nil {
			a.grip.mu.Lock()
			a.grip.shy = a.plan.shy(a.k, nil)
			a.grip.mu.Unlock()
		}
	}
	c.census()
	c.judge()
}

// calmTime is how long it may take until all is well: several takeovers, and
// until the last attempt to do again what was refused.
const calmTime = 90 * time.Second

// finish ends all daemons.
func (c *chaos) finish() {
	for _, a := range c.actors {
		if a.plan != nil {
			a.end()
			c.nothingLeft(a)
		}
	}
}
