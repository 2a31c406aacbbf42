package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// dumped is a configuration with a bit of everything that dumps show.
const dumped = `
global_defs {
    router_id test
    vrrp_version 3
    script_user root
}
vrrp_script chk {
    script "/usr/bin/test -d 'two words' -o -d /"
    interval 1
    timeout 30
    weight 3
}
vrrp_sync_group G {
    group {
        VI_1
        VI_2
    }
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 0.5
    garp_master_refresh 60
    virtual_ipaddress {
        192.0.2.100/24 dev eth0 label eth0:1
        203.0.113.101/24 brd 203.0.113.255 scope link
    }
    virtual_ipaddress_excluded {
        192.0.2.102
    }
    virtual_routes {
        198.51.100.0/24 via 192.0.2.2 dev eth0 table 100 metric 5
        append 198.18.1.0/24 via 192.0.2.2 src 192.0.2.1 scope link mtu 1400 onlink no_track
    }
    virtual_rules {
        from 192.0.2.100/32 table 100 priority 200 iif eth0
        to 198.51.100.0/24 fwmark 5/0xff blackhole priority 201
        not from 192.0.2.101 table main priority 202 oif eth0
    }
    track_interface {
        lo
    }
    notify_master "/usr/bin/true one 'two three'"
    notify /usr/bin/true
}
vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 52
    priority 150
    version 2
    nopreempt
    authentication {
        auth_type PASS
        auth_pass s3cr3t
    }
    virtual_ipaddress {
        192.0.2.110
    }
}
vrrp_instance VI_6 {
    interface eth0
    virtual_router_id 53
    priority 150
    use_vmac
    no_accept
    preempt_delay 2
    virtual_ipaddress {
        fe80::100
        2001:db8::100/64
    }
    track_script {
        chk
    }
}
vrrp_instance VI_A {
    interface eth0
    virtual_router_id 55
    priority 150
    use_vmac
    use_vmac_addr
    virtual_ipaddress {
        192.0.2.130/24
        203.0.113.7/24 dev eth1
    }
    virtual_ipaddress_excluded {
        2001:db8::7
    }
}
vrrp_instance VI_F {
    interface eth1
    virtual_router_id 54
    dont_track_primary
    virtual_ipaddress {
        192.0.2.120
    }
}
`

// dumps runs a daemon with the configuration on a segment of its own, asks for its
// dumps until it is master, and returns their texts by the ends of their names.
func (s *stage) dumps(d lab.Daemon, conf string) map[string]string {
	s.Helper()
	h, err := s.Host(d.Name,
		lab.Port{Name: "eth0", Segment: d.Name, Addrs: []string{"192.0.2.1/24", "fe80::1/64"}},
		lab.Port{Name: "eth1", Segment: d.Name})
	s.must(err)
	dir := s.TempDir()
	d.Env = []string{"TMPDIR=" + dir}
	p := s.start(d, h, conf)
	s.until(d.Name+" is master", func() bool { return p.Said("VI_A) Entering MASTER STATE") })
	const held = 9 // addresses of the routers that become master
	texts := make(map[string]string)
	for _, kind := range []struct {
		end  string
		sig  syscall.Signal
		want func(string) bool // it is whole: keepalived's grow under our eyes
	}{
		{"data", syscall.SIGUSR1, func(t string) bool {
			return strings.Count(t, " set") == held && strings.Contains(t, "Effective priority = 153\n") &&
				strings.Contains(t, "   Tracking instances :\n     VI_6")
		}},
		{"stats", syscall.SIGUSR2, func(t string) bool {
			return strings.Count(t, "Became master: 1\n") == 4 && strings.Count(t, "  Priority Zero:\n    Received: 0\n    Sent: 0\n") == 5
		}},
		{"json", jsonSignal, func(t string) bool {
			return strings.Count(t, " set") == held && strings.Contains(t, `"effective_priority":153,`) && json.Valid([]byte(t))
		}},
	} {
		s.until(d.Name+" dumps its "+kind.end, func() bool {
			s.must(p.Signal(kind.sig))
			b, err := os.ReadFile(filepath.Join(dir, "keepalived."+kind.end))
			texts[kind.end] = string(b)
			return err == nil && kind.want(texts[kind.end])
		})
	}
	return texts
}

const jsonSignal = syscall.Signal(36)

