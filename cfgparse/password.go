package cfgparse

import (
	"regent/cfgparse/syntax"
	"regent/netif"
	"regent/vrrp"
)

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

func (l *loader) finishAuth(d *draft) {
	drop := func(expected, why string) {
		l.complain(d.line("authentication"), syntax.General, expected, "authentication is ignored", "%s", why)
		d.Auth.Password, d.authType = nil, ""
	}
	switch {
	case !d.said("authentication"):
	case len(d.Auth.Keys) > 0:
		drop("one of auth_hmac and authentication", "auth_hmac takes the place of authentication")
	case d.authType == "":
		d.Auth.Password = nil
	case len(d.Auth.Password) == 0:
		drop("auth_pass TEXT", "authentication without auth_pass")
	case d.version == vrrp.V3:
		drop("version 2, or no authentication", "VRRP version 3 has no authentication")
	case d.Strict:
		drop("no strict_mode, or no authentication", "strict_mode has no authentication")
	case d.authType == "AH" && d.family == netif.IPv6:
		drop("auth_type PASS", "auth_type AH over IPv6")
	case d.authType == "AH":
		d.AuthHeader = true
		if d.master {
			l.complain(d.line("state"), syntax.General, "state BACKUP", "the router starts as backup", "state MASTER does not go with auth_type AH")
			d.WantMaster = false
		}
		l.complain(d.line("authentication"), syntax.Advice, "auth_type PASS", "neighbours with AH will not hear this router, nor it them", "regent does not speak auth_type AH")
		d.Auth.Password = nil
	}
	if len(d.Auth.Keys) > 0 && d.Strict {
		d.Auth.Mode = vrrp.Enforce
	}
}
