package main_test

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// V-26: what others announce reaches the neighbour cache of a master and of a
// backup, also of one that refuses traffic to its addresses.
func TestAnnouncementsOfOthersAreBelieved(t *testing.T) {
	for _, role := range []struct{ name, conf, state string }{
		{"master", "", "Entering MASTER STATE"},
		{"master that refuses", "no_accept", "Entering MASTER STATE"},
		{"backup", "use_vmac", "Entering BACKUP STATE"},
	} {
		t.Run(role.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h, mover := s.host("router", "2001:db8::1/64"), s.host("mover", "2001:db8::9/64")
			w := speaker{version: 3, priority: 255, interval: "30", addresses: list6, conf: role.conf}
			if role.name == "backup" {
				w.priority = 100 // and so for a minute and a half
			}
			p := s.start(regentd, h, w.configuration())
			s.until("its state is "+role.name, func() bool { return p.Said(role.state) })
			addr := netip.MustParseAddr("2001:db8::9")
			_, err := h.Probe(s.Context(), addr, 10*time.Millisecond)
			s.must(err)
			knows := func(mac net.HardwareAddr) func() bool {
				return func() bool {
					got, err := h.Neighbor(addr)
					return err == nil && bytes.Equal(got, mac)
				}
			}
			s.until("it knows its neighbour", knows(mover.MAC("eth0")))
			moved := net.HardwareAddr{2, 0, 0, 0, 0x99, 0x99}
			s.until("it believes that its neighbour has moved", func() bool {
				s.must(mover.Inject("eth0", unsolicited(mover, addr, moved)))
				return knows(moved)()
			})
		})
	}
}

// unsolicited composes a neighbour advertisement to all nodes, with the override
// flag (RFC 4861 section 7.2.6).
func unsolicited(from *lab.Host, addr netip.Addr, mac net.HardwareAddr) []byte {
	all := netip.MustParseAddr("ff02::1").AsSlice()
	message := slices.Concat([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, addr.AsSlice(), []byte{2, 1}, mac)
	pseudo := slices.Concat(addr.AsSlice(), all, []byte{0, 0, 0, byte(len(message)), 0, 0, 0, 58})
	binary.BigEndian.PutUint16(message[2:], onesComplement(pseudo, message))
	return slices.Concat([]byte{0x33, 0x33, 0, 0, 0, 1}, from.MAC("eth0"), []byte{0x86, 0xdd},
		[]byte{0x60, 0, 0, 0, 0, byte(len(message)), 58, 255}, addr.AsSlice(), all, message)
}
