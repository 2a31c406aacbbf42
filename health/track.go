package health

import "slices"

// InGroup returns what a member of a sync group depends on: its own tracks and
// those of the group, by keepalived's rules.
//
// The group decides, so a member's own weights are void: a weighted link
// becomes one that must be up, a weighted script is left out. With weights
// (sync_group_tracking_weight) they stay. If any member is the address owner,
// whose priority nothing changes, the group's weights are void too. A check
// that both track weighs what the group says, unless the member cannot do
// without it.
func InGroup(own, group []Track, weights, owner bool) []Track {
	var all []Track
	for _, t := range own {
		switch {
		case weights || t.Weight == 0:
			all = append(all, t)
		case t.Kind != Script:
			t.Weight, t.Reverse = 0, false
			all = append(all, t)
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
