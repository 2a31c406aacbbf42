// Command bench measures regent and keepalived in turn: the same namespaces,
// the same configuration, the same clock. It prints a table with ratios, where
// less than 1 is to regent's advantage. Latencies are taken from the wire,
// with the time stamps that the kernel gives to frames.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"regent/cmd/internal/lab"
)

// settings say how long to measure.
type settings struct {
	window    time.Duration // of CPU time
	takeovers int
	addresses int
}

var (
	thorough = settings{window: 20 * time.Second, takeovers: 30, addresses: 5000}
	quick    = settings{window: 4 * time.Second, takeovers: 5, addresses: 1000}
)

// An experiment measures one daemon.
type experiment struct {
	name string
	run  func(context.Context, *rig, settings) ([]figure, error)
}

var experiments = []experiment{
	{"500 masters at 1 s", cost(fleet{routers: 500, links: 2, interval: time.Second})},
	{"50 masters at 10 ms", cost(fleet{routers: 50, links: 1, interval: 10 * time.Millisecond})},
	{"takeover after kill -9, one router", takeover},
	{"takeover after kill -9, 500 routers", massTakeover},
	{"thousands of addresses", addresses},
}

func main() {
	regentd := flag.String("regentd", "bin/regentd", "regent's daemon")
	keepalived := flag.String("keepalived", "keepalived", "its rival")
	short := flag.Bool("quick", false, "measure for a short time only: for a look, not for the record")
	only := flag.String("run", "", "only the experiments whose name matches this regular expression")
	flag.Parse()

	s := thorough
	if *short {
		s = quick
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	rival := lab.Keepalived()
	rival.Path = *keepalived
	err := run(ctx, s, *only, lab.Regentd(*regentd), rival)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run lets both daemons go through every experiment, one after the other.
func run(ctx context.Context, s settings, only string, ours, theirs lab.Daemon) error {
	pick, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("read -run: %w", err)
	}
	daemons := []lab.Daemon{ours, theirs}
	for i := range daemons {
		if daemons[i], err = daemons[i].Resolve(); err != nil {
			return err
		}
	}
	fmt.Println(machine())
	t := newTable(os.Stdout)
	for _, e := range experiments {
		if !pick.MatchString(e.name) {
			continue
		}
		var results [2][]figure
		for i, d := range daemons {
			if results[i], err = measure(ctx, d, e, s); err != nil {
				return fmt.Errorf("%s, %s: %w", e.name, d.Name, err)
			}
		}
		t.section(e.name, results[0], results[1])
	}
	return nil
}

// measure runs an experiment in a lab of its own.
func measure(ctx context.Context, d lab.Daemon, e experiment, s settings) ([]figure, error) {
	l, err := lab.New(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	// An experiment that takes this long will not end at all.
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	return e.run(ctx, &rig{Lab: l, daemon: d}, s)
}
