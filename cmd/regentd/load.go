package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"regent/cfgparse"
	"regent/cfgparse/syntax"
)

// load reads the configuration as this host would run it.
func load(o *options) (*cfgparse.Config, syntax.Diagnostics) {
	env := cfgparse.Host(o.configID)
	env.CheckIncludes = o.allConfig
	cfg, diagnostics := cfgparse.Load(o.file, env)
	if cfg != nil {
		cfg.ForgetOrigins()
		waitAfterBoot(cfg)
	}
	return cfg, diagnostics
}

// sinceBoot is how long the machine had run when the daemon began.
var sinceBoot = func() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}()

// waitAfterBoot makes every router wait for what is left of
// vrrp_delay_after_boot, unless it waits for longer anyway.
func waitAfterBoot(cfg *cfgparse.Config) {
	for i := range cfg.Instances {
		r := &cfg.Instances[i].Router
		r.StartDelay = max(r.StartDelay, cfg.Global.DelayAfterBoot-sinceBoot)
	}
}

// faultless reports why a configuration that could be run is not:
// reload_check_config wants one without any message.
func faultless(g *cfgparse.Global, diagnostics syntax.Diagnostics) error {
	if g.Reload.CheckFirst && diagnostics.ExitCode() != 0 {
		return errors.New("reload_check_config wants a configuration without faults")
	}
	return nil
}

// loadThere reads the configuration as the network namespace that it names would
// run it, and else as load does.
func loadThere(o *options) (*cfgparse.Config, syntax.Diagnostics) {
	cfg, diagnostics := load(o)
	if cfg == nil {
		return cfg, diagnostics
	}
	at := placeOf(o, &cfg.Process)
	if at.namespace == "" || at.visit() != nil {
		return cfg, diagnostics
	}
	return load(o)
}

// check is -t.
func check(o *options, stderr io.Writer) int {
	_, diagnostics := loadThere(o)
	if o.testLog == "" {
		diagnostics.Fprint(stderr, false)
	} else if err := appendTo(o.testLog, diagnostics); err != nil {
		fmt.Fprintln(stderr, "regentd: write the log of -t:", err)
		return exitFatal
	}
	return diagnostics.ExitCode()
}

// appendTo adds what there is to say about a configuration to a file.
func appendTo(path string, diagnostics syntax.Diagnostics) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(diagnostics.Fprint(f, false), f.Close())
}

// tell logs what there is to say about a configuration, and what becomes of it:
// that a check is not made matters more than why.
func tell(log *slog.Logger, diagnostics syntax.Diagnostics) {
	for _, d := range diagnostics {
		var more []any
		if d.Effect != "" {
			more = append(more, "effect", d.Effect)
		}
		log.Log(context.Background(), levelOf(d), d.Error(), more...)
	}
}

func levelOf(d syntax.Diagnostic) slog.Level {
	switch {
	case d.Severity == syntax.Error, d.Absent: // a router without its checks runs, but not as it was meant to
		return slog.LevelError
	case d.Severity == syntax.Warning:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
