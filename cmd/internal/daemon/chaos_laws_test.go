package daemon

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"

	"regent/fsm"
	"regent/netif"
)

// judge checks all laws of peace.
func (c *chaos) judge() {
	for _, a := range c.actors {
		if a.plan == nil {
			continue
		}
		a.observe()
		c.able(a)
		c.holdings(a)
		c.refusals(a)
		c.noLeaks(a)
	}
	for i := range c.plan.virtuals {
		c.oneMaster(&c.plan.virtuals[i])
	}
}

// seen is what was seen of a daemon's router.
type seen struct {
	condition Condition
	state     fsm.State
	fault     bool // its own
	cause     fsm.Cause
	priority  int
	device    netif.Link
	annex     netif.Link // on the other link
	name      string
}

// observe asks a daemon for its routers.
func (a *actor) observe() map[string]seen {
	all := map[string]seen{}
	a.ask(func(d *Daemon) {
		for _, r := range d.routers {
			m := r.group.machine.Status(r.member)
			s := seen{r.shown, r.state, r.fault, m.Cause, int(m.Priority), r.device, netif.Link{}, r.Name}
			for _, x := range r.annexes {
				s.annex = x.device
			}
			all[r.Name] = s
		}
	})
	return all
}

// ask lets the loop answer.
func (a *actor) ask(question func(d *Daemon)) {
	answered := make(chan struct{})
	a.tell(func(d *Daemon) { question(d); close(answered) })
	<-answered
}

// link returns a link of a node by its name; not there: its index is 0.
func (a *actor) link(name string) netif.Link {
	links, _ := a.Links()
	for _, l := range links {
		if l.Name == name {
			return l
		}
	}
	return netif.Link{}
}

func (a *actor) works(name string) bool { l := a.link(name); return l.Up && l.Running }

// fit says whether a node can take part in a virtual router by itself, and with
// which priority.
func (a *actor) fit(v *virtual) (fit bool, priority int) {
	s := &v.shares[a.k]
	link, other := a.link(linkOf(v.slot)), linkOf(1-v.slot)
	source := slices.ContainsFunc(link.Addresses, func(x netif.LinkAddress) bool {
		p := own(a.k, v.slot, v.v6)
		return x.Prefix == p || !v.unicast && !v.v6 && v.slot == 1 && x.Prefix.String() == staticAddress(a.k) && a.plan.keeps[a.k].address != ""
	})
	fit = link.Up && link.Running && source
	needs := s.excluded != "" && !strings.Contains(s.excluded, "no_track") || s.route
	priority = s.priority
	weigh := func(track string, good bool) {
		weight := 0
		switch {
		case track == "":
		case track == yes:
			fit = fit && good
		default:
			fmt.Sscanf(track, " weight %d", &weight)
			if good == (weight > 0) {
				priority += weight
			}
		}
	}
	interfere, check := s.interfere, s.check
	switch {
	case s.priority == 255: // nothing changes that
		interfere, check = whole(interfere, ""), whole(check, "")
	case v.group != "": // weights are void there: a link must be up, and a script does not count
		interfere, check = whole(interfere, yes), whole(check, "")
	}
	weigh(interfere, a.works(other))
	weigh(check, a.healthy)
	fixed := a.plan.keeps[a.k]
	if t := a.plan.tracked(a.k); t == v && (fixed.address == " track_group T" || fixed.route == " track_group T") {
		fit = fit && a.works("eth1")
	}
	if needs && !a.works(other) {
		fit = false
	}
	if s.priority == 255 {
		return fit, 255
	}
	return fit, min(max(priority, 1), 254)
}

// whole returns how a check is tracked without a weight: one that has a weight
// otherwise.
func whole(track, otherwise string) string {
	if track == "" || track == yes {
		return track
	}
	return otherwise
}

// able checks that a router takes part if it can, and only then.
func (c *chaos) able(a *actor) {
	routers := a.observe()
	for i := range a.plan.virtuals {
		v := &a.plan.virtuals[i]
		if v.shares[a.k].absent {
			continue
		}
		r, found := routers[v.shares[a.k].name]
		fit, priority := a.fit(v)
		for _, mate := range a.plan.mates(v, a.k) {
			its, _ := a.fit(mate)
			fit = fit && its
		}
		switch part := r.condition == Master || r.condition == Backup; {
		case !found:
			c.fail("%s has no %s", a.name, v.shares[a.k].name)
		case part != fit:
			c.fail("%s: %s is %v, fit: %v", a.name, r.name, r.condition, fit)
		case fit && priority != r.priority:
			c.fail("%s: %s has the priority %d, want %d", a.name, r.name, r.priority, priority)
		}
	}
}

// oneMaster checks that of all that take part one is master, and the right one:
// nobody who would take over has a higher priority (S-21, S-24, S-33).
func (c *chaos) oneMaster(v *virtual) {
	var masters []string
	reigning, best, takePart := 0, 0, false
	for _, a := range c.actors {
		s := &v.shares[a.k]
		if a.plan == nil || s.absent {
			continue
		}
		switch r := a.observe()[s.name]; {
		case r.condition == Master:
			masters = append(masters, a.name)
			reigning, takePart = r.priority, true
		case r.condition == Backup:
			takePart = true
			if !s.noPreempt {
				best = max(best, r.priority)
			}
		}
	}
	switch {
	case takePart && len(masters) != 1:
		c.fail("V%d has the masters %v", v.id, masters)
	case best > reigning:
		c.fail("the master of V%d has the priority %d, and a backup %d", v.id, reigning, best)
	}
}

