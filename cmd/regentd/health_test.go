package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"regent/cmd/internal/lab"
)

// script writes a vrrp_script that succeeds while a file exists.
func script(file, more string) string {
	return fmt.Sprintf(`
global_defs {
    script_user root
    enable_script_security
}
vrrp_script alive {
    script "/usr/bin/test -e %s"
    interval 1
    fall 1
    rise 1
    %s
}
`, file, more)
}

// A failing check moves the address: by its weight, or by FAULT without one.
func TestAFailingScriptMovesTheAddress(t *testing.T) {
	for _, test := range []struct{ name, weight, says string }{
		{"weight", "weight -150", "Changing effective priority"},
		{"fault", "", "Entering FAULT STATE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h, other := s.host("router", "192.0.2.1/24"), s.host("rival", "192.0.2.2/24")
			file := filepath.Join(s.Dir, "service")
			s.must(os.WriteFile(file, nil, 0o644))
			p := s.start(regentd, h, script(file, test.weight)+instance("eth0", 200, "0.2", "track_script { ", "alive", "}"))
			s.start(lab.Keepalived(), other, instance("eth0", 100, "0.2"))
			s.until("the router has the address", func() bool { return h.Has(vip) && !other.Has(vip) })
			s.must(os.Remove(file))
			s.until("the rival has the address, and it alone", func() bool { return other.Has(vip) && !h.Has(vip) })
			s.until("it says "+test.says, func() bool { return p.Said(test.says) })
			s.must(os.WriteFile(file, nil, 0o644))
			s.until("the router has the address again", func() bool { return h.Has(vip) && !other.Has(vip) })
		})
	}
}

// track_interface: a link that is down lowers the priority by its weight.
func TestALostUplinkMovesTheAddress(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h, other := s.twoPorts("router", 1), s.host("rival", "192.0.2.2/24")
	s.start(regentd, h, instance("eth0", 101, "0.2", "track_interface {", "eth1 weight -2", "}"))
	s.start(lab.Keepalived(), other, instance("eth0", 100, "0.2"))
	s.until("the router has the address", func() bool { return h.Has(vip) && !other.Has(vip) })
	s.must(h.Unplug("eth1"))
	s.until("the rival has the address, and it alone", func() bool { return other.Has(vip) && !h.Has(vip) })
	s.must(h.Plug("eth1"))
	s.until("the router has the address again", func() bool { return h.Has(vip) && !other.Has(vip) })
}
