package cfgparse

import (
	"strconv"
	"time"

	"regent/cfgparse/syntax"
)

// announceWords are the garp_* keywords of an instance; nil: not said.
type announceWords struct {
	delay, refresh, lowerDelay         *time.Duration
	repeat, refreshRepeat, lowerRepeat *int
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

// extraLinks is [all] SECONDS.
func extraLinks[T any](low int64, field func(*T) *ExtraLinks) value[T] {
	return value[T]{args: "[all] " + span(low, 86400) + " s",
		set: func(l *loader, t *T, s *syntax.Statement) {
			i := 1
			if s.Arg(1) == "all" {
				i = 2
			}
			if n, ok := l.number(s, i, low, 86400); ok {
				*field(t) = ExtraLinks{Every: time.Duration(n) * time.Second, All: i == 2}
			}
		},
		show: func(t *T) string {
			x := field(t)
			if x.All {
				return "all " + inSeconds(x.Every)
			}
			return inSeconds(x.Every)
		},
	}
}

// finishAnnouncing takes over the globals where the instance is silent.
func (l *loader) finishAnnouncing(d *draft) {
	g := l.cfg.Global.Announce.Announcing
	a := &d.Router.Announce
	*a = g
	a.Elsewhere = d.Extra.Every
	w := &d.garp
	set(&a.Delay, w.delay)
	set(&a.Refresh, w.refresh)
	set(&a.Repeat, w.repeat)
	set(&a.RefreshRepeat, w.refreshRepeat)
	if d.Strict {
		a.LowerDelay, a.LowerRepeat = 0, 0
	}
	set(&a.LowerDelay, w.lowerDelay)
	set(&a.LowerRepeat, w.lowerRepeat)
	if d.Strict && (w.lowerDelay != nil || w.lowerRepeat != nil) {
		a.LowerDelay, a.LowerRepeat = 0, 0
		l.complain(d.line("garp_lower_prio_repeat"), syntax.General, "", "there are none", "announcements after a lower priority in strict_mode")
	}
	if a.LowerRepeat == 0 {
		a.LowerRepeat = -1 // none, where 0 would be the RFC's default
	}
}

func set[T any](field *T, said *T) {
	if said != nil {
		*field = *said
	}
}
