package netif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"regent/vrrp"
)

// fragments, which the kernel has put together again, are dropped and
// counted. Options are no reason to drop.
func TestFragmentsAreDropped(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4)
	p.b.add("eth0", "2001:db8::2/64")
	p.a.add("eth0", "2001:db8::1/64")
	dst4 := &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 2}}
	dst6 := &unix.SockaddrInet6{Addr: netip.MustParseAddr("2001:db8::2").As16()}

	fd := p.a.raw(unix.AF_INET)
	whole := advert(0, "192.0.2.1", "192.0.2.2", "0123456789abcdef")
	header := appendHeader(nil, whole.Envelope, 8)
	header[5] = 77 // identification
	first, second := bytes.Clone(header), bytes.Clone(header)
	first[6], second[7] = 0x20, 1
	p.a.must(unix.Sendto(fd, append(first, whole.Payload[:8]...), 0, dst4))
	p.a.must(unix.Sendto(fd, append(second, whole.Payload[8:]...), 0, dst4))

	fd = p.a.raw(unix.AF_INET6)
	part := func(offset uint16, b []byte) []byte {
		e := vrrp.Envelope{Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::2"), TTL: 255}
		f := appendHeader(nil, e, 8+len(b))
		f[6] = unix.IPPROTO_FRAGMENT
		f = append(f, vrrp.Protocol, 0)
		f = binary.BigEndian.AppendUint16(f, offset)
		return append(append(f, 0, 0, 0, 77), b...)
	}
	p.a.must(unix.Sendto(fd, part(1, whole.Payload[:8]), 0, dst6))
	p.a.must(unix.Sendto(fd, part(8, whole.Payload[8:]), 0, dst6))

	fd = p.a.raw(unix.AF_INET)
	options := appendHeader(nil, whole.Envelope, 4+len(whole.Payload))
	options[0] = 0x46
	options = append(append(options, 1, 1, 1, 0), whole.Payload...)
	p.a.must(unix.Sendto(fd, options, 0, dst4))

	whole.Link = p.b.index("eth0")
	var got []Packet
	fragmented := 0
	p.b.until("an advert and two in fragments", func() bool {
		p.wb.Wait(0)
		for _, packet := range drain(t, p.wb) {
			if packet.Fragmented {
				fragmented++
			} else {
				got = append(got, packet)
			}
		}
		return len(got) > 0 && fragmented == 2
	})
	expect(t, got, whole)
	if c := p.wb.Counts(); c.Malformed != 0 || c.Received != 3 {
		t.Errorf("counts %+v", c)
	}
}

// what is longer than any advert is cut, and still longer than any.
func TestGiantsAreCut(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4)
	a0 := p.a.index("eth0")
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", strings.Repeat("x", 1400)))
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", strings.Repeat("y", longest4-header4)))
	p.wa.Flush()
	got := hear(t, p.wb, 2)
	for _, packet := range got {
		if n := len(packet.Payload); n != longest4-header4 || n <= vrrp.Size(vrrp.V2, false, 255)+vrrp.TrailerSize {
			t.Errorf("heard %d bytes of %q", n, packet.Payload[:1])
		}
	}
	if c := p.wb.Counts(); c.Malformed != 0 {
		t.Errorf("counts %+v", c)
	}
}

// a flood that nobody reads costs the buffer and no more: what did fit
// is heard, the rest is counted, and nothing is allocated for it.
func TestFloodIsBoundedAndCounted(t *testing.T) {
	p := newPair(t)
	small := p.b.wire(64 << 10)
	p.b.must(small.Join(p.b.index("eth0"), vrrp.Group4))
	const flood = 10000
	a0 := p.a.index("eth0")
	for i := range flood {
		p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", fmt.Sprintf("garbage %d", i)))
	}
	if sent, dropped := p.wa.Flush(); sent+dropped != flood || sent < flood/2 {
		t.Fatalf("sent %d, dropped %d", sent, dropped)
	}
	heard, lastAllocs := 0, 0.0
	small.Wait(patience)
	lastAllocs = testing.AllocsPerRun(1, func() {
		for {
			ps, err := small.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if ps == nil {
				return
			}
			heard += len(ps)
		}
	})
	if heard == 0 || heard > 1000 {
		t.Errorf("heard %d packets through a buffer of 64 KiB", heard)
	}
	if lastAllocs > 1 {
		t.Errorf("%v allocations", lastAllocs)
	}
	// The kernel tells of losses with the first packet after them.
	small.Wait(0)
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", "after"))
	sent := int(p.wa.Counts().Sent)
	p.wa.Flush()
	if got := hear(t, small, 1); string(got[0].Payload) != "after" {
		t.Errorf("heard %v", got)
	}
	if c := small.Counts(); int(c.Overflows) != sent-heard {
		t.Errorf("counts %+v, want %d overflows", c, sent-heard)
	}
}

// T-11: a loop that was held up after its Wait finds, with the first Receive
// after a Recheck, all that came before it. After that the family rests until the
// next Wait, and so does from the beginning one that was empty at the Wait.
func TestReceiveSeesAllThatCameBeforeIt(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4)
	witness := p.b.wire(1 << 20) // what it has heard, all have heard
	say := func(text string) {
		p.wa.Queue(advert(p.a.index("eth0"), "192.0.2.1", "224.0.0.18", text))
		p.wa.Flush()
		hear(t, witness, 1)
	}
	p.wb.Wait(0) // sees nothing
	say("meanwhile")
	if got := drain(t, p.wb); got != nil {
		t.Errorf("asked a family that was empty: %v", got)
	}
	p.wb.Recheck()
	if got := drain(t, p.wb); len(got) != 1 || string(got[0].Payload) != "meanwhile" {
		t.Errorf("heard %v", got)
	}
	say("later")
	if got := drain(t, p.wb); got != nil {
		t.Errorf("asked again before the next Wait: %v", got)
	}
	p.wb.Wait(patience)
	if got := drain(t, p.wb); len(got) != 1 || string(got[0].Payload) != "later" {
		t.Errorf("heard %v", got)
	}
}

func BenchmarkReceive(b *testing.B) {
	p := newPair(b)
	p.join(b, vrrp.Group4)
	q := advert(p.a.index("eth0"), "192.0.2.1", "224.0.0.18", "twelve bytes")
	b.ReportAllocs()
	for i := 0; i < b.N; {
		b.StopTimer()
		for range 256 {
			p.wa.Queue(q)
		}
		p.wa.Flush()
		b.StartTimer()
		for end := i + 256; i < end; {
			p.wb.Wait(patience)
			for {
				ps, err := p.wb.Receive()
				if err != nil {
					b.Fatal(err)
				}
				if ps == nil {
					break
				}
				i += len(ps)
			}
		}
	}
}
