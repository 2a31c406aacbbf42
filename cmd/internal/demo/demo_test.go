package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/cfgparse"
	"regent/cmd/internal/lab"
)

const configs = "../../../testdata/demo"

// TestDemo plays the whole demo; it fails by itself if any act goes wrong. How
// fast the machine is that it runs on is not its matter.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	if err := lab.LookAtSources("../../.."); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "regentd")
	if out, err := exec.Command("go", "build", "-o", program, "regent/cmd/regentd").CombinedOutput(); err != nil {
		t.Fatalf("build regentd: %v\n%s", err, out)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "timeline"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	err = run(ctx, lab.Regentd(program), configs, out, time.Minute)
	if errors.Is(err, lab.ErrPrivilege) {
		t.Skip(err)
	}
	told, _ := os.ReadFile(out.Name())
	if err != nil {
		t.Fatalf("%v\n%s", err, told)
	}
	for _, a := range acts {
		if !strings.Contains(string(told), a.title) {
			t.Errorf("the timeline does not tell of %q:\n%s", a.title, told)
		}
	}
}

// The bounds that the demo prints are worth nothing if the configurations say
// something else.
func TestConfigurationsAreWhatTheActsAssume(t *testing.T) {
	for name, priority := range map[string]uint8{"left": 150, "right": 100} {
		cfg, diagnostics := cfgparse.Load(filepath.Join(configs, name+".conf"), cfgparse.Offline(""))
		if cfg == nil || len(cfg.Instances) != 1 {
			t.Fatalf("%s.conf: %v", name, diagnostics)
		}
		i := cfg.Instances[0]
		if i.Router.Priority != priority || i.Router.Interval != interval || len(i.Estate.Addresses) != 1 || i.Estate.Addresses[0].Prefix.Addr() != vip {
			t.Errorf("%s.conf has priority %d, interval %v, addresses %v", name, i.Router.Priority, i.Router.Interval, i.Estate.Addresses)
		}
	}
}

func TestLogLinesBecomeEvents(t *testing.T) {
	for _, test := range []struct {
		line string
		want event
		ok   bool
	}{
		{`2026-11-21T12:41:16.800620 INFO  (gateway) Entering MASTER STATE was=BACKUP reason="no advert from anybody for 913ms"`,
			event{"MASTER", "no advert from anybody for 913ms"}, true},
		{`2026-11-21T12:41:18.335527 INFO  (gateway) Entering BACKUP STATE was=INIT reason=started`, event{"BACKUP", "started"}, true},
		{`2026-11-21T12:41:17.887962 INFO  (gateway) Changing effective priority from=100 to=40 reason="service failed, weight -60"`,
			event{"", "priority 100 -> 40: service failed, weight -60"}, true},
		{`2026-11-21T12:41:18.335254 WARN  removing an address that a predecessor left behind address=192.0.2.100/24 interface=eth0`,
			event{"", "192.0.2.100/24 was left behind by the killed one, and is removed"}, true},
		{`2026-11-21T12:41:18.335728 DEBUG link interface=eth0 up=true carrier=true`, event{}, false},
		{`Sat Nov 21 12:15:43 2026: (VI_1) Entering BACKUP STATE (init)`, event{"BACKUP", "init"}, true},
	} {
		if got, ok := parse(test.line); got != test.want || ok != test.ok {
			t.Errorf("%s\nread as %+v, %v", test.line, got, ok)
		}
	}
}

func TestTheStripShowsSilence(t *testing.T) {
	begun := time.Unix(1000, 0)
	var echoes []lab.Echo
	for at := time.Duration(0); at < 4*cell; at += every {
		e := lab.Echo{At: begun.Add(at)}
		if at < cell || at >= 2*cell+cell/2 {
			e.Answered = e.At.Add(time.Millisecond)
		}
		echoes = append(echoes, e)
	}
	if got := (&timeline{}).strip(echoes, begun); got != "█·▄█" {
		t.Errorf("drawn as %s", got)
	}
}

func TestColourIsForTerminals(t *testing.T) {
	if text := (&timeline{}).paint(red, "x"); strings.Contains(text, "\x1b") {
		t.Errorf("painted %q without a terminal", text)
	}
	if text := (&timeline{colour: true}).paint(red, "x"); text != "\x1b[31mx\x1b[0m" {
		t.Errorf("painted %q", text)
	}
}
