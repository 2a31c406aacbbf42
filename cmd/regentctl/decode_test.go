package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"regent/vrrp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a command's output with a file under testdata/decode.
func golden(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("..", "..", "testdata", "decode", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// regentctl runs a command line and returns its exit code and output.
func regentctl(in []byte, args ...string) (code int, stdout, stderr string) {
	var out, errs strings.Builder
	code = run(args, streams{bytes.NewReader(in), &out, &errs})
	return code, out.String(), errs.String()
}

// The frames of the test vectors.
func TestDecodeVectors(t *testing.T) {
	dir := os.Getenv("REGENT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	name := filepath.Join(dir, "packets", "vrrp-vectors.pcap")
	if _, err := os.Stat(name); os.IsNotExist(err) && os.Getenv("CI") != "true" {
		t.Skipf("no vectors (set REGENT_SHARED): %v", err)
	}
	code, out, errs := regentctl(nil, "decode", name)
	if code != exitFound || errs != "" {
		t.Errorf("exit code %d, %q", code, errs)
	}
	golden(t, "vectors.txt", out)
}

var (
	sender4 = netip.MustParseAddr("192.0.2.3")
	sender6 = netip.MustParseAddr("fe80::3")
	vmac    = []byte{0, 0, 0x5e, 0, 1, 20}
	mac     = []byte{2, 0, 0, 0, 0, 3}
	start   = time.Date(2026, 5, 4, 3, 2, 1, 250_000_000, time.UTC)
)

// datagram is an advert with its IP header.
func datagram(t *testing.T, e vrrp.Envelope, a vrrp.Advert) []byte {
	t.Helper()
	var ip gopacket.SerializableLayer = &layers.IPv4{Version: 4, TTL: e.TTL, Protocol: vrrp.Protocol,
		SrcIP: e.Src.AsSlice(), DstIP: e.Dst.AsSlice()}
	if e.Src.Is6() {
		ip = &layers.IPv6{Version: 6, HopLimit: e.TTL, NextHeader: vrrp.Protocol,
			SrcIP: e.Src.AsSlice(), DstIP: e.Dst.AsSlice()}
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		ip, gopacket.Payload(a.Append(nil, e))); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func plain4(t *testing.T) []byte {
	return datagram(t, vrrp.Envelope{Src: sender4, Dst: vrrp.Group4, TTL: vrrp.HopLimit}, vrrp.Advert{
		Version: vrrp.V3, VRID: 20, Priority: 120, Interval: time.Second,
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.20")},
	})
}

func plain6(t *testing.T) []byte {
	return datagram(t, vrrp.Envelope{Src: sender6, Dst: vrrp.Group6, TTL: vrrp.HopLimit}, vrrp.Advert{
		Version: vrrp.V3, VRID: 30, Priority: 100, Interval: 10 * time.Millisecond,
		Addresses: []netip.Addr{netip.MustParseAddr("fe80::1e"), netip.MustParseAddr("2001:db8::1e")},
	})
}

// frame puts a link's header around a datagram.
func frame(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// pcap writes packets 1 second apart, cut to snap bytes. gopacket's own writer
// knows no link type above 255.
func pcap(link uint32, snap int, packets ...[]byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(b, uint32(snap))
	b = le.AppendUint32(b, link)
	for i, p := range packets {
		b = le.AppendUint32(b, uint32(start.Unix())+uint32(i))
		b = le.AppendUint32(b, uint32(start.Nanosecond()/1000))
		b = le.AppendUint32(b, uint32(min(len(p), snap)))
		b = le.AppendUint32(b, uint32(len(p)))
		b = append(b, p[:min(len(p), snap)]...)
	}
	return b
}

// Every kind of link gives the same advert, with as much of the sender's MAC
// address as it has.
func TestDecodeLinks(t *testing.T) {
	p4, p6 := plain4(t), plain6(t)
	group := []byte{1, 0, 0x5e, 0, 0, 0x12}
	arp := frame(bytes.Repeat([]byte{0xff}, 6), mac, []byte{8, 6}, make([]byte, 28))
	sll := func(mac []byte, kind ...byte) []byte {
		return frame([]byte{0, 0, 0, 1, 0, byte(len(mac))}, mac, make([]byte, 8-len(mac)), kind)
	}
	sll2 := func(mac []byte, kind ...byte) []byte {
		return frame(kind, []byte{0, 0, 0, 0, 0, 2, 0, 1, 0, byte(len(mac))}, mac, make([]byte, 8-len(mac)))
	}
	var out strings.Builder
	for _, story := range []struct {
		name    string
		capture []byte
	}{
		{"Ethernet", pcap(1, 1500, frame(group, vmac, []byte{8, 0}, p4), frame(group, mac, []byte{0x86, 0xdd}, p6), arp)},
		{"Ethernet with VLAN tags", pcap(1, 1500,
			frame(group, vmac, []byte{0x81, 0, 0, 100, 8, 0}, p4),
			frame(group, mac, []byte{0x88, 0xa8, 0, 100, 0x81, 0, 0, 7, 0x86, 0xdd}, p6))},
		{"Linux cooked", pcap(113, 1500, frame(sll(vmac, 8, 0), p4), frame(sll(nil, 0x86, 0xdd), p6))},
		{"Linux cooked, version 2", pcap(276, 1500, frame(sll2(vmac, 8, 0), p4), frame(sll2(nil, 0x86, 0xdd), p6), make([]byte, 19))},
		{"raw IP", pcap(101, 1500, p4, p6)},
		{"raw IPv4", pcap(228, 1500, p4)},
		{"raw IPv6", pcap(229, 1500, p6)},
		{"loopback", pcap(0, 1500, frame([]byte{2, 0, 0, 0}, p4), frame([]byte{30, 0, 0, 0}, p6))},
		{"no adverts", pcap(1, 1500, arp)},
		{"nothing", pcap(1, 1500)},
	} {
		code, stdout, stderr := regentctl(story.capture, "decode", "-")
		if code != exitOK || stderr != "" {
			t.Errorf("%s: exit code %d, %q", story.name, code, stderr)
		}
		out.WriteString("# " + story.name + "\n" + stdout + "\n")
	}
	golden(t, "links.txt", out.String())
}

// What can be wrong with an advert and is not in the test vectors.
func TestDecodeProblems(t *testing.T) {
	advert := vrrp.Advert{Version: vrrp.V3, VRID: 20, Priority: 120, Interval: time.Second}
	for i := range byte(6) {
		advert.Addresses = append(advert.Addresses, netip.AddrFrom4([4]byte{192, 0, 2, 20 + i}))
	}
	to := func(dst string, ttl uint8) vrrp.Envelope {
		return vrrp.Envelope{Src: sender4, Dst: netip.MustParseAddr(dst), TTL: ttl}
	}
	group := []byte{1, 0, 0x5e, 0, 0, 0x12}
	in := func(p []byte) []byte { return frame(group, vmac, []byte{8, 0}, p) }
	old := advert
	old.Checksum = vrrp.PseudoGroup
	otherRouter := advert
	otherRouter.VRID = 21
	fragment := plain4(t)
	fragment[6] |= 0x20 // more fragments
	v2over6 := plain6(t)
	v2over6[40] = 0x21
	packets := frame(pcap(1, 1500,
		in(datagram(t, to("192.0.2.2", 64), advert)),
		in(datagram(t, to("192.0.2.2", 64), old)),
		in(datagram(t, to("224.0.0.18", 255), otherRouter)),
		in(fragment),
		frame(group, mac, []byte{0x86, 0xdd}, v2over6),
	))
	for _, args := range [][]string{{"decode", "-"}, {"decode", "-a", "-"}} {
		code, stdout, stderr := regentctl(packets, args...)
		if code != exitFound || stderr != "" {
			t.Errorf("exit code %d, %q", code, stderr)
		}
		if len(args) == 2 {
			golden(t, "problems.txt", stdout)
		} else {
			golden(t, "problems-all.txt", stdout)
		}
	}
}

// An advert that the capture cut short is not the sender's fault.
func TestDecodeSnapped(t *testing.T) {
	code, stdout, _ := regentctl(pcap(101, 30, plain4(t)), "decode", "-")
	if code != exitOK || !strings.Contains(stdout, "(the capture left out 2 bytes)") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}

// pcapng says its link type for each interface; gzip is undone.
func TestDecodeContainers(t *testing.T) {
	want := pcap(101, 1500, plain4(t), plain6(t))
	_, listing, _ := regentctl(want, "decode", "-")

	var ng bytes.Buffer
	w, err := pcapgo.NewNgWriterInterface(&ng, pcapgo.NgInterface{LinkType: layers.LinkTypeIPv4, SnapLength: 1500, TimestampResolution: 9}, pcapgo.DefaultNgWriterOptions)
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.AddInterface(pcapgo.NgInterface{LinkType: layers.LinkTypeIPv6, SnapLength: 1500, TimestampResolution: 9})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range [][]byte{plain4(t), plain6(t)} {
		if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: start.Add(time.Duration(i) * time.Second),
			CaptureLength: len(p), Length: len(p), InterfaceIndex: i * second}, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	zip := func(b []byte) []byte {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return z.Bytes()
	}
	for name, b := range map[string][]byte{"pcapng": ng.Bytes(), "gzipped pcap": zip(want), "gzipped pcapng": zip(ng.Bytes())} {
		code, stdout, stderr := regentctl(b, "decode", "-")
		if code != exitOK || stdout != listing || stderr != "" {
			t.Errorf("%s: exit code %d, %q\n%s\nwant\n%s", name, code, stderr, stdout, listing)
		}
	}
}

// A wrong call is 2, with one line that says why.
func TestWrongCalls(t *testing.T) {
	broken := pcap(101, 1500, plain4(t))
	for _, story := range []struct {
		name string
		in   []byte
		args []string
		code int
		want string
	}{
		{"no command", nil, nil, exitUsage, "expected"},
		{"no such command", nil, []string{"devise"}, exitUsage, "devise"},
		{"no file", nil, []string{"decode"}, exitUsage, "<file>"},
		{"no such file", nil, []string{"decode", filepath.Join(t.TempDir(), "x.pcap")}, exitUsage, "x.pcap: no such file"},
		{"no capture", []byte("vrrp_instance VI_1 {"), []string{"decode", "-"}, exitUsage, "read -: not a capture"},
		{"an empty file", nil, []string{"decode", "-"}, exitUsage, "read -: not a capture: too short"},
		{"no pcapng", []byte("\x0a\x0d\x0d\x0a"), []string{"decode", "-"}, exitUsage, "not a pcapng capture"},
		{"no gzip", []byte("\x1f\x8b"), []string{"decode", "-"}, exitUsage, "read -:"},
		{"a capture that breaks off", broken[:len(broken)-1], []string{"decode", "-"}, exitFound, "after 0 packets: unexpected EOF"},
	} {
		code, _, stderr := regentctl(story.in, story.args...)
		if code != story.code || !strings.Contains(stderr, story.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q; want %d, %q", story.name, code, stderr, story.code, story.want)
		}
	}
}

// Help and version are answers, not failures.
func TestHelp(t *testing.T) {
	for arg, want := range map[string]string{"--help": "decode", "--version": "regentctl "} {
		if code, stdout, stderr := regentctl(nil, arg); code != exitOK || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d, %q, %q", arg, code, stdout, stderr)
		}
	}
}

// Whatever a file holds, there is a verdict.
func FuzzDecode(f *testing.F) {
	f.Add(pcap(1, 1500, make([]byte, 60)))
	f.Add(pcap(276, 20, make([]byte, 60)))
	f.Add([]byte("\x0a\x0d\x0d\x0a\x1c\x00\x00\x00\x4d\x3c\x2b\x1a\x01\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x1c\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if code, _, stderr := regentctl(b, "decode", "-"); code == exitUsage && stderr == "" {
			t.Error("fails without a word")
		}
	})
}
