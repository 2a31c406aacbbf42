package cfgparse

import (
	"net/netip"
	"strings"
	"time"

	"regent/cfgparse/syntax"
	"regent/netif"
	"regent/vrrp"
)

// A draft is an instance that is being read. What the keywords say is kept
// apart from what follows of it, because most rules need the whole block and
// the globals: see finish.go.
type draft struct {
	Instance

	family     netif.Family // 0: not known yet
	familyFrom string       // the keyword that fixed it
	version    uint8        // 0: not said
	master     bool         // state MASTER
	priority   int          // 0: not said
	interval   time.Duration
	hold       bool // nopreempt
	delay      time.Duration
	down       int
	lower      *bool
	higher     *bool
	owner      *bool // owner_ignore_adverts
	strict     *bool
	message    *bool // v3_checksum_as_v2
	checksumRx checksumRx
	rfc        rfc // profile
	noAccept   bool
	badVRID    bool
	refused    bool // of the interface
	garp       announceWords

	authType  string
	ttl       int // unicast_ttl; -1: not said
	vips      []addressLine
	evips     []addressLine
	peers     []peerLine
	tracks    []trackLine
	group     *groupDraft
	unicast   syntax.Pos // the first keyword that is about unicast
	seen      map[addressKey]syntax.Pos
	named     map[netip.Addr]bool // peers
	routeText []string            // lines of Routes and Rules, as they were written
	ruleText  []string
}

type peerLine struct {
	vrrp.Peer
	at syntax.Pos
}

func instanceVocabulary() *Vocabulary {
	var rows []*Keyword
	for _, part := range [][]*Keyword{instanceRouter(), instanceNetwork(), instanceTracking(), instanceBehaviour(), instanceProtocol(),
		instanceAnnouncing(), instanceDevice(), instanceNotify()} {
		rows = append(rows, part...)
	}
	return vocabulary("vrrp_instance", rows...)
}

func instanceRouter() []*Keyword {
	return []*Keyword{
		key("state", A, custom("MASTER|BACKUP", setState, func(d *draft) string {
			if d.WantMaster {
				return "MASTER"
			}
			return "BACKUP"
		}), "BACKUP; MASTER at priority 255", "the state wanted at the start; only an owner really starts as MASTER"),
		key("interface", A, custom("IF", setInterface, func(d *draft) string { return d.Port.Interface }), "required", "where adverts leave and arrive"),
		key("virtual_router_id", A, custom("1-255", setVRID, func(d *draft) string { return showNumber(d.VRID) }), "required", "number of the virtual router on its link"),
		key("priority", A, custom("1-255", setPriority, func(d *draft) string { return showNumber(d.Router.Priority) }), "100; 255 with state MASTER", "who has the highest is master; 255 owns the addresses"),
		key("advert_int", A, custom("0.01-255 s", setInterval, func(d *draft) string { return inSeconds(d.Router.Interval) }), "1 s", "interval of adverts; version 2: whole seconds, version 3: at most 40.95"),
		key("version", A, custom("2|3", setVersion, func(d *draft) string { return showNumber(d.Router.Version) }), "vrrp_version; IPv6: 3", "version of the protocol"),
		key("native_ipv6", B, custom("", setNativeIPv6, nil), "", "an IPv6 router, even without addresses"),
		block("authentication", A, authVocabulary(), "password of version 2",
			func(_ *loader, d *draft, _ *syntax.Statement) *draft { return d }, nil),
		block("auth_hmac", C, hmacVocabulary(), "signed adverts of keepalived 2.4",
			func(_ *loader, d *draft, _ *syntax.Statement) *draft { return d }, closeHMAC),
	}
}

