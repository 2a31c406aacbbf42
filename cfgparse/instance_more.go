package cfgparse

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"regent/cfgparse/syntax"
	"regent/netif"
	"regent/vrrp"
)

func instanceBehaviour() []*Keyword {
	return []*Keyword{
		key("accept", A, custom("", func(_ *loader, d *draft, _ *syntax.Statement) { d.noAccept = false },
			func(d *draft) string { return yesNo(d.Accept) }), "yes, unless strict_mode", "accept packets to the addresses"),
		key("no_accept", B, custom("", func(_ *loader, d *draft, _ *syntax.Statement) { d.noAccept = true }, nil), "", "drop packets to the addresses, unless owner"),
		key("nopreempt", A, custom("", func(_ *loader, d *draft, _ *syntax.Statement) { d.hold = true },
			func(d *draft) string { return yesNo(d.Router.NoPreempt) }), "", "do not take over from a master with a lower priority"),
		key("preempt", A, custom("", func(_ *loader, d *draft, _ *syntax.Statement) { d.hold = false }, nil), "yes", "takes nopreempt back"),
		key("preempt_delay", A, custom("0-1000 s", func(l *loader, d *draft, s *syntax.Statement) {
			d.delay = 0
			if v, ok := l.duration(s, 1, 0, 1000*time.Second, time.Second); ok {
				d.delay = v
			}
		}, func(d *draft) string { return inSeconds(d.Router.PreemptDelay) }), "0", "time to leave a lower master alone"),
		key("strict_mode", A, showing(maybe(func(d *draft) **bool { return &d.strict }), func(d *draft) string { return yesNo(d.Strict) }), "vrrp_strict", "hold to the letter of the RFC"),
		key("skip_check_adv_addr", A, custom("[yes|no]", func(l *loader, d *draft, s *syntax.Statement) {
			if b, ok := l.boolean(s); ok {
				if !b {
					l.complain(s.Words[1].Pos, syntax.Advice, "", "regent takes it for no", "keepalived takes any value of skip_check_adv_addr for yes")
				}
				d.SkipCheckAddr = b
			}
		}, func(d *draft) string { return yesNo(d.SkipCheckAddr) }), "vrrp_skip_check_adv_addr", "do not compare addresses with a known master's"),
		key("down_timer_adverts", B, showing(number(1, 100, func(d *draft) *int { return &d.down }), func(d *draft) string { return showNumber(d.Router.DownAdverts) }), "vrrp_down_timer_adverts", "adverts to miss before a master counts as down"),
		key("timer_expired_backup", C, custom("[1-254]", func(l *loader, d *draft, s *syntax.Statement) {
			d.Router.ExpiredBackup = 254
			if len(s.Words) > 1 {
				if n, ok := l.number(s, 1, 1, 254); ok {
					d.Router.ExpiredBackup = uint8(n)
				}
			}
		}, func(d *draft) string { return showNumber(d.Router.ExpiredBackup) }), "off; bare: 254", "become backup after a long pause of the process", alias("thread_timer_expired")),
		key("lower_prio_no_advert", B, showing(maybe(func(d *draft) **bool { return &d.lower }), func(d *draft) string { return yesNo(d.Router.SilentToLower) }), "vrrp_lower_prio_no_advert", "do not answer a master with a lower priority"),
		key("higher_prio_send_advert", B, showing(maybe(func(d *draft) **bool { return &d.higher }), func(d *draft) string { return yesNo(d.Router.LastWord) }), "vrrp_higher_prio_send_advert", "send one advert before yielding"),
		key("owner_ignore_adverts", B, showing(maybe(func(d *draft) **bool { return &d.owner }), func(d *draft) string { return yesNo(d.Profile.OwnerIgnoresAdvert) }), "vrrp_owner_ignore_adverts", "an owner drops all adverts"),
		key("debug", C, number(0, 4, func(d *draft) *int { return &d.Debug }), "0", "without effect"),
		key("kernel_rx_buf_size", B, number(1, unbounded, func(d *draft) *int { return &d.ReceiveBuffer }), "vrrp_rx_bufs_policy", "bytes of the receive buffer"),
	}
}

