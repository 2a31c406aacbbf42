package health

import (
	"slices"
	"testing"
)

// keepalived-language 4.3.1, 4.3.2 and the end of 3.9.
func TestInGroup(t *testing.T) {
	type tracks = []Track
	eth := func(w int) Track { return Track{Kind: Interface, Name: "eth0", Weight: w} }
	chk := func(w int) Track { return Track{Name: "chk", Weight: w} }
	for _, c := range []struct {
		name           string
		own, group     tracks
		weights, owner bool
		want           tracks
	}{
		{"a weighted link must be up", tracks{eth(-5)}, nil, false, false, tracks{eth(0)}},
		{"a weighted script is left out", tracks{chk(-5)}, nil, false, false, nil},
		{"what weighs nothing stays", tracks{eth(0), chk(0)}, nil, false, false, tracks{eth(0), chk(0)}},
		{"files and processes, each in its way", tracks{{Kind: File, Name: "a", Weight: 1}, {Kind: File, Name: "b", Weight: 2}, {Kind: Process, Name: "c", Weight: 3}, {Kind: BFD, Name: "d", Weight: 4}}, nil, false, false,
			tracks{{Kind: File, Name: "a"}, {Kind: Process, Name: "c", Weight: 3}}},
		{"with weights all stay", tracks{eth(-5), chk(5)}, nil, true, false, tracks{eth(-5), chk(5)}},
		{"the group's come after", tracks{eth(0)}, tracks{chk(-3)}, false, false, tracks{eth(0), chk(-3)}},
		{"an owner voids the group's weights", nil, tracks{eth(-5), chk(-3)}, false, true, tracks{eth(0), chk(0)}},
		{"the group's weight wins", tracks{chk(-9)}, tracks{chk(-3)}, true, false, tracks{chk(-3)}},
		{"but not over a fault", tracks{chk(0)}, tracks{chk(-3)}, true, false, tracks{chk(0)}},
		{"names are those of a kind", tracks{chk(-9)}, tracks{{Kind: Interface, Name: "chk", Weight: 2}}, true, false,
			tracks{chk(-9), {Kind: Interface, Name: "chk", Weight: 2}}},
	} {
		own := slices.Clone(c.own)
		if got := InGroup(c.own, c.group, c.weights, c.owner); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if !slices.Equal(own, c.own) {
			t.Errorf("%s: changes its argument", c.name)
		}
	}
}
