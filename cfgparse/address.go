package cfgparse

import (
	"net/netip"
	"strconv"
	"strings"

	"regent/cfgparse/syntax"
	"regent/netif"
)

const addressArgs = "ADDR[/LEN] [dev IF] [scope SCOPE] [label NAME] [brd ADDR|+|-] [peer ADDR] [home] [mngtmpaddr] [noprefixroute] [autojoin] [-nodad] [preferred_lft N|forever] [no_track] [use_vmac]"

// An addressLine is one line of an address block.
type addressLine struct {
	netif.Address
	at         syntax.Pos
	trackGroup string
}

// maxName is what the kernel takes as the name of an interface or a label.
const maxName = 15

// interfaceName judges the name of an interface: whether it can be one, and
// if the machine is known, whether there is one.
func (l *loader) interfaceName(w syntax.Word) bool {
	if !l.interfaceNameOnly(w) {
		return false
	}
	if l.env.Interface == nil || l.cfg.Global.DynamicInterfaces || l.env.Interface(w.Text) || l.devices[w.Text] {
		return true
	}
	l.Add(syntax.Diagnostic{Pos: w.Pos, Severity: syntax.Warning, Class: syntax.BadInterface,
		Message: "there is no interface " + quote(w.Text), Effect: "regent waits for it; keepalived would not run without dynamic_interfaces"})
	return true
}

// interfaceNameOnly judges the text of a name.
func (l *loader) interfaceNameOnly(w syntax.Word) bool {
	switch {
	case strings.Contains(w.Text, "$"):
		l.refuse(w.Pos, syntax.BadInterface, "a definition of the name before this line", "%s is not defined, so it names no interface", quote(w.Text))
	case w.Text == "" || len(w.Text) > maxName || strings.ContainsAny(w.Text, "/ \t") || w.Text == "." || w.Text == "..":
		l.refuse(w.Pos, syntax.BadInterface, "1 to 15 bytes without slashes and blanks", "%s cannot be the name of an interface", quote(w.Text))
	default:
		return true
	}
	return false
}

// plainAddress reads an address without prefix; what follows a - or / is cut
// off, as in keepalived.
func (l *loader) plainAddress(w syntax.Word, effect string) (netip.Addr, bool) {
	text := w.Text
	if i := strings.IndexAny(text, "-/"); i >= 0 {
		text = text[:i]
	}
	a, err := parseAddr(text)
	if err != nil {
		l.complain(w.Pos, syntax.General, "an IPv4 or IPv6 address", effect, "%s is not an address", quote(w.Text))
		return a, false
	}
	return a, true
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err == nil && a.Zone() != "" {
		return a, strconv.ErrSyntax
	}
	return a, err
}

// prefix reads ADDR[/LEN]. A bad length is that of a host.
func (l *loader) prefix(w syntax.Word, effect string) (netip.Prefix, bool) {
	text, length, slash := strings.Cut(w.Text, "/")
	a, err := parseAddr(text)
	if err != nil {
		l.complain(w.Pos, syntax.General, "ADDR[/LEN]", effect, "%s is not an address", quote(w.Text))
		return netip.Prefix{}, false
	}
	bits := a.BitLen()
	if slash {
		n, ok := parseNumber(length, 0, int64(bits))
		if ok {
			bits = int(n)
		} else {
			l.complain(w.Pos, syntax.Number, "a length of "+span(0, int64(bits)), "/"+strconv.Itoa(bits)+" is used", "bad prefix length in %s", quote(w.Text))
		}
	}
	return netip.PrefixFrom(a, bits), true
}

