// Command regentd is a VRRP router: it reads a keepalived.conf, takes
// keepalived's options, and takes keepalived's place.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"regent/cfgparse"
	"regent/cfgparse/syntax"
	"regent/cmd/internal/daemon"
	"regent/cmd/internal/logging"
	"regent/cmd/internal/notify"
	"regent/cmd/internal/version"
	"regent/health"
	"regent/netif"
)

// Exit codes are keepalived's; those of a configuration are its diagnostics'.
const (
	exitOK         = 0
	exitFatal      = 1 // and a bad command line
	exitPermission = 4
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole command. It returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "regentd: %v (try regentd --help)\n", err)
		return exitFatal
	case o.help:
		o.printUsage()
		return exitOK
	case o.version:
		fmt.Fprintln(stderr, version.String("regentd"))
		return exitOK
	case o.signum != "":
		return printSignal(o.signum, stdout, stderr)
	case o.test:
		return check(o, stderr)
	case o.foreground && isFirst():
		return first(args, stderr)
	case !o.foreground && os.Getenv(inBackground) == "":
		return background(args, stderr)
	}
	return serve(o, stderr)
}

// printSignal is --signum.
func printSignal(word string, stdout, stderr io.Writer) int {
	sig, ok := signum[word]
	if !ok {
		fmt.Fprintf(stderr, "regentd: unknown signal %q\n", word)
		return exitFatal
	}
	fmt.Fprintln(stdout, int(sig))
	return exitOK
}

// openLog opens the log that the options ask for. A host without syslog gets
// the console instead of silence.
func openLog(o *options, ident string, stderr io.Writer) *logging.Log {
	level := slog.LevelInfo
	if o.detail {
		level = slog.LevelDebug
	}
	var sinks []logging.Sink
	var failure error
	if !o.noSyslog {
		var s logging.Sink
		if s, failure = logging.Syslog(syslog.Priority(o.facility), ident); failure == nil {
			sinks = append(sinks, s)
		}
	}
	if o.console || failure != nil {
		sinks = append(sinks, logging.Console(stderr))
	}
	return logging.New(level, sinks...)
}

// serve runs the daemon until it is told to stop.
func serve(o *options, stderr io.Writer) int {
	// From here on a stop finds a daemon that first cleans up after a killed one.
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer end()
	collectLate()
	cfg, diagnostics := load(o)
	at := place{}
	var astray error
	if cfg != nil {
		at = placeOf(o, &cfg.Process)
		astray = at.enter()
	}
	sinks := openLog(o, at.ident(), stderr)
	defer sinks.Close()
	log := slog.New(sinks)
	for _, why := range o.passedOver {
		log.Warn(why)
	}
	tell(log, diagnostics)
	switch {
	case astray != nil:
		return refuse(log, astray)
	case cfg == nil:
		log.Error("the configuration cannot be run; nothing was touched", "file", o.file)
		return diagnostics.RunStatus()
	}
	if err := faultless(&cfg.Global, diagnostics); err != nil {
		log.Error("the configuration is not run; nothing was touched", "file", o.file, "error", err)
		return syntax.ExitConfiguration
	}
	signals := catch()
	defer at.leave()
	pid, err := writePID(at.pidFile)
	switch {
	case errors.Is(err, errRunning):
		log.Error(err.Error())
		return exitOK
	case err != nil:
		log.Error(err.Error())
		return exitFatal
	}
	defer pid.remove()
	if pid.blank != nil {
		log.Error("the pid file names nobody", "error", pid.blank)
	}
	o.umask.apply(cfg.Global.Daemon.Umask)
	told := cfg.Global.Notify
	runOnce(ctx, &cfg.Global, "startup_script", told.Startup, told.StartupTimeout, log)
	defer runOnce(context.Background(), &cfg.Global, "shutdown_script", told.Shutdown, told.ShutdownTimeout, log)
	return operate(ctx, o, at, cfg, log, signals)
}

// runOnce runs the script before everything else or that after it, and waits for
// it, as long as its timeout allows and ctx lasts. That it fails stops nothing.
func runOnce(ctx context.Context, g *cfgparse.Global, keyword string, c *cfgparse.Command, timeout time.Duration, log *slog.Logger) {
	if c == nil {
		return
	}
	if err := notify.RunOnce(ctx, g, c, timeout); err != nil {
		log.Error(keyword+" failed", "error", err)
	}
}

// operate opens the host and runs the routers of a configuration on it until ctx
// ends.
func operate(ctx context.Context, o *options, at place, cfg *cfgparse.Config, log *slog.Logger, signals chan os.Signal) int {
	scheduled := &schedule{log: log}
	scheduled.apply(&cfg.Global.Daemon)
	host, err := openHost(&cfg.Global, at.pidFile, log)
	if err != nil {
		return refuse(log, err)
	}
	defer host.close(log)
	wire, err := netif.OpenWire(daemon.ReceiveBuffer(cfg))
	if err != nil {
		return refuse(log, err)
	}
	defer wire.Close()

	watcher, err := health.NewWatcher()
	if err != nil {
		return refuse(log, err)
	}
	defer watcher.Close()

	for _, f := range cfg.Files {
		if err := f.Prepare(); err != nil { // the file then counts as empty, and says so
			log.Error("cannot prepare a track_file", "error", err)
		}
	}
	notifier, err := notify.New(&cfg.Global, log)
	if err != nil {
		return refuse(log, err)
	}
	d := daemon.New(cfg, wire, host, watcher.Watch, notifier, log)
	defer (&servant{options: o, place: at, cfg: cfg, daemon: d, host: host, schedule: scheduled, notifier: notifier, log: log}).obey(signals)()
	log.Info("starting " + version.String("regentd"))
	ready()
	go giveBack(ctx, allocated, debug.FreeOSMemory)
	err = d.Run(ctx)
	notifier.Close(context.Background())
	if err != nil {
		log.Error("stopped", "error", err)
		return exitFatal
	}
	log.Info("stopped")
	return exitOK
}

// refuse logs why the host cannot be opened and returns the exit code for it.
func refuse(log *slog.Logger, err error) int {
	log.Error("cannot start", "error", err)
	if errors.Is(err, os.ErrPermission) {
		return exitPermission
	}
	return exitFatal
}
