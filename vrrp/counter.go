package vrrp

// A Counter is one of the counters of RFC 6527 and RFC 8347, and of ours, that
// a received packet may move: an index into Counters.
type Counter uint8

const (
	NoCounter Counter = iota

	ChecksumErrors        // M-1
	VersionErrors         // M-2
	VRIDErrors            // M-3
	IntervalErrors        // M-7
	TTLErrors             // M-8
	InvalidTypeReceived   // M-11
	AddressListErrors     // M-12
	PacketLengthErrors    // M-13
	ChecksumRxPseudo      // M-30
	ChecksumRxMessageOnly // M-31
	ShortPackets          // M-32
	DestinationErrors     // M-33
	OwnAddressDrops       // M-34
	OwnerConflicts        // M-38
	InvalidAuthType       // M-40
	AuthTypeMismatch      // M-41
	AuthFailures          // M-42
	AuthExtMissing        // M-50
	AuthExtMalformed      // M-51
	AuthExtUnknownKey     // M-52
	AuthExtInvalidHMAC    // M-53
	AuthExtStale          // M-54
	AuthExtReplay         // M-55
	AuthExtUnknownPeer    // M-56

	NumCounters
)

// counters holds what each Counter is called, and of what it is counted: of a
// link, of a virtual router, or of both.
var counters = [NumCounters]struct {
	name, rule   string
	link, router bool
}{
	ChecksumErrors:        {"checksum_errors", "M-1", true, false},
	VersionErrors:         {"version_errors", "M-2", true, false},
	VRIDErrors:            {"vrid_errors", "M-3", true, false},
	IntervalErrors:        {"interval_errors", "M-7", false, true},
	TTLErrors:             {"ip_ttl_errors", "M-8", true, true},
	InvalidTypeReceived:   {"invalid_type_rcvd", "M-11", false, true},
	AddressListErrors:     {"address_list_errors", "M-12", false, true},
	PacketLengthErrors:    {"packet_length_errors", "M-13", false, true},
	ChecksumRxPseudo:      {"checksum_rx_pseudo", "M-30", false, true},
	ChecksumRxMessageOnly: {"checksum_rx_message_only", "M-31", false, true},
	ShortPackets:          {"short_packets", "M-32", true, false},
	DestinationErrors:     {"destination_errors", "M-33", true, false},
	OwnAddressDrops:       {"own_address_drops", "M-34", false, true},
	OwnerConflicts:        {"owner_conflicts", "M-38", false, true},
	InvalidAuthType:       {"invalid_auth_type", "M-40", false, true},
	AuthTypeMismatch:      {"auth_type_mismatch", "M-41", false, true},
	AuthFailures:          {"auth_failures", "M-42", false, true},
	AuthExtMissing:        {"auth_ext_missing", "M-50", false, true},
	AuthExtMalformed:      {"auth_ext_malformed", "M-51", false, true},
	AuthExtUnknownKey:     {"auth_ext_unknown_key", "M-52", false, true},
	AuthExtInvalidHMAC:    {"auth_ext_invalid_hmac", "M-53", false, true},
	AuthExtStale:          {"auth_ext_stale", "M-54", false, true},
	AuthExtReplay:         {"auth_ext_replay", "M-55", false, true},
	AuthExtUnknownPeer:    {"auth_ext_unknown_peer", "M-56", false, true},
}

// String returns the counter's name in the metrics: checksum_errors.
func (c Counter) String() string { return counters[c].name }

// Rule returns the counter's id in the specification: M-1.
func (c Counter) Rule() string { return counters[c].rule }

// OfLink reports that the counter is kept for a link.
func (c Counter) OfLink() bool { return counters[c].link }

// OfRouter reports that the counter is kept for a virtual router; when the
// VRID is unknown, its link counts for it.
func (c Counter) OfRouter() bool { return counters[c].router }

// Counters are the counts of one link, or of one virtual router.
type Counters [NumCounters]uint64

// Drop counts a packet that was dropped.
func (c *Counters) Drop(f Fault) { c[f.Counter()]++ }

// Accept counts what there is to say of a packet that was accepted: its
// warnings, and the form of its checksum (W-46).
func (c *Counters) Accept(a *Advert, e Envelope, w Warnings) {
	if a.Version == V3 && !e.v6() {
		if a.Checksum == MessageOnly {
			c[ChecksumRxMessageOnly]++
		} else {
			c[ChecksumRxPseudo]++
		}
	}
	if w&(OtherList|NoLinkLocal) != 0 { // once for a packet, R-17
		c[AddressListErrors]++
	}
	if w&OtherInterval != 0 {
		c[IntervalErrors]++
	}
	if w&OwnerHeard != 0 {
		c[OwnerConflicts]++
	}
}