// address reads a line of an address block; what is wrong with an option
// drops it, or the whole address where keepalived does so.
func (l *loader) address(s *syntax.Statement, static bool) (addressLine, bool) {
	line := addressLine{at: s.Pos()}
	p, ok := l.prefix(s.Words[0], "the address is ignored")
	if !ok {
		return line, false
	}
	line.Prefix = p
	broadcast := ""
	var broadcastAt syntax.Pos
	drop := func(i int, expected, format string, args ...any) (addressLine, bool) {
		l.complain(s.Words[min(i, len(s.Words)-1)].Pos, syntax.General, expected, "the address is ignored", format, args...)
		return line, false
	}
	for i := 1; i < len(s.Words); i++ {
		option := s.Arg(i)
		if wantsArgument[option] && i+1 >= len(s.Words) {
			return drop(i, option+" with an argument", "%s lacks its argument", option)
		}
		switch option {
		case "dev":
			i++
			if line.Interface != "" {
				return drop(i, "one dev", "dev is given twice")
			}
			if !l.interfaceName(s.Words[i]) {
				return line, false
			}
			line.Interface = s.Arg(i)
		case "scope":
			i++
			scope, ok := scopeNumber(s.Arg(i))
			switch {
			case !ok:
				l.complain(s.Words[i].Pos, syntax.General, "global, site, link, host or a number", "it is ignored", "unknown scope %s", quote(s.Arg(i)))
			case p.Addr().Is6():
				l.complain(s.Words[i].Pos, syntax.General, "", "it is ignored", "scope of an IPv6 address")
			default:
				line.Scope = scope
			}
		case "label":
			i++
			switch {
			case len(s.Arg(i)) > maxName:
				return drop(i, "at most 15 bytes", "label %s is too long", quote(s.Arg(i)))
			case p.Addr().Is6():
				l.complain(s.Words[i].Pos, syntax.General, "", "it is ignored", "label of an IPv6 address")
			default:
				line.Label = s.Arg(i)
			}
		case "brd", "broadcast":
			i++
			if p.Addr().Is6() {
				return drop(i, "", "IPv6 has no broadcast address")
			}
			broadcast, broadcastAt = s.Arg(i), s.Words[i].Pos
		case "peer":
			i++
			a, err := parseAddr(s.Arg(i))
			if err != nil || a.Is4() != p.Addr().Is4() {
				l.complain(s.Words[i].Pos, syntax.General, "an address of the same family, without length", "the peer is ignored", "bad peer %s", quote(s.Arg(i)))
				break
			}
			line.Peer = netip.PrefixFrom(a, a.BitLen())
		case "preferred_lft":
			i++
			if s.Arg(i) == "forever" {
				line.Preferred, line.HasPreferred = 1<<32-1, true
			} else if n, ok := parseNumber(s.Arg(i), 0, 1<<32-1); ok {
				line.Preferred, line.HasPreferred = uint32(n), true
			} else {
				l.complain(s.Words[i].Pos, syntax.Number, "seconds, or forever", "it is ignored", "bad preferred_lft %s", quote(s.Arg(i)))
			}
		case "home":
			line.Home = true
		case "mngtmpaddr":
			line.ManageTemp = true
		case "noprefixroute":
			line.NoPrefixRoute = true
		case "autojoin":
			line.AutoJoin = true
		case "-nodad":
			line.DetectDuplicates = true
		case "no_track":
			line.NoTrack = true
		case "use_vmac":
			if static {
				l.complain(s.Words[i].Pos, syntax.General, "", "it is ignored", "use_vmac of a static address")
				continue
			}
			line.VMAC = true
		case "track_group":
			i++
			if !static {
				l.complain(s.Words[i].Pos, syntax.General, "", "it is ignored", "track_group is for static addresses")
				continue
			}
			line.trackGroup = s.Arg(i)
			l.trackGroup(s.Words[i])
		default:
			l.Add(syntax.Diagnostic{Pos: s.Words[i].Pos, Severity: syntax.Warning, Class: syntax.General,
				Message: "unknown address option " + quote(option), Expected: "one address a line, then options",
				Suggest: nearestOf(option, addressOptions), Effect: "the word is ignored"})
		}
	}
	if line.Peer.IsValid() {
		if strings.Contains(s.Words[0].Text, "/") {
			l.complain(s.Pos(), syntax.General, "an address without length before a peer", "the length is ignored", "prefix length of an address with a peer")
		}
		if broadcast != "" {
			l.complain(broadcastAt, syntax.General, "peer or brd", "brd is ignored", "brd of an address with a peer")
		}
		line.Prefix = netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
		return line, true
	}
	if broadcast != "" {
		line.Broadcast = l.broadcast(broadcast, broadcastAt, p)
	}
	return line, true
}

var wantsArgument = map[string]bool{
	"dev": true, "scope": true, "label": true, "brd": true, "broadcast": true, "peer": true, "preferred_lft": true, "track_group": true,
}

var addressOptions = []string{"dev", "scope", "label", "brd", "broadcast", "peer", "preferred_lft", "home", "mngtmpaddr",
	"noprefixroute", "autojoin", "-nodad", "no_track", "use_vmac", "track_group"}

// broadcast is an address, + for all host bits set, or - for none.
func (l *loader) broadcast(text string, at syntax.Pos, p netip.Prefix) netip.Addr {
	if text == "+" || text == "-" {
		if p.Bits() > 30 {
			l.complain(at, syntax.General, "a prefix of /30 or shorter", "there is no broadcast address", "brd %s of a /%d", text, p.Bits())
			return netip.Addr{}
		}
		b := p.Masked().Addr().As4()
		if text == "+" {
			for i := p.Bits(); i < 32; i++ {
				b[i/8] |= 0x80 >> (i % 8)
			}
		}
		return netip.AddrFrom4(b)
	}
	a, err := parseAddr(text)
	if err != nil || !a.Is4() {
		l.complain(at, syntax.General, "an IPv4 address, + or -", "there is no broadcast address", "bad broadcast address %s", quote(text))
		return netip.Addr{}
	}
	return a
}

var scopes = map[string]uint8{"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}

func scopeNumber(s string) (uint8, bool) {
	if n, ok := scopes[s]; ok {
		return n, true
	}
	n, err := strconv.ParseUint(s, 0, 8)
	return uint8(n), err == nil
}

// virtualAddress adds a line of virtual_ipaddress, or of the excluded ones.
func (l *loader) virtualAddress(d *draft, s *syntax.Statement, advertised bool) {
	line, ok := l.address(s, false)
	if !ok {
		return
	}
	if advertised && !l.claim(d, line.Prefix.Addr(), s, s.Pos()) {
		return
	}
	key := addressKey{line.Prefix.Addr(), line.Interface}
	if advertised {
		key.dev = "" // an address is advertised once, whatever its link
	}
	if first, twice := d.seen[key]; twice && advertised {
		l.complain(s.Pos(), syntax.General, "each address once", "the second is ignored; keepalived before 2.3.3 advertises it twice",
			"address %s is listed twice; the first is at %s:%d", line.Prefix.Addr(), first.File, first.Line)
		return
	}
	if d.seen == nil {
		d.seen = map[addressKey]syntax.Pos{}
	}
	d.seen[key] = s.Pos()
	if advertised {
		d.vips = append(d.vips, line)
	} else {
		d.evips = append(d.evips, line)
	}
}

type addressKey struct {
	addr netip.Addr
	dev  string
}

func showAddresses(addresses []netif.Address) string {
	var out []string
	for _, a := range addresses {
		s := a.Prefix.String()
		if a.Interface != "" {
			s += " dev " + a.Interface
		}
		if a.VMAC {
			s += " use_vmac"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}
