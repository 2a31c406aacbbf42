package cfgparse

import (
	"regent/cfgparse/syntax"
)

// A Section is a block of the effective configuration.
type Section struct {
	Title    string // such as "vrrp_instance VI_1"
	At       syntax.Pos
	Settings []Setting
}

// A Setting is a value that is in force.
type Setting struct {
	Keyword string
	Value   string
	At      syntax.Pos // where it was said; invalid: it is a default
	Default string     // what the default is or comes from
	Pending bool       // regent does not act on it yet
}

// Effective loads a configuration and returns every value that is in force,
// block by block, whether it was said or not.
func Effective(name string, env Env) ([]Section, syntax.Diagnostics) {
	l, report := loadAll(name, env)
	root := Language()
	var out []Section
	add := func(title, block string, o *Origin, target any) {
		s := Section{Title: title, At: o.At}
		s.fill(root.Lookup(block).Block, o, target)
		out = append(out, s)
	}
	add("global_defs", "global_defs", &l.cfg.Global.Origin, &l.cfg.Global)
	top := Section{Title: "top level"}
	top.fill(root, &l.cfg.Process.Origin, l.cfg)
	if len(top.Settings) > 0 {
		out = append(out, top)
	}
	for _, d := range l.scripts.all {
		add(d.block+" "+d.Name, d.block, &d.Origin, d)
	}
	for _, d := range l.files.all {
		add("track_file "+d.Name, "track_file", &d.Origin, d)
	}
	for _, d := range l.processes.all {
		add("vrrp_track_process "+d.Name, "vrrp_track_process", &d.Origin, d)
	}
	for _, d := range l.bfds.all {
		add("bfd_instance "+d.Name, "bfd_instance", &d.Origin, d)
	}
	for _, d := range l.drafts {
		add("vrrp_instance "+d.Name, "vrrp_instance", &d.Origin, d)
	}
	for _, g := range l.groups {
		add("vrrp_sync_group "+g.Name, "vrrp_sync_group", &g.Origin, g)
	}
	for i := range l.cfg.Static.Groups {
		g := &l.cfg.Static.Groups[i]
		add("track_group "+g.Name, "track_group", &g.Origin, g)
	}
	for i := range l.cfg.Garp {
		g := &l.cfg.Garp[i]
		add("garp_group", "garp_group", &g.Origin, g)
	}
	return out, report.Diagnostics()
}

// fill adds what the keywords of a block show. Blocks within it that fill the
// same target, such as authentication, come along.
func (s *Section) fill(v *Vocabulary, o *Origin, target any) {
	for _, k := range v.Keywords {
		at, said := o.Lines[k.Name]
		if k.Block != nil && said && v.Title == "vrrp_instance" {
			s.fill(k.Block, o, target)
			continue
		}
		if k.show == nil {
			continue
		}
		value := k.show(target)
		if value == "" && !said || k.Tier == D {
			continue
		}
		s.Settings = append(s.Settings, Setting{k.Name, value, at, k.Default, k.Pending})
	}
}
