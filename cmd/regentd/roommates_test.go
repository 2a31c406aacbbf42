package main_test

import (
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// Two daemons with pid files of their own share a host, as several keepalived can:
// neither the start nor the end nor the crash of one takes anything from the other,
// neither addresses nor routes nor what its firewall refuses.
func TestTwoDaemonsOnOneHost(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	conf := func(vrid, addr, net string) string {
		return strings.NewReplacer("virtual_router_id 51", "virtual_router_id "+vrid, "192.0.2.100/24", addr+"/24").Replace(
			instance("eth0", 200, "0.1", "no_accept", "use_vmac", "virtual_routes {\n        "+net+" dev eth0\n    }"))
	}
	type mate struct {
		conf, pid, net string
		addr           netip.Addr
		proc           *lab.Proc
	}
	one := &mate{conf: conf("51", "192.0.2.100", "198.18.1.0/24"), net: "198.18.1.0/24", addr: vip}
	two := &mate{conf: conf("52", "192.0.2.110", "198.18.2.0/24"), net: "198.18.2.0/24", addr: netip.MustParseAddr("192.0.2.110")}
	one.pid, two.pid = filepath.Join(s.Dir, "one.pid"), filepath.Join(s.Dir, "two.pid")
	has := func(m *mate) bool {
		rules, err := h.Run(s.Context(), "nft", "list", "ruleset")
		s.must(err)
		return h.Has(m.addr) && strings.Contains(s.ip(h, "route"), m.net) && strings.Count(rules, m.addr.String()) >= 2 // refused, and seated
	}
	run := func(m *mate) {
		m.proc = s.start(regentd, h, m.conf, "-p", m.pid)
		s.until("it has all that is its own", func() bool { return m.proc.Said("Entering MASTER STATE") && has(m) })
	}
	run(one)
	run(two)
	unharmed := func(m *mate, when string) {
		t.Helper()
		if !has(m) {
			rules, _ := h.Run(s.Context(), "nft", "list", "ruleset")
			t.Errorf("%s: %v has lost something:\n%s%s%s", when, m.addr, s.ip(h, "addr"), s.ip(h, "route"), rules)
		}
		for _, word := range []string{"restoring", "making it again", "left behind", "refused"} {
			if m.proc.Said(word) {
				t.Errorf("%s: %v was disturbed: %q", when, m.addr, word)
			}
		}
	}
	unharmed(one, "the other has begun")
	two.proc.Kill()
	s.ended(two.proc)
	run(two)
	unharmed(one, "the other was killed and has begun again")
	s.must(one.proc.Signal(syscall.SIGTERM))
	s.ended(one.proc)
	if !has(two) || two.proc.Said("restoring") {
		t.Error("the end of one has cost the other something")
	}
	s.must(two.proc.Signal(syscall.SIGTERM))
	s.ended(two.proc)
	rules, err := h.Run(s.Context(), "nft", "list", "ruleset")
	s.must(err)
	if rules != "" || h.Count(one.addr, two.addr) > 0 {
		t.Errorf("left behind: %s%s", rules, s.ip(h, "addr"))
	}
}
