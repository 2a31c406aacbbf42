package cfgparse

import (
	"time"

	"regent/cfgparse/syntax"
	"regent/netif"
	"regent/vrrp"
)

// checksumRx is which forms of the checksum of version 3 over IPv4 count as
// right (W-46).
type checksumRx uint8

const (
	anyChecksum checksumRx = iota
	pseudoOnly
	messageOnly
)

// instanceProtocol are keywords for finer points of the protocol that
// keepalived decides for its users.
func instanceProtocol() []*Keyword {
	return []*Keyword{
		key("profile", R, choice(rfcNames, func(d *draft) *rfc { return &d.rfc }), "default", "hold to the letter of one RFC where the instance says nothing else"),
		key("checksum_tx", R, choice(map[string]ChecksumTx{"auto": ChecksumAuto, "pseudo": ChecksumPseudo, "message-only": ChecksumMessageOnly},
			func(d *draft) *ChecksumTx { return &d.ChecksumTx }), "auto; message-only with v3_checksum_as_v2", "IPv4 checksum of version 3 on adverts sent: as the neighbours do, or with or without pseudo-header"),
		key("checksum_rx", R, choice(map[string]checksumRx{"both": anyChecksum, "pseudo": pseudoOnly, "message-only": messageOnly},
			func(d *draft) *checksumRx { return &d.checksumRx }), "both", "IPv4 checksums of version 3 that are right on adverts received"),
		key("interop_v2v3", R, boolean(func(d *draft) *bool { return &d.Router.BothVersions }), "no", "version 3 over IPv4: understand version 2 as well, and as master speak both; for migrations"),
		key("v2_address_list", R, choice(map[string]bool{"warn": true, "drop": false},
			func(d *draft) *bool { return &d.Profile.AnyAddressList }), "warn", "version 2: what becomes of adverts with other addresses"),
		key("ipv6_require_link_local_first", R, boolean(func(d *draft) *bool { return &d.Profile.RequireLinkLocalFirst }), "no", "drop IPv6 adverts whose first address is not link-local"),
		key("source_check", R, choice(map[string]bool{"off": false, "on-link": true},
			func(d *draft) *bool { return &d.Profile.RequireOnLink }), "off", "on-link: drop adverts from outside the networks of the interface; IPv6: not link-local"),
		key("resign_no_extend", R, boolean(func(d *draft) *bool { return &d.Router.ResignNoExtend }), "no", "a resignation brings the takeover nearer, and never puts it off"),
		key("min_learned_interval", R, showing(seconds(vrrp.MinIntervalV3, vrrp.MaxIntervalV3, func(d *draft) *time.Duration { return &d.Router.MinLearned }),
			func(d *draft) string { return inSeconds(max(d.Router.MinLearned, vrrp.MinIntervalV3)) }), "0.01 s", "version 3: the shortest interval of a master that a backup goes by"),
	}
}

// finishProtocol settles the checksums, and says which words mean nothing here.
func (l *loader) finishProtocol(d *draft) {
	if !d.said("v2_address_list") && d.rfc == noRFC {
		d.Profile.AnyAddressList = true // since 2.3.3 another list is no reason to drop
	}
	message := pick(d.message, l.cfg.Global.Defaults.V3ChecksumAsV2)
	switch {
	case !d.said("checksum_tx"):
		if message {
			d.ChecksumTx = ChecksumMessageOnly
		}
	case d.message != nil && *d.message != (d.ChecksumTx == ChecksumMessageOnly):
		l.complain(d.line("v3_checksum_as_v2"), syntax.General, "one of the two", "checksum_tx goes before", "v3_checksum_as_v2 and checksum_tx contradict each other")
	}
	d.Profile.AcceptPseudoOnly, d.Profile.AcceptMessageOnly = d.checksumRx == pseudoOnly, d.checksumRx == messageOnly

	v3, v6 := d.version == vrrp.V3, d.family == netif.IPv6
	if d.Router.BothVersions && len(d.Auth.Keys) > 0 {
		l.complain(d.line("interop_v2v3"), syntax.General, "one of the two", "it is ignored", "interop_v2v3 does not go with auth_hmac")
		d.Router.BothVersions = false
	}
	d.Router.BothVersions = d.Router.BothVersions && v3 && !v6
	d.Profile.BothVersions = d.Router.BothVersions

	for _, word := range []struct {
		name, needs string
		fits        bool
	}{
		{"checksum_tx", "version 3 over IPv4", v3 && !v6},
		{"checksum_rx", "version 3 over IPv4", v3 && !v6},
		{"interop_v2v3", "version 3 over IPv4", v3 && !v6},
		{"v2_address_list", "version 2", !v3 || d.Router.BothVersions},
		{"ipv6_require_link_local_first", "IPv6 addresses", v6},
		{"min_learned_interval", "version 3", v3},
	} {
		if d.said(word.name) && !word.fits {
			l.complain(d.line(word.name), syntax.Advice, word.needs, "it changes nothing", "%s is about %s", word.name, word.needs)
		}
	}
}
