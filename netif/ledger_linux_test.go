package netif

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// killed makes changes to the settings of a host as a daemon does, which then is
// killed: its sockets are closed, and nothing else happens.
func (s *space) killed(ledger string, change func(h *Host)) {
	s.t.Helper()
	var h *Host
	s.do(func() (err error) { h, err = Open(nil); return err })
	s.must(h.KeepLedger(ledger))
	change(h)
	s.must(h.Close())
}

// settings checks how the knobs stand that matter here: arp_ignore, arp_announce
// and promote_secondaries of eth0, send_redirects and group reports of all.
func (s *space) settings(when string, want ...int) {
	s.t.Helper()
	for i, name := range []string{"ipv4/conf/eth0/arp_ignore", "ipv4/conf/eth0/arp_announce", "ipv4/conf/eth0/promote_secondaries",
		"ipv4/conf/all/send_redirects", "ipv4/igmp_link_local_mcast_reports"} {
		if got := s.knob(name); got != want[i] {
			s.t.Errorf("%s: %s is %d, want %d", when, name, got, want[i])
		}
	}
}

// B-29: after a crash the next daemon puts the kernel's settings back as they
// were before, but those that somebody else has changed since; and its own in
// the end. The ledger is gone whenever nothing is changed.
func TestSettingsOutliveACrash(t *testing.T) {
	_, hosts := lan(t, 1)
	a, ledger := hosts[0], filepath.Join(t.TempDir(), "settings")
	a.do(func() error {
		return errorsOf(writeSysctl("net/ipv4/conf/eth0/arp_announce", "1"), writeSysctl("net/ipv4/conf/eth0/promote_secondaries", "0"))
	})
	eth0 := a.index("eth0")
	turn := func(h *Host) {
		a.make(h, a.device(IPv4))
		a.must(h.PromoteSecondaries(eth0))
		a.must(h.HideGroups())
	}
	a.killed(ledger, turn)
	a.settings("after a crash", 1, 2, 1, 0, 0)
	if st, err := os.Stat(ledger); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the ledger: %v, %v", st, err)
	}
	a.killed(ledger, func(h *Host) {
		a.settings("restored", 0, 1, 0, 1, 1)
		if _, err := os.Stat(ledger); err == nil {
			t.Error("the ledger stays although nothing is changed")
		}
		turn(h)
		a.settings("changed again", 1, 2, 1, 0, 0)
	})
	a.do(func() error {
		return errorsOf(writeSysctl("net/ipv4/conf/eth0/arp_ignore", "2"), writeSysctl("net/ipv4/conf/all/send_redirects", "2"))
	})
	h := a.host()
	a.must(h.KeepLedger(ledger))
	a.settings("others have had a say", 2, 1, 0, 2, 1)
	made := a.make(h, a.device(IPv4))
	a.must(h.PromoteSecondaries(eth0))
	a.must(h.HideGroups())
	a.must(h.ShowGroups())
	a.must(h.RestoreSecondaries(eth0))
	if _, err := os.Stat(ledger); err != nil {
		t.Error(err)
	}
	a.good(h.RemoveDevices([]int{made[0].Link.Index}))
	a.settings("in the end", 2, 1, 0, 2, 1)
	if left, err := os.ReadDir(filepath.Dir(ledger)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What another host has noted, or about a link that is another by now, is no
// reason to touch a setting.
func TestALedgerOfOthers(t *testing.T) {
	dir := t.TempDir()
	ledger := filepath.Join(dir, "settings")
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	eth0 := a.index("eth0")
	set := func(s *space) {
		s.do(func() error { return writeSysctl("net/ipv4/conf/eth0/promote_secondaries", "1") })
	}
	a.do(func() error { return writeSysctl("net/ipv4/conf/eth0/promote_secondaries", "0") })
	a.killed(ledger, func(h *Host) { a.must(h.PromoteSecondaries(eth0)) })
	noted, err := os.ReadFile(ledger)
	a.must(err)
	set(b)
	b.must(b.host().KeepLedger(ledger))
	if b.knob("ipv4/conf/eth0/promote_secondaries") != 1 {
		t.Error("changed in another namespace")
	}
	a.must(a.netlink.LinkSetDown(a.link("eth0")))
	a.must(a.netlink.LinkSetName(a.link("eth0"), "eth1"))
	veth(a, "eth0", newSpace(t), "eth0")
	set(a)
	a.must(os.WriteFile(ledger, noted, 0o600))
	a.must(a.host().KeepLedger(ledger))
	if a.knob("ipv4/conf/eth0/promote_secondaries") != 1 || a.knob("ipv4/conf/eth1/promote_secondaries") != 1 {
		t.Error("changed on another link")
	}
}

// A file that may be somebody else's is not believed, and a place where none can
// be does no harm; a host works all the same, and leaves no file then.
func TestALedgerThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"a symbolic link":     {func(p string) error { return os.Symlink("/etc/hostname", p) }, "too many levels of symbolic links"},
		"writable by others":  {func(p string) error { return errorsOf(os.WriteFile(p, nil, 0o600), os.Chmod(p, 0o622)) }, "not a file that we alone can write"},
		"a directory":         {func(p string) error { return os.MkdirAll(filepath.Join(p, "x"), 0o700) }, "not a file that we alone can write"},
		"no JSON":             {func(p string) error { return os.WriteFile(p, []byte("hello"), 0o600) }, "invalid character"},
		"no directory for it": {func(p string) error { return os.Remove(filepath.Dir(p)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			path := filepath.Join(dir, "settings")
			a, b := newSpace(t), newSpace(t)
			veth(a, "eth0", b, "eth0")
			a.must(os.Mkdir(dir, 0o700))
			a.must(c.make(path))
			h := a.host()
			if err := h.KeepLedger(path); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			a.do(func() error { return writeSysctl("net/ipv4/conf/eth0/promote_secondaries", "0") })
			a.must(h.PromoteSecondaries(a.index("eth0")))
			if a.knob("ipv4/conf/eth0/promote_secondaries") != 1 {
				t.Error("the setting is not made")
			}
			a.must(h.RestoreSecondaries(a.index("eth0")))
			if a.knob("ipv4/conf/eth0/promote_secondaries") != 0 {
				t.Error("the setting is not restored")
			}
			if st, err := os.Lstat(path); err == nil && !st.IsDir() {
				t.Errorf("%v is left", st.Name())
			}
		})
	}
}