func instanceNetwork() []*Keyword {
	return []*Keyword{
		key("virtual_ipaddress", A, list(addressArgs, func(l *loader, d *draft, s *syntax.Statement) { l.virtualAddress(d, s, true) },
			func(d *draft) string { return showAddresses(d.Estate.Addresses[:len(d.Advertised)]) }), "required", "addresses of the virtual router, as its adverts list them"),
		key("virtual_ipaddress_excluded", A, list(addressArgs, func(l *loader, d *draft, s *syntax.Statement) { l.virtualAddress(d, s, false) },
			func(d *draft) string { return showAddresses(d.Estate.Addresses[len(d.Advertised):]) }), "", "further addresses, which adverts do not list"),
		key("virtual_routes", A, list(routeArgs, func(l *loader, d *draft, s *syntax.Statement) {
			if r, ok := l.route(s, false); ok {
				d.Routes = append(d.Routes, r)
				d.routeText = append(d.routeText, textOf(s))
			}
		}, func(d *draft) string { return strings.Join(d.routeText, ", ") }), "", "routes held while master"),
		key("virtual_rules", A, list(ruleArgs, func(l *loader, d *draft, s *syntax.Statement) {
			if r, ok := l.rule(s, false); ok {
				d.Rules = append(d.Rules, r)
				d.ruleText = append(d.ruleText, textOf(s))
			}
		}, func(d *draft) string { return strings.Join(d.ruleText, ", ") }), "", "policy rules held while master"),
		key("no_virtual_ipaddress", B, flag(func(d *draft) *bool { return &d.NoAddresses }), "", "an instance may have no addresses"),
		key("unicast_peer", A, unicastPeers(), "", "neighbours that get adverts in place of the multicast group"),
		key("unicast_src_ip", A, custom("ADDR", setUnicastSource, showSource), "address of the interface", "source of adverts"),
		key("mcast_src_ip", A, custom("ADDR", setSource, showSource), "address of the interface", "source of adverts"),
		key("unicast_ttl", A, custom("0-255", func(l *loader, d *draft, s *syntax.Statement) {
			d.touchUnicast(s)
			if n, ok := l.number(s, 1, 0, 255); ok {
				d.ttl = int(n)
			}
		}, func(d *draft) string { return showNumber(d.Port.TTL) }), "255", "TTL of unicast adverts"),
		key("unicast_fault_no_peer", B, flag(func(d *draft) *bool { return &d.FaultWithoutPeers }), "", "without peers: FAULT in place of multicast"),
		key("check_unicast_src", A, flag(func(d *draft) *bool { return &d.Profile.CheckUnicastSource }), "vrrp_check_unicast_src", "drop adverts of hosts that are no peers"),
		key("mcast_dst_ip", B, custom("ADDR", setDestination, func(d *draft) string { return showAddr(d.Port.Group) }), "the global group", "where adverts go"),
		key("old_unicast_checksum", B, custom("[never]", setOldChecksum, nil), "auto", "checksum of old keepalived in unicast"),
		key("v3_checksum_as_v2", B, showing(maybe(func(d *draft) **bool { return &d.message }), func(d *draft) string { return yesNo(d.ChecksumTx == ChecksumMessageOnly) }), "the global", "IPv4 checksum of version 3 without pseudo-header"),
	}
}

func setState(l *loader, d *draft, s *syntax.Statement) {
	if !l.need(s, 1, "MASTER|BACKUP") {
		return
	}
	switch s.Arg(1) {
	case "MASTER":
		d.master = true
	case "BACKUP":
		if d.master {
			l.complain(s.Words[1].Pos, syntax.General, "one state", "MASTER stands", "state BACKUP after state MASTER")
		}
	default:
		l.Add(syntax.Diagnostic{Pos: s.Words[1].Pos, Severity: syntax.Warning, Class: syntax.General,
			Message: "unknown state " + quote(s.Arg(1)), Expected: "MASTER or BACKUP, in capitals",
			Suggest: nearestOf(s.Arg(1), []string{"MASTER", "BACKUP"}), Effect: "BACKUP is used"})
		d.master = false
	}
}

