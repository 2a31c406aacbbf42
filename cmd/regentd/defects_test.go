package main_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"regent/cmd/internal/lab"
)

// A defect is what is wrong with a frame that would make a master yield, and
// the rule that it breaks. Nobody is told of what the kernel keeps to itself.
type defect struct {
	rule  string
	spoil func(*forgery)
}

// A forgery is a frame in the making: an advert of a better master, and what
// has been done to it.
type forgery struct {
	speaker
	ether    []byte // Ethernet header
	ip       []byte // IP header
	message  []byte
	unsummed bool   // the checksum stays as it is
	padding  []byte // of the frame, behind the end of the packet
}

// forge makes a frame with a defect, all of whose checksums are right.
func (w speaker) forge(from *lab.Host, src netip.Addr, priority byte, spoil func(*forgery)) []byte {
	whole := w.frame(from.MAC("eth0"), src, priority, make([]byte, 128))
	head := 34
	if w.v6() {
		head = 54
	}
	f := &forgery{speaker: w, ether: whole[:14:14], ip: whole[14:head:head], message: whole[head:]}
	if spoil != nil {
		spoil(f)
	}
	length := uint16(len(f.message))
	if w.v6() {
		binary.BigEndian.PutUint16(f.ip[4:], length)
	} else {
		f.ip[0] = 0x40 | byte(len(f.ip)/4)
		binary.BigEndian.PutUint16(f.ip[2:], uint16(len(f.ip))+length)
		f.ip[10], f.ip[11] = 0, 0
		binary.BigEndian.PutUint16(f.ip[10:], onesComplement(f.ip))
	}
	if !f.unsummed && len(f.message) >= 8 {
		f.message[6], f.message[7] = 0, 0
		binary.BigEndian.PutUint16(f.message[6:], onesComplement(f.pseudo(), f.message))
	}
	return slices.Concat(f.ether, f.ip, f.message, f.padding)
}

// pseudo is the pseudo-header, if the checksum covers one.
func (f *forgery) pseudo() []byte {
	switch {
	case f.version == 2:
		return nil
	case f.v6():
		return slices.Concat(f.ip[8:40], []byte{0, 0, 0, byte(len(f.message)), 0, 0, 0, 112})
	}
	return slices.Concat(f.ip[12:20], []byte{0, 112, 0, byte(len(f.message))})
}

// set overwrites a byte of the message.
func set(at int, b byte) func(*forgery) {
	return func(f *forgery) { f.message[at] = b }
}

// to sends the packet to an address of the router instead of to the group.
func to(router *lab.Host, addr string) func(*forgery) {
	return func(f *forgery) {
		copy(f.ether, router.MAC("eth0"))
		a := netip.MustParseAddr(addr).AsSlice()
		copy(f.ip[len(f.ip)-len(a):], a)
	}
}

func defectsOfAll(router *lab.Host, own netip.Addr, w speaker) []defect {
	address, ttl := "192.0.2.1", 8
	if w.v6() {
		address, ttl = "2001:db8::1", 7
	}
	return []defect{
		{"R-1", to(router, address)},
		{"R-3", func(f *forgery) { f.message, f.padding = f.message[:7:7], f.message[7:] }},
		{"R-4", func(f *forgery) { f.ip[ttl] = 254 }},
		{"R-5", set(0, 0x41)},
		{"R-5", set(0, (5-w.version)<<4|1)},
		{"R-6", set(0, w.version<<4|7)},
		{"R-7", func(f *forgery) { f.message[3]++ }},
		{"R-7", func(f *forgery) { f.message = append(f.message, 0, 0, 0, 0) }},
		{"R-8", func(f *forgery) { f.message[6] ^= 1; f.unsummed = true }},
		{"R-9", set(1, 99)},
		{"R-11", func(f *forgery) {
			f.message[3] = 0
			f.message = slices.Concat(f.message[:8], f.message[len(f.message)-(3-int(w.version))*8:])
		}},
		{"R-10", func(f *forgery) { // of IPv4 the kernel takes nothing that claims to be from itself (O-10)
			n := len(own.AsSlice())
			copy(f.ip[len(f.ip)-2*n:], own.AsSlice())
		}},
	}
}

var defectsOfV3 = []defect{
	{"R-12", func(f *forgery) { f.message[4], f.message[5] = 0, 0 }},
}