func instanceAnnouncing() []*Keyword {
	delay := func(f func(*announceWords) **time.Duration, show func(*draft) time.Duration) value[draft] {
		v := wholeSeconds(0, unbounded, func(d *draft) *time.Duration {
			p := f(&d.garp)
			if *p == nil {
				*p = new(time.Duration)
			}
			return *p
		})
		v.show = func(d *draft) string { return inSeconds(show(d)) }
		return v
	}
	count := func(low int64, f func(*announceWords) **int, show func(*draft) int) value[draft] {
		field := func(d *draft) *int {
			p := f(&d.garp)
			if *p == nil {
				*p = new(int)
			}
			return *p
		}
		v := repeats(field)
		if low == 0 {
			v = number(0, unbounded, field)
		}
		v.show = func(d *draft) string { return strconv.Itoa(max(show(d), 0)) }
		return v
	}
	return []*Keyword{
		key("garp_master_delay", A, delay(func(w *announceWords) **time.Duration { return &w.delay }, func(d *draft) time.Duration { return d.Router.Announce.Delay }), "vrrp_garp_master_delay", "until addresses are announced again; 0: never"),
		key("garp_master_repeat", A, count(1, func(w *announceWords) **int { return &w.repeat }, func(d *draft) int { return d.Router.Announce.Repeat }), "vrrp_garp_master_repeat", "messages for each address at once"),
		key("garp_master_refresh", A, delay(func(w *announceWords) **time.Duration { return &w.refresh }, func(d *draft) time.Duration { return d.Router.Announce.Refresh }), "vrrp_garp_master_refresh", "period of further announcements; 0: never"),
		key("garp_master_refresh_repeat", A, count(1, func(w *announceWords) **int { return &w.refreshRepeat }, func(d *draft) int { return d.Router.Announce.RefreshRepeat }), "vrrp_garp_master_refresh_repeat", "messages for each address in a refresh"),
		key("garp_lower_prio_delay", A, delay(func(w *announceWords) **time.Duration { return &w.lowerDelay }, func(d *draft) time.Duration { return d.Router.Announce.LowerDelay }), "vrrp_garp_lower_prio_delay; strict_mode: 0", "until the second burst after a lower priority was heard"),
		key("garp_lower_prio_repeat", A, count(0, func(w *announceWords) **int { return &w.lowerRepeat }, func(d *draft) int { return d.Router.Announce.LowerRepeat }), "vrrp_garp_lower_prio_repeat; strict_mode: 0", "messages after a lower priority was heard; 0: none"),
		key("garp_extra_if", B, extraLinks(0, func(d *draft) *ExtraLinks { return &d.Extra }), "vrrp_garp_extra_if", "announce on links other than the advert's", old("vmac_garp_intvl")),
	}
}

func instanceDevice() []*Keyword {
	return []*Keyword{
		key("use_vmac", A, custom("[[name] IF] [MAC] [netlink_notify_msg] [group N]", setVMAC, func(d *draft) string {
			return yesNo(d.VMAC.Kind == netif.MACVLAN)
		}), "", "a device with the virtual MAC"),
		key("use_vmac_addr", C, flag(func(d *draft) *bool { return &d.VMAC.Each }), "", "such devices also for addresses on other links"),
		key("vmac_xmit_base", A, flag(func(d *draft) *bool { return &d.VMAC.XmitBase }), "", "adverts leave by the parent"),
		key("use_ipvlan", C, custom("[[name] IF] [ADDR] [bridge|private|vepa] [group N]", setIPVLAN, nil), "", "an ipvlan device"),
		key("vrf", C, text(func(d *draft) *string { return &d.Port.VRF }), "none", "routing domain of a unicast router without interface"),
		key("promote_secondaries", B, flag(func(d *draft) *bool { return &d.PromoteSecondaries }), "", "the kernel keeps secondary addresses when the primary one goes"),
		key("linkbeat_use_polling", C, custom("", func(l *loader, d *draft, s *syntax.Statement) {
			d.PollLink = true
			l.complain(s.Pos(), syntax.Deprecated, "linkbeat_interfaces", "netlink tells the state of the link", "linkbeat_use_polling in an instance is deprecated")
		}, nil), "", "poll the state of the link"),
		key("lvs_sync_daemon_interface", C, custom("IF", func(l *loader, d *draft, s *syntax.Statement) {
			if l.need(s, 1, "IF") {
				l.complain(s.Pos(), syntax.Deprecated, "lvs_sync_daemon in global_defs", "it is ignored", "lvs_sync_daemon_interface is deprecated")
			}
		}, nil), "", "connection sync of IPVS"),
	}
}

