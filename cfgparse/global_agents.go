package cfgparse

import (
	"net/netip"
	"strings"

	"regent/cfgparse/syntax"
)

// globalAgents are the programs that ask keepalived, or that it feeds.
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