// Tools that read keepalived's files read ours: what is in keepalived's stands
// in the same words at the same place, but for what regent has not.
func TestDumpsAreKeepalivedsOwn(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	ours, theirs := s.dumps(regentd, dumped), s.dumps(lab.Keepalived(), dumped)
	for end, text := range theirs { // its routes and rules bear its mark
		theirs[end] = strings.NewReplacer(" proto 18", "", " protocol 18", "").Replace(text)
	}

	sent := regexp.MustCompile(`(?m)^(    Sent:) [1-9]\d*$`)
	own := regexp.MustCompile(`(?m)^(  Regent|  Authentication Extension Errors):\n(    .*\n)+|^(Interface: .*|All interfaces)\n`)
	if got, want := own.ReplaceAllString(sent.ReplaceAllString(ours["stats"], "$1 n"), ""), sent.ReplaceAllString(theirs["stats"], "$1 n"); got != want {
		t.Errorf("statistics:\n%s\nkeepalived's:\n%s", got, want)
	}

	var got, want []map[string]map[string]any
	for text, into := range map[string]*[]map[string]map[string]any{ours["json"]: &got, theirs["json"]: &want} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
		for _, r := range *into {
			delete(r["data"], "last_transition")
			delete(r["stats"], "advert_sent")
			delete(r["data"], "auth_data") // hidden since keepalived 2.4.0
			for key := range r["stats"] {
				if strings.HasPrefix(key, "auth_ext_") { // since keepalived 2.4.0
					delete(r["stats"], key)
				}
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("JSON:\n%v\nkeepalived's:\n%v", got, want)
	}

	have := make(map[string]bool)
	for _, line := range blocks(ours["data"]) {
		have[line] = true
	}
	missing := 0
	for _, line := range blocks(theirs["data"]) {
		if !have[line] && !notOurs.MatchString(line) {
			t.Errorf("not in our data: %q", line)
			missing++
		}
	}
	if missing > 0 {
		t.Logf("our data:\n%s", ours["data"])
	}
}

// blocks returns the lines of keepalived.data about routers, groups and scripts,
// each behind the head of its block.
func blocks(text string) (lines []string) {
	part, head := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "------<") {
			part = line
			continue
		}
		if !strings.HasPrefix(line, "  ") {
			head = line
		}
		if strings.Contains(part, "Topology") || strings.Contains(part, "groups") || strings.Contains(part, "Scripts") {
			lines = append(lines, head+":"+line)
		}
	}
	return lines
}

// notOurs are lines that tell of keepalived's workings, change from run to run,
// depend on whether the script or its router was first, or hold what is a secret
// since keepalived 2.4.0.
var notOurs = regexp.MustCompile(`fd_in|config faults|Last transition|Read timeout|Notify |Flags|ifindex|uid:gid|` +
	`VI_6:   Master down timer|Password|Sync Group.*smtp|Script = chk:   (Weight|Result|Insecure|Init|State|VRRP instances)`)

// What lies at the place of a dump is replaced, and not opened: it may be a link
// of somebody who wants root to write into a file of his choice.
func TestADumpFollowsNoLink(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	dir := s.TempDir()
	precious := filepath.Join(dir, "precious")
	s.must(os.WriteFile(precious, []byte("mine"), 0o600))
	for _, end := range []string{"data", "stats", "json"} {
		s.must(os.Symlink(precious, filepath.Join(dir, "x."+end)))
	}
	conf := fmt.Sprintf("instance I\nglobal_defs {\nstate_dump_file %[1]s/x.data\nstats_dump_file %[1]s/x.stats\njson_dump_file %[1]s/x.json\njson_version 2\n}\n", dir)
	p := s.start(regentd, h, conf+instance("eth0", 100, "1"))
	s.until("it runs", func() bool { return p.Said("Entering BACKUP STATE") })
	for end, sig := range map[string]syscall.Signal{"data": syscall.SIGUSR1, "stats": syscall.SIGUSR2, "json": jsonSignal} {
		s.must(p.Signal(sig))
		path := filepath.Join(dir, "x."+end)
		s.until(path+" is a file", func() bool {
			info, err := os.Lstat(path)
			return err == nil && info.Mode() == 0o600 && info.Size() > 0
		})
	}
	if b, err := os.ReadFile(precious); err != nil || string(b) != "mine" {
		t.Errorf("the file behind the links holds %q, %v", b, err)
	}
	var second struct{ VRRP []any }
	b, err := os.ReadFile(filepath.Join(dir, "x.json"))
	s.must(err)
	if err := json.Unmarshal(b, &second); err != nil || len(second.VRRP) != 1 {
		t.Errorf("json_version 2: %s", b)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// M-61: an operator may clear the counters, and sees what they were.
func TestCountersAreCleared(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	path := filepath.Join(s.TempDir(), "stats")
	p := s.start(regentd, h, "global_defs {\n stats_dump_file "+path+"\n}\n"+instance("eth0", 255, "40"))
	f := &field{stage: s}
	s.until("it is master", func() bool { return h.Has(vip) })
	s.until("it has advertised", func() bool { return f.count(p, path)["VI_1 adv_sent"] == 1 })
	s.must(os.Remove(path))
	s.must(p.Signal(statsClearSignal))
	s.until("it says what they were", func() bool {
		b, err := os.ReadFile(path)
		return err == nil && strings.Contains(string(b), "    Sent: 1\n")
	})
	s.until("they are cleared", func() bool { return f.count(p, path)["VI_1 adv_sent"] == 0 })
}

const statsClearSignal = syscall.Signal(63)

// Tools ask for the numbers of signals.
func TestSignalNumbersAreKeepaliveds(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	for _, word := range []string{"STOP", "RELOAD", "DATA", "STATS", "STATS_CLEAR", "JSON", "NONSENSE"} {
		ours, err := s.client.Run(t.Context(), regentd.Path, "--signum="+word)
		theirs, theirErr := s.client.Run(t.Context(), lab.Keepalived().Path, "--signum="+word)
		if (err == nil) != (theirErr == nil) || err == nil && ours != theirs {
			t.Errorf("%s: %q, %v; keepalived says %q, %v", word, ours, err, theirs, theirErr)
		}
	}
}
