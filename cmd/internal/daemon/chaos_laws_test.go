package daemon

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing/synctest"

	"regent/fsm"
	"regent/netif"
	"regent/vrrp"
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
		for _, home := range []string{linkOf(c.plan.virtuals[i].slot)} {
			c.oneMaster(&c.plan.virtuals[i], home)
		}
	}
}

// seen is what was seen of a daemon's router.
type seen struct {
	condition Condition
	state     fsm.State
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
			s := seen{r.shown, r.state, int(r.group.machine.Status(r.member).Priority), r.device, netif.Link{}, r.Name}
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
	case v.grouped: // weights are void there: a link must be up, and a script does not count
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
	together := true
	for _, v := range a.plan.members(a.k) {
		fit, _ := a.fit(v)
		together = together && fit
	}
	for i := range a.plan.virtuals {
		v := &a.plan.virtuals[i]
		if v.shares[a.k].absent {
			continue
		}
		r, found := routers[v.shares[a.k].name]
		fit, priority := a.fit(v)
		if v.grouped {
			fit = together
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

// oneMaster checks that of all that take part one is master, and the right one
// (S-21 to S-35).
func (c *chaos) oneMaster(v *virtual, home string) {
	masters, best := []string{}, 0
	reigning := 0
	for _, a := range c.actors {
		if a.plan == nil || v.shares[a.k].absent {
			continue
		}
		s := a.observe()[v.shares[a.k].name]
		switch s.condition {
		case Master:
			masters = append(masters, a.name)
			reigning = s.priority
		case Backup:
			if !v.shares[a.k].noPreempt {
				best = max(best, s.priority)
			}
		default:
			continue
		}
	}
	takesPart := slices.ContainsFunc(c.actors, func(a *actor) bool {
		if a.plan == nil || v.shares[a.k].absent {
			return false
		}
		x := a.observe()[v.shares[a.k].name].condition
		return x == Master || x == Backup
	})
	switch {
	case takesPart && len(masters) != 1:
		c.fail("V%d on %s has the masters %v", v.id, home, masters)
	case best > reigning:
		c.fail("the master of V%d has the priority %d, and a backup %d", v.id, reigning, best)
	}
}

// holdings checks that the kernel of a node holds what its masters and fixtures
// should hold, and nothing else.
func (c *chaos) holdings(a *actor) {
	routers := a.observe()
	want, may := map[string]bool{}, map[string]bool{}
	up := map[string]bool{}
	put := func(link, prefix string, flags string) {
		if a.link(link).Index == 0 {
			return
		}
		key := prefix + " on " + link
		may[key] = true
		if !strings.Contains(flags, "no_track") && a.link(link).Up { // what goes with a link comes with it
			want[key] = true
		}
	}
	var routes, optional, rules []string
	for i := range a.plan.virtuals {
		v := &a.plan.virtuals[i]
		s := &v.shares[a.k]
		r := routers[s.name]
		if s.absent {
			continue
		}
		home := linkOf(v.slot)
		if s.vmac != "" && r.device.Index != 0 {
			home = r.device.Name
			up[home] = r.condition == Master
		}
		other := linkOf(1 - v.slot)
		if strings.Contains(s.excluded, "use_vmac") {
			if other = r.annex.Name; other != "" {
				up[other] = r.condition == Master
			}
		}
		if r.condition != Master {
			continue
		}
		for _, x := range v.addresses {
			put(home, x, "")
			c.announced(a, home, x)
		}
		if s.excluded != "" {
			put(other, v.excluded(), s.excluded)
		}
		if s.route {
			routes = append(routes, v.route())
		}
		if s.rule {
			rules = append(rules, v.rule())
		}
	}
	f := a.plan.keeps[a.k]
	if f.address != "" {
		put("eth1", staticAddress(a.k), f.address)
	}
	if f.route != "" {
		optional = append(optional, "203.0.113.248/32")
		if f.route != " no_track" && a.link("eth1").Up {
			routes = append(routes, "203.0.113.248/32")
		}
	}
	if f.rule != "" {
		rules = append(rules, "198.18.255.1")
	}
	links, _ := a.Links()
	has := map[string]bool{}
	for _, l := range links {
		for _, x := range l.Addresses {
			if key := x.Prefix.String() + " on " + l.Name; x.Ours {
				has[key] = true
			}
		}
		if is, device := up[l.Name]; device && l.Up != is {
			c.fail("%s: the device %s is up: %v", a.name, l.Name, l.Up)
		} else if !device && !slices.Contains(a.names[:], l.Name) {
			c.fail("%s: the device %s is nobody's", a.name, l.Name)
		}
	}
	for key := range has {
		if !may[key] {
			c.fail("%s holds %s, which it should not", a.name, key)
		}
	}
	for key := range want {
		if !has[key] {
			c.fail("%s does not hold %s", a.name, key)
		}
	}
	c.paths(a, routes, optional, rules)
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

// refusals checks that packets are refused for the addresses of who only
// forwards, wherever they are (B-23), and that for addresses with a virtual MAC
// its device alone answers (B-10, B-12).
func (c *chaos) refusals(a *actor) {
	routers := a.observe()
	want, seats := map[netif.Refusal]bool{}, map[netif.Seat]bool{}
	for i := range a.plan.virtuals {
		v := &a.plan.virtuals[i]
		s := &v.shares[a.k]
		if device := routers[s.name].device.Index; !s.absent && s.vmac != "" && device != 0 {
			for _, x := range v.addresses {
				if addr := netip.MustParsePrefix(x).Addr(); addr.Is4() {
					seats[netif.Seat{Addr: addr, Link: device}] = true
				} else if s.priority == 255 {
					want[netif.Refusal{Addr: addr, Link: a.link(linkOf(v.slot)).Index, Questions: true}] = true
				}
			}
		}
		if annex := routers[s.name].annex.Index; !s.absent && annex != 0 {
			seats[netif.Seat{Addr: netip.MustParsePrefix(v.excluded()).Addr(), Link: annex}] = true
		}
		if s.absent || !s.noAccept || s.priority == 255 {
			continue
		}
		all := slices.Clone(v.addresses)
		if s.excluded != "" {
			all = append(all, v.excluded())
		}
		for _, x := range all {
			addr := netip.MustParsePrefix(x).Addr()
			refusal := netif.Refusal{Addr: addr}
			if addr.IsLinkLocalUnicast() && addr.Is6() {
				refusal.Link = a.link(linkOf(v.slot)).Index
				if d := routers[s.name].device; s.vmac != "" && d.Index != 0 {
					refusal.Link = d.Index
				}
				if refusal.Link == 0 {
					continue
				}
			}
			want[refusal] = true
		}
	}
	taken := map[netif.Seat]bool{}
	for _, s := range a.Seats() {
		taken[s] = true
	}
	if !maps.Equal(taken, seats) {
		c.fail("%s answers at %v, want %v", a.name, taken, seats)
	}
	got := a.Refused()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !maps.Equal(got, want) {
		c.fail("%s refuses %v, want %v", a.name, got, want)
	}
}

// noLeaks checks that nothing is kept of what is gone, and nothing waits.
func (c *chaos) noLeaks(a *actor) {
	a.ask(func(d *Daemon) {
		s := d.steward
		s.mu.Lock()
		defer s.mu.Unlock()
		alive := map[*router]bool{nil: true}
		for _, r := range d.routers {
			alive[r] = true
		}
		check := func(ok bool, what string, x any) {
			if !ok {
				c.fail("%s keeps %s: %v", a.name, what, x)
			}
		}
		check(len(s.queue) == 0 && len(s.open) == 0 && len(s.orders) == 0, "orders", len(s.queue)+len(s.open)+len(s.orders))
		for r := range s.gone {
			check(alive[r], "a retired router", r)
		}
		for p := range s.refused {
			check(alive[p.router], "a refused address of a retired router", p)
		}
		for _, r := range s.announcer.routers {
			check(alive[r], "an announcer that is retired", r)
		}
		names := map[string]bool{"lan": true, "wan": true, "eth0": true, "eth1": true}
		for name := range d.lans {
			check(names[name], "strangers of", name)
		}
		for index := range d.strange {
			check(d.names[index] != "", "strangers of a link that is gone", index)
		}
		for index := range d.promoted {
			check(d.names[index] != "", "a setting of a link that is gone", index)
		}
		check(len(d.links) == len(d.names), "names of links", d.names)
		meetings := 0
		for _, rs := range d.table {
			meetings += len(rs)
			for _, r := range rs {
				check(alive[r], "an entry of a retired router", r.Name)
			}
		}
		check(meetings <= len(d.routers), "meetings", meetings)
		check(len(d.timers.heap) <= 2*len(d.routers)+len(d.debounces)+2, "timers", len(d.timers.heap))
		check(len(d.lookouts.running) <= 1, "checks", len(d.lookouts.running))
	})
	for slot, name := range a.names {
		joined := 0
		for i := range a.plan.virtuals {
			if v := &a.plan.virtuals[i]; v.slot == slot && !v.unicast && !v.shares[a.k].absent && name == linkOf(slot) {
				joined++
			}
		}
		if got := a.Memberships(name); name != "" && got != joined {
			c.fail("%s listens to %d groups on %s, want %d", a.name, got, name, joined)
		}
	}
}

// census checks that no counter runs backwards, and what the grips have seen.
func (c *chaos) census() {
	for _, a := range c.actors {
		if a.grip != nil {
			a.grip.mu.Lock()
			for _, w := range a.grip.wrong {
				c.fail("%s: %s", a.name, w)
			}
			a.grip.mu.Unlock()
		}
		if a.plan == nil {
			continue
		}
		a.ask(func(d *Daemon) {
			for _, r := range d.routers {
				now := r.counters()
				before := a.counted[r.serial]
				was := maps.Collect(before.All)
				for name, n := range now.All {
					if n < was[name] {
						c.fail("%s: %s of %s was %d and is %d", a.name, name, r.Name, was[name], n)
					}
				}
				a.counted[r.serial] = now
			}
		})
	}
}

// nothingLeft checks that a daemon that has ended has left nothing behind.
func (c *chaos) nothingLeft(a *actor) {
	links, _ := a.Links()
	for _, l := range links {
		if !slices.Contains(a.names[:], l.Name) {
			c.fail("%s has left the device %s behind", a.name, l.Name)
		}
		for _, x := range l.Addresses {
			if x.Ours {
				c.fail("%s has left %v on %s behind", a.name, x.Prefix, l.Name)
			}
		}
	}
	c.paths(a, nil, nil, nil)
	a.Die() // what else there is goes with its process
}

// watchResignations returns a function that checks that no instance that stays
// the same has resigned since, or given up an address (O-9).
func (c *chaos) watchResignations(a *actor) func() {
	synctest.Wait()
	before, plan := a.observe(), a.plan
	changes := len(a.Changes())
	seen := [2]int{len(c.segments[0].Adverts()), len(c.segments[1].Adverts())}
	return func() {
		if !reflect.DeepEqual(plan.keeps[a.k], a.plan.keeps[a.k]) || plan.groupText(a.k) != a.plan.groupText(a.k) {
			return
		}
		for i := range plan.virtuals {
			v := &plan.virtuals[i]
			j := slices.IndexFunc(a.plan.virtuals, func(x virtual) bool { return x.id == v.id })
			if j < 0 || v.shares[a.k].absent || a.plan.virtuals[j].shares[a.k].absent || v.text(a.k) != a.plan.virtuals[j].text(a.k) || before[v.shares[a.k].name].condition != Master {
				continue
			}
			for _, change := range a.Changes()[changes:] {
				if change.Remove && slices.Contains(v.addresses, change.Address.Prefix.String()) {
					c.fail("%s: %s has given up %v at a reload that leaves it alone", a.name, v.shares[a.k].name, change.Address.Prefix)
				}
			}
			for _, sent := range c.segments[v.slot].Adverts()[seen[v.slot]:] {
				h, _ := vrrp.ParseHeader(sent.Payload)
				if sent.From == a.Host && int(h.VRID) == v.id && h.Priority == vrrp.Resign {
					c.fail("%s: %s has resigned at a reload that leaves it alone", a.name, v.shares[a.k].name)
				}
			}
		}
	}
}

// groupText returns all that binds the routers of a node to each other.
func (p *plan) groupText(k int) (text string) {
	for _, v := range p.members(k) {
		text += v.text(k)
	}
	if t := p.tracked(k); t != nil {
		text += t.shares[k].name
	}
	return text
}
