package cfgparse

import (
	"strings"

	"regent/cfgparse/syntax"
)

// globalSockets are the sizes of sockets, and the firewall.
func globalSockets() []*Keyword {
	return []*Keyword{
		key("vrrp_rx_bufs_policy", B, custom("MTU|ADVERT|BYTES", setBufferPolicy, func(g *Global) string { return g.Buffers.Policy }), "the system's", "size of receive buffers"),
		key("vrrp_rx_bufs_multiplier", B, number(1, unbounded, func(g *Global) *int { return &g.Buffers.Multiplier }), "3", "packets that a receive buffer holds"),
		key("vrrp_netlink_cmd_rcv_bufs", B, number(0, unbounded, func(g *Global) *int { return &g.Buffers.Command }), "the system's", "bytes of the netlink command buffer"),
		key("vrrp_netlink_monitor_rcv_bufs", B, number(0, unbounded, func(g *Global) *int { return &g.Buffers.Monitor }), "the system's", "bytes of the netlink event buffer"),
		key("vrrp_netlink_cmd_rcv_bufs_force", B, boolean(func(g *Global) *bool { return &g.Buffers.CommandForce }), "no", "even beyond the system's limit"),
		key("vrrp_netlink_monitor_rcv_bufs_force", B, boolean(func(g *Global) *bool { return &g.Buffers.MonitorForce }), "no", "even beyond the system's limit"),
		key("process_monitor_rcv_bufs", C, number(0, unbounded, func(g *Global) *int { return &g.Buffers.Process }), "the system's", "bytes of the process event buffer"),
		key("process_monitor_rcv_bufs_force", C, boolean(func(g *Global) *bool { return &g.Buffers.ProcessForce }), "no", "even beyond the system's limit"),
		key("vrrp_iptables", B, custom("[INCHAIN [OUTCHAIN]]", setIPTables, func(g *Global) string { return strings.Join(g.Firewall.IPTables, " ") }), "none; bare: INPUT OUTPUT", "filter with iptables; regent uses nftables"),
		key("vrrp_ipsets", C, custom("[NAME...]", func(l *loader, g *Global, s *syntax.Statement) {
			g.Firewall.IPSets = nil
			for _, w := range s.Args() {
				g.Firewall.IPSets = append(g.Firewall.IPSets, w.Text)
			}
		}, func(g *Global) string { return strings.Join(g.Firewall.IPSets, " ") }), "keepalived...", "names of ipsets"),
		key("nftables", B, textOr("keepalived", func(g *Global) *string { return &g.Firewall.Table }), "keepalived when needed", "filter with nftables, in this table"),
		key("nftables_priority", C, number(-1<<31, unbounded, func(g *Global) *int { return &g.Firewall.Priority }), "-1", "priority of the chains"),
		key("nftables_counters", C, flag(func(g *Global) *bool { return &g.Firewall.Counters }), "", "count in the rules"),
		key("nftables_ifindex", C, flag(func(g *Global) *bool { return &g.Firewall.IfIndex }), "", "key link-local sets by index"),
	}
}

func setBufferPolicy(l *loader, g *Global, s *syntax.Statement) {
	if !l.need(s, 1, "MTU|ADVERT|BYTES") {
		return
	}
	for _, w := range s.Args() {
		up := strings.ToUpper(w.Text)
		_, isNumber := parseNumber(w.Text, 0, unbounded)
		if up != "MTU" && up != "ADVERT" && !isNumber {
			l.complain(w.Pos, syntax.General, "MTU, ADVERT or a number of bytes", "the word is ignored", "bad policy %s", quote(w.Text))
			continue
		}
		g.Buffers.Policy = up
	}
}

func setIPTables(l *loader, g *Global, s *syntax.Statement) {
	g.Firewall.IPTables = []string{"INPUT", "OUTPUT"}
	for i, w := range s.Args() {
		if i < 2 {
			g.Firewall.IPTables[i] = w.Text
		}
	}
	l.complain(s.Pos(), syntax.General, "nftables [TABLE]", "nftables is used, as keepalived does where it was built without iptables",
		"iptables is not supported")
}
