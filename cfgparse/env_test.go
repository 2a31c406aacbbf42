package cfgparse

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"regent/cfgparse/syntax"
	"regent/health"
)

// machine is an environment with one interface and one user, which has scripts
// that fit, that are missing and that others may write to.
func machine(text string) Env {
	return Env{
		Files: syntax.In(fstest.MapFS{"k.conf": &fstest.MapFile{Data: []byte(text)}}), Dir: "/",
		Interface: func(name string) bool { return name == "eth0" },
		MTU:       func(string) int { return 100 },
		Account: func(user, group string) error {
			if user == "alice" {
				return nil
			}
			return errors.New("user " + user + " is unknown")
		},
		Script: func(c health.Check) error {
			switch c.Command[0] {
			case "/missing":
				return errors.New("run /missing: no such file or directory")
			case "/open/x":
				return &health.Insecure{Command: "/open/x", Component: "/open", Problem: "is writable by everybody"}
			}
			return nil
		},
	}
}

const onEth0 = "interface eth0\nvirtual_router_id 7\nvirtual_ipaddress { 192.0.2.7\n}\n"

// What the machine lacks is said, with the piece at fault, and none of it
// keeps the daemon from running.
func TestMachine(t *testing.T) {
	for _, c := range []struct {
		name, text, says string
		class            syntax.Class
		checks           int // scripts that will run
	}{
		{"missing interface", "vrrp_instance V { interface eth9\nvirtual_router_id 7\nvirtual_ipaddress { 192.0.2.7\n}\n}", `no interface "eth9"`, syntax.BadInterface, 0},
		{"missing script", "vrrp_script c { script /missing }\nvrrp_instance V { " + onEth0 + "track_script { c\n}\n}", "no such file", syntax.General, 0},
		{"insecure script", "vrrp_script c { script /open/x }\nvrrp_instance V { " + onEth0 + "track_script { c\n}\n}", "/open is writable by everybody", syntax.Security, 1},
		{"insecure script refused", "global_defs { enable_script_security\nscript_user alice\n}\nvrrp_script c { script /open/x }\nvrrp_instance V { " + onEth0 + "track_script { c\n}\n}", "/open is writable by everybody", syntax.Security, 0},
		{"unknown user", "vrrp_script c { script /x\nuser bob\n}\nvrrp_instance V { " + onEth0 + "track_script { c\n}\n}", "user bob is unknown", syntax.General, 0},
		{"unknown default user", "global_defs { script_user bob\n}\nvrrp_script c { script /x\n}\nvrrp_instance V { " + onEth0 + "track_script { c\n}\n}", "no user to run it", syntax.General, 0},
		{"security without user", "global_defs { enable_script_security\n}\nvrrp_script c { script /x\n}\nvrrp_instance V { " + onEth0 + "track_script { c\n}\n}", "no user to run it", syntax.General, 0},
		{"arguments as user", "vrrp_instance V { " + onEth0 + "notify_master /x -v\n}", "user -v is unknown", syntax.General, 0},
		{"adverts longer than the MTU", "vrrp_instance V { interface eth0\nversion 3\nvirtual_router_id 7\nvirtual_ipaddress {\n" +
			strings.Repeat("192.0.2.1\n", 1) + "192.0.2.2\n192.0.2.3\n192.0.2.4\n192.0.2.5\n192.0.2.6\n192.0.2.7\n192.0.2.8\n192.0.2.9\n192.0.2.10\n192.0.2.11\n192.0.2.12\n192.0.2.13\n192.0.2.14\n192.0.2.15\n}\n}",
			"cannot hold 15 addresses", syntax.General, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, ds := Load("k.conf", machine(c.text))
			if cfg == nil {
				t.Fatalf("refused: %v", ds)
			}
			found := false
			for _, d := range ds {
				found = found || strings.Contains(d.Message, c.says) && d.Class == c.class && d.Pos.Line > 0
			}
			if !found || len(cfg.Checks) != c.checks {
				t.Errorf("%d checks, want %d; %v", len(cfg.Checks), c.checks, ds)
			}
		})
	}
}

// Whatever the environment, the file itself must be there.
func TestMissingFile(t *testing.T) {
	cfg, ds := Load("none.conf", machine(""))
	if cfg != nil || ds.ExitCode() != syntax.ExitUnreadable || ds.RunStatus() != syntax.ExitUnreadable {
		t.Errorf("cfg %v, exit %d, %v", cfg, ds.ExitCode(), ds)
	}
}

// A script of the daemon itself without a usable user does not run as root
// instead.
func TestMachineJudgesTheDaemonsOwnScripts(t *testing.T) {
	const scripts = "startup_script /x\nshutdown_script /x\nnotify_fifo /f\nnotify_fifo_script /x\nvrrp_notify_fifo /g\nvrrp_notify_fifo_script /x\n"
	for settings, want := range map[string]int{"": 4, "script_user alice\n": 4, "script_user bob\n": 0, "enable_script_security\n": 0} {
		cfg, ds := Load("k.conf", machine("global_defs {\n"+settings+scripts+"}"))
		if cfg == nil {
			t.Fatalf("%q: refused: %v", settings, ds)
		}
		n := 0
		for _, c := range []*Command{cfg.Global.Notify.Startup, cfg.Global.Notify.Shutdown, cfg.Global.Notify.FIFO.Script, cfg.Global.Notify.VRRP.Script} {
			if c != nil {
				n++
			}
		}
		if n != want {
			t.Errorf("%q: %d scripts, want %d: %v", settings, n, want, ds)
		}
	}
}
