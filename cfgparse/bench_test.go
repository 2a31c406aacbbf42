package cfgparse

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"regent/cfgparse/syntax"
)

// generated is a configuration of about n lines, as a script would write it.
func generated(n int) string {
	var b strings.Builder
	b.WriteString("global_defs {\n    router_id bench\n    enable_script_security\n}\nvrrp_script chk {\n    script \"/bin/true\"\n    interval 2\n    weight -2\n}\n")
	for i := 0; i*20 < n; i++ {
		fmt.Fprintf(&b, `
vrrp_instance VI_%d {
    state BACKUP
    interface eth%d
    virtual_router_id %d
    priority %d
    advert_int 1
    preempt_delay 5
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        198.18.%d.%d/24 dev eth0 label eth0:%d
    }
    track_script {
        chk
    }
    garp_master_delay 1
}
`, i, i/255, i%255+1, 100+i%100, i/250, i%250+1, i)
	}
	return b.String()
}

func benchmarkLoad(b *testing.B, n int) {
	text := generated(n)
	files := syntax.In(fstest.MapFS{"k.conf": &fstest.MapFile{Data: []byte(text)}})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if cfg, ds := Load("k.conf", Env{Files: files, Dir: "/", Offline: true}); cfg == nil {
			b.Fatal(ds)
		}
	}
	if name := os.Getenv("REGENT_BENCH_CONFIG"); name != "" { // to hold keepalived -t against it
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad1000(b *testing.B)  { benchmarkLoad(b, 1000) }
func BenchmarkLoad20000(b *testing.B) { benchmarkLoad(b, 20000) }

// stopwatch times keepalived -t in a network of its own, in nanoseconds.
const stopwatch = `
mount -t tmpfs none /run && cat > /run/k.conf
ip link set lo up
for n in 0 1 2 3 4; do ip link add eth$n type veth peer name peer-$n && ip link set eth$n up; done
for n in 1 2 3; do
	start=$(date +%s%N); keepalived -t -f /run/k.conf >/dev/null 2>&1; echo $(($(date +%s%N) - start))
done
`

// BenchmarkBesideKeepalived reports how long regent takes in relation to the
// best of three runs of keepalived -t on the same text.
func BenchmarkBesideKeepalived(b *testing.B) {
	if _, err := exec.LookPath("keepalived"); err != nil || os.Geteuid() != 0 {
		b.Skip("needs keepalived, and root for a namespace")
	}
	for _, n := range []int{1000, 20000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := generated(n)
			cmd := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", stopwatch)
			cmd.Stdin = strings.NewReader(text)
			out, err := cmd.Output()
			if err != nil {
				b.Fatal(err)
			}
			best := time.Hour
			for _, s := range strings.Fields(string(out)) {
				ns, err := strconv.ParseInt(s, 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				best = min(best, time.Duration(ns))
			}
			files := syntax.In(fstest.MapFS{"k.conf": &fstest.MapFile{Data: []byte(text)}})
			for b.Loop() {
				if cfg, ds := Load("k.conf", Env{Files: files, Dir: "/", Offline: true}); cfg == nil {
					b.Fatal(ds)
				}
			}
			ours := b.Elapsed() / time.Duration(b.N)
			b.ReportMetric(float64(best)/1e6, "ms-keepalived")
			b.ReportMetric(float64(ours)/float64(best), "ratio")
		})
	}
}
