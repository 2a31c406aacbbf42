package cfgparse

import (
	"strconv"
	"strings"
	"time"

	"regent/cfgparse/syntax"
	"regent/health"
)

// A scriptDraft is a vrrp_script that is being read, or a vrrp_check.
type scriptDraft struct {
	Origin
	health.Check
	block   string // which of them
	command *Command
	weight  int
	reverse bool
	tracked bool
	usable  bool // the machine can run it
}

func scriptVocabulary() *Vocabulary {
	own := []*Keyword{
		key("script", A, custom(`"COMMAND"`, setScript, func(d *scriptDraft) string {
			if d.command == nil {
				return ""
			}
			return quote(d.command.Line)
		}), "required", "what to run; arguments stand inside the quotes"),
		key("user", A, custom("USER [GROUP]", func(l *loader, d *scriptDraft, s *syntax.Statement) {
			if l.need(s, 1, "USER [GROUP]") {
				d.User, d.Group = l.account(s, 1)
				d.usable = d.usable && d.User != ""
			}
		}, func(d *scriptDraft) string { return strings.TrimSpace(d.User + " " + d.Group) }), "script_user", "who runs it"),
	}
	return vocabulary("vrrp_script", append(own, rhythmRows(A)...)...)
}

// rhythmRows say how often a check is made, and what its results mean.
func rhythmRows(tier Tier) []*Keyword {
	return []*Keyword{
		key("interval", tier, scriptTime(func(d *scriptDraft) *time.Duration { return &d.Interval }), "1 s", "from start to start"),
		key("timeout", tier, scriptTime(func(d *scriptDraft) *time.Duration { return &d.Timeout }), "the interval", "then it is given up and has failed"),
		key("weight", tier, custom("-253-253 [reverse]", func(l *loader, d *scriptDraft, s *syntax.Statement) {
			d.weight, d.reverse = l.weight(s, 253, d.weight)
		}, func(d *scriptDraft) string { return strconv.Itoa(d.weight) }), "0", "added while up, or if negative subtracted while down; 0: down means FAULT"),
		key("rise", tier, numberOr(1, unbounded, 1, func(d *scriptDraft) *int { return &d.Rise }), "1", "successes until it is up"),
		key("fall", tier, numberOr(1, unbounded, 1, func(d *scriptDraft) *int { return &d.Fall }), "1", "failures until it is down"),
		key("init_fail", tier, flag(func(d *scriptDraft) *bool { return &d.InitFail }), "", "it is down until it has succeeded"),
	}
}

func setScript(l *loader, d *scriptDraft, s *syntax.Statement) {
	words, err := s.ShellWords()
	if err == nil && len(words) > 2 {
		l.complain(words[2].Pos, syntax.Advice, `script "COMMAND ARGUMENT..."`, "it runs without what follows the first word, as in keepalived",
			"arguments of the script stand outside its quotes")
	}
	c := l.commandOnly(s)
	if c == nil {
		return
	}
	d.command, d.Command = c, c.Args
	if strings.HasPrefix(c.Line, "<") { // an old form: can the file be read?
		d.Shell, d.Command = true, []string{": " + c.Line}
	}
}

// commandOnly reads a command without user and group.
func (l *loader) commandOnly(s *syntax.Statement) *Command {
	words, err := s.ShellWords()
	if err != nil || len(words) < 2 {
		return l.command(s) // which says what is wrong
	}
	return l.split(words[1])
}

// scriptTime is a time in seconds with at most three decimals; 0 becomes 1 s.
func scriptTime(field func(*scriptDraft) *time.Duration) value[scriptDraft] {
	v := seconds(time.Millisecond, forever, field)
	v.set = func(l *loader, d *scriptDraft, s *syntax.Statement) {
		if !l.need(s, 1, "0.001.. s") {
			return
		}
		t, ok := l.scriptTime(s)
		switch {
		case !ok:
			l.complain(s.Words[1].Pos, syntax.Number, "0.001.. s", "the line is ignored", "bad value %s of %s", quote(s.Arg(1)), s.Keyword())
			return
		case t == 0:
			l.complain(s.Words[1].Pos, syntax.Number, "0.001.. s", "1 s is used", "bad value %s of %s", quote(s.Arg(1)), s.Keyword())
			t = time.Second
		}
		*field(d) = t
	}
	return v
}

