package cfgparse

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// sandbox runs keepalived 2.2.7 in namespaces of its own: a network with the
// named interfaces and nothing behind them, processes that cannot see ours,
// and a file system that cannot be written to. It prints what keepalived
// dumps on SIGUSR1. The configuration comes on standard input.
const sandbox = `
mount -t tmpfs none /run && mkdir -p /run/out /run/netns && cat > /run/k.conf
mount -o remount,bind,ro / 2>/dev/null
ip link set lo up
n=0
for i in $LINKS; do
	n=$((n+1))
	ip link add "$i" type veth peer name "peer-$n" && ip link set "$i" up && ip link set "peer-$n" up
	ip addr add "198.18.$n.1/24" dev "$i"
done
for i in $NAMESPACES; do : > "/run/netns/$i"; mount --bind /proc/self/ns/net "/run/netns/$i"; done
TMPDIR=/run/out keepalived -n -l -P -f /run/k.conf -i nobody >/run/log 2>&1 &
pid=$!
for n in $(seq 1000); do # a minute, for a busy machine
	[ -n "$(find /run -name 'vrrp*.pid' -size +0c)" ] && grep -q "Startup complete" /run/log && break
	kill -0 $pid 2>/dev/null || break
	sleep 0.05
done
kill -USR1 $pid
for n in $(seq 1000); do # a minute, for a busy machine
	grep -q "Interfaces >" /run/out/keepalived.data 2>/dev/null && break
	kill -0 $pid 2>/dev/null || break
	sleep 0.05
done
cat /run/out/keepalived.data
kill $pid
`

// dumped is what keepalived has in force for one instance.
type dumped map[string]string

// dumpOf runs keepalived on a configuration and returns its instances.
func dumpOf(t *testing.T, text []byte, links []string, namespaces []string) map[string]dumped {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", sandbox)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LINKS=" + strings.Join(links, " "), "NAMESPACES=" + strings.Join(namespaces, " ")}
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	if ctx.Err() != nil {
		t.Fatalf("keepalived did not answer in time: %v", err)
	}
	return parseDump(string(out))
}

// parseDump reads the instances of keepalived.data.
func parseDump(out string) map[string]dumped {
	all := map[string]dumped{}
	var d dumped
	list := ""
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "------<") {
			d = nil
		}
		if name, ok := strings.CutPrefix(line, " VRRP Instance = "); ok {
			d = dumped{}
			all[name] = d
			continue
		}
		if d == nil {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimSpace(line), " = ")
		switch {
		case strings.HasPrefix(line, "     ") && list != "":
			d[list] += strings.Fields(line)[0] + weightOf(line) + " "
		case ok:
			d[key], list = value, ""
		default:
			list, _, _ = strings.Cut(strings.TrimSpace(line), ":")
			list, _, _ = strings.Cut(list, " (")
			list = strings.TrimSpace(list)
		}
	}
	return all
}

func weightOf(line string) string {
	if _, w, ok := strings.Cut(line, " weight "); ok {
		return ":" + strings.Join(strings.Fields(w), ":")
	}
	return ""
}

