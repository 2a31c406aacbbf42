package main_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// A speaker is a router and what its adverts must look like: to the last bit,
// and composed here from the RFCs, with nothing of the packages that regent
// composes them with.
type speaker struct {
	name      string
	version   byte
	priority  byte
	interval  string // advert_int
	field     uint16 // where the interval stands in an advert: centiseconds, or seconds behind the type of authentication
	addresses []string
	conf      string // more lines

	messageOnly bool   // the checksum of version 3 over IPv4 has no pseudo-header
	password    string // of version 2
	key         []byte // of auth_hmac, number 7
}

var (
	list4 = []string{"192.0.2.102", "192.0.2.100", "192.0.2.101"}
	list6 = []string{"fe80::100", "2001:db8::102", "2001:db8::101"}

	hmacKey  = bytes.Repeat([]byte{0x5a}, 32)
	hmacConf = fmt.Sprintf("auth_hmac {\n key 7 hex:%x\n key 8 hex:%x\n active_key 7\n time_window 60\n }", hmacKey, bytes.Repeat([]byte{1}, 32))
)

var speakers = []speaker{
	{name: "v3-IPv4", version: 3, priority: 150, interval: "0.2", field: 20, addresses: list4},
	{name: "v3-IPv4-message-only", version: 3, priority: 150, interval: "0.2", field: 20, addresses: list4, conf: "version 3\n v3_checksum_as_v2", messageOnly: true},
	{name: "v3-IPv4-longest-interval", version: 3, priority: 255, interval: "40.95", field: 0x0fff, addresses: list4},
	{name: "v3-IPv4-signed", version: 3, priority: 150, interval: "0.2", field: 20, addresses: list4, conf: hmacConf, key: hmacKey},
	{name: "v3-IPv6", version: 3, priority: 150, interval: "0.2", field: 20, addresses: list6},
	{name: "v3-IPv6-signed", version: 3, priority: 150, interval: "0.2", field: 20, addresses: list6, conf: hmacConf, key: hmacKey},
	{name: "v2", version: 2, priority: 254, interval: "1", field: 1, addresses: list4},
	{name: "v2-longest-interval", version: 2, priority: 255, interval: "255", field: 255, addresses: list4},
	{name: "v2-password", version: 2, priority: 255, interval: "3", field: 3, addresses: list4, conf: "authentication {\n auth_type PASS\n auth_pass s3cr3t\n }", password: "s3cr3t"},
	{name: "v2-signed", version: 2, priority: 255, interval: "3", field: 3, addresses: list4, conf: hmacConf, key: hmacKey},
}

// Every bit of every advert that leaves the daemon is as it must be. Which rule
// asks for which, say the functions below:
//
// W-5, W-6, W-7, W-8, W-9, W-10, W-11, W-12, W-13: the frame and its header.
// W-20, W-21, W-22, W-23, W-24, W-25, W-26: an advert of version 3, V-4, V-5.
// W-30, W-31, W-32, W-33: one of version 2.
// W-40, W-41, W-42, W-43, W-44, W-45: the checksum, V-6, and what want.
// H-1, H-2, H-3, H-4, H-5, H-6, H-7, H-10, H-11, H-12: the trailer, which a
// resignation bears, too.
func TestAdvertsBitByBit(t *testing.T) {
	for _, w := range speakers {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.host("router", "192.0.2.1/24", "198.51.100.1/24", "2001:db8::1/64")
			source := w.source(s, h)
			p := s.start(regentd, h, w.configuration())
			ordinary := 3
			if w.priority == 255 {
				ordinary = 1 // an owner needs nobody's silence, and its intervals here are long
			}
			s.until("it has advertised", func() bool { return len(s.wire.Adverts()) >= ordinary })
			s.must(p.Signal(syscall.SIGTERM))
			s.ended(p)
			s.advertised("it has resigned", vrid, func(a lab.Advert) bool { return a.Priority == 0 })

			adverts := s.wire.Adverts()
			for i, a := range adverts {
				priority := w.priority
				if i == len(adverts)-1 {
					priority = 0
				}
				if want := w.frame(h.MAC("eth0"), source, priority, a.Frame.Data); !bytes.Equal(a.Frame.Data, want) {
					t.Errorf("advert %d of %d\ngot  %x\nwant %x", i+1, len(adverts), a.Frame.Data, want)
				}
			}
		})
	}
}

// source is where the adverts must come from: the first address of the
// interface, or its link-local one (W-9).
func (w speaker) source(s *stage, h *lab.Host) netip.Addr {
	s.Helper()
	if !w.v6() {
		return netip.MustParseAddr("192.0.2.1")
	}
	all, err := h.Addresses("eth0")
	s.must(err)
	for _, p := range all {
		if p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			return p.Addr()
		}
	}
	s.Fatalf("no link-local address on eth0: %v", all)
	return netip.Addr{}
}

