package cfgparse

import (
	"fmt"
	"reflect"
	"sort"
	"strings"
	"testing"
	"testing/fstest"

	"regent/cfgparse/syntax"
)

// settle loads a text and writes all its settings, without places. Tests hold
// two of these against each other.
func settle(t *testing.T, text string) string {
	t.Helper()
	files := syntax.In(fstest.MapFS{"k.conf": &fstest.MapFile{Data: []byte(text)}})
	l, _ := loadAll("k.conf", Env{Files: files, ConfigID: "north", Dir: "/", Offline: true})
	var b strings.Builder
	dump(&b, reflect.ValueOf(l.cfg))
	return b.String()
}

// dump writes a value with all that it leads to, but no places in the text.
func dump(b *strings.Builder, v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[syntax.Pos](), reflect.TypeFor[Origin]():
		return
	}
	if s, ok := v.Interface().(fmt.Stringer); ok {
		b.WriteString(s.String())
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			dump(b, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fmt.Fprintf(b, " %s:", v.Type().Field(i).Name)
				dump(b, v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			b.WriteString("[")
			dump(b, v.Index(i))
			b.WriteString("]")
		}
	case reflect.Map:
		keys := v.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return fmt.Sprint(keys[i]) < fmt.Sprint(keys[j]) })
		for _, k := range keys {
			fmt.Fprintf(b, " %v=", k)
			dump(b, v.MapIndex(k))
		}
	default:
		fmt.Fprint(b, v.Interface())
	}
}

// frames are configurations with a gap (%s) for the keywords of each block.
var frames = map[string]string{
	"": `%s
vrrp_instance V { interface eth0
 virtual_router_id 5
 virtual_ipaddress { 192.0.2.5 }
}`,
	"global_defs": `global_defs {
%s
}
vrrp_instance V { interface eth0
 virtual_router_id 5
 virtual_ipaddress { 192.0.2.5 }
}
vrrp_instance V6 { interface eth0
 virtual_router_id 5
 priority 255
 virtual_ipaddress { fe80::5 }
}`,
	"vrrp_instance": `vrrp_script chk { script /bin/true }
track_file tf { file /tmp/x }
vrrp_track_process tp { process x }
bfd_instance bfd { neighbor_ip 192.0.2.9 }
vrrp_instance V { interface eth0
 virtual_router_id 5
 virtual_ipaddress { 192.0.2.5 }
 %s
}`,
	"authentication":     "vrrp_instance V { interface eth0\n virtual_router_id 5\n virtual_ipaddress { 192.0.2.5 }\n authentication { %s\n } }",
	"auth_hmac":          "vrrp_instance V { interface eth0\n virtual_router_id 5\n virtual_ipaddress { 192.0.2.5 }\n auth_hmac { %s\n } }",
	"vrrp_script":        "vrrp_script chk { script \"/bin/true\"\n %s\n }\nvrrp_instance V { interface eth0\n virtual_router_id 5\n virtual_ipaddress { 192.0.2.5 }\n track_script { chk\n } }",
	"vrrp_check":         "vrrp_check chk { %s\n tcp 192.0.2.1 80\n }\nvrrp_instance V { interface eth0\n virtual_router_id 5\n virtual_ipaddress { 192.0.2.5 }\n track_script { chk\n } }",
	"track_file":         "track_file tf { %s\n }",
	"vrrp_track_process": "vrrp_track_process tp { %s\n }",
	"bfd_instance":       "bfd_instance b { neighbor_ip 192.0.2.9\n %s\n }",
	"vrrp_sync_group": `vrrp_script chk { script /bin/true }
track_file tf { file /tmp/x }
vrrp_track_process tp { process x }
bfd_instance bfd { neighbor_ip 192.0.2.9 }
vrrp_sync_group G {
%s
}
vrrp_instance V { interface eth0
 virtual_router_id 5
 virtual_ipaddress { 192.0.2.5 }
}`,
	"track_group": "track_group G {\n%s\n}\nvrrp_instance V { interface eth0\n virtual_router_id 5\n virtual_ipaddress { 192.0.2.5 }\n}",
	"garp_group":  "garp_group {\n%s\n}",
}

