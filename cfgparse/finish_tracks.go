package cfgparse

import (
	"regent/cfgparse/syntax"
	"regent/health"
)

// finishTracks settles what the instance depends on.
func (l *loader) finishTracks(d *draft) {
	for _, t := range d.tracks {
		if t.Kind == health.Interface && t.Name == d.Port.Interface && d.Port.Interface != "" {
			l.complain(t.at, syntax.General, "other interfaces", "the line is ignored: the own interface is tracked anyway (see dont_track_primary)", "%s is the own interface", quote(t.Name))
			continue
		}
		if d.Profile.Owner && !l.ownerTracks(&t) {
			continue
		}
		if d.group != nil && !l.memberTracks(d, &t) {
			continue
		}
		d.Tracks = append(d.Tracks, t.Track)
	}
}

// ownerTracks says whether an owner keeps a tracker: its priority never
// moves, so only a weight of 0 means anything.
func (l *loader) ownerTracks(t *trackLine) bool {
	if t.Weight == 0 || t.Kind == health.Process {
		return true
	}
	if t.Kind == health.File && t.Weight == 1 {
		t.Weight = 0
		return true
	}
	l.complain(t.at, syntax.General, "weight 0, or a priority below 255", "it is not tracked", "%s has a weight, but the priority of an owner never moves", quote(t.Name))
	return false
}

// memberTracks neutralises the weighted trackers of a member of a sync group.
func (l *loader) memberTracks(d *draft, t *trackLine) bool {
	g := d.group
	for _, other := range g.tracks {
		if other.Kind == t.Kind && other.Name == t.Name {
			l.complain(t.at, syntax.General, "either of the two", "the group's weight is used, unless this is 0", "%s is tracked by the instance and by its sync group %s", quote(t.Name), quote(g.Name))
			return t.Weight == 0
		}
	}
	if t.Weight == 0 || g.KeepWeights || t.Kind == health.Process {
		return true
	}
	effect := "it is not tracked"
	keep := false
	if t.Kind == health.Interface || t.Kind == health.File && t.Weight == 1 {
		effect, keep = "it has weight 0: down means FAULT", true
		t.Weight = 0
		if t.Kind == health.Interface { // a weight can be reversed, a link that must be up cannot
			t.Reverse = false
		}
	}
	l.complain(t.at, syntax.General, "sync_group_tracking_weight in "+g.Name, effect, "%s has a weight, but %s is in a sync group", quote(t.Name), quote(d.Name))
	return keep
}

func (l *loader) finishGroups() {
	for _, g := range l.groups {
		owner := false
		for _, d := range g.members {
			owner = owner || d.Profile.Owner
		}
		for _, t := range g.tracks {
			if owner && t.Weight != 0 {
				l.complain(t.at, syntax.General, "weight 0, or members below priority 255", "it has weight 0: down means FAULT", "%s has a weight, but a member of %s is an owner", quote(t.Name), quote(g.Name))
				t.Weight = 0
			}
			g.Tracks = append(g.Tracks, t.Track)
		}
		l.judgeNotify(&g.Notify)
	}
}

func (l *loader) finishNotify(d *draft) { l.judgeNotify(&d.Notify) }

// finishGlobal drops those of the daemon's own scripts that cannot be run.
func (l *loader) finishGlobal() {
	n := &l.cfg.Global.Notify
	for keyword, c := range map[string]**Command{
		"startup_script":          &n.Startup,
		"shutdown_script":         &n.Shutdown,
		"notify_fifo_script":      &n.FIFO.Script,
		"vrrp_notify_fifo_script": &n.VRRP.Script,
	} {
		if *c != nil && !l.judgeScript((*c).At, keyword, (*c).Check(&l.cfg.Global), "it does not run") {
			*c = nil
		}
	}
}

// judgeNotify drops the scripts that this machine cannot run.
func (l *loader) judgeNotify(n *Notify) {
	for _, c := range []**Command{&n.Master, &n.Backup, &n.Fault, &n.Stop, &n.Deleted, &n.Any, &n.LowerPriority} {
		if *c != nil && !l.judgeScript((*c).At, "notify script", (*c).Check(&l.cfg.Global), "it does not run") {
			*c = nil
		}
	}
}
