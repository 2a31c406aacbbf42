package fsm_test

import (
	"testing"

	"regent/fsm"
	"regent/vrrp"
)

// S-20, S-30: a group that ends as a whole ends in one step: nobody takes part,
// or becomes master, because another one no longer keeps it from that. Masters
// resign.
func TestAGroupEndsAsAWhole(t *testing.T) {
	owner := fsm.Config{Priority: vrrp.Owner}
	for _, faulty := range []bool{true, false} {
		g := fsm.NewGroup(owner, owner)
		g.Step(0, 0, fsm.Judged{Verdict: fsm.Verdict{Fault: faulty}}, nil)
		g.Step(0, 0, fsm.Start{}, nil)
		g.Step(0, 1, fsm.Start{}, nil)
		resigned := 0
		for _, a := range g.Stop(1, nil) {
			if a.Do == fsm.Enter && a.To != fsm.Initialize {
				t.Errorf("router %d enters %v", a.Router, a.To)
			}
			if a.Do == fsm.Advertise && a.Priority == vrrp.Resign {
				resigned++
			}
		}
		if want := map[bool]int{false: 2, true: 0}[faulty]; resigned != want {
			t.Errorf("%d resignations, want %d", resigned, want)
		}
	}
}
