package cfgparse

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"regent/cfgparse/syntax"
	"regent/fsm"
	"regent/vrrp"
)

func globalVocabulary() *Vocabulary {
	var rows []*Keyword
	for _, part := range [][]*Keyword{globalIdentity(), globalProcess(), globalReload(), globalScripts(), globalMail(),
		globalProtocol(), globalAnnouncing(), globalSockets(), globalAgents(), globalForeign()} {
		rows = append(rows, part...)
	}
	return vocabulary("global_defs", rows...)
}

func globalIdentity() []*Keyword {
	return []*Keyword{
		key("router_id", A, custom("TEXT", setRouterID, func(g *Global) string { return g.RouterID }),
			"host name", "name of this router in mail subjects and SNMP"),
		key("process_names", B, flag(func(g *Global) *bool { return &g.Daemon.ProcessNames }), "", "name the child processes after their task"),
		key("process_name", B, text(func(g *Global) *string { return &g.Daemon.ParentName }), "the program's", "name of the parent process"),
		key("vrrp_process_name", B, text(func(g *Global) *string { return &g.Daemon.VRRPName }), "the parent's", "name of the VRRP process"),
		key("bfd_process_name", C, text(func(g *Global) *string { return &g.Daemon.BFDName }), "the parent's", "name of the BFD process"),
	}
}

func setRouterID(l *loader, g *Global, s *syntax.Statement) {
	if len(s.Words) == 1 {
		l.complain(s.Pos(), syntax.General, "router_id TEXT", "the host name is used", "router_id lacks its argument")
		return
	}
	g.RouterID = s.Arg(1)
}

func globalProcess() []*Keyword {
	return []*Keyword{
		key("startup_script", B, optionalScript(func(g *Global) **Command { return &g.Notify.Startup }), "", "run before anything starts, and waited for"),
		key("startup_script_timeout", B, wholeSeconds(1, 1000, func(g *Global) *time.Duration { return &g.Notify.StartupTimeout }), "10 s", "then the start-up script is killed"),
		key("shutdown_script", B, optionalScript(func(g *Global) **Command { return &g.Notify.Shutdown }), "", "run when all else has ended"),
		key("shutdown_script_timeout", B, wholeSeconds(1, 1000, func(g *Global) *time.Duration { return &g.Notify.ShutdownTimeout }), "10 s", "then the shutdown script is killed"),
		key("max_auto_priority", B, custom("[-1-99]", setAutoPriority, func(g *Global) string { return strconv.Itoa(g.Daemon.AutoPriority) }),
			"0; bare: 99", "real-time priority that a late process may raise itself to"),
		key("min_auto_priority_delay", B, microseconds(1, 10_000_000, func(g *Global) *time.Duration { return &g.Daemon.AutoDelay }), "1000000", "lateness that raises the priority"),
		key("vrrp_priority", B, number(-20, 19, func(g *Global) *int { return &g.Daemon.Nice }), "0", "nice value"),
		key("vrrp_no_swap", B, flag(func(g *Global) *bool { return &g.Daemon.Lock }), "", "keep the process in memory"),
		key("vrrp_rt_priority", B, clamped(1, 99, func(g *Global) *int { return &g.Daemon.RealTime }), "", "real-time priority"),
		key("vrrp_cpu_affinity", B, processors(func(g *Global) *[]int { return &g.Daemon.CPUs }), "all", "processors to run on"),
		key("vrrp_rlimit_rttime", B, microseconds(1, unbounded, func(g *Global) *time.Duration { return &g.Daemon.RTTime }), "10000", "limit of real-time run time", old("vrrp_rlimit_rtime")),
		key("bfd_priority", C, number(-20, 19, func(g *Global) *int { return &g.Daemon.BFDNice }), "0", "nice value of the BFD process"),
		key("bfd_no_swap", C, flag(func(g *Global) *bool { return &g.Daemon.BFDLock }), "", "keep the BFD process in memory"),
		key("bfd_rt_priority", C, clamped(1, 99, func(g *Global) *int { return &g.Daemon.BFDRealTime }), "", "real-time priority of the BFD process"),
		key("bfd_cpu_affinity", C, processors(func(g *Global) *[]int { return &g.Daemon.BFDCPUs }), "all", "processors of the BFD process"),
		key("bfd_rlimit_rttime", C, microseconds(1, unbounded, func(g *Global) *time.Duration { return &g.Daemon.BFDRTTime }), "10000", "as vrrp_rlimit_rttime", old("bfd_rlimit_rtime")),
		key("umask", B, custom("NUMBER|IRUSR|...", setUmask, func(g *Global) string { return "0" + strconv.FormatUint(uint64(g.Daemon.Umask), 8) }),
			"0177", "rights that new files do not get"),
		key("random_seed", C, number(0, 1<<32-1, func(g *Global) *uint32 { return &g.Daemon.RandomSeed }), "the time", "seed of ${_RANDOM}"),
	}
}

