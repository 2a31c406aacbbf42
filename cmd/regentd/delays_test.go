package main_test

import (
	"strings"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// interface_up_down_delays: with regent as with keepalived a link must be down,
// or up, for the whole delay before that counts.
func TestDelaysOfLinks(t *testing.T) {
	t.Parallel()
	for _, d := range []lab.Daemon{regentd, lab.Keepalived()} {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.twoPorts("router", 1)
			p := s.start(d, h, "interface_up_down_delays {\n    eth1 3 2\n}\n"+instance("eth0", 200, "0.5", "track_interface {", "eth1", "}"))
			s.until("the router has its address", func() bool { return h.Has(vip) })
			entered := func(state string) (all []time.Time) {
				for _, l := range p.Lines() {
					if strings.Contains(l.Text, "Entering "+state+" STATE") {
						all = append(all, l.At)
					}
				}
				return all
			}
			down := time.Now() // the kernel may tell of all three as of one
			s.must(h.Unplug("eth1"))
			s.must(h.Plug("eth1"))
			s.must(h.Unplug("eth1"))
			s.until("the router is in FAULT", func() bool { return len(entered("FAULT")) > 0 })
			if at := entered("FAULT"); len(at) > 1 || at[0].Sub(down) < 3*time.Second {
				t.Errorf("FAULT %d times, %v after the link went down, want once, after 3 s", len(at), at[0].Sub(down))
			}
			backups := len(entered("BACKUP"))
			up := time.Now()
			s.must(h.Plug("eth1"))
			s.until("the router takes part again", func() bool { return len(entered("BACKUP")) > backups })
			if at := entered("BACKUP"); at[backups].Sub(up) < 2*time.Second {
				t.Errorf("BACKUP %v after the link came up, want 2 s", at[backups].Sub(up))
			}
		})
	}
}