func instanceNotify() []*Keyword {
	return append(notifyRows(func(d *draft) *Notify { return &d.Notify }),
		key("notify_deleted", B, custom(`["COMMAND" [USER [GROUP]]]`, func(l *loader, d *draft, s *syntax.Statement) {
			d.Notify.TellDeleted = true
			if len(s.Words) > 1 {
				d.Notify.Deleted = l.command(s)
			}
		}, func(d *draft) string { return yesNo(d.Notify.TellDeleted) }), "", "tell when a reload removes the instance"),
		key("notify_master_rx_lower_pri", B, script(func(d *draft) **Command { return &d.Notify.LowerPriority }), "", "run when a master hears a lower priority"),
	)
}

// notifyRows are the keywords by which instances and groups tell of changes.
func notifyRows[T any](field func(*T) *Notify) []*Keyword {
	return []*Keyword{
		key("notify_master", A, script(func(t *T) **Command { return &field(t).Master }), "", "run on becoming MASTER"),
		key("notify_backup", A, script(func(t *T) **Command { return &field(t).Backup }), "", "run on becoming BACKUP"),
		key("notify_fault", A, script(func(t *T) **Command { return &field(t).Fault }), "", "run on entering FAULT"),
		key("notify_stop", A, script(func(t *T) **Command { return &field(t).Stop }), "", "run at the end"),
		key("notify", A, script(func(t *T) **Command { return &field(t).Any }), "", "run on every change, with four more arguments"),
		key("notify_priority_changes", B, maybe(func(t *T) **bool { return &field(t).PriorityChanges }), "vrrp_notify_priority_changes", "tell the pipes of changes of priority"),
		key("smtp_alert", A, maybe(func(t *T) **bool { return &field(t).Mail }), "smtp_alert_vrrp", "mail on every change"),
	}
}

// setVMAC reads the words of use_vmac, which come in any order.
func setVMAC(l *loader, d *draft, s *syntax.Statement) {
	if d.VMAC.Kind == netif.IPVLAN {
		l.complain(s.Pos(), syntax.General, "one of use_vmac and use_ipvlan", "it is ignored", "use_vmac after use_ipvlan")
		return
	}
	d.VMAC.Kind = netif.MACVLAN
	for i := 1; i < len(s.Words); i++ {
		w := s.Words[i]
		switch w.Text {
		case "netlink_notify_msg":
			continue
		case "name", "group":
			i++
			if !l.need(s, i, "") {
				return
			}
			if w.Text == "name" {
				l.deviceName(d, s.Words[i])
			} else if n, err := strconv.ParseUint(s.Arg(i), 0, 32); err == nil {
				d.VMAC.Group = uint32(n)
			}
			continue
		}
		if mac, ok := virtualMAC(w.Text); ok {
			switch {
			case mac[0]&1 != 0:
				l.complain(w.Pos, syntax.General, "a unicast MAC address", "the usual virtual MAC is used", "%s is a multicast address", mac)
			case strings.HasPrefix(mac.String(), "00:00:5e:00:01") || strings.HasPrefix(mac.String(), "00:00:5e:00:02"):
				l.complain(w.Pos, syntax.General, "", "the usual virtual MAC is used", "%s belongs to another virtual router", mac)
			default:
				d.VMAC.MAC = mac
			}
			continue
		}
		l.deviceName(d, w)
	}
}

