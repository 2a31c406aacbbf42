package cfgparse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// optionSamples are lines of the small languages inside an address, a route
// and a rule, by option. What stands in [brackets] is the option at work.
var optionSamples = map[string]map[string]string{
	"virtual_ipaddress": {
		"dev": "192.0.2.9/24 [dev eth1]", "scope": "192.0.2.9/24 [scope link]", "label": "192.0.2.9/24 [label eth0:1]",
		"brd": "192.0.2.9/24 [brd +]", "broadcast": "192.0.2.9/24 [broadcast 192.0.2.200]", "peer": "192.0.2.9 [peer 198.51.100.1]",
		"preferred_lft": "192.0.2.9/24 [preferred_lft 7]", "home": "192.0.2.9/24 [home]", "mngtmpaddr": "192.0.2.9/24 [mngtmpaddr]",
		"noprefixroute": "192.0.2.9/24 [noprefixroute]", "autojoin": "192.0.2.9/24 [autojoin]", "-nodad": "192.0.2.9/24 [-nodad]",
		"no_track": "192.0.2.9/24 [no_track]",
	},
	"static_ipaddress": {"track_group": "192.0.2.9/24 dev eth0 [track_group TG]"},
	"static_routes":    {"track_group": "192.0.2.0/24 dev eth0 [track_group TG]"},
	"static_rules":     {"track_group": "from 192.0.2.0/24 iif eth0 table 5 preference 5 [track_group TG]"},
	"virtual_routes": {
		"to": "dev eth0 [to 192.0.2.0/24]", "via": "192.0.2.0/24 [via 192.0.2.1] dev eth0", "gw": "192.0.2.0/24 [gw 192.0.2.1] dev eth0",
		"dev": "192.0.2.0/24 [dev eth0]", "oif": "192.0.2.0/24 [oif eth0]", "src": "192.0.2.0/24 dev eth0 [src 192.0.2.1]",
		"table": "192.0.2.0/24 dev eth0 [table 5]", "scope": "192.0.2.0/24 dev eth0 [scope link]", "metric": "192.0.2.0/24 dev eth0 [metric 5]",
		"priority": "192.0.2.0/24 dev eth0 [priority 5]", "preference": "192.0.2.0/24 dev eth0 [preference 5]",
		"protocol": "192.0.2.0/24 dev eth0 no_track [protocol 5]", "tos": "192.0.2.0/24 dev eth0 [tos 4]", "dsfield": "192.0.2.0/24 dev eth0 [dsfield 4]",
		"onlink": "192.0.2.0/24 dev eth0 [onlink]", "nexthop": "192.0.2.0/24 [nexthop via 192.0.2.1 dev eth0 weight 2 onlink realms 3]",
		"or": "192.0.2.0/24 via 192.0.2.1 [or 192.0.2.2] dev eth0", "from": "2001:db8::/64 dev eth0 [from 2001:db8:1::/64]",
		"mtu": "192.0.2.0/24 dev eth0 [mtu lock 1400]", "advmss": "192.0.2.0/24 dev eth0 [advmss 5]", "reordering": "192.0.2.0/24 dev eth0 [reordering 5]",
		"cwnd": "192.0.2.0/24 dev eth0 [cwnd 5]", "ssthresh": "192.0.2.0/24 dev eth0 [ssthresh 5]", "rtt": "192.0.2.0/24 dev eth0 [rtt 2s]",
		"rttvar": "192.0.2.0/24 dev eth0 [rttvar 200ms]", "rto_min": "192.0.2.0/24 dev eth0 [rto_min 300]", "window": "192.0.2.0/24 dev eth0 [window 5]",
		"initcwnd": "192.0.2.0/24 dev eth0 [initcwnd 5]", "initrwnd": "192.0.2.0/24 dev eth0 [initrwnd 5]", "hoplimit": "192.0.2.0/24 dev eth0 [hoplimit 5]",
		"quickack": "192.0.2.0/24 dev eth0 [quickack 1]", "fastopen_no_cookie": "192.0.2.0/24 dev eth0 [fastopen_no_cookie 1]",
		"features": "192.0.2.0/24 dev eth0 [features ecn]", "congctl": "192.0.2.0/24 dev eth0 [congctl lock reno]", "realms": "192.0.2.0/24 dev eth0 [realms 1/2]",
		"expires": "2001:db8::/64 dev eth0 [expires 9]", "pref": "2001:db8::/64 dev eth0 [pref high]", "ttl-propagate": "192.0.2.0/24 dev eth0 [ttl-propagate enabled]",
		"encap": "192.0.2.0/24 dev eth0 [encap mpls 100]", "vrf": "192.0.2.0/24 dev eth0 [vrf red]", "add": "192.0.2.0/24 dev eth0 [add]",
		"prepend": "192.0.2.0/24 dev eth0 append [prepend]", "append": "192.0.2.0/24 dev eth0 [append]", "inet": "dev eth0 default [inet]",
		"inet6": "dev eth0 default [inet6]", "default6": "dev eth0 [default6]", "no_track": "192.0.2.0/24 dev eth0 [no_track]",
	},
	"virtual_rules": {
		"from": "[from 192.0.2.0/24] table 5 preference 5", "to": "[to 192.0.2.0/24] table 5 preference 5", "table": "preference 5 [table 5]", "lookup": "preference 5 [lookup 5]",
		"preference": "table 5 [preference 5]", "priority": "table 5 [priority 5]", "order": "table 5 [order 5]", "iif": "table 5 preference 5 [iif eth1]",
		"dev": "table 5 preference 5 [dev eth1]", "oif": "table 5 preference 5 [oif eth1]", "fwmark": "table 5 preference 5 [fwmark 3/7]",
		"tos": "table 5 preference 5 [tos 4]", "dsfield": "table 5 preference 5 [dsfield 4]", "not": "table 5 preference 5 [not]",
		"realms": "table 5 preference 5 [realms 1/2]", "suppress_prefixlength": "table 5 preference 5 [suppress_prefixlength 0]",
		"sup_pl": "table 5 preference 5 [sup_pl 0]", "suppress_ifgroup": "table 5 preference 5 [suppress_ifgroup 3]", "sup_group": "table 5 preference 5 [sup_group 3]",
		"tunnel-id": "table 5 preference 5 [tunnel-id 3]", "uidrange": "table 5 preference 5 [uidrange 1-2]", "l3mdev": "preference 5 [l3mdev]",
		"protocol": "table 5 preference 5 no_track [protocol 3]", "ipproto": "table 5 preference 5 [ipproto tcp]", "sport": "table 5 preference 5 [sport 1-2]",
		"dport": "table 5 preference 5 [dport 1-2]", "goto": "preference 5 [goto 9]", "nop": "preference 5 [nop]", "blackhole": "preference 5 [blackhole]",
		"prohibit": "preference 5 [prohibit]", "unreachable": "preference 5 [type unreachable]", "inet6": "table 5 preference 5 [inet6]",
		"no_track": "table 5 preference 5 [no_track]",
	},
}