// effective is the same of one of ours.
func effective(in *Instance) dumped {
	d := dumped{
		"VRRP Version":                         fmt.Sprint(in.Router.Version),
		"Interface":                            in.Port.Interface,
		"Virtual Router ID":                    fmt.Sprint(in.VRID),
		"Priority":                             fmt.Sprint(in.Router.Priority),
		"Preempt":                              map[bool]string{true: "disabled", false: "enabled"}[in.Router.NoPreempt],
		"Accept":                               map[bool]string{true: "enabled", false: "disabled"}[in.Accept],
		"Gratuitous ARP delay":                 seconds0(in.Router.Announce.Delay),
		"Gratuitous ARP repeat":                fmt.Sprint(in.Router.Announce.Repeat),
		"Gratuitous ARP refresh":               seconds0(in.Router.Announce.Refresh),
		"Gratuitous ARP refresh repeat":        fmt.Sprint(in.Router.Announce.RefreshRepeat),
		"Gratuitous ARP lower priority delay":  seconds0(in.Router.Announce.LowerDelay),
		"Gratuitous ARP lower priority repeat": fmt.Sprint(max(in.Router.Announce.LowerRepeat, 0)),
		"Down timer adverts":                   fmt.Sprint(in.Router.DownAdverts),
		"Advert interval":                      fmt.Sprint(in.Router.Interval),
		"Send advert after receive lower priority advert":  fmt.Sprint(!in.Router.SilentToLower),
		"Send advert after receive higher priority advert": fmt.Sprint(in.Router.LastWord),
	}
	for i, a := range in.Estate.Addresses {
		p := a.Prefix
		text := p.String()
		if p.IsSingleIP() {
			text = p.Addr().String()
		}
		if i < len(in.Advertised) {
			d["Virtual IP"] += text + " "
		} else {
			d["Virtual IP Excluded"] += text + " "
		}
	}
	for _, p := range in.Profile.Peers {
		d["Unicast Peer"] += p.Addr.String() + " "
	}
	for _, t := range in.Tracks {
		if t.Kind == health.Interface {
			d["Tracked interfaces"] += tracked(t)
		}
	}
	return d
}

func tracked(t health.Track) string {
	s := fmt.Sprintf("%s:%d", t.Name, t.Weight)
	if t.Reverse {
		s += ":reverse"
	}
	return s + " "
}

// TestScriptValues compares what the corpus cannot: trackers whose scripts and
// files exist.
func TestScriptValues(t *testing.T) {
	needKeepalived(t)
	const text = `global_defs { enable_script_security
 script_user root
}
vrrp_script one { script /bin/true
 weight -20 reverse
}
vrrp_script two { script "/bin/true x"
}
vrrp_script three { script /bin/true
 weight 5
}
track_file tf { file /run/x
 weight 3
}
vrrp_sync_group G { group { C
  D
 }
 track_script { three
 }
}
vrrp_instance A { interface eth0
 virtual_router_id 1
 track_script { one
  two
  three weight 7 reverse
 }
 track_file { tf weight -7
 }
 track_interface { eth1 weight -3 reverse
 }
 virtual_ipaddress { 192.0.2.1
 }
}
vrrp_instance B { interface eth0
 virtual_router_id 2
 priority 255
 track_script { one
  two
 }
 virtual_ipaddress { 192.0.2.2
 }
}
vrrp_instance C { interface eth0
 virtual_router_id 3
 track_script { one
  two
 }
 track_interface { eth1 weight 5
 }
 virtual_ipaddress { 192.0.2.3
 }
}
vrrp_instance D { interface eth0
 virtual_router_id 4
 virtual_ipaddress { 192.0.2.4
 }
}
`
	cfg, ds := loadText(t, text)
	if cfg == nil {
		t.Fatal(ds)
	}
	theirs := dumpOf(t, []byte(text), []string{"eth0", "eth1"}, nil)
	for i := range cfg.Instances {
		in := &cfg.Instances[i]
		d := effective(in)
		for _, tr := range in.Tracks {
			if tr.Kind == health.Script {
				d["Tracked scripts"] += tracked(tr)
			}
		}
		for _, tr := range in.Tracks {
			if tr.Kind == health.File {
				d["Tracked files"] += strings.Replace(tracked(tr), ":", ",:", 1)
			}
		}
		for _, key := range []string{"Tracked scripts", "Tracked files", "Tracked interfaces", "Priority"} {
			if got, want := normal(key, d[key]), normal(key, theirs[in.Name][key]); got != want {
				t.Errorf("%s: %s = %q, keepalived has %q", in.Name, key, got, want)
			}
		}
	}
}

// needKeepalived skips where keepalived or the rights to cage it are missing.
func needKeepalived(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root for namespaces")
	}
	if _, err := exec.LookPath("keepalived"); err != nil {
		t.Skip("needs keepalived")
	}
}