func setInterface(l *loader, d *draft, s *syntax.Statement) {
	if !l.need(s, 1, "IF") {
		return
	}
	name := s.Arg(1)
	if name == "lo" {
		l.refuse(s.Words[1].Pos, syntax.General, "an interface that other routers are on", "cannot use a loopback interface for adverts")
		d.refused = true
		return
	}
	if !l.interfaceName(s.Words[1]) {
		d.refused = true
		return
	}
	d.Port.Interface = name
}

func setVRID(l *loader, d *draft, s *syntax.Statement) {
	if !l.need(s, 1, "1-255") {
		d.badVRID = true
		return
	}
	n, ok := parseNumber(s.Arg(1), 1, 255)
	if !ok {
		d.badVRID = true
		l.refuse(s.Words[1].Pos, syntax.Number, "a whole number, 1 to 255", "virtual_router_id %s is not valid", quote(s.Arg(1)))
		return
	}
	d.badVRID = false
	d.VRID = uint8(n)
}

func setPriority(l *loader, d *draft, s *syntax.Statement) {
	if !l.need(s, 1, "1-255") {
		return
	}
	n, ok := parseNumber(s.Arg(1), 1, 255)
	if !ok {
		l.complain(s.Words[1].Pos, syntax.Number, "a whole number, 1 to 255", "100 is used", "priority %s is not valid", quote(s.Arg(1)))
		n = int64(vrrp.DefaultPriority)
	}
	d.priority = int(n)
}

func setInterval(l *loader, d *draft, s *syntax.Statement) {
	if v, ok := l.duration(s, 1, 10*time.Millisecond, 255*time.Second, time.Second); ok {
		d.interval = v
	}
}

func setVersion(l *loader, d *draft, s *syntax.Statement) {
	n, ok := l.number(s, 1, 2, 3)
	switch {
	case !ok:
	case d.version != 0 && d.version != uint8(n):
		l.complain(s.Words[1].Pos, syntax.General, "one version", "version "+showNumber(d.version)+" stands", "version %d after version %d", n, d.version)
	case n == 2 && d.family == netif.IPv6:
		l.complain(s.Words[1].Pos, syntax.General, "version 3", "version 3 is used", "version 2 after IPv6 addresses")
		d.version = 3
	default:
		d.version = uint8(n)
	}
}

func setNativeIPv6(l *loader, d *draft, s *syntax.Statement) {
	if d.family == netif.IPv4 {
		l.complain(s.Pos(), syntax.General, "", "it is ignored", "native_ipv6 in an IPv4 instance (%s)", d.familyFrom)
		return
	}
	if d.version == 2 {
		l.complain(s.Pos(), syntax.General, "version 3", "version 3 is used", "native_ipv6 with version 2")
	}
	d.family, d.familyFrom, d.version = netif.IPv6, "native_ipv6", 3
}

// claim fixes the family of the instance by its first address, and reports
// whether an address is of that family.
func (l *loader) claim(d *draft, a netip.Addr, s *syntax.Statement, at syntax.Pos) bool {
	family := netif.FamilyOf(a)
	if d.family == 0 {
		d.family, d.familyFrom = family, s.Keyword()
		if d.Port.Source.IsValid() {
			d.familyFrom = "source address"
		}
		return true
	}
	if d.family == family {
		return true
	}
	l.complain(at, syntax.General, "an IPv"+showNumber(uint8(d.family))+" address, as before; others go into virtual_ipaddress_excluded",
		"the address is ignored", "address %s is not of the instance's family", a)
	return false
}

// touchUnicast remembers that the instance was meant for unicast.
func (d *draft) touchUnicast(s *syntax.Statement) {
	if !d.unicast.IsValid() {
		d.unicast = s.Pos()
	}
}

func setUnicastSource(l *loader, d *draft, s *syntax.Statement) {
	d.touchUnicast(s)
	setSource(l, d, s)
}

func setSource(l *loader, d *draft, s *syntax.Statement) {
	if !l.need(s, 1, "ADDR") {
		return
	}
	a, ok := l.plainAddress(s.Words[1], "the address of the interface is used")
	if ok && l.claim(d, a, s, s.Words[1].Pos) {
		d.Port.Source = a
	}
}

