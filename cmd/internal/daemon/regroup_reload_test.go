package daemon

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/vrrp"
)

// trio are the instances V, W and X, of those that are named, in sync groups: of
// each its name and its members. More is said in instances by their names.
func trio(names string, more map[string]string, groups ...string) string {
	text := globals + "vrrp_script chk {\n\tscript \"/bin/true\"\n\tinterval 1\n}\n"
	for _, g := range groups {
		words := strings.Fields(g)
		text += fmt.Sprintf("vrrp_sync_group %s {\n\tgroup {\n\t\t%s\n\t}\n}\n", words[0], strings.Join(words[1:], "\n\t\t"))
	}
	for i, name := range []string{"V", "W", "X"} {
		if strings.Contains(names, name) {
			text += instance(name, "eth0", 51+i, fmt.Sprintf("192.0.2.%d/24", 100+i), "priority 150", more[name])
		}
	}
	return text
}

// A moment is what a node has done and said since mark.
type moment struct {
	n                        *node
	adverts, changes, events int
}

func (n *node) mark() moment {
	synctest.Wait()
	return moment{n, len(n.heard()), len(n.Changes()), len(n.events)}
}

// nothing checks that nothing was sent, changed in the kernel, or told.
func (m moment) nothing() {
	m.n.w.Helper()
	synctest.Wait()
	if sent := m.n.heard()[m.adverts:]; len(sent) > 0 {
		m.n.w.Errorf("sent %+v", sent)
	}
	if changed := m.n.Changes()[m.changes:]; len(changed) > 0 {
		m.n.w.Errorf("changed %v", changed)
	}
	m.told()
}

// told checks what others were told.
func (m moment) told(want ...string) {
	m.n.w.Helper()
	synctest.Wait()
	if got := m.n.events[m.events:]; !slices.Equal(got, want) {
		m.n.w.Errorf("%v: told\n%s\nwant\n%s", m.n.w.now(), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// resigned counts the resignations.
func (m moment) resigned() (count int) {
	synctest.Wait()
	for _, a := range m.n.heard()[m.adverts:] {
		if a.Priority == vrrp.Resign {
			count++
		}
	}
	return count
}

// become checks the conditions of V, W and X, as many as there are.
func (n *node) become(want ...Condition) {
	n.w.Helper()
	for i, c := range want {
		name := string("VWX"[i])
		if got, _ := n.status(name); got != c {
			n.w.Errorf("%v: %s is %v, want %v", n.w.now(), name, got, c)
		}
	}
}

// O-9: masters that come to share a fate, part, or share it under another name do
// nothing and tell nothing, neither of themselves nor of their groups.
func TestMastersThatRegroup(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(trio("VWX", nil))
		w.pass(5 * time.Second)
		for _, groups := range [][]string{
			{"G V W"},        // a new group
			{"G V W X"},      // who joins it
			{"G X V W"},      // another order
			{"H X V W"},      // another name
			{"H V W", "G X"}, // who leaves it, for another group of a name that was known
			{"H V", "G X W"}, // who moves
			{"G V", "H X W"}, // each other's names
			{"G V W"},
			nil, // none at all
		} {
			w.pass(1300 * time.Millisecond) // between two adverts
			m := n.mark()
			n.Reload(parse(t, trio("VWX", nil, groups...)))
			m.nothing()
			n.become(Master, Master, Master)
		}
		sent := n.heard()
		for vrid := uint8(51); vrid < 54; vrid++ {
			var last time.Duration
			for _, a := range sent {
				if a.VRID != vrid {
					continue
				}
				if last > 0 && a.at-last != time.Second {
					t.Errorf("virtual router %d advertises at %v, and then at %v", vrid, last, a.at)
				}
				last = a.at
			}
		}
	})
}

// S-11: an instance that begins among masters listens first, and then becomes
// one of them. They go on.
func TestANewInstanceAmongMasters(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(trio("VW", nil, "G V W"))
		w.pass(5 * time.Second)
		m := n.mark()
		n.Reload(parse(t, trio("VWX", nil, "G V W X")))
		synctest.Wait()
		n.become(Master, Master, Backup)
		m.told(`INSTANCE "X" BACKUP 150`)
		w.pass(down(150))
		n.become(Master, Master, Master)
		m.told(`INSTANCE "X" BACKUP 150`, `INSTANCE "X" MASTER 150`)
		if n := m.resigned(); n > 0 {
			t.Errorf("%d resignations", n)
		}
	})
}

