package cfgparse

import (
	"net/netip"
	"strings"

	"regent/cfgparse/syntax"
)

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

func globalAgents() []*Keyword {
	return []*Keyword{
		key("snmp_socket", C, text(func(g *Global) *string { return &g.SNMP.Socket }), "unix:/var/agentx/master", "AgentX master"),
		key("enable_traps", C, flag(func(g *Global) *bool { return &g.SNMP.Traps }), "", "SNMP traps"),
		key("enable_snmp_vrrp", C, flag(func(g *Global) *bool { return &g.SNMP.VRRP }), "", "SNMP of VRRP", alias("enable_snmp_keepalived")),
		key("enable_snmp_rfc", C, flag(func(g *Global) *bool { return &g.SNMP.RFC }), "", "SNMP of both RFCs"),
		key("enable_snmp_rfcv2", C, flag(func(g *Global) *bool { return &g.SNMP.RFCv2 }), "", "SNMP of RFC 2787"),
		key("enable_snmp_rfcv3", C, flag(func(g *Global) *bool { return &g.SNMP.RFCv3 }), "", "SNMP of RFC 6527"),
		key("enable_dbus", C, flag(func(g *Global) *bool { return &g.DBus.Enabled }), "", "D-Bus interface"),
		key("dbus_service_name", C, text(func(g *Global) *string { return &g.DBus.Service }), "org.keepalived.Vrrp1", "name on D-Bus"),
		key("dbus_no_interface_name", C, text(func(g *Global) *string { return &g.DBus.NoInterfaceName }), "none", "name for instances without interface"),
		key("lvs_sync_daemon", C, custom("IF [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDR]", setSyncIPVS, nil), "none", "connection sync of IPVS"),
	}
}

// globalForeign are words of load balancing. Their blocks and arguments are
// passed over.
func globalForeign() []*Keyword {
	var rows []*Keyword
	for _, name := range strings.Fields(`checker_process_name checker_priority checker_no_swap checker_rt_priority
		checker_cpu_affinity checker_rlimit_rttime lvs_notify_fifo lvs_notify_fifo_script
		smtp_alert_checker checker_log_all_failures rs_init_notifies no_checker_emails
		lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force
		nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark enable_snmp_checker
		snmp_vs_stats_update_interval snmp_rs_stats_update_interval lvs_timeouts lvs_flush lvs_flush_on_stop`) {
		k := key(name, D, custom[Global]("...", nil, nil), "", "load balancing: passed over")
		switch name {
		case "checker_process_name":
			k.Old = []string{"lvs_process_name"}
		case "checker_rlimit_rttime":
			k.Old = []string{"checker_rlimit_rtime"}
		case "lvs_flush_on_stop":
			k.Aliases = []string{"lvs_flush_onstop"}
		}
		rows = append(rows, k)
	}
	return rows
}

func setSyncIPVS(l *loader, g *Global, s *syntax.Statement) {
	if !l.need(s, 1, "IF") {
		return
	}
	d := &SyncIPVS{Interface: s.Arg(1), ID: -1}
	for i := 2; i < len(s.Words); i += 2 {
		name := s.Arg(i)
		limit, numeric := map[string]int64{"id": 255, "maxlen": 65507, "port": 65535, "ttl": 255}[name]
		switch {
		case numeric:
			n, ok := l.number(s, i+1, 0, limit)
			if !ok {
				continue
			}
			switch name {
			case "id":
				d.ID = int(n)
			case "maxlen":
				d.MaxLen = int(n)
			case "port":
				d.Port = uint16(n)
			case "ttl":
				d.TTL = uint8(n)
			}
		case name == "group":
			a, err := netip.ParseAddr(s.Arg(i + 1))
			if err != nil || !a.IsMulticast() {
				l.complain(s.Words[i].Pos, syntax.General, "a multicast address", "it is ignored", "bad group %s", quote(s.Arg(i+1)))
			}
			d.Group = a
		case name == "inst":
			d.Instance = s.Arg(i + 1)
		case i == 2:
			d.Instance = name
			i--
		default:
			l.complain(s.Words[i].Pos, syntax.General, "id, maxlen, port, ttl or group", "it is ignored", "unknown option %s", quote(name))
			i--
		}
	}
	g.SyncIPVS = d
}
