package main

import (
	"fmt"
	"os"
	"path/filepath"

	"regent/cfgparse"
	"regent/cfgparse/syntax"
)

// reload reads the configuration anew. One that cannot be run replaces nothing.
func (s *servant) reload() {
	s.log.Info("reloading", "file", s.options.file)
	cfg, err := s.read()
	if err != nil {
		s.log.Error("the old configuration stays in force", "error", err)
		return
	}
	s.cfg = cfg
	s.options.umask.apply(cfg.Global.Daemon.Umask)
	s.schedule.apply(&cfg.Global.Daemon)
	s.host.hide(cfg.Global.NoLocalIGMP, s.log)
	s.notifier.Update(&cfg.Global)
	s.daemon.Reload(cfg)
}

// read reads the new configuration. An error says why it cannot replace the old one.
func (s *servant) read() (*cfgparse.Config, error) {
	defer s.mark()()
	cfg, diagnostics := load(s.options)
	tell(s.log, diagnostics)
	if cfg == nil {
		return nil, errUnfit
	}
	if to := placeOf(s.options, &cfg.Process); to.namespace != s.place.namespace || to.instance != s.place.instance {
		return nil, errMoved
	}
	if err := faultless(&s.cfg.Global, diagnostics); err != nil {
		s.keep(diagnostics)
		return nil, err
	}
	return cfg, nil
}

// keep writes what is wrong with a configuration into the file of reload_check_config.
func (s *servant) keep(diagnostics syntax.Diagnostics) {
	if file := s.cfg.Global.Reload.CheckLog; file != "" {
		if err := appendTo(file, diagnostics); err != nil {
			s.log.Error("cannot write the log of reload_check_config", "error", err)
		}
	}
}

// mark empties the file that says that the configuration is being read
// (reload_file). To unmark removes it.
func (s *servant) mark() (unmark func()) {
	r := &s.cfg.Global.Reload
	if !r.Marked {
		return func() {}
	}
	path := r.MarkFile
	if path == "" {
		path = filepath.Join(filepath.Dir(s.place.pidFile), fmt.Sprintf("keepalived%s.reload", suffix(s.place.instance)))
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		s.log.Error("cannot mark the reading of the configuration (reload_file)", "error", err)
	}
	return func() { _ = os.Remove(path) }
}
