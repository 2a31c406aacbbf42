package cfgparse

import (
	"net/netip"
	"time"

	"regent/cfgparse/syntax"
)

func globalMail() []*Keyword {
	return []*Keyword{
		key("notification_email", A, words(func(g *Global) *[]string { return &g.Mail.To }), "", "who gets mail"),
		key("notification_email_from", A, text(func(g *Global) *string { return &g.Mail.From }), "user@host", "sender of mail"),
		key("smtp_server", A, custom("HOST [PORT]", setSMTPServer, func(g *Global) string { return g.Mail.Server }), "none", "who takes mail"),
		key("smtp_helo_name", B, text(func(g *Global) *string { return &g.Mail.Helo }), "host name", "name in HELO"),
		key("smtp_connect_timeout", A, custom("0.. s", setSMTPTimeout, func(g *Global) string { return inSeconds(g.Mail.Timeout) }), "30 s", "time for the mail server to answer"),
		key("smtp_alert", B, maybe(func(g *Global) **bool { return &g.Mail.Alert }), "unset", "mail for everything"),
		key("smtp_alert_vrrp", B, maybe(func(g *Global) **bool { return &g.Mail.VRRP }), "unset", "mail for VRRP"),
		key("no_email_faults", B, flag(func(g *Global) *bool { return &g.Mail.NoFault }), "", "no mail for FAULT"),
	}
}

func setSMTPServer(l *loader, g *Global, s *syntax.Statement) {
	if !l.need(s, 1, "HOST [PORT]") {
		return
	}
	host := s.Arg(1)
	if !plausibleHost(host) {
		l.complain(s.Words[1].Pos, syntax.General, "a host name or address", "there is no mail server", "bad mail server %s", quote(host))
		return
	}
	g.Mail.Server, g.Mail.Port = host, 25
	if len(s.Words) > 2 {
		if n, ok := l.number(s, 2, 1, 65535); ok {
			g.Mail.Port = uint16(n)
		}
	}
}

func plausibleHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '-' && c != '.' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != ""
}

func setSMTPTimeout(l *loader, g *Global, s *syntax.Statement) {
	n, ok := l.number(s, 1, 0, unbounded/1_000_000)
	switch {
	case ok && n == 0:
		l.complain(s.Words[1].Pos, syntax.General, "at least 1", "1 s is used", "smtp_connect_timeout must be greater than 0")
		g.Mail.Timeout = time.Second
	case ok:
		g.Mail.Timeout = time.Duration(n) * time.Second
	}
}
