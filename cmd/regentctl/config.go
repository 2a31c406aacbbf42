package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"regent/cfgparse"
	"regent/cfgparse/syntax"
)

// config is what can be done with configuration files.
type config struct {
	Check    configCheck    `cmd:"" help:"Say what is wrong with a configuration, or with those of a cluster's nodes together."`
	Show     configShow     `cmd:"" help:"Print every value in force, and where it was said."`
	Fmt      configFmt      `cmd:"" help:"Lay a configuration out in the canonical way."`
	Diff     configDiff     `cmd:"" help:"Say what a reload from one configuration to another would change."`
	Keywords configKeywords `cmd:"" help:"Print the reference of all keywords, in Markdown."`
}

// environment is how the commands see the world around a configuration.
type environment struct {
	Offline  bool   `help:"Judge the text alone, not this machine's interfaces, scripts and users."`
	ConfigID string `short:"i" name:"config-id" placeholder:"ID" help:"The config-id of @ID lines (default: the host name)."`
}

func (e environment) env() cfgparse.Env {
	id := e.ConfigID
	if id == "" {
		id = cfgparse.HostID()
	}
	if e.Offline {
		return cfgparse.Offline(id)
	}
	return cfgparse.Host(id)
}

// diagnosticsFormat is how problems are printed.
type diagnosticsFormat struct {
	Format string `enum:"text,json" default:"text" help:"How to print problems: text or json."`
	Color  string `enum:"auto,always,never" default:"auto" help:"Whether to use colours: auto, always or never."`
}