// samples are uses of keywords whose table row does not tell what they take,
// or that mean something only together with others.
var samples = map[string]string{
	"interface_up_down_delays":                 "interface_up_down_delays { eth0 0.5 1 }",
	"linkbeat_interfaces":                      "linkbeat_interfaces { eth0 MII }",
	"static_ipaddress":                         "static_ipaddress { 192.0.2.77/24 dev eth1 }",
	"static_routes":                            "static_routes { 198.51.100.0/24 via 192.0.2.1 dev eth0 }",
	"static_rules":                             "static_rules { from 198.51.100.0/24 table 7 preference 9 }",
	"global_defs":                              "global_defs { router_id x }",
	"vrrp_script":                              "vrrp_script c { script /bin/true }\nvrrp_instance W { interface eth1\n virtual_router_id 9\n virtual_ipaddress { 192.0.2.9 }\n track_script { c\n } }",
	"vrrp_check":                               "vrrp_check c { icmp 192.0.2.1\n }\nvrrp_instance W { interface eth1\n virtual_router_id 9\n virtual_ipaddress { 192.0.2.9 }\n track_script { c\n } }",
	"vrrp_check/tcp":                           "tcp 192.0.2.9 81",
	"vrrp_check/http":                          "http https://192.0.2.9/health",
	"vrrp_check/icmp":                          "icmp 192.0.2.9",
	"vrrp_check/dns":                           "dns 192.0.2.9 example.org MX",
	"vrrp_check/systemd":                       "systemd haproxy",
	"vrrp_check/status":                        "http http://192.0.2.9/\n status 200-204 301",
	"vrrp_check/insecure":                      "http https://192.0.2.9/\n insecure",
	"vrrp_check/weight":                        "weight 9 reverse",
	"track_file":                               "track_file f { file /tmp/x }",
	"vrrp_track_process":                       "vrrp_track_process f { process x }",
	"bfd_instance":                             "bfd_instance f { neighbor_ip 192.0.2.9 }",
	"vrrp_instance":                            "vrrp_instance W { interface eth1\n virtual_router_id 9\n virtual_ipaddress { 192.0.2.9 } }",
	"vrrp_sync_group":                          "vrrp_sync_group G { group { V } }",
	"track_group":                              "track_group G { group { V } }",
	"garp_group":                               "garp_group { garp_interval 1\n interface eth0\n }",
	"global_defs/umask":                        "umask IWGRP | IROTH",
	"global_defs/max_auto_priority":            "max_auto_priority 9",
	"global_defs/vrrp_cpu_affinity":            "vrrp_cpu_affinity 1",
	"global_defs/bfd_cpu_affinity":             "bfd_cpu_affinity 1",
	"global_defs/smtp_server":                  "smtp_server 192.0.2.25 26",
	"global_defs/vrrp_mcast_group4":            "vrrp_mcast_group4 224.0.0.99",
	"global_defs/vrrp_mcast_group6":            "vrrp_mcast_group6 ff02::99",
	"global_defs/vrrp_rx_bufs_policy":          "vrrp_rx_bufs_policy ADVERT",
	"global_defs/lvs_sync_daemon":              "lvs_sync_daemon eth0 V id 3",
	"global_defs/notification_email":           "notification_email { a@example.org }",
	"global_defs/vrrp_owner_ignore_adverts":    "vrrp_owner_ignore_adverts",
	"global_defs/vrrp_ipsets":                  "vrrp_ipsets a b",
	"global_defs/vrrp_notify_fifo_script":      "vrrp_notify_fifo_script /bin/true",
	"vrrp_instance/state":                      "priority 100\n state MASTER",
	"vrrp_instance/interface":                  "interface eth9",
	"vrrp_instance/virtual_router_id":          "virtual_router_id 9",
	"vrrp_instance/authentication":             "authentication { auth_type PASS\n auth_pass x }",
	"vrrp_instance/auth_hmac":                  "auth_hmac { key 1 01234567890123456789012345678901\n active_key 1\n }",
	"vrrp_instance/virtual_ipaddress":          "virtual_ipaddress { 192.0.2.9 }",
	"vrrp_instance/virtual_ipaddress_excluded": "virtual_ipaddress_excluded { 192.0.2.9 }",
	"vrrp_instance/virtual_routes":             "virtual_routes { default via 192.0.2.1 dev eth0 }",
	"vrrp_instance/virtual_rules":              "virtual_rules { from 192.0.2.0/24 table 9 preference 9 }",
	"vrrp_instance/unicast_peer":               "unicast_peer { 192.0.2.8 }",
	"vrrp_instance/unicast_src_ip":             "unicast_src_ip 192.0.2.8",
	"vrrp_instance/mcast_src_ip":               "mcast_src_ip 192.0.2.8",
	"vrrp_instance/unicast_fault_no_peer":      "unicast_src_ip 192.0.2.8\n unicast_fault_no_peer",
	"vrrp_instance/unicast_ttl":                "unicast_peer { 192.0.2.8 }\n unicast_ttl 9",
	"vrrp_instance/mcast_dst_ip":               "mcast_dst_ip 224.0.0.77",
	"vrrp_instance/track_src_ip":               "mcast_src_ip 192.0.2.8\n track_src_ip",
	"vrrp_instance/track_interface":            "track_interface { eth5 weight 5 }",
	"vrrp_instance/track_script":               "track_script { chk weight 5 }",
	"vrrp_instance/track_file":                 "track_file { tf weight 5 }",
	"vrrp_instance/track_process":              "track_process { tp weight 5 }",
	"vrrp_instance/track_bfd":                  "track_bfd { bfd weight 5 }",
	"vrrp_instance/preempt":                    "nopreempt\n preempt",
	"vrrp_instance/accept":                     "no_accept\n accept",
	"vrrp_instance/timer_expired_backup":       "nopreempt\n timer_expired_backup 9",
	"vrrp_instance/checksum_tx":                "version 3\n checksum_tx pseudo",
	"vrrp_instance/checksum_rx":                "version 3\n checksum_rx pseudo",
	"vrrp_instance/profile":                    "profile strict-5798",
	"vrrp_instance/interop_v2v3":               "version 3\n interop_v2v3",
	"vrrp_instance/v2_address_list":            "v2_address_list drop",
	"vrrp_instance/source_check":               "source_check on-link",
	"vrrp_instance/owner_ignore_adverts":       "priority 255\n owner_ignore_adverts",
	"vrrp_instance/vmac_xmit_base":             "use_vmac\n vmac_xmit_base",
	"vrrp_instance/vrf":                        "",
	"vrrp_instance/use_vmac":                   "use_vmac v5 02:00:00:00:00:01",
	"vrrp_instance/use_ipvlan":                 "use_ipvlan v5 192.0.2.8 vepa",
	"vrrp_instance/garp_lower_prio_delay":      "garp_lower_prio_delay 9",
	"vrrp_instance/lvs_sync_daemon_interface":  "",
	"authentication/auth_type":                 "auth_pass x\n auth_type PASS",
	"authentication/auth_pass":                 "auth_type PASS\n auth_pass x",
	"auth_hmac/key":                            "active_key 1\n key 1 01234567890123456789012345678901",
	"auth_hmac/mode":                           "mode permissive",
	"auth_hmac/anti_replay":                    "anti_replay monotonic",
	"vrrp_script/script":                       "script \"/bin/x y\"",
	"vrrp_script/weight":                       "weight 9 reverse",
	"vrrp_script/user":                         "user root root",
	"track_file/file":                          "file /tmp/y",
	"track_file/weight":                        "file /tmp/x\n weight 9",
	"track_file/init_file":                     "file /tmp/x\n init_file 3 overwrite",
	"vrrp_track_process/process":               "process a b",
	"vrrp_track_process/param_match":           "process a b\n param_match initial",
	"vrrp_track_process/weight":                "process a\n weight 5",
	"vrrp_track_process/quorum":                "process a\n quorum 5",
	"vrrp_track_process/quorum_max":            "process a\n quorum_max 5",
	"vrrp_track_process/delay":                 "process a\n delay 5",
	"vrrp_track_process/fork_delay":            "process a\n fork_delay 5",
	"vrrp_track_process/terminate_delay":       "process a\n terminate_delay 5",
	"vrrp_track_process/full_command":          "process a\n full_command",
	"bfd_instance/neighbor_ip":                 "neighbor_ip 192.0.2.19",
	"bfd_instance/source_ip":                   "source_ip 192.0.2.19",
	"bfd_instance/weight":                      "weight 9",
	"bfd_instance/idle_tx":                     "idle_tx 2000",
	"bfd_instance/min_rx":                      "min_rx 20",
	"bfd_instance/min_tx":                      "min_tx 20",
	"vrrp_sync_group/group":                    "group { V }",
	"track_group/group":                        "group { V }",
	"garp_group/garp_interval":                 "interface eth0\n garp_interval 1",
	"garp_group/gna_interval":                  "interface eth0\n gna_interval 1",
	"garp_group/interface":                     "garp_interval 1\n interface eth0",
	"garp_group/interfaces":                    "garp_interval 1\n interfaces { eth0 }",
}

