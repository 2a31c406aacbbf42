package cfgparse

import (
	"net"
	"os"
	"os/user"
	"strings"
	"sync"

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
		garpMembers: map[string]bool{}, devices: map[string]bool{}, tracked: map[trackKey]bool{}}
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
