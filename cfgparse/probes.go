package cfgparse

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"regent/cfgparse/syntax"
	"regent/health/probe"
)

// probeVocabulary is vrrp_check: what vrrp_script is, with a question in place
// of the command.
func probeVocabulary() *Vocabulary {
	question := func(name string, least int, args, help string, read func(l *loader, d *scriptDraft, s *syntax.Statement) bool, kind probe.Kind) *Keyword {
		return key(name, R, custom(args, func(l *loader, d *scriptDraft, s *syntax.Statement) {
			if d.Probe.Kind != probe.None {
				l.complain(s.Pos(), syntax.General, "one question for each vrrp_check", "the first one stands", "vrrp_check %s asks twice", quote(d.Name))
				return
			}
			if l.need(s, least, args) && read(l, d, s) {
				d.Probe.Kind = kind
			}
		}, func(d *scriptDraft) string {
			if d.Probe.Kind != kind {
				return ""
			}
			return strings.TrimSpace(d.Probe.Target + " " + d.Probe.Name + " " + d.Probe.Type)
		}), "", help)
	}
	own := []*Keyword{
		question("tcp", 2, "HOST PORT", "does it accept a connection?", readPort, probe.TCP),
		question("http", 1, "URL", "does it answer with an accepted status? https, too", readURL, probe.HTTP),
		question("icmp", 1, "HOST", "does it answer an echo request?", readHost, probe.ICMP),
		question("dns", 2, "SERVER[:PORT] NAME [TYPE]", "does the server know such a record?", readName, probe.DNS),
		question("systemd", 1, "UNIT", "is the unit active?", readUnit, probe.Unit),
		key("status", R, custom("CODE[-CODE]...", readStatus, showStatus), "200-399", "of http: the answers that are good; redirects are not followed"),
		key("insecure", R, flag(func(d *scriptDraft) *bool { return &d.Probe.Insecure }), "", "of http: any certificate will do"),
	}
	return vocabulary("vrrp_check", append(own, rhythmRows(R)...)...)
}

func openProbe(l *loader, c *Config, s *syntax.Statement) *scriptDraft {
	d := openScript(l, c, s)
	if d != nil {
		d.block = "vrrp_check"
	}
	return d
}

func closeProbe(l *loader, _ *Config, d *scriptDraft, _ *syntax.Statement) {
	if d.Probe.Kind == probe.None {
		l.complain(d.At, syntax.General, "tcp HOST PORT, http URL, icmp HOST, dns SERVER NAME or systemd UNIT",
			"the block is removed; who tracks it goes without", "vrrp_check %s asks nothing", quote(d.Name))
		return
	}
	if d.Probe.Kind != probe.HTTP {
		for _, keyword := range []string{"status", "insecure"} {
			if d.said(keyword) {
				l.complain(d.line(keyword), syntax.General, "http URL", "it is ignored", "%s is of http alone", keyword)
			}
		}
		d.Probe.Status, d.Probe.Insecure = nil, false
	}
	l.addScript(d)
}

// host reads the name or address of a host.
func (l *loader) host(w syntax.Word) (string, bool) {
	name := w.Text
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		name = name[1 : len(name)-1]
	}
	if name == "" || len(name) > 253 || strings.ContainsAny(name, "/[]@ ") {
		l.complain(w.Pos, syntax.General, "an address, or the name of a host", "the line is ignored", "%s is no host", quote(w.Text))
		return "", false
	}
	return name, true
}

func readHost(l *loader, d *scriptDraft, s *syntax.Statement) (ok bool) {
	d.Probe.Target, ok = l.host(s.Words[1])
	return ok
}

func readPort(l *loader, d *scriptDraft, s *syntax.Statement) bool {
	host, ok := l.host(s.Words[1])
	port, good := l.number(s, 2, 1, 65535)
	d.Probe.Target = net.JoinHostPort(host, strconv.FormatInt(port, 10))
	return ok && good
}

func readURL(l *loader, d *scriptDraft, s *syntax.Statement) bool {
	u, err := url.Parse(s.Arg(1))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		l.complain(s.Words[1].Pos, syntax.General, "http://HOST[:PORT]/PATH, or https", "the line is ignored", "%s is no URL of a web server", quote(s.Arg(1)))
		return false
	}
	d.Probe.Target = s.Arg(1)
	return true
}

func readName(l *loader, d *scriptDraft, s *syntax.Statement) bool {
	server := s.Words[1]
	name, port, err := net.SplitHostPort(server.Text)
	if err == nil {
		server.Text = name
	} else {
		port = "53"
	}
	host, ok := l.host(server)
	if !ok {
		return false
	}
	if n, good := parseNumber(port, 1, 65535); !good || n < 1 {
		l.complain(server.Pos, syntax.Number, "1-65535", "the line is ignored", "bad port %s", quote(port))
		return false
	}
	p := &d.Probe
	p.Target, p.Name, p.Type = net.JoinHostPort(host, port), s.Arg(2), strings.ToUpper(s.Arg(3))
	if p.Type == "" {
		p.Type = "A"
	}
	if _, known := probe.RecordTypes[p.Type]; !known {
		l.complain(s.Words[3].Pos, syntax.General, strings.Join(sortedKeys(probe.RecordTypes), ", "), "the line is ignored", "unknown type %s of a record", quote(s.Arg(3)))
		return false
	}
	if err := probe.RecordName(p.Name); err != nil {
		l.complain(s.Words[2].Pos, syntax.General, "a name such as www.example.org", "the line is ignored", "%v", err)
		return false
	}
	return true
}

func readUnit(l *loader, d *scriptDraft, s *syntax.Statement) bool {
	name, err := probe.UnitName(s.Arg(1))
	if err != nil {
		l.complain(s.Words[1].Pos, syntax.General, "a unit such as haproxy.service", "the line is ignored", "%v", err)
		return false
	}
	d.Probe.Target = name
	return true
}

func readStatus(l *loader, d *scriptDraft, s *syntax.Statement) {
	if !l.need(s, 1, "CODE[-CODE]...") {
		return
	}
	for _, w := range s.Args() {
		first, last, isRange := strings.Cut(w.Text, "-")
		if !isRange {
			last = first
		}
		from, ok := parseNumber(first, 100, 599)
		to, good := parseNumber(last, 100, 599)
		if !ok || !good || from > to {
			l.complain(w.Pos, syntax.Number, "100-599, or a range such as 200-299", "it is ignored", "bad status %s", quote(w.Text))
			continue
		}
		d.Probe.Status = append(d.Probe.Status, probe.Span{From: int(from), To: int(to)})
	}
}

func showStatus(d *scriptDraft) string {
	var all []string
	for _, s := range d.Probe.Status {
		text := strconv.Itoa(s.From)
		if s.To != s.From {
			text = fmt.Sprintf("%d-%d", s.From, s.To)
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}
