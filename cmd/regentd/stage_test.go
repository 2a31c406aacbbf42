package main_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// generous bounds every wait of these tests. It is no claim about speed: the
// machine may be busy with anything.
const generous = 40 * time.Second

// patience lets a backup wait for a hundred adverts, and so take no master for
// dead that a busy machine lets not run for some seconds. It goes by what it
// hears as ever: it takes over at once from one that resigns.
const patience = "down_timer_adverts 100"

// regentd is the daemon under test.
var regentd lab.Daemon

// busAddress is that of the message bus that daemons ask for systemd. None runs
// there but what a test starts.
var busAddress string

// TestMain builds the daemon, unless REGENTD names one that reads a
// keepalived.conf: make test names the one that make install would install, and
// with keepalived itself the tests test their own harness.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		// These tests wait for timers and not for processors.
		flag.Parse()
		if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
			f.Value.Set("24")
		}
		dir, err := os.MkdirTemp("", "regentd-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		busAddress = "unix:path=" + filepath.Join(dir, "bus")
		os.Setenv("DBUS_SYSTEM_BUS_ADDRESS", busAddress)
		if path := os.Getenv("REGENTD"); filepath.Base(path) == "keepalived" {
			regentd = lab.Keepalived()
			return m.Run()
		} else if path != "" {
			regentd = lab.Regentd(path)
			return m.Run()
		}
		path := filepath.Join(dir, "regentd")
		build := exec.Command("go", "build", "-o", path, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build regentd: %v\n%s", err, out)
			return 1
		}
		regentd = lab.Regentd(path)
		return m.Run()
	}())
}

// lookAtSources is done once, by whoever comes first.
var lookAtSources = sync.OnceValue(func() error { return lab.LookAtSources("../..") })

// A stage is a lab with a wire called lan, a client on it that keeps asking
// for an address, and a capture of everything that is said.
type stage struct {
	*testing.T
	*lab.Lab
	client *lab.Host
	wire   *lab.Capture
	begun  time.Time
}

func setStage(t *testing.T) *stage {
	t.Helper()
	if err := lookAtSources(); err != nil {
		t.Fatal(err)
	}
	l, err := lab.New(context.Background()) // closed by Cleanup, after the last look at its logs
	if errors.Is(err, lab.ErrPrivilege) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{T: t, Lab: l, begun: time.Now()}
	t.Cleanup(l.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what the programs said:\n%s", l.Report())
		}
	})
	s.client = s.host("client", "192.0.2.200/24", "2001:db8::200/64")
	s.wire, err = l.Capture("lan")
	s.must(err)
	return s
}

// host adds a host whose eth0 is on the lan.
func (s *stage) host(name string, addrs ...string) *lab.Host {
	s.Helper()
	h, err := s.Lab.Host(name, lab.Port{Name: "eth0", Segment: "lan", Addrs: addrs})
	s.must(err)
	return h
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// until waits for a condition, within the generous bound.
func (s *stage) until(what string, cond func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), generous)
	defer cancel()
	if err := s.Until(ctx, what, cond); err != nil {
		s.Fatal(err)
	}
}

// ended waits for the end of a program and returns its exit status.
func (s *stage) ended(p *lab.Proc) int {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), generous)
	defer cancel()
	code, err := p.Wait(ctx)
	if err != nil {
		s.Fatalf("%v\n%s", err, s.Report())
	}
	return code
}

// start runs a daemon with a configuration on a host, with a detailed log.
func (s *stage) start(d lab.Daemon, h *lab.Host, conf string, more ...string) *lab.Proc {
	s.Helper()
	p, err := h.StartDaemon(d, conf, nil, append(more, "-D")...)
	s.must(err)
	return p
}

// probe lets the client ask for an address until the test ends.
func (s *stage) probe(addr netip.Addr) *lab.Probe {
	s.Helper()
	p, err := s.client.Probe(s.Context(), addr, 10*time.Millisecond)
	s.must(err)
	return p
}

// advertised waits until the last advert for a virtual router satisfies cond.
func (s *stage) advertised(what string, vrid uint8, cond func(lab.Advert) bool) lab.Advert {
	s.Helper()
	var last lab.Advert
	s.until(what, func() bool {
		var ok bool
		last, ok = s.wire.Last(vrid)
		return ok && cond(last)
	})
	return last
}