func setAutoPriority(l *loader, g *Global, s *syntax.Statement) {
	g.Daemon.AutoPriority = 99
	if len(s.Words) > 1 {
		g.Daemon.AutoPriority = 0
		if n, ok := l.number(s, 1, -1, 99); ok {
			g.Daemon.AutoPriority = int(n)
		}
	}
}

// umaskBits are the words of umask, as in <sys/stat.h> without S_.
var umaskBits = map[string]uint32{
	"IRUSR": 0o400, "IWUSR": 0o200, "IXUSR": 0o100, "IRWXU": 0o700,
	"IRGRP": 0o040, "IWGRP": 0o020, "IXGRP": 0o010, "IRWXG": 0o070,
	"IROTH": 0o004, "IWOTH": 0o002, "IXOTH": 0o001, "IRWXO": 0o007,
}

func setUmask(l *loader, g *Global, s *syntax.Statement) {
	if !l.need(s, 1, "NUMBER") {
		return
	}
	if n, err := strconv.ParseUint(s.Arg(1), 0, 12); err == nil && n <= 0o777 {
		g.Daemon.Umask = uint32(n)
		return
	}
	var mask uint32
	for _, w := range s.Args() {
		for _, bit := range strings.Split(w.Text, "|") {
			b, ok := umaskBits[bit]
			if !ok && bit != "" {
				l.complain(w.Pos, syntax.General, "a number up to 0777, or "+strings.Join(sortedKeys(umaskBits), "|"),
					"the line is ignored", "bad umask %s", quote(bit))
				return
			}
			mask |= b
		}
	}
	g.Daemon.Umask = mask
}

