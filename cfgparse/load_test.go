package cfgparse

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"regent/cfgparse/syntax"
)

// loadText loads a configuration from memory.
func loadText(t *testing.T, text string) (*Config, syntax.Diagnostics) {
	t.Helper()
	files := syntax.In(fstest.MapFS{"k.conf": &fstest.MapFile{Data: []byte(text)}})
	return Load("k.conf", Env{Files: files, ConfigID: "north", Dir: "/", Offline: true})
}

func TestLoadsThePairOfTheManual(t *testing.T) {
	cfg, ds := loadText(t, `
vrrp_script chk { script "/bin/true a 'b c'"
 interval 2
 weight -20
 fall 3
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    authentication { auth_type PASS
        auth_pass 1111 }
    virtual_ipaddress { 192.0.2.16/24 dev eth1 label eth1:1 }
    track_script { chk }
}
`)
	if cfg == nil {
		t.Fatalf("refused: %v", ds)
	}
	in := cfg.Instances[0]
	if in.VRID != 51 || in.Router.Priority != 150 || in.Router.Interval != time.Second || in.Router.Version != 2 || !in.WantMaster {
		t.Errorf("instance = %+v", in)
	}
	if len(in.Tracks) != 1 || in.Tracks[0].Weight != -20 {
		t.Errorf("tracks = %v", in.Tracks)
	}
	if got := strings.Join(cfg.Checks[0].Command, "|"); got != "/bin/true|a|b c" {
		t.Errorf("command = %s", got)
	}
	if in.Lines["priority"].Line != 11 {
		t.Errorf("priority was said at %v", in.Lines["priority"])
	}
}

// W-27: what an advert of the link's MTU cannot hold is named, and owned without
// being advertised. The 14 bytes less are keepalived's.
func TestWhatFitsAnAdvert(t *testing.T) {
	for _, c := range []struct {
		first, next string // addresses; the others follow next
		mtu, most   int
		more        string // lines
	}{
		{"fe80::1", "2001:db8::1", 1500, 89, ""},
		{"fe80::1", "2001:db8::1", 576, 32, ""},
		{"fe80::1", "2001:db8::1", 576, 32, "auth_hmac {\n key 1 01234567890123456789012345678901\n active_key 1\n mode receive-only\n }"},
		{"fe80::1", "2001:db8::1", 560, 30, "auth_hmac {\n key 1 01234567890123456789012345678901\n active_key 1\n }"},
		{"192.0.2.1", "198.18.0.1", 1500, 255, ""},
		{"192.0.2.1", "198.18.0.1", 576, 133, ""},
		{"192.0.2.1", "198.18.0.1", 576, 131, "interop_v2v3"},
		{"192.0.2.1", "198.18.0.1", 576, 130, "auth_hmac {\n key 1 01234567890123456789012345678901\n active_key 1\n }"},
	} {
		var text strings.Builder
		fmt.Fprintf(&text, "vrrp_instance V {\n version 3\n interface eth0\n virtual_router_id 1\n virtual_ipaddress {\n %s\n", c.first)
		for a, n := netip.MustParseAddr(c.next), 0; n < 300; a, n = a.Next(), n+1 {
			fmt.Fprintln(&text, a)
		}
		text.WriteString("}\n" + c.more + "\n}\n")
		files := syntax.In(fstest.MapFS{"k.conf": &fstest.MapFile{Data: []byte(text.String())}})
		cfg, ds := Load("k.conf", Env{Files: files, Dir: "/", Offline: true, MTU: func(string) int { return c.mtu }})
		if cfg == nil || !strings.Contains(fmt.Sprint(ds), "cannot hold 301 addresses") {
			t.Fatalf("%s: %v", c.first, ds)
		}
		if v := cfg.Instances[0]; len(v.Advertised) != c.most || len(v.Estate.Addresses) != 301 {
			t.Errorf("%s at %d bytes: %d advertised of %d, want %d", c.first, c.mtu, len(v.Advertised), len(v.Estate.Addresses), c.most)
		}
	}
}