// plainWords are options that say what holds anyway.
var plainWords = []string{"inet", "prepend", "type", "unreachable"}

// TestEveryOptionCounts fails for each option of an address, a route or a rule
// that the line may as well leave out, and for each that no line tries.
func TestEveryOptionCounts(t *testing.T) {
	for block, lines := range optionSamples {
		for option, line := range lines {
			with := strings.NewReplacer("[", "", "]", "").Replace(line)
			before, rest, _ := strings.Cut(line, "[")
			_, after, _ := strings.Cut(rest, "]")
			a, b := settleLine(t, block, with), settleLine(t, block, before+after)
			if a == b && !slices.Contains([]string{"inet"}, option) {
				t.Errorf("%s: %s changes nothing in %q", block, option, with)
			}
		}
	}
	for block, options := range map[string][]string{"virtual_ipaddress": addressOptions, "virtual_routes": routeOptions, "virtual_rules": ruleOptions} {
		for _, o := range options {
			if optionSamples[block][o] == "" && o != "track_group" && o != "use_vmac" && !slices.Contains(plainWords, o) {
				t.Errorf("%s: no line tries %s", block, o)
			}
		}
	}
}

func frameLine(block, line string) string {
	if strings.HasPrefix(block, "static_") {
		return fmt.Sprintf("track_group TG { group { V } }\n%s {\n%s\n}\nvrrp_instance V { %s }\n", block, line, onEth0)
	}
	return fmt.Sprintf("vrrp_instance V { %s%s {\n%s\n}\n}\n", onEth0, block, line)
}

func settleLine(t *testing.T, block, line string) string {
	t.Helper()
	return settle(t, frameLine(block, line))
}
