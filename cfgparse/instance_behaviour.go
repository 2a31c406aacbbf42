package cfgparse

import (
	"time"

	"regent/cfgparse/syntax"
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