func seconds0(d time.Duration) string { return fmt.Sprint(int(d.Seconds())) }

// normal makes keepalived's values comparable.
func normal(key, value string) string {
	switch key {
	case "Advert interval":
		number, unit, _ := strings.Cut(value, " ")
		n, _ := strconv.ParseFloat(number, 64)
		if unit == "milli-sec" {
			n /= 1000
		}
		return time.Duration(n * float64(time.Second)).Round(time.Millisecond).String()
	case "Virtual IP", "Virtual IP Excluded":
		var out []string
		for _, w := range strings.Fields(value) {
			if p, err := netip.ParsePrefix(w); err == nil && p.IsSingleIP() {
				w = p.Addr().String()
			}
			out = append(out, w)
		}
		slices.Sort(out) // keepalived sorts the excluded ones
		return strings.Join(out, " ")
	case "Tracked interfaces", "Tracked scripts", "Tracked files", "Unicast Peer":
		out := strings.Fields(value)
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	return value
}

// dumpExceptions are the files whose effective values differ, and why.
var dumpExceptions = map[string]string{}

// TestCorpusValues holds what is in force for each instance of each public
// configuration that keepalived 2.2.7 accepts against its own data dump.
// Scripts are left out: those that the files name do not exist here.
func TestCorpusValues(t *testing.T) {
	needKeepalived(t)
	dir := corpus(t)
	for _, v := range verdicts(t, dir) {
		if v.verdict == "error" || verdictExceptions[v.file] != "" {
			continue
		}
		t.Run(v.file, func(t *testing.T) {
			t.Parallel()
			compareWithDump(t, filepath.Join(dir, v.file), v.file)
		})
	}
}

// syncDaemon matches lines about the connection synchronisation of IPVS.
var syncDaemon = regexp.MustCompile(`(?m)^.*\blvs_sync_daemon.*$`)

func compareWithDump(t *testing.T, name, short string) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("/proc/net/ip_vs"); err != nil { // without IPVS keepalived would not start
		text = syncDaemon.ReplaceAll(text, nil)
	}
	links := map[string]bool{}
	cfg, ds := Load(name, Env{ConfigID: "nobody", Offline: true, Interface: func(link string) bool { links[link] = true; return true }})
	if cfg == nil {
		t.Fatalf("refused: %v", ds)
	}
	if len(cfg.Instances) == 0 {
		return
	}
	delete(links, "lo")
	var namespaces []string
	if cfg.Process.Namespace != "" {
		namespaces = append(namespaces, cfg.Process.Namespace)
	}
	theirs := dumpOf(t, text, slices.Sorted(maps.Keys(links)), namespaces)
	if len(theirs) == 0 {
		t.Fatal("keepalived dumped no instance")
	}
	differ := false
	for i := range cfg.Instances {
		in := &cfg.Instances[i]
		their := theirs[in.Name]
		if their == nil {
			differ = true
			if dumpExceptions[short] == "" {
				t.Errorf("%s: keepalived has no such instance", in.Name)
			}
			continue
		}
		for key, our := range effective(in) {
			if skipValue(in, key) {
				continue
			}
			if got, want := normal(key, our), normal(key, their[key]); got != want && !(key == "Advert interval" && our == want) {
				differ = true
				if dumpExceptions[short] == "" {
					t.Errorf("%s: %s = %q, keepalived has %q", in.Name, key, got, want)
				}
			}
		}
	}
	if why := dumpExceptions[short]; why != "" && !differ {
		t.Errorf("is in the table of exceptions (%s) but agrees", why)
	}
}

// skipValue says which values cannot be compared.
func skipValue(in *Instance, key string) bool {
	switch key {
	case "Interface": // a virtual MAC has a name of its own
		return in.VMAC.Kind != netif.Parent || in.Port.Interface == ""
	case "Preempt":
		return in.Router.Priority == vrrp.Owner
	}
	return false
}
