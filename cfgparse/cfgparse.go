// Package cfgparse turns configuration text into checked settings.
//
// The text becomes statements in package syntax; here each statement fills the
// fields that its row in the keyword tables names, then what follows from the
// whole is worked out (finish.go), and what cannot be meant is pointed out
// (cross.go).
package cfgparse

import (
	"net"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"regent/cfgparse/syntax"
	"regent/health"
)

// Env is what a configuration depends on besides its text. A nil function
// leaves that part of it unjudged; the zero Env judges the text alone, as it
// stands on disk.
type Env struct {
	Files    syntax.Files             // nil: the disk
	ConfigID string                   // of @ID lines; empty: as if no such line matched
	Dir      string                   // working directory; empty: the process's
	Getenv   func(name string) string // nil: os.Getenv
	Random   func(low, high int) int  // of ${_RANDOM}; nil: math/rand

	// CheckIncludes makes includes that find nothing fatal (--all-config).
	CheckIncludes bool
	// Offline leaves files alone that the configuration names, such as keys.
	Offline bool

	Interface func(name string) bool         // whether there is such an interface
	MTU       func(name string) int          // of an interface; 0: not known
	Account   func(user, group string) error // whether there are such a user and group (may be empty)
	Script    func(check health.Check) error // whether a script can be run; see health.Check.Resolve
}

// Host is the environment of this machine at this moment: make one for each
// load. An empty id is its HostID, as in keepalived.
func Host(id string) Env {
	if id == "" {
		id = HostID()
	}
	// One look at the interfaces serves all instances.
	links := sync.OnceValue(func() map[string]int {
		mtu := map[string]int{}
		all, _ := net.Interfaces()
		for _, i := range all {
			mtu[i.Name] = i.MTU
		}
		return mtu
	})
	return Env{
		ConfigID:  id,
		Interface: func(name string) bool { _, ok := links()[name]; return ok },
		MTU:       func(name string) int { return links()[name] },
		Account:   account,
		Script: func(c health.Check) error {
			_, err := c.Resolve()
			return err
		},
	}
}

// Offline is the environment for judging a text without its machine.
func Offline(id string) Env { return Env{ConfigID: id, Offline: true} }

// HostID is the config-id that nobody chose: the host name up to the first dot.
func HostID() string {
	name, _ := os.Hostname()
	id, _, _ := strings.Cut(name, ".")
	return id
}

func account(name, group string) error {
	if name != "" {
		if _, err := user.Lookup(name); err != nil {
			if _, err2 := user.LookupId(name); err2 != nil {
				return err
			}
		}
	}
	if group != "" {
		if _, err := user.LookupGroup(group); err != nil {
			if _, err2 := user.LookupGroupId(group); err2 != nil {
				return err
			}
		}
	}
	return nil
}

// Load reads a configuration. The Config is nil if the daemon must not run
// with it; the diagnostics then hold at least one error.
func Load(name string, env Env) (*Config, syntax.Diagnostics) {
	l, report := loadAll(name, env)
	diagnostics := report.Diagnostics()
	if diagnostics.Fatal() {
		return nil, diagnostics
	}
	return l.cfg, diagnostics
}

// loadAll takes a configuration through all stages.
func loadAll(name string, env Env) (*loader, *syntax.Report) {
	report := &syntax.Report{}
	if env.Files == nil {
		env.Files = syntax.Disk{}
	}
	root := Language()
	statements := syntax.Read(name, root, syntax.Options{Files: env.Files, ID: env.ConfigID, Dir: env.Dir,
		Getenv: env.Getenv, Random: env.Random, CheckIncludes: env.CheckIncludes}, report)
	l := &loader{Report: report, env: env, cfg: newConfig(), instances: map[string]*draft{}, groupNames: map[string]syntax.Pos{},
		garpMembers: map[string]bool{}, devices: map[string]bool{},
		tracked: map[trackKey]bool{}, scriptNamed: map[string]*scriptDraft{}, fileNamed: map[string]*fileDraft{}, processNamed: map[string]*processDraft{}}
	// keepalived's parent reads the global definitions before its children
	// read the rest, so they hold wherever they stand.
	l.pass(root, statements, true)
	l.completeGlobals()
	l.pass(root, statements, false)
	l.finish()
	l.cross()
	return l, report
}

// pass reads the statements that are global definitions, or the others.
func (l *loader) pass(root *Vocabulary, statements []*syntax.Statement, globals bool) {
	var part []*syntax.Statement
	for _, s := range statements {
		if (s.Keyword() == "global_defs") == globals {
			part = append(part, s)
		}
	}
	l.block(root, l.cfg, part)
}

// note remembers where a keyword of the top level was said.
func (c *Config) note(keyword string, p syntax.Pos) { c.Process.note(keyword, p) }

func newConfig() *Config {
	c := &Config{}
	g := &c.Global
	g.Defaults.Version, g.Defaults.DownAdverts = 2, 3
	g.Defaults.Group4, g.Defaults.Group6 = group4, group6
	g.Announce.Delay, g.Announce.Repeat, g.Announce.RefreshRepeat = 5*time.Second, 5, 1
	g.Announce.LowerDelay, g.Announce.LowerRepeat = -1, -1 // as the master's
	g.Notify.StartupTimeout, g.Notify.ShutdownTimeout = 10*time.Second, 10*time.Second
	g.Mail.Timeout = 30 * time.Second
	g.Buffers.Multiplier = 3
	g.Firewall.Priority = -1
	g.Daemon.AutoDelay, g.Daemon.Umask = time.Second, 0o177
	g.Daemon.RTTime, g.Daemon.BFDRTTime = 10*time.Millisecond, 10*time.Millisecond
	g.Dumps.JSONVersion = 1
	g.VMACPrefix = "vrrp"
	g.DefaultInterface = "eth0"
	c.Process.ChildWait = 5 * time.Second
	return c
}

// completeGlobals works out what the globals mean for each other.
func (l *loader) completeGlobals() {
	g := &l.cfg.Global
	if g.Announce.Minimal { // what still has its default
		if g.Announce.Repeat == 5 {
			g.Announce.Repeat = 1
		}
		if g.Announce.Delay == 5*time.Second {
			g.Announce.Delay = 0
		}
		if g.Announce.RefreshRepeat == 1 {
			g.Announce.RefreshRepeat = 0
		}
	}
	if g.Announce.LowerDelay < 0 {
		g.Announce.LowerDelay = g.Announce.Delay
	}
	if g.Announce.LowerRepeat < 0 {
		g.Announce.LowerRepeat = g.Announce.Repeat
	}
	if g.VMACAddrPrefix == "" {
		g.VMACAddrPrefix = g.VMACPrefix
	}
	if g.ScriptUser == "" && l.env.Account != nil && l.env.Account("keepalived_script", "") == nil {
		g.ScriptUser, l.noScriptUser = "keepalived_script", false
	}
	if g.ScriptUser == "" && g.ScriptSecurity {
		l.noScriptUser = true // security, but nobody to run as
	}
	if g.Notify.VRRP.Path != "" && g.Notify.VRRP.Path == g.Notify.FIFO.Path {
		l.complain(g.line("vrrp_notify_fifo"), syntax.General, "a path of its own", "it is ignored", "vrrp_notify_fifo is the same as notify_fifo")
		g.Notify.VRRP.Path = ""
	}
}