// virtualMAC reads a MAC address of six octets, or of five before the VRID.
func virtualMAC(s string) (net.HardwareAddr, bool) {
	if strings.Count(s, ":") == 4 {
		mac, err := net.ParseMAC(s + ":00")
		if err != nil {
			return nil, false
		}
		return mac[:5], true
	}
	mac, err := net.ParseMAC(s)
	return mac, err == nil && len(mac) == 6
}

func (l *loader) deviceName(d *draft, w syntax.Word) {
	if d.VMAC.Name != "" {
		l.complain(w.Pos, syntax.General, "one name", "it is ignored", "second device name %s", quote(w.Text))
		return
	}
	if l.interfaceNameOnly(w) {
		d.VMAC.Name = w.Text
	}
}

func setIPVLAN(l *loader, d *draft, s *syntax.Statement) {
	if d.VMAC.Kind != netif.Parent {
		l.complain(s.Pos(), syntax.General, "one of use_vmac and use_ipvlan, once", "it is ignored", "use_ipvlan after %s", map[bool]string{true: "use_vmac", false: "use_ipvlan"}[d.VMAC.Kind == netif.MACVLAN])
		return
	}
	d.VMAC.Kind = netif.IPVLAN
	for i := 1; i < len(s.Words); i++ {
		w := s.Words[i]
		switch w.Text {
		case "bridge", "private", "vepa":
			d.VMAC.Mode = w.Text
			continue
		case "name", "group":
			i++
			if i < len(s.Words) && w.Text == "name" {
				l.deviceName(d, s.Words[i])
			}
			continue
		}
		text, _, _ := strings.Cut(w.Text, "/")
		if a, err := netip.ParseAddr(text); err == nil {
			if p, ok := l.prefix(w, "it is ignored"); ok && l.claim(d, a, s, w.Pos) {
				d.Port.Source, d.VMAC.Address = a, p
			}
			continue
		}
		l.deviceName(d, w)
	}
}

func authVocabulary() *Vocabulary {
	return vocabulary("authentication",
		key("auth_type", A, custom("PASS|AH", func(l *loader, d *draft, s *syntax.Statement) {
			if !l.need(s, 1, "PASS|AH") {
				return
			}
			switch s.Arg(1) {
			case "PASS", "AH":
				d.authType = s.Arg(1)
			default:
				l.Add(syntax.Diagnostic{Pos: s.Words[1].Pos, Severity: syntax.Warning, Class: syntax.General,
					Message: "unknown auth_type " + quote(s.Arg(1)), Expected: "PASS or AH, in capitals",
					Suggest: nearestOf(s.Arg(1), []string{"PASS", "AH"}), Effect: "there is no authentication"})
			}
		}, func(d *draft) string { return d.authType }), "none", "PASS: a password in clear text; AH: a signature"),
		key("auth_pass", A, custom("TEXT", func(l *loader, d *draft, s *syntax.Statement) {
			if !l.need(s, 1, "TEXT") {
				return
			}
			pass := s.Arg(1)
			if len(pass) > 8 {
				l.complain(s.Words[1].Pos, syntax.General, "at most 8 bytes, all that the protocol has room for", "the first 8 bytes are used", "auth_pass is too long")
				pass = pass[:8]
			}
			d.Auth.Password = vrrp.Secret(pass)
		}, func(d *draft) string {
			if len(d.Auth.Password) == 0 {
				return ""
			}
			return "********"
		}), "none", "the password, or the key of AH"),
	)
}

func showNumber[N integer](n N) string { return fmt.Sprint(n) }

func showCount(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func showAddr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