func globalReload() []*Keyword {
	return []*Keyword{
		key("reload_check_config", B, custom("[LOGFILE]", func(l *loader, g *Global, s *syntax.Statement) {
			g.Reload.CheckFirst, g.Reload.CheckLog = true, s.Arg(1)
		}, func(g *Global) string { return yesNo(g.Reload.CheckFirst) }), "", "let a configuration with faults neither start nor replace another; list them in LOGFILE"),
		key("reload_time_file", B, absolutePath(func(g *Global) *string { return &g.Reload.TimeFile }), "", "file that holds the time of the next reload"),
		key("reload_repeat", B, flag(func(g *Global) *bool { return &g.Reload.Repeat }), "", "keep the file, to reload every day"),
		key("reload_file", B, custom("[PATH]", func(l *loader, g *Global, s *syntax.Statement) {
			g.Reload.Marked, g.Reload.MarkFile = true, s.Arg(1)
		}, func(g *Global) string { return g.Reload.MarkFile }), "", "file that exists while the configuration is read"),
		key("include_check", B, custom("[+|-]read|match|wildcard_match|brace_match...", setIncludeCheck, nil),
			"none; bare: all", "problems of includes that are fatal"),
		key("config_save_dir", C, text(func(g *Global) *string { return &g.Dumps.SaveDir }), "", "directory for copies of the configuration"),
		key("tmp_config_directory", C, text(func(g *Global) *string { return &g.Dumps.TmpDir }), "memory", "directory for the flattened copy"),
		key("data_use_instance", B, boolean(func(g *Global) *bool { return &g.Dumps.UseInstance }), "no", "put the name of the instance into that of the SIGUSR1 dump"),
		key("state_dump_file", B, text(func(g *Global) *string { return &g.Dumps.StateFile }), "/tmp/keepalived.data", "where SIGUSR1 dumps to"),
		key("stats_dump_file", B, text(func(g *Global) *string { return &g.Dumps.StatsFile }), "/tmp/keepalived.stats", "where SIGUSR2 dumps to"),
		key("json_dump_file", B, text(func(g *Global) *string { return &g.Dumps.JSONFile }), "/tmp/keepalived.json", "where the JSON signal dumps to"),
		key("json_version", B, number(1, 2, func(g *Global) *int { return &g.Dumps.JSONVersion }), "1", "shape of the JSON dump"),
		key("iproute_usr_dir", B, text(func(g *Global) *string { return &g.Dumps.IPRouteUsr }), "/usr/share/iproute2", "where names of tables and protocols are read"),
		key("iproute_etc_dir", B, text(func(g *Global) *string { return &g.Dumps.IPRouteEtc }), "/etc/iproute2", "where names of tables and protocols are read"),
	}
}

func setIncludeCheck(l *loader, _ *Global, s *syntax.Statement) {
	for i, w := range s.Args() {
		bare := strings.TrimLeft(w.Text, "+-")
		if nearest := nearestOf(bare, syntax.IncludeChecks); !syntax.IsIncludeCheck(bare) || i > 0 && bare == w.Text {
			if nearest == bare {
				nearest = "+" + bare
			}
			l.Add(syntax.Diagnostic{Pos: w.Pos, Severity: syntax.Warning, Class: syntax.General,
				Message: "bad include check " + quote(w.Text), Expected: strings.Join(syntax.IncludeChecks, "|"),
				Suggest: nearest, Effect: "it is ignored"})
		}
	}
}

func globalScripts() []*Keyword {
	return []*Keyword{
		key("script_user", A, custom("USER [GROUP]", setScriptUser, func(g *Global) string { return strings.TrimSpace(g.ScriptUser + " " + g.ScriptGroup) }),
			"keepalived_script if there is such a user, else the daemon's", "who runs scripts that say nothing else"),
		key("enable_script_security", A, flag(func(g *Global) *bool { return &g.ScriptSecurity }), "", "do not run scripts as root that others may change"),
		key("set_supplementary_groups", C, boolean(func(g *Global) *bool { return &g.SupplementaryGroups }), "no", "give scripts all groups of their user"),
		key("use_symlink_paths", B, boolean(func(g *Global) *bool { return &g.SymlinkPaths }), "no", "run scripts by the path as written"),
		key("notify_fifo", B, fifo(func(g *Global) *FIFO { return &g.Notify.FIFO }), "", "pipe for all events"),
		key("notify_fifo_script", B, optionalScript(func(g *Global) **Command { return &g.Notify.FIFO.Script }), "", "reader of that pipe"),
		key("vrrp_notify_fifo", A, fifo(func(g *Global) *FIFO { return &g.Notify.VRRP }), "", "pipe for VRRP events"),
		key("vrrp_notify_fifo_script", A, optionalScript(func(g *Global) **Command { return &g.Notify.VRRP.Script }), "", "reader of that pipe"),
		key("vrrp_notify_priority_changes", B, boolean(func(g *Global) *bool { return &g.Defaults.PriorityChanges }), "no", "tell the pipes of changes of priority"),
		key("fifo_write_vrrp_states_on_reload", B, flag(func(g *Global) *bool { return &g.Notify.RewriteOnReload }), "", "tell the pipes all states after a reload"),
	}
}

