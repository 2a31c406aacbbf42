package cfgparse

import (
	"strconv"
	"strings"
	"time"

	"regent/cfgparse/syntax"
	"regent/health"
)

// A processDraft is a vrrp_track_process that is being read.
type processDraft struct {
	Origin
	health.ProcessCheck
	match   string
	tracked bool
}

func processVocabulary() *Vocabulary {
	return vocabulary("vrrp_track_process",
		key("process", A, custom("NAME [PARAM...]", setProcess, func(d *processDraft) string {
			return strings.Join(append([]string{d.Command}, d.Params...), " ")
		}), "required", "the process, by name, or with parameters by its command line"),
		key("param_match", B, custom("[initial|partial]", func(l *loader, d *processDraft, s *syntax.Statement) {
			switch w := s.Arg(1); w {
			case "":
				d.match = "exact"
			case "initial", "partial":
				d.match = w
			default:
				l.complain(s.Words[1].Pos, syntax.General, "initial, partial or nothing", "the line is ignored", "bad param_match %s", quote(w))
			}
		}, func(d *processDraft) string { return d.match }), "exact if there are parameters", "how parameters are compared"),
		key("weight", A, custom("-254-254 [reverse]", func(l *loader, d *processDraft, s *syntax.Statement) {
			d.Weight, d.Reverse = l.weight(s, 254, d.Weight)
		}, func(d *processDraft) string { return strconv.Itoa(d.Weight) }), "0", "as in vrrp_script"),
		key("quorum", A, number(1, 65535, func(d *processDraft) *int { return &d.Quorum }), "1", "at least so many processes"),
		key("quorum_max", B, number(0, 65535, func(d *processDraft) *int { return &d.QuorumMax }), "no limit", "at most so many processes; 0: none may run"),
		key("delay", A, bothDelays(func(d *processDraft) *time.Duration { return &d.Gained }, func(d *processDraft) *time.Duration { return &d.Lost }), "0", "both delays"),
		key("fork_delay", B, seconds(time.Microsecond, time.Hour, func(d *processDraft) *time.Duration { return &d.Gained }), "0", "time that the quorum must hold"),
		key("terminate_delay", B, seconds(time.Microsecond, time.Hour, func(d *processDraft) *time.Duration { return &d.Lost }), "0", "time that the quorum may be missed"),
		key("full_command", B, flag(func(d *processDraft) *bool { return &d.FullCommand }), "", "compare the path that the process was started by"),
	)
}

func setProcess(l *loader, d *processDraft, s *syntax.Statement) {
	if !l.need(s, 1, "NAME [PARAM...]") {
		return
	}
	if d.Command != "" {
		l.complain(s.Pos(), syntax.General, "one process", "the first one stands", "vrrp_track_process %s names a second process", quote(d.Name))
		return
	}
	d.Command = s.Arg(1)
	for _, w := range s.Words[2:] {
		d.Params = append(d.Params, w.Text)
	}
}

func openProcess(l *loader, _ *Config, s *syntax.Statement) *processDraft {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	d := &processDraft{}
	d.At, d.Name, d.Quorum, d.QuorumMax = s.Pos(), s.Arg(1), 1, health.Unlimited
	return d
}

func closeProcess(l *loader, c *Config, d *processDraft, _ *syntax.Statement) {
	if d.Command == "" {
		l.complain(d.At, syntax.General, "process NAME", "the block is removed", "vrrp_track_process %s has no process", quote(d.Name))
		return
	}
	switch {
	case d.QuorumMax == 0 && d.Quorum > 1 || d.QuorumMax > 0 && d.QuorumMax < d.Quorum:
		l.complain(d.line("quorum_max"), syntax.General, "at least the quorum", "there is no upper limit", "quorum_max %d is below quorum %d", d.QuorumMax, d.Quorum)
		d.QuorumMax = health.Unlimited
	}
	switch {
	case d.match == "partial":
		d.Match = health.MatchPartial
	case d.match == "initial":
		d.Match = health.MatchInitial
	case d.match == "exact" || len(d.Params) > 0:
		d.Match = health.MatchExact
	}
	l.processes.add(d.Name, d)
}
