package daemon

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
)

// A plan is what the nodes of a chaos are to run: the virtual routers that they
// have in common, and what each of them says of its own. It is never changed;
// revise makes another one.
type plan struct {
	virtuals []virtual
	keeps    []keeps // by node
	last     int     // number of the newest virtual router
}

// A virtual is one virtual router of all nodes.
type virtual struct {
	id        int // and VRID; never used again
	slot      int // the link of every node where it is
	v6        bool
	version   int
	unicast   bool
	group     string // the sync group it is in, of groupNames; empty: none
	interval  string
	addresses []string
	shares    []share // by node
}

// A share is what one node says of a virtual router.
type share struct {
	absent    bool
	name      string
	priority  int
	noAccept  bool
	vmac      string // how; empty: without
	noPreempt bool
	excluded  string // flags of an address on the other link; empty: there is none
	route     bool   // by the other link
	rule      bool
	interfere string // weight of the other link; empty: it is not tracked
	check     string // weight of the check; empty: it is not tracked
	announce  string // when to announce
	more      string // what is of no concern to others
}

// keeps are the fixtures of one node, on its second link.
type keeps struct {
	address, route, rule string // flags of each; empty: there is none
	pace                 string // what is said of links
}

const yes = " " // a flag without a word

var groupNames = []string{"G", "H", "I"}

// draw makes a plan.
func draw(rng *rand.Rand, nodes int) *plan {
	p := &plan{keeps: make([]keeps, nodes)}
	for range 1 + rng.IntN(4) {
		p.found(rng)
	}
	for k := range p.keeps {
		p.furnish(rng, k)
	}
	return p
}

// found adds a virtual router.
func (p *plan) found(rng *rand.Rand) {
	p.last++
	v := virtual{
		id: p.last, slot: rng.IntN(2), v6: rng.IntN(4) == 0, version: 2 + rng.IntN(2),
		unicast: rng.IntN(4) == 0, group: pick(rng, "", "", "G", "H"), interval: "1",
	}
	if v.v6 {
		v.version = 3
		v.addresses = append(v.addresses, fmt.Sprintf("fe80::1:%x/64", v.id))
	}
	if v.version == 3 {
		v.interval = pick(rng, "1", "0.5", "0.25")
	}
	for i := range 1 + rng.IntN(3) {
		v.addresses = append(v.addresses, v.address(i))
	}
	for range p.keeps {
		s := share{name: fmt.Sprintf("V%d", v.id), absent: rng.IntN(8) == 0}
		s.revise(rng)
		s.vmac = vmacs(rng, &v)
		s.priority = 1 + rng.IntN(254)
		v.shares = append(v.shares, s)
	}
	p.virtuals = append(p.virtuals, v)
	p.agree()
}

// address returns one of the addresses that a virtual router may begin with.
func (v *virtual) address(i int) string {
	n := 40 + v.id%40*4 + i
	switch {
	case v.v6:
		return fmt.Sprintf("2001:db8:%x::%x/64", v.slot+1, n)
	case v.slot == 0:
		return fmt.Sprintf("192.0.2.%d/24", n)
	default:
		return fmt.Sprintf("198.51.100.%d/24", n)
	}
}

// vmacs draws whether and how a node uses virtual MACs.
func vmacs(rng *rand.Rand, v *virtual) string {
	if v.unicast {
		return pick(rng, "", "", "use_vmac\n\tvmac_xmit_base")
	}
	return pick(rng, "", "", "", "use_vmac", "use_vmac\n\tvmac_xmit_base")
}

// revise draws what a node may say of a virtual router at any time.
func (s *share) revise(rng *rand.Rand) {
	s.noAccept = rng.IntN(3) == 0
	s.noPreempt = rng.IntN(5) == 0
	s.excluded = pick(rng, "", "", "", "", yes, " no_track", " use_vmac", " use_vmac no_track")
	s.route = rng.IntN(4) == 0
	s.rule = rng.IntN(4) == 0
	s.interfere = pick(rng, "", "", "", yes, " weight -50", " weight 20")
	s.check = pick(rng, "", "", "", yes, " weight -50", " weight 20")
	s.more = pick(rng, "", "", "promote_secondaries", "preempt_delay 2", "notify_priority_changes", "garp_extra_if all 3")
	s.announce = pick(rng, "", "garp_master_delay 2", "garp_master_refresh 5", "garp_master_repeat 2\n\tgarp_master_delay 1")
}