func setScriptUser(l *loader, g *Global, s *syntax.Statement) {
	if !l.need(s, 1, "USER [GROUP]") {
		return
	}
	user, group := l.account(s, 1)
	g.ScriptUser, g.ScriptGroup = user, group
	l.noScriptUser = user == "" // an unknown user must not become root
}

func globalProtocol() []*Keyword {
	return []*Keyword{
		key("vrrp_version", A, number(2, 3, func(g *Global) *uint8 { return &g.Defaults.Version }), "2; IPv6 instances: 3", "version of instances that say nothing"),
		key("vrrp_mcast_group4", A, custom("ADDR", setGroup4, func(g *Global) string { return g.Defaults.Group4.String() }), "224.0.0.18", "where IPv4 adverts go"),
		key("vrrp_mcast_group6", A, custom("ADDR", setGroup6, func(g *Global) string { return g.Defaults.Group6.String() }), "ff02::12", "where IPv6 adverts go"),
		key("vrrp_strict", A, boolean(func(g *Global) *bool { return &g.Defaults.Strict }), "no", "hold instances to the letter of the RFC"),
		key("vrrp_check_unicast_src", A, flag(func(g *Global) *bool { return &g.Defaults.CheckUnicastSource }), "", "drop unicast adverts of hosts that are no peers"),
		key("vrrp_skip_check_adv_addr", A, boolean(func(g *Global) *bool { return &g.Defaults.SkipCheckAddr }), "no", "default of skip_check_adv_addr"),
		key("vrrp_down_timer_adverts", B, number(1, 100, func(g *Global) *int { return &g.Defaults.DownAdverts }), "3", "adverts to miss before a master counts as down"),
		key("vrrp_startup_delay", B, seconds(time.Millisecond, forever, func(g *Global) *time.Duration { return &g.StartDelay }), "0", "time that all instances wait after the start"),
		key("vrrp_delay_after_boot", B, seconds(time.Millisecond, forever, func(g *Global) *time.Duration { return &g.DelayAfterBoot }), "0", "the same, since the machine booted"),
		key("log_unknown_vrids", B, flag(func(g *Global) *bool { return &g.LogUnknownVRIDs }), "", "log adverts of unknown virtual routers"),
		key("vrrp_lower_prio_no_advert", B, boolean(func(g *Global) *bool { return &g.Defaults.LowerNoAdvert }), "no", "default of lower_prio_no_advert"),
		key("vrrp_higher_prio_send_advert", B, boolean(func(g *Global) *bool { return &g.Defaults.HigherSendAdvert }), "no", "default of higher_prio_send_advert"),
		key("vrrp_owner_ignore_adverts", B, boolean(func(g *Global) *bool { return &g.Defaults.OwnerIgnores }), "no", "default of owner_ignore_adverts"),
		key("v3_checksum_as_v2", B, flag(func(g *Global) *bool { return &g.Defaults.V3ChecksumAsV2 }), "no", "default of v3_checksum_as_v2; keepalived ignores an argument"),
		key("dynamic_interfaces", A, custom("[allow_if_changes]", setDynamic, func(g *Global) string { return yesNo(g.DynamicInterfaces) }), "", "interfaces may be missing; regent always waits for them"),
		key("default_interface", A, text(func(g *Global) *string { return &g.DefaultInterface }), "eth0", "interface of static addresses without dev"),
		key("disable_local_igmp", C, flag(func(g *Global) *bool { return &g.NoLocalIGMP }), "", "no IGMP reports for link-local groups"),
		key("vmac_prefix", B, text(func(g *Global) *string { return &g.VMACPrefix }), "vrrp", "prefix of the names of virtual MAC devices"),
		key("vmac_addr_prefix", B, text(func(g *Global) *string { return &g.VMACAddrPrefix }), "vmac_prefix", "the same for devices of single addresses"),
	}
}