// If that instance finds a master that is no lesser one, the group follows it
// (keepalived-language 4.3.5), and says why.
func TestANewInstanceUnderAMaster(t *testing.T) {
	inWorld(t, func(w *world) {
		w.node(2).start(globals + instance("X", "eth0", 53, "192.0.2.102/24", "priority 200"))
		n := w.node(1).start(trio("VW", nil, "G V W"))
		w.pass(5 * time.Second)
		m := n.mark()
		n.Reload(parse(t, trio("VWX", nil, "G V W X")))
		w.pass(time.Second)
		n.become(Backup, Backup, Backup)
		m.told(`INSTANCE "X" BACKUP 150`, `INSTANCE "V" BACKUP 150`, `INSTANCE "W" BACKUP 150`, `GROUP "G" BACKUP 0`)
		n.said(Backup, `reason="the sync group follows X: 192.0.2.2 (priority 200) is master"`)
		if n := m.resigned(); n > 0 {
			t.Errorf("%d resignations", n)
		}
	})
}

// A master whose new mates are at fault, or who comes among those that are, fails
// with them (keepalived-language 4.3.6), and begins anew without them (4.3.7).
func TestAFaultAmongNewMates(t *testing.T) {
	inWorld(t, func(w *world) {
		bad := map[string]string{"X": "track_script {\n\t\tchk\n\t}"}
		n := w.node(1).start(trio("VWX", bad))
		n.report("chk", 1)
		w.pass(5 * time.Second)
		n.become(Master, Master, Fault)
		m := n.mark()
		n.Reload(parse(t, trio("VWX", bad, "G V X")))
		synctest.Wait()
		n.become(Fault, Master, Fault)
		m.told(`INSTANCE "V" FAULT 150`, `GROUP "G" FAULT 0`)
		n.said(Fault, `reason="the sync group follows X: chk failed`)
		if n := m.resigned(); n != 1 {
			t.Errorf("%d resignations, want 1", n)
		}

		m = n.mark()
		n.Reload(parse(t, trio("VWX", bad, "G W X")))
		w.pass(down(150))
		n.become(Master, Fault, Fault)
		m.told(`INSTANCE "V" BACKUP 150`, `INSTANCE "W" FAULT 150`, `INSTANCE "V" MASTER 150`)

		m = n.mark()
		n.Reload(parse(t, trio("VW", bad, "G W")))
		w.pass(down(150))
		n.become(Master, Master)
		m.told(`INSTANCE "X" DELETED 150`, `INSTANCE "W" BACKUP 150`, `GROUP "G" BACKUP 0`, `INSTANCE "W" MASTER 150`, `GROUP "G" MASTER 0`)
	})
}

// A reload counts as a whole: who leaves its fault behind as it comes among
// masters brings none along, and a fault that goes from one member to another
// leaves none of them fit in between.
func TestAReloadCountsAsAWhole(t *testing.T) {
	inWorld(t, func(w *world) {
		track := "track_script {\n\t\tchk\n\t}"
		n := w.node(1).start(trio("VW", map[string]string{"W": track}))
		n.report("chk", 1)
		w.pass(5 * time.Second)
		n.become(Master, Fault)
		m := n.mark()
		n.Reload(parse(t, trio("VW", nil, "G V W")))
		m.told(`INSTANCE "W" BACKUP 150`)
		n.become(Master, Backup)
		w.pass(down(150))
		n.become(Master, Master)

		n.Reload(parse(t, trio("VW", map[string]string{"W": track}, "G V W")))
		n.report("chk", 1)
		n.become(Fault, Fault)
		m = n.mark()
		n.Reload(parse(t, trio("VW", map[string]string{"V": track}, "G V W")))
		m.nothing()
		n.become(Fault, Fault)
	})
}

// Of a new group whose members are no masters its state is told, and that of one
// with another name again, as keepalived does; not that of masters.
func TestANewGroupOfBackups(t *testing.T) {
	inWorld(t, func(w *world) {
		w.node(2).start(strings.ReplaceAll(trio("VWX", nil), "150", "200"))
		n := w.node(1).start(trio("VWX", nil))
		w.pass(5 * time.Second)
		n.become(Backup, Backup, Backup)
		for _, name := range []string{"G", "H"} {
			m := n.mark()
			n.Reload(parse(t, trio("VWX", nil, name+" V W")))
			m.told(`GROUP "` + name + `" BACKUP 0`)
			m = n.mark()
			n.Reload(parse(t, trio("VWX", nil, name+" V W X")))
			m.nothing()
		}
	})
}
