package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/cfgparse"
	"regent/cmd/internal/logging"
	"regent/cmd/internal/notify"
	"regent/health"
	"regent/netif/netiftest"
	"regent/vrrp"
)

// A world is a segment with whole daemons on it, in the virtual time of a
// synctest bubble: real code, and not one second to wait.
type world struct {
	*testing.T
	segment *netiftest.Segment
	begin   time.Time
}

// inWorld runs a test in a world of its own.
func inWorld(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		test(&world{T: t, segment: netiftest.NewSegment(), begin: time.Now()})
	})
}

// A node is a host with a daemon.
type node struct {
	*netiftest.Host
	*Daemon
	w      *world
	name   string
	cancel context.CancelFunc
	done   chan error

	mu     sync.Mutex
	log    []string
	events []string
	story  []string // what of it is not for debugging
	checks map[string]func(health.Report)
}

// node makes a host with an address on the segment; start runs a daemon on it.
func (w *world) node(last int) *node {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, byte(last)}
	addr := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(last)}), 24)
	name := fmt.Sprintf("n%d", last)
	return &node{Host: w.segment.NewHost(name, mac, addr), w: w, name: name, checks: map[string]func(health.Report){}}
}

// parse reads a configuration, which must hold no mistake.
func parse(t testing.TB, text string) *cfgparse.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "regent.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, diagnostics := cfgparse.Load(path, cfgparse.Offline(""))
	if cfg == nil {
		t.Fatalf("the configuration of a test is wrong: %v", diagnostics)
	}
	return cfg
}

// start runs a daemon on the node until the test ends.
func (n *node) start(text string) *node {
	n.w.Helper()
	return n.startOn(n.Wire(), text)
}

// startOn does so with another wire.
func (n *node) startOn(wire Wire, text string) *node {
	n.w.Helper()
	n.run(wire, n.Host, parse(n.w, text))
	n.w.Cleanup(func() {
		n.stop()
		if n.w.Failed() {
			n.w.Logf("what %s said:\n%s", n.name, strings.Join(n.lines(""), "\n"))
		}
	})
	return n
}

// run runs a daemon until stop.
func (n *node) run(wire Wire, host Host, cfg *cfgparse.Config) {
	log := slog.New(logging.New(slog.LevelDebug, n))
	d := New(cfg, wire, host, n.watch, n, log)
	ctx, cancel := context.WithCancel(n.w.Context())
	n.Daemon, n.cancel, n.done = d, cancel, make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil { // which seed it was is half of the story
				panic(fmt.Sprintf("%s of %s: %v", n.name, n.w.Name(), p))
			}
		}()
		n.done <- d.Run(ctx)
		log.Handler().(*logging.Log).Close()
	}()
	synctest.Wait()
}

// stop ends the daemon and waits for it.
func (n *node) stop() {
	n.cancel()
	if err, ok := <-n.done; ok {
		close(n.done)
		if err != nil {
			n.w.Error(err)
		}
	}
	synctest.Wait()
}

// watch stands in for the checks: a test reports in their place.
func (n *node) watch(ctx context.Context, c health.Check, report func(health.Report)) error {
	n.mu.Lock()
	n.checks[c.Name] = report
	n.mu.Unlock()
	<-ctx.Done()
	return nil
}

// report posts the result of a check.
func (n *node) report(check string, status int) {
	n.mu.Lock()
	post := n.checks[check]
	n.mu.Unlock()
	r := health.Result{Outcome: health.Good}
	if status != 0 {
		r = health.Result{Outcome: health.Exited, Code: status}
	}
	post(health.Report{Kind: health.Script, Name: check, Result: r})
	synctest.Wait()
}

// Write implements logging.Sink.
func (n *node) Write(_ time.Time, level slog.Level, line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	line = fmt.Sprintf("%v %s", time.Since(n.w.begin), line)
	n.log = append(n.log, line)
	if level >= slog.LevelInfo {
		n.story = append(n.story, line)
	}
}

