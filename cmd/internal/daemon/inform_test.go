package daemon

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/health"
)

// notified returns what others were told since the last look.
func (n *node) notified() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	events := n.events
	n.events = nil
	return events
}

// fifo_write_vrrp_states_on_reload: who opens a FIFO after a reload learns every
// state, of instances first. Without it a reload that changes nothing says nothing.
func TestAReloadTellsStatesAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		text := globals + instance("V", "eth0", 51, "192.0.2.100/24", "") +
			instance("W", "eth0", 52, "192.0.2.101/24", "") +
			"vrrp_sync_group G {\ngroup {\nV\n}\n}\n"
		n := w.node(1).start(text)
		w.pass(5 * time.Second)
		if got := n.notified(); len(got) == 0 {
			t.Fatal("nothing was told at all")
		}
		n.Reload(parse(n.w, text))
		if got := n.notified(); len(got) != 0 {
			t.Errorf("a reload that changes nothing tells %q", got)
		}
		n.Reload(parse(n.w, strings.Replace(text, "global_defs {", "global_defs {\nfifo_write_vrrp_states_on_reload\n", 1)))
		want := []string{`INSTANCE "V" MASTER 100`, `INSTANCE "W" MASTER 100`, `GROUP "G" MASTER 0`}
		if got := n.notified(); !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	})
}

// keepalived-language 4.8.6: a router begins with the priority that its
// files give it, and tells of no other before; a script takes its time, and is
// not waited for if it has a weight.
func TestFilesAreReadBeforeTheFirstState(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(globals + "track_file load {\nfile /load\n}\nvrrp_script chk {\nscript /chk\n}\n" +
			instance("V", "eth0", 51, "192.0.2.100/24", "notify_priority_changes true\ntrack_file {\nload weight 2\n}\ntrack_script {\nchk weight 7\n}"))
		if got := n.notified(); len(got) != 0 {
			t.Errorf("before the file was read it tells %q", got)
		}
		read := func(number int) {
			n.mu.Lock()
			post := n.checks["load"]
			n.mu.Unlock()
			post(health.Report{Kind: health.File, Name: "load", Result: health.Result{Outcome: health.Holds, Number: number}})
		}
		read(5)
		if got, want := n.notified(), []string{`INSTANCE "V" BACKUP 110`}; !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
		n.report("chk", 0)
		read(6)
		want := []string{`INSTANCE "V" BACKUP_PRIORITY 117`, `INSTANCE "V" BACKUP_PRIORITY 119`}
		if got := n.notified(); !slices.Equal(got, want) {
			t.Errorf("%q, not %q", got, want)
		}
	})
}

// keepalived-language 4.8.3, 4.8.6: at the start a group is told of before its
// members; one that first had to wait for a script is told of after them, as ever.
func TestAGroupThatWaitsIsToldOfLast(t *testing.T) {
	for name, test := range map[string]struct {
		tracks string
		want   []string
	}{
		"begins": {"", []string{`GROUP "G" BACKUP 0`, `INSTANCE "V" BACKUP 100`, `INSTANCE "W" BACKUP 100`}},
		"waits":  {"track_script {\nchk\n}", []string{`INSTANCE "V" BACKUP 100`, `INSTANCE "W" BACKUP 100`, `GROUP "G" BACKUP 0`}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).start(globals + "vrrp_script chk {\nscript /chk\n}\nvrrp_sync_group G {\ngroup {\nV\nW\n}\n}\n" +
					instance("V", "eth0", 51, "192.0.2.100/24", test.tracks) + instance("W", "eth0", 52, "192.0.2.101/24", ""))
				if test.tracks != "" {
					if got := n.notified(); len(got) != 0 {
						t.Errorf("while it waits it tells %q", got)
					}
					n.report("chk", 0)
				}
				if got := n.notified(); !slices.Equal(got, test.want) {
					t.Errorf("%q, not %q", got, test.want)
				}
			})
		})
	}
}

// keepalived-language 4.10.2: who waits for the end of vrrp_startup_delay is called
// BACKUP, and that is told at once, and once. An owner is told of as the master
// that it becomes.
func TestAStartupDelayIsSpentAsBackup(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start("global_defs {\nvrrp_version 3\nvrrp_startup_delay 10\n}\n" +
			"vrrp_sync_group G {\ngroup {\nA\n}\n}\n" +
			instance("A", "eth0", 51, "192.0.2.100/24", "priority 150") + instance("O", "eth0", 52, "192.0.2.101/24", "priority 255"))
		w.pass(5 * time.Second)
		if got, want := n.notified(), []string{`GROUP "G" BACKUP 0`, `INSTANCE "A" BACKUP 150`}; !slices.Equal(got, want) {
			t.Errorf("in the delay it tells %q, not %q", got, want)
		}
		w.pass(10 * time.Second)
		if got, want := n.notified(), []string{`INSTANCE "O" MASTER 255`, `INSTANCE "A" MASTER 150`, `GROUP "G" MASTER 0`}; !slices.Equal(got, want) {
			t.Errorf("then it tells %q, not %q", got, want)
		}
		n.told(
			`0s (A) Entering BACKUP STATE was=INIT reason="the startup delay is not over"`,
			`0s (O) Staying in INIT STATE was=INIT reason="the startup delay is not over"`,
			`10s (O) Entering MASTER STATE was=INIT reason="started as the owner of the addresses"`,
			`13.4140625s (A) Entering MASTER STATE was=BACKUP reason="no advert from anybody for 3.414s"`)
	})
}
