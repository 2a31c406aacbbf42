package cfgparse

import (
	"strings"

	"regent/cfgparse/syntax"
)

// A groupDraft is a vrrp_sync_group that is being read.
type groupDraft struct {
	Group
	names   []syntax.Word
	members []*draft
	tracks  []trackLine
}

func groupVocabulary() *Vocabulary {
	rows := []*Keyword{
		key("group", A, list("NAME...", func(_ *loader, g *groupDraft, s *syntax.Statement) {
			g.names = append(g.names, s.Words...)
		}, func(g *groupDraft) string { return strings.Join(g.Members, ", ") }), "required", "the instances that share one fate"),
		key("sync_group_tracking_weight", B, flag(func(g *groupDraft) *bool { return &g.KeepWeights }), "", "weighted trackers of the members keep their weight"),
		key("global_tracking", B, custom("", func(l *loader, g *groupDraft, s *syntax.Statement) {
			g.KeepWeights = true
			l.Add(syntax.Diagnostic{Pos: s.Pos(), Severity: syntax.Warning, Class: syntax.Deprecated,
				Message: "global_tracking is deprecated", Suggest: "sync_group_tracking_weight", Effect: "it still works"})
		}, nil), "", "older name of sync_group_tracking_weight"),
	}
	rows = append(rows, trackRows(func(g *groupDraft) *[]trackLine { return &g.tracks }, func(g *groupDraft) string { return g.Name })...)
	rows = append(rows, notifyRows(func(g *groupDraft) *Notify { return &g.Notify })...)
	return vocabulary("vrrp_sync_group", rows...)
}

func openGroup(l *loader, _ *Config, s *syntax.Statement) *groupDraft {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	if first := l.groupNames[s.Arg(1)]; first.IsValid() {
		l.complain(s.Pos(), syntax.General, "each name once", "the block is ignored", "vrrp_sync_group %s is defined twice; the first is at %s", quote(s.Arg(1)), first)
		return nil
	}
	g := &groupDraft{}
	g.At, g.Name = s.Pos(), s.Arg(1)
	l.groupNames[g.Name] = g.At
	return g
}

func closeGroup(l *loader, _ *Config, g *groupDraft, _ *syntax.Statement) {
	l.groups = append(l.groups, g)
}

// nearestInstance is the instance that was probably meant.
func (l *loader) nearestInstance(name string) string {
	if l.searches++; l.searches > maxSearches {
		return ""
	}
	var names []string
	for _, d := range l.drafts[:min(len(l.drafts), maxCandidates)] {
		names = append(names, d.Name)
	}
	return nearestOf(name, names)
}

// resolveGroups finds the members, which may stand anywhere in the file.
func (l *loader) resolveGroups() {
	kept := l.groups[:0]
	for _, g := range l.groups {
		for _, w := range g.names {
			d := l.instances[w.Text]
			switch {
			case d == nil:
				l.Add(syntax.Diagnostic{Pos: w.Pos, Severity: syntax.Warning, Class: syntax.General,
					Message: "sync group " + quote(g.Name) + " has a member " + quote(w.Text) + " that is no instance",
					Suggest: l.nearestInstance(w.Text), Effect: "it is left out"})
			case d.group == g:
				l.complain(w.Pos, syntax.General, "each instance once", "the second is ignored", "%s is twice in sync group %s", quote(w.Text), quote(g.Name))
			case d.group != nil:
				l.complain(w.Pos, syntax.General, "an instance in one group", "it stays in "+quote(d.group.Name), "%s is a member of sync group %s already", quote(w.Text), quote(d.group.Name))
			default:
				d.group = g
				g.members = append(g.members, d)
				g.Members = append(g.Members, d.Name)
			}
		}
		switch len(g.members) {
		case 0:
			l.complain(g.line("group"), syntax.General, "group { INSTANCE... }", "the group is removed", "sync group %s has no members", quote(g.Name))
			continue
		case 1:
			l.complain(g.line("group"), syntax.General, "at least two members", "it works, but shares its fate with nobody", "sync group %s has only one member", quote(g.Name))
		}
		kept = append(kept, g)
	}
	l.groups = kept
}
