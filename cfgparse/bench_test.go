package cfgparse

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

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
