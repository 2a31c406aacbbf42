package vrrp

// A Fault is why a packet was dropped: one for each rule of reception. It is
// an error, and the index of a counter; zero means that the packet is good.
// To pass one on as an error use Err, because an error that holds Accepted is
// not nil.
type Fault uint8

const (
	Accepted Fault = iota

	BadDestination      // neither the group nor, for a unicast router, the host itself
	BadHeader           // an IPv4 header that is none, or a fragment; found before Check
	TooShort
	BadTTL              // R-4, U-3
	BadVersion          // R-5, W-36
	BadType
	BadLength
	UnexpectedTrailer   // H-20: the length of a trailer, and no auth_hmac
	BadChecksum
	UnknownVRID
	OwnAddress
	UnknownPeer         // U-2
	OffLinkSource       // R-22, only when asked for
	TrailerMissing      // H-22
	TrailerMalformed    // H-23
	TrailerStale        // H-24
	TrailerUnknownKey   // H-25
	TrailerBadHMAC      // H-26
	TrailerReplayed     // H-27
	TrailerUnknownPeer  // H-29
	NoAddresses
	ZeroInterval
	UnknownAuthType
	WrongAuthType
	WrongPassword
	WrongInterval
	WrongAddresses
	LinkLocalNotFirst   // R-17, only when asked for
	OwnerHearsNoAdverts

	NumFaults
)

var faults = [NumFaults]struct {
	rule    string
	counter Counter
	text    string
}{
	Accepted:            {"", NoCounter, "accepted"},
	BadDestination:      {"R-1", DestinationErrors, "wrong destination address"},
	BadHeader:           {"R-2", DestinationErrors, "bad IP header"},
	TooShort:            {"R-3", ShortPackets, "shorter than 8 bytes"},
	BadTTL:              {"R-4", TTLErrors, "wrong TTL"},
	BadVersion:          {"R-5", VersionErrors, "wrong VRRP version"},
	BadType:             {"R-6", InvalidTypeReceived, "not an advertisement"},
	BadLength:           {"R-7", PacketLengthErrors, "wrong length"},
	UnexpectedTrailer:   {"H-20", PacketLengthErrors, "wrong length: an HMAC trailer that is not configured"},
	BadChecksum:         {"R-8", ChecksumErrors, "wrong checksum"},
	UnknownVRID:         {"R-9", VRIDErrors, "VRID not configured"},
	OwnAddress:          {"R-10", OwnAddressDrops, "sent from the own address: loop or duplicate"},
	UnknownPeer:         {"U-2", DestinationErrors, "source is no unicast peer"},
	OffLinkSource:       {"R-22", DestinationErrors, "source is not on the link"},
	TrailerMissing:      {"H-22", AuthExtMissing, "HMAC trailer missing"},
	TrailerMalformed:    {"H-23", AuthExtMalformed, "HMAC trailer malformed"},
	TrailerStale:        {"H-24", AuthExtStale, "HMAC trailer outside the time window"},
	TrailerUnknownKey:   {"H-25", AuthExtUnknownKey, "HMAC key id not configured"},
	TrailerBadHMAC:      {"H-26", AuthExtInvalidHMAC, "HMAC does not verify"},
	TrailerReplayed:     {"H-27", AuthExtReplay, "HMAC sequence replayed"},
	TrailerUnknownPeer:  {"H-29", AuthExtUnknownPeer, "HMAC from no unicast peer"},
	NoAddresses:         {"R-11", AddressListErrors, "no addresses"},
	ZeroInterval:        {"R-12", IntervalErrors, "interval 0"},
	UnknownAuthType:     {"R-13", InvalidAuthType, "unknown authentication type"},
	WrongAuthType:       {"R-13", AuthTypeMismatch, "other authentication type than configured"},
	WrongPassword:       {"R-13", AuthFailures, "wrong password"},
	WrongInterval:       {"R-14", IntervalErrors, "other interval than configured"},
	WrongAddresses:      {"R-15", AddressListErrors, "other addresses than configured"},
	LinkLocalNotFirst:   {"R-17", AddressListErrors, "first address is not link-local"},
	OwnerHearsNoAdverts: {"R-19", OwnerConflicts, "the local router owns the addresses"},
}

// Error says what is wrong, in a few words.
func (f Fault) Error() string { return faults[f].text }

// Rule returns the id of the rule that was broken: R-8.
func (f Fault) Rule() string { return faults[f].rule }

// Counter returns the one counter that the fault moves.
func (f Fault) Counter() Counter { return faults[f].counter }

// Err returns the fault as an error, and nil if there is none.
func (f Fault) Err() error {
	if f == Accepted {
		return nil
	}
	return f
}

// Warnings is the set of what is odd about a packet that was accepted.
type Warnings uint8

const (
	OtherList     Warnings = 1 << iota // the addresses are not the configured ones
	NoLinkLocal                        // the first address of an IPv6 advert is not link-local
	OtherInterval
	OwnerHeard                         // a router of priority 255 hears another master
	ClockSkew                          // H-30: the sender's clock is half a window away
)

var warnings = [...]struct {
	rule, text string
	counter    Counter
}{
	{"R-16", "other addresses than configured", AddressListErrors},
	{"R-17", "first address is not link-local", AddressListErrors},
	{"R-18", "other interval than configured", IntervalErrors},
	{"R-19", "the local router owns the addresses", OwnerConflicts},
	{"H-30", "the sender's clock differs", NoCounter},
}

// All yields each warning of the set, as a set of one.
func (w Warnings) All(yield func(Warnings) bool) {
	for i := range warnings {
		if one := Warnings(1 << i); w&one != 0 && !yield(one) {
			return
		}
	}
}

// index returns where the first warning of the set stands in the table.
func (w Warnings) index() int {
	for i := range warnings {
		if w&(1<<i) != 0 {
			return i
		}
	}
	return -1
}

// String says what is odd; of a set, everything.
func (w Warnings) String() string {
	text := ""
	for one := range w.All {
		if text != "" {
			text += "; "
		}
		text += warnings[one.index()].text
	}
	return text
}

// Rule returns the id of the rule behind the first warning of the set.
func (w Warnings) Rule() string {
	if i := w.index(); i >= 0 {
		return warnings[i].rule
	}
	return ""
}

// Counter returns the counter of the first warning of the set. Two warnings
// share one, which a packet moves once: see Counters.Accept.
func (w Warnings) Counter() Counter {
	if i := w.index(); i >= 0 {
		return warnings[i].counter
	}
	return NoCounter
}
