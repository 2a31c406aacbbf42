package cfgparse

import (
	"net/netip"
	"time"

	"regent/cfgparse/syntax"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// finish works out what the blocks mean once all of them are known, in the
// order in which the rules build on each other, and puts the configuration
// together.
func (l *loader) finish() {
	l.resolveGroups()
	for _, d := range l.drafts {
		l.finishInstance(d)
	}
	l.checkResidences()
	l.finishGroups()
	l.finishGlobal()
	l.finishScripts()
	l.assemble()
}

// finishScripts picks the scripts that run: those that somebody depends on.
func (l *loader) finishScripts() {
	used := map[string]bool{}
	for _, d := range l.drafts {
		useScripts(used, d.Tracks)
	}
	for _, g := range l.groups {
		useScripts(used, g.Tracks)
	}
	for _, s := range l.scripts.all {
		if !s.tracked {
			l.complain(s.At, syntax.Advice, "a track_script that names it", "it never runs", "%s %s is tracked by nobody", s.block, quote(s.Name))
			continue
		}
		if s.usable && used[s.Name] {
			l.cfg.Checks = append(l.cfg.Checks, s.Check)
		}
	}
}

// assemble moves what was read into the configuration, in its order.
func (l *loader) assemble() {
	for _, f := range l.files.all {
		l.cfg.Files = append(l.cfg.Files, f.FileCheck)
	}
	for _, p := range l.processes.all {
		l.cfg.Processes = append(l.cfg.Processes, p.ProcessCheck)
	}
	for _, b := range l.bfds.all {
		l.cfg.BFD = append(l.cfg.BFD, b.BFD)
	}
	l.cfg.Instances = make([]Instance, 0, len(l.drafts)) // no longer: it lives as long as the daemon
	for _, d := range l.drafts {
		l.cfg.Instances = append(l.cfg.Instances, d.Instance)
	}
	for i := range l.cfg.Instances { // only now do they stand where they stay
		in := &l.cfg.Instances[i]
		if len(in.Auth.Password) > 0 || len(in.Auth.Keys) > 0 {
			in.Profile.Auth = &in.Auth
		}
	}
	for _, g := range l.groups {
		l.cfg.Groups = append(l.cfg.Groups, g.Group)
	}
}

// useScripts notes the scripts that somebody depends on.
func useScripts(used map[string]bool, tracks []health.Track) {
	for _, t := range tracks {
		if t.Kind == health.Script {
			used[t.Name] = true
		}
	}
}

func (l *loader) finishInstance(d *draft) {
	l.finishVersion(d)
	l.finishPlace(d)
	l.finishPriority(d)
	l.finishInterval(d)
	l.applyProfile(d)
	l.finishOptions(d)
	l.finishProtocol(d)
	l.finishAnnexes(d)
	l.finishAddresses(d)
	l.finishAuth(d)
	l.finishDevice(d)
	l.finishAnnouncing(d)
	l.finishTracks(d)
	l.finishNotify(d)
}

// finishVersion decides family and version.
func (l *loader) finishVersion(d *draft) {
	g := &l.cfg.Global.Defaults
	if d.family == 0 {
		d.family = netif.IPv4
	}
	d.Port.Family = d.family
	l.finishProfile(d)
	d.Strict = g.Strict
	if d.strict != nil {
		d.Strict = *d.strict
	}
	switch {
	case d.version != 0:
	case d.family == netif.IPv6:
		d.version = vrrp.V3
	default:
		d.version = g.Version
	}
	if d.family == netif.IPv6 && d.version == vrrp.V2 { // W-36
		if d.Strict {
			l.complain(d.line("version"), syntax.General, "version 3", "version 3 is used", "strict_mode has no version 2 over IPv6")
		} else {
			l.complain(d.line("version"), syntax.Advice, "version 3", "version 3 is used; neighbours must, too", "there is no version 2 over IPv6 but keepalived's own")
		}
		d.version = vrrp.V3
	}
	d.Router.Version, d.Profile.Version = d.version, d.version
}

// finishPlace decides where adverts go and checks that they can.
func (l *loader) finishPlace(d *draft) {
	g := &l.cfg.Global.Defaults
	if d.VRID == 0 && !d.badVRID {
		l.refuse(d.At, syntax.General, "virtual_router_id 1-255", "vrrp_instance %s has no virtual_router_id", quote(d.Name))
	}
	group := g.Group4
	if d.family == netif.IPv6 {
		group = g.Group6
	}
	if !d.Port.Group.IsValid() {
		d.Port.Group = group
	}
	for _, p := range d.peers {
		if p.Addr == d.Port.Source {
			l.complain(p.at, syntax.Advice, "the addresses of the other routers", "the peer is ignored", "peer %s is the own source address", p.Addr)
			continue
		}
		d.Profile.Peers = append(d.Profile.Peers, p.Peer)
	}
	unicast := len(d.Profile.Peers) > 0
	d.FaultWithoutPeers = d.FaultWithoutPeers && d.unicast.IsValid() && !unicast
	switch {
	case unicast:
		d.Port.Group = netip.Addr{}
	case d.FaultWithoutPeers:
		l.complain(d.unicast, syntax.Deprecated, "unicast_peer { ADDR... }", "the instance stays in FAULT (unicast_fault_no_peer)", "vrrp_instance %s has no unicast peers", quote(d.Name))
	case d.unicast.IsValid():
		l.complain(d.unicast, syntax.Deprecated, "unicast_peer { ADDR... }", "adverts go to the multicast group, so unicast neighbours hear nothing", "vrrp_instance %s is unicast but has no peers", quote(d.Name))
	}
	if d.Port.Interface == "" && !d.refused {
		if !unicast || !d.Port.Source.IsValid() {
			l.refuse(d.At, syntax.General, "interface IF", "vrrp_instance %s has no interface", quote(d.Name))
		} else if d.family == netif.IPv6 && d.Port.Source.IsLinkLocalUnicast() {
			l.refuse(d.At, syntax.General, "interface IF", "vrrp_instance %s has a link-local source but no interface", quote(d.Name))
		}
	}
	if unicast && d.Strict {
		l.complain(d.unicast, syntax.Advice, "no unicast_peer, or no strict_mode", "adverts go to the peers all the same; keepalived 2.4 refuses to run", "unicast in strict_mode")
	}
	d.Profile.Group = d.Port.Group
	if d.ttl >= 0 {
		if !unicast {
			l.complain(d.line("unicast_ttl"), syntax.General, "unicast_peer { ADDR... }", "it is ignored", "unicast_ttl without peers")
		} else {
			d.Port.TTL = uint8(d.ttl)
		}
	}
	d.Profile.CheckUnicastSource = d.Profile.CheckUnicastSource || g.CheckUnicastSource
	if d.Port.VRF != "" && (!unicast || d.Port.Interface != "") {
		l.complain(d.line("vrf"), syntax.General, "a unicast instance without interface", "it is ignored", "vrf needs unicast without interface")
		d.Port.VRF = ""
	}
}

// finishPriority decides the priority and the state wanted.
func (l *loader) finishPriority(d *draft) {
	switch {
	case d.priority != 0:
	case d.master:
		d.priority = int(vrrp.Owner)
		l.complain(d.line("state"), syntax.Advice, "priority 1-254", "the router behaves as the owner of its addresses, with priority 255", "state MASTER without priority")
	default:
		d.priority = int(vrrp.DefaultPriority)
	}
	owner := d.priority == int(vrrp.Owner)
	if !d.said("state") && owner {
		d.master = true
	}
	if d.Strict && d.master != owner {
		l.complain(d.line("state"), syntax.General, "state MASTER with priority 255, and only then", "the state is made to fit the priority", "state does not fit the priority in strict_mode")
		d.master = owner
	}
	d.Router.Priority = uint8(d.priority)
	d.Profile.Owner = owner
	d.WantMaster = d.master
	if d.hold && (d.master || owner) {
		l.complain(d.line("nopreempt"), syntax.General, "state BACKUP on all routers", "nopreempt is ignored", "nopreempt does not go with state MASTER")
		d.hold = false
	}
	if d.delay > 0 {
		why := ""
		switch {
		case d.Strict:
			why = "strict_mode"
		case d.hold:
			why = "nopreempt"
		case d.master:
			why = "state MASTER"
		}
		if why != "" {
			l.complain(d.line("preempt_delay"), syntax.General, "state BACKUP, and neither nopreempt nor strict_mode", "preempt_delay is ignored", "preempt_delay does not go with %s", why)
			d.delay = 0
		}
	}
	d.Router.NoPreempt, d.Router.PreemptDelay = d.hold, d.delay
	if d.Router.ExpiredBackup > 0 && !d.hold {
		l.complain(d.line("timer_expired_backup"), syntax.General, "nopreempt", "it is ignored", "timer_expired_backup needs nopreempt")
		d.Router.ExpiredBackup = 0
	}
}

// finishInterval rounds the interval to what the version can say.
func (l *loader) finishInterval(d *draft) {
	want, unit := d.interval, time.Second
	if d.version == vrrp.V3 {
		unit = 10 * time.Millisecond
	}
	got := max(want.Round(unit), unit)
	if d.version == vrrp.V3 {
		got = min(got, vrrp.MaxIntervalV3)
	}
	if got != want {
		expected := "whole seconds, or version 3"
		if d.version == vrrp.V3 {
			expected = "whole hundredths of a second, at most 40.95"
		}
		l.complain(d.line("advert_int"), syntax.General, expected, inSeconds(got)+" is used; neighbours must have the same", "advert_int %s is not possible in version %d", inSeconds(want), d.version)
	}
	d.Router.Interval, d.Profile.Interval = got, got
}

// pick is what an instance says, else the global.
func pick(own *bool, global bool) bool {
	if own != nil {
		return *own
	}
	return global
}

// finishOptions settles the switches that have a global default.
func (l *loader) finishOptions(d *draft) {
	g := &l.cfg.Global
	owner := d.Profile.Owner
	d.Router.DownAdverts = d.down
	if d.down == 0 {
		d.Router.DownAdverts = g.Defaults.DownAdverts
	}
	lower, higher := pick(d.lower, g.Defaults.LowerNoAdvert), pick(d.higher, g.Defaults.HigherSendAdvert)
	if d.Strict {
		if d.Router.DownAdverts != 3 {
			l.complain(d.line("down_timer_adverts"), syntax.General, "3", "3 is used", "down_timer_adverts in strict_mode")
			d.Router.DownAdverts = 3
		}
		if d.NoAddresses {
			l.complain(d.line("no_virtual_ipaddress"), syntax.General, "", "it is ignored", "no_virtual_ipaddress in strict_mode")
			d.NoAddresses = false
		}
		if !lower && d.lower != nil {
			l.complain(d.line("lower_prio_no_advert"), syntax.General, "lower_prio_no_advert, or no strict_mode", "there is no answer", "an answer to lower priorities in strict_mode")
		}
		if higher {
			l.complain(d.line("higher_prio_send_advert"), syntax.General, "no higher_prio_send_advert, or no strict_mode", "it is ignored", "higher_prio_send_advert in strict_mode")
		}
		lower, higher = true, false
	}
	d.Router.SilentToLower = lower
	d.Router.ReplyToLower = !lower // keepalived answers in version 2, too
	d.Router.LastWord = higher
	d.Router.StartDelay = g.StartDelay
	d.Profile.OwnerIgnoresAdvert = owner && (d.Strict || pick(d.owner, g.Defaults.OwnerIgnores))
	if !d.said("skip_check_adv_addr") {
		d.SkipCheckAddr = g.Defaults.SkipCheckAddr
	}
	d.Accept = !d.noAccept
	if d.Strict && !d.said("accept") {
		d.Accept = false
	}
	if d.Strict && d.said("accept") && d.version == vrrp.V2 {
		l.complain(d.line("accept"), syntax.General, "version 3", "it is ignored", "accept in strict_mode with version 2")
		d.Accept = false
	}
	if owner {
		d.Accept = true
	}
	d.Profile.AcceptPseudoGroup = len(d.Profile.Peers) > 0 && d.OldUnicastChecksum != OldChecksumNever
	if !d.said("garp_extra_if") {
		d.Extra = g.Announce.Extra
	}
	if d.TrackSource && !d.Port.Source.IsValid() {
		l.complain(d.line("track_src_ip"), syntax.General, "mcast_src_ip or unicast_src_ip", "it is ignored", "track_src_ip without a source address")
		d.TrackSource = false
	}
}