// scriptTime reads a time in seconds, or the whole seconds that a word begins with.
func (l *loader) scriptTime(s *syntax.Statement) (t time.Duration, ok bool) {
	if t, _, ok = parseDuration(s.Arg(1), time.Second); !ok {
		if strings.Contains(s.Arg(1), ".") {
			return 0, false
		}
		n, ok := l.beginning(s.Words[1], s.Keyword(), 1, int64(forever/time.Second))
		return time.Duration(n) * time.Second, ok
	}
	if rounded := t.Round(time.Millisecond); rounded != t {
		l.complain(s.Words[1].Pos, syntax.Number, "no more decimals than milliseconds", "it is rounded to "+inSeconds(rounded), "too many decimals in %s", quote(s.Arg(1)))
		t = rounded
	}
	return t, t <= forever
}

// weight reads N [reverse] of a check's own weight.
func (l *loader) weight(s *syntax.Statement, limit int64, before int) (weight int, reverse bool) {
	if !l.need(s, 1, span(-limit, limit)+" [reverse]") {
		return before, false
	}
	n, ok := l.beginning(s.Words[1], s.Keyword(), -unbounded, unbounded)
	switch {
	case !ok:
		l.complain(s.Words[1].Pos, syntax.Number, "a whole number, "+span(-limit, limit), "the line is ignored", "bad weight %s", quote(s.Arg(1)))
		return before, false
	case n < -limit || n > limit:
		l.complain(s.Words[1].Pos, syntax.Number, span(-limit, limit), "the nearest possible weight is used", "weight %d is out of range", n)
		n = max(-limit, min(n, limit))
	}
	switch s.Arg(2) {
	case "reverse":
		reverse = true
	case "":
	default:
		l.complain(s.Words[2].Pos, syntax.General, "reverse, or nothing", "it is ignored", "unknown word %s after the weight", quote(s.Arg(2)))
	}
	return int(n), reverse
}

func openScript(l *loader, _ *Config, s *syntax.Statement) *scriptDraft {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	d := &scriptDraft{block: "vrrp_script", usable: true}
	d.At, d.Kind, d.Name = s.Pos(), health.Script, s.Arg(1)
	d.Interval, d.Rise, d.Fall = time.Second, 1, 1
	return d
}

func closeScript(l *loader, c *Config, d *scriptDraft, _ *syntax.Statement) {
	if d.command == nil {
		l.complain(d.At, syntax.General, `script "COMMAND"`, "the block is removed; who tracks it goes without", "vrrp_script %s has no script", quote(d.Name))
		return
	}
	if !l.addScript(d) {
		return
	}
	g := &c.Global
	d.Secure, d.Groups = g.ScriptSecurity, g.SupplementaryGroups
	if d.User == "" {
		d.User, d.Group = g.ScriptUser, g.ScriptGroup
	}
	d.usable = d.usable && l.judgeScript(d.command.At, "vrrp_script "+d.Name, d.Check, "it does not run, and who tracks it goes without")
}

// addScript files a draft under its name, which vrrp_script and vrrp_check
// share: both are tracked by track_script.
func (l *loader) addScript(d *scriptDraft) bool {
	if first := l.scripts.find(d.Name); first != nil {
		l.complain(d.At, syntax.Advice, "each name once", "the first one is tracked", "%s %s is defined twice; the first is at %s", d.block, quote(d.Name), first.At)
		return false
	}
	l.scripts.add(d.Name, d)
	return true
}
