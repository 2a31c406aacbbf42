package cfgparse

import (
	"net/netip"
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
	l.processes = append(l.processes, d)
	if l.processNamed[d.Name] == nil { // look-ups find the first
		l.processNamed[d.Name] = d
	}
}

func (l *loader) findProcess(name string) *processDraft {
	return l.processNamed[name]
}

func processNames(l *loader) (names []string) {
	for _, d := range l.processes {
		names = append(names, d.Name)
	}
	return names
}

// A bfdDraft is a bfd_instance that is being read.
type bfdDraft struct{ BFD }

func bfdVocabulary() *Vocabulary {
	addr := func(field func(*bfdDraft) *netip.Addr) value[bfdDraft] {
		return custom("ADDR", func(l *loader, d *bfdDraft, s *syntax.Statement) {
			if !l.need(s, 1, "ADDR") {
				return
			}
			if a, ok := l.plainAddress(s.Words[1], "the line is ignored"); ok {
				*field(d) = a
			}
		}, func(d *bfdDraft) string { return showAddr(*field(d)) })
	}
	return vocabulary("bfd_instance",
		key("neighbor_ip", C, addr(func(d *bfdDraft) *netip.Addr { return &d.Neighbour }), "required", "the other side", alias("neighbour_ip")),
		key("source_ip", C, addr(func(d *bfdDraft) *netip.Addr { return &d.Local }), "any", "the own address"),
		key("min_rx", C, milliseconds(time.Millisecond, forever, func(d *bfdDraft) *time.Duration { return &d.MinRx }), "10 ms", "interval of what is heard"),
		key("min_tx", C, milliseconds(time.Millisecond, forever, func(d *bfdDraft) *time.Duration { return &d.MinTx }), "10 ms", "interval of what is sent"),
		key("idle_tx", C, milliseconds(time.Second, forever, func(d *bfdDraft) *time.Duration { return &d.IdleTx }), "1000 ms", "interval while the session is down"),
		key("multiplier", C, number(1, 255, func(d *bfdDraft) *uint8 { return &d.Multiplier }), "5", "packets to miss"),
		key("passive", C, flag(func(d *bfdDraft) *bool { return &d.Passive }), "", "wait for the other side"),
		key("ttl", C, number(1, 255, func(d *bfdDraft) *uint8 { return &d.TTL }), "255; IPv6: 64", "TTL", alias("hoplimit")),
		key("max_hops", C, number(-1, 255, func(d *bfdDraft) *int { return &d.MaxHops }), "0", "TTL that packets may lose"),
		key("multihop", C, boolean(func(d *bfdDraft) *bool { return &d.Multihop }), "no", "port 4784"),
		key("weight", C, custom("-253-253 [reverse]", func(l *loader, d *bfdDraft, s *syntax.Statement) {
			d.Weight, d.Reverse = l.weight(s, 253, d.Weight)
		}, func(d *bfdDraft) string { return strconv.Itoa(d.Weight) }), "0", "as in vrrp_script"),
		key("vrrp", C, flag(func(d *bfdDraft) *bool { return &d.ForVRRP }), "both", "who hears of it"),
		key("checker", C, flag(func(d *bfdDraft) *bool { return &d.ForLVS }), "both", "who hears of it"),
	)
}

func openBFD(l *loader, _ *Config, s *syntax.Statement) *bfdDraft {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	d := &bfdDraft{}
	d.At, d.Name = s.Pos(), s.Arg(1)
	d.MinRx, d.MinTx, d.IdleTx, d.Multiplier = 10*time.Millisecond, 10*time.Millisecond, time.Second, 5
	if l.findBFD(d.Name) != nil {
		l.complain(s.Pos(), syntax.General, "each name once", "the block is ignored", "bfd_instance %s is defined twice", quote(d.Name))
		return nil
	}
	if len(d.Name) > 31 {
		l.complain(s.Words[1].Pos, syntax.General, "at most 31 bytes", "the block is ignored", "the name of the bfd_instance is too long")
		return nil
	}
	return d
}

func closeBFD(l *loader, c *Config, d *bfdDraft, _ *syntax.Statement) {
	if !d.Neighbour.IsValid() {
		l.complain(d.At, syntax.General, "neighbor_ip ADDR", "the session is off", "bfd_instance %s has no neighbor_ip", quote(d.Name))
	} else if d.Local.IsValid() && d.Local.Is4() != d.Neighbour.Is4() {
		l.complain(d.line("source_ip"), syntax.General, "an address of the neighbour's family", "it is ignored", "source_ip %s is not of the family of %s", d.Local, d.Neighbour)
		d.Local = netip.Addr{}
	}
	if d.TTL == 0 {
		d.TTL = 255
		if d.Neighbour.Is6() {
			d.TTL = 64
		}
	}
	if !d.ForVRRP && !d.ForLVS {
		d.ForVRRP, d.ForLVS = true, true
	}
	l.bfds = append(l.bfds, d)
}

func (l *loader) findBFD(name string) *bfdDraft {
	for _, d := range l.bfds {
		if d.Name == name {
			return d
		}
	}
	return nil
}

func bfdNames(l *loader) (names []string) {
	for _, d := range l.bfds {
		names = append(names, d.Name)
	}
	return names
}
