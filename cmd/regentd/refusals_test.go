package main_test

import (
	"strings"
	"testing"

	"regent/cmd/internal/lab"
)

// B-23: a firewall that the kernel refuses is asked for again until it is there, and
// the log tells of both once. Here another process owns a table of the name for a
// while, which nobody else may touch then.
func TestARefusedFirewallComesLater(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	holder, err := h.Start(lab.Command{Name: "holder", Path: "sh", Args: []string{"-c",
		"(echo 'add table inet held { flags owner; }'; exec sleep 120) | exec nft -i"}})
	s.must(err)
	tables := func() string {
		out, err := h.Run(s.Context(), "nft", "list", "tables")
		s.must(err)
		return out
	}
	s.until("the table is another's", func() bool { return strings.Contains(tables(), "table inet held") })
	p := s.start(regentd, h, "global_defs {\n    nftables held\n}\n"+instance("eth0", 200, "0.1", "no_accept"))
	s.until("the router has its address", func() bool { return h.Has(vip) })
	s.until("the kernel refuses", func() bool { return p.Said("the kernel refused") })
	holder.Kill()
	s.ended(holder)
	s.until("the address is refused", func() bool {
		out, err := h.Run(s.Context(), "nft", "list", "table", "inet", "held")
		return err == nil && strings.Contains(out, vip.String())
	})
	s.until("it is told", func() bool { return p.Said("the kernel does now what it has refused") })
	if n := strings.Count(p.Log(), "the kernel refused"); n != 1 {
		t.Errorf("told %d times that it was refused", n)
	}
}
