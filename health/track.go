package health

import "slices"

// InGroup returns what a member of a sync group depends on: its own tracks and
// those of the group, by keepalived's rules.
//
// The group decides, so a member's own weights are void, in a different way for
// each kind: see void. With weights (sync_group_tracking_weight) they stay. If
// any member is the address owner, whose priority nothing changes, the group's
// weights are void too. A check that both track weighs what the group says,
// unless the member cannot do without it.
func InGroup(own, group []Track, weights, owner bool) []Track {
	var all []Track
	for _, t := range own {
		left, kept := t, true
		if !weights {
			left, kept = t.void()
		}
		if kept {
			all = append(all, left)
		}
	}
	for _, t := range group {
		if owner {
			t.Weight = 0
		}
		i := slices.IndexFunc(all, func(o Track) bool { return o.Kind == t.Kind && o.Name == t.Name })
		switch {
		case i < 0:
			all = append(all, t)
		case all[i].Weight != 0:
			all[i] = t
		}
	}
	return all
}

// void returns what is left of a member's track in a group that decides: links,
// and files of weight 1, become such that must be up, or 0; scripts, other files
// and BFD sessions are left out; processes keep their weight
// (keepalived-language 4.3.1).
func (t Track) void() (left Track, kept bool) {
	switch {
	case t.Weight == 0 || t.Kind == Process:
		return t, true
	case t.Kind == Interface || t.Kind == Source || t.Kind == File && t.Weight == 1:
		t.Weight, t.Reverse = 0, false
		return t, true
	}
	return Track{}, false
}