func setGroup4(l *loader, g *Global, s *syntax.Statement) {
	if !l.need(s, 1, "ADDR") {
		return
	}
	if a, err := netip.ParseAddr(s.Arg(1)); err == nil && a.Is4() && a.IsMulticast() {
		g.Defaults.Group4 = a
		return
	}
	l.complain(s.Words[1].Pos, syntax.General, "an IPv4 multicast address", "the default is used", "bad group %s", quote(s.Arg(1)))
}

func setGroup6(l *loader, g *Global, s *syntax.Statement) {
	if !l.need(s, 1, "ADDR") {
		return
	}
	a, err := netip.ParseAddr(s.Arg(1))
	if err != nil || !a.Is6() || !a.IsMulticast() {
		l.complain(s.Words[1].Pos, syntax.General, "an IPv6 multicast address", "the default is used", "bad group %s", quote(s.Arg(1)))
		return
	}
	if !a.IsLinkLocalMulticast() {
		l.complain(s.Words[1].Pos, syntax.Doubtful, "an address in ff02::/16", "it is used", "group %s is not of link-local scope", a)
	}
	g.Defaults.Group6 = a
}

func setDynamic(l *loader, g *Global, s *syntax.Statement) {
	g.DynamicInterfaces = true
	switch s.Arg(1) {
	case "":
	case "allow_if_changes":
		g.AllowIfChanges = true
	default:
		l.complain(s.Words[1].Pos, syntax.General, "allow_if_changes, or nothing", "the word is ignored", "bad word %s after dynamic_interfaces", quote(s.Arg(1)))
	}
}

func globalAnnouncing() []*Keyword {
	announce := func(f func(*fsm.Announcing) *time.Duration) func(*Global) *time.Duration {
		return func(g *Global) *time.Duration { return f(&g.Announce.Announcing) }
	}
	return []*Keyword{
		key("vrrp_garp_master_delay", A, wholeSeconds(0, unbounded, announce(func(a *fsm.Announcing) *time.Duration { return &a.Delay })), "5 s", "until addresses are announced again; 0: never"),
		key("vrrp_garp_master_repeat", A, repeats(func(g *Global) *int { return &g.Announce.Repeat }), "5", "messages for each address at once"),
		key("vrrp_garp_master_refresh", A, wholeSeconds(0, unbounded, announce(func(a *fsm.Announcing) *time.Duration { return &a.Refresh })), "0", "period of further announcements; 0: never"),
		key("vrrp_garp_master_refresh_repeat", A, repeats(func(g *Global) *int { return &g.Announce.RefreshRepeat }), "1", "messages for each address in a refresh"),
		key("vrrp_garp_lower_prio_delay", A, wholeSeconds(0, unbounded, announce(func(a *fsm.Announcing) *time.Duration { return &a.LowerDelay })), "vrrp_garp_master_delay", "until the second burst after a lower priority was heard"),
		key("vrrp_garp_lower_prio_repeat", A, number(0, unbounded, func(g *Global) *int { return &g.Announce.LowerRepeat }), "vrrp_garp_master_repeat", "messages after a lower priority was heard; 0: none"),
		key("vrrp_garp_interval", A, seconds(time.Microsecond, forever, func(g *Global) *time.Duration { return &g.Announce.Interval4 }), "0", "spacing of gratuitous ARPs on a link"),
		key("vrrp_gna_interval", A, seconds(time.Microsecond, forever, func(g *Global) *time.Duration { return &g.Announce.Interval6 }), "0", "spacing of neighbour advertisements on a link"),
		key("vrrp_min_garp", B, boolean(func(g *Global) *bool { return &g.Announce.Minimal }), "no", "one message where the default is several"),
		key("vrrp_garp_extra_if", B, extraLinks(1, func(g *Global) *ExtraLinks { return &g.Announce.Extra }), "0", "announce on links other than the advert's", old("vrrp_vmac_garp_intvl")),
	}
}