func setDestination(l *loader, d *draft, s *syntax.Statement) {
	if !l.need(s, 1, "ADDR") {
		return
	}
	a, ok := l.plainAddress(s.Words[1], "the global group is used")
	switch {
	case !ok:
	case !a.IsMulticast() || a.Is6() && !a.IsLinkLocalMulticast():
		l.complain(s.Words[1].Pos, syntax.General, "a multicast address; IPv6: of ff02::/16", "the global group is used", "bad group %s", a)
	case l.claim(d, a, s, s.Words[1].Pos):
		d.Port.Group = a
	}
}

func setOldChecksum(l *loader, d *draft, s *syntax.Statement) {
	switch s.Arg(1) {
	case "":
		d.OldUnicastChecksum = OldChecksumOnly
	case "never":
		d.OldUnicastChecksum = OldChecksumNever
	default:
		l.complain(s.Words[1].Pos, syntax.General, "never, or nothing", "the line is ignored", "bad word %s", quote(s.Arg(1)))
	}
}

// unicastPeers is lines of ADDR [min_ttl N] [max_ttl N].
func unicastPeers() value[draft] {
	v := list("ADDR [min_ttl 0-255] [max_ttl 0-255]", addPeer, func(d *draft) string {
		var out []string
		for _, p := range d.Profile.Peers {
			out = append(out, p.Addr.String())
		}
		return strings.Join(out, ", ")
	})
	v.set = func(_ *loader, d *draft, s *syntax.Statement) { d.touchUnicast(s) }
	return v
}

func addPeer(l *loader, d *draft, s *syntax.Statement) {
	a, ok := l.plainAddress(s.Words[0], "the peer is ignored")
	if !ok || !l.claim(d, a, s, s.Pos()) {
		return
	}
	if d.named[a] {
		l.complain(s.Pos(), syntax.General, "each peer once", "the second is ignored", "peer %s is given twice", a)
		return
	}
	if d.named == nil {
		d.named = map[netip.Addr]bool{}
	}
	d.named[a] = true
	p := vrrp.Peer{Addr: a}
	for i := 1; i < len(s.Words); i += 2 {
		field := map[string]*uint8{"min_ttl": &p.MinTTL, "max_ttl": &p.MaxTTL}[s.Arg(i)]
		if field == nil {
			l.complain(s.Words[i].Pos, syntax.General, "min_ttl N or max_ttl N", "the rest of the line is ignored", "unknown option %s of a peer", quote(s.Arg(i)))
			break
		}
		if n, ok := l.number(s, i+1, 0, 255); ok {
			*field = uint8(n)
			d.Profile.CheckUnicastSource = true
		}
	}
	d.peers = append(d.peers, peerLine{p, s.Pos()})
}

func showSource(d *draft) string { return showAddr(d.Port.Source) }

// textOf is a line as it was written, with single blanks.
func textOf(s *syntax.Statement) string {
	var out []string
	for _, w := range s.Words {
		out = append(out, w.Text)
	}
	return strings.Join(out, " ")
}

func openInstance(l *loader, c *Config, s *syntax.Statement) *draft {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	name := s.Arg(1)
	if first := l.instances[name]; first != nil {
		l.complain(s.Pos(), syntax.General, "each name once", "the whole block is ignored", "vrrp_instance %s is defined twice; the first is at %s", quote(name), first.At)
		return nil
	}
	d := &draft{ttl: -1, interval: time.Second}
	d.At, d.Name, d.TrackPrimary = s.Pos(), name, true
	l.instances[name] = d
	l.drafts = append(l.drafts, d)
	return d
}

// closeInstance checks what is known at the end of the block; the rest waits
// for the end of the file.
func closeInstance(l *loader, _ *Config, d *draft, _ *syntax.Statement) {
	if d.VMAC.Kind != netif.Parent && d.VMAC.Name != "" {
		l.devices[d.VMAC.Name] = true
	}
}
