package daemon

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/vrrp"
)

// scene is an instance V, in which it says more, and all that it may refer to.
func scene(more string) string {
	return globals + `vrrp_script chk {
	script "/bin/true"
	interval 1
}
track_file file {
	file /dev/null
}
` + instance("V", "eth0", 51, "192.0.2.100/24", more)
}

// O-9: no setting of an instance, but for those that say where it is, costs a
// master its state or an address that is still its own, when a reload changes it
// and when a reload changes it back. Nobody is told of what is as it was.
func TestWhatAReloadMayChange(t *testing.T) {
	long := strings.Repeat("x", 32)
	for name, change := range map[string]struct{ from, to string }{
		"priority":            {"priority 150", "priority 120"},
		"owner":               {"priority 150", "priority 255"},
		"interval":            {"", "advert_int 3"},
		"version":             {"", "version 2"},
		"password":            {"version 2\nauthentication {\nauth_type PASS\nauth_pass one\n}", "version 2\nauthentication {\nauth_type PASS\nauth_pass two\n}"},
		"signature":           {"", "auth_hmac {\nmode enforce\nkey 1 text:" + long + "\nactive_key 1\n}"},
		"both versions":       {"", "interop_v2v3"},
		"addresses":           {"virtual_ipaddress_excluded {\n198.51.100.100/24\n}", "virtual_ipaddress_excluded {\n198.51.100.101/24\n}"},
		"routes":              {"", "virtual_routes {\n203.0.113.0/24 dev eth0\n}"},
		"rules":               {"", "virtual_rules {\nfrom 198.18.0.1 table 100 preference 900\n}"},
		"weighted tracks":     {"", "track_file {\nfile weight 2\n}\ntrack_interface {\neth1 weight -5\n}"},
		"tracks":              {"", "track_script {\nchk\n}\ntrack_interface {\neth1\n}"},
		"own link":            {"", "dont_track_primary"},
		"own source":          {"mcast_src_ip 192.0.2.1", "mcast_src_ip 192.0.2.1\ntrack_src_ip"},
		"source":              {"", "mcast_src_ip 192.0.2.1"},
		"preemption":          {"nopreempt", "preempt_delay 5"},
		"acceptance":          {"", "no_accept"},
		"patience":            {"", "down_timer_adverts 5"},
		"announcements":       {"", "garp_master_delay 1\ngarp_master_repeat 2\ngarp_master_refresh 5\ngarp_lower_prio_repeat 3"},
		"manners":             {"", "lower_prio_no_advert\nhigher_prio_send_advert"},
		"secondaries":         {"", "promote_secondaries"},
		"notify":              {"", "notify /bin/true\nnotify_master /bin/true\nnotify_deleted\nnotify_priority_changes"},
		"checks of addresses": {"", "skip_check_adv_addr"},
		"checksum":            {"", "v3_checksum_as_v2"},
		"peers":               {"unicast_src_ip 192.0.2.1\n" + peers("192.0.2.2"), "unicast_src_ip 192.0.2.1\n" + peers("192.0.2.3")},
		"link of the adverts": {"use_vmac", "use_vmac\nvmac_xmit_base"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).wide().start(scene(change.from))
				w.pass(8 * time.Second)
				n.is(Master)
				for _, text := range []string{change.to, change.from} {
					m := n.mark()
					n.Reload(parse(t, scene(text)))
					w.pass(700 * time.Millisecond)
					n.is(Master)
					m.told()
					for _, a := range m.n.heard()[m.adverts:] {
						if a.Priority == vrrp.Resign {
							t.Errorf("it has resigned for %q", text)
						}
					}
					for _, c := range n.Changes()[m.changes:] {
						if c.Remove && c.Address.Prefix.Addr() == vip {
							t.Errorf("it has given up its address for %q", text)
						}
					}
				}
			})
		})
	}
}

// What says where an instance is makes another one of it (keepalived-language
// 4.11.2): the old one resigns, the new one begins.
func TestWhatMakesAnotherRouter(t *testing.T) {
	for name, change := range map[string]struct{ from, to string }{
		"virtual MAC": {"", "use_vmac"},
		"its device":  {"use_vmac", "use_vmac other"},
		"unicast":     {"", "unicast_src_ip 192.0.2.1\n" + peers("192.0.2.2")},
		"its source":  {"unicast_src_ip 192.0.2.1\n" + peers("192.0.2.2"), "unicast_src_ip 192.0.2.7\n" + peers("192.0.2.2")},
		"its group":   {"", "mcast_dst_ip 224.0.0.19"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1)
				n.add("eth0", linkAddress(netip.MustParsePrefix("192.0.2.7/24")))
				n.start(scene(change.from))
				w.pass(5 * time.Second)
				n.is(Master)
				m := n.mark()
				n.Reload(parse(t, scene(change.to)))
				if got := m.resigned(); got != 1 {
					t.Errorf("%d resignations, want 1", got)
				}
				w.pass(5 * time.Second)
				n.is(Master)
			})
		})
	}
}

// O-9: what a reload changes of a sync group, but for its members, costs them
// nothing either. A weight that comes into force, or goes, moves priorities.
func TestWhatAReloadMayChangeOfAGroup(t *testing.T) {
	inWorld(t, func(w *world) {
		text := func(group string) string {
			return globals + "track_file file {\nfile /dev/null\n}\nvrrp_script chk {\nscript \"/bin/true\"\ninterval 1\n}\n" +
				"vrrp_sync_group G {\ngroup {\nV\nW\n}\n" + group + "\n}\n" +
				instance("V", "eth0", 51, "192.0.2.100/24", "track_interface {\neth1 weight 20\n}") +
				instance("W", "eth0", 52, "192.0.2.101/24", "")
		}
		n := w.node(1).wide().start(text(""))
		w.pass(5 * time.Second)
		n.become(Master, Master)
		for _, change := range []struct {
			group    string
			priority uint8 // of V
		}{
			{"sync_group_tracking_weight", 120},
			{"global_tracking", 120},
			{"track_interface {\neth1\n}", 100},
			{"track_interface {\neth1 weight 7\n}", 107},
			{"track_script {\nchk\n}", 100},
			{"track_file {\nfile weight 2\n}", 100},
			{"notify /bin/true\nnotify_master /bin/true", 100},
			{"", 100},
		} {
			m := n.mark()
			n.Reload(parse(t, text(change.group)))
			w.pass(1100 * time.Millisecond)
			n.become(Master, Master)
			m.told()
			if changed := n.Changes()[m.changes:]; len(changed) > 0 {
				t.Errorf("%q changes %v", change.group, changed)
			}
			sent := n.heard()[m.adverts:]
			for _, a := range sent {
				if a.Priority == vrrp.Resign {
					t.Errorf("%q makes virtual router %d resign", change.group, a.VRID)
				}
			}
			if i := slices.IndexFunc(sent, func(a sentAdvert) bool { return a.VRID == 51 }); sent[i].Priority != change.priority {
				t.Errorf("%q gives the priority %d, want %d", change.group, sent[i].Priority, change.priority)
			}
		}
	})
}