// belongings are what a node should hold.
type belongings struct {
	want, may               map[string]bool // addresses on links that are, and may be, there
	up                      map[string]bool // devices, and whether they are up
	routes, optional, rules []string
}

// put adds an address on a link, if that is there.
func (b *belongings) put(a *actor, link, prefix, flags string) {
	l := a.link(link)
	if l.Index == 0 {
		return
	}
	key := prefix + " on " + link
	b.may[key] = true
	if !strings.Contains(flags, "no_track") && l.Up { // what goes with a link comes with it
		b.want[key] = true
	}
}

// ought returns what the masters and the fixtures of a node should hold.
func (c *chaos) ought(a *actor) belongings {
	b := belongings{want: map[string]bool{}, may: map[string]bool{}, up: map[string]bool{}}
	routers := a.observe()
	for i := range a.plan.virtuals {
		if v := &a.plan.virtuals[i]; !v.shares[a.k].absent {
			c.oughtRouter(a, v, routers[v.shares[a.k].name], &b)
		}
	}
	f := a.plan.keeps[a.k]
	if f.address != "" {
		b.put(a, "eth1", staticAddress(a.k), f.address)
	}
	if f.route != "" {
		b.optional = append(b.optional, staticRoute)
		if f.route != " no_track" && a.link("eth1").Up {
			b.routes = append(b.routes, staticRoute)
		}
	}
	if f.rule != "" {
		b.rules = append(b.rules, staticRule)
	}
	return b
}

// oughtRouter adds what one router of a node should hold.
func (c *chaos) oughtRouter(a *actor, v *virtual, r seen, b *belongings) {
	s := &v.shares[a.k]
	home, other := linkOf(v.slot), linkOf(1-v.slot)
	if s.vmac != "" && r.device.Index != 0 {
		home = r.device.Name
		b.up[home] = r.condition == Master
	}
	if strings.Contains(s.excluded, "use_vmac") {
		if other = r.annex.Name; other != "" {
			b.up[other] = r.condition == Master
		}
	}
	if r.condition != Master {
		return
	}
	for _, x := range v.addresses {
		b.put(a, home, x, "")
		c.announced(a, home, x)
	}
	if s.excluded != "" {
		b.put(a, other, v.excluded(), s.excluded)
	}
	if s.route {
		b.routes = append(b.routes, v.route())
	}
	if s.rule {
		b.rules = append(b.rules, v.rule())
	}
}

// holdings checks that the kernel of a node holds what its masters and fixtures
// should hold, and nothing else.
func (c *chaos) holdings(a *actor) {
	b := c.ought(a)
	links, _ := a.Links()
	has := map[string]bool{}
	for _, l := range links {
		for _, x := range l.Addresses {
			if x.Ours {
				has[x.Prefix.String()+" on "+l.Name] = true
			}
		}
		if is, device := b.up[l.Name]; device && l.Up != is {
			c.fail("%s: the device %s is up: %v", a.name, l.Name, l.Up)
		} else if !device && !slices.Contains(a.names[:], l.Name) {
			c.fail("%s: the device %s is nobody's", a.name, l.Name)
		}
	}
	for key := range has {
		if !b.may[key] {
			c.fail("%s holds %s, which it should not", a.name, key)
		}
	}
	for key := range b.want {
		if !has[key] {
			c.fail("%s does not hold %s", a.name, key)
		}
	}
	c.paths(a, b.routes, b.optional, b.rules)
}

// announced checks that the neighbours were told of an address since it came.
func (c *chaos) announced(a *actor, link, prefix string) {
	a.grip.mu.Lock()
	defer a.grip.mu.Unlock()
	if l := a.link(link); l.Up && a.grip.silent[held{l.Index, netip.MustParsePrefix(prefix).Addr()}] {
		c.fail("%s has not announced %s on %s", a.name, prefix, link)
	}
}

// paths checks the routes and rules of a node.
func (c *chaos) paths(a *actor, routes, optional, rules []string) {
	haveRoutes, haveRules := a.Holds()
	var have []string
	for _, r := range haveRoutes {
		have = append(have, r.Destination.String())
	}
	c.sameSet(a, "routes", have, routes, optional)
	have = nil
	for _, r := range haveRules {
		have = append(have, r.From.Addr().String())
	}
	c.sameSet(a, "rules", have, rules, nil)
}

// sameSet checks that there is what is wanted, and maybe what is optional.
func (c *chaos) sameSet(a *actor, what string, have, want, optional []string) {
	sort.Strings(have)
	sort.Strings(want)
	have = slices.DeleteFunc(have, func(x string) bool { return slices.Contains(optional, x) && !slices.Contains(want, x) })
	if !slices.Equal(have, want) {
		c.fail("%s holds the %s %v, want %v", a.name, what, have, want)
	}
}
