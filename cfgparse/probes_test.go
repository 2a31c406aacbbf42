package cfgparse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regent/health/probe"
)

func TestServicesAreAsked(t *testing.T) {
	cfg, ds := loadText(t, `vrrp_check web { http https://192.0.2.10/health
 status 200 301-302
 insecure
 interval 0.25
 timeout 0.1
 rise 2
 fall 3
 weight -20
 init_fail
}
vrrp_check port { tcp 2001:db8::1 443
}
vrrp_check gateway { icmp 192.0.2.1
}
vrrp_check name { dns [2001:db8::53]:5353 www.example.org aaaa
}
vrrp_check unit { systemd haproxy
}
vrrp_instance V { interface eth0
 virtual_router_id 7
 virtual_ipaddress { 192.0.2.5 }
 track_script { web
 port
 gateway
 name weight 9
 unit
 }
}
`)
	if len(ds) != 0 {
		t.Fatal(ds)
	}
	if len(cfg.Checks) != 5 {
		t.Fatalf("%d checks", len(cfg.Checks))
	}
	web := cfg.Checks[0]
	if web.Interval != 250*time.Millisecond || web.Timeout != 100*time.Millisecond || web.Rise != 2 || web.Fall != 3 || !web.InitFail {
		t.Errorf("%+v", web)
	}
	if p := web.Probe; p.Kind != probe.HTTP || p.Target != "https://192.0.2.10/health" || !p.Insecure ||
		len(p.Status) != 2 || p.Status[0] != (probe.Span{From: 200, To: 200}) || p.Status[1] != (probe.Span{From: 301, To: 302}) {
		t.Errorf("%+v", p)
	}
	for i, want := range []probe.Probe{
		{Kind: probe.TCP, Target: "[2001:db8::1]:443"},
		{Kind: probe.ICMP, Target: "192.0.2.1"},
		{Kind: probe.DNS, Target: "[2001:db8::53]:5353", Name: "www.example.org", Type: "AAAA"},
		{Kind: probe.Unit, Target: "haproxy.service"},
	} {
		if got := cfg.Checks[i+1].Probe; got.Kind != want.Kind || got.Target != want.Target || got.Name != want.Name || got.Type != want.Type {
			t.Errorf("%+v, not %+v", got, want)
		}
	}
	tracks := cfg.Instances[0].Tracks
	if len(tracks) != 5 || tracks[0].Weight != -20 || tracks[3].Weight != 9 {
		t.Errorf("%+v", tracks)
	}
}

func TestWrongQuestionsAreExplained(t *testing.T) {
	for line, want := range map[string]string{
		"tcp 192.0.2.1 0":                         "0",
		"tcp 192.0.2.1/24 80":                     "is no host",
		"tcp 192.0.2.1":                           "lacks its argument",
		"http ftp://192.0.2.1/":                   "is no URL of a web server",
		"http //192.0.2.1/":                       "is no URL of a web server",
		"icmp [":                                  "is no host",
		"dns 192.0.2.1 a..example.org":            "is no name of a record",
		"dns 192.0.2.1 example.org LOC":           "unknown type",
		"dns 192.0.2.1:70000 example.org":         "bad port",
		"systemd a/b":                             "is no name of a unit",
		"interval 1":                              "asks nothing",
		"tcp 192.0.2.1 80\n icmp 192.0.2.1":       "asks twice",
		"tcp 192.0.2.1 80\n status 200":           "status is of http alone",
		"http http://192.0.2.1/\n status 99":      "bad status",
		"http http://192.0.2.1/\n status 300-200": "bad status",
	} {
		_, ds := loadText(t, "vrrp_check c { "+line+"\n}\n")
		found := false
		for _, d := range ds {
			found = found || strings.Contains(d.Message, want) && d.Pos.IsValid()
		}
		if !found {
			t.Errorf("%s: %v, without %q", line, ds, want)
		}
	}
}

// One name is one check, whichever block it stands in: track_script must not
// have a choice.
func TestChecksAndScriptsShareTheirNames(t *testing.T) {
	cfg, ds := loadText(t, `vrrp_script c { script /bin/true
}
vrrp_check c { icmp 192.0.2.1
}
vrrp_instance V { interface eth0
 virtual_router_id 7
 virtual_ipaddress { 192.0.2.5 }
 track_script { c
 }
}
`)
	if len(cfg.Checks) != 1 || cfg.Checks[0].Probe.Kind != probe.None || !strings.Contains(fmt.Sprint(ds), "is defined twice") {
		t.Errorf("%+v %v", cfg.Checks, ds)
	}
}