// told checks that these lines, and no others, were logged for people to read
// since the beginning or since forget.
func (n *node) told(want ...string) {
	n.w.Helper()
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if got := strings.Join(n.story, "\n"); got != strings.Join(want, "\n") {
		n.w.Errorf("%s says\n%s\nand should say\n%s", n.name, got, strings.Join(want, "\n"))
	}
}

// forget makes told look at what comes from now on.
func (n *node) forget() {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.story = nil
}

// Tell implements Notifier: it keeps the lines that a FIFO would get.
func (n *node) Tell(e notify.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, fmt.Sprintf("%s %q %s %d", e.Kind, e.Name, e.State, e.Priority))
}

// lines returns the log lines that hold a word.
func (n *node) lines(word string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []string
	for _, l := range n.log {
		if strings.Contains(l, word) {
			found = append(found, l)
		}
	}
	return found
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // virtual: it is over when everybody else waits for later
	synctest.Wait()
}

// now is the time since the world began.
func (w *world) now() time.Duration { return time.Since(w.begin) }

// status asks the loop for the state of an instance.
func (n *node) status(name string) (c Condition, count Counters) {
	asked := make(chan struct{})
	n.tell(func(d *Daemon) {
		for _, r := range d.routers {
			if r.Name == name {
				c, count = r.shown, r.count
			}
		}
		close(asked)
	})
	<-asked
	return c, count
}

// is checks the state of the instance "V".
func (n *node) is(want Condition) {
	n.w.Helper()
	if got, _ := n.status("V"); got != want {
		n.w.Fatalf("%v: %s is %v, want %v", n.w.now(), n.name, got, want)
	}
}

// entered returns when a node last entered a state, by its log.
func (n *node) entered(c Condition) (at time.Duration, line string) {
	n.w.Helper()
	all := n.lines("Entering " + c.String() + " STATE")
	if len(all) == 0 {
		n.w.Fatalf("%v: %s has never entered %v", n.w.now(), n.name, c)
	}
	line = all[len(all)-1]
	stamp, _, _ := strings.Cut(line, " ")
	at, err := time.ParseDuration(stamp)
	if err != nil {
		n.w.Fatal(err)
	}
	return at, line
}

// said checks that the last line about entering a state holds some words.
func (n *node) said(c Condition, words string) {
	n.w.Helper()
	if _, line := n.entered(c); !strings.Contains(line, words) {
		n.w.Errorf("%s says %q, want %q in it", n.name, line, words)
	}
}

// heard returns the adverts that a node has sent, decoded.
func (n *node) heard() (all []sentAdvert) {
	for _, a := range n.w.segment.Adverts() {
		if a.From != n.Host {
			continue
		}
		s := sentAdvert{at: a.At.Sub(n.w.begin)}
		if f := s.Decode(a.Payload, a.Envelope); f != vrrp.Accepted {
			n.w.Errorf("%s sent what breaks rule %s", n.name, f.Rule())
		}
		all = append(all, s)
	}
	return all
}

type sentAdvert struct {
	at time.Duration
	vrrp.Advert
}

var vip = netip.MustParseAddr("192.0.2.100")

const globals = "global_defs {\n\tvrrp_version 3\n}\n"

// conf is an instance "V" with more lines in it.
func conf(priority int, more ...string) string {
	return globals + instance("V", "eth0", 51, "192.0.2.100/24", append(more, fmt.Sprint("priority ", priority))...)
}

// instance is an instance without globals.
func instance(name, link string, vrid int, addr string, more ...string) string {
	return fmt.Sprintf(`vrrp_instance %s {
	interface %s
	virtual_router_id %d
	advert_int 1
	virtual_ipaddress {
		%s
	}
	%s
}
`, name, link, vrid, addr, strings.Join(more, "\n\t"))
}