// furnish draws the fixtures of a node.
func (p *plan) furnish(rng *rand.Rand, k int) {
	p.keeps[k] = keeps{
		address: pick(rng, "", "", yes, " no_track", " track_group T"),
		route:   pick(rng, "", "", yes, " no_track", " track_group T"),
		rule:    pick(rng, "", yes),
		pace: pick(rng, "", "garp_group {\n\tgarp_interval 0.2\n\tinterfaces {\n\t\teth0\n\t\teth1\n\t}\n}\n",
			"interface_up_down_delays {\n\teth0 1\n\teth1 1 2\n}\n"),
	}
}

// agree makes of a plan one that can be lived by: the members of a group have
// one priority and one opinion on each node, and a virtual router one owner at
// most.
func (p *plan) agree() {
	for k := range p.keeps {
		first := map[string]*share{}
		for i := range p.virtuals {
			v := &p.virtuals[i]
			if s := &v.shares[k]; v.group != "" && first[v.group] == nil {
				first[v.group] = s
			} else if v.group != "" {
				f := first[v.group]
				s.absent, s.priority, s.noPreempt = f.absent, f.priority, f.noPreempt
			}
		}
	}
	for i := range p.virtuals {
		owner := false
		for k := range p.virtuals[i].shares {
			s := &p.virtuals[i].shares[k]
			if s.priority == 255 && owner {
				s.priority = 100
			}
			owner = owner || s.priority == 255
		}
	}
}

// revise returns another plan, which differs in one thing.
func (p *plan) revise(rng *rand.Rand) *plan {
	q := p.clone()
	if len(q.virtuals) == 0 {
		q.found(rng)
		return q
	}
	v := &q.virtuals[rng.IntN(len(q.virtuals))]
	s := &v.shares[rng.IntN(len(v.shares))]
	id := v.id
	switch rng.IntN(15) {
	case 0:
		q.found(rng)
	case 1:
		q.virtuals = slices.DeleteFunc(q.virtuals, func(x virtual) bool { return x.id == id })
	case 2:
		s.name = fmt.Sprintf("R%d", rng.IntN(1<<30))
	case 3:
		q.exchange(rng, v)
	case 4, 5:
		s.priority = pick(rng, 255, 1+rng.IntN(254))
	case 6, 11, 12:
		v.group = pick(rng, append(groupNames, "")...)
	case 13:
		if !v.v6 && v.interval == "1" {
			v.version = 5 - v.version
		}
	case 10:
		q.rename(v.group, pick(rng, append(groupNames, "")...))
	case 7:
		s.absent = !s.absent
	case 8:
		s.vmac = vmacs(rng, v)
	case 9:
		q.furnish(rng, rng.IntN(len(q.keeps)))
	default:
		s.revise(rng)
	}
	q.agree()
	return q
}

// rename gives a sync group another name, maybe that of another one, which it
// joins, or dissolves it.
func (p *plan) rename(from, to string) {
	for i := range p.virtuals {
		if v := &p.virtuals[i]; v.group == from && from != "" {
			v.group = to
		}
	}
}

// exchange moves an address from a virtual router to another one that may have
// it.
func (p *plan) exchange(rng *rand.Rand, from *virtual) {
	n := len(from.addresses) - 1
	for _, i := range rng.Perm(len(p.virtuals)) {
		if to := &p.virtuals[i]; n > 0 && to.id != from.id && to.slot == from.slot && to.v6 == from.v6 {
			to.addresses = append(to.addresses, from.addresses[n])
			from.addresses = from.addresses[:n]
			return
		}
	}
}

func (p *plan) clone() *plan {
	q := &plan{virtuals: slices.Clone(p.virtuals), keeps: slices.Clone(p.keeps), last: p.last}
	for i := range q.virtuals {
		v := &q.virtuals[i]
		v.addresses, v.shares = slices.Clone(v.addresses), slices.Clone(v.shares)
	}
	return q
}

// pick draws one of several.
func pick[E any](rng *rand.Rand, all ...E) E { return all[rng.IntN(len(all))] }

// members returns the virtual routers of a sync group that a node has.
func (p *plan) members(group string, k int) (all []*virtual) {
	for i := range p.virtuals {
		if v := &p.virtuals[i]; v.group == group && group != "" && !v.shares[k].absent {
			all = append(all, v)
		}
	}
	return all
}

// mates returns those that share the fate of a virtual router of a node, which
// is one of them.
func (p *plan) mates(v *virtual, k int) []*virtual {
	if v.group == "" {
		return []*virtual{v}
	}
	return p.members(v.group, k)
}

// tracked returns the virtual router whose instance is in the track_group T.
func (p *plan) tracked(k int) *virtual {
	for i := range p.virtuals {
		if !p.virtuals[i].shares[k].absent {
			return &p.virtuals[i]
		}
	}
	return nil
}

