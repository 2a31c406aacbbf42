package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/cfgparse"
)

func TestQuantiles(t *testing.T) {
	values := []time.Duration{5, 1, 4, 2, 3}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.9: 5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v of %v is %d, want %d", q, values, got, want)
		}
	}
	if got := median([]time.Duration{}); got != 0 {
		t.Errorf("the median of nothing is %d", got)
	}
}

func TestDigits(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1234.5: "1234", 12.345: "12.3", 1.2345: "1.23", 0.01234: "0.012", -2.345: "-2.35"} {
		if got := digits(v); got != want {
			t.Errorf("%v is printed as %s, want %s", v, got, want)
		}
	}
	if got := ratio(1, 0); got != "-" {
		t.Errorf("a ratio to nothing is printed as %s", got)
	}
}

func TestTheTableShowsBothSides(t *testing.T) {
	var b strings.Builder
	newTable(&b).section("what", []figure{milliseconds("takes", 5*time.Millisecond)}, []figure{milliseconds("takes", 10*time.Millisecond)})
	fields := strings.Fields(b.String())
	want := "regent keepalived ratio what takes 5.00 ms 10.0 ms 0.500"
	if got := strings.Join(fields, " "); got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// What is measured must be what is meant: routers, links, and a down interval
// without a rounded skew.
func TestConfigurationsAreWhatIsMeasured(t *testing.T) {
	load := func(conf string) *cfgparse.Config {
		t.Helper()
		file := filepath.Join(t.TempDir(), "bench.conf")
		if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg, diagnostics := cfgparse.Load(file, cfgparse.Offline(""))
		if cfg == nil || len(diagnostics) > 0 {
			t.Fatalf("%v", diagnostics)
		}
		return cfg
	}
	f := fleet{routers: 500, links: 2, interval: 160 * time.Millisecond}
	if got := f.down(); got != 580*time.Millisecond {
		t.Errorf("the down interval is %v, want 580ms", got)
	}
	cfg := load(f.conf(backupPriority))
	type key struct {
		ifname string
		vrid   uint8
	}
	seen := make(map[key]bool)
	for i, r := range cfg.Instances {
		k := key{r.Port.Interface, r.VRID}
		if seen[k] || k != (key{ifname(f.link(i)), f.vrid(i)}) || r.Router.Interval != f.interval || r.Estate.Addresses[0].Prefix.Addr() != f.address(i) {
			t.Fatalf("router %d is %v, interval %v, addresses %v", i, k, r.Router.Interval, r.Estate.Addresses)
		}
		seen[k] = true
	}
	if len(seen) != f.routers {
		t.Errorf("%d routers, want %d", len(seen), f.routers)
	}
	cfg = load(manyAddresses(5000, 100*time.Millisecond))
	if n := len(cfg.Instances[0].Estate.Addresses); n != 5000 {
		t.Errorf("%d addresses, want 5000", n)
	}
}