func (w speaker) v6() bool { return strings.Contains(w.addresses[0], ":") }

func (w speaker) configuration() string {
	return fmt.Sprintf(`
vrrp_instance VI_1 {
    interface eth0
    version %d
    virtual_router_id %d
    priority %d
    advert_int %s
    virtual_ipaddress {
        %s
    }
    %s
}
`, w.version, vrid, w.priority, w.interval, strings.Join(w.addresses, "\n        "), w.conf)
}

// frame composes an advert. What a router may choose, it takes from the frame
// that was seen: the IP ID, whether fragments are forbidden, and the sequence
// of a trailer, whose place is known from the end.
func (w speaker) frame(mac net.HardwareAddr, src netip.Addr, priority byte, seen []byte) []byte {
	message := w.message(priority)
	var trailer []byte
	if w.key != nil && len(seen) > 28 {
		trailer = w.trailer(message, src, seen[len(seen)-24:len(seen)-16])
	}
	length := uint16(len(message) + len(trailer)) // W-13, H-4
	var f []byte
	if w.v6() {
		group := netip.MustParseAddr("ff02::12")                                                              // W-8
		pseudo := append(bytes.Join([][]byte{src.AsSlice(), group.AsSlice()}, nil), 0, 0, 0, 0, 0, 0, 0, 112) // W-42
		binary.BigEndian.PutUint16(pseudo[34:], length)                                                       // H-11: with the trailer
		binary.BigEndian.PutUint16(message[6:], onesComplement(pseudo, message, trailer))
		f = append(f, 0x33, 0x33, 0, 0, 0, 0x12)
		f = append(append(f, mac...), 0x86, 0xdd) // W-5: without use_vmac, the interface's own
		f = append(f, 0x6c, 0, 0, 0)              // W-11: CS6, and no flow
		f = binary.BigEndian.AppendUint16(f, length)
		f = append(f, 112, 255) // W-6, W-7
		f = append(append(f, src.AsSlice()...), group.AsSlice()...)
	} else {
		group := []byte{224, 0, 0, 18}
		pseudo := append(append(append([]byte{}, src.AsSlice()...), group...), 0, 112, 0, byte(len(message))) // W-43, H-10: without the trailer
		if w.version == 2 || w.messageOnly {
			pseudo = nil // W-41, W-44
		}
		binary.BigEndian.PutUint16(message[6:], onesComplement(pseudo, message))
		f = append(f, 0x01, 0x00, 0x5e, 0, 0, 0x12)
		f = append(append(f, mac...), 0x08, 0x00)
		ip := append([]byte{0x45, 0xc0}, binary.BigEndian.AppendUint16(nil, 20+length)...) // W-10: no options
		ip = append(ip, seen[18], seen[19], seen[20]&0x40, 0)                              // W-12: no fragment
		ip = append(ip, 255, 112, 0, 0)
		ip = append(append(ip, src.AsSlice()...), group...)
		binary.BigEndian.PutUint16(ip[10:], onesComplement(ip))
		f = append(f, ip...)
	}
	return append(append(f, message...), trailer...)
}

// message composes the advert itself, with a checksum of zero.
func (w speaker) message(priority byte) []byte {
	m := []byte{w.version<<4 | 1, vrid, priority, byte(len(w.addresses))} // W-20, W-30
	if w.version == 3 {
		m = append(m, byte(w.field>>8), byte(w.field)) // W-24, and W-23: nothing above the 12 bits
	} else {
		kind := byte(0)
		if w.password != "" {
			kind = 1
		}
		m = append(m, kind, byte(w.field)) // W-31
	}
	m = append(m, 0, 0)
	for _, a := range w.addresses { // W-25: in this order
		m = append(m, netip.MustParseAddr(a).AsSlice()...)
	}
	if w.version == 2 {
		m = append(m, make([]byte, 8)...) // W-30
		copy(m[len(m)-8:], w.password)    // W-33; W-32: else zeros
	}
	return m
}

// trailer composes what proves a message (H-1 to H-7).
func (w speaker) trailer(message []byte, src netip.Addr, sequence []byte) []byte {
	t := append([]byte{1, 7, 0, 0}, sequence...)
	family := byte(4)
	if w.v6() {
		family = 6
	}
	address := make([]byte, 16)
	copy(address, src.AsSlice())
	h := hmac.New(sha256.New, w.key)
	for _, b := range [][]byte{{family, w.version, vrid, 0}, address, message, t, make([]byte, 16)} {
		h.Write(b)
	}
	return append(t, h.Sum(nil)[:16]...)
}

// onesComplement is the checksum of RFC 1071 over parts of even length (W-40).
func onesComplement(parts ...[]byte) uint16 {
	sum := 0
	for _, part := range parts {
		for i := 0; i < len(part); i += 2 {
			sum += int(part[i])<<8 | int(part[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