var defectsOfV2 = []defect{
	{"R-13", set(4, 2)},
	{"R-13", set(4, 0)},
	{"R-13", func(f *forgery) { f.message[len(f.message)-1] ^= 1 }},
	{"R-14", set(5, 2)},
	{"R-15", func(f *forgery) { f.message[11]++ }},
}

// fragment is the first part of a packet whose second never comes.
var fragment = defect{"", func(f *forgery) { f.ip[6] = 0x20 }}

// T-9, Q-16: adverts of a better master, each with one defect, sent without
// end, keep no backup from becoming master, no master from advertising, and
// take nobody's place. Each is told of by the rule that it breaks:
//
//
// and O-10: some are the kernel's to drop.
//
// L-2: a wrong password, with much right in it, is not shown.
//
// In the end one without a defect shows that the others were otherwise good.
// Before that, ones of a lesser master are warned of and believed,
// IPv4 options are nothing to warn of.
func TestEveryDefect(t *testing.T) {
	t.Parallel()
	for _, w := range []speaker{
		{name: "v3-IPv4", version: 3, priority: 100, interval: "0.2", field: 20, addresses: list4},
		{name: "v3-IPv6", version: 3, priority: 100, interval: "0.2", field: 20, addresses: list6},
		{name: "v2", version: 2, priority: 100, interval: "1", field: 1, addresses: list4, password: "s3cr3t",
			conf: "v2_address_list drop\n authentication {\n auth_type PASS\n auth_pass s3cr3t\n }"},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.host("router", "192.0.2.1/24", "2001:db8::1/64")
			villain := s.host("villain", "192.0.2.9/24", "2001:db8::9/64")
			own, src := w.source(s, h), netip.MustParseAddr("192.0.2.9")
			if w.v6() {
				src = w.source(s, villain)
			}
			defects := defectsOfAll(h, own, w)
			if w.version == 3 {
				defects = append(defects, defectsOfV3...)
			} else {
				defects = append(defects, defectsOfV2...)
			}
			if !w.v6() {
				defects = append(defects, fragment)
			}
			var frames [][]byte
			for _, d := range defects {
				frames = append(frames, w.forge(villain, src, 200, d.spoil))
			}
			pester := func() { s.must(villain.Inject("eth0", frames...)) }

			p := s.start(regentd, h, "global_defs {\n log_unknown_vrids\n}\n"+w.configuration())
			ours := func() (n int) {
				for _, a := range s.wire.Adverts() {
					if a.MAC.String() == h.MAC("eth0").String() {
						n++
					}
				}
				return n
			}
			s.until("it is master all the same", func() bool { pester(); return p.Said("Entering MASTER STATE") })
			begun := ours()
			s.until("it advertises all the same", func() bool { pester(); return ours() >= begun+4 })
			for _, d := range defects {
				switch {
				case d.rule != "" && !(d.rule == "R-10" && !w.v6()):
					s.until("it tells of "+d.rule, func() bool { return p.Said("rule=" + d.rule + " ") })
				case p.Said("rule=" + d.rule + " "):
					t.Errorf("it has told of %q", d.rule)
				}
			}
			if p.Said("was=MASTER") {
				t.Errorf("it is not master any more")
			}

			if w.version == 3 {
				lesser := [][]byte{
					w.forge(villain, src, 50, set(5, 99)),
					w.forge(villain, src, 50, func(f *forgery) { f.message[len(f.message)-1]++ }),
					w.forge(villain, src, 50, set(8, 0x20))}
				for _, rule := range []string{"R-16", "R-17", "R-18"} {
					if rule != "R-17" || w.v6() {
						s.until("it warns of "+rule, func() bool {
							s.must(villain.Inject("eth0", lesser...)) // the kernel may have no room for some
							return p.Said("accepted an advert", "rule="+rule+" ")
						})
					}
				}
			}
			options := func(f *forgery) {
				if !w.v6() {
					f.ip = append(f.ip, 1, 1, 1, 0)
				}
			}
			s.until("it yields to one without a defect", func() bool {
				s.must(villain.Inject("eth0", w.forge(villain, src, 200, options)))
				return p.Said("Entering BACKUP STATE", "was=MASTER")
			})
			if log := p.Log(); w.password != "" && strings.Contains(log, w.password) || strings.Contains(log, "panic") {
				t.Errorf("the log tells the password, or of a panic:\n%s", log)
			}
		})
	}
}