// processors is a list of processor numbers. One that is wrong drops them all.
func processors(field func(*Global) *[]int) value[Global] {
	return value[Global]{args: "CPU...",
		set: func(l *loader, g *Global, s *syntax.Statement) {
			if !l.need(s, 1, "CPU...") {
				return
			}
			var cpus []int
			for _, w := range s.Args() {
				n, ok := parseNumber(w.Text, 0, 4095)
				if !ok {
					l.complain(w.Pos, syntax.Number, "numbers of processors", "the line is ignored", "bad processor %s", quote(w.Text))
					return
				}
				cpus = append(cpus, int(n))
			}
			*field(g) = cpus
		},
		show: func(g *Global) string { return strings.Trim(fmt.Sprint(*field(g)), "[]") },
	}
}

func openGlobal(_ *loader, c *Config, s *syntax.Statement) *Global {
	if !c.Global.At.IsValid() {
		c.Global.At = s.Pos()
	}
	return &c.Global
}

func closeGlobal(l *loader, c *Config, g *Global, _ *syntax.Statement) {
	if g.said("notification_email") && len(g.Mail.To) == 0 {
		l.complain(g.line("notification_email"), syntax.Doubtful, "notification_email { ADDRESS... }", "there is no mail", "the notification_email block is empty")
	}
}

func newConfig() *Config {
	c := &Config{}
	g := &c.Global
	g.Defaults.Version, g.Defaults.DownAdverts = 2, 3
	g.Defaults.Group4, g.Defaults.Group6 = vrrp.Group4, vrrp.Group6
	g.Announce.Delay, g.Announce.Repeat, g.Announce.RefreshRepeat = 5*time.Second, 5, 1
	g.Announce.LowerDelay, g.Announce.LowerRepeat = -1, -1 // as the master's
	g.Notify.StartupTimeout, g.Notify.ShutdownTimeout = 10*time.Second, 10*time.Second
	g.Mail.Timeout = 30 * time.Second
	g.Buffers.Multiplier = 3
	g.Firewall.Priority = -1
	g.Daemon.AutoDelay, g.Daemon.Umask = time.Second, 0o177
	g.Daemon.RTTime, g.Daemon.BFDRTTime = 10*time.Millisecond, 10*time.Millisecond
	g.Dumps.JSONVersion = 1
	g.VMACPrefix = "vrrp"
	g.DefaultInterface = "eth0"
	c.Process.ChildWait = 5 * time.Second
	return c
}

// completeGlobals works out what the globals mean for each other.
func (l *loader) completeGlobals() {
	g := &l.cfg.Global
	if g.Announce.Minimal { // what still has its default
		if g.Announce.Repeat == 5 {
			g.Announce.Repeat = 1
		}
		if g.Announce.Delay == 5*time.Second {
			g.Announce.Delay = 0
		}
		if g.Announce.RefreshRepeat == 1 {
			g.Announce.RefreshRepeat = 0
		}
	}
	if g.Announce.LowerDelay < 0 {
		g.Announce.LowerDelay = g.Announce.Delay
	}
	if g.Announce.LowerRepeat < 0 {
		g.Announce.LowerRepeat = g.Announce.Repeat
	}
	if g.VMACAddrPrefix == "" {
		g.VMACAddrPrefix = g.VMACPrefix
	}
	if g.ScriptUser == "" && l.env.Account != nil && l.env.Account("keepalived_script", "") == nil {
		g.ScriptUser, l.noScriptUser = "keepalived_script", false
	}
	if g.ScriptUser == "" && g.ScriptSecurity {
		l.noScriptUser = true // security, but nobody to run as
	}
	if g.Notify.VRRP.Path != "" && g.Notify.VRRP.Path == g.Notify.FIFO.Path {
		l.complain(g.line("vrrp_notify_fifo"), syntax.General, "a path of its own", "it is ignored", "vrrp_notify_fifo is the same as notify_fifo")
		g.Notify.VRRP.Path = ""
	}
}
