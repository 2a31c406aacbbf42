package cfgparse

import (
	"strings"
	"testing"
)

// node is a configuration of a cluster's node, with a gap in its instance.
func node(t *testing.T, name, more string) Node {
	t.Helper()
	cfg, ds := loadText(t, "vrrp_script chk { script /bin/true\n weight -20\n }\nvrrp_instance V { interface eth0\n virtual_router_id 7\n"+more+"\n}\n")
	if cfg == nil {
		t.Fatal(ds)
	}
	return Node{Name: name, Config: cfg}
}

const addresses = "\nvirtual_ipaddress { 192.0.2.7\n}\n"

func TestCluster(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		want       string // part of a message; empty: none at all
	}{
		{"healthy", "priority 150" + addresses, "priority 100" + addresses, ""},
		{"same priority", addresses, addresses, "same priority"},
		{"addresses", "priority 150" + addresses, "virtual_ipaddress { 192.0.2.8\n}", "lacks 192.0.2.7"},
		{"version", "priority 150\nversion 3" + addresses, addresses, "versions 3 and 2"},
		{"interval", "priority 150\nadvert_int 2" + addresses, addresses, "intervals 2 s and 1 s"},
		{"password", "priority 150\nauthentication { auth_type PASS\nauth_pass x\n}" + addresses, addresses, "authentication differs"},
		{"unicast", "priority 150\nunicast_src_ip 192.0.2.1\nunicast_peer { 192.0.2.2\n}" + addresses, addresses, "sends unicast"},
		{"peers", "priority 150\nunicast_src_ip 192.0.2.1\nunicast_peer { 192.0.2.2\n}" + addresses,
			"unicast_src_ip 192.0.2.2\nunicast_peer { 192.0.2.3\n}" + addresses, "does not name 192.0.2.1"},
		{"owners", "priority 255" + addresses, "priority 255" + addresses, "both own"},
		{"weights", "priority 150\ntrack_script { chk\n}" + addresses, "priority 100" + addresses, "lower its priority only to 130"},
		{"group", "priority 150\nmcast_dst_ip 224.0.0.99" + addresses, addresses, "groups"},
	} {
		t.Run(c.name, func(t *testing.T) {
			standings, ds := Cluster([]Node{node(t, "one", c.a), node(t, "two", c.b)})
			var all []string
			for _, d := range ds {
				all = append(all, d.Message)
			}
			text := strings.Join(all, "\n")
			if c.want == "" && text != "" || !strings.Contains(text, c.want) {
				t.Errorf("got %q, want %q", text, c.want)
			}
			if len(standings) != 1 || len(standings[0].Places) != 2 {
				t.Errorf("standings %v", standings)
			}
		})
	}
	standings, _ := Cluster([]Node{node(t, "one", addresses), node(t, "two", "priority 150"+addresses)})
	const want = "VRID 7 over IPv4: master two (V, priority 150), then one (V, priority 100)"
	if got := standings[0].String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