// shy returns the addresses of routers of a node that only forward, of some
// addresses; nil: of all.
func (p *plan) shy(k int, of map[netip.Addr]bool) map[netip.Addr]bool {
	all := map[netip.Addr]bool{}
	for i := range p.virtuals {
		v := &p.virtuals[i]
		if s := &v.shares[k]; s.absent || !s.noAccept || s.priority == 255 {
			continue
		}
		for _, x := range v.addresses {
			if addr := netip.MustParsePrefix(x).Addr(); of == nil || of[addr] {
				all[addr] = true
			}
		}
	}
	return all
}

// text returns the configuration of a node.
func (p *plan) text(k int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n\tvrrp_version 3\n}\nvrrp_script chk {\n\tscript \"/bin/true\"\n\tinterval 1\n}\n")
	b.WriteString(p.fixtures(k))
	for _, name := range groupNames {
		all := p.members(name, k)
		if len(all) == 0 {
			continue
		}
		fmt.Fprintf(&b, "vrrp_sync_group %s {\n\tgroup {\n", name)
		for _, v := range all {
			fmt.Fprintf(&b, "\t\t%s\n", v.shares[k].name)
		}
		b.WriteString("\t}\n}\n")
	}
	for i := range p.virtuals {
		if v := &p.virtuals[i]; !v.shares[k].absent {
			b.WriteString(v.text(k))
		}
	}
	return b.String()
}

// fixtures returns what a node says of its fixtures.
func (p *plan) fixtures(k int) string {
	f, group := p.keeps[k], ""
	if v := p.tracked(k); v != nil {
		group = fmt.Sprintf("track_group T {\n\tgroup {\n\t\t%s\n\t}\n}\n", v.shares[k].name)
	} else { // none that it could hold
		f.address, f.route = strings.Replace(f.address, " track_group T", yes, 1), strings.Replace(f.route, " track_group T", yes, 1)
	}
	text := ""
	if f.address != "" {
		text += "static_ipaddress {\n\t" + staticAddress(k) + " dev eth1" + f.address + "\n}\n"
	}
	if f.route != "" {
		text += "static_routes {\n\t" + staticRoute + " dev eth1" + f.route + "\n}\n"
	}
	if f.rule != "" {
		text += "static_rules {\n\tfrom " + staticRule + " table 100 preference 900\n}\n"
	}
	return text + group + f.pace
}

const (
	staticRoute = "203.0.113.248/32"
	staticRule  = "198.18.255.1"
)

func staticAddress(k int) string { return fmt.Sprintf("198.51.100.%d/24", 10+k) }

// text returns the instance of a node.
func (v *virtual) text(k int) string {
	s := &v.shares[k]
	lines := []string{
		"interface " + linkOf(v.slot), fmt.Sprint("virtual_router_id ", v.id), fmt.Sprint("version ", v.version),
		"advert_int " + v.interval, fmt.Sprint("priority ", s.priority),
		"virtual_ipaddress {\n\t\t" + strings.Join(v.addresses, "\n\t\t") + "\n\t}",
	}
	add := func(wanted bool, line string) {
		if wanted {
			lines = append(lines, line)
		}
	}
	add(s.announce != "", s.announce)
	add(s.noAccept, "no_accept")
	add(s.noPreempt, "nopreempt")
	add(s.vmac != "", s.vmac)
	add(s.more != "", s.more)
	if v.unicast {
		var others []string
		for i := range v.shares {
			if i != k {
				others = append(others, own(i, v.slot, v.v6).Addr().String())
			}
		}
		lines = append(lines, "unicast_src_ip "+own(k, v.slot, v.v6).Addr().String(), peers(others...))
	}
	other := linkOf(1 - v.slot)
	add(s.excluded != "", "virtual_ipaddress_excluded {\n\t\t"+v.excluded()+" dev "+other+s.excluded+"\n\t}")
	add(s.route, "virtual_routes {\n\t\t"+v.route()+" dev "+other+"\n\t}")
	add(s.rule, "virtual_rules {\n\t\tfrom "+v.rule()+fmt.Sprintf(" table 100 preference %d\n\t}", 1000+v.id))
	add(s.interfere != "", "track_interface {\n\t\t"+other+s.interfere+"\n\t}")
	add(s.check != "", "track_script {\n\t\tchk"+s.check+"\n\t}")
	return "vrrp_instance " + s.name + " {\n\t" + strings.Join(lines, "\n\t") + "\n}\n"
}

func (v *virtual) excluded() string { return fmt.Sprintf("198.18.%d.1/32", v.id%200) }
func (v *virtual) route() string    { return fmt.Sprintf("203.0.113.%d/32", v.id%200) }
func (v *virtual) rule() string     { return fmt.Sprintf("198.18.%d.1", v.id%200) }