func (f diagnosticsFormat) print(w io.Writer, ds syntax.Diagnostics) error {
	if f.Format == "json" {
		if ds == nil {
			ds = syntax.Diagnostics{}
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(ds)
	}
	return ds.Fprint(w, f.Color == "always" || f.Color == "auto" && isTerminal(w))
}

// isTerminal reports whether w is one that wants colours.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// configCheck is regentctl config check.
type configCheck struct {
	environment
	diagnosticsFormat
	Strict bool     `help:"Fail on warnings, too."`
	Files  []string `arg:"" name:"file" help:"The configuration; several are taken as those of one cluster's nodes."`
}

// Run reports every problem, and fails if the daemon would refuse to run.
func (c *configCheck) Run(s streams) error {
	var all syntax.Diagnostics
	var nodes []cfgparse.Node
	for i, name := range c.Files {
		cfg, ds := cfgparse.Load(name, c.env())
		all = append(all, ds...)
		if cfg != nil {
			nodes = append(nodes, cfgparse.Node{Name: c.nodeName(i), Config: cfg})
		}
	}
	var standings []cfgparse.Standing
	if len(nodes) > 1 {
		var ds syntax.Diagnostics
		standings, ds = cfgparse.Cluster(nodes)
		all = append(all, ds...)
	}
	if err := c.print(s.out, all); err != nil {
		return err
	}
	if c.Format == "text" {
		for _, st := range standings {
			fmt.Fprintln(s.out, st)
		}
	}
	if all.Fatal() || c.Strict && all.Worst() >= syntax.Warning {
		return errFound
	}
	return nil
}

// nodeName names a node by its file, as briefly as still tells it apart.
func (c *configCheck) nodeName(i int) string {
	base := filepath.Base(c.Files[i])
	for j, other := range c.Files {
		if j != i && filepath.Base(other) == base {
			return c.Files[i]
		}
	}
	return base
}

// configShow is regentctl config show.
type configShow struct {
	environment
	Format string `enum:"text,json" default:"text" help:"How to print the values: text or json."`
	File   string `arg:"" help:"The configuration."`
}

// Run prints the values in force. What keeps the daemon from running goes to
// standard error instead.
func (c *configShow) Run(s streams) error {
	sections, ds := cfgparse.Effective(c.File, c.env())
	if ds.Fatal() {
		if err := ds.Fprint(s.err, false); err != nil {
			return err
		}
		return errFound
	}
	if c.Format == "json" {
		return showJSON(s.out, sections)
	}
	for i, sec := range sections {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		fmt.Fprintln(s.out, sec.Title)
		width := 0
		for _, v := range sec.Settings {
			width = max(width, len(v.Keyword))
		}
		for _, v := range sec.Settings {
			fmt.Fprintf(s.out, "    %-*s  %s  (%s)\n", width, v.Keyword, v.Value, originOf(v))
		}
	}
	return nil
}

// originOf says where a value comes from.
func originOf(v cfgparse.Setting) string {
	o := "default"
	if v.At.IsValid() {
		o = fmt.Sprintf("%s:%d", filepath.Base(v.At.File), v.At.Line)
		for _, step := range v.At.Via() {
			o += fmt.Sprintf(", %s at line %d", step.What, step.At.Line)
		}
	}
	if v.Pending {
		o += "; not acted on yet"
	}
	return o
}

func showJSON(w io.Writer, sections []cfgparse.Section) error {
	type setting struct {
		Keyword string `json:"keyword"`
		Value   string `json:"value"`
		File    string `json:"file,omitempty"`
		Line    int    `json:"line,omitempty"`
		Default bool   `json:"default,omitempty"`
		Pending bool   `json:"pending,omitempty"`
	}
	type section struct {
		Block    string    `json:"block"`
		Settings []setting `json:"settings"`
	}
	out := []section{}
	for _, sec := range sections {
		o := section{Block: sec.Title, Settings: []setting{}}
		for _, v := range sec.Settings {
			o.Settings = append(o.Settings, setting{v.Keyword, v.Value, v.At.File, v.At.Line, !v.At.IsValid(), v.Pending})
		}
		out = append(out, o)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// configFmt is regentctl config fmt.
type configFmt struct {
	Write bool     `short:"w" help:"Write the result back to the file."`
	List  bool     `short:"l" help:"Only name the files that are laid out otherwise, and fail if there are any."`
	Files []string `arg:"" optional:"" name:"file" help:"The configurations; none: standard input."`
}

// Run formats files. Without -w or -l it prints them.
func (c *configFmt) Run(s streams) error {
	if len(c.Files) == 0 {
		b, err := io.ReadAll(s.in)
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		out, err := cfgparse.Format(string(b))
		if err == nil {
			_, err = io.WriteString(s.out, out)
		}
		return err
	}
	found := false
	for _, name := range c.Files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		out, err := cfgparse.Format(string(b))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		switch {
		case c.List:
			if out != string(b) {
				found = true
				fmt.Fprintln(s.out, name)
			}
		case c.Write && out != string(b):
			if err := rewrite(name, out); err != nil {
				return err
			}
		case !c.Write:
			if _, err := io.WriteString(s.out, out); err != nil {
				return err
			}
		}
	}
	if found {
		return errFound
	}
	return nil
}

// rewrite replaces a file in one step, so that a daemon that reloads at this
// moment reads the old text or the new one.
func rewrite(name, text string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".regentctl-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has been renamed
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Name(), err)
	}
	return os.Rename(f.Name(), name)
}

// configDiff is regentctl config diff.
type configDiff struct {
	environment
	Old string `arg:"" help:"The configuration that runs."`
	New string `arg:"" help:"The configuration to reload."`
}

// Run prints what would change, and fails if one of the two cannot run.
func (c *configDiff) Run(s streams) error {
	from, ds := cfgparse.Load(c.Old, c.env())
	to, ds2 := cfgparse.Load(c.New, c.env())
	if from == nil || to == nil {
		bad := slices.DeleteFunc(slices.Concat(ds, ds2), func(d syntax.Diagnostic) bool { return d.Severity != syntax.Error })
		if err := bad.Fprint(s.err, false); err != nil {
			return err
		}
		return errFound
	}
	before, _ := cfgparse.Effective(c.Old, c.env())
	after, _ := cfgparse.Effective(c.New, c.env())
	changes := cfgparse.Compare(before, after, from, to)
	for _, ch := range changes {
		fmt.Fprintln(s.out, ch)
	}
	if len(changes) == 0 {
		fmt.Fprintln(s.out, "nothing changes")
	}
	return nil
}

// configKeywords is regentctl config keywords.
type configKeywords struct{}

// Run prints the reference.
func (c *configKeywords) Run(s streams) error { return cfgparse.Reference(s.out) }
