package cfgparse

import (
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
