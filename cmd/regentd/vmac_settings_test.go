package main_test

import (
	"path/filepath"
	"testing"
)

// B-29: the kernel's settings that virtual MACs need are as before when the
// daemon has ended, also if one before it was killed.
func TestSettingsAfterACrash(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	names := []string{"net/ipv4/conf/eth0/arp_ignore", "net/ipv4/conf/eth0/arp_announce", "net/ipv4/conf/all/send_redirects"}
	settings := func() (all [3]string) {
		for i, name := range names {
			var err error
			all[i], err = w.a.Setting(name)
			w.must(err)
		}
		return all
	}
	pid := filepath.Join(w.Dir, "a.pid")
	run := func() {
		w.a.Proc = w.start(regentd, w.a.Host, w.a.conf(), "-p", pid)
		w.until("a is a backup", func() bool { return w.a.Said("V4", "Entering BACKUP STATE") })
	}
	before := settings()
	run()
	if settings() == before {
		t.Error("nothing has changed: this test proves nothing")
	}
	w.a.crash()
	run()
	w.a.stop()
	if after := settings(); after != before {
		t.Errorf("%v were %v and are %v", names, before, after)
	}
	if left, err := filepath.Glob(pid + "*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
