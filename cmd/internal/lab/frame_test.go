package lab

import (
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func frame(t *testing.T, octets string) Frame {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(octets), ""))
	if err != nil {
		t.Fatal(err)
	}
	return Frame{Data: b}
}

func TestAdvertIsReadFromAFrame(t *testing.T) {
	v4 := frame(t, `01005e000012 020000000001 0800
		45c000200001000 0ff70 0000 c0000201 e0000012
		3133960100640000 c0000264`)
	a, ok := v4.Advert()
	if !ok || a.Version != 3 || a.VRID != 0x33 || a.Priority != 150 || a.TTL != 255 ||
		a.Src != netip.MustParseAddr("192.0.2.1") || a.Dst != netip.MustParseAddr("224.0.0.18") ||
		a.MAC.String() != "02:00:00:00:00:01" {
		t.Errorf("read %+v, %v", a, ok)
	}
	v6 := frame(t, `333300000012 020000000001 86dd
		6c000000 0018 70 ff fe800000000000000000000000000001 ff020000000000000000000000000012
		3105000100640000 fe800000000000000000000000000064`)
	a, ok = v6.Advert()
	if !ok || a.VRID != 5 || a.Priority != 0 || a.Src != netip.MustParseAddr("fe80::1") {
		t.Errorf("read %+v, %v", a, ok)
	}
	for n := range v4.Data { // never past the end
		Frame{Data: v4.Data[:n]}.Advert()
		Frame{Data: v4.Data[:n]}.Claim()
	}
	for n := range v6.Data {
		Frame{Data: v6.Data[:n]}.Advert()
		Frame{Data: v6.Data[:n]}.Claim()
	}
}

func TestClaimIsReadFromAFrame(t *testing.T) {
	garp := frame(t, `ffffffffffff 020000000001 0806
		0001 0800 06 04 0001 020000000001 c0000264 ffffffffffff c0000264`)
	c, ok := garp.Claim()
	if !ok || c.Addr != netip.MustParseAddr("192.0.2.100") || c.MAC.String() != "02:00:00:00:00:01" {
		t.Errorf("read %+v, %v", c, ok)
	}
	question := frame(t, `ffffffffffff 020000000001 0806
		0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000264`)
	if c, ok := question.Claim(); ok {
		t.Errorf("an ordinary request was read as %+v", c)
	}
	na := frame(t, `333300000001 020000000001 86dd
		60000000 0020 3a ff 20010db8000000000000000000000064 ff020000000000000000000000000001
		8800 0000 a0000000 20010db8000000000000000000000064 0201 020000000001`)
	c, ok = na.Claim()
	if !ok || c.Addr != netip.MustParseAddr("2001:db8::64") {
		t.Errorf("read %+v, %v", c, ok)
	}
	na.Data[14+44] |= 0x40 // solicited
	if c, ok := na.Claim(); ok {
		t.Errorf("an answer was read as %+v", c)
	}
}

func TestACaptureSeesWhatCrossesTheSegment(t *testing.T) {
	l := open(t)
	a := host(t, l, "a", Port{"eth0", "lan", []string{"192.0.2.1/24"}})
	host(t, l, "b", Port{"eth0", "lan", []string{"192.0.2.2/24"}})
	c, err := l.Capture("lan")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Probe(t.Context(), netip.MustParseAddr("192.0.2.2"), 5e6); err != nil {
		t.Fatal(err)
	}
	until(t, l, "ARP was seen", func() bool { return len(c.Frames()) >= 2 })
	path := filepath.Join(t.TempDir(), "arp.pcap")
	if err := c.Save(path, nil); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 24+2*(16+42) {
		t.Errorf("the file has %d octets, too few for two frames", len(b))
	}
}
