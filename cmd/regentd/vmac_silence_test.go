package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// B-6: a Backup sends no frame at all from the virtual MACs, and so the switch
// never believes them to be at its port: not when it starts, nor while it runs
// and is asked for the addresses, is reloaded, was a master before, or comes
// back from a crash as a master (B-29). Both routers forward, and so join more
// groups than hosts do. B-12: those of the addresses' neighbours it leaves.
func TestABackupNeverSpeaksFromTheVirtualMAC(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	began := time.Now()
	w.a.run()
	w.reign(w.a)
	w.b.run()
	w.backupOf(w.b)
	w.tempt()
	w.b.silent(began, "the start")

	w.reload(w.b, w.b.conf("garp_master_repeat 2"))
	w.reload(w.a, w.a.conf("garp_master_repeat 2"))
	w.tempt()
	w.b.silent(began, "a reload")
	w.b.crash()
	w.b.run()
	w.backupOf(w.b)
	w.tempt()
	w.b.silent(began, "the start after a crash as Backup")
	if w.at(vmac4) != w.a.Host || w.at(vmac6) != w.a.Host {
		t.Errorf("the switch has learned the virtual MACs at %v and %v", w.at(vmac4).Name, w.at(vmac6).Name)
	}

	failed := time.Now()
	w.a.stop()
	w.reign(w.b)
	if frames := w.b.sent(failed); len(frames) == 0 {
		t.Fatal("the capture shows nothing of a master: this test proves nothing")
	}
	if !w.b.solicited() {
		t.Error("a master is no member of the solicited-node group of its addresses")
	}
	w.b.waits = quicker
	w.reload(w.b, w.b.conf())
	w.a.run()
	w.reign(w.a)
	back := time.Now()
	if w.b.solicited() {
		t.Error("a Backup is a member of the solicited-node group still")
	}
	w.tempt()
	w.b.silent(back, "the time after the reign")

	// A crash leaves device and addresses to the kernel, until the daemon is
	// back.
	w.must(w.a.Unplug("eth0"))
	w.leads(w.b)
	w.b.crash()
	w.must(w.a.Plug("eth0"))
	w.advertised("a's adverts", vrid, func(a lab.Advert) bool { return a.Priority == 150 })
	w.b.run()
	w.backupOf(w.b)
	back = time.Now()
	w.reign(w.a)
	w.tempt()
	w.b.silent(back, "the start after a crash as master")
}

// solicited reports whether a twin hears solicitations for its virtual addresses,
// which end alike.
func (t *twin) solicited() bool {
	t.stage.Helper()
	groups, err := t.Run(t.stage.Context(), "ip", "-6", "maddr", "show", "dev", "vrrp6.51")
	t.stage.must(err)
	return strings.Contains(groups, "ff02::1:ff00:100")
}

// leads waits until a twin has all addresses and the virtual MACs are at its port,
// whatever the other one believes.
func (w *twins) leads(of *twin) {
	w.Helper()
	w.until(of.Host.Name+" reigns", func() bool { return of.Has(vips...) && w.at(vmac4) == of.Host && w.at(vmac6) == of.Host })
}

// backupOf waits until both instances of a twin have begun as Backup.
func (w *twins) backupOf(t *twin) {
	w.Helper()
	w.until(t.Host.Name+" is Backup", func() bool {
		return t.Said("V4", "Entering BACKUP STATE") && t.Said("V6", "Entering BACKUP STATE")
	})
}

// reload gives a twin another configuration and waits until it runs with it.
func (w *twins) reload(t *twin, conf string) {
	w.Helper()
	files, err := filepath.Glob(filepath.Join(w.Dir, t.Host.Name, "*.conf"))
	w.must(err)
	newest := files[len(files)-1]
	w.must(os.WriteFile(newest, []byte(conf), 0o644))
	reloads := func() int { return strings.Count(t.Log(), "changed=2") }
	before := reloads()
	w.must(t.Signal(syscall.SIGHUP))
	w.until("the reload", func() bool { return reloads() > before })
}

// tempt asks for every address, so that whoever believes to have one answers,
// and lets the master advertise some more.
func (w *twins) tempt() {
	w.Helper()
	w.must(w.client.Inject("eth0", w.questions()...))
	since, heard := time.Now(), 0
	w.until("a few more adverts", func() bool {
		heard = 0
		for _, a := range w.wire.Adverts() {
			if a.At.After(since) {
				heard++
			}
		}
		return heard >= 6
	})
}