// candidates are lines to try for a keyword.
func candidates(block string, k *Keyword) []string {
	id := k.Name
	if block != "" {
		id = block + "/" + k.Name
	}
	if s, ok := samples[id]; ok {
		return []string{s}
	}
	if block == "vrrp_sync_group" {
		prefix := "group { V }\n"
		if s, ok := samples["vrrp_instance/"+k.Name]; ok {
			return []string{prefix + s}
		}
		return []string{prefix + k.Name, prefix + k.Name + " /bin/x", prefix + k.Name + " yes"}
	}
	var out []string
	for _, arg := range []string{"", "yes", "no", "2", "3", "7", "0.5", "/tmp/x", "word"} {
		out = append(out, strings.TrimSpace(k.Name+" "+arg))
	}
	return out
}

// withoutEffect are keywords that regent knows and that change no setting, and
// why.
var withoutEffect = map[string]string{
	"global_defs/include_check":               "it is for the preprocessor; see the tests of package syntax",
	"vrrp_instance/native_ipv6":               "it counts only before the first address; see TestNativeIPv6",
	"vrrp_instance/vrf":                       "it needs an instance without interface; see TestVRF",
	"vrrp_instance/lvs_sync_daemon_interface": "deprecated, and load balancing",
}

// TestEveryKeywordCounts fails for each keyword of tiers A to C that a
// configuration may as well leave out.
func TestEveryKeywordCounts(t *testing.T) {
	var walk func(v *Vocabulary)
	walk = func(v *Vocabulary) {
		frame := frames[v.Title]
		if frame == "" {
			t.Fatalf("no frame for %s", v.Title)
		}
		for _, k := range v.Keywords {
			if k.Block != nil {
				walk(k.Block)
			}
			id := v.Title + "/" + k.Name
			if k.Tier == D || withoutEffect[id] != "" {
				continue
			}
			counts := false
			for _, line := range candidates(v.Title, k) {
				// The same text with a word in place of the keyword that
				// nobody knows, so that all else stays as it is.
				other := strings.Replace(line, k.Name, "x_"+k.Name, 1)
				if i := strings.LastIndex(line, "\n"); i >= 0 && strings.HasPrefix(strings.TrimSpace(line[i:]), k.Name) {
					other = line[:i+1] + strings.Replace(line[i+1:], k.Name, "x_"+k.Name, 1)
				}
				if k.Shape == syntax.Block || k.Shape == syntax.List {
					other = ""
					if v.Title == "vrrp_sync_group" && k.Name != "group" {
						other = "group { V }"
					}
					if v.Title == "garp_group" {
						other = "garp_interval 1"
					}
				}
				if settle(t, fmt.Sprintf(frame, line)) != settle(t, fmt.Sprintf(frame, other)) {
					counts = true
					break
				}
			}
			if !counts {
				t.Errorf("%s changes nothing", id)
			}
		}
	}
	walk(Language())
}

func TestVRF(t *testing.T) {
	cfg, ds := loadText(t, "vrrp_instance V { virtual_router_id 5\n vrf red\n unicast_src_ip 192.0.2.1\n unicast_peer { 192.0.2.2 }\n virtual_ipaddress { 192.0.2.5 dev eth0 } }")
	if cfg == nil || cfg.Instances[0].Port.VRF != "red" {
		t.Errorf("vrf is lost: %v", ds)
	}
}

func TestNativeIPv6(t *testing.T) {
	cfg, ds := loadText(t, "vrrp_instance V { interface eth0\n virtual_router_id 5\n native_ipv6\n no_virtual_ipaddress\n }")
	if cfg == nil || cfg.Instances[0].Port.Family != 6 || cfg.Instances[0].Router.Version != 3 {
		t.Errorf("native_ipv6 is lost: %v", ds)
	}
}
