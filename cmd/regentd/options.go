package main

import (
	"fmt"
	"io"
	"log/syslog"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"regent/cfgparse"
)

// options are keepalived's, by its letters and its words.
type options struct {
	file       string // -f, --use-file
	configID   string // -i, --config-id
	allConfig  bool   // -e, --all-config
	foreground bool   // -n, --dont-fork
	console    bool   // -l, --log-console
	noSyslog   bool   // -G, --no-syslog
	facility   facility
	detail     bool      // -D, --log-detail
	test       bool      // -t, --config-test
	testLog    string    // --config-test=FILE
	pidFile    string    // -p, --pid; empty: keepalived's place for it
	namespace  string    // -s, --namespace
	umask      mask      // -u, --umask
	signum     string    // --signum
	version    bool      // -v, --version
	help       bool      // -h, --help
	passedOver []string  // options of keepalived's that mean nothing here
	usage      io.Writer // where the list of options is printed
	flags      *pflag.FlagSet
}

// Where keepalived has its files. Tools that look for its pid file find
// regentd there, and the two never run at once.
const (
	defaultFile = "/etc/keepalived/keepalived.conf"
	defaultPID  = "/run/keepalived.pid"
)

// idle are options of keepalived that ask for nothing that regentd would not
// do anyway, or for parts that it has not: they are taken and passed over, so
// that an existing command line starts.
var idle = []struct {
	short, long string
	argument    bool
	why         string
}{
	{"P", "vrrp", false, "regentd runs VRRP only"},
	{"B", "no_bfd", false, "BFD sessions are kept by the one process"},
	{"", "all", false, "there is one process"},
	{"R", "dont-respawn", false, "there are no child processes"},
	{"r", "vrrp_pid", true, "there is one process and one pid file"},
	{"b", "bfd_pid", true, "there is one process and one pid file"},
	{"c", "checkers_pid", true, "there is one process and one pid file"},
	{"m", "core-dump", false, "regentd dumps no core"},
	{"I", "dont-release-ipvs", false, "regentd does not balance"},
	{"X", "release-vips", false, "a master always gives its addresses up at the end"},
	{"V", "dont-release-vrrp", false, "a master always gives its addresses up at the end"},
	{"d", "dump-conf", false, "SIGUSR1 asks for a dump"},
	{"a", "address-monitoring", false, "-D logs every change of a link"},
	{"x", "snmp", false, "there is no SNMP"},
	{"A", "snmp-agent-socket", true, "there is no SNMP"},
	{"", "ignore-sigint", false, "it is for debuggers of keepalived"},
}

// parse reads a command line. An error is keepalived's exit code 1.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{usage: stderr, facility: facility(syslog.LOG_DAEMON)}
	f := pflag.NewFlagSet("regentd", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.SortFlags = false
	f.Usage = func() {}
	f.StringVarP(&o.file, "use-file", "f", defaultFile, "read the configuration from `FILE`")
	f.StringVarP(&o.configID, "config-id", "i", cfgparse.HostID(), "lines after @`ID` are for this node")
	f.StringVarP(&o.testLog, "config-test", "t", "", "check the configuration and exit; messages are shown, or appended to `FILE`")
	f.Lookup("config-test").NoOptDefVal = toTerminal
	f.BoolVarP(&o.allConfig, "all-config", "e", false, "refuse to run if an included file is missing")
	f.BoolVarP(&o.foreground, "dont-fork", "n", false, "stay in the foreground")
	f.BoolVarP(&o.console, "log-console", "l", false, "log to standard error too")
	f.BoolVarP(&o.noSyslog, "no-syslog", "G", false, "do not log to syslog")
	f.VarP(&o.facility, "log-facility", "S", "syslog `FACILITY`: 0-7, local0-local7, user, daemon")
	f.BoolVarP(&o.detail, "log-detail", "D", false, "log in detail; twice is no more")
	f.StringVarP(&o.pidFile, "pid", "p", "", "write the process ID to `FILE` (default "+defaultPID+")")
	f.StringVarP(&o.namespace, "namespace", "s", "", "run in the network namespace `NAME`, whatever the configuration says")
	f.VarP(&o.umask, "umask", "u", "create files with this `MASK`, whatever the configuration says")
	f.StringVar(&o.signum, "signum", "", "print the number of the `SIGNAL` that asks for STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON, and exit")
	f.BoolVarP(&o.version, "version", "v", false, "print the version and exit")
	f.BoolVarP(&o.help, "help", "h", false, "print this and exit")
	for _, x := range idle {
		if x.argument {
			f.StringP(x.long, x.short, "", x.why)
		} else {
			f.BoolP(x.long, x.short, false, x.why)
		}
		f.Lookup(x.long).Hidden = true
	}
	o.flags = f
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.test = f.Changed("config-test")
	if o.testLog == toTerminal {
		o.testLog = ""
	}
	for _, x := range idle {
		if f.Changed(x.long) {
			o.passedOver = append(o.passedOver, fmt.Sprintf("option --%s has no effect: %s", x.long, x.why))
		}
	}
	for _, word := range f.Args() {
		o.passedOver = append(o.passedOver, fmt.Sprintf("unexpected argument %q is ignored", word))
	}
	return o, nil
}

// toTerminal stands for a -t without a file.
const toTerminal = "-"

func (o *options) printUsage() {
	fmt.Fprintf(o.usage, "Usage: regentd [options]\n\nA VRRP router that reads keepalived.conf. Options are keepalived's:\n\n%s",
		o.flags.FlagUsages())
}

// A facility is a syslog facility by keepalived's names.
type facility syslog.Priority

func (f *facility) Type() string { return "FACILITY" }

func (f *facility) String() string {
	switch p := syslog.Priority(*f); p {
	case syslog.LOG_DAEMON:
		return "daemon"
	case syslog.LOG_USER:
		return "user"
	default:
		return fmt.Sprintf("local%d", (p-syslog.LOG_LOCAL0)>>3)
	}
}

func (f *facility) Set(s string) error {
	switch s {
	case "daemon":
		*f = facility(syslog.LOG_DAEMON)
		return nil
	case "user":
		*f = facility(syslog.LOG_USER)
		return nil
	}
	n := strings.TrimPrefix(s, "local")
	if len(n) != 1 || n[0] < '0' || n[0] > '7' {
		return fmt.Errorf("want 0-7, local0-local7, user or daemon")
	}
	*f = facility(syslog.LOG_LOCAL0 + syslog.Priority(n[0]-'0')<<3)
	return nil
}

// A mask is a file creation mask, if one is given: octal with a leading 0, or else
// decimal.
type mask struct {
	given bool
	bits  int
}

func (m *mask) Type() string { return "MASK" }

func (m *mask) String() string {
	if !m.given {
		return ""
	}
	return fmt.Sprintf("%#o", m.bits)
}

func (m *mask) Set(s string) error {
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil || n > 0o777 {
		return fmt.Errorf("want 0 to 0777")
	}
	*m = mask{true, int(n)}
	return nil
}

// apply sets the mask for all that the daemon and its scripts create: that of the
// command line, or else that of the configuration (umask).
func (m mask) apply(configured uint32) {
	if !m.given {
		m.bits = int(configured)
	}
	syscall.Umask(m.bits)
}
