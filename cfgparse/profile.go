package cfgparse

import (
	"regent/cfgparse/syntax"
	"regent/netif"
	"regent/vrrp"
)

// An rfc is whose letter an instance holds to (profile).
type rfc uint8

const (
	noRFC rfc = iota
	rfc9568
	rfc5798
	rfc3768
)

var rfcNames = map[string]rfc{"default": noRFC, "strict-9568": rfc9568, "strict-5798": rfc5798, "strict-3768": rfc3768}

// A profile is what holds where an instance says nothing, whatever global_defs
// says. What the RFCs leave to whoever configures a router is not in here; nor
// are the checks that protect it, which hold always.
type profile struct {
	version        uint8
	checksumTx     ChecksumTx // V-12
	checksumRx     checksumRx
	silentToLower  bool // a lesser master is discarded without an answer: V-13, S-39
	ownerIgnores   bool // an owner discards adverts: V-8, V-14
	dropOtherLists bool // V-9
	linkLocalFirst bool
}

var profiles = map[rfc]profile{
	rfc9568: {version: vrrp.V3, checksumTx: ChecksumMessageOnly, checksumRx: messageOnly, linkLocalFirst: true},
	rfc5798: {version: vrrp.V3, silentToLower: true, ownerIgnores: true},
	rfc3768: {version: vrrp.V2, silentToLower: true, ownerIgnores: true, dropOtherLists: true},
}

// finishProfile settles the version by the profile, which is ignored where an
// instance has the other one.
func (l *loader) finishProfile(d *draft) {
	p, strict := profiles[d.rfc]
	switch {
	case !strict:
	case p.version == vrrp.V2 && d.family == netif.IPv6:
		l.complain(d.line("profile"), syntax.General, "strict-9568 or strict-5798", "the profile is ignored", "this profile is about IPv4")
		d.rfc = noRFC
	case d.version != 0 && d.version != p.version:
		l.complain(d.line("profile"), syntax.General, "a profile of version "+showNumber(d.version), "the profile is ignored", "this profile is about version %d", p.version)
		d.rfc = noRFC
	default:
		d.version = p.version
	}
}

// applyProfile gives what the instance does not say the value of the profile.
// No RFC knows another number of adverts to miss (S-50), a last word before
// yielding (S-33), or traffic to the addresses that is accepted by default
// (S-5, V-7).
func (l *loader) applyProfile(d *draft) {
	p, strict := profiles[d.rfc]
	if !strict {
		return
	}
	no := false
	otherwise(&d.lower, &p.silentToLower)
	otherwise(&d.higher, &no)
	otherwise(&d.owner, &p.ownerIgnores)
	if d.down == 0 {
		d.down = 3
	}
	if !d.said("accept") {
		d.noAccept = true
	}
	if !d.said("checksum_tx") && d.message == nil {
		message := p.checksumTx == ChecksumMessageOnly
		d.message = &message
	}
	if !d.said("checksum_rx") {
		d.checksumRx = p.checksumRx
	}
	if !d.said("v2_address_list") {
		d.Profile.AnyAddressList = !p.dropOtherLists
	}
	if !d.said("ipv6_require_link_local_first") {
		d.Profile.RequireLinkLocalFirst = p.linkLocalFirst && d.family == netif.IPv6
	}
}

// otherwise fills in what was not said.
func otherwise[T any](field **T, value *T) {
	if *field == nil {
		*field = value
	}
}
