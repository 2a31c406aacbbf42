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

// An addressReader is a line of an address block while it is read.
type addressReader struct {
	addressLine
	l      *loader
	static bool        // of static_ipaddress
	brd    syntax.Word // its argument; empty: it is not there
}

// address reads a line of an address block; what is wrong with an option
// drops it, or the whole address where keepalived does so.
func (l *loader) address(s *syntax.Statement, static bool) (addressLine, bool) {
	r := addressReader{addressLine: addressLine{at: s.Pos()}, l: l, static: static}
	var ok bool
	if r.Prefix, ok = l.prefix(s.Words[0], "the address is ignored"); !ok {
		return r.addressLine, false
	}
	for i := 1; i < len(s.Words); i++ {
		option, argument := s.Words[i], syntax.Word{}
		if wantsArgument[option.Text] {
			if i++; i == len(s.Words) {
				r.drop(option, option.Text+" with an argument", "%s lacks its argument", option.Text)
				return r.addressLine, false
			}
			argument = s.Words[i]
		}
		if !r.option(option, argument) {
			return r.addressLine, false
		}
	}
	r.finish(s.Words[0])
	return r.addressLine, true
}

// option reads one option, and reports whether there still is an address.
func (r *addressReader) option(option, argument syntax.Word) bool {
	v6 := r.Prefix.Addr().Is6()
	if flag := addressFlag(&r.Address, option.Text); flag != nil {
		*flag = true
		return true
	}
	switch option.Text {
	case "dev":
		if r.Interface != "" {
			return r.drop(argument, "one dev", "dev is given twice")
		}
		r.Interface = argument.Text
		return r.l.interfaceName(argument)
	case "scope":
		scope, ok := scopeNumber(argument.Text)
		switch {
		case !ok:
			r.ignore(argument, "global, site, link, host or a number", "unknown scope %s", quote(argument.Text))
		case v6:
			r.ignore(argument, "", "scope of an IPv6 address")
		default:
			r.Scope = scope
		}
	case "label":
		switch {
		case len(argument.Text) > maxName:
			return r.drop(argument, "at most 15 bytes", "label %s is too long", quote(argument.Text))
		case v6:
			r.ignore(argument, "", "label of an IPv6 address")
		default:
			r.Label = argument.Text
		}
	case "brd", "broadcast":
		if v6 {
			return r.drop(argument, "", "IPv6 has no broadcast address")
		}
		r.brd = argument
	case "peer":
		a, err := parseAddr(argument.Text)
		if err != nil || a.Is6() != v6 {
			r.l.complain(argument.Pos, syntax.General, "an address of the same family, without length", "the peer is ignored", "bad peer %s", quote(argument.Text))
			break
		}
		r.Peer = netip.PrefixFrom(a, a.BitLen())
	case "preferred_lft":
		n, ok := parseNumber(argument.Text, 0, 1<<32-1)
		switch {
		case argument.Text == "forever":
			r.Preferred, r.HasPreferred = 1<<32-1, true
		case ok:
			r.Preferred, r.HasPreferred = uint32(n), true
		default:
			r.l.complain(argument.Pos, syntax.Number, "seconds, or forever", "it is ignored", "bad preferred_lft %s", quote(argument.Text))
		}
	case "use_vmac":
		if r.static {
			r.ignore(option, "", "use_vmac of a static address")
			break
		}
		r.VMAC = true
	case "track_group":
		if !r.static {
			r.ignore(argument, "", "track_group is for static addresses")
			break
		}
		r.trackGroup = argument.Text
		r.l.trackGroup(argument)
	default:
		r.l.Add(syntax.Diagnostic{Pos: option.Pos, Severity: syntax.Warning, Class: syntax.General,
			Message: "unknown address option " + quote(option.Text), Expected: "one address a line, then options",
			Suggest: nearestOf(option.Text, addressOptions), Effect: "the word is ignored"})
	}
	return true
}

// addressFlag returns what an option without rules of its own sets, nil if it is
// none.
func addressFlag(a *netif.Address, option string) *bool {
	switch option {
	case "home":
		return &a.Home
	case "mngtmpaddr":
		return &a.ManageTemp
	case "noprefixroute":
		return &a.NoPrefixRoute
	case "autojoin":
		return &a.AutoJoin
	case "-nodad":
		return &a.DetectDuplicates
	case "no_track":
		return &a.NoTrack
	}
	return nil
}

// drop says why there is no address.
func (r *addressReader) drop(at syntax.Word, expected, format string, args ...any) bool {
	r.l.complain(at.Pos, syntax.General, expected, "the address is ignored", format, args...)
	return false
}

// ignore says why an option has no effect.
func (r *addressReader) ignore(at syntax.Word, expected, format string, args ...any) {
	r.l.complain(at.Pos, syntax.General, expected, "it is ignored", format, args...)
}

// finish settles what the words mean together; address is the first of them.
func (r *addressReader) finish(address syntax.Word) {
	p := r.Prefix
	switch {
	case !r.Peer.IsValid():
		if r.brd.Text != "" {
			r.Broadcast = r.l.broadcast(r.brd.Text, r.brd.Pos, p)
		}
		return
	case strings.Contains(address.Text, "/"):
		r.l.complain(address.Pos, syntax.General, "an address without length before a peer", "the length is ignored", "prefix length of an address with a peer")
	}
	if r.brd.Text != "" {
		r.l.complain(r.brd.Pos, syntax.General, "peer or brd", "brd is ignored", "brd of an address with a peer")
	}
	r.Prefix = netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
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

func scopeNumber(s string) (uint8, bool) {
	if n, ok := builtinNames["rt_scopes"][s]; ok {
		return uint8(n), true
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
