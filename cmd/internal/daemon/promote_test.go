package daemon

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// promote_secondaries is on for as long as some router on a link asks for it.
func TestPromoteSecondaries(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		links, _ := n.Links()
		eth0 := links[0].Index
		on := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			if got := n.Promoted(eth0); got != want {
				t.Errorf("%s: it is asked for %d times, want %d", what, got, want)
			}
		}
		n.start(conf(150, "promote_secondaries") + instance("W", "eth0", 52, "192.0.2.101/24", "promote_secondaries"))
		w.pass(5 * time.Second)
		n.is(Master)
		on("two routers", 1)
		n.Reload(parse(w, conf(150, "promote_secondaries")))
		on("one router", 1)
		n.Remove("eth0")
		on("no link", 0)
		eth0 = n.Attach(w.segment, "eth0", []byte{2, 0, 0, 0, 0, 1}, links[0].Addresses[0].Prefix)
		on("another link of the name", 1)
		w.pass(5 * time.Second)
		n.is(Master)
		n.Reload(parse(w, conf(150)))
		on("nobody asks for it", 0)
		n.Reload(parse(w, conf(150, "promote_secondaries")))
		on("asked for again", 1)
		n.stop()
		on("at the end", 0)
	})
}

// Where it cannot be set, that is said, and the router goes on.
func TestPromoteSecondariesIsRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.RefuseSettings(errors.New("set net.ipv4.conf.eth0.promote_secondaries to 1: read-only file system"))
		n.start(conf(255, "promote_secondaries"))
		n.told(
			`0s the kernel refused error="set net.ipv4.conf.eth0.promote_secondaries to 1: read-only file system" suppressed=0`,
			`0s (V) Entering MASTER STATE was=INIT reason="started as the owner of the addresses"`)
	})
}
