package daemon

import (
	"strings"
	"testing"
	"time"
)

// slowly delays the conditions of both links.
const slowly = "interface_up_down_delays {\neth0 1 1.5\neth1 1 2\n}\n"

// interface_up_down_delays: a link counts as down, or up, after it has been so
// for the delay; what is shorter than that has not happened.
func TestDelaysOfLinks(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second().start(slowly + conf(150, "track_interface {\neth1\n}"))
		w.pass(5 * time.Second)
		n.is(Master)
		n.forget()
		n.SetUp("eth1", false)
		w.pass(900 * time.Millisecond)
		n.SetUp("eth1", true)
		w.pass(10 * time.Second)
		n.told() // nothing

		n.SetUp("eth1", false) // at 15.9 s
		w.pass(3 * time.Second)
		n.SetUp("eth1", true) // at 18.9 s
		w.pass(time.Second)
		n.SetUp("eth1", false)
		w.pass(100 * time.Millisecond)
		n.SetUp("eth1", true) // at 20 s, and the delay begins anew
		w.pass(10 * time.Second)
		n.told(
			`16.9s (V) Entering FAULT STATE was=MASTER reason="interface eth1 is down"`,
			`22s (V) Entering BACKUP STATE was=FAULT reason="fit to take part again"`,
			`25.4140625s (V) Entering MASTER STATE was=BACKUP reason="no advert from anybody for 3.414s"`)
	})
}

// Until a link has been up it is believed at once, and one that is gone, or new,
// always is.
func TestDelaysBeginWithTheFirstTimeUp(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		n.SetUp("eth1", false)
		n.start(slowly + conf(150, "track_interface {\neth1\n}"))
		w.pass(time.Second)
		n.forget()
		n.SetUp("eth1", true) // at 1 s
		w.pass(time.Second)
		n.Remove("eth1") // at 2 s
		w.pass(time.Second)
		n.second() // at 3 s
		w.pass(time.Second)
		n.told(
			`1s (V) Entering BACKUP STATE was=FAULT reason="fit to take part again"`,
			`2s (V) Entering FAULT STATE was=BACKUP reason="interface eth1 does not exist"`,
			`3s (V) Entering BACKUP STATE was=FAULT reason="fit to take part again"`)
	})
}

// A backup does not wait for its own link longer than for the adverts of the
// master, whose interval may be shorter than its own.
func TestDelaysEndBeforeTheMasterIsTakenForDead(t *testing.T) {
	inWorld(t, func(w *world) {
		n1 := w.node(1).start(conf(150))
		n2 := w.node(2).start("interface_up_down_delays {\neth0 10 10\n}\n" + strings.Replace(conf(100), "advert_int 1", "advert_int 8", 1))
		w.pass(10 * time.Second)
		n1.is(Master)
		n2.forget()
		n2.SetUp("eth0", false)
		w.pass(5 * time.Second)
		n2.told(`11.99609375s (V) Entering FAULT STATE was=BACKUP reason="interface eth0 is down"`)
	})
}

// A reload without delays makes everything count at once; one that keeps them
// changes nothing.
func TestDelaysAndReloads(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(slowly + conf(150))
		w.pass(5 * time.Second)
		n.SetUp("eth0", false)
		w.pass(500 * time.Millisecond)
		n.Reload(parse(w, slowly+conf(150)))
		w.pass(400 * time.Millisecond)
		n.is(Master)
		n.Reload(parse(w, conf(150)))
		w.pass(0)
		n.is(Fault)
		n.SetUp("eth0", true)
		w.pass(5 * time.Second)
		n.is(Master)
		n.Reload(parse(w, slowly+conf(150))) // the link has been up already
		n.SetUp("eth0", false)
		w.pass(900 * time.Millisecond)
		n.is(Master)
		w.pass(100 * time.Millisecond)
		n.is(Fault)
	})
}

// A delayed link moves the priority, too, when it counts.
func TestDelayedWeights(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second().start(slowly + conf(150, "track_interface {\neth1 weight -60\n}"))
		w.pass(5 * time.Second)
		n.forget()
		n.SetUp("eth1", false)
		w.pass(5 * time.Second)
		n.told(`6s (V) Changing effective priority from=150 to=90 reason="interface eth1 is down, weight -60"`)
	})
}
